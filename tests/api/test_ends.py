"""Processes that end or are interrupted with a dataset open: real ones, told apart by their traces.

Each program gets `path` and a dataset `ds` of one int64 tensor "a", open for writing there.
"""

from __future__ import annotations

import http.server
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import lakebed
from lakebed import Sample

ROOT = Path(__file__).resolve().parents[2]
START = """\
import os, sys, threading
import lakebed
from lakebed import errors
path, base = sys.argv[1:]
ds = lakebed.empty(path)
ds.create_tensor("a", dtype="int64")
"""


def start(path: Path, program: str, base: str = "") -> subprocess.Popen[str]:
    """Start a program."""
    command = [sys.executable, "-c", START + program, str(path), base]
    return subprocess.Popen(  # noqa: S603 (a program of ours)
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    )


def run(path: Path, program: str) -> tuple[int, str, str]:
    """Run a program; returns its exit code and what it wrote and complained of."""
    process = start(path, program)
    output, complaints = process.communicate(timeout=50)
    return process.returncode, output, complaints


def stored(path: Path) -> list[int]:
    """Open the dataset for writing, at once and with no lock in the way; returns the numbers."""
    assert not list(path.rglob("*.lock"))
    ds = lakebed.load(path, read_only=False)
    values: list[int] = ds.a.numpy().ravel().tolist()
    ds.close()
    return values


OPEN = """
ds.__enter__()
ds.a.extend([1, 2])
ds.info["list"] = [1]
ds.info["list"].append(2)
"""
READING = """
def read():
    while True:
        ds.a.numpy()
threading.Thread(target=read, daemon=True).start()
"""


@pytest.mark.parametrize(
    ("ending", "code", "complaint"),
    [
        ("", 0, ""),
        ("sys.exit(3)", 3, ""),
        ("raise ValueError('mine')", 1, "ValueError: mine"),
        ("with ds: raise ValueError('mine')", 1, "ValueError: mine"),
        (READING, 0, ""),
        ("view = ds[0:1]; cycle = [view]; cycle.append(cycle); del ds", 0, ""),
    ],
    ids=["normal", "exit", "error", "error in a block", "a thread reads", "a cycle"],
)
def test_the_end_of_a_process_stores_what_waits(
    path: Path, ending: str, code: int, complaint: str
) -> None:
    returned, _, complaints = run(path, OPEN + ending)
    assert returned == code
    assert complaints.strip().splitlines()[-1:] == [complaint][: bool(complaint)]
    assert complaints.count("Traceback") == bool(complaint)
    assert stored(path) == [1, 2]
    assert lakebed.load(path, read_only=True).info == {"list": [1, 2]}


def test_the_end_of_a_process_warns_of_what_is_lost(path: Path) -> None:
    program = "os.rename(path, path + '-away'); open(path, 'w').close()"
    code, _, complaints = run(path, OPEN + program)
    assert code == 0
    assert (
        f"RuntimeWarning: the dataset at {path} was left open: closed, but 2 samples are lost"
        in (complaints)
    )
    assert "Traceback" not in complaints


FORKED = """
ds.a.append(1)
ds.info["list"] = [1]
child = os.fork()
if child == 0:
    assert ds.read_only
    assert ds.a.numpy().item() == 1
    try:
        ds.a.append(2)
    except errors.ReadOnlyModeError as error:
        assert "forked" in str(error) and error.hint
    ds.flush()
    ds.close()
    ds.close()
    assert "closed" in repr(ds)
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
assert os.path.exists(path + "/dataset_lock.lock")
ds.a.append(3)
ds.close()
child = os.fork()
if child == 0:
    own = lakebed.load(path, read_only=False)
    own.__enter__()
    own.a.append(4)
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
"""


def test_a_forked_child_reads_until_it_opens_its_own(path: Path) -> None:
    assert run(path, FORKED) == (0, "", "")
    assert stored(path) == [1, 3, 4]


WORKER = """
import multiprocessing
ds.close()
def work():
    global own
    own = lakebed.load(path, read_only=False)
    own.__enter__()
    own.a.append(4)
worker = multiprocessing.get_context("fork").Process(target=work)
worker.start()
worker.join()
assert worker.exitcode == 0
"""


def test_a_forked_worker_of_multiprocessing_stores_what_waits(path: Path) -> None:
    assert run(path, WORKER) == (0, "", "")
    assert stored(path) == [4]


class Stalling(http.server.BaseHTTPRequestHandler):
    """Never answers: the request is the sign that an append is under way."""

    asked: threading.Event
    may_end: threading.Event

    def do_GET(self) -> None:
        """Wait."""
        self.asked.set()
        self.may_end.wait(50)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


LINKS = """
with ds:
    links = ds.create_tensor("links", htype="link[image]", sample_compression="png")
    ds.a.append(1)
    links.append(lakebed.link(path + ".png"))
    try:
        ds.extend({"a": range(5), "links": [lakebed.link(f"{base}/{n}") for n in range(5)]})
    except KeyboardInterrupt:
        print(len(ds.a), len(links))
    ds.append({"a": 2, "links": lakebed.link(path + ".png")})
"""


def test_ctrl_c_in_an_append_leaves_none_of_its_batch(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = Sample(array=np.zeros((2, 2, 3), np.uint8)).compressed_bytes("png")
    path.with_suffix(".png").write_bytes(image)
    asked, may_end = threading.Event(), threading.Event()
    monkeypatch.setattr(Stalling, "asked", asked, raising=False)
    monkeypatch.setattr(Stalling, "may_end", may_end, raising=False)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stalling) as server:
        threading.Thread(target=server.serve_forever).start()
        process = start(path, LINKS, f"http://127.0.0.1:{server.server_port}")
        assert asked.wait(50)
        process.send_signal(signal.SIGINT)
        output, complaints = process.communicate(timeout=50)
        may_end.set()
        server.shutdown()
    assert (process.returncode, output, complaints) == (0, "1 1\n", "")
    assert stored(path) == [1, 2]
    assert len(lakebed.load(path, read_only=True).links) == 2


LOOP = """
ds.create_tensor("b", dtype="int64")
with ds:
    print("begun", flush=True)
    for number in range(10**9):
        ds.extend({"a": range(number, number + 5), "b": range(number, number + 5)})
"""


def test_ctrl_c_in_a_block_stores_whole_batches(path: Path) -> None:
    process = start(path, LOOP)
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    process.send_signal(signal.SIGINT)
    _, complaints = process.communicate(timeout=50)
    assert process.returncode == -signal.SIGINT
    assert complaints.strip().splitlines()[-1] == "KeyboardInterrupt"
    values = stored(path)
    assert values == [row + start for start in range(len(values) // 5) for row in range(5)]
    ds = lakebed.load(path, read_only=True)
    assert ds.b.numpy().ravel().tolist() == values
