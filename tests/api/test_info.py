"""The free dictionaries of datasets and tensors, and the metas behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import lakebed
from lakebed import errors

if TYPE_CHECKING:
    from pathlib import Path


def again(path: Path) -> lakebed.Dataset:
    return lakebed.load(path, read_only=True)


def test_an_info_is_a_dictionary(fresh: lakebed.Dataset) -> None:
    info = fresh.info
    assert (len(info), dict(info), repr(info)) == (0, {}, "{}")
    info["a"] = 1
    info.update({"b": [1, 2]}, c=None)
    assert (info["a"], info.get("b"), info.get("x", 3)) == (1, [1, 2], 3)
    assert (list(info), "c" in info, info == {"a": 1, "b": [1, 2], "c": None}) == (
        ["a", "b", "c"],
        True,
        True,
    )
    assert info.pop("a") == 1
    del info["b"]
    assert info.setdefault("d", []) == []
    assert repr(info) == "{'c': None, 'd': []}"
    info.clear()
    assert dict(fresh.info) == {}
    with pytest.raises(KeyError):
        _ = info["nope"]


def test_items_are_attributes(fresh: lakebed.Dataset) -> None:
    fresh.info.author = "me"
    assert fresh.info.author == fresh.info["author"] == "me"
    assert "author" in dir(fresh.info)
    del fresh.info.author
    assert not hasattr(fresh.info, "author")


def test_changes_are_stored_at_once(fresh: lakebed.Dataset, path: Path) -> None:
    fresh.create_tensor("a")
    fresh.info["k"] = {"nested": [1, 2.5, None, "é"]}
    fresh.a.info["k"] = True
    assert again(path).info == {"k": {"nested": [1, 2.5, None, "é"]}}
    assert again(path).a.info == {"k": True}


def test_changes_inside_of_values_wait_for_a_flush(fresh: lakebed.Dataset, path: Path) -> None:
    fresh.info["list"] = [1]
    fresh.info["list"].append(2)
    fresh.info.list.append(3)
    fresh.flush()
    assert again(path).info == {"list": [1, 2, 3]}
    fresh.info.list.append(4)
    fresh.close()
    assert again(path).info == {"list": [1, 2, 3, 4]}


def test_a_whole_info_is_replaced(fresh: lakebed.Dataset, path: Path) -> None:
    fresh.info["old"] = 1
    fresh.info = {"new": 2}
    assert again(path).info == {"new": 2}
    with pytest.raises(TypeError):
        fresh.info = 3  # type: ignore[assignment]


@pytest.mark.parametrize(
    "value", [np.arange(6, dtype="i2").reshape(2, 3), b"bytes", np.float32(1.5)], ids=type
)
def test_values_beyond_json(fresh: lakebed.Dataset, path: Path, value: Any) -> None:
    fresh.info["v"] = value
    found = again(path).info["v"]
    assert type(found) is (float if isinstance(value, np.generic) else type(value))
    assert np.array_equal(found, value)


def test_what_has_no_form_changes_nothing(fresh: lakebed.Dataset) -> None:
    fresh.info["a"] = 1
    with pytest.raises(errors.InvalidInputError, match="object"):
        fresh.info["b"] = object()
    assert fresh.info == {"a": 1}


def test_infos_of_htypes(fresh: lakebed.Dataset, path: Path) -> None:
    fresh.create_tensor("l", htype="class_label", class_names=["a", "b"])
    fresh.create_tensor("b", htype="bbox", coords={"type": "pixel", "mode": "LTWH"})
    fresh.create_tensor("k", htype="keypoints_coco", keypoints=["x"], connections=[[0, 1]])
    fresh.create_tensor("i", htype="image", sample_compression="png")
    fresh.create_tensor("g")
    found = {name: dict(tensor.info) for name, tensor in again(path).tensors.items()}
    assert found == {
        "l": {"class_names": ["a", "b"]},
        "b": {"coords": {"type": "pixel", "mode": "LTWH"}},
        "k": {"keypoints": ["x"], "connections": [[0, 1]]},
        "i": {"intrinsics": None},
        "g": {},
    }


def test_new_labels_get_names(fresh: lakebed.Dataset, path: Path) -> None:
    labels = fresh.create_tensor("l", htype="class_label", class_names=["beach"])
    labels.append("city")
    labels.extend(["beach", ["sea", "city"], 5])
    assert labels.info.class_names == ["beach", "city", "sea"]
    assert labels.data(aslist=True)["text"] == [["city"], ["beach"], ["sea", "city"], [None]]
    assert again(path).l.info.class_names == ["beach", "city", "sea"]
    labels.info.class_names = ["x"]
    labels.append("y")
    assert labels.info.class_names == ["x", "y"]
    assert labels[-1].numpy().tolist() == [1]


def test_a_failed_batch_adds_no_names(fresh: lakebed.Dataset) -> None:
    labels = fresh.create_tensor("l", htype="class_label", class_names=["a"])
    with pytest.raises(errors.SampleAppendError):
        labels.extend(["new", -1])
    assert labels.info.class_names == ["a"]
    assert len(labels) == 0


def test_infos_of_views_are_those_of_the_whole(mixed: lakebed.Dataset) -> None:
    assert mixed[1:3].info == mixed.info
    assert mixed[2].labels.info.class_names == ["beach", "city"]


def test_read_only_infos(mixed: lakebed.Dataset) -> None:
    for change in (
        lambda: mixed.info.update(a=1),
        lambda: mixed.info.__setitem__("a", 1),
        lambda: mixed.labels.info.pop("class_names"),
        lambda: setattr(mixed, "info", {}),
        mixed.info.clear,
    ):
        with pytest.raises(errors.ReadOnlyModeError):
            change()
    assert mixed.labels.info.class_names == ["beach", "city"]


def test_metas(mixed: lakebed.Dataset) -> None:
    meta = mixed.labels.meta
    assert (meta.htype, meta.dtype, meta.length, meta.max_shape) == (
        "class_label",
        "uint32",
        8,
        [1],
    )
    assert (meta.class_names, meta._info) == ([], ["class_names"])  # noqa: SLF001
    assert mixed.labels.key == "labels"
    assert meta.as_dict()["version"] == "3.9.52"
    assert mixed.meta.tensors[:3] == ["labels", "_labels_shape", "_labels_id"]
    assert mixed.meta.tensor_names["side/deep/labels"] == "side/deep/labels"
    for change in (lambda: setattr(meta, "dtype", "x"), lambda: meta.nope):
        with pytest.raises(AttributeError):
            change()
