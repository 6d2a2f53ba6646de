"""What reading gives: values, shapes, dtypes, types; as Deep Lake v3 does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import lakebed
from lakebed import errors
from tests.api.conftest import ROWS, pixels


@pytest.mark.parametrize(
    ("name", "dtype", "htype", "shape", "interval"),
    [
        ("labels", "uint32", "class_label", (8, 1), "(8, 1)"),
        ("captions", "<U0", "text", (8, 1), "(8, 1)"),
        ("extra", "<U0", "json", (8, 1), "(8, 1)"),
        ("lists", "<U0", "list", (8, None), "(8, 0:2)"),
        ("tags", "<U0", "tag", (8, 2), "(8, 2)"),
        ("boxes", "float32", "bbox", (8, None, 4), "(8, 0:1, 4)"),
        ("ragged", "float32", "generic", (8, None, 2), "(8, 1:3, 2)"),
        ("vectors", "int64", "generic", (8, 3), "(8, 3)"),
        ("numbers", "float64", "generic", (8, 1), "(8, 1)"),
        ("pictures", "uint8", "image", (8, 4, None, 3), "(8, 4, 5:6, 3)"),
        ("side/deep/labels", "uint32", "class_label", (8, 1), "(8, 1)"),
    ],
)
def test_description(
    mixed: lakebed.Dataset,
    name: str,
    dtype: str,
    htype: str,
    shape: tuple[int | None, ...],
    interval: str,
) -> None:
    tensor = mixed[name]
    assert tensor.dtype == np.dtype(dtype)
    assert (tensor.htype, tensor.base_htype) == (htype, htype)
    assert (tensor.shape, repr(tensor.shape_interval)) == (shape, interval)
    assert (tensor.ndim, tensor.is_dynamic) == (len(shape), None in shape)
    assert (tensor.num_samples, len(tensor)) == (ROWS, ROWS)
    flags = (tensor.is_link, tensor.is_sequence, tensor.hidden, tensor.is_empty_tensor)
    assert not any(flags)
    assert tensor.size == (None if None in shape else np.prod([n for n in shape if n]))


def test_numbers_of_one_shape(mixed: lakebed.Dataset) -> None:
    values = mixed.vectors.numpy()
    assert (values.shape, values.dtype) == ((8, 3), np.int64)
    assert np.array_equal(values, np.arange(24).reshape(8, 3))
    assert values.flags.writeable
    assert mixed.vectors[1].numpy().tolist() == [3, 4, 5]
    assert mixed.vectors[1:2].numpy().tolist() == [[3, 4, 5]]
    assert [one.tolist() for one in mixed.vectors[:2].numpy(aslist=True)] == [[0, 1, 2], [3, 4, 5]]
    assert np.asarray(mixed.vectors).shape == (8, 3)
    assert np.asarray(mixed.vectors, dtype="f4").dtype == np.float32


def test_scalars_are_arrays_of_one(mixed: lakebed.Dataset) -> None:
    assert mixed.numbers.numpy().shape == (8, 1)
    assert mixed.numbers[2].numpy().tolist() == [3.0]
    assert mixed.numbers[2].numpy(aslist=True).tolist() == [3.0]


def test_ragged_samples_need_a_list(mixed: lakebed.Dataset) -> None:
    with pytest.raises(errors.DynamicTensorNumpyError) as refused:
        mixed.ragged.numpy()
    assert refused.value.tensor == "ragged"
    values = mixed.ragged.numpy(aslist=True)
    assert [value.shape for value in values] == [(row % 3 + 1, 2) for row in range(ROWS)]
    assert all((value == row).all() for row, value in enumerate(values))
    assert mixed.ragged[[0, 3, 6]].numpy().shape == (3, 1, 2)


def test_text(mixed: lakebed.Dataset) -> None:
    texts = [f"row {row}" for row in range(ROWS)]
    assert mixed.captions.numpy().tolist() == [[text] for text in texts]
    assert mixed.captions.numpy().dtype == np.dtype("<U5")
    assert mixed.captions[3].numpy().tolist() == ["row 3"]
    assert mixed.captions[3].text() == "row 3"
    assert mixed.captions[2:4].text() == ["row 2", "row 3"]
    assert mixed.captions.data() == {"value": texts}
    assert mixed.captions[3].data() == {"value": "row 3"}
    assert mixed.captions[3].tobytes() == b"row 3"


def test_json(mixed: lakebed.Dataset) -> None:
    values = mixed.extra.numpy()
    assert (values.shape, values.dtype) == ((8, 1), np.dtype(object))
    assert mixed.extra[3].numpy().tolist() == [{"row": 3}]
    assert mixed.extra[3].dict() == {"row": 3}
    assert mixed.extra[3:5].dict() == [{"row": 3}, {"row": 4}]
    assert mixed.extra[3].data() == {"value": {"row": 3}}
    assert mixed.extra[3].tobytes() == b'{"row": 3}'


def test_lists_and_tags(mixed: lakebed.Dataset) -> None:
    assert mixed.lists[2].list() == [2, 2]
    assert mixed.lists[0:3].list() == [[], [1], [2, 2]]
    assert mixed.lists[2].numpy().tolist() == [2, 2]
    assert mixed.lists[0].numpy().shape == (0,)
    assert mixed.lists.data()["value"][:2] == [[], [1]]
    with pytest.raises(errors.DynamicTensorNumpyError):
        mixed.lists.numpy()
    assert mixed.tags.numpy().shape == (8, 2)
    assert mixed.tags[4].list() == ["x", "4"]


def test_labels_have_names(mixed: lakebed.Dataset) -> None:
    data = mixed.labels[1:3].data()
    assert data["value"].tolist() == [[1], [0]]
    assert data["text"] == [["city"], ["beach"]]
    assert mixed.labels[1].data()["text"] == ["city"]
    assert mixed.labels[1, 0].data()["text"] == "city"
    assert mixed["side/deep/labels"][0].data()["text"] == ["a"]


def test_pictures(mixed: lakebed.Dataset) -> None:
    assert np.array_equal(mixed.pictures[3].numpy(), pixels(3, 4, 6, 3))
    assert mixed.pictures[3].tobytes()[:4] == b"\x89PNG"
    assert [image.shape for image in mixed.pictures[2:4].numpy(aslist=True)] == [
        (4, 5, 3),
        (4, 6, 3),
    ]
    data = mixed.pictures[3].data()
    assert sorted(data) == ["sample_info", "value"]
    assert data["sample_info"] == {}
    assert mixed.pictures.sample_info == [{}] * ROWS


def test_shapes_of_views(mixed: lakebed.Dataset) -> None:
    assert mixed.ragged[1].shape == (2, 2)
    assert mixed.ragged[1:3].shape == (2, None, 2)
    assert mixed.ragged[[1, 4]].shape == (2, 2, 2)
    assert mixed.ragged[1, 0].shape == (2,)
    assert mixed.ragged[:, 0:1].shape == (8, 1, 2)
    assert mixed.ragged[3:3].shape == (0, None, 2)
    assert mixed.ragged.shapes().tolist() == [[row % 3 + 1, 2] for row in range(ROWS)]
    assert mixed.ragged[1].shapes().tolist() == [[2, 2]]
    assert mixed.vectors[1].ndim == 1


@pytest.mark.parametrize("name", ["vectors", "ragged", "captions", "extra", "lists", "pictures"])
def test_no_samples_at_all(mixed: lakebed.Dataset, name: str) -> None:
    for none in (mixed[name][3:3], mixed[name][[]], mixed[name][np.zeros(8, bool)]):
        assert len(none) == 0
        assert none.numpy().shape == (0,)
        assert none.numpy(aslist=True) == []


def test_none_of_unknown_rank(mixed: lakebed.Dataset) -> None:
    nothing = mixed.nothing
    assert (nothing.dtype, nothing.htype, nothing.shape) == (None, None, (8,))
    assert (nothing.is_empty_tensor, nothing[1].shape, nothing[1:3].shape) == (True, (), (2,))
    for use in (nothing.numpy, nothing[0].numpy, nothing[1:3].data):
        with pytest.raises(errors.EmptyTensorError):
            use()


def test_shape_when_no_sample_has_an_element(fresh: lakebed.Dataset) -> None:
    tensor = fresh.create_tensor("nothing", dtype="int64")
    tensor.append(np.zeros((0, 0, 0), "int64"))
    assert tensor[0].shape == tensor[0].numpy().shape == (0, 0, 0)
    assert tensor.shapes().tolist() == [[0, 0, 0]]


def test_tensor_that_was_never_written(fresh: lakebed.Dataset) -> None:
    tensor = fresh.create_tensor("a")
    assert (tensor.numpy().shape, tensor.numpy(aslist=True)) == ((0,), [])
    assert (tensor.shape, tensor.dtype, len(tensor), tensor.is_empty_tensor) == (
        (0,),
        None,
        0,
        True,
    )
    assert list(tensor) == []
    with pytest.raises(IndexError):
        tensor[0].numpy()


def test_none_among_others(fresh: lakebed.Dataset) -> None:
    numbers = fresh.create_tensor("n", dtype="int16")
    numbers.extend([None, np.ones((2, 3), "i2"), None])
    assert [value.shape for value in numbers.numpy(aslist=True)] == [(0, 0), (2, 3), (0, 0)]
    assert numbers.shape == (3, None, None)
    texts = fresh.create_tensor("t", htype="text")
    texts.extend(["a", None])
    assert texts.data()["value"] == ["a", ""]
    documents = fresh.create_tensor("j", htype="json")
    documents.extend([None, {"a": 1}])
    assert documents.dict() == [{}, {"a": 1}]
    lists = fresh.create_tensor("l", htype="list")
    lists.extend([None, [1]])
    assert lists.list() == [[], [1]]
    images = fresh.create_tensor("i", htype="image", sample_compression="png")
    images.append(None)
    images.append(np.ones((2, 2, 3), "u1"))
    assert images[0].numpy().shape == (0, 0, 0)
    assert images[0].shape == (0, 0, 0)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("vectors", ("text", "dict", "list", "path", "creds_key")),
        ("captions", ("dict", "list", "path", "creds_key")),
        ("extra", ("text", "list", "path", "creds_key")),
        ("lists", ("text", "dict", "path", "creds_key")),
    ],
)
def test_methods_of_other_kinds(mixed: lakebed.Dataset, name: str, wrong: tuple[str, ...]) -> None:
    for method in wrong:
        with pytest.raises(errors.InvalidInputError, match="only supported for"):
            getattr(mixed[name][0], method)()


def test_tobytes_is_for_one_sample(mixed: lakebed.Dataset) -> None:
    assert mixed.vectors[1].tobytes() == np.arange(3, 6).tobytes()
    for several in (mixed.vectors, mixed.vectors[1:2], mixed.vectors[1, 0]):
        with pytest.raises(ValueError, match="exactly 1 sample"):
            several.tobytes()


@pytest.mark.parametrize(
    "dtype",
    "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 "
    "complex64 complex128".split(),
)
@pytest.mark.parametrize("settings", [{}, {"chunk_compression": "lz4"}], ids=["raw", "lz4"])
def test_every_dtype(fresh: lakebed.Dataset, dtype: str, settings: dict[str, Any]) -> None:
    values = np.random.default_rng(0).integers(0, 2 if dtype == "bool" else 100, (6, 2, 3))
    values = values.astype(dtype)
    given = fresh.create_tensor("given", dtype=dtype, **settings)
    given.extend(values)
    inferred = fresh.create_tensor("inferred", **settings)
    inferred.extend(list(values))
    for tensor in (given, inferred):
        assert tensor.dtype == np.dtype(dtype)
        assert tensor.numpy().dtype == np.dtype(dtype)
        assert np.array_equal(tensor.numpy(), values)


def test_many_small_chunks(fresh: lakebed.Dataset) -> None:
    values = np.arange(4000).reshape(100, 40)
    tensor = fresh.create_tensor("a", max_chunk_size=2000)
    for start in range(0, 100, 30):
        tensor.extend(values[start : start + 30])
    order = np.random.default_rng(1).permutation(100)
    assert np.array_equal(tensor.numpy(), values)
    assert np.array_equal(tensor[order].numpy(), values[order])
    assert np.array_equal(tensor[[5, 5, -1]].numpy(), values[[5, 5, -1]])


def test_summary(mixed: lakebed.Dataset, capsys: pytest.CaptureFixture[str]) -> None:
    mixed[["labels", "captions", "pictures"]].summary()
    assert capsys.readouterr().out == (
        f"Dataset(path='{mixed.path}', read_only=True, "
        "tensors=['labels', 'captions', 'pictures'])\n"
        "\n"
        "  tensor      htype         shape        dtype  compression\n"
        " -------     -------       -------      -------  ------- \n"
        "  labels   class_label      (8, 1)      uint32    None   \n"
        " captions     text          (8, 1)        str     None   \n"
        " pictures     image     (8, 4, 5:6, 3)   uint8     png   \n"
    )
    mixed.vectors.summary()
    shown = capsys.readouterr().out
    assert shown.startswith("Tensor(key='vectors')\n\n  htype ")
    assert " generic  (8, 3)    int64    None " in shown


def test_reading_is_repeatable_from_threads(mixed: lakebed.Dataset) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def read(row: int) -> bool:
        same = np.array_equal(mixed.pictures[row].numpy(), pixels(row, 4, 5 + row % 2, 3))
        return same and bool(mixed.captions[row].text() == f"row {row}")

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(read, [*range(ROWS)] * 8))


def test_history_of_a_new_dataset(
    mixed: lakebed.Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (mixed.branch, mixed.branches, mixed.commits) == ("main", ["main"], [])
    assert mixed.commit_id is None
    assert mixed.pending_commit_id == "firstdbf9474d461a19e9333c2fd19b46115348f"
    assert mixed.is_head_node
    with pytest.raises(errors.CheckoutError):
        mixed.get_commit_details("nope")
    mixed.log()
    assert "Current Branch: main" in capsys.readouterr().out
