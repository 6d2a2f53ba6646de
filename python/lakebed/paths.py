"""Text of dataset paths to typed locations. Asks the local disk for existence, nothing else.

Source: hub/paths-and-creds, section 1; requirements/storage-options.md.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Literal, TypeAlias, assert_never

from lakebed import _core
from lakebed.errors import (
    InvalidDatasetNameException,
    InvalidInputError,
    InvalidTypeError,
    UnsupportedFeatureError,
)

PathLike: TypeAlias = "str | os.PathLike[str]"
Kind: TypeAlias = Literal["local", "memory", "s3"]

# What a dataset path may begin with, and what is known but not there yet.
_SCHEMES: dict[str, Kind] = {"mem": "memory", "s3": "s3"}
_PLANNED = {
    "hub": "hub:// paths",
    "al": "al:// paths (those of Deep Lake 4)",
    "gcs": "Google Cloud Storage",
    "gcp": "Google Cloud Storage",
    "gs": "Google Cloud Storage",
    "az": "Azure storage",
    "azure": "Azure storage",
    "gdrive": "Google Drive",
}
# Prefixes of links that lead to a cloud store, where nothing is readable without a creds key.
CLOUD_LINKS = ("s3://", "gcs://", "gcp://", "gs://", "az://", "azure://", "gdrive://")

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
# `user:password@` before the first slash; `s3://bucket@branch` has no colon.
_HAS_PASSWORD = re.compile(r"[^/]*://[^/@]*:[^/]*@")
_LOCAL_NAME = re.compile(r"[A-Za-z0-9 _.-]*")
_CLOUD_NAME = re.compile(r"[A-Za-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class Location:
    """Where a dataset lies.

    Attributes:
        kind: Which store.
        path: The path as it was typed, without the address.
        address: Branch or commit after the `@`; None when there is none.
        root: The local folder with `~` expanded, the memory store's name, or the S3 bucket.
        prefix: The key prefix in the bucket, without slashes at the ends; else empty.
    """

    kind: Kind
    path: str
    address: str | None
    root: str
    prefix: str = ""

    @property
    def name(self) -> str:
        """The part after the last slash."""
        return self.path.rpartition("/")[2]


def parse(path: PathLike) -> Location:
    """Take a dataset path apart.

    Everything after the first `@` is the address of a branch or commit, unless a local path with
    that `@` exists.

    Args:
        path: A folder (`~` is expanded), `mem://name` or `s3://bucket/key`, with or without
            `@address`.

    Returns:
        The location.

    Raises:
        InvalidInputError: Not a path, an empty one, an unknown `word://`, or a file.
        UnsupportedFeatureError: A kind of store that is not there yet.
    """
    text = _text(path)
    found = _SCHEME.match(text)
    if found is None:
        return _local(text)
    scheme = found[1]
    if scheme in _PLANNED:
        message = f"not supported yet: {_PLANNED[scheme]} (the path begins with {scheme}://)"
        raise UnsupportedFeatureError(message, path=_core.display_link(text))
    if scheme not in _SCHEMES:
        raise _unknown_scheme(text, scheme)
    if _HAS_PASSWORD.match(text):
        message = f"{scheme}:// paths have no user and password"
        hint = "give credentials as `creds={...}`"
        raise InvalidInputError(message, path=_core.display_link(text), hint=hint)
    root, address = _split_address(text)
    rest = root[found.end() :]
    kind = _SCHEMES[scheme]
    if kind == "memory":
        return Location(kind, root, address, rest)
    bucket, _, key = rest.partition("/")
    if not bucket:
        raise InvalidInputError(f"the path {text!r} names no bucket: s3://bucket/key is needed")
    return Location(kind, root, address, bucket, key.strip("/"))


def check_name(location: Location) -> None:
    """Refuse names for new datasets that Deep Lake v3 refuses.

    Raises:
        InvalidDatasetNameException: The part after the last slash has other characters than
            ASCII letters, digits, `-` and `_`; local names may have blanks and `.` too.
    """
    match location.kind:
        case "local" | "memory":
            allowed, words = _LOCAL_NAME, "letters, digits, blanks, '-', '_' and '.'"
        case "s3":
            allowed, words = _CLOUD_NAME, "letters, digits, '-' and '_'"
        case _:
            assert_never(location.kind)
    if not allowed.fullmatch(location.name):
        message = f"the dataset name {location.name!r} may only have ASCII {words}"
        raise InvalidDatasetNameException(message, path=location.path)


def refuse_address(location: Location, call: str) -> None:
    """Refuse an `@address` where none is accepted.

    Raises:
        InvalidInputError: There is one.
    """
    if location.address is not None:
        message = f"deeplake.{call} does not accept a version address in the path"
        hint = f"leave out '@{location.address}'"
        raise InvalidInputError(message, path=location.path, hint=hint)


def _text(path: PathLike) -> str:
    if not isinstance(path, str | os.PathLike):
        raise InvalidTypeError(f"a path is a str or a pathlib.Path, not {type(path).__name__}")
    text = os.fspath(path)
    if not isinstance(text, str):
        raise InvalidTypeError("a path of bytes cannot be used, it has to be text")
    text = text.strip()
    if not text:
        raise InvalidInputError("the path is empty")
    return storable(text, "a path")


def storable(text: str, what: str) -> str:
    """Return a text that has an UTF-8 form, as everything that is stored or named needs.

    Raises:
        InvalidInputError: It has a lone surrogate.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        shown = ascii(text[error.start : error.end])
        message = f"{what} cannot hold the lone surrogate {shown} at character {error.start}"
        raise InvalidInputError(message) from error
    return text


def _split_address(text: str) -> tuple[str, str | None]:
    root, _, address = text.partition("@")
    return root, address or None


def _local(text: str) -> Location:
    folder = os.path.expanduser(text)  # noqa: PTH111 (a Path would drop a trailing slash)
    if "@" in text and os.path.lexists(folder):
        path, address = text, None
    else:
        path, address = _split_address(text)
        if not path:
            raise InvalidInputError(f"the path {text!r} has nothing before the '@'")
        folder = os.path.expanduser(path)  # noqa: PTH111
    if os.path.isfile(folder):  # noqa: PTH113
        raise InvalidInputError("a local dataset is a folder, and this path is a file", path=path)
    return Location("local", path, address, folder)


def _unknown_scheme(text: str, scheme: str) -> InvalidInputError:
    if scheme.lower() in {*_SCHEMES, *_PLANNED}:
        hint = f"write {scheme.lower()}:// in lower case"
    elif scheme == "file":
        hint = "give the folder itself, without file://"
    else:
        hint = "a path is a local folder, mem://name or s3://bucket/key"
    message = f"dataset paths cannot begin with {scheme}://"
    return InvalidInputError(message, path=_core.display_link(text), hint=hint)
