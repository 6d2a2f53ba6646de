"""Rows and samples are added: all or none of a call, written when it says."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import lakebed
from lakebed import errors

if TYPE_CHECKING:
    from pathlib import Path

LENGTHS = {"a": 0, "b": 0}


@pytest.fixture
def two(fresh: lakebed.Dataset) -> lakebed.Dataset:
    """Give a dataset of a number and a text."""
    fresh.create_tensor("a", dtype="int32")
    fresh.create_tensor("b", htype="text")
    return fresh


def lengths(ds: lakebed.Dataset) -> dict[str, int]:
    return {name: len(tensor) for name, tensor in ds.tensors.items()}


def on_disk(path: Path) -> lakebed.Dataset:
    return lakebed.load(path, read_only=True)


def test_a_row(two: lakebed.Dataset, path: Path) -> None:
    two.append({"a": 1, "b": "x"})
    assert (on_disk(path).a.numpy().tolist(), on_disk(path).b.text()) == ([[1]], ["x"])


def test_rows(two: lakebed.Dataset, path: Path) -> None:
    two.extend({"a": range(3), "b": ("x", "y", "z")})
    two.extend({"a": np.arange(2, dtype="i4"), "b": (text for text in "pq")})
    two.extend({})
    assert on_disk(path).a.numpy().ravel().tolist() == [0, 1, 2, 0, 1]
    assert on_disk(path).b.text() == ["x", "y", "z", "p", "q"]


def test_append_after_reopening(two: lakebed.Dataset, path: Path) -> None:
    for row in range(5):
        two.append({"a": row, "b": str(row)})
        two.close()
        two = lakebed.load(path)
    assert two.a.numpy().ravel().tolist() == [0, 1, 2, 3, 4]
    assert two.b.text() == ["0", "1", "2", "3", "4"]


def test_missing_tensors(two: lakebed.Dataset) -> None:
    for call, given in ((two.append, {"a": 1}), (two.extend, {"a": [1]}), (two.append, {})):
        with pytest.raises(KeyError, match="missing"):
            call(given)
    two.append({"a": 1}, append_empty=True)
    two.extend({"b": ["x", "y"]}, append_empty=True)
    assert lengths(two) == {"a": 3, "b": 3}
    assert two.b.text() == ["", "x", "y"]
    assert [value.shape for value in two.a.numpy(aslist=True)] == [(1,), (0,), (0,)]
    two.append({"a": 1}, skip_ok=True)
    assert lengths(two) == {"a": 4, "b": 3}


def test_tensors_of_different_lengths_get_no_rows(two: lakebed.Dataset) -> None:
    two.a.append(1)
    with pytest.raises(ValueError, match="same length"):
        two.append({"a": 1, "b": "x"})
    two.append({"b": "x"}, skip_ok=True)
    two.append({"a": 1, "b": "x"})
    assert lengths(two) == {"a": 2, "b": 2}


@pytest.mark.parametrize("skip_ok", [False, True])
def test_unknown_tensors(two: lakebed.Dataset, skip_ok: bool) -> None:
    with pytest.raises(errors.TensorDoesNotExistError):
        two.append({"a": 1, "b": "x", "zz": 1}, skip_ok=skip_ok)
    two.create_tensor("g/c")
    with pytest.raises(errors.TensorDoesNotExistError, match="group"):
        two.append({"a": 1, "b": "x", "g": {"c": 1}}, skip_ok=skip_ok)
    assert lengths(two) == {"a": 0, "b": 0, "g/c": 0}


def test_columns_of_different_lengths(two: lakebed.Dataset) -> None:
    with pytest.raises(ValueError, match="different lengths"):
        two.extend({"a": [1, 2], "b": ["x"]})
    assert lengths(two) == LENGTHS


@pytest.mark.parametrize("given", [3, [1], "x", None])
def test_rows_are_dicts(two: lakebed.Dataset, given: Any) -> None:
    for call in (two.append, two.extend):
        with pytest.raises(errors.SampleAppendingError):
            call(given)


@pytest.mark.parametrize(
    ("name", "value", "cause"),
    [
        ("a", 1.5, errors.TensorDtypeMismatchError),
        ("a", "text", TypeError),
        ("a", [[1], [2]], errors.TensorInvalidSampleShapeError),
        ("b", {"a": 1}, TypeError),
        ("b", "\udc00", ValueError),
    ],
    ids=["dtype", "type", "rank", "text", "surrogate"],
)
def test_a_bad_sample_in_the_middle(
    two: lakebed.Dataset, path: Path, name: str, value: Any, cause: type[Exception]
) -> None:
    two.append({"a": 0, "b": "first"})
    before = {file: file.read_bytes() for file in path.rglob("*") if file.is_file()}
    rows: dict[str, list[Any]] = {"a": [1, 2, 3], "b": ["x", "y", "z"]}
    rows[name][1] = value
    with pytest.raises(errors.SampleExtendError) as refused:
        two.extend(rows)
    assert (refused.value.tensor, refused.value.index) == (name, 1)
    assert isinstance(refused.value.__cause__, cause)
    assert lengths(two) == {"a": 1, "b": 1}
    assert {file: file.read_bytes() for file in path.rglob("*") if file.is_file()} == before
    two.extend({"a": [1], "b": ["x"]})
    assert on_disk(path).b.text() == ["first", "x"]


def test_a_failed_append_does_not_switch_flushing_off(two: lakebed.Dataset, path: Path) -> None:
    with pytest.raises(errors.SampleAppendError):
        two.a.append("x")
    two.a.append(1)
    two.create_tensor("later")
    assert lengths(on_disk(path)) == {"a": 1, "b": 0, "later": 0}


def test_one_tensor(two: lakebed.Dataset) -> None:
    two.a.append(np.int32(1))
    two.a.extend(np.array([[2], [3]], "i4"))
    two.a.extend([])
    assert two.a.numpy().ravel().tolist() == [1, 2, 3]
    with pytest.raises(TypeError):
        two.a.extend(3)
    for view in (two.a[:2], two.a[0], two.a[:, 0]):
        with pytest.raises(errors.InvalidOperationError):
            view.append(1)


def test_samples_of_other_tensors(mixed: lakebed.Dataset, tmp_path: Path) -> None:
    target = lakebed.empty(tmp_path / "target")
    for name, tensor in mixed.tensors.items():
        compression = tensor.meta.sample_compression
        target.create_tensor(name, htype=tensor.htype or "generic", sample_compression=compression)
    target.labels.info.class_names = mixed.labels.info.class_names
    target.extend(mixed[2:5])
    target.append(mixed[7])
    target.captions.extend(mixed.captions[:2])
    target.captions.append(mixed.captions[0])
    target.extra.extend([mixed.extra[3], {"own": 1}])
    assert target.captions.text() == ["row 2", "row 3", "row 4", "row 7", "row 0", "row 1", "row 0"]
    assert target.extra.dict()[-2:] == [{"row": 3}, {"own": 1}]
    assert target.pictures[0].tobytes() == mixed.pictures[2].tobytes()
    assert target.labels.data()["text"][-1] == ["city"]
    for name in ("ragged", "boxes", "vectors", "lists", "tags", "side/deep/labels"):
        copied, original = target[name][:4], mixed[[2, 3, 4, 7]][name]
        pairs = zip(copied.numpy(aslist=True), original.numpy(aslist=True), strict=True)
        assert all(np.array_equal(one, other) for one, other in pairs), name


def test_with_writes_at_its_end(two: lakebed.Dataset, path: Path) -> None:
    with two as inside:
        assert inside is two
        two.append({"a": 1, "b": "x"})
        two.info["k"] = 1
        with two:
            two.create_tensor("c")
        assert lengths(on_disk(path)) == LENGTHS
        assert lengths(two) == {"a": 1, "b": 1, "c": 0}
    assert lengths(on_disk(path)) == {"a": 1, "b": 1, "c": 0}
    assert on_disk(path).info == {"k": 1}
    two.a.append(2)
    assert len(on_disk(path).a) == 2


def test_with_keeps_what_succeeded_before_an_error(two: lakebed.Dataset, path: Path) -> None:
    def session() -> None:
        with two:
            two.append({"a": 1, "b": "x"})
            two.append({"a": "bad", "b": "y"})

    with pytest.raises(errors.SampleAppendError):
        session()
    assert on_disk(path).b.text() == ["x"]
    two.append({"a": 2, "b": "z"})
    assert on_disk(path).b.text() == ["x", "z"]


def test_maybe_flush(two: lakebed.Dataset, path: Path) -> None:
    with two:
        two.a.append(1)
        two.maybe_flush()
        assert len(on_disk(path).a) == 0
        two.flush()
        assert len(on_disk(path).a) == 1


def test_with_on_a_read_only_dataset(two: lakebed.Dataset, path: Path) -> None:
    two.append({"a": 1, "b": "x"})
    with on_disk(path) as ds:
        assert ds.b.text() == ["x"]
        ds.flush()


def run(program: str) -> None:
    """Run a program in an interpreter of its own."""
    command = [sys.executable, "-W", "ignore", "-c", program]
    subprocess.run(command, check=True, timeout=60)  # noqa: S603 (a program of ours)


def test_close(two: lakebed.Dataset, path: Path) -> None:
    two.append({"a": 1, "b": "x"})
    two.close()
    two.close()
    for use in (
        lambda: two.a,
        lambda: len(two),
        lambda: two.a.append(1),
        two.flush,
        lambda: two.create_tensor("c"),
    ):
        with pytest.raises(errors.ClosedError):
            use()
    assert not list(path.rglob("*.lock"))
    assert len(lakebed.load(path).a) == 1


def test_close_inside_of_with(two: lakebed.Dataset, path: Path) -> None:
    with two:
        two.append({"a": 1, "b": "x"})
        two.close()
    assert len(on_disk(path).a) == 1


def test_read_only(two: lakebed.Dataset, path: Path) -> None:
    ds = on_disk(path)
    assert ds.read_only
    for use in (
        lambda: ds.append({"a": 1, "b": "x"}),
        lambda: ds.extend({"a": [1], "b": ["x"]}),
        lambda: ds.a.append(1),
        lambda: ds.a.extend([1]),
        lambda: ds.create_tensor("c"),
        lambda: ds.create_group("g"),
        lambda: ds.add_creds_key("k"),
        ds.delete,
    ):
        with pytest.raises(errors.ReadOnlyModeError):
            use()
    assert lengths(two) == LENGTHS


def test_read_only_can_be_set(two: lakebed.Dataset, path: Path) -> None:
    two.append({"a": 1, "b": "x"})
    two.read_only = True
    assert not list(path.rglob("*.lock"))
    with pytest.raises(errors.ReadOnlyModeError):
        two.a.append(2)
    two.read_only = False
    two.a.append(2)
    assert two.a.numpy().ravel().tolist() == [1, 2]
    two.read_only = False


def test_a_handle_that_nobody_holds_gives_the_lock_back(path: Path) -> None:
    ds = lakebed.empty(path)
    assert list(path.rglob("dataset_lock.lock"))
    del ds
    assert not list(path.rglob("dataset_lock.lock"))


def test_the_lock_is_gone_when_the_interpreter_ends(path: Path) -> None:
    program = f"import lakebed; ds = lakebed.empty({str(path)!r}); ds.create_tensor('a').append(1)"
    run(program)
    assert not list(path.rglob("*.lock"))
    assert len(on_disk(path).a) == 1


def test_a_forked_child_leaves_the_lock_alone(two: lakebed.Dataset, path: Path) -> None:
    program = (
        f"import lakebed, os, sys; ds = lakebed.empty({str(path / 'x')!r})\n"
        "pid = os.fork()\n"
        "if pid == 0: sys.exit(0)\n"
        "os.waitpid(pid, 0)\n"
        f"assert os.path.exists({str(path / 'x' / 'dataset_lock.lock')!r})\n"
    )
    two.delete()
    run(program)


def test_progress(two: lakebed.Dataset, capsys: pytest.CaptureFixture[str]) -> None:
    two.extend({"a": [1, 2], "b": ["x", "y"]}, progressbar=True)
    two.a.extend([3], progressbar=True)
    assert "samples" in capsys.readouterr().err
    assert lengths(two) == {"a": 3, "b": 2}
