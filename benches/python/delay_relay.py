"""A relay on loopback that holds every request back for a while, at next to no cost.

    with running(server.endpoint, latency_ms=30) as relay:
        ...                 # use relay.endpoint in place of server.endpoint
        relay.requests()    # how many went through

A bench shares its cores with the servers, so a relay that copies bodies through Python would be
measured too. This one moves replies from socket to socket inside of the kernel (`splice`); only
requests, which are short, pass through the process. It breaks nothing and knows no HTTP beyond the
words that requests begin with: for faults there is `tests/servers/fault_proxy.py`.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import selectors
import socket
import subprocess
import sys
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CHECKOUT = Path(__file__).resolve().parents[2]
HOST = "127.0.0.1"
METHODS = (b"GET ", b"PUT ", b"HEAD ", b"POST ", b"DELETE ")
REQUEST_BYTES = 1 << 16
# Linux lets every process have pipes of this size, enough for most replies at once.
PIPE_BYTES = 1 << 20


@dataclass(frozen=True)
class Relay:
    """A running relay, seen from the bench."""

    endpoint: str
    process: subprocess.Popen[bytes]

    def requests(self) -> int:
        """Count the requests since the start."""
        asked, told = self.process.stdin, self.process.stdout
        if asked is None or told is None:
            raise RuntimeError("the relay was started without pipes")
        asked.write(b"\n")
        asked.flush()
        return int(told.readline())


@contextlib.contextmanager
def running(to: str, *, latency_ms: float) -> Iterator[Relay]:
    """Start a relay in front of the server at `to` (a URL), yield it, end it."""
    process = subprocess.Popen(  # noqa: S603 - our own module
        [sys.executable, "-m", "benches.python.delay_relay", urlsplit(to).netloc, str(latency_ms)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=CHECKOUT,
        start_new_session=True,
    )
    try:
        port = process.stdout.readline() if process.stdout else b""
        if not port:
            raise RuntimeError("the relay did not start (its message is above)")
        yield Relay(f"http://{HOST}:{int(port)}", process)
    finally:
        process.kill()
        process.wait()


class Pair:
    """A client's connection and the one to the server that stands for it."""

    def __init__(self, client: socket.socket, server: tuple[str, int]) -> None:
        self.client = client
        self.server = socket.create_connection(server)
        for end in (self.client, self.server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            end.setblocking(False)
        self._out, self._into = os.pipe()
        fcntl.fcntl(self._into, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        self._in_pipe = 0

    def move(self) -> bool:
        """Move what the server sent; returns whether the client has taken all of it.

        Raises:
            EOFError: The server has ended the connection.
        """
        if self._in_pipe == 0:
            self._in_pipe = _splice(self.server.fileno(), self._into, PIPE_BYTES)
            if self._in_pipe == 0:
                raise EOFError
        with contextlib.suppress(BlockingIOError):
            self._in_pipe -= _splice(self._out, self.client.fileno(), self._in_pipe)
        return self._in_pipe == 0

    def close(self) -> None:
        """Close both ends."""
        for end in (self.client, self.server):
            end.close()
        for pipe in (self._out, self._into):
            os.close(pipe)


class Loop:
    """One thread that waits for all sockets and for the next request that is due."""

    def __init__(self, server: tuple[str, int], latency_s: float) -> None:
        self._server = server
        self._latency_s = latency_s
        self._selector = selectors.DefaultSelector()
        self._held: deque[tuple[float, Pair, bytes]] = deque()
        self._requests = 0

    def run(self) -> None:
        """Serve until the bench closes our standard input."""
        listener = socket.create_server((HOST, 0), backlog=512)
        self._read(listener, lambda: self._accept(listener))
        self._read(sys.stdin.fileno(), self._answer)
        print(listener.getsockname()[1], flush=True)
        while True:
            for key, _ in self._selector.select(self._release()):
                key.data()

    def _read(self, file: socket.socket | int, act: Callable[[], None]) -> None:
        self._selector.register(file, selectors.EVENT_READ, act)

    def _answer(self) -> None:
        if not sys.stdin.readline():
            sys.exit()
        print(self._requests, flush=True)

    def _accept(self, listener: socket.socket) -> None:
        pair = Pair(listener.accept()[0], self._server)
        self._read(pair.client, lambda: self._hold(pair))
        self._read(pair.server, lambda: self._move(pair))

    def _hold(self, pair: Pair) -> None:
        """Take what the client says, to be passed on when its time has come."""
        data = b""
        with contextlib.suppress(ConnectionError):
            data = pair.client.recv(REQUEST_BYTES)
        if not data:
            self._end(pair)
            return
        self._requests += data.startswith(METHODS)
        self._held.append((time.monotonic() + self._latency_s, pair, data))

    def _release(self) -> float | None:
        """Pass on what is due; returns the seconds until something else is."""
        while self._held:
            wait_s = self._held[0][0] - time.monotonic()
            if wait_s > 0:
                return wait_s
            _, pair, data = self._held.popleft()
            if pair.server.fileno() >= 0:
                # Readers send a few hundred bytes, for which a socket always has room.
                pair.server.sendall(data)
        return None

    def _move(self, pair: Pair) -> None:
        """Move a reply; while the client has no room for it, wait for that instead."""
        waiting = pair.server not in self._selector.get_map()
        try:
            moved = pair.move()
        except BlockingIOError:
            return
        except (EOFError, ConnectionError):
            self._end(pair)
            return
        if moved and waiting:
            self._selector.unregister(pair.client)
            self._read(pair.client, lambda: self._hold(pair))
            self._read(pair.server, lambda: self._move(pair))
        elif not moved and not waiting:
            self._selector.unregister(pair.server)
            self._selector.modify(pair.client, selectors.EVENT_WRITE, lambda: self._move(pair))

    def _end(self, pair: Pair) -> None:
        for end in (pair.client, pair.server):
            if end in self._selector.get_map():
                self._selector.unregister(end)
        pair.close()


def _splice(source: int, target: int, count: int) -> int:
    return os.splice(source, target, count, flags=os.SPLICE_F_MOVE | os.SPLICE_F_NONBLOCK)


if __name__ == "__main__":
    host, _, at = sys.argv[1].rpartition(":")
    Loop((host, int(at)), float(sys.argv[2]) / 1000).run()
