"""What is seen of a server before anybody is let in: its clock, its certificate, its headers."""

from __future__ import annotations

import contextlib
import ssl
import threading
import time
from email.utils import formatdate
from typing import TYPE_CHECKING

import pytest
from urllib3.exceptions import InsecureRequestWarning

from lakebed.cli.doctor.endpoint import Server, knock, preflight
from tests.servers import handler
from tests.servers.process import HOST
from tests.servers.tls import write_certificate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lakebed.cli.report import Finding

HERE = "https://here.example"


@contextlib.contextmanager
def served(
    headers: dict[str, str] | None = None, *, date: str | None = None, tls: Path | None = None
) -> Iterator[str]:
    """Answer every GET with 403 and these headers; yields the address."""

    class Refusing(handler.Handler):
        def answer(self, path: str, query: dict[str, str], body: bytes) -> None:
            del path, query, body
            self.reply(200 if self.command == "OPTIONS" else 403, headers=headers)

        def date_time_string(self, timestamp: float | None = None) -> str:
            return date or super().date_time_string(timestamp)

    server = handler.Server((HOST, 0), Refusing)
    if tls is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls / "cert.pem", tls / "key.pem")
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http{'' if tls is None else 's'}://{HOST}:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def found(server: Server) -> dict[str, Finding]:
    return {finding.check: finding for finding in knock(server)[0]}


@pytest.mark.parametrize(
    ("ahead_s", "state"),
    [(0, "ok"), (-30, "ok"), (300, "warning"), (-300, "warning"), (1000, "failed")],
)
def test_clock(ahead_s: int, state: str) -> None:
    with served(date=formatdate(time.time() - ahead_s, usegmt=True)) as url:
        clock = found(Server(url))["clock"]
    assert clock.state == state, clock
    # The header has whole seconds, and the test takes a while, too.
    assert abs(clock.values["skew_s"] - ahead_s) < 10
    if state != "ok":
        assert f"s {'ahead' if ahead_s > 0 else 'behind'}" in clock.detail


def test_clock_that_nobody_can_read() -> None:
    with served(date="half past nine") as url:
        assert found(Server(url))["clock"].state == "skipped"


def test_certificates(tmp_path: Path) -> None:
    authority = write_certificate(tmp_path)
    with served(tls=tmp_path) as url:
        trusted = found(Server(url, str(authority)))
        with pytest.warns(InsecureRequestWarning):
            unchecked = found(Server(url, verify=False))
        unknown = found(Server(url))
    assert (trusted["tls"].state, trusted["tls"].values["version"]) == ("ok", "TLSv1.3")
    assert "valid_until" in trusted["tls"].values
    assert unchecked["tls"].state == "warning"
    assert set(unknown) == {"server"}
    assert "not trusted" in unknown["server"].detail
    assert "ca_bundle" in str(unknown["server"].hint)


def test_plain_http_is_for_this_machine_alone() -> None:
    with served() as url:
        assert found(Server(url))["tls"].state == "ok"


@pytest.mark.parametrize(
    ("allowed", "origin", "exposed", "lacks"),
    [
        ("range, authorization", HERE, "ETag, Content-Range", None),
        ("*, Authorization", "*", "*", None),
        ("*", "*", "*", "may not send authorization"),
        ("range, authorization", "https://there.example", "*", "not allowed"),
        ("range, authorization", HERE, "ETag", "hides Content-Range"),
    ],
)
def test_preflight(allowed: str, origin: str, exposed: str, lacks: str | None) -> None:
    headers = {"Origin": origin, "Headers": allowed}
    answer = {f"Access-Control-Allow-{name}": value for name, value in headers.items()}
    with served({**answer, "Access-Control-Expose-Headers": exposed}) as url:
        finding = preflight(Server(url), HERE, "do this")
    assert finding.state == ("ok" if lacks is None else "failed")
    assert lacks is None or lacks in finding.detail
    assert finding.hint == (None if lacks is None else "do this")
