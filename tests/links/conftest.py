"""A web server of a test's own, which knows what it was asked."""

from __future__ import annotations

import contextlib
import io
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Iterator


def png(seed: int, height: int = 4, width: int = 5) -> bytes:
    """Make a small image, each seed another one."""
    out = io.BytesIO()
    Image.fromarray(pixels(seed, height, width)).save(out, "PNG")
    return out.getvalue()


def pixels(seed: int, height: int = 4, width: int = 5) -> Any:
    """Give the pixels of `png(seed)`."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@dataclass
class WebServer:
    """A running server: what it has, and what it was asked."""

    url: str
    files: dict[str, bytes] = field(default_factory=dict)
    """by path, as it stands in requests"""
    password: str | None = None
    """the Authorization that every request needs"""
    redirects: dict[str, str] = field(default_factory=dict)
    """from path to URL"""
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    """path and Authorization of each request"""
    pause_s: float = 0
    """how long each request is kept waiting"""
    peak: int = 0
    """the most requests at the same time"""
    now: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def put(self, path: str, body: bytes) -> str:
        """Serve a file; returns its URL."""
        self.files[path] = body
        return self.url + path


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    web: WebServer

    def do_GET(self) -> None:
        web = self.web
        with web.lock:
            web.now += 1
            web.peak = max(web.peak, web.now)
        time.sleep(web.pause_s)
        with web.lock:
            web.now -= 1
        self._answer()

    def _answer(self) -> None:
        web, sent = self.web, self.headers["Authorization"]
        web.asked.append((self.path, sent))
        headers: dict[str, str] = {}
        if self.path in web.redirects:
            code, body, headers = 302, b"", {"Location": web.redirects[self.path]}
        elif web.password not in {None, sent}:
            code, body = 401, b"who are you?"
        elif self.path in web.files:
            code, body = 200, web.files[self.path]
        else:
            code, body = 404, b"not here"
        self.send_response(code)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def serving() -> Iterator[WebServer]:
    """Run a web server on loopback."""

    class Handler(_Handler):
        """That of this server."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    web = WebServer(f"http://127.0.0.1:{server.server_address[1]}")
    Handler.web = web
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield web
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def web() -> Iterator[WebServer]:
    """Give the test a web server."""
    with serving() as web:
        yield web
