"""Paths given to the ways into a dataset: versions, and what is told when nothing is there."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

import pytest

import lakebed
from lakebed import errors

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Bucket


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
