"""Dataset paths: what they mean, and which are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lakebed import errors, paths
from lakebed.paths import Location

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("data", Location("local", "data", None, "data")),
        ("/a/b", Location("local", "/a/b", None, "/a/b")),
        ("  /a/b ", Location("local", "/a/b", None, "/a/b")),
        ("/a/b/", Location("local", "/a/b/", None, "/a/b/")),
        ("/a/b@main", Location("local", "/a/b", "main", "/a/b")),
        ("/a/b@", Location("local", "/a/b", None, "/a/b")),
        ("/a/b@x@y", Location("local", "/a/b", "x@y", "/a/b")),
        ("mem://x", Location("memory", "mem://x", None, "x")),
        ("mem://x/y@z", Location("memory", "mem://x/y", "z", "x/y")),
        ("s3://bucket", Location("s3", "s3://bucket", None, "bucket", "")),
        ("s3://bucket/", Location("s3", "s3://bucket/", None, "bucket", "")),
        ("s3://bucket/a/b", Location("s3", "s3://bucket/a/b", None, "bucket", "a/b")),
        ("s3://bucket/a/b/", Location("s3", "s3://bucket/a/b/", None, "bucket", "a/b")),
        ("s3://bucket/a@dev", Location("s3", "s3://bucket/a", "dev", "bucket", "a")),
        ("s3://bucket/a@b/c", Location("s3", "s3://bucket/a", "b/c", "bucket", "a")),
    ],
)
def test_parse(text: str, expected: Location) -> None:
    assert paths.parse(text) == expected


def test_pathlib_is_a_path(tmp_path: Path) -> None:
    assert paths.parse(tmp_path / "x").path == str(tmp_path / "x")


def test_home_is_expanded_for_the_store_only(tmp_path: Path) -> None:
    found = paths.parse("~/x@dev")
    assert (found.path, found.root, found.address) == ("~/x", f"{tmp_path}/x", "dev")


def test_an_existing_folder_with_an_at_wins(tmp_path: Path) -> None:
    (tmp_path / "a@b").mkdir()
    assert paths.parse("a@b") == Location("local", "a@b", None, "a@b")
    assert paths.parse("a@c") == Location("local", "a", "c", "a")


def test_a_file_is_no_dataset(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("x")
    for text in ("f", "f@main"):
        with pytest.raises(errors.InvalidInputError, match="is a file"):
            paths.parse(text)


@pytest.mark.parametrize("text", ["", "  ", "@main", "s3://", "s3:///a", "S3://b/x", "file:///x"])
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(errors.InvalidInputError):
        paths.parse(text)


@pytest.mark.parametrize("path", [None, 3, b"x", ["x"]])
def test_what_is_no_path_is_refused(path: object) -> None:
    with pytest.raises(TypeError):
        paths.parse(path)  # type: ignore[arg-type]


def test_an_unknown_scheme_does_not_become_a_folder() -> None:
    with pytest.raises(errors.InvalidInputError, match="ftp://") as refused:
        paths.parse("ftp://host/x?token=secret")
    assert "secret" not in str(refused.value)


def test_a_scheme_in_upper_case_says_how_to_write_it() -> None:
    with pytest.raises(errors.InvalidInputError) as refused:
        paths.parse("S3://bucket/x")
    assert refused.value.hint == "write s3:// in lower case"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("hub://org/name", "hub://"),
        ("gcs://bucket/x", "Google Cloud Storage"),
        ("gs://bucket/x", "Google Cloud Storage"),
        ("gcp://bucket/x", "Google Cloud Storage"),
        ("az://account/container", "Azure"),
        ("azure://account/container", "Azure"),
        ("gdrive://folder", "Google Drive"),
    ],
)
def test_what_is_not_there_yet_is_named(text: str, named: str) -> None:
    with pytest.raises(errors.UnsupportedFeatureError, match=named):
        paths.parse(text)


@pytest.mark.parametrize(
    ("text", "fine"),
    [
        ("/data/my album-1_2.x", True),
        ("/odd!/album", True),
        ("/data/album/", True),
        ("/data/na!me", False),
        ("/data/näme", False),
        ("mem://a.b", True),
        ("s3://bucket/album-1_2", True),
        ("s3://bucket/album.1", False),
        ("s3://bucket/my album", False),
    ],
)
def test_names_of_new_datasets(text: str, fine: bool) -> None:
    location = paths.parse(text)
    if fine:
        paths.check_name(location)
    else:
        with pytest.raises(errors.InvalidDatasetNameException):
            paths.check_name(location)


def test_addresses_are_refused_where_they_mean_nothing() -> None:
    paths.refuse_address(paths.parse("/x"), "empty")
    with pytest.raises(ValueError, match=r"deeplake\.empty does not accept"):
        paths.refuse_address(paths.parse("/x@main"), "empty")
