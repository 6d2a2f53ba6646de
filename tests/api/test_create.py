"""Datasets, tensors and groups come into being, are found again, and go."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

import lakebed
from lakebed import errors

if TYPE_CHECKING:
    from pathlib import Path


def test_empty_then_load(path: Path) -> None:
    assert not lakebed.exists(path)
    made = lakebed.empty(path)
    assert (made.path, made.read_only, len(made)) == (str(path), False, 0)
    assert lakebed.exists(path)
    assert lakebed.load(path, read_only=True).tensors == {}


def test_empty_does_not_touch_what_is_there(path: Path) -> None:
    lakebed.empty(path).create_tensor("a")
    with pytest.raises(errors.DatasetHandlerError):
        lakebed.empty(path)
    assert list(lakebed.load(path).tensors) == ["a"]
    assert list(lakebed.empty(path, overwrite=True).tensors) == []


def test_overwrite_leaves_one_dataset_that_works(path: Path) -> None:
    ds = lakebed.empty(path)
    ds.create_tensor("a").extend([1, 2])
    ds = lakebed.empty(path, overwrite=True)
    ds.create_tensor("b").extend([3])
    assert lakebed.load(path, read_only=True).b.numpy().tolist() == [[3]]


def test_other_files_are_never_overwritten(path: Path) -> None:
    path.mkdir()
    (path / "mine.txt").write_text("mine")
    for overwrite in (False, True):
        with pytest.raises(errors.PathNotEmptyException):
            lakebed.empty(path, overwrite=overwrite)
        with pytest.raises(errors.PathNotEmptyException):
            lakebed.dataset(path, overwrite=overwrite)
    assert (path / "mine.txt").read_text() == "mine"


def test_dataset_opens_or_creates(path: Path) -> None:
    with pytest.raises(errors.CouldNotCreateNewDatasetException):
        lakebed.dataset(path, read_only=True)
    lakebed.dataset(path).create_tensor("a")
    assert list(lakebed.dataset(path).tensors) == ["a"]
    assert list(lakebed.dataset(path, overwrite=True).tensors) == []
    with pytest.raises(ValueError, match="version address"):
        lakebed.dataset(f"{path}2@main")


def test_dataset_is_a_namespace(path: Path) -> None:
    lakebed.dataset.empty(path)
    assert lakebed.dataset.exists(path)
    assert lakebed.dataset.load(path).path == str(path)
    lakebed.dataset.delete(path)
    assert not lakebed.dataset.exists(path)


def test_delete(path: Path) -> None:
    with pytest.raises(errors.DatasetHandlerError):
        lakebed.delete(path)
    with pytest.raises(errors.DatasetHandlerError):
        lakebed.delete(path, force=True)
    lakebed.empty(path).create_tensor("a").append(1)
    lakebed.delete(path)
    assert not path.exists()


def test_delete_wants_force_for_what_is_no_dataset(path: Path) -> None:
    path.mkdir()
    (path / "mine.txt").write_text("mine")
    with pytest.raises(errors.DatasetHandlerError):
        lakebed.delete(path)
    assert (path / "mine.txt").exists()
    lakebed.delete(path, force=True)
    assert not path.exists()


def test_delete_wants_force_for_a_damaged_dataset(path: Path) -> None:
    lakebed.empty(path).create_tensor("a")
    (path / "dataset_meta.json").write_text("{")
    with pytest.raises(errors.DatasetHandlerError):
        lakebed.delete(path)
    lakebed.delete(path, force=True)
    assert not path.exists()


def test_delete_an_open_dataset(fresh: lakebed.Dataset, path: Path) -> None:
    fresh.create_tensor("a").append(1)
    fresh.delete()
    assert not path.exists()
    with pytest.raises(errors.ClosedError):
        fresh.a.numpy()


@pytest.mark.parametrize("call", [lakebed.empty, lakebed.exists, lakebed.delete])
def test_addresses_are_for_opening(path: Path, call: object) -> None:
    lakebed.empty(path)
    with pytest.raises(ValueError, match="version address"):
        call(f"{path}@main")  # type: ignore[operator]


def test_load_of_nothing(path: Path) -> None:
    with pytest.raises(errors.DatasetHandlerError) as refused:
        lakebed.load(path)
    assert isinstance(refused.value, FileNotFoundError)
    assert refused.value.path == str(path)


def test_load_of_a_branch_or_a_commit(path: Path) -> None:
    lakebed.empty(path)
    assert lakebed.load(f"{path}@main").branch == "main"
    with pytest.raises(errors.CheckoutError, match="nope"):
        lakebed.load(f"{path}@nope")


def test_a_folder_with_an_at(tmp_path: Path) -> None:
    (tmp_path / "a@b").mkdir()
    lakebed.empty(tmp_path / "plain").create_tensor("x")
    (tmp_path / "plain").rename(tmp_path / "a@b" / "ds")
    assert list(lakebed.load(tmp_path / "a@b" / "ds").tensors) == ["x"]


def test_sequence_tensors_do_not_give_half_of_their_shape(in_the_corpus: Path) -> None:
    assert in_the_corpus.is_dir()
    tensor = lakebed.load("v3/sequences/ds", read_only=True).gen
    assert (tensor.htype, tensor.is_sequence, len(tensor)) == ("sequence[generic]", True, 3)
    for use in (lambda: tensor.shape, lambda: tensor.shape_interval, tensor.numpy):
        with pytest.raises(errors.UnsupportedFeatureError, match="sequence"):
            use()
    tensor.summary()


def test_a_commit_of_the_past_is_read_only(in_the_corpus: Path) -> None:
    assert in_the_corpus.is_dir()
    head = lakebed.load("v3/versions/ds", read_only=True)
    first = head.commits[-1]
    past = lakebed.load(f"v3/versions/ds@{first['commit']}")
    assert (past.read_only, past.is_head_node, past.commit_id) == (True, False, first["commit"])
    assert past.get_commit_details(first["commit"]) == first
    with pytest.raises(errors.ReadOnlyModeError, match="commit of the past") as refused:
        past.create_tensor("x")
    assert "@main" in str(refused.value.hint)


def test_memory_datasets_are_shared_by_name() -> None:
    ds = lakebed.empty("mem://test-create")
    ds.create_tensor("a").append(1)
    assert lakebed.load("mem://test-create").a.numpy().tolist() == [[1]]
    lakebed.delete("mem://test-create")
    assert not lakebed.exists("mem://test-create")


def test_relative_paths_stay_where_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ds = lakebed.empty("here")
    monkeypatch.chdir("/")
    ds.create_tensor("a").append(1)
    assert ds.path == "here"
    assert lakebed.load(tmp_path / "here").a.numpy().tolist() == [[1]]


def test_groups(fresh: lakebed.Dataset) -> None:
    deep = fresh.create_tensor("a/b/c")
    assert (deep.name, repr(deep)) == ("a/b/c", "Tensor(key='a/b/c')")
    assert list(fresh.groups) == ["a"]
    assert list(fresh.a.groups) == ["b"]
    assert list(fresh.a.tensors) == ["b/c"]
    assert fresh.a.b.c == deep == fresh["a/b/c"] == fresh["a"]["b/c"]
    assert fresh.a.b.group_index == "a/b"
    assert fresh.a.b.parent == fresh.a
    assert fresh.a.parent == fresh
    assert fresh.parent is None
    assert fresh.a.b.root == fresh
    inner = fresh.a.create_group("d/e")
    inner.create_tensor("f").append(3)
    assert fresh["a/d/e/f"].numpy().tolist() == [[3]]
    assert sorted(fresh.meta.groups) == ["a", "a/b", "a/d", "a/d/e"]


def test_names_are_cleaned(fresh: lakebed.Dataset) -> None:
    assert fresh.create_tensor("/lead//in/").name == "lead/in"
    assert fresh.create_group("/x//y/").group_index == "x/y"
    assert fresh["lead//in/"].name == "lead/in"


@pytest.mark.parametrize("name", ["", "/", "info", "g/info", "append", "commit", "tensors", 3])
def test_bad_names(fresh: lakebed.Dataset, name: str) -> None:
    with pytest.raises(errors.InvalidTensorNameError):
        fresh.create_tensor(name)
    with pytest.raises(errors.InvalidTensorGroupNameError):
        fresh.create_group(name)


@pytest.mark.parametrize("name", ["../out", "a:b", "a,b", "a/./b"])
def test_names_that_would_leave_or_break_the_format(fresh: lakebed.Dataset, name: str) -> None:
    with pytest.raises(errors.InvalidInputError):
        fresh.create_tensor(name)


def test_names_exist_once(fresh: lakebed.Dataset) -> None:
    fresh.create_tensor("a", dtype="int32")
    fresh.create_group("g")
    with pytest.raises(errors.TensorAlreadyExistsError):
        fresh.create_tensor("a")
    with pytest.raises(errors.TensorAlreadyExistsError):
        fresh.create_group("a")
    with pytest.raises(errors.TensorAlreadyExistsError):
        fresh.create_tensor("a/b")
    with pytest.raises(errors.TensorGroupAlreadyExistsError):
        fresh.create_tensor("g")
    with pytest.raises(errors.TensorGroupAlreadyExistsError):
        fresh.create_group("g")
    assert fresh.create_group("g", exist_ok=True) == fresh.g


def test_exist_ok_takes_equal_settings_only(fresh: lakebed.Dataset) -> None:
    made = fresh.create_tensor("a", htype="class_label", dtype="uint16")
    assert fresh.create_tensor("a", exist_ok=True) == made
    assert fresh.create_tensor("a", htype="class_label", exist_ok=True) == made
    for other in ({"htype": "text"}, {"dtype": "int8"}, {"chunk_compression": "lz4"}):
        with pytest.raises(errors.InvalidInputError):
            fresh.create_tensor("a", exist_ok=True, **other)  # type: ignore[arg-type]


def test_hidden_tensors_are_not_listed(fresh: lakebed.Dataset) -> None:
    fresh.create_tensor("shown").append(1)
    fresh.create_tensor("secret", hidden=True)
    assert list(fresh.tensors) == ["shown"]
    assert fresh.secret.hidden
    assert fresh["_shown_shape"].numpy().tolist() == [[1]]
    assert "_shown_id" in fresh.meta.hidden_tensors


def test_companions_can_be_left_out(fresh: lakebed.Dataset) -> None:
    fresh.create_tensor(
        "a",
        htype="image",
        sample_compression="png",
        create_id_tensor=False,
        create_shape_tensor=False,
        create_sample_info_tensor=False,
    )
    fresh.a.append(np.zeros((2, 3, 3), "u1"))
    assert fresh.a.meta.links == {}
    assert (fresh.a.sample_info, fresh.a[0].shape) == (None, (2, 3, 3))
    assert fresh.meta.hidden_tensors == []


def test_create_tensors_is_create_tensor(fresh: lakebed.Dataset) -> None:
    assert fresh.create_tensors("images", htype="link[image]", sample_compression="jpeg").is_link


def test_views_create_nothing(mixed: lakebed.Dataset) -> None:
    for call in ("create_tensor", "create_group", "append", "extend"):
        with pytest.raises(errors.InvalidOperationError):
            getattr(mixed[:2], call)("x")


def test_module_surface() -> None:
    assert lakebed.tensor is lakebed.Tensor
    assert {"image", "class_label", "text"} <= set(lakebed.htypes)
    assert {"jpeg", "png", "lz4", None} <= set(lakebed.compressions)
    assert lakebed.__version__
    assert all(hasattr(lakebed, name) for name in lakebed.__all__)
    with pytest.raises(AttributeError):
        _ = lakebed.nonsense


@pytest.mark.parametrize("name", ["copy", "query", "like", "tiled", "ingest_coco", "compute"])
def test_functions_to_come_say_so(name: str) -> None:
    for owner in (lakebed, lakebed.dataset):
        with pytest.raises(errors.UnsupportedFeatureError, match=name):
            getattr(owner, name)("a", b=3)


@pytest.mark.parametrize("name", ["commit", "checkout", "pop", "query", "pytorch", "delete_tensor"])
def test_methods_to_come_say_so(mixed: lakebed.Dataset, name: str) -> None:
    with pytest.raises(errors.UnsupportedFeatureError, match=name):
        getattr(mixed, name)()


def test_other_features_to_come_say_so(mixed: lakebed.Dataset) -> None:
    for use in (
        lambda: mixed.numbers.pop(3),
        lambda: mixed.numbers.__setitem__(0, 1),
        lambda: mixed.__setitem__("x", 1),
        lambda: mixed.has_head_changes,
        lambda: mixed.numbers.timestamps,
        lambda: setattr(mixed.numbers, "htype", "bbox"),
        lambda: mixed.numbers.extend([1], ignore_errors=True),
        lambda: mixed.add_creds_key("k", managed=True),
    ):
        with pytest.raises(NotImplementedError):
            use()


@pytest.mark.parametrize(
    "given",
    [{"reset": True}, {"unlink": True}, {"access_method": "download"}, {"indra": True}],
)
def test_parameters_to_come_say_so(path: Path, given: dict[str, object]) -> None:
    lakebed.empty(path)
    with pytest.raises(errors.UnsupportedFeatureError):
        lakebed.load(path, **given)  # type: ignore[arg-type]
    assert list(lakebed.load(path, token="", org_id="o", local_cache_size=9).tensors) == []


def test_a_dataset_that_forbids_it_is_not_deleted(tmp_path: Path) -> None:
    lakebed.empty(tmp_path / "ds").close()
    meta = tmp_path / "ds" / "dataset_meta.json"
    meta.write_text(meta.read_text().replace('"allow_delete": true', '"allow_delete": false'))
    with pytest.raises(errors.DatasetHandlerError, match="allow_delete"):
        lakebed.delete(tmp_path / "ds")
    with lakebed.load(tmp_path / "ds") as ds, pytest.raises(errors.DatasetHandlerError):
        ds.delete()
    ds.close()
    lakebed.delete(tmp_path / "ds", force=True)
    assert not lakebed.exists(tmp_path / "ds")
