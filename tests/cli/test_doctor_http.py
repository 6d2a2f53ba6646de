"""`lakebed doctor` on a dataset behind a web server."""

from __future__ import annotations

import contextlib
import functools
import threading
from http.server import SimpleHTTPRequestHandler
from typing import TYPE_CHECKING

import lakebed
from tests.cli.running import doctor
from tests.servers.handler import Server
from tests.servers.process import HOST

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Quiet(SimpleHTTPRequestHandler):
    """Files of a folder; says nothing."""

    def log_message(self, *_: object) -> None:
        """Keep the output for what matters."""


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder by http; yields the address."""
    server = Server((HOST, 0), functools.partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://{HOST}:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_dataset_behind_a_web_server(tmp_path: Path) -> None:
    with lakebed.empty(tmp_path / "ds") as ds:
        ds.create_tensor("x").extend([1, 2, 3])
    ds.close()
    with served(tmp_path) as url:
        answer = doctor(f"{url}/ds")
        asked = doctor(f"{url}/ds", None, "--origin", "https://here.example")
        nothing = doctor(f"{url}/other")
        secret = doctor(f"{url}/ds", {"Authorization": "Bearer opensesame"})
    assert answer.code == 0, answer.out
    assert answer.checks["dataset"]["values"]["rows"] == 3
    assert answer.states["read"] == answer.states["latency"] == "ok"
    assert {answer.states[check] for check in ("list", "write", "delete")} == {"skipped"}
    assert asked.failed() == {"cors"}
    assert "at that server" in asked.checks["cors"]["hint"]
    assert (nothing.code, nothing.states["dataset"]) == (0, "skipped")
    assert (secret.code, "opensesame" in secret.out) == (0, False)
