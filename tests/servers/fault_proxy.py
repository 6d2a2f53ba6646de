"""A loopback proxy that makes an HTTP server slow or broken; a process of its own.

    with running(server.endpoint, latency_ms=30) as proxy:
        ...                                  # use proxy.endpoint in place of server.endpoint
        proxy.set(fail_next=2, match="GET")  # two 503 replies, then all is well again
        proxy.stats().requests

The Host header passes unchanged, so signatures made for the proxy's address stay valid where the
server trusts the Host header it gets (SeaweedFS does). A request is seen only when its head starts
a packet, which every usual client does. One Python process: measure throughput without it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import socket
import struct
import sys
import tempfile
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from tests.servers.process import HOST, control, free_port, get, spawn, stop, wait_until_healthy

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROOT = Path(__file__).resolve().parents[2]
_METHODS = (b"GET ", b"PUT ", b"HEAD ", b"POST ", b"DELETE ")
_READ_BYTES = 1 << 16
# Small enough that a bandwidth limit comes out even.
_LIMITED_READ_BYTES = 1 << 13
_BUSY_BODY = b"<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>injected</Message></Error>"


@dataclass
class Faults:
    """What the proxy does to traffic; zero means: nothing."""

    latency_ms: float = 0.0
    """added once per request, before it goes on: a round trip"""
    rate_kbps: float = 0.0
    """response bandwidth of each connection, kilobytes a second"""
    error_rate: float = 0.0
    """share of requests answered here with `error_code` and not passed on"""
    error_code: int = 503
    fail_next: int = 0
    """that many next requests get `error_code`"""
    reset_rate: float = 0.0
    """share of requests whose connection is reset"""
    reset_after: int = 0
    """reset each connection after that many response bytes"""
    hang_rate: float = 0.0
    """share of requests that never get an answer"""
    match: str = ""
    """touch only requests whose first line holds this text"""
    down: int = 0
    """1: close every connection at once"""


@dataclass
class Stats:
    """What went through since the start, or the last reset."""

    connections: int = 0
    open: int = 0
    peak_open: int = 0
    requests: int = 0
    errors: int = 0
    resets: int = 0
    hangs: int = 0
    sent_bytes: int = 0
    received_bytes: int = 0


@dataclass(frozen=True)
class FaultProxy:
    """A running proxy, seen from the test."""

    endpoint: str
    control: str
    pid: int

    def set(self, **faults: float | str) -> None:
        """Change some faults; the others stay."""
        control(f"{self.control}/set", **faults)

    def reset(self) -> None:
        """Take away all faults and set the counts to zero."""
        get(f"{self.control}/reset")

    def stats(self) -> Stats:
        """Count what went through."""
        return Stats(**json.loads(get(f"{self.control}/stats")[1]))


@contextlib.contextmanager
def running(to: str, *, seed: int = 0, **faults: float | str) -> Iterator[FaultProxy]:
    """Start a proxy in front of the server at `to` (a URL), yield it, end it."""
    ports = (free_port(), free_port())
    with tempfile.TemporaryDirectory(prefix="lakebed-proxy-") as name:
        log = Path(name) / "log"
        command = [sys.executable, "-m", "tests.servers.fault_proxy"]
        arguments = [urlsplit(to).netloc, str(ports[0]), str(ports[1]), str(seed)]
        process = spawn([*command, *arguments], log, cwd=_ROOT)
        try:
            endpoint, control = (f"http://{HOST}:{port}" for port in ports)
            wait_until_healthy(f"{control}/stats", process, log)
            proxy = FaultProxy(endpoint=endpoint, control=control, pid=process.pid)
            if faults:
                proxy.set(**faults)
            yield proxy
        finally:
            stop(process)


@dataclass
class _Proxy:
    """The proxy process: one task a connection and direction."""

    host: str
    port: int
    draw: random.Random
    faults: Faults = field(default_factory=Faults)
    stats: Stats = field(default_factory=Stats)

    async def serve_client(
        self, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter
    ) -> None:
        stats = self.stats
        stats.connections += 1
        stats.open += 1
        stats.peak_open = max(stats.peak_open, stats.open)
        to_server: asyncio.StreamWriter | None = None
        try:
            if self.faults.down:
                return
            from_server, to_server = await asyncio.open_connection(self.host, self.port)
            for writer in (to_client, to_server):
                raw: socket.socket = writer.get_extra_info("socket")
                raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            back = asyncio.create_task(self._pass_replies(from_server, to_client))
            await self._pass_requests(from_client, to_server, to_client)
            await back
        except (OSError, asyncio.IncompleteReadError):
            pass  # a client or server that hangs up ends its connection, nothing else
        finally:
            stats.open -= 1
            for end in (to_client, to_server):
                if end is not None:
                    end.close()

    async def _pass_requests(
        self,
        from_client: asyncio.StreamReader,
        to_server: asyncio.StreamWriter,
        to_client: asyncio.StreamWriter,
    ) -> None:
        while data := await from_client.read(_READ_BYTES):
            self.stats.received_bytes += len(data)
            if data.startswith(_METHODS):
                self.stats.requests += 1
                first_line = data.split(b"\r\n", 1)[0].decode("latin1")
                if self.faults.match in first_line:
                    await asyncio.sleep(self.faults.latency_ms / 1000)
                    fault = self._choose_fault()
                    if fault is not None:
                        await self._apply(fault, first_line, from_client, to_server, to_client)
                        return
            to_server.write(data)
            await to_server.drain()
        if to_server.can_write_eof():
            to_server.write_eof()

    def _choose_fault(self) -> str | None:
        if self.faults.fail_next > 0:
            self.faults.fail_next -= 1
            return "error"
        hit = self.draw.random()
        for name in ("error", "reset", "hang"):
            share: float = getattr(self.faults, f"{name}_rate")
            if hit < share:
                return name
            hit -= share
        return None

    async def _apply(
        self,
        fault: str,
        first_line: str,
        from_client: asyncio.StreamReader,
        to_server: asyncio.StreamWriter,
        to_client: asyncio.StreamWriter,
    ) -> None:
        if fault == "hang":
            self.stats.hangs += 1
            await asyncio.sleep(3600)
        elif fault == "reset":
            self.stats.resets += 1
            to_server.close()
            _reset(to_client)
        else:
            self.stats.errors += 1
            to_client.write(_error_reply(self.faults.error_code, first_line))
            await to_client.drain()
            to_server.close()
            # Let an upload finish, or the client never reads the reply.
            with contextlib.suppress(TimeoutError):
                while await asyncio.wait_for(from_client.read(_READ_BYTES), 2):
                    pass

    async def _pass_replies(
        self, from_server: asyncio.StreamReader, to_client: asyncio.StreamWriter
    ) -> None:
        faults, sent = self.faults, 0
        while data := await from_server.read(
            _LIMITED_READ_BYTES if faults.rate_kbps else _READ_BYTES
        ):
            cut = bool(faults.reset_after) and sent + len(data) > faults.reset_after
            passed = data[: faults.reset_after - sent] if cut else data
            to_client.write(passed)
            await to_client.drain()
            sent += len(passed)
            self.stats.sent_bytes += len(passed)
            if cut:
                self.stats.resets += 1
                _reset(to_client)
                return
            if faults.rate_kbps:
                await asyncio.sleep(len(passed) / 1000 / faults.rate_kbps)
        to_client.close()

    async def serve_control(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        url = urlsplit(head.split(b" ")[1].decode())
        code, reply = 200, json.dumps(asdict(self.stats))
        if url.path == "/set":
            try:
                self.faults = _changed(self.faults, dict(parse_qsl(url.query)))
            except (KeyError, ValueError) as error:
                code, reply = 400, repr(error)
        elif url.path == "/reset":
            self.faults, self.stats = Faults(), Stats(open=self.stats.open)
        body = reply.encode()
        start = b"HTTP/1.1 %d Control\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
        writer.write(start % (code, len(body)) + body)
        await writer.drain()
        writer.close()


def _changed(faults: Faults, given: dict[str, str]) -> Faults:
    kinds = {each.name: type(getattr(faults, each.name)) for each in fields(Faults)}
    return replace(faults, **{name: kinds[name](value) for name, value in given.items()})


def _error_reply(code: int, first_line: str) -> bytes:
    head = (
        b"HTTP/1.1 %d Injected\r\nContent-Type: application/xml\r\n"
        b"Content-Length: %d\r\nConnection: close\r\n\r\n" % (code, len(_BUSY_BODY))
    )
    return head if first_line.startswith("HEAD") else head + _BUSY_BODY


def _reset(writer: asyncio.StreamWriter) -> None:
    raw: socket.socket = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def _serve(to: str, port: int, control_port: int, seed: int) -> None:
    host, _, server_port = to.rpartition(":")
    proxy = _Proxy(host, int(server_port), random.Random(seed))  # noqa: S311 - faults, no secrets
    data = await asyncio.start_server(proxy.serve_client, HOST, port, backlog=512)
    control = await asyncio.start_server(proxy.serve_control, HOST, control_port)
    async with data, control:
        await data.serve_forever()


if __name__ == "__main__":
    target, data_port, control_at, given_seed = sys.argv[1:]
    asyncio.run(_serve(target, int(data_port), int(control_at), int(given_seed)))
