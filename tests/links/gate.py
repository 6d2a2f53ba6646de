"""Doors to servers that open only once so many requests stand before all of them together."""

from __future__ import annotations

import contextlib
import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

# Far more than the requests need, which come at once or never.
_PATIENCE_S = 20
_GATEWAY_TIMEOUT = 400


@contextlib.contextmanager
def gates(*servers: str, until: int) -> Iterator[list[str]]:
    """Stand before servers; gives the URL of each one's door.

    Every reader waits until `until` requests are there, at whichever door; who comes too late, or
    waits in vain, is answered 400. What passes is unchanged, its Host too, so signatures stay good.
    """
    barrier = threading.Barrier(until)
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(_gate(server, barrier)) for server in servers]


@contextlib.contextmanager
def _gate(server: str, barrier: threading.Barrier) -> Iterator[str]:
    netloc = urlsplit(server).netloc

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            try:
                barrier.wait(_PATIENCE_S)
            except threading.BrokenBarrierError:
                code, body = _GATEWAY_TIMEOUT, b""
                headers: dict[str, str] = {}
            else:
                code, headers, body = self._pass()
            self.send_response(code)
            for name in ("Content-Type", "ETag", "Last-Modified", "x-goog-generation"):
                if name in headers:
                    self.send_header(name, headers[name])
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _pass(self) -> tuple[int, dict[str, str], bytes]:
            connection = http.client.HTTPConnection(netloc, timeout=_PATIENCE_S)
            with contextlib.closing(connection):
                connection.request("GET", self.path, headers=dict(self.headers))
                reply = connection.getresponse()
                return reply.status, dict(reply.headers), reply.read()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    door = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    door.daemon_threads = True
    thread = threading.Thread(target=door.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{door.server_address[1]}"
    finally:
        door.shutdown()
        thread.join()
        door.server_close()
