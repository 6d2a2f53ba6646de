"""Lives of handles: second ones, and their end.

Threads are in `test_threads.py`, processes that end or are interrupted in `test_ends.py`.
"""

from __future__ import annotations

import contextlib
import gc
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import lakebed
from lakebed import errors

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


# --- a second writable handle


@pytest.mark.parametrize("spelling", ["same", "slash", "dots", "relative", "link", "branch"])
def test_a_second_handle_takes_over_however_its_path_is_written(
    ds: lakebed.Dataset, path: Path, monkeypatch: pytest.MonkeyPatch, spelling: str
) -> None:
    monkeypatch.chdir(path.parent)
    (path.parent / "link").symlink_to(path)
    spelled = {
        "same": str(path),
        "slash": f"{path}/",
        "dots": f"{path}/../{path.name}",
        "relative": path.name,
        "link": "link",
        "branch": f"{path}@main",
    }[spelling]
    with ds:
        ds.append({"a": 1, "b": "x"})
        second = lakebed.load(spelled)
        assert numbers(second) == [1], "what waited in the first is there"
        with pytest.raises(errors.ReadOnlyModeError) as refused:
            ds.append({"a": 2, "b": "y"})
    assert f"another handle of this process opened {path} for writing" in str(refused.value)
    assert refused.value.path == str(path)
    assert refused.value.hint is not None
    assert "open it again" in refused.value.hint
    second.append({"a": 3, "b": "z"})
    assert numbers(ds) == [1], "the first reads what was there when it was taken over"
    ds.flush()
    ds.close()
    assert (path / LOCK).exists(), "the lock is the second's"
    second.append({"a": 4, "b": "z"})
    second.close()
    assert not list(path.rglob("*.lock"))
    assert numbers(on_disk(path)) == [1, 3, 4]


def test_two_memory_stores_of_one_name_are_one_dataset() -> None:
    first = lakebed.empty("mem://handles")
    first.create_tensor("a", dtype="int64")
    with first:
        first.a.append(1)
        second = lakebed.load("mem://handles")
    assert first.read_only
    assert numbers(second) == [1]


def test_branches_are_written_side_by_side(in_the_corpus: Path, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(in_the_corpus / "v3" / "branches_chunks" / "ds", tmp_path / "ds")
    main, other = (lakebed.load(f"{tmp_path}/ds@{branch}") for branch in ("main", "side"))
    assert (main.branch, other.branch) == ("main", "side")
    assert not main.read_only
    assert not other.read_only


def test_changes_inside_of_infos_go_over_to_a_second_handle(
    ds: lakebed.Dataset, path: Path
) -> None:
    ds.info["list"] = [1]
    ds.a.info["list"] = [1]
    ds.info["list"].append(2)
    ds.a.info["list"].append(2)
    second = lakebed.load(path)
    assert second.info == second.a.info == {"list": [1, 2]}
    second.info["list"].append(3)
    second.info["mine"] = True
    second.a.info["list"].append(3)
    ds.close()
    second.close()
    assert on_disk(path).info == {"list": [1, 2, 3], "mine": True}
    assert on_disk(path).a.info == {"list": [1, 2, 3]}


def test_changes_inside_of_infos_of_a_read_only_handle_are_warned_of(
    ds: lakebed.Dataset, path: Path
) -> None:
    ds.info["list"] = [1]
    ds.a.info["list"] = [1]
    second = lakebed.load(path)
    ds.info["list"].append(2)
    with pytest.warns(RuntimeWarning, match=r"read-only: changes inside of ds\.info were not"):
        ds.flush()
    assert ds.info == {"list": [1]}, "what is stored"
    ds.a.info["list"].append(2)
    with pytest.warns(RuntimeWarning, match=r"changes inside of ds\['a'\]\.info were not stored"):
        ds.close()
    assert second.info == second.a.info == {"list": [1]}


def test_a_first_handle_that_is_dropped_leaves_the_lock_to_the_second(path: Path) -> None:
    ds = lakebed.empty(path)
    with ds:
        ds.create_tensor("a", dtype="int64")
        ds.a.append(1)
        ds = lakebed.load(path)
    gc.collect()
    assert not ds.read_only
    assert (path / LOCK).exists()
    ds.a.append(2)
    assert numbers(on_disk(path)) == [1, 2]


def test_read_only_handles_are_left_alone(ds: lakebed.Dataset, path: Path) -> None:
    reader = on_disk(path)
    second = lakebed.load(path)
    third = on_disk(path)
    assert ds.read_only
    assert not second.read_only
    reader.close()
    third.close()
    second.append({"a": 1, "b": "x"})
    assert (path / LOCK).exists()


def test_writing_goes_back_to_whoever_asks_for_it(ds: lakebed.Dataset, path: Path) -> None:
    second = lakebed.load(path)
    ds.read_only = False
    ds.append({"a": 1, "b": "x"})
    with pytest.raises(errors.ReadOnlyModeError):
        second.append({"a": 2, "b": "y"})
    assert numbers(on_disk(path)) == [1]


def test_opening_at_once_from_threads_leaves_one_writer(ds: lakebed.Dataset, path: Path) -> None:
    count = 8
    ds.close()
    start, end = threading.Barrier(count), threading.Barrier(count)

    def work(thread: int) -> tuple[bool, list[int]]:
        start.wait()
        # Without the warning that another thread was faster still.
        handle = lakebed.load(path, verbose=False)
        appended = []
        for number in range(thread * 100, thread * 100 + 10):
            try:
                handle.append({"a": number, "b": ""})
            except errors.ReadOnlyModeError:
                break
            appended.append(number)
        end.wait()
        return handle.read_only, appended

    with ThreadPoolExecutor(count) as pool:
        outcomes = list(pool.map(work, range(count)))
    assert [read_only for read_only, _ in outcomes].count(False) == 1
    kept = sorted(number for _, appended in outcomes for number in appended)
    assert sorted(numbers(on_disk(path))) == kept


# --- the end of a handle


def test_every_property_of_a_closed_dataset_answers_or_says_that_it_is_closed(
    ds: lakebed.Dataset, path: Path
) -> None:
    ds.create_group("g")
    ds.info["k"] = [1]
    ds.append({"a": 1, "b": "x"}, skip_ok=True)
    tensor, info, view, group = ds.a, ds.info, ds[0:1], ds["g"]
    shown = repr(tensor)
    ds.close()
    assert repr(ds) == str(ds) == f"Dataset(path={str(path)!r}, closed=True)"
    assert repr(view) == repr(group) == repr(ds)
    assert (repr(tensor), repr(info)) == (shown, "Info(closed=True)")
    assert (ds.path, ds.read_only, bool(ds), ds.is_view) == (str(path), True, True, False)
    assert (group.group_index, view.is_view) == ("g", True)
    assert ds == ds.root
    assert ds.storage.url == str(path)
    assert "a" not in dir(ds)
    assert "k" not in dir(info)
    hash(ds)
    _ = [ds.index, group.parent, tensor.name, tensor.index]
    quiet = set("path storage read_only index is_view root parent group_index info".split())
    for owner, cls in ((ds, lakebed.Dataset), (tensor, lakebed.Tensor)):
        names = [name for name in dir(cls) if isinstance(getattr(cls, name), property)]
        assert len(names) > 10
        for name in set(names) - quiet:
            with pytest.raises(errors.ClosedError, match="was closed") as closed:
                list(found if hasattr(found := getattr(owner, name), "__next__") else [found])
            assert (closed.value.path, closed.value.hint) == (
                str(path),
                "open it again with load()",
            )


def test_methods_of_a_closed_dataset_say_that_it_is_closed(ds: lakebed.Dataset) -> None:
    tensor, info = ds.a, ds.info
    ds.close()
    uses: list[Callable[[], object]] = [
        lambda: len(ds),
        lambda: ds["a"],
        lambda: ds.a,
        lambda: "a" in ds,
        lambda: list(ds),
        lambda: ds[0],
        lambda: ds.append({"a": 1, "b": "x"}),
        lambda: ds.extend({"a": [1], "b": ["x"]}),
        lambda: ds.create_tensor("c"),
        lambda: ds.create_group("h"),
        lambda: ds.populate_creds("k", {}),
        lambda: setattr(ds, "read_only", True),
        lambda: setattr(ds, "allow_delete", False),
        lambda: setattr(ds, "info", {}),
        ds.flush,
        ds.summary,
        ds.log,
        ds.delete,
        ds.get_creds_keys,
        tensor.numpy,
        tensor.data,
        tensor.shapes,
        tensor.summary,
        lambda: len(tensor),
        lambda: tensor[0],
        lambda: tensor.append(1),
        lambda: np.asarray(tensor),
        lambda: info["k"],
        lambda: len(info),
        lambda: info.update(k=1),
    ]
    for number, use in enumerate(uses):
        with pytest.raises(errors.ClosedError):
            pytest.fail(f"use {number} gave {use()!r}")


def test_a_tensor_or_an_info_alone_keeps_the_dataset_open(path: Path) -> None:
    tensor = lakebed.empty(path).create_tensor("a", dtype="int64")
    gc.collect()
    tensor.append(1)
    info = tensor.info
    del tensor
    gc.collect()
    assert (path / LOCK).exists()
    info["k"] = 1
    del info
    assert not (path / LOCK).exists(), "no cycle of ours has to be collected first"
    assert on_disk(path).a.info == {"k": 1}


def test_what_waits_in_a_dropped_handle_is_stored(path: Path) -> None:
    def leave_open() -> None:
        ds = lakebed.empty(path)
        ds.create_tensor("a", dtype="int64")
        ds.__enter__()
        ds.a.append(1)
        ds.info["list"] = [1]
        ds.info["list"].append(2)
        cycle: list[Any] = [ds]
        cycle.append(cycle)

    leave_open()
    gc.collect()
    assert not (path / LOCK).exists()
    assert numbers(on_disk(path)) == [1]
    assert on_disk(path).info == {"list": [1, 2]}


@pytest.fixture
def unwritable(ds: lakebed.Dataset, path: Path) -> lakebed.Dataset:
    """Give a dataset with three samples that cannot be stored: its folder is a file by now."""
    ds.__enter__()
    ds.extend({"a": [1, 2], "b": ["x", "y"]})
    ds.a.append(3)
    path.rename(path.with_name("away"))
    path.write_text("")
    return ds


def test_close_says_what_could_not_be_stored(unwritable: lakebed.Dataset, path: Path) -> None:
    with pytest.raises(errors.StorageError, match="5 samples are lost") as failed:
        unwritable.close()
    assert failed.value.path == str(path)
    assert repr(unwritable).endswith("closed=True)")
    unwritable.close()
    with pytest.raises(errors.ClosedError):
        unwritable.flush()


def test_a_dropped_handle_warns_of_what_is_lost(path: Path) -> None:
    ds = lakebed.empty(path)
    ds.create_tensor("a", dtype="int64")
    ds.__enter__()
    ds.a.extend([1, 2])
    path.rename(path.with_name("away"))
    path.write_text("")
    with pytest.warns(RuntimeWarning, match=rf"{path} was left open: .* 2 samples are lost"):
        del ds


def test_a_flush_that_failed_can_be_repeated(unwritable: lakebed.Dataset, path: Path) -> None:
    with pytest.raises(errors.StorageError):
        unwritable.flush()
    assert len(unwritable.a) == 3
    path.unlink()
    path.with_name("away").rename(path)
    unwritable.flush()
    assert numbers(on_disk(path)) == [1, 2, 3]


def test_an_info_that_is_no_json_does_not_keep_the_lock(ds: lakebed.Dataset, path: Path) -> None:
    ds.info["list"] = []
    ds.info["list"].append(object())
    with pytest.raises(errors.InvalidInputError, match="JSON"):
        ds.flush()
    with pytest.raises(errors.InvalidInputError, match="JSON"):
        ds.close()
    assert not (path / LOCK).exists()
    ds.close()


def test_close_waits_for_a_change_and_lets_reads_end(ds: lakebed.Dataset, path: Path) -> None:
    ds.extend({"a": np.arange(1000), "b": [""] * 1000})
    outcomes: list[object] = []
    started = threading.Semaphore(0)

    def use(what: Callable[[], object]) -> None:
        try:
            while True:
                what()
                started.release()
        except errors.LakebedError as error:
            outcomes.append(error)

    def append_row() -> None:
        # Once the other thread has made the columns differ in length, rows are refused.
        with contextlib.suppress(errors.InvalidInputError):
            ds.append({"a": 1, "b": ""})

    uses: list[Callable[[], object]] = [
        ds.a.numpy,
        lambda: len(ds),
        lambda: ds.a.append(1),
        append_row,
        ds.flush,
    ]
    threads = [threading.Thread(target=use, args=(what,)) for what in uses]
    for thread in threads:
        thread.start()
    for _ in range(50):
        started.acquire()
    ds.close()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    assert {type(outcome) for outcome in outcomes} == {errors.ClosedError}
    assert not (path / LOCK).exists()
    assert len(on_disk(path).a) >= 1000


def test_read_only_flushes_and_keeps_creds(ds: lakebed.Dataset, path: Path) -> None:
    ds.add_creds_key("k")
    ds.populate_creds("k", {"Authorization": "x"})
    with ds:
        ds.append({"a": 1, "b": "x"})
        ds.info["list"] = [1]
        ds.info["list"].append(2)
        ds.read_only = True
        assert numbers(on_disk(path)) == [1]
        assert on_disk(path).info == {"list": [1, 2]}
    ds.read_only = False
    assert ds.get_creds_keys() == {"k"}
    ds.append({"a": 2, "b": "y"})
    assert numbers(on_disk(path)) == [1, 2]


def test_allow_delete_can_be_set(ds: lakebed.Dataset, path: Path) -> None:
    assert ds.allow_delete
    ds.allow_delete = False
    assert not on_disk(path).allow_delete
    with pytest.raises(errors.DatasetHandlerError, match="allow_delete"):
        ds.delete()
    with pytest.raises(errors.ReadOnlyModeError):
        on_disk(path).allow_delete = True
    ds.allow_delete = True
    ds.delete()
    assert not os.path.lexists(path)
