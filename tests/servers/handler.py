"""What our own small HTTP servers share: replies, queries, bodies of both kinds."""

from __future__ import annotations

import json
import secrets
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from tests.servers.process import HOST

if TYPE_CHECKING:
    from collections.abc import Mapping

_WITHOUT_BODY = (204, 304)


class Handler(BaseHTTPRequestHandler):
    """One connection; each request goes to `answer`, whatever its method."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body of a reply leave together
    disable_nagle_algorithm = True

    def answer(self, path: str, query: dict[str, str], body: bytes) -> None:
        """Answer one request (by `reply` or `json`)."""
        raise NotImplementedError

    def _any(self) -> None:
        url = urlsplit(self.path)
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        self.answer(url.path, query, self._body())

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = do_OPTIONS = do_PATCH = _any  # noqa: N815 - named by the library

    def log_message(self, *_: object) -> None:
        """Keep the log for what goes wrong."""

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def reply(
        self,
        code: int,
        body: bytes | str = b"",
        content_type: str = "text/plain",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Send a whole reply; of a HEAD only its head."""
        data = body if isinstance(body, bytes) else body.encode()
        given = {"Content-Type": content_type, **(headers or {})}
        if code not in _WITHOUT_BODY:
            given.setdefault("Content-Length", str(len(data)))
        self.send_response(code)
        for name, value in given.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD" and code not in _WITHOUT_BODY:
            self.wfile.write(data)

    def json(self, value: Any, code: int = 200, headers: Mapping[str, str] | None = None) -> None:
        """Send a reply in JSON."""
        self.reply(code, json.dumps(value), "application/json", headers)


class Server(ThreadingHTTPServer):
    """One thread a connection; many may wait to be accepted."""

    daemon_threads = True
    request_queue_size = 256


def serve(port: int, handler: type[Handler]) -> None:
    """Serve until the process is ended."""
    Server((HOST, port), handler).serve_forever()


def new_secret() -> str:
    """Make a word that nobody can guess."""
    return secrets.token_urlsafe(18)
