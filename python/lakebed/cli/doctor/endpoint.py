"""The server before anybody is let in: whether it answers, its TLS, its clock, its CORS answers."""

from __future__ import annotations

import socket
import ssl
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import requests

from lakebed.cli.report import Finding, State
from lakebed.cli.rules import ASKED_HEADERS, NEEDED_HEADERS, READING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from requests import Response

_TIMEOUT_S = 10
# Signed requests are refused that are older or newer: Amazon's limit, which others have taken over.
_MAX_SKEW_S = 15 * 60
# The Date header has whole seconds; far more than that and the way there explain.
_SKEW_S = 60
_SOON_S = 14 * 86_400


@dataclass(frozen=True)
class Server:
    """A server, and how its certificate is checked.

    Attributes:
        url: Scheme, host and port, with any path.
        verify: Whether, or with the certificates of which file.
    """

    url: str
    verify: bool | str = True

    def ask(
        self, method: str, path: str = "", headers: Mapping[str, str] | None = None
    ) -> Response:
        """Send a request of nobody; whatever comes is an answer.

        Raises:
            RequestException: None comes.
        """
        verify = self.verify
        if verify is True:
            # Those of the system, as the core does; requests alone would take its own.
            paths = ssl.get_default_verify_paths()
            verify = paths.cafile or paths.capath or True
        # A redirect is an answer, too, and a body may be long.
        reply = requests.request(
            method,
            self.url + path,
            headers=headers,
            timeout=_TIMEOUT_S,
            verify=verify,
            allow_redirects=False,
            stream=True,
        )
        reply.close()
        return reply


def knock(server: Server) -> tuple[list[Finding], Mapping[str, str] | None]:
    """Ask the server anything, and look at how it answers.

    Returns:
        What was found, and the answer's headers; None when there was no answer.
    """
    begun = time.time()
    try:
        reply = server.ask("GET")
    except requests.RequestException as error:
        return [Finding("server", State.FAILED, *_why_not(server, error))], None
    ended = time.time()
    values = {"url": server.url, "status": reply.status_code}
    found = Finding("server", State.OK, f"{urlsplit(server.url).netloc} answers", values=values)
    return [found, _tls(server), _clock(reply.headers.get("Date"), begun, ended)], reply.headers


def _why_not(server: Server, error: requests.RequestException) -> tuple[str, str]:
    host = urlsplit(server.url).netloc
    if isinstance(error, requests.exceptions.SSLError):
        hint = (
            "give the file of the certificates that signed it as 'ca_bundle' in --creds, "
            "if that server is yours"
        )
        return f"{host}: the TLS certificate is not trusted: {_innermost(error)}", hint
    if isinstance(error, requests.exceptions.ProxyError):
        hint = "look at HTTPS_PROXY, HTTP_PROXY and NO_PROXY in the environment"
        return f"{host}: the proxy does not let through: {_innermost(error)}", hint
    hint = "check host and port, the network, and firewalls between"
    if isinstance(error, requests.exceptions.Timeout):
        return f"{host} does not answer within {_TIMEOUT_S} s", hint
    return f"{host} cannot be reached: {_innermost(error)}", hint


def _innermost(error: BaseException) -> str:
    """Return the plainest of an error's causes: what the system or the library said."""
    while True:
        reason = getattr(error, "reason", None)
        inner = (
            reason
            if isinstance(reason, BaseException)
            else error.__cause__
            or next((each for each in error.args if isinstance(each, BaseException)), None)
        )
        if inner is None:
            return str(error)
        error = inner


def _tls(server: Server) -> Finding:
    parts = urlsplit(server.url)
    if parts.scheme != "https":
        local = (parts.hostname or "") in {"localhost", "127.0.0.1", "::1"}
        state = State.OK if local else State.WARNING
        hint = None if local else "use https://, or everybody on the way can read the data"
        return Finding("tls", state, "not encrypted (http)", hint, {"encrypted": False})
    if requests.utils.select_proxy(server.url, requests.utils.get_environ_proxies(server.url)):
        detail = "through a proxy, which was not looked behind"
        return Finding("tls", State.OK, detail, values={"encrypted": True, "proxy": True})
    verified = server.verify is not False
    context = ssl.create_default_context(
        cafile=server.verify if isinstance(server.verify, str) else None
    )
    if not verified:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    address = (parts.hostname or "", parts.port or 443)
    try:
        with (
            socket.create_connection(address, timeout=_TIMEOUT_S) as plain,
            context.wrap_socket(plain, server_hostname=parts.hostname) as wrapped,
        ):
            version, certificate = wrapped.version(), wrapped.getpeercert()
    except OSError as error:
        return Finding("tls", State.FAILED, f"the handshake failed: {error}")
    values = {"encrypted": True, "version": version, "verified": verified}
    if not verified:
        hint = "give 'ca_bundle' in place of 'verify': False, or anybody can pose as the server"
        detail = f"{version}, but the certificate is not checked"
        return Finding("tls", State.WARNING, detail, hint, values)
    ends = ssl.cert_time_to_seconds(str((certificate or {})["notAfter"]))
    day = time.strftime("%Y-%m-%d", time.gmtime(ends))
    by = f" by {Path(server.verify).name}" if isinstance(server.verify, str) else ""
    detail = f"{version}, certificate trusted{by}, until {day}"
    values["valid_until"] = day
    if ends - time.time() < _SOON_S:
        return Finding("tls", State.WARNING, detail, "renew the server's certificate soon", values)
    return Finding("tls", State.OK, detail, values=values)


def _clock(date: str | None, begun: float, ended: float) -> Finding:
    """Compare the server's clock with ours; both may be off by the time that the answer took."""
    if date is None:
        return Finding("clock", State.SKIPPED, "the server does not tell its time")
    try:
        theirs = parsedate_to_datetime(date).timestamp()
    except ValueError:
        return Finding("clock", State.SKIPPED, f"the server's time is not readable: {date[:60]!r}")
    # It answered within that second, and between the two times of ours.
    skew_s = round(max(begun - (theirs + 1), 0.0) + min(ended - theirs, 0.0), 1)
    values = {"skew_s": skew_s}
    if abs(skew_s) <= _SKEW_S:
        return Finding("clock", State.OK, f"ours and the server's agree ({date})", values=values)
    apart = f"this machine's clock is {abs(skew_s):.0f} s {'ahead' if skew_s > 0 else 'behind'}"
    hint = "set the clock (NTP): signatures hold for 15 minutes"
    state = State.FAILED if abs(skew_s) > _MAX_SKEW_S else State.WARNING
    return Finding("clock", state, apart, hint, values)


def preflight(server: Server, origin: str, hint: str) -> Finding:
    """Ask as a browser does before a page of another origin may read.

    Args:
        server: The place of the objects.
        origin: The page's.
        hint: What to do where it may not.
    """
    lacks: list[str] = []
    try:
        for method in READING:
            lacks += _lacks(server, origin, method)
    except requests.RequestException as error:
        return Finding("cors", State.FAILED, _why_not(server, error)[0])
    values = {"origin": origin, "lacks": lacks}
    if lacks:
        detail = f"pages of {origin} cannot read: {'; '.join(lacks)}"
        return Finding("cors", State.FAILED, detail, hint, values)
    return Finding("cors", State.OK, f"pages of {origin} can read", values=values)


def _lacks(server: Server, origin: str, method: str) -> list[str]:
    """Return what the answer to a preflight lacks."""
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": ",".join(sorted(ASKED_HEADERS)),
    }
    # Rules are those of the bucket: the object need not be there.
    path = "/.lakebed/preflight"
    reply = server.ask("OPTIONS", path, asked)
    allowed = reply.headers.get("Access-Control-Allow-Origin", "")
    if not reply.ok or allowed not in {"*", origin}:
        return [f"{method} is not allowed ({reply.status_code})"]
    found = []
    headers = _names(reply, "Allow-Headers")
    # A star never stands for this one.
    headers |= {*ASKED_HEADERS} - {"authorization"} if "*" in headers else set()
    if missing := sorted({*ASKED_HEADERS} - headers):
        found.append(f"{method} may not send {', '.join(missing)}")
    shown = _names(reply, "Expose-Headers")
    if not shown:
        # Some services say it with the answer alone.
        answer = server.ask(method, path, {"Origin": origin})
        shown = _names(answer, "Expose-Headers")
    hidden = [name for name in NEEDED_HEADERS if not shown & {"*", name.lower()}]
    if hidden:
        found.append(f"{method} hides {', '.join(hidden)}")
    return found


def _names(reply: Response, which: str) -> set[str]:
    text = reply.headers.get(f"Access-Control-{which}", "")
    return {name.strip().lower() for name in text.split(",")} - {""}
