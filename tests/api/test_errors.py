"""What goes wrong says so in our tree, and can be taken to another process."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import lakebed
from lakebed import errors

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def broken(path: Path) -> lakebed.Dataset:
    """Give a dataset whose texts are in a chunk that is gone, and whose images are damaged."""
    ds = lakebed.empty(path)
    ds.create_tensor("texts", htype="text").extend(["a", "b"])
    ds.create_tensor("images", htype="image", sample_compression="png")
    ds.images.extend([np.full((4, 4, 3), number, "u1") for number in range(3)])
    ds.close()
    for chunk in (path / "texts" / "chunks").iterdir():
        chunk.unlink()
    for chunk in (path / "images" / "chunks").iterdir():
        data = bytearray(chunk.read_bytes())
        second = data.index(b"\x89PNG", data.index(b"\x89PNG") + 1)
        data[second + 40 : second + 50] = b"0123456789"
        chunk.write_bytes(data)
    return lakebed.load(path, read_only=True)


def test_a_missing_chunk(broken: lakebed.Dataset) -> None:
    with pytest.raises(errors.GetChunkError) as refused:
        broken.texts.numpy()
    assert refused.value.tensor == "texts"
    assert refused.value.__cause__ is not None


def test_a_sample_that_does_not_decode(broken: lakebed.Dataset) -> None:
    with pytest.raises(errors.DecodeError) as refused:
        broken.images.numpy()
    assert (refused.value.tensor, refused.value.index) == ("images", 1)
    assert broken.images[0].numpy().shape == (4, 4, 3)
    assert broken.images[2].numpy().shape == (4, 4, 3)


def test_errors_travel(broken: lakebed.Dataset) -> None:
    with pytest.raises(errors.DecodeError) as refused:
        broken.images[1].numpy()
    again = pickle.loads(pickle.dumps(refused.value))  # noqa: S301 (our own)
    assert (type(again), str(again)) == (type(refused.value), str(refused.value))
    assert (again.tensor, again.index, again.kind) == ("images", 1, "decode")


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("dataset_meta.json", "{"),
        ("dataset_meta.json", "[]"),
        ("texts/tensor_meta.json", '{"length": "many"}'),
        ("texts/tensor_meta.json", ""),
        ("texts/chunks_index/unsharded", "nonsense"),
    ],
)
def test_metas_with_nonsense(path: Path, file: str, content: str) -> None:
    ds = lakebed.empty(path)
    ds.create_tensor("texts", htype="text").extend(["a", "b"])
    ds.close()
    (path / file).write_text(content)
    with pytest.raises(errors.DatasetCorruptError) as refused:
        lakebed.load(path, read_only=True)
    assert refused.value.path == str(path)
    assert isinstance(refused.value, errors.FormatError)


def test_a_missing_tensor_meta(path: Path) -> None:
    lakebed.empty(path).create_tensor("texts", htype="text")
    (path / "texts" / "tensor_meta.json").unlink()
    with pytest.raises(errors.DatasetCorruptError):
        lakebed.load(path)


@pytest.mark.parametrize(
    ("sample", "settings", "cause"),
    [
        (np.zeros((2, 2, 3)), {"htype": "image", "sample_compression": "png"}, ValueError),
        (np.zeros((2, 2, 4), "u1"), {"htype": "image", "sample_compression": "jpeg"}, ValueError),
        (np.zeros((2, 2, 5), "u1"), {"htype": "image", "sample_compression": "png"}, ValueError),
        ({"a": "b"}, {"htype": "json", "dtype": "Dict[str, int]"}, errors.JsonValidationError),
        ("abc", {"htype": "list"}, errors.JsonValidationError),
        (-1, {"htype": "class_label"}, errors.TensorDtypeMismatchError),
    ],
    ids=["float-png", "rgba-jpeg", "five-channels", "schema", "list", "label"],
)
def test_samples_that_the_tensor_cannot_hold(
    fresh: lakebed.Dataset, sample: Any, settings: dict[str, Any], cause: type[Exception]
) -> None:
    tensor = fresh.create_tensor("t", **settings)
    with pytest.raises(errors.SampleAppendError) as refused:
        tensor.append(sample)
    assert (refused.value.tensor, refused.value.index) == ("t", 0)
    assert isinstance(refused.value.__cause__, cause)
    assert len(tensor) == 0


def test_a_second_rank(fresh: lakebed.Dataset) -> None:
    tensor = fresh.create_tensor("t")
    tensor.append(np.zeros(3))
    with pytest.raises(errors.SampleAppendError) as refused:
        tensor.extend([np.zeros(2), np.zeros((2, 2))])
    assert isinstance(refused.value.__cause__, errors.TensorInvalidSampleShapeError)
    assert refused.value.index == 1
    assert len(tensor) == 1


def test_messages_say_what_to_do(mixed: lakebed.Dataset) -> None:
    with pytest.raises(errors.DynamicTensorNumpyError, match="aslist=True"):
        mixed.ragged.numpy()
    with pytest.raises(errors.ReadOnlyModeError, match="read_only=False"):
        mixed.numbers.append(1)


def test_a_closed_dataset_still_says_what_it_was(fresh: lakebed.Dataset, path: Path) -> None:
    tensor = fresh.create_tensor("side/numbers")
    tensor.extend([1, 2, 3])
    datasets, tensors = [fresh, fresh["side"], fresh[1:]], [tensor, tensor[1:]]
    before = [repr(each) for each in tensors]
    fresh.close()
    assert all(f"path='{path}'" in repr(each) for each in datasets)
    assert [repr(each) for each in tensors] == before
    assert fresh.path == str(path)
    assert "append" in dir(fresh)
    with pytest.raises(errors.ClosedError, match="open it again"):
        tensor.numpy()
