"""Paths given to the ways into a dataset: versions, and what is told when nothing is there."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import pytest

import lakebed
from lakebed import errors

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Bucket
    from tests.reference.client import Reference
    from tests.servers.moto import MotoServer


@pytest.fixture
def odd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Make a dataset in a folder with an '@' in its name; give the name."""
    monkeypatch.chdir(tmp_path)
    # A name that only files take: made under another, as new names have no '@'.
    lakebed.empty("album").close()
    (tmp_path / "album").rename("al@bum")
    return "al@bum"


def test_a_version_is_named_in_the_path_or_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with lakebed.empty("album") as ds:
        ds.create_tensor("a", dtype="uint8")
    for opened in (
        lakebed.load("album@main", read_only=True),
        lakebed.load("album", read_only=True, version="main"),
        lakebed.dataset("album", read_only=True, version="main"),
    ):
        assert (opened.path, opened.branch, list(opened.tensors)) == ("album", "main", ["a"])
    for missing in ("album@nowhere", "album"):
        with pytest.raises(errors.CheckoutError):
            lakebed.load(missing, version=None if "@" in missing else "nowhere")


def test_a_version_makes_the_at_a_part_of_the_name(odd: str) -> None:
    assert lakebed.load(odd).branch == "main"
    assert lakebed.load(odd, version="main").branch == "main"
    with pytest.raises(errors.DatasetNotFoundError, match=r"with version='main'.*leave out"):
        lakebed.load("album@dev", version="main")
    # Nothing is made under such a name, either.
    with pytest.raises(errors.InvalidInputError, match="does not accept a version"):
        lakebed.dataset("new@dev", version="main")


def test_version_is_a_keyword_of_ours_beyond_those_of_v3() -> None:
    for call in (lakebed.load, lakebed.dataset):
        kinds = {each.name: each.kind for each in inspect.signature(call).parameters.values()}
        assert kinds.pop("version") is inspect.Parameter.KEYWORD_ONLY
        assert set(kinds.values()) == {inspect.Parameter.POSITIONAL_OR_KEYWORD}


@pytest.mark.s3
def test_a_whole_bucket_is_a_place_of_its_own(bucket: Bucket) -> None:
    path = f"s3://{bucket.name}"
    with pytest.raises(errors.DatasetNotFoundError, match=r"keys that begin with '/'.*folder"):
        lakebed.load(path, creds=bucket.creds())
    bucket.put("other", b"x")
    with pytest.raises(errors.PathNotEmptyException, match="keys that begin with '/'"):
        lakebed.empty(path, creds=bucket.creds())
    bucket.delete("other")
    with lakebed.empty(path, creds=bucket.creds()) as ds:
        ds.create_tensor("a", dtype="uint8")
    assert not [key for key in bucket.listing() if key.startswith("/")]
    assert list(lakebed.load(f"{path}/", creds=bucket.creds(), read_only=True).tensors) == ["a"]


@pytest.mark.s3
@pytest.mark.reference
def test_what_the_reference_keeps_in_a_whole_bucket_is_named_and_can_be_moved(
    moto: MotoServer, reference: Reference
) -> None:
    """SeaweedFS drops the slash that the keys begin with; moto keeps it, as S3 does."""
    moto.create_bucket("whole")
    creds = moto.creds(region="us-east-1")
    made: list[dict[str, Any]] = [
        {"do": "empty", "path": "s3://whole", "options": {"creds": creds}},
        {"do": "create_tensor", "name": "a", "options": {"dtype": "int64"}},
        {"do": "extend", "name": "a", "values": [1, 2, 3]},
    ]
    reference.run(made)
    client = moto.client()
    keys = [entry["Key"] for entry in client.list_objects_v2(Bucket="whole")["Contents"]]
    assert "/dataset_meta.json" in keys

    for enter in (lakebed.load, lakebed.empty, lakebed.dataset):
        with pytest.raises(errors.LakebedError, match="keys that begin with '/'"):
            enter("s3://whole", creds=creds)

    # What docs/storage.md says to do about it.
    for key in keys:
        client.copy({"Bucket": "whole", "Key": key}, "whole", f"album{key}")
    ds = lakebed.load("s3://whole/album", creds=creds, read_only=True)
    assert ds.a.numpy().tolist() == [[1], [2], [3]]
