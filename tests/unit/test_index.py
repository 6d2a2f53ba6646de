"""Chains of keys mean what they mean to numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakebed import errors
from lakebed.tensor import Index, ShapeInterval, mask_rows

slices = st.builds(
    slice,
    st.none() | st.integers(-12, 12),
    st.none() | st.integers(-12, 12),
    st.none() | st.integers(-4, 4).filter(bool),
)


def chained(length: int, keys: list[Any]) -> Index:
    index = Index()
    for key in keys:
        index = index.then(key, length)
    return index


@st.composite
def chains(draw: st.DrawFn) -> tuple[int, list[Any]]:
    """Draw a length and keys that fit one after the other; a number comes last."""
    length = draw(st.integers(0, 9))
    left = np.arange(length)
    keys: list[Any] = []
    for _ in range(draw(st.integers(0, 4))):
        kinds = ["slice", "mask", "list"] + ["int"] * bool(len(left))
        kind = draw(st.sampled_from(kinds))
        key: Any
        if kind == "slice":
            key = draw(slices)
        elif kind == "mask":
            key = np.array(draw(st.lists(st.booleans(), min_size=len(left), max_size=len(left))))
            key = key.astype(np.bool_)
        elif len(left) == 0:
            key = []
        else:
            number = st.integers(-len(left), len(left) - 1)
            key = draw(number if kind == "int" else st.lists(number, max_size=6))
        keys.append(key)
        if kind == "int":
            break
        left = (
            left[np.asarray(key, np.int64) if key == [] else key]
            if isinstance(key, list)
            else left[key]
        )
    return length, keys


@given(chains())
def test_rows_are_those_of_numpy(chain: tuple[int, list[Any]]) -> None:
    length, keys = chain
    expected: Any = np.arange(length)
    for key in keys:
        expected = expected[np.asarray(key, np.int64) if isinstance(key, list) else key]
    index = chained(length, keys)
    assert index.single == (np.ndim(expected) == 0)
    assert index.rows(length).tolist() == np.atleast_1d(expected).tolist()
    assert index.rows(length).dtype == np.int64
    assert index.count(length) == np.size(expected)


@given(st.lists(slices, min_size=1, max_size=2), slices, st.integers(-3, 2))
def test_what_follows_chooses_inside_of_samples(
    rows: list[slice], first: slice, number: int
) -> None:
    sample = np.arange(60).reshape(3, 4, 5)
    index = chained(5, [*rows])
    inside = index.then((slice(None), number, first), 5)
    assert np.array_equal(inside.of(sample), sample[number, first])
    assert inside.shape_of(sample.shape) == sample[number, first].shape
    again = inside.then((slice(None), slice(1, None)), 5)
    assert np.array_equal(again.of(sample), sample[number, first][1:])


def test_keys_on_one_sample_go_inside() -> None:
    sample = np.arange(6).reshape(2, 3)
    index = chained(4, [2, 1, -1])
    assert index.rows(4).tolist() == [2]
    assert index.of(sample) == 5
    assert chained(4, [(2, 1, -1)]).of(sample) == 5
    assert chained(4, [2, [1, 0], (Ellipsis, 0)]).of(sample).tolist() == [3, 0]


def test_an_ellipsis_stands_for_axes() -> None:
    sample = np.arange(6).reshape(2, 3)
    assert chained(4, [...]).is_all
    assert chained(4, [()]).is_all
    assert chained(4, [slice(None)]).is_all
    index = chained(4, [(Ellipsis, 0)])
    assert index.rows(4).tolist() == [0, 1, 2, 3]
    assert index.of(sample).tolist() == [0, 3]


def test_views_follow_the_length() -> None:
    index = chained(5, [slice(None, None, -2)])
    assert index.rows(5).tolist() == [4, 2, 0]
    assert index.rows(6).tolist() == [5, 3, 1]


@pytest.mark.parametrize("key", [5, -6, [0, 5], np.array([-6]), [True] * 4, np.ones(6, bool)])
def test_out_of_range(key: Any) -> None:
    for kind in (IndexError, KeyError, errors.IndexOutOfRangeError):
        with pytest.raises(kind):
            Index().then(key, 5)


@pytest.mark.parametrize("keys", [[slice(2, 4), 2], [[1, 3], -3], [slice(4, 2), 0]])
def test_out_of_range_of_a_view(keys: list[Any]) -> None:
    with pytest.raises(errors.IndexOutOfRangeError):
        chained(9, keys)


@pytest.mark.parametrize(
    "key", [1.5, "x", None, {}, True, np.array([1.5]), [[1]], ["a"], slice(0, 1.5), (0, "x")]
)
def test_what_is_no_key(key: Any) -> None:
    with pytest.raises(TypeError):
        Index().then(key, 5)


def test_a_key_that_does_not_fit_the_sample() -> None:
    index = Index().then((0, 3), 5)
    with pytest.raises(errors.IndexOutOfRangeError, match="inside of a sample"):
        index.of(np.zeros((2, 2)))
    with pytest.raises(IndexError):
        Index().then((0, 0, 0), 5).shape_of((3,))


def test_elements_of_object_arrays_stay_themselves() -> None:
    sample = np.empty(2, object)
    sample[:] = [[1, 2], {"a": 1}]
    taken = Index().then((0, 0), 1).of(sample)
    assert (taken.shape, taken.dtype, taken.item()) == ((), np.dtype(object), [1, 2])


def test_shown() -> None:
    assert repr(Index().then(7, 9)) == "Index([7])"
    assert repr(Index().then(slice(None, None, -2), 9)) == "Index([slice(None, None, -2)])"
    assert repr(Index().then([1, 2], 9)) == "Index([(1, 2)])"
    assert repr(chained(9, [slice(2, 8), 0])) == "Index([slice(2, 8, None)][0])"
    assert repr(Index().then(list(range(9)), 9)).endswith("and 1 more])")


def test_equality() -> None:
    assert Index().then([1, 2], 9) == Index().then(np.array([1, 2]), 9)
    assert Index().then([1, 2], 9) != Index().then([1, 3], 9)
    assert Index() != 3


def test_masks_of_the_shortest_and_the_longest() -> None:
    assert mask_rows([True, False, True], (3, 5)).tolist() == [0, 2]
    assert mask_rows(np.ones(4, bool), (3, 5)).tolist() == [True] * 4
    assert mask_rows(slice(1), (3, 5)) == slice(1)


def test_shape_intervals() -> None:
    interval = ShapeInterval.of(3, [(1, 4), (3, 4), (2, 4)])
    assert (interval.lower, interval.upper) == ((3, 1, 4), (3, 3, 4))
    assert interval.astuple() == (3, None, 4)
    assert interval.is_dynamic
    assert repr(interval) == "(3, 1:3, 4)"
    assert repr(ShapeInterval((8,))) == "(8,)"
    assert not ShapeInterval((8, 2)).is_dynamic
    assert ShapeInterval.of(2, [(2, 3), ()]).astuple() == (2, None, None)
    assert ShapeInterval((1, 2)) == ShapeInterval([1, 2])
