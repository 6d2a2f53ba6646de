"""Children that are killed in the midst of reading: nobody else notices, nothing is left behind."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING, Any

import pytest

import lakebed
from lakebed import errors
from tests.process.children import ROOT
from tests.process.datasets import ROW, ROWS, Place, dataset, repeats

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings(
    "ignore:This process .* is multi-threaded:DeprecationWarning"
)

READER = """
import signal, sys, lakebed
asked_to_end = []
signal.signal(signal.SIGTERM, lambda *_: asked_to_end.append(True))
ds = lakebed.load(sys.argv[1], read_only=True, memory_cache_size=0)
expected = ds.x.numpy()
print("reading", flush=True)
while not asked_to_end:
    assert (ds.x.numpy() == expected).all()
assert (ds.x.numpy() == expected).all()
"""
WRITER = """
import sys, numpy, lakebed
ds = lakebed.load(sys.argv[1])
for number in range(10 ** 6):
    ds.extend({"x": numpy.full((100, 16), number), "t": [str(number)] * 100})
    ds.flush()
    print("stored", flush=True)
"""


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give the folder of a dataset that nobody has open."""
    dataset(Place(f"{tmp_path}/")).close()
    return tmp_path / "ds"


def started(program: str, folder: Path) -> subprocess.Popen[str]:
    """Start a process and wait until it has said its first word."""
    command = [sys.executable, "-c", program, str(folder)]
    process = subprocess.Popen(  # noqa: S603 - the program is ours
        command, stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert process.stdout is not None
    assert process.stdout.readline()
    return process


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait(10)
    assert process.stdout is not None
    process.stdout.close()


def test_a_killed_reader_leaves_nothing_and_its_siblings_read_on(folder: Path) -> None:
    before = files(folder)
    readers = [started(READER, folder) for _ in range(3)]
    for process in readers[:2]:
        kill(process)
    readers[2].terminate()
    assert readers[2].wait(20) == 0, "it reads once more, and ends"
    kill(readers[2])
    assert files(folder) == before
    ds = lakebed.load(folder)
    assert not ds.read_only
    assert (ds.x.numpy() == ROW).all()


def read_for_ever(ds: lakebed.Dataset, ready: Any) -> None:
    while True:
        assert (ds.x.numpy() == ROW).all()
        ready.set()


def test_killed_forks_leave_the_parents_handle_alone(folder: Path) -> None:
    ds = lakebed.load(folder, memory_cache_size=0)
    context = multiprocessing.get_context("fork")
    for _ in range(5):
        ready = context.Event()
        child = context.Process(target=read_for_ever, args=(ds, ready))
        child.start()
        assert ready.wait(20)
        assert child.pid is not None
        os.kill(child.pid, signal.SIGKILL)
        child.join(20)
        assert child.exitcode == -signal.SIGKILL
        assert (ds.x.numpy() == ROW).all()
    assert not ds.read_only
    ds.append({"x": ROW[0], "t": "still the writer"})
    ds.close()


def row_or_death(task: tuple[str, int]) -> list[int]:
    path, at = task
    ds = lakebed.load(path, read_only=True, memory_cache_size=0)
    if at < 0:
        # Dies while its other thread reads.
        threading.Thread(target=lambda: [ds.x.numpy() for _ in range(10**6)], daemon=True).start()
        assert len(ds.x[:].numpy()) == ROWS
        os.kill(os.getpid(), signal.SIGKILL)
    values: list[int] = ds.x[at].numpy().tolist()
    return values


def test_a_pool_whose_worker_was_killed_says_so_and_a_new_one_works(folder: Path) -> None:
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        assert pool.submit(row_or_death, (str(folder), 3)).result(20) == ROW[3].tolist()
        with pytest.raises(BrokenProcessPool):
            pool.submit(row_or_death, (str(folder), -1)).result(20)
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        tasks = [(str(folder), at) for at in range(8)]
        assert list(pool.map(row_or_death, tasks, timeout=20)) == ROW[:8].tolist()


def test_readers_of_a_killed_writer_get_right_values_or_an_error(tmp_path: Path) -> None:
    for number in range(repeats(2, 20)):
        # A dataset for each: what a killed writer leaves cannot always be opened for writing.
        dataset(Place(f"{tmp_path / str(number)}/")).close()
        folder = tmp_path / str(number) / "ds"
        writer = started(WRITER, folder)
        reader = lakebed.load(folder, read_only=True, memory_cache_size=0)
        kill(writer)
        for ds in (reader, *opened(folder)):
            length = min(len(ds.x), len(ds.t))
            assert (ds.x[:ROWS].numpy() == ROW).all()
            assert ds.t[:ROWS].data()["value"] == [f"row {at}" for at in range(ROWS)]
            values, texts = ds.x[ROWS:length].numpy(), ds.t[ROWS:length].data()["value"]
            assert [str(row[0]) for row in values] == texts


def opened(folder: Path) -> list[lakebed.Dataset]:
    """Open the dataset anew, where what the writer left can be opened."""
    try:
        return [lakebed.load(folder, read_only=True)]
    except errors.DatasetCorruptError:
        return []
