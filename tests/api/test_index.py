"""Views: rows of datasets and samples of tensors, chosen and chosen again."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import lakebed
from lakebed import errors
from tests.api.conftest import ROWS

KEYS = [
    slice(None),
    slice(2, 6),
    slice(None, None, -2),
    slice(6, 1, -2),
    slice(20, None),
    slice(-3, None),
    [1],
    [5, 3, 3, -1],
    [],
    np.array([4, 0]),
    np.arange(ROWS) % 3 == 0,
    [True, False] * 4,
    range(2, 5),
]


def expected(key: Any) -> np.ndarray[Any, Any]:
    rows = np.arange(ROWS)
    taken: np.ndarray[Any, Any]
    if isinstance(key, list):
        key = np.array(key, dtype=bool if key and isinstance(key[0], bool) else int)
    taken = rows[np.asarray(key) if isinstance(key, range) else key]
    return taken


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_a_view_of_rows_is_one_of_every_tensor(mixed: lakebed.Dataset, key: Any) -> None:
    rows = expected(key)
    view = mixed[key]
    assert (len(view), list(view.sample_indices)) == (len(rows), rows.tolist())
    assert [value.tolist() for value in view.numbers.numpy(aslist=True)] == [
        [row * 1.5] for row in rows
    ]
    assert view.captions.data()["value"] == [f"row {row}" for row in rows]
    assert [len(one) for one in view.boxes.numpy(aslist=True)] == [row % 2 for row in rows]
    assert view["side/deep/labels"].data()["text"] == [["ab"[row % 2]] for row in rows]


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_a_view_of_a_tensor_is_that_of_its_rows(mixed: lakebed.Dataset, key: Any) -> None:
    assert mixed.numbers[key].numpy().tolist() == mixed[key].numbers.numpy().tolist()
    assert len(mixed.numbers[key]) == len(expected(key))
    assert list(mixed.numbers[key].sample_indices) == expected(key).tolist()


@pytest.mark.parametrize("row", [0, 5, -1, -ROWS, np.int64(3)])
def test_one_row(mixed: lakebed.Dataset, row: int) -> None:
    view = mixed[row]
    number = row % ROWS
    assert (len(view), list(view.sample_indices)) == (1, [number])
    assert view.numbers.numpy().tolist() == [number * 1.5]
    assert view.captions.text() == f"row {number}"
    assert view.extra.dict() == {"row": number}
    assert view.side.deep.labels.data()["text"] == ["ab"[number % 2]]
    assert view.pictures.tobytes() == mixed.pictures[row].tobytes()


def test_views_of_views(mixed: lakebed.Dataset) -> None:
    assert mixed[2:7][1:3].numbers.numpy().tolist() == [[4.5], [6.0]]
    assert mixed[2:7][::-1].numbers[0].numpy().tolist() == [9.0]
    assert mixed[::-2][[0, -1]].numbers.numpy().tolist() == [[10.5], [1.5]]
    assert mixed[[6, 4, 2]][-1].numbers.numpy().tolist() == [3.0]
    assert mixed[2:].numbers[1:3][0].numpy().tolist() == [4.5]


def test_inside_of_samples(mixed: lakebed.Dataset) -> None:
    assert mixed.vectors[1, 2].numpy() == 5
    assert mixed.vectors[1][2].numpy() == 5
    assert mixed.vectors[:, ::2].numpy().tolist() == [[3 * row, 3 * row + 2] for row in range(8)]
    assert mixed.vectors[2:4, 1].numpy().tolist() == [7, 10]
    assert mixed.ragged[1:3, 0].numpy().tolist() == [[1, 1], [2, 2]]
    assert mixed.pictures[3, 1:3, :, 0].numpy().shape == (2, 6)
    assert mixed[2:4].pictures[:, :2, :2].numpy().shape == (2, 2, 2, 3)
    assert mixed[2:4, 0].vectors.numpy().tolist() == [6, 9]
    assert mixed.extra[1, 0].numpy().item() == {"row": 1}
    with pytest.raises(errors.DynamicTensorNumpyError):
        mixed.pictures[1:3, 0].numpy()
    with pytest.raises(IndexError):
        mixed.boxes[0, 0].numpy()


@pytest.mark.parametrize("row", [ROWS, -ROWS - 1, [0, ROWS], [True] * (ROWS + 1)])
def test_rows_that_do_not_exist(mixed: lakebed.Dataset, row: Any) -> None:
    for owner in (mixed, mixed.numbers):
        with pytest.raises(IndexError):
            owner[row]


@pytest.mark.parametrize("key", [1.5, None, {}, ("numbers", 1), np.zeros(3)])
def test_what_is_no_key(mixed: lakebed.Dataset, key: Any) -> None:
    with pytest.raises(errors.InvalidKeyTypeError):
        mixed[key]


def test_iteration(mixed: lakebed.Dataset) -> None:
    assert [row.numbers.numpy().item() for row in mixed] == [row * 1.5 for row in range(ROWS)]
    assert [row.numbers.numpy().item() for row in mixed[::-3]] == [10.5, 6.0, 1.5]
    assert [one.text() for one in mixed.captions[:2]] == ["row 0", "row 1"]
    assert [len(row) for row in mixed] == [1] * ROWS


def test_tensors_of_different_lengths(fresh: lakebed.Dataset) -> None:
    fresh.create_tensor("long").extend(np.arange(5))
    fresh.create_tensor("short").extend(np.arange(3))
    assert (len(fresh), fresh.num_samples, fresh.min_len, fresh.max_len) == (3, 3, 3, 5)
    assert fresh[::-1].long.numpy().ravel().tolist() == [4, 3, 2, 1, 0]
    assert fresh[::-1].short.numpy().ravel().tolist() == [2, 1, 0]
    assert fresh[4].long.numpy().tolist() == [4]
    assert fresh[np.array([True, False, True])].long.numpy().ravel().tolist() == [0, 2]
    with pytest.raises(IndexError):
        fresh[4].short.numpy()
    with pytest.raises(IndexError):
        _ = fresh[5]
    assert len(list(fresh)) == 3


def test_choosing_tensors(mixed: lakebed.Dataset) -> None:
    chosen = mixed[["numbers", "side"]]
    assert list(chosen.tensors) == ["numbers", "side/deep/labels"]
    assert chosen.is_view
    assert chosen[2].numbers.numpy().tolist() == [3.0]
    with pytest.raises(AttributeError):
        _ = chosen.captions
    with pytest.raises(errors.TensorDoesNotExistError):
        _ = mixed[["numbers", "nope"]]


def test_names(mixed: lakebed.Dataset) -> None:
    assert "numbers" in mixed
    assert "nope" not in mixed
    assert hasattr(mixed, "numbers")
    assert not hasattr(mixed, "nope")
    for kind in (KeyError, AttributeError, errors.TensorDoesNotExistError):
        with pytest.raises(kind, match="nope"):
            _ = mixed["nope"]
    assert {"numbers", "side"} <= set(dir(mixed))
    assert "side/deep/labels" in mixed._ipython_key_completions_()


def test_shown(mixed: lakebed.Dataset) -> None:
    head = f"Dataset(path='{mixed.path}', read_only=True"
    chosen = mixed[["numbers"]]
    assert repr(chosen) == f"{head}, tensors=['numbers'])"
    assert repr(chosen[7]) == f"{head}, index=Index([7]), tensors=['numbers'])"
    assert repr(mixed.side) == f"{head}, group_index='side', tensors=['deep/labels'])"
    assert repr(mixed.numbers) == "Tensor(key='numbers')"
    assert repr(mixed.numbers[1:3]) == "Tensor(key='numbers', index=Index([slice(1, 3, None)]))"
    assert not mixed.is_view
    assert mixed[1:2].is_view


def test_equality(mixed: lakebed.Dataset) -> None:
    assert mixed.numbers == mixed["numbers"]
    assert mixed.numbers != mixed.vectors
    assert mixed.numbers[1] != mixed.numbers[2]
    assert mixed[1:3] == mixed[1:3]
    assert mixed.root == mixed
    assert len({mixed.numbers, mixed["numbers"]}) == 1
    assert bool(mixed)
    assert bool(mixed.nothing)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(rows=st.lists(st.integers(-ROWS, ROWS - 1), max_size=20), data=st.data())
def test_any_rows_of_any_tensor(
    mixed: lakebed.Dataset, rows: list[int], data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(["numbers", "captions", "ragged", "boxes", "lists"]))
    whole = mixed[name].numpy(aslist=True)
    chosen = mixed[rows][name].numpy(aslist=True)
    assert len(chosen) == len(rows)
    assert all(np.array_equal(one, whole[row]) for one, row in zip(chosen, rows, strict=True))
