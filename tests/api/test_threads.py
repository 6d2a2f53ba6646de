"""One handle, many threads: blocks, batches, readers and writers."""

from __future__ import annotations

import http.server
import os
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tqdm.auto

import lakebed
from lakebed import Sample, errors

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LOCK = "dataset_lock.lock"


@pytest.fixture
def ds(path: Path) -> lakebed.Dataset:
    """Give a writable dataset with two tensors."""
    ds = lakebed.empty(path)
    with ds:
        ds.create_tensor("a", dtype="int64")
        ds.create_tensor("b", htype="text")
    return ds


def on_disk(path: Path) -> lakebed.Dataset:
    return lakebed.load(path, read_only=True)


def numbers(ds: lakebed.Dataset) -> list[int]:
    found: list[int] = ds.a.numpy().ravel().tolist()
    return found


def test_a_block_in_each_of_two_threads(ds: lakebed.Dataset, path: Path) -> None:
    inside, left = threading.Event(), threading.Event()

    def other() -> None:
        with ds, ds:
            ds.append({"a": 2, "b": "y"})
            inside.set()
            left.wait(30)
            ds.append({"a": 3, "b": "z"})

    thread = threading.Thread(target=other)
    with ds:
        ds.append({"a": 1, "b": "x"})
        thread.start()
        assert inside.wait(30)
        assert len(on_disk(path)) == 0
    assert numbers(on_disk(path)) == [1, 2], "the end of a block stores what it wrote"
    ds.append({"a": 9, "b": ""})
    assert len(on_disk(path)) == 2, "the other thread's block collects all changes"
    left.set()
    thread.join(30)
    assert numbers(on_disk(path)) == [1, 2, 9, 3]
    ds.append({"a": 4, "b": ""})
    assert len(on_disk(path)) == 5


def test_a_block_that_is_left_by_another_thread(ds: lakebed.Dataset, path: Path) -> None:
    ds.__enter__()
    ds.append({"a": 1, "b": "x"})
    thread = threading.Thread(target=ds.__exit__, args=(None, None, None))
    thread.start()
    thread.join(30)
    assert numbers(on_disk(path)) == [1]
    with ds:
        ds.append({"a": 2, "b": "x"})
    ds.append({"a": 3, "b": "x"})
    assert numbers(on_disk(path)) == [1, 2, 3]


def test_a_batch_that_fails_in_a_block_is_left_out_whole(ds: lakebed.Dataset, path: Path) -> None:
    def session() -> None:
        with ds:
            ds.append({"a": 1, "b": "x"})
            ds.extend({"a": [2, 3], "b": ["y", object()]})

    with pytest.raises(errors.SampleExtendError):
        session()
    assert (path / LOCK).exists(), "the lock is kept until close()"
    assert numbers(on_disk(path)) == [1]
    assert on_disk(path).b.text() == ["x"]


class Stalling(http.server.BaseHTTPRequestHandler):
    """Gives the same image for every path, that of `/second` only once it may."""

    image = Sample(array=np.zeros((2, 2, 3), np.uint8)).compressed_bytes("png")
    may_end: threading.Event

    def do_GET(self) -> None:
        """Answer."""
        if self.path == "/second":
            self.may_end.wait(30)
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.image)))
        self.end_headers()
        self.wfile.write(self.image)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def test_changes_out_of_a_callback_are_refused(
    ds: lakebed.Dataset, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused: list[type[Exception]] = []
    may_end = threading.Event()

    class Bar(tqdm.auto.tqdm):  # type: ignore[type-arg]
        def update(self, n: float | None = 1) -> bool | None:
            if not may_end.is_set():
                for use in (lambda: ds.a.append(2), ds.flush, ds.close, lambda: lakebed.load(path)):
                    try:
                        use()
                    except errors.LakebedError as error:
                        refused.append(type(error))
                may_end.set()
            return super().update(n)

    monkeypatch.setattr(tqdm.auto, "tqdm", Bar)
    monkeypatch.setattr(Stalling, "may_end", may_end, raising=False)
    links = ds.create_tensor("links", htype="link[image]", sample_compression="png")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stalling) as server:
        threading.Thread(target=server.serve_forever).start()
        base = f"http://127.0.0.1:{server.server_port}"
        links.extend([lakebed.link(f"{base}/{name}") for name in ("first", "second")], True)
        server.shutdown()
    assert refused == [errors.ConflictError] * 4
    assert not ds.read_only
    assert (len(ds.a), len(links)) == (0, 2)


def test_every_change_that_returned_is_stored_when_another_thread_closes(
    ds: lakebed.Dataset, path: Path
) -> None:
    confirmed: list[int] = []
    enough = threading.Event()

    def write(writer: int) -> None:
        for number in range(writer, 10**6, 3):
            try:
                ds.append({"a": number, "b": ""})
                ds.info[str(number)] = number
            except errors.ClosedError:
                return
            confirmed.append(number)
            if len(confirmed) >= 10:
                enough.set()

    with ThreadPoolExecutor(3) as pool:
        writing = [pool.submit(write, writer) for writer in range(3)]
        assert enough.wait(30)
        ds.close()
        for task in writing:
            task.result(30)
    stored = on_disk(path)
    left = sorted(set(numbers(stored)) - set(confirmed))
    assert set(confirmed) <= set(numbers(stored))
    assert len(left) <= 3, "a row each whose info came too late"
    assert set(stored.info.values()) >= set(confirmed)
    assert len(stored.a) == len(stored.b)


def test_a_tensor_is_created_once_for_all_threads(ds: lakebed.Dataset) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: ds.create_tensor("c", exist_ok=True), range(16)))
    assert all(tensor == ds.c for tensor in made)


def test_the_only_writer_of_an_info_is_not_overtaken(ds: lakebed.Dataset, path: Path) -> None:
    with ds, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: ds.info.update({str(key): key}), range(64)))
    assert on_disk(path).info == {str(key): key for key in range(64)}


def test_labels_from_threads_keep_their_names(path: Path) -> None:
    ds = lakebed.empty(path)
    ds.create_tensor("l", htype="class_label")
    names = [f"name {number}" for number in range(40)]
    done = threading.Event()
    seen: list[Any] = []

    def read() -> None:
        while not done.is_set():
            seen.append(ds.l.data())

    reader = threading.Thread(target=read)
    with warnings.catch_warnings(), ds, ThreadPoolExecutor(8) as pool:
        reader.start()
        list(pool.map(ds.l.append, names))
        done.set()
        reader.join(30)
    found = on_disk(path).l.data()["text"]
    assert sorted(text for (text,) in found) == sorted(names)
    assert all(len(data["text"]) == len(data["value"]) for data in seen)


class Batches:
    """Rows of three tensors, written in batches of five by some threads and read by others."""

    size = 5

    def __init__(self, path: Path) -> None:
        # So small a cache and chunks that reads go to the store.
        self.ds = lakebed.empty(path, memory_cache_size=0)
        with self.ds:
            self.ds.create_tensor("n", dtype="int64", max_chunk_size=4096)
            self.ds.create_tensor("ragged", dtype="int64", max_chunk_size=4096)
            self.ds.create_tensor("t", htype="text")
        self.done = threading.Event()

    def write(self, first: int) -> None:
        """Append a batch."""
        rows = range(first, first + self.size)
        samples = {
            "n": np.array(rows),
            "ragged": [np.full(row % 4 + 1, row) for row in rows],
            "t": [str(row) for row in rows],
        }
        if first % 3:
            self.ds.extend(samples)
            return
        with self.ds:
            self.ds.extend(samples)

    def check(self) -> None:
        """Read everything that is there: always whole batches."""
        count = len(self.ds)
        values = self.ds.n.numpy().ravel()
        assert count <= len(values)
        assert len(values) % self.size == count % self.size == 0
        batches = values.reshape(-1, self.size)
        assert (batches - batches[:, :1] == np.arange(self.size)).all(), "values of two batches"
        ragged = self.ds.ragged[: len(values)].numpy(aslist=True)
        assert [set(row.tolist()) for row in ragged] == [{value} for value in values.tolist()]
        texts = [view.text() for view in self.ds.t[:count]]
        assert texts == [str(value) for value in values[:count]]
        assert len(self.ds.n.shapes()) % self.size == 0

    def until_done(self, what: Callable[[], object]) -> None:
        """Do something again and again."""
        what()
        while not self.done.is_set():
            what()


def test_readers_and_writers_of_one_handle_see_whole_batches(path: Path) -> None:
    count = int(os.environ.get("LAKEBED_TEST_EXAMPLES", "90"))
    batches = Batches(path)
    with ThreadPoolExecutor(3) as helpers, ThreadPoolExecutor(3) as writers:
        tasks = [
            helpers.submit(batches.until_done, what)
            for what in (batches.check, batches.check, batches.ds.flush)
        ]
        try:
            list(writers.map(batches.write, range(0, count * batches.size, batches.size)))
        finally:
            batches.done.set()
        for task in tasks:
            task.result(30)
    stored = on_disk(path)
    assert sorted(stored.n.numpy().ravel().tolist()) == [*range(count * batches.size)]
    ids = stored["_n_id"].numpy().ravel()
    assert len(np.unique(ids)) == len(ids) == count * batches.size


def test_read_only_can_be_set_while_others_read(ds: lakebed.Dataset, path: Path) -> None:
    ds.extend({"a": np.arange(100), "b": [""] * 100})
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            assert len(ds.a.numpy()) == 100

    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read)
        for _ in range(10):
            ds.read_only = True
            assert not (path / LOCK).exists()
            ds.read_only = False
            assert (path / LOCK).exists()
        done.set()
        reading.result(30)
