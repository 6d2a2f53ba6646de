"""Whatever is given is read again, in one session or in several."""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

import lakebed

names = (f"mem://roundtrip-{number}" for number in itertools.count())

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
dtypes = st.sampled_from("bool int8 uint8 int16 uint32 int64 float32 float64 complex64".split())
compressions = st.sampled_from(
    [{}, {"sample_compression": "lz4"}, {"chunk_compression": "lz4"}, {"max_chunk_size": 64}]
)


@st.composite
def ragged(draw: st.DrawFn) -> tuple[str, list[Any]]:
    """Draw samples of one dtype and rank, and None."""
    dtype = draw(dtypes)
    rank = draw(st.integers(1, 3))
    shapes = npst.array_shapes(min_dims=rank, max_dims=rank, min_side=0, max_side=4)
    sample = npst.arrays(dtype, shapes)
    return dtype, [draw(sample), *draw(st.lists(st.none() | sample, max_size=8))]


def parts(samples: list[Any], cuts: list[int]) -> list[list[Any]]:
    """Cut a list at some places."""
    places = sorted({0, len(samples), *(cut % (len(samples) + 1) for cut in cuts)})
    return [samples[start:end] for start, end in itertools.pairwise(places)]


cuts = st.lists(st.integers(0, 100), max_size=3)


@settings(deadline=None)
@given(case=ragged(), cuts=cuts, given_dtype=st.booleans(), how=compressions)
def test_ragged_numbers(
    case: tuple[str, list[Any]], cuts: list[int], given_dtype: bool, how: dict[str, Any]
) -> None:
    dtype, samples = case
    ds = lakebed.empty(next(names))
    tensor = ds.create_tensor("t", dtype=dtype if given_dtype else "unspecified", **how)
    for part in parts(samples, cuts):
        tensor.extend(part)
    read = tensor.numpy(aslist=True)
    assert tensor.dtype == np.dtype(dtype)
    assert len(read) == len(tensor) == len(samples)
    for number, (got, sample) in enumerate(zip(read, samples, strict=True)):
        wanted = np.zeros((0,) * samples[0].ndim, dtype) if sample is None else sample
        assert (got.shape, got.dtype) == (wanted.shape, wanted.dtype), number
        assert got.tobytes() == wanted.tobytes(), number
    shapes = [one.shape for one in read]
    assert [tuple(shape) for shape in tensor.shapes()] == shapes
    bounds = tensor.shape_interval
    assert bounds.lower[1:] == tuple(map(min, zip(*shapes, strict=True)))
    assert bounds.upper[1:] == tuple(map(max, zip(*shapes, strict=True)))


@settings(deadline=None)
@given(samples=st.lists(texts, min_size=1, max_size=8), cuts=cuts, how=compressions)
def test_texts(samples: list[str], cuts: list[int], how: dict[str, Any]) -> None:
    tensor = lakebed.empty(next(names)).create_tensor("t", htype="text", **how)
    for part in parts(samples, cuts):
        tensor.extend(part)
    assert tensor.text() == samples
    assert [tensor[row].text() for row in range(len(samples))] == samples


@settings(deadline=None)
@given(samples=st.lists(json_values, min_size=1, max_size=6), cuts=cuts, how=compressions)
def test_documents(samples: list[Any], cuts: list[int], how: dict[str, Any]) -> None:
    ds = lakebed.empty(next(names))
    tensor = ds.create_tensor("t", htype="json", **how)
    lists = ds.create_tensor("l", htype="list", **how)
    for part in parts(samples, cuts):
        tensor.extend(part)
        lists.append(part)
    assert tensor.dict() == [{} if sample is None else sample for sample in samples]
    assert [*itertools.chain(*lists.list())] == samples


@settings(deadline=None, max_examples=20)
@given(
    sessions=st.lists(st.lists(st.integers(0, 255), max_size=4), min_size=1, max_size=4),
    data=st.data(),
)
def test_sessions(sessions: list[list[int]], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ds"
        ds = lakebed.empty(path)
        ds.create_tensor("numbers", max_chunk_size=40)
        ds.create_tensor("images", htype="image", sample_compression="png")
        for session in sessions:
            with ds:
                for number in session:
                    image = np.full((1 + number % 3, 2, 3), number, "u1")
                    ds.append({"numbers": number, "images": image})
            ds.close()
            ds = lakebed.load(path)
        expected = list(itertools.chain(*sessions))
        assert ds.numbers.numpy().ravel().tolist() == expected
        if expected:
            rows = data.draw(st.lists(st.integers(0, len(expected) - 1), max_size=5))
            images = ds[rows].images.numpy(aslist=True)
            assert [image[0, 0, 0] for image in images] == [expected[row] for row in rows]
        ds.close()
