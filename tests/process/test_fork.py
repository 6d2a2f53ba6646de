"""Use, then fork: children read what the parent opened, whatever its other threads are doing."""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import os
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import lakebed
from lakebed import errors
from tests.process.children import in_child, run
from tests.process.datasets import PHOTOS, ROW, ROWS, Place, dataset, photo, repeats

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.servers.fault_proxy import FaultProxy

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")

LOCK = "dataset_lock.lock"


@contextlib.contextmanager
def busy(*works: Callable[[], object]) -> Iterator[None]:
    """Repeat each of `works` in a thread of its own; what one raises is raised here."""
    over = threading.Event()
    failed: list[BaseException] = []

    def repeat(work: Callable[[], object]) -> None:
        try:
            while not over.is_set():
                work()
        except BaseException as error:  # noqa: BLE001 (raised below)
            failed.append(error)

    threads = [threading.Thread(target=repeat, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()
    if failed:
        raise failed[0]


def test_children_read_while_the_parents_threads_read_write_and_open(place: Place) -> None:
    ds, other = dataset(place), dataset(place, "other")
    other.flush()

    def read() -> None:
        assert (ds.x[:ROWS].numpy() == ROW).all()

    def append() -> None:
        ds.extend({"x": np.zeros((1000, 16), "i8"), "t": ["later"] * 1000})

    def reopen() -> None:
        again = lakebed.load(other.path, creds=place.creds, read_only=True)
        assert again.t[1].text() == "row 1"

    def child() -> None:
        assert ds.read_only
        assert (ds.x[5:8].numpy() == ROW[5:8]).all()
        assert ds.t[7].text() == "row 7"
        assert len(ds.x) >= ROWS
        own = lakebed.empty(f"mem://own-{os.getpid()}")
        own.create_tensor("x")
        own.x.append(1)

    forks = repeats(8 if place.creds else 40, 200)
    with busy(read, append, append, reopen):
        for _ in range(forks):
            in_child(child)


def test_children_read_links_on_connections_of_their_own(
    tmp_path: Path, linked: Callable[[str], lakebed.Dataset], slow_web: FaultProxy
) -> None:
    ds = linked(str(tmp_path / "ds"))

    def read() -> None:
        for at in range(PHOTOS):
            assert (ds.images[at].numpy() == photo(at)).all()

    read()
    before = slow_web.stats().connections
    forks = repeats(3, 60)
    with busy(read, read):
        for _ in range(forks):
            in_child(read)
    assert slow_web.stats().connections >= before + forks


def test_the_first_use_of_the_engine_may_be_in_children() -> None:
    # A process that has forked before it did anything itself.
    program = """
import os, lakebed
ds = lakebed.empty("mem://x")
pid = os.fork()
assert ds.read_only == (pid == 0)
if pid:
    assert os.waitpid(pid, 0)[1] == 0
    ds.create_tensor("x")
    ds.x.append(1)
    pid = os.fork()
    assert (ds.x.numpy() == [[1]]).all()
    if pid:
        assert os.waitpid(pid, 0)[1] == 0
"""
    assert run(program) == ""


def test_a_childs_handle_is_read_only_until_it_opens_its_own(place: Place) -> None:
    ds = dataset(place)
    ds.flush()

    def locked() -> str:
        assert ds.read_only
        with pytest.raises(errors.ReadOnlyModeError, match="forked"):
            ds.t.append("no")
        with pytest.raises(errors.ReadOnlyModeError, match="forked"):
            ds.create_tensor("no")
        if place.root.startswith("mem://"):
            return "a memory dataset is the child's own"
        with pytest.raises(errors.LockedException) as caught:
            lakebed.load(ds.path, creds=place.creds, read_only=False)
        return str(caught.value)

    def write() -> int:
        own = lakebed.load(ds.path, creds=place.creds, read_only=False)
        own.t.append("from the child")
        own.x.append(ROW[0])
        own.close()
        return len(own_again())

    def own_again() -> lakebed.Dataset:
        return lakebed.load(place.path(), creds=place.creds, read_only=True)

    message = in_child(locked)
    assert "memory" in message or f"process {os.getpid()} " in message
    ds.t.append("the parent still writes")
    ds.x.append(ROW[1])
    assert not ds.read_only
    if place.root.startswith("mem://"):
        return
    ds.close()
    assert in_child(write) == ROWS + 2
    assert own_again().t[ROWS + 1].text() == "from the child"


def test_a_childs_child_reads_too(place: Place) -> None:
    ds = dataset(place)

    def grandchild() -> str:
        assert ds.read_only
        return str(ds.t[3].text())

    def child() -> str:
        assert ds.t[2].text() == "row 2"
        return str(in_child(grandchild))

    assert in_child(child) == "row 3"


def test_a_child_neither_releases_nor_renews_the_parents_lock(tmp_path: Path) -> None:
    place = Place(f"{tmp_path}/")
    ds = dataset(place)
    ds.flush()
    lock = tmp_path / "ds" / LOCK
    before = lock.read_bytes()

    def close() -> None:
        ds.close()

    def forget() -> None:
        nonlocal ds
        del ds
        gc.collect()

    for work in (close, forget):
        in_child(work)
        assert lock.read_bytes() == before
    assert not ds.read_only
    ds.t.append("still the writer")
    ds.flush()


def test_a_child_ends_normally_and_leaves_the_parents_work_alone(tmp_path: Path, web: str) -> None:
    # Python's own end, with all its finalizers, in the child as well as in the parent.
    program = """
import os, sys, lakebed
path, url = sys.argv[1:]
ds = lakebed.empty(path)
ds.create_tensor("images", htype="link[image]", sample_compression="png")
ds.create_tensor("t", htype="text")
ds.extend({"images": [lakebed.link(url)] * 3, "t": ["a", "b", "c"]})
assert ds.images[0].numpy().shape == (24, 32, 3)
pid = os.fork()
if pid == 0:
    assert ds.images[1].numpy().shape == (24, 32, 3)
    assert [ds.t[at].text() for at in range(3)] == ["a", "b", "c"]
else:
    assert os.waitpid(pid, 0)[1] == 0
    assert os.path.exists(os.path.join(path, "dataset_lock.lock"))
    ds.t.append("d")
    assert ds.images[2].numpy().shape == (24, 32, 3)
    ds.close()
    print(len(lakebed.load(path, read_only=True).t))
"""
    assert run(program, str(tmp_path / "ds"), f"{web}/0.png") == "4\n"


# --- multiprocessing and a loader as PyTorch has it


_handle: lakebed.Dataset | None = None


def inherited_row(at: int) -> list[int]:
    """Read with the handle that the parent opened."""
    assert _handle is not None
    values: list[int] = _handle.x[at].numpy().tolist()
    return values


def own_row(task: tuple[str, dict[str, str] | None, int]) -> list[int]:
    """Read with a handle of the worker's own."""
    path, creds, at = task
    values: list[int] = lakebed.load(path, creds=creds, read_only=True).x[at].numpy().tolist()
    return values


@pytest.fixture
def handle(place: Place) -> Iterator[lakebed.Dataset]:
    global _handle  # noqa: PLW0603 (workers inherit it by the fork)
    _handle = dataset(place)
    _handle.flush()
    yield _handle
    _handle.close()
    _handle = None


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_pool_of_forked_workers_uses_the_parents_handle(handle: lakebed.Dataset) -> None:
    with multiprocessing.get_context("fork").Pool(3) as pool:
        assert pool.map(inherited_row, range(ROWS)) == ROW.tolist()
    assert (handle.x[0].numpy() == ROW[0]).all()


# A memory dataset belongs to one process.
@pytest.mark.parametrize(
    "place", ["local", pytest.param("s3", marks=pytest.mark.s3)], indirect=True
)
@pytest.mark.parametrize("method", ["spawn", pytest.param("forkserver", marks=pytest.mark.slow)])
def test_workers_of_other_kinds_open_their_own(
    method: str, place: Place, handle: lakebed.Dataset
) -> None:
    rows = range(0, ROWS, 4)
    tasks = [(handle.path, place.creds, at) for at in rows]
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.map(own_row, tasks) == ROW[::4].tolist()


def serve_batches(ds: lakebed.Dataset, asked: Any, ready: Any) -> None:
    """Do what a loader's worker does until it is told to end."""
    while (batch := asked.get()) is not None:
        ready.put((batch, ds.x[batch].numpy(), ds.t[batch].data()["value"]))


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_loader_of_forked_workers_reads_epoch_after_epoch(handle: lakebed.Dataset) -> None:
    context = multiprocessing.get_context("fork")
    asked, ready = context.Queue(), context.Queue()
    arguments = (handle, asked, ready)
    workers = [context.Process(target=serve_batches, args=arguments) for _ in range(2)]
    for worker in workers:
        worker.start()
    order = np.random.default_rng(0).permutation(ROWS).tolist()
    batches = [order[at : at + 8] for at in range(0, ROWS, 8)]
    for _epoch in range(3):
        for batch in batches:
            asked.put(batch)
        for _ in batches:
            batch, values, texts = ready.get(timeout=20)
            assert (values == ROW[batch]).all()
            assert texts == [f"row {at}" for at in batch]
    for _ in workers:
        asked.put(None)
    for worker in workers:
        worker.join(20)
        assert worker.exitcode == 0
