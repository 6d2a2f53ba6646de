"""Dataset paths: what they mean, and which are refused."""

from __future__ import annotations

import json
import string
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import lakebed
from lakebed import errors, paths
from lakebed.paths import Location

VECTORS = json.loads((Path(__file__).parents[1] / "data" / "paths.json").read_text())["datasets"]
TAKEN = [vector for vector in VECTORS if "error" not in vector]
REFUSED = [vector for vector in VECTORS if "error" in vector]


def name(vector: dict[str, Any]) -> str:
    version = f" version={vector['version']!r}" if "version" in vector else ""
    return f"{vector['text']!a}{version}"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/tester")
    return tmp_path


@pytest.mark.parametrize("vector", TAKEN, ids=name)
def test_what_a_path_means(vector: dict[str, Any]) -> None:
    expected = Location(
        vector["kind"],
        vector.get("path", vector["text"]),
        vector.get("address"),
        vector["root"],
        vector.get("prefix", ""),
    )
    found = paths.parse(vector["text"], vector.get("version"))
    assert found == expected
    # What is made of it says the same.
    assert paths.parse(found.path, found.address) == found
    if "@" not in found.path:
        assert paths.parse(str(found)) == found


@pytest.mark.parametrize("vector", REFUSED, ids=name)
def test_what_no_path_is_and_why(vector: dict[str, Any]) -> None:
    with pytest.raises(errors.LakebedError) as refused:
        paths.parse(vector["text"], vector.get("version"))
    assert type(refused.value).__name__ == vector["error"]
    for words in vector["says"]:
        assert words in str(refused.value)
    for secret in ("s3cr3t", "r3t@"):
        assert secret not in str(refused.value)


def test_the_vectors_name_every_kind() -> None:
    kinds = {vector["kind"] for vector in TAKEN}
    assert kinds == set(paths.FORMS)
    # Each kind has an error that shows its form (but for a folder, which may be written anyhow).
    said = [words for vector in REFUSED for words in vector["says"]]
    assert {form for form in paths.FORMS.values() if form in said} >= {
        form for kind, form in paths.FORMS.items() if kind not in {"local", "memory"}
    }


# Characters that parsers like to stumble over, and some plain ones.
_CHARACTERS = st.sampled_from(":/\\@~.?#%+ []ü日" + string.ascii_letters + string.digits)
_TEXTS = st.text(_CHARACTERS, max_size=24)
_SCHEMES = ("mem s3 gcs gs gcp http https hub az azure gdrive".split(), ["", "C:", "\\\\h\\", "~/"])
_STARTS = st.sampled_from([*(f"{scheme}://" for scheme in _SCHEMES[0]), *_SCHEMES[1]])


@given(start=_STARTS, rest=_TEXTS, version=st.none() | st.sampled_from(["main", "a@b"]))
def test_any_text_is_refused_or_comes_back(start: str, rest: str, version: str | None) -> None:
    try:
        found = paths.parse(start + rest, version)
    except errors.LakebedError:
        return
    assert paths.parse(found.path, found.address) == found
    if "@" not in found.path:
        assert paths.parse(str(found)) == found
        assert found.path.startswith(start) or start in {"~/", ""} or not rest.strip()


# Names without a mark that means something somewhere; not all blanks, no dots alone.
_NAMES = st.text(st.sampled_from(string.ascii_letters + string.digits + "_-%+ü"), min_size=1)
_FOLDERS = st.lists(_NAMES, max_size=3).map("/".join)
_BUCKETS = st.from_regex(r"[a-z0-9][a-z0-9.-]{1,20}[a-z0-9]", fullmatch=True)


@given(
    scheme=st.sampled_from(["s3", "gcs", "gs", "gcp"]),
    bucket=_BUCKETS,
    folder=_FOLDERS,
    slash=st.booleans(),
    address=st.none() | _NAMES,
)
def test_buckets_and_folders_come_out_as_they_went_in(
    scheme: str, bucket: str, folder: str, slash: bool, address: str | None
) -> None:
    path = f"{scheme}://{bucket}" + (f"/{folder}" if folder else "") + ("/" if slash else "")
    expected = Location("s3" if scheme == "s3" else "gcs", path, address, bucket, folder)
    assert paths.parse(str(expected)) == expected
    assert paths.parse(path, address) == expected


@given(
    scheme=st.sampled_from(["https", "s3", "gs", "hub", "az", "gdrive", "ftp"]),
    rest=st.text(max_size=12).filter(lambda text: "s3cr3t" not in text),
)
def test_no_password_comes_out_of_an_error(scheme: str, rest: str) -> None:
    for guess in (f"{scheme}://user:s3cr3t@{rest}", f"{scheme}://user:s3cr3t{rest}@host/x"):
        said = ""
        try:
            paths.parse(guess, "main")
        except errors.LakebedError as refused:
            said = f"{refused} {refused!r} {vars(refused)}"
        assert "s3cr3t" not in said


def test_pathlib_is_a_path(tmp_path: Path) -> None:
    assert paths.parse(tmp_path / "x").path == str(tmp_path / "x")
    windows = paths.parse(PureWindowsPath("C:/data/my album@dev"))
    assert windows == Location("local", "C:\\data\\my album", "dev", "C:\\data\\my album")
    assert windows.name == "my album"


def test_pathlib_eats_a_slash_of_urls() -> None:
    with pytest.raises(errors.InvalidInputError, match=r"s3://bucket/folder.*pathlib"):
        paths.parse(PurePosixPath("s3://bucket/x"))


def test_a_folder_named_as_a_broken_scheme_is_a_folder(folder: Path) -> None:
    (folder / "s3:x").mkdir()
    assert paths.parse("s3:x") == Location("local", "s3:x", None, "s3:x")


def test_an_existing_folder_with_an_at_wins(folder: Path) -> None:
    (folder / "a@b").mkdir()
    assert paths.parse("a@b") == Location("local", "a@b", None, "a@b")
    assert paths.parse("a@c") == Location("local", "a", "c", "a")
    # With a version, the path is what it says, whether or not it exists.
    assert paths.parse("a@b", "main") == Location("local", "a@b", "main", "a@b")
    assert paths.parse("a@c", "main") == Location("local", "a@c", "main", "a@c")


def test_a_home_of_somebody_is_told_from_its_version() -> None:
    found = paths.parse("~root@dev")
    assert (found.path, found.address) == ("~root", "dev")
    assert found.root != "~root"


def test_a_file_is_no_dataset(folder: Path) -> None:
    (folder / "f").write_text("x")
    for text in ("f", "f@main"):
        with pytest.raises(errors.InvalidInputError, match="is a file"):
            paths.parse(text)


@pytest.mark.parametrize("path", [None, 3, b"x", ["x"]])
def test_what_is_no_path_is_refused(path: object) -> None:
    with pytest.raises(TypeError):
        paths.parse(path)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        paths.parse("x", version=path or 3)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("hub://org/name", "hub://"),
        ("az://account/container", "Azure"),
        ("azure://account/container/x@dev", "Azure"),
        ("gdrive://folder", "Google Drive"),
    ],
)
def test_what_is_not_there_yet_is_named_by_every_way_in(text: str, named: str) -> None:
    plain = text.partition("@")[0]
    for enter, path in (
        (lakebed.load, text),
        (lakebed.dataset, text),
        (lakebed.empty, plain),
        (lakebed.exists, plain),
        (lakebed.delete, plain),
    ):
        with pytest.raises(errors.UnsupportedFeatureError, match=f"not supported yet: .*{named}"):
            enter(path)


@pytest.mark.parametrize("text", ["C:\\data", "C:/data", "\\\\host\\share"])
def test_a_drive_of_windows_is_not_made_as_a_folder_here(folder: Path, text: str) -> None:
    with pytest.raises(errors.InvalidInputError, match="cannot be reached from this machine"):
        lakebed.empty(text)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "fine"),
    [
        ("/data/my album-1_2.x", True),
        ("/odd!/album", True),
        ("/data/album/", True),
        ("/data/na!me", False),
        ("/data/näme", False),
        ("C:\\odd!\\album", True),
        ("C:\\data\\na!me", False),
        ("mem://a.b", True),
        ("s3://bucket/album-1_2", True),
        ("s3://bucket/album.1", False),
        ("s3://bucket/my album", False),
        ("gs://bucket/album", True),
        ("gs://bucket/album.1", False),
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
