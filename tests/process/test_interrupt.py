"""Ctrl-C: a real SIGINT to a real process in the midst of whatever takes long.

KeyboardInterrupt is to arrive within 200 ms and must within 1 s (the only times that tests of this
project assert); nothing is half appended, and the same handle goes on.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

import lakebed
from tests.process.children import ROOT
from tests.process.datasets import PHOTOS
from tests.servers import fault_proxy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Bucket
    from tests.servers.fault_proxy import FaultProxy

MUST_S = 1.0
# Work that no other process sees begin has begun by then, and has some seconds to go.
UNDER_WAY_S = 0.4
HANG: dict[str, float | str] = {"hang_rate": 1.0}


@dataclass
class Worker:
    """A process that does long things; see `interrupted`."""

    process: subprocess.Popen[str]

    def line(self) -> str:
        """Give what it says next."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def start(self, operation: str) -> None:
        """Let it begin."""
        assert self.process.stdin is not None
        self.process.stdin.write(operation + "\n")
        self.process.stdin.flush()
        assert self.line() == "started"

    def interrupt(self) -> float:
        """Send SIGINT; returns the seconds until KeyboardInterrupt, once the handle was tried."""
        sent = time.monotonic()
        os.kill(self.process.pid, signal.SIGINT)
        answer: dict[str, Any] = json.loads(self.line())
        assert answer["at"] is not None, "the operation ended as if nothing had happened"
        assert answer["wrong"] is None
        return float(answer["at"]) - sent


def start_worker(**settings: Any) -> Worker:
    program = [sys.executable, "-m", "tests.process.interrupted", json.dumps(settings)]
    process = subprocess.Popen(  # noqa: S603 - the program is ours
        program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    worker = Worker(process)
    assert worker.line() == "ready"
    return worker


def end(worker: Worker) -> None:
    assert worker.process.stdin is not None
    worker.process.stdin.close()
    try:
        assert worker.process.wait(10) == 0, "it ends by itself, whatever was left under way"
    finally:
        worker.process.kill()
        assert worker.process.stdout is not None
        worker.process.stdout.close()


def links_of(proxy: FaultProxy) -> list[str]:
    return [f"{proxy.endpoint}/{number}.png" for number in range(PHOTOS)]


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory, slow_web: FaultProxy) -> Iterator[Worker]:
    folder = tmp_path_factory.mktemp("interrupt")
    # This process holds the lock that the worker waits for.
    with lakebed.empty(folder / "locked") as locked:
        locked.create_tensor("x")
        worker = start_worker(
            path=str(folder / "ds"), locked=str(folder / "locked"), links=links_of(slow_web)
        )
        yield worker
        end(worker)


def check(seconds: float, what: str) -> None:
    print(f"\nCtrl-C during {what}: {seconds * 1000:.0f} ms")  # noqa: T201 (shown by pytest -s)
    assert seconds < MUST_S


@pytest.mark.parametrize("operation", ["decode", "encode", "pack", "wait_for_lock"])
def test_ctrl_c_ends_what_waits_for_nobody_else(operation: str, worker: Worker) -> None:
    worker.start(operation)
    time.sleep(UNDER_WAY_S)
    check(worker.interrupt(), operation)


@pytest.mark.parametrize(
    ("operation", "faults"),
    [
        ("read_links", HANG),
        ("append_links", HANG),
        ("read_url", HANG),
        ("iterate", {"latency_ms": 20.0}),
        ("read_links", {"rate_kbps": 0.5}),
    ],
)
def test_ctrl_c_ends_what_waits_for_a_server(
    operation: str, faults: dict[str, float | str], worker: Worker, slow_web: FaultProxy
) -> None:
    slow_web.reset()
    slow_web.set(**faults)
    worker.start(operation)
    wait_for_requests(slow_web, 3 if "latency_ms" in faults else 1)
    check(worker.interrupt(), f"{operation} with {faults}")
    slow_web.reset()


@pytest.mark.s3
@pytest.mark.parametrize(
    ("operation", "match"),
    [
        ("open_remote", "GET"),
        ("lock_remote", "PUT"),
        ("flush_remote", "PUT"),
        ("delete_remote", "POST"),
    ],
)
def test_ctrl_c_ends_what_waits_for_a_store(
    operation: str, match: str, bucket: Bucket, tmp_path: Path
) -> None:
    with fault_proxy.running(bucket.server.endpoint) as proxy:
        creds = {**bucket.creds(), "endpoint_url": proxy.endpoint}
        settings = {"remote": bucket.url("ds"), "creds": creds, "links": [], "locked": ""}
        worker = start_worker(path=str(tmp_path / "ds"), **settings)
        proxy.set(match=match, **HANG)
        worker.start(operation)
        wait_until(lambda: proxy.stats().hangs > 0)
        check(worker.interrupt(), f"{operation}, whose {match} is not answered")
        proxy.reset()
        ds = lakebed.load(bucket.url("ds"), creds=bucket.creds(), read_only=True)
        assert ds.t[0].text() == "first"
        end(worker)


@pytest.mark.s3
def test_ctrl_c_while_the_lock_is_being_taken_gives_it_back(bucket: Bucket, tmp_path: Path) -> None:
    settings = {"remote": bucket.url("ds"), "creds": bucket.creds(), "links": [], "locked": ""}
    worker = start_worker(path=str(tmp_path / "ds"), **settings)
    lock = "ds/dataset_lock.lock"
    assert lock not in bucket.listing()
    worker.start("lock_remote")
    # Half a second passes between writing it and looking whether it is still ours.
    wait_until(lambda: lock in bucket.listing())
    check(worker.interrupt(), "lock_remote, with the lock written")
    assert lock not in bucket.listing()
    end(worker)


def wait_for_requests(proxy: FaultProxy, count: int) -> None:
    wait_until(lambda: proxy.stats().requests >= count)


def wait_until(happened: Any) -> None:
    end_at = time.monotonic() + 20
    while not happened():
        assert time.monotonic() < end_at, "the operation sent no request"
        time.sleep(0.01)
