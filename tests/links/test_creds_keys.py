"""Names of credentials: declared, renamed, shared with other writers (hub/paths-and-creds, 6)."""

from __future__ import annotations

import json
import pickle
import struct
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import lakebed
from lakebed import errors
from tests.links.conftest import pixels, png

if TYPE_CHECKING:
    from pathlib import Path

    from tests.links.conftest import WebServer

LINK = "http://127.0.0.1:9/nobody-listens.png"
TOKEN = {"Authorization": "Bearer a-secret"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ds"


@pytest.fixture
def ds(path: Path) -> lakebed.Dataset:
    ds = lakebed.empty(path)
    ds.create_tensor(
        "images", htype="link[image]", sample_compression="png", dtype="uint8", verify=False
    )
    return ds


def stored(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((path / "linked_creds.json").read_text())
    assert not (path / "version_control_info.lock").exists()
    return found


def store(path: Path, *names: str) -> None:
    """Be another writer."""
    file = {"creds_keys": names, "managed_creds_keys": [], "used_creds_keys": []}
    (path / "linked_creds.json").write_text(json.dumps(file))


def test_a_renamed_key_is_that_of_its_samples(ds: lakebed.Dataset, path: Path) -> None:
    for key in ("a", "b"):
        ds.add_creds_key(key)
    ds.populate_creds("a", TOKEN)
    ds.images.extend([lakebed.link(LINK, "a"), lakebed.link(LINK), lakebed.link(LINK, "b")])
    ds.update_creds_key("a", "new")
    assert ds.get_creds_keys() == {"new", "b"}
    assert ds.images.creds_key() == ["new", None, "b"]
    expected = {
        "creds_keys": ["new", "b"],
        "managed_creds_keys": [],
        "used_creds_keys": ["new", "b"],
    }
    assert stored(path) == expected
    ds.images.append(lakebed.link(LINK, "new"))
    with pytest.raises(errors.SampleAppendError) as refused:
        ds.images.append(lakebed.link(LINK, "a"))
    assert isinstance(refused.value.__cause__, errors.MissingCredsError)
    assert lakebed.load(path, read_only=True).images.creds_key() == ["new", None, "b", "new"]


def test_credentials_follow_the_name(ds: lakebed.Dataset, web: WebServer) -> None:
    url, web.password = web.put("/x.png", png(1)), TOKEN["Authorization"]
    ds.add_creds_key("a")
    ds.images.append(lakebed.link(url, "a"))
    ds.populate_creds("a", TOKEN)
    ds.update_creds_key("a", "new")
    assert np.array_equal(ds.images[0].numpy(), pixels(1))
    again = pickle.loads(pickle.dumps(ds))  # noqa: S301 - our own
    assert np.array_equal(again.images[0].numpy(), pixels(1))
    # A key of the old name is another one.
    ds.add_creds_key("a")
    ds.images.append(lakebed.link(url, "a"))
    with pytest.raises(errors.LinkCredsError, match="not populated"):
        ds.images[1].numpy()


def test_a_refused_key_is_told_like_a_missing_one(ds: lakebed.Dataset, web: WebServer) -> None:
    url, web.password = web.put("/x.png", png(1)), "another"
    ds.add_creds_key("a")
    ds.populate_creds("a", TOKEN)
    ds.images.extend([lakebed.link(url, "a"), lakebed.link(url)])
    with pytest.raises(ValueError, match="does not accept the credentials") as refused:
        ds.images[0].numpy()
    assert isinstance(refused.value, errors.LinkCredsError)
    assert (refused.value.url, refused.value.creds_key) == (url, "a")
    assert isinstance(refused.value.__cause__, errors.StorageAuthenticationError)
    assert "a-secret" not in repr(refused.value) + str(refused.value)
    # Without a key there is none to blame.
    with pytest.raises(errors.GetDataFromLinkError) as anonymous:
        ds.images[1].numpy()
    assert not isinstance(anonymous.value, ValueError)


def test_a_key_becomes_one_with_another(ds: lakebed.Dataset, path: Path) -> None:
    ds.add_creds_key("a")
    ds.add_creds_key("b")
    ds.images.extend([lakebed.link(LINK, "a"), lakebed.link(LINK, "b")])
    ds.update_creds_key("a", "b")
    assert stored(path)["creds_keys"] == ["b", "b"]
    assert stored(path)["used_creds_keys"] == ["b"]
    assert (ds.get_creds_keys(), ds.images.creds_key()) == ({"b"}, ["b", "b"])
    ds.update_creds_key("b", "c")
    assert stored(path)["creds_keys"] == ["c", "c"]


def test_names_of_other_writers_stay(ds: lakebed.Dataset, path: Path) -> None:
    ds.add_creds_key("mine")
    store(path, "mine", "theirs")
    ds.update_creds_key("mine", "ours")
    assert ds.get_creds_keys() == {"ours", "theirs"}
    store(path, "ours", "theirs", "later")
    ds.add_creds_key("last")
    assert stored(path)["creds_keys"] == ["ours", "theirs", "later", "last"]
    # The position that a sample stores is the one that the file gave.
    ds.images.append(lakebed.link(LINK, "last"))
    assert lakebed.load(path, read_only=True).images[0].creds_key() == "last"
    store(path, "ours", "theirs", "later", "last", "more")
    with pytest.raises(errors.CredsKeyExistsError):
        ds.add_creds_key("more")
    assert "more" not in ds.get_creds_keys()
    with pytest.raises(errors.CredsKeyNotFoundError):
        ds.update_creds_key("nobody", "more")
    with ds:
        ds.images.append(lakebed.link(LINK, "ours"))
    assert stored(path)["creds_keys"] == ["ours", "theirs", "later", "last", "more"]
    assert stored(path)["used_creds_keys"] == ["last", "ours"]


def test_names_are_stored_at_once(ds: lakebed.Dataset, path: Path) -> None:
    with ds:
        ds.add_creds_key("a")
        assert stored(path)["creds_keys"] == ["a"]
        ds.update_creds_key("a", "b")
        assert stored(path)["creds_keys"] == ["b"]


def test_what_cannot_be_renamed(ds: lakebed.Dataset, path: Path) -> None:
    ds.add_creds_key("a")
    with pytest.raises(ValueError, match="new_creds_key"):
        ds.update_creds_key("a")
    with pytest.raises(KeyError) as unknown:
        ds.update_creds_key("nobody", "x")
    assert isinstance(unknown.value, errors.CredsKeyNotFoundError)
    assert unknown.value.creds_key == "nobody"
    assert "'a'" in str(unknown.value.hint)
    for managed in (True, False):
        with pytest.raises(ValueError, match="managed"):
            ds.update_creds_key("a", "b", managed)
    for wrong in ("", "a\n", "\ud800", "x" * 901):
        with pytest.raises(errors.InvalidInputError):
            ds.update_creds_key("a", wrong)
    with pytest.raises(TypeError):
        ds.update_creds_key("a", 3)  # type: ignore[arg-type]
    assert stored(path)["creds_keys"] == ["a"]
    ds.close()
    with pytest.raises(errors.ReadOnlyModeError):
        lakebed.load(path, read_only=True).update_creds_key("a", "b")


def lock_of_another(path: Path, life_s: float) -> Path:
    """Write the lock that a process of another host holds while it writes the names."""
    lock = path / "version_control_info.lock"
    lock.write_bytes(bytes(range(6)) + struct.pack("<dI", time.time() + life_s, 4242))
    return lock


def test_the_lock_of_another_writer_is_waited_for(ds: lakebed.Dataset, path: Path) -> None:
    lock = lock_of_another(path, 0.5)
    expires = time.time() + 0.5
    ds.add_creds_key("a")
    assert time.time() >= expires
    assert not lock.exists()
    assert stored(path)["creds_keys"] == ["a"]


def test_without_locking_nobody_is_waited_for(path: Path) -> None:
    ds = lakebed.empty(path, lock_enabled=False)
    lock = lock_of_another(path, 100)
    ds.add_creds_key("a")
    assert lock.exists()
    lock.unlink()
    assert stored(path)["creds_keys"] == ["a"]


def test_the_key_called_env_is_one_of_the_names(ds: lakebed.Dataset, path: Path) -> None:
    with pytest.raises(errors.SampleAppendError) as refused:
        ds.images.append(lakebed.link("s3://bucket/x.png", creds_key="ENV"))
    assert isinstance(refused.value.__cause__, errors.MissingCredsError)
    ds.add_creds_key("ENV")
    ds.images.append(lakebed.link("s3://bucket/x.png", creds_key="ENV"))
    with pytest.raises(errors.LinkCredsError):
        ds.images[0].numpy()
    # As old files have it: used without being listed.
    file = {"creds_keys": ["a"], "managed_creds_keys": [], "used_creds_keys": ["ENV"]}
    ds.close()
    (path / "linked_creds.json").write_text(json.dumps(file))
    old = lakebed.load(path, read_only=True)
    assert old.get_creds_keys() == {"ENV", "a"}
    old.populate_creds("ENV", from_environment=True)


def test_a_missing_key_is_the_error_of_v3(ds: lakebed.Dataset) -> None:
    ds.add_creds_key("photos")
    ds.images.extend([lakebed.link("s3://bucket/x.png", "photos"), None])
    with pytest.raises(ValueError, match=r"Creds keys \{'photos'\} are used in the data but not "
                       r"populated") as missing:  # fmt: skip
        ds.images[0].numpy()
    error = missing.value
    for name in ("LinkCredsError", "MissingCredsError", "GetDataFromLinkError", "SampleReadError"):
        assert isinstance(error, getattr(errors, name)), name
    assert isinstance(error, errors.LakebedError)
    assert (error.url, error.creds_key, error.index) == ("s3://bucket/x.png", "photos", 0)
    assert "ds.populate_creds('photos'" in str(error)
    # The other sample needs no key.
    assert ds.images[1].numpy().shape == (0,)
