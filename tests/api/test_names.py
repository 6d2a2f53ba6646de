"""Names of tensors, groups and creds keys: what is refused, and what is read all the same."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import lakebed
from lakebed import errors

if TYPE_CHECKING:
    from pathlib import Path

REFUSED = {
    "a:b": "':'",
    "a,b": "','",
    "g/a,b": "','",
    "..": "'..'",
    "a/../b": "'..'",
    "./a": "'.'",
    "a\\b": "Windows",
    "a\nb": "control character",
    "a\0b": "control character",
    "a\x7fb": "control character",
    "versions": "'versions'",
    "versions/x": "'versions'",
    "dataset_meta.json": "'dataset_meta.json'",
    "linked_creds.json/x": "'linked_creds.json'",
    "dataset_lock.lock": "'dataset_lock.lock'",
    ".lakebed": "'.lakebed'",
    "x" * 241: "241 bytes",
    "/".join(["part"] * 200): "keys of stores",
    "a\ud800b": "surrogate",
    "": "empty",
    "//": "empty",
}
TAKEN = [
    "a b",
    " a ",
    "a.b",
    ".a",
    "é日",
    "a*b?",
    "%2e%2e",
    "chunks",
    "g/chunks",
    "tensor_meta.json",
]


@pytest.mark.parametrize(("name", "why"), REFUSED.items(), ids=[ascii(name) for name in REFUSED])
def test_names_that_break_the_format_are_refused_with_the_reason(
    tmp_path: Path, name: str, why: str
) -> None:
    ds = lakebed.empty(tmp_path / "ds")
    with pytest.raises(errors.InvalidTensorNameError) as tensor:
        ds.create_tensor(name)
    with pytest.raises(errors.InvalidTensorGroupNameError) as group:
        ds.create_group(name)
    assert why in tensor.value.message
    assert why in group.value.message
    ds.create_group("group")
    with pytest.raises(errors.InvalidTensorNameError):
        ds["group"].create_tensor(name)
    ds.close()
    assert not list(lakebed.load(tmp_path / "ds").tensors)


@pytest.mark.parametrize("name", TAKEN)
def test_names_that_break_nothing_are_taken(tmp_path: Path, name: str) -> None:
    with lakebed.empty(tmp_path / "ds") as ds:
        ds.create_tensor(name).extend([1, 2, 3])
    assert lakebed.load(tmp_path / "ds", read_only=True)[name].numpy().ravel().tolist() == [1, 2, 3]


def test_a_name_that_a_hidden_tensor_would_need_is_refused(tmp_path: Path) -> None:
    ds = lakebed.empty(tmp_path / "ds")
    ds.create_tensor("_x_shape").append(1)
    with pytest.raises(errors.TensorAlreadyExistsError, match="_x_shape"):
        ds.create_tensor("x")
    ds.create_tensor("y")
    with pytest.raises(errors.TensorAlreadyExistsError, match="_y_id"):
        ds.create_tensor("_y_id")
    assert ds["_x_shape"].numpy().tolist() == [[1]]


@pytest.mark.parametrize("name", ["", " ", "a\nb", "\0", "a\ud800", "x" * 901])
def test_creds_keys_are_printable_text(tmp_path: Path, name: str) -> None:
    ds = lakebed.empty(tmp_path / "ds")
    with pytest.raises(errors.InvalidInputError):
        ds.add_creds_key(name)
    for good in ("prod", "arn:aws:iam::1/x, y", "../x", "schlüssel"):
        ds.add_creds_key(good)
    ds.close()
    kept = lakebed.load(tmp_path / "ds").get_creds_keys()
    assert kept == {"prod", "arn:aws:iam::1/x, y", "../x", "schlüssel"}


def test_texts_without_utf8_form_are_refused_everywhere(tmp_path: Path) -> None:
    ds = lakebed.empty(tmp_path / "ds")
    assert "\ud800" not in ds.tensors
    with pytest.raises(errors.TensorDoesNotExistError):
        ds["\ud800"]
    for call in (
        lambda: lakebed.link("\ud800"),
        lambda: lakebed.link("x", "\ud800"),
        lambda: lakebed.load(f"{tmp_path}/\ud800"),
        lambda: lakebed.load(f"{tmp_path}/ds@\ud800"),
        lambda: ds.populate_creds("\ud800", {}),
    ):
        with pytest.raises(errors.InvalidInputError, match="surrogate"):
            call()
    with pytest.raises(errors.SampleReadError):
        lakebed.read(f"{tmp_path}/\ud800", verify=True)


# --- hostile metas


def plant(folder: Path, value: int) -> None:
    """Write the files of a tensor that nobody may read from elsewhere."""
    with lakebed.empty(folder / "other") as ds:
        ds.create_tensor("secret").extend([value] * 3)


def name_tensor(dataset: Path, name: str, key: str) -> None:
    """Make a dataset's meta name a tensor under any key."""
    path = dataset / "dataset_meta.json"
    meta: dict[str, Any] = json.loads(path.read_text())
    meta["tensors"].append(key)
    meta["tensor_names"][name] = key
    path.write_text(json.dumps(meta))


def state_of(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("key", ["../other/secret", "a/../../other/secret", "{}/other/secret"])
def test_a_key_that_leads_out_of_the_root_is_never_followed(tmp_path: Path, key: str) -> None:
    plant(tmp_path, 4711)
    with lakebed.empty(tmp_path / "ds") as ds:
        ds.create_tensor("x").extend([1, 2])
    key = key.format(tmp_path)
    name_tensor(tmp_path / "ds", "evil", key)
    outside = state_of(tmp_path / "other")
    ds = lakebed.load(tmp_path / "ds", read_only=False)
    assert ds.x.numpy().ravel().tolist() == [1, 2]
    ds.x.append(3)
    with pytest.raises(errors.DatasetCorruptError, match="does not stay inside") as corrupt:
        ds["evil"]
    assert corrupt.value.tensor == key
    assert corrupt.value.path == str(tmp_path / "ds")
    ds.close()
    assert state_of(tmp_path / "other") == outside
    assert lakebed.load(tmp_path / "ds", read_only=True).x.numpy().ravel().tolist() == [1, 2, 3]


def test_a_name_without_a_listed_key_is_damage(tmp_path: Path) -> None:
    with lakebed.empty(tmp_path / "ds") as ds:
        ds.create_tensor("x").append(1)
    path = tmp_path / "ds" / "dataset_meta.json"
    meta = json.loads(path.read_text())
    meta["tensor_names"]["ghost"] = "nowhere"
    path.write_text(json.dumps(meta))
    ds = lakebed.load(tmp_path / "ds", read_only=True)
    with pytest.raises(errors.DatasetCorruptError, match=r"'nowhere' and does not list it"):
        ds["ghost"].numpy()
    assert ds.x.numpy().tolist() == [[1]]
