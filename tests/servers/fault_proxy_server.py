"""The process of `fault_proxy`: one task a connection and direction."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import email.utils
import json
import random
import re
import socket
import ssl
import struct
import sys
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.servers.fault_proxy import Faults, Stats
from tests.servers.process import HOST

_METHODS = (b"GET ", b"PUT ", b"HEAD ", b"POST ", b"DELETE ")
_READ_BYTES = 1 << 16
# Small enough that a bandwidth limit comes out even.
_LIMITED_READ_BYTES = 1 << 13
_ERROR = "<?xml version='1.0'?><Error><Code>{}</Code><Message>injected</Message></Error>"
_DATE = re.compile(rb"(?i)\r\ndate: [^\r]+\r\n")
_SIGNED_AT = re.compile(rb"(?i)\r\nx-amz-date: (\d{8}T\d{6}Z)\r\n")
_MAX_SKEW_S = 900
_CUTS = ("reset_after", "close_after", "stall_after")


@dataclass
class _Exchange:
    """The request that is under way on a connection: what its reply is to suffer."""

    touched: bool = False
    replied_bytes: int = 0


@dataclass
class _Proxy:
    host: str
    port: int
    draw: random.Random
    faults: Faults = field(default_factory=Faults)
    stats: Stats = field(default_factory=Stats)
    hit: int = 0

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
            exchange = _Exchange()
            back = asyncio.create_task(self._pass_replies(from_server, to_client, exchange))
            await self._pass_requests(from_client, to_server, to_client, exchange)
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
        exchange: _Exchange,
    ) -> None:
        while data := await from_client.read(_READ_BYTES):
            self.stats.received_bytes += len(data)
            if data.startswith(_METHODS):
                self.stats.requests += 1
                first_line = unquote(data.split(b"\r\n", 1)[0].decode("latin1"))
                exchange.touched = self.faults.match in first_line
                exchange.replied_bytes = 0
                if exchange.touched:
                    await asyncio.sleep(self.faults.latency_ms / 1000)
                    fault = self._choose_fault(data)
                    if fault is not None:
                        await self._apply(fault, first_line, from_client, to_server, to_client)
                        return
            to_server.write(data)
            await to_server.drain()
        if to_server.can_write_eof():
            to_server.write_eof()

    def _choose_fault(self, head: bytes) -> str | None:
        if self.faults.fail_next > 0:
            self.faults.fail_next -= 1
            return "error"
        if self.faults.clock_shift_s and _is_skewed(head, self.faults.clock_shift_s):
            return "skew"
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
            to_client.write(self._error_reply(fault, first_line))
            await to_client.drain()
            to_server.close()
            # Let an upload finish, or the client never reads the reply.
            with contextlib.suppress(TimeoutError):
                while await asyncio.wait_for(from_client.read(_READ_BYTES), 2):
                    pass

    def _error_reply(self, fault: str, first_line: str) -> bytes:
        skewed = fault == "skew"
        status = 403 if skewed else self.faults.error_code
        body = _ERROR.format("RequestTimeTooSkewed" if skewed else "SlowDown")
        headers = {
            "Date": _date(self.faults.clock_shift_s),
            "Content-Type": "application/xml",
            "Content-Length": str(len(body)),
            "Connection": "close",
        }
        if self.faults.retry_after:
            headers["Retry-After"] = self.faults.retry_after
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        sent = "" if first_line.startswith("HEAD") else body
        return f"HTTP/1.1 {status} Injected\r\n{lines}\r\n{sent}".encode()

    async def _pass_replies(
        self,
        from_server: asyncio.StreamReader,
        to_client: asyncio.StreamWriter,
        exchange: _Exchange,
    ) -> None:
        while data := await from_server.read(
            _LIMITED_READ_BYTES if self.faults.rate_kbps else _READ_BYTES
        ):
            first = exchange.replied_bytes == 0
            if first and self.faults.clock_shift_s:
                data = _DATE.sub(f"\r\nDate: {_date(self.faults.clock_shift_s)}\r\n".encode(), data)
            if first and exchange.touched and self.faults.first_byte_ms and self._hits():
                await asyncio.sleep(self.faults.first_byte_ms / 1000)
            cut, limit = self._cut_of(exchange, len(data))
            passed = data[: limit - exchange.replied_bytes] if cut else data
            to_client.write(passed)
            await to_client.drain()
            exchange.replied_bytes += len(passed)
            self.stats.sent_bytes += len(passed)
            if cut:
                await self._cut(cut, to_client)
                return
            if self.faults.rate_kbps:
                await asyncio.sleep(len(passed) / 1000 / self.faults.rate_kbps)
        to_client.close()

    def _cut_of(self, exchange: _Exchange, size: int) -> tuple[str, int]:
        for name in _CUTS:
            limit: int = getattr(self.faults, name)
            ends = limit and exchange.touched and exchange.replied_bytes + size > limit
            if ends and exchange.replied_bytes <= limit and self._hits():
                return name, limit
        return "", 0

    async def _cut(self, cut: str, to_client: asyncio.StreamWriter) -> None:
        if cut == "stall_after":
            self.stats.hangs += 1
            await asyncio.sleep(3600)
        elif cut == "close_after":
            self.stats.closes += 1
            to_client.close()
        else:
            self.stats.resets += 1
            _reset(to_client)

    def _hits(self) -> bool:
        """Whether a reply may be touched; counts those that are."""
        self.hit += 1
        return not self.faults.hits or self.hit <= self.faults.hits

    async def serve_control(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        url = urlsplit(head.split(b" ")[1].decode())
        code, reply = 200, json.dumps(asdict(self.stats))
        if url.path == "/set":
            try:
                self.faults = _changed(self.faults, dict(parse_qsl(url.query)))
                self.hit = 0
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


def _date(shift_s: int) -> str:
    now = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=shift_s)
    return email.utils.format_datetime(now, usegmt=True)


def _is_skewed(head: bytes, shift_s: int) -> bool:
    signed = _SIGNED_AT.search(head)
    if signed is None:
        return False
    moment = dt.datetime.strptime(signed[1].decode(), "%Y%m%dT%H%M%SZ").replace(tzinfo=dt.UTC)
    here = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=shift_s)
    return abs((moment - here).total_seconds()) > _MAX_SKEW_S


def _reset(writer: asyncio.StreamWriter) -> None:
    raw: socket.socket = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def _serve(to: str, port: int, control_port: int, seed: int, tls: Path | None) -> None:
    host, _, server_port = to.rpartition(":")
    proxy = _Proxy(host, int(server_port), random.Random(seed))  # noqa: S311 - faults, no secrets
    context = None
    if tls is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(tls / "cert.pem", tls / "key.pem")
    data = await asyncio.start_server(proxy.serve_client, HOST, port, backlog=512, ssl=context)
    control = await asyncio.start_server(proxy.serve_control, HOST, control_port)
    async with data, control:
        await data.serve_forever()


if __name__ == "__main__":
    target, data_port, control_at, given_seed, *certificate = sys.argv[1:]
    folder = Path(certificate[0]) if certificate else None
    asyncio.run(_serve(target, int(data_port), int(control_at), int(given_seed), folder))
