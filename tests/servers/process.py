"""Start, await and end one server process: ports, process groups, health by HTTP GET."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HOST = "127.0.0.1"
# Below the kernel's ephemeral range, so that no outgoing connection takes a port between the
# look and the bind.
_PORTS = range(20_000, 32_000)
# Those given out in this process: a server asks for several before it binds the first.
_given: set[int] = set()
_HTTP_OK = 200
_HTTP_SERVER_ERROR = 500
_LOG_TAIL_CHARS = 3_000


class ServerError(RuntimeError):
    """A server did not start, or did not become healthy."""


def free_port() -> int:
    """Find a loopback port that nobody listens on, another one each time."""
    for _ in range(500):
        port = random.choice(_PORTS)  # noqa: S311 - not a secret
        if port in _given:
            continue
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            _given.add(port)
            return port
    message = "no free loopback port"
    raise ServerError(message)


def find_program(name: str) -> str:
    """Find a program beside the running interpreter (its environment), else on PATH."""
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if os.access(beside, os.X_OK) else shutil.which(name)
    if found is None:
        message = f"{name} is not installed; `make test` and `make demo` install it into .venv"
        raise ServerError(message)
    return found


def spawn(
    command: Sequence[str], log: Path, *, cwd: Path, env: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start a process in a group of its own; its output goes to `log`."""
    with log.open("ab") as out:
        return subprocess.Popen(  # noqa: S603 - the command is ours
            command,
            stdout=out,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            cwd=cwd,
            env={**os.environ, **(env or {})},
        )


def send(
    method: str,
    url: str,
    body: bytes | None = None,
    *,
    headers: Mapping[str, str] | None = None,
    timeout_s: float = 10.0,
) -> tuple[int, bytes]:
    """Send one request without any proxy of the environment; returns status and body."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(url, data=body, method=method, headers=dict(headers or {}))  # noqa: S310 - loopback
    try:
        with opener.open(request, timeout=timeout_s) as reply:
            return reply.status, reply.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def get(url: str, *, timeout_s: float = 10.0) -> tuple[int, bytes]:
    """GET `url` without any proxy of the environment; returns status and body."""
    return send("GET", url, timeout_s=timeout_s)


def control(url: str, **settings: float | str) -> bytes:
    """Change what a server of ours does by a GET of one of its control pages.

    Raises:
        ValueError: It does not take these settings.
    """
    code, body = get(f"{url}?{urllib.parse.urlencode(settings)}")
    if code != _HTTP_OK:
        raise ValueError(body.decode())
    return body


def wait_until_healthy(
    url: str, server: subprocess.Popen[bytes], log: Path, *, timeout_s: float = 60.0
) -> None:
    """Wait until `url` answers with less than 500; ends the server when it never does."""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end and server.poll() is None:
        with contextlib.suppress(OSError):
            if get(url, timeout_s=2.0)[0] < _HTTP_SERVER_ERROR:
                return
        time.sleep(0.03)
    stop(server)
    tail = log.read_text(errors="replace")[-_LOG_TAIL_CHARS:]
    message = f"the server did not become healthy at {url}\n{tail}"
    raise ServerError(message)


def stop(server: subprocess.Popen[bytes], *, grace_s: float = 5.0) -> None:
    """End one server: TERM to its own group, then KILL after `grace_s` seconds."""
    for sent, wait_s in ((signal.SIGTERM, grace_s), (signal.SIGKILL, 3.0)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, sent)
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(wait_s)
            return
