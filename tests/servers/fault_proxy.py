"""A loopback proxy that makes an HTTP server slow or broken; a process of its own.

    with running(server.endpoint, latency_ms=30) as proxy:
        ...                                  # use proxy.endpoint in place of server.endpoint
        proxy.set(fail_next=2, match="GET")  # two 503 replies, then all is well again
        proxy.set(reset_after=1000, hits=1)  # one reply is cut, the next one is whole
        proxy.stats().requests

The Host header passes unchanged, so signatures made for the proxy's address stay valid where the
server trusts the Host header it gets (SeaweedFS does). A request is seen only when its head starts
a packet, which every usual client does. One Python process: measure throughput without it.
"""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tests.servers.process import HOST, control, free_port, get, spawn, stop, wait_until_healthy

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROOT = Path(__file__).resolve().parents[2]


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
    retry_after: str = ""
    """the Retry-After header of these answers"""
    fail_next: int = 0
    """that many next requests get `error_code`"""
    reset_rate: float = 0.0
    """share of requests whose connection is reset"""
    hang_rate: float = 0.0
    """share of requests that never get an answer"""
    first_byte_ms: float = 0.0
    """how long a reply waits before its first byte passes"""
    reset_after: int = 0
    """reset the connection after that many bytes of a reply, its head included"""
    close_after: int = 0
    """close the connection properly after that many bytes of a reply"""
    stall_after: int = 0
    """let no more pass after that many bytes of a reply, and keep the connection"""
    hits: int = 0
    """how many replies the four faults above touch, from now on; 0: all"""
    clock_shift_s: int = 0
    """how much the server's clock seems to be ahead: its Date is changed, and requests signed more
    than a quarter of an hour off that are refused as AWS does"""
    match: str = ""
    """touch only requests whose first line, unescaped, holds this text, and their replies"""
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
    closes: int = 0
    sent_bytes: int = 0
    received_bytes: int = 0


@dataclass(frozen=True)
class FaultProxy:
    """A running proxy, seen from the test."""

    endpoint: str
    control: str
    pid: int
    ca_bundle: Path | None = None
    """the authority behind its certificate, where it speaks TLS"""

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
def running(
    to: str, *, seed: int = 0, tls: bool = False, **faults: float | str
) -> Iterator[FaultProxy]:
    """Start a proxy in front of the server at `to` (a URL), yield it, end it.

    With `tls` it is reached by https under an authority of its own, `FaultProxy.ca_bundle`.
    """
    ports = (free_port(), free_port())
    with tempfile.TemporaryDirectory(prefix="lakebed-proxy-") as name:
        folder, ca_bundle = Path(name), None
        if tls:
            from tests.servers.tls import write_certificate

            ca_bundle = write_certificate(folder)
        log = folder / "log"
        command = [sys.executable, "-m", "tests.servers.fault_proxy_server"]
        arguments = [urlsplit(to).netloc, str(ports[0]), str(ports[1]), str(seed)]
        certificate = [str(folder)] if tls else []
        process = spawn([*command, *arguments, *certificate], log, cwd=_ROOT)
        try:
            endpoint = f"{'https' if tls else 'http'}://{HOST}:{ports[0]}"
            control_page = f"http://{HOST}:{ports[1]}"
            wait_until_healthy(f"{control_page}/stats", process, log)
            proxy = FaultProxy(endpoint, control_page, process.pid, ca_bundle)
            if faults:
                proxy.set(**faults)
            yield proxy
        finally:
            stop(process)
