"""Pickles of datasets: what they hold, what they never hold, and what comes out of them."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
import pickletools
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import lakebed
from lakebed import errors
from lakebed.dataset import source as sources

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Bucket

LOCK = "dataset_lock.lock"
PROTOCOLS = range(2, pickle.HIGHEST_PROTOCOL + 1)


@pytest.fixture
def ds(path: Path) -> lakebed.Dataset:
    """Give a writable dataset of ten rows."""
    ds = lakebed.empty(path)
    with ds:
        ds.create_tensor("a", dtype="int64")
        ds.create_tensor("g/t", htype="text")
        ds.extend({"a": np.arange(10), "g/t": [str(row) for row in range(10)]})
        ds.info["k"] = [1]
    return ds


def there_and_back(value: Any, protocol: int = pickle.DEFAULT_PROTOCOL) -> Any:
    return pickle.loads(pickle.dumps(value, protocol))


def total(view: lakebed.Tensor) -> int:
    """Work on a view in another process."""
    return int(view.numpy().sum())


def described(ds: lakebed.Dataset) -> tuple[str, bool, list[int]]:
    """Tell of a dataset in another process."""
    return repr(ds), ds.read_only, ds.a.numpy().ravel().tolist()


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_dataset_comes_back_read_only_and_without_lock(
    ds: lakebed.Dataset, path: Path, protocol: int
) -> None:
    with ds:
        ds.append({"a": 10, "g/t": "10"})
        ds.info["k"].append(2)
        back = there_and_back(ds, protocol)
    assert (back.path, back.read_only, ds.read_only) == (str(path), True, False)
    assert back.a.numpy().ravel().tolist() == [*range(11)], "what waited was flushed"
    assert back.info == {"k": [1, 2]}
    with pytest.raises(errors.ReadOnlyModeError):
        back.a.append(1)
    back.close()
    assert (path / LOCK).exists(), "the lock is the first one's"
    ds.append({"a": 11, "g/t": "11"})


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_views_groups_tensors_and_infos_come_back_as_they_were(
    ds: lakebed.Dataset, protocol: int
) -> None:
    ds.a.info["k"] = 1
    mask = np.arange(10) % 2 == 0
    given = (ds[2:8], ds[["a"]], ds["g"], ds[mask].a, ds.a[-1], ds.a[[3, 1]], ds.info, ds.a.info)
    rows, chosen, group, masked, last, listed, info, own = there_and_back(given, protocol)
    assert rows.g.t.text() == [str(row) for row in range(2, 8)]
    assert list(chosen.tensors) == ["a"]
    assert (group.group_index, list(group.tensors)) == ("g", ["t"])
    assert masked.numpy().ravel().tolist() == [0, 2, 4, 6, 8]
    assert (last.numpy().item(), listed.numpy().ravel().tolist()) == (9, [3, 1])
    assert (info, own) == ({"k": [1]}, {"k": 1})
    assert there_and_back(ds.a.meta, protocol).as_dict() == ds.a.meta.as_dict()
    assert there_and_back(ds[2:8].index, protocol) == ds[2:8].index
    assert chosen.root == group.root, "one pickle, one handle"
    assert (last, rows.a) == (chosen.a[-1], chosen.a[2:8])
    assert there_and_back(ds).root != there_and_back(ds).root


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_samples_come_back(files: Path, protocol: int) -> None:
    given = (
        lakebed.read(files / "color.png"),
        lakebed.read("s3://b/k.png", creds={"aws_access_key_id": "a"}),
        lakebed.Sample(array=np.eye(3)),
        lakebed.link("s3://b/k.png", creds_key="k"),
    )
    file, remote, array, link = there_and_back(given, protocol)
    assert np.array_equal(file.array, given[0].array)
    assert remote.path == "s3://b/k.png"
    assert array == given[2]
    assert link == given[3]


def test_the_commit_is_pinned(in_the_corpus: Path) -> None:
    root = in_the_corpus / "v3" / "versions" / "ds"
    head = lakebed.load(f"{root}@dev", read_only=True)
    past = lakebed.load(f"{root}@{head.commit_id}")
    for given in (head, past):
        back = there_and_back(given)
        assert back.pending_commit_id == given.pending_commit_id
        assert (back.branch, back.is_head_node) == (given.branch, given.is_head_node)
        assert len(back.x) == len(given.x)


def test_options_are_kept(path: Path) -> None:
    ds = lakebed.empty(path, memory_cache_size=7, lock_enabled=False, lock_timeout=None)
    _, (version, state) = reduced(ds)
    assert version == 1
    assert state["options"]["memory_cache_size"] == 7
    back = there_and_back(ds)
    back.read_only = False
    assert not back.read_only
    assert not (path / LOCK).exists(), "no lock, as before"
    assert ds.read_only, "the writer of this process is the other one now"


def reduced(ds: lakebed.Dataset) -> tuple[Any, Any]:
    """Give the function and the arguments that a pickle of the dataset's handle holds."""
    _, (handle, *_) = ds.__reduce__()
    found: tuple[Any, Any] = handle.__reduce__()
    return found


def test_a_relative_path_is_found_from_elsewhere(
    ds: lakebed.Dataset, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ds.close()
    monkeypatch.chdir(path.parent)
    document = pickle.dumps(lakebed.load(path.name, read_only=True))
    (tmp_path / "else").mkdir()
    monkeypatch.chdir(tmp_path / "else")
    back = pickle.loads(document)
    assert (back.path, len(back.a)) == (str(path), 10)


def test_what_cannot_be_pickled_says_why(ds: lakebed.Dataset, path: Path) -> None:
    memory = lakebed.empty("mem://pickled")
    with pytest.raises(errors.InvalidInputError, match="memory of this process") as refused:
        pickle.dumps(memory)
    assert (refused.value.path, refused.value.hint is None) == ("mem://pickled", False)
    uses = (ds, ds[0:2], ds.a, ds.info)
    ds.close()
    for closed in uses:
        with pytest.raises(errors.ClosedError) as error:
            pickle.dumps(closed)
        assert error.value.path == str(path)


def test_a_dataset_that_is_gone_is_missed(ds: lakebed.Dataset, path: Path) -> None:
    document = pickle.dumps(ds)
    ds.delete()
    with pytest.raises(errors.DatasetNotFoundError) as missing:
        pickle.loads(document)
    assert missing.value.path == str(path)


def test_pickles_of_newer_versions_are_refused(ds: lakebed.Dataset) -> None:
    restore, (version, state) = reduced(ds)
    with pytest.raises(errors.UnsupportedVersionError, match="newer version"):
        restore(version + 1, {})
    newer = {**state, "options": {**state["options"], "later": 1}}
    with pytest.raises(errors.UnsupportedVersionError, match="newer version"):
        restore(version, newer)


def test_pickles_of_older_versions_are_read(ds: lakebed.Dataset) -> None:
    """An option that came later has its default."""
    restore, (version, state) = reduced(ds)
    older = {**state, "options": {"lock_enabled": True}}
    assert len(restore(version, older).core.tensor_names(False)) == 2


def test_the_pickle_of_version_1_is_read(ds: lakebed.Dataset, path: Path) -> None:
    """The names in a pickle and the shape of its state are a promise to later versions."""
    state: dict[str, Any] = {
        "location": {
            "kind": "local",
            "path": str(path),
            "address": ds.pending_commit_id,
            "root": str(path),
            "prefix": "",
        },
        "creds": None,
        "options": {
            "check_integrity": None,
            "memory_cache_size": 2000,
            "lock_enabled": True,
            "lock_timeout": 0,
        },
        "populated": {},
    }
    document = pickle.dumps(ds)
    names = {arg for _, arg, _ in pickletools.genops(document) if isinstance(arg, str)}
    assert {"lakebed.dataset.source", "_restore", "lakebed.dataset.dataset", "Dataset"} <= names
    later = {"allow_local_links": None}
    made = {**state, "options": {**state["options"], **later}}
    assert reduced(ds)[1] == (1, made)
    assert reduced(ds)[0](1, state).read_only


def test_copies_share_the_handle(ds: lakebed.Dataset) -> None:
    memory = lakebed.empty("mem://copied")
    memory.create_tensor("a")
    for given in (ds, ds[2:4], ds.a[1], memory, memory.a):
        for made in (copy.copy(given), copy.deepcopy(given)):
            assert made is not given
            assert made == given
    copied = copy.deepcopy({"ds": ds})["ds"]
    copied.append({"a": 10, "g/t": "10"})
    assert len(ds.a) == 11


def test_populated_creds_come_along(ds: lakebed.Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    secret, other, found = "given-secret", "given-token", "found-secret"
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "found-key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", found)
    for key in ("s3", "http", "env"):
        ds.add_creds_key(key)
    ds.populate_creds("s3", {"aws_access_key_id": "k", "aws_secret_access_key": secret})
    ds.populate_creds("http", {"Authorization": other})
    ds.populate_creds("env", from_environment=True)
    document = pickle.dumps(ds)
    assert secret.encode() in document
    assert other.encode() in document
    assert found.encode() not in document
    assert b"found-key" not in document
    back = pickle.loads(document)
    assert pickle.loads(pickle.dumps(back)).get_creds_keys() == {"s3", "http", "env"}
    _, (_, state) = reduced(back)
    assert state["populated"]["env"] == (None, True)


def test_s3_credentials_of_the_environment_stay_there(monkeypatch: pytest.MonkeyPatch) -> None:
    from lakebed import paths
    from lakebed.dataset.opening import Options

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "found-key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "found-secret")
    given: list[dict[str, str] | str | None] = [None, "ENV", {"endpoint_url": "http://127.0.0.1:1"}]
    for creds in given:
        source = sources.source_of(paths.parse("s3://bucket/ds"), creds, Options())
        assert source.creds == creds
        assert "found" not in repr(source)
    secret = {"aws_access_key_id": "k", "aws_secret_access_key": "given-secret"}
    source = sources.source_of(paths.parse("s3://bucket/ds"), secret, Options())
    secret["aws_secret_access_key"] = "changed later"
    assert source.creds == {"aws_access_key_id": "k", "aws_secret_access_key": "given-secret"}
    assert "given-secret" not in repr(source)


def test_workers_read_what_they_are_sent(ds: lakebed.Dataset) -> None:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool, ds:
        ds.append({"a": 10, "g/t": "10"})
        assert list(pool.map(total, [ds.a[:4], ds.a[4:]])) == [6, 49]
        shown, read_only, values = pool.submit(described, ds).result()
    assert "read_only=True" in shown
    assert read_only
    assert values == [*range(11)]
    assert not ds.read_only


@pytest.mark.s3
@pytest.mark.parametrize("given", ["dict", "environment"])
def test_workers_read_from_s3(bucket: Bucket, monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    creds = bucket.creds()
    keys = ("aws_access_key_id", "aws_secret_access_key")
    if given == "environment":
        for key in keys:
            monkeypatch.setenv(key.upper(), creds.pop(key))
    ds = lakebed.empty(bucket.url("ds"), creds=creds)
    with ds:
        ds.create_tensor("a", dtype="int64")
        ds.a.extend(np.arange(10))
        document = pickle.dumps(ds)
        secret = bucket.server.writer.secret_key.encode()
        assert (secret in document) == (given == "dict")
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            assert pool.map(total, [ds.a[:4], ds.a[4:]]) == [6, 39]
            shown, read_only, _ = pool.apply(described, (ds,))
    assert read_only
    assert secret.decode() not in shown
    ds.close()
    assert bucket.listing(f"ds/{LOCK}") == {}
