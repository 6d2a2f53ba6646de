"""Many threads on one handle and on many, the engine's first use included."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING

import numpy as np
import pytest

import lakebed
from tests.process.children import run
from tests.process.datasets import ROW, ROWS, Place, dataset

if TYPE_CHECKING:
    from pathlib import Path

THREADS = 8


@pytest.fixture
def ds(tmp_path: Path) -> lakebed.Dataset:
    ds = dataset(Place(f"{tmp_path}/"))
    ds.flush()
    return ds


def test_threads_share_a_handle(ds: lakebed.Dataset) -> None:
    at_once = Barrier(THREADS)

    def read(thread: int) -> None:
        at_once.wait()
        for at in range(thread, ROWS, 3):
            assert (ds.x[at].numpy() == ROW[at]).all()
            assert ds.t[at].text() == f"row {at}"
            assert (ds.x[at:].numpy() == ROW[at:]).all()

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(read, range(THREADS)))


def test_threads_have_handles_of_their_own(ds: lakebed.Dataset) -> None:
    at_once = Barrier(THREADS)

    def read(_thread: int) -> list[str]:
        at_once.wait()
        own = lakebed.load(ds.path, read_only=True)
        assert (own.x.numpy() == ROW).all()
        values: list[str] = own.t.data()["value"]
        return values

    with ThreadPoolExecutor(THREADS) as pool:
        answers = list(pool.map(read, range(THREADS)))
    assert answers == [[f"row {at}" for at in range(ROWS)]] * THREADS


def test_threads_append_to_one_handle_row_by_row_and_none_is_lost(ds: lakebed.Dataset) -> None:
    def append(thread: int) -> None:
        for number in range(20):
            ds.append({"x": np.full(16, thread), "t": f"{thread}.{number}"})

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(append, range(THREADS)))
    texts = ds.t[ROWS:].data()["value"]
    assert sorted(texts) == sorted(f"{thread}.{n}" for thread in range(THREADS) for n in range(20))
    # One append is one change: the columns of a row belong together.
    threads = ds.x[ROWS:].numpy()[:, 0].tolist()
    assert threads == [int(text.split(".")[0]) for text in texts]
    ds.flush()
    assert len(lakebed.load(ds.path, read_only=True).t) == len(ds.t)


def test_threads_add_class_names_of_their_own(tmp_path: Path) -> None:
    ds = lakebed.empty(tmp_path / "ds")
    ds.create_tensor("labels", htype="class_label")
    at_once = Barrier(THREADS)

    def append(thread: int) -> None:
        at_once.wait()
        for number in range(10):
            ds.labels.append(f"class {thread}.{number}")

    with ds, ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(append, range(THREADS)))
    names = [f"class {thread}.{number}" for thread in range(THREADS) for number in range(10)]
    again = lakebed.load(tmp_path / "ds", read_only=True)
    assert sorted(text for [text] in again.labels.data()["text"]) == names
    assert sorted(again.labels.info["class_names"]) == names


def test_reads_go_on_while_a_large_batch_is_packed(tmp_path: Path) -> None:
    # Large enough to be packed beside the state, with several chunks and companions.
    batch = np.random.default_rng(0).integers(0, 256, (80, 1 << 20), dtype=np.uint8)
    ds = lakebed.empty(tmp_path / "ds")
    ds.create_tensor("x", dtype="uint8", create_id_tensor=True)
    ds.x.append(batch[3])

    def read() -> None:
        while len(ds.x) == 1:
            assert (ds.x[0].numpy() == batch[3]).all()
        assert len(ds.x) == 1 + len(batch)

    with ThreadPoolExecutor(2) as pool:
        reading = pool.submit(read)
        ds.x.extend(batch)
        reading.result(20)
    ds.flush()
    again = lakebed.load(tmp_path / "ds", read_only=True)
    assert (again.x[1:].numpy() == batch).all()
    assert again.x.shape == (81, 1 << 20)


def test_the_engine_is_first_used_by_many_threads_at_once(ds: lakebed.Dataset) -> None:
    program = """
import sys, threading, lakebed
at_once, wrong = threading.Barrier(8), []
def first():
    at_once.wait()
    ds = lakebed.load(sys.argv[1], read_only=True)
    if ds.t[5].text() != "row 5":
        wrong.append(ds.t[5].text())
threads = [threading.Thread(target=first) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(wrong)
"""
    assert run(program, ds.path) == "[]\n"
