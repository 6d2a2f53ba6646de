"""The grammar of dataset paths."""

from __future__ import annotations

import os
import re
from typing import Final

from lakebed.errors import (
    InvalidHubPathException,
    InvalidInputError,
    InvalidTypeError,
    LakebedError,
    UnsupportedFeatureError,
)
from lakebed.paths.location import FORMS, Kind, Location, PathLike, is_windows
from lakebed.paths.text import HOST, concealed, shown_path, storable

_KINDS: Final[dict[str, Kind]] = {
    "mem": "memory",
    "s3": "s3",
    "gcs": "gcs",
    "gs": "gcs",
    "gcp": "gcs",
    "http": "http",
    "https": "http",
    "hub": "hub",
    "az": "azure",
    "azure": "azure",
    "gdrive": "gdrive",
}
# Prefixes of links that lead to a cloud store, where nothing is readable without a creds key.
CLOUD_LINKS: Final = tuple(
    f"{scheme}://" for scheme, kind in _KINDS.items() if kind in {"s3", "gcs", "azure", "gdrive"}
)

# Two letters at least: `C://x` is a drive.
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
# `s3:x`, `s3:/x` (what pathlib makes of a URL): a scheme that lost its slashes.
_BROKEN_SCHEME = re.compile(rf"({'|'.join(_KINDS)}):", re.IGNORECASE)
# `user:password@` before the first slash; `s3://bucket@branch` has no colon.
_HAS_PASSWORD = re.compile(r"[^/]*://[^/@]*:[^/]*@")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_BUCKET = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")

_OTHER_KEY = (
    "which stores and their clients do not tell from a key without it: lakebed reads keys as they "
    "are named, or not at all"
)


def parse(path: PathLike, version: str | None = None) -> Location:
    """Take a dataset path apart. The table of `lakebed.paths` shows what comes out.

    Args:
        path: Text or a `pathlib.Path`, with or without `@address`. Blanks around it are dropped.
        version: The branch or commit. With it, the path is taken as it is: an `@` is a part of a
            name, not the mark of an address.

    Returns:
        The location. Kinds that cannot be opened yet have one, too.

    Raises:
        InvalidInputError: Not a path, an empty one, an unknown `word://`, a file; or one that would
            be read as another place. Every message shows the right form.
        InvalidHubPathException: `hub://` that is not `hub://org/name` (an `InvalidInputError`).
        UnsupportedFeatureError: A path of Deep Lake 4.
    """
    path = concealed(path)
    try:
        return _parse(path, version)
    except LakebedError as error:
        # Frames below hold the text, in which there may be a password.
        raise error.without_frames() from error.__cause__


def _parse(path: PathLike, version: str | None) -> Location:
    text = _text(path)
    if version is not None:
        version = _version(version)
    if is_windows(text):
        return _local(text, version)
    found = _SCHEME.match(text)
    if found is None:
        _refuse_broken_scheme(text)
        return _local(text, version)
    kind = _KINDS.get(found[1])
    if kind is None:
        raise _unknown_scheme(text, found[1])
    return _REMOTE[kind](kind, text, found.end(), version)


def _text(path: PathLike) -> str:
    if not isinstance(path, str | os.PathLike):
        raise InvalidTypeError(f"a path is a str or a pathlib.Path, not {type(path).__name__}")
    text = os.fspath(path)
    if not isinstance(text, str):
        raise InvalidTypeError("a path of bytes cannot be used, it has to be text")
    text = text.strip()
    if not text:
        raise InvalidInputError("the path is empty", hint=_any_form())
    if "\0" in text:
        raise InvalidInputError("a path cannot hold a zero byte", hint=_any_form())
    return storable(text, "a path")


def _version(version: object) -> str:
    if not isinstance(version, str):
        message = f"`version` is the name of a branch or commit, not {type(version).__name__}"
        raise InvalidTypeError(message)
    if not version.strip():
        hint = "leave it out for the head of the branch 'main'"
        raise InvalidInputError("`version` is empty", hint=hint)
    return storable(version.strip(), "a version")


def _any_form() -> str:
    return f"a path is {', '.join(list(FORMS.values())[:-1])} or {FORMS['gdrive']}"


def _malformed(kind: Kind, text: str, why: str, hint: str | None = None) -> InvalidInputError:
    form = f"the right form is {FORMS[kind]}"
    cls = InvalidHubPathException if kind == "hub" else InvalidInputError
    hint = form if hint is None else f"{form}; {hint}"
    return cls(why, path=shown_path(text), hint=hint)


def _unknown_scheme(text: str, scheme: str) -> Exception:
    shown = shown_path(text)
    if scheme == "al":
        message = "not supported yet: al:// paths (those of Deep Lake 4)"
        return UnsupportedFeatureError(message, path=shown)
    if scheme.lower() in _KINDS:
        hint = f"write {scheme.lower()}:// in lower case"
    elif scheme.lower() == "file":
        hint = "give the folder itself, without file://"
    else:
        hint = _any_form()
    return InvalidInputError(f"dataset paths cannot begin with {scheme}://", path=shown, hint=hint)


def _refuse_broken_scheme(text: str) -> None:
    """Refuse what lost its slashes, unless there is such a folder."""
    found = _BROKEN_SCHEME.match(text)
    if found is None or os.path.lexists(text):
        return
    scheme = found[1].lower()
    kind = _KINDS[scheme]
    # Not repeated: what follows may be a password.
    message = f"a path that begins with {scheme}: goes on with two slashes"
    hint = f"a pathlib.Path cannot hold it; a folder of that name is written ./{scheme}:..."
    raise InvalidInputError(message, hint=f"the right form is {FORMS[kind]}; {hint}")


def _split(text: str, start: int, version: str | None) -> tuple[str, str | None]:
    """Cut off the address, which stands after the first `@` behind `start`."""
    if version is not None:
        return text, version
    at = text.find("@", start)
    if at < 0:
        return text, None
    return text[:at].rstrip(), text[at + 1 :].lstrip() or None


# --- local folders


def _expand(text: str) -> str:
    folder = os.path.expanduser(text)  # noqa: PTH111 (a Path would drop a trailing slash)
    if text.startswith("~") and folder == text and not os.path.lexists(text):
        user = text.partition("/")[0]
        hint = f"a folder of that name is written ./{user}"
        message = f"{user!r} is the home of nobody that this machine knows"
        raise InvalidInputError(message, path=text, hint=hint)
    return folder


def _local(text: str, version: str | None) -> Location:
    # `\\host@SSL@8080\share`: the host of a share may have an '@'.
    start = max(text.find("\\", 2), 0) if text.startswith("\\\\") else 0
    path, address = _split(text, start, version)
    if path != text and os.path.lexists(os.path.expanduser(text)):  # noqa: PTH111
        path, address = text, None
    if not path:
        message = f"the path {text!r} has nothing before the '@'"
        raise _malformed("local", text, message, hint="folder@branch opens a branch")
    folder = _expand(path)
    if os.path.isfile(folder):  # noqa: PTH113
        raise InvalidInputError("a local dataset is a folder, and this path is a file", path=path)
    return Location("local", path, address, folder)


# --- stores with a scheme: (kind, text, where the scheme ends, version)


def _memory(kind: Kind, text: str, end: int, version: str | None) -> Location:
    path, address = _split(text, end, version)
    return Location(kind, path, address, path[end:])


def _bucket(kind: Kind, text: str, end: int, version: str | None) -> Location:
    if _HAS_PASSWORD.match(text):
        why = f"{text[:end]} paths have no user and password"
        raise _malformed(kind, text, why, "give credentials as `creds={...}`")
    path, address = _split(text, end, version)
    bucket, _, key = path[end:].partition("/")
    if not bucket:
        raise _malformed(kind, text, "the path names no bucket")
    if not _BUCKET.fullmatch(bucket):
        # Not repeated: what stands there may be "key:secret".
        why = "this is no bucket's name: letters, digits, '.', '-' and '_' are allowed"
        raise _malformed(kind, text, why)
    if key.startswith("/"):
        why = f"the keys below this path would begin with '/', {_OTHER_KEY}"
        raise _malformed(kind, text, why, "write one slash behind the bucket")
    return Location(kind, path, address, bucket, _folder(kind, text, key))


def _folder(kind: Kind, text: str, key: str) -> str:
    """Return a key prefix without its final slash."""
    folder = key.removesuffix("/")
    if not folder:
        return folder
    if _CONTROL.search(folder):
        raise _malformed(kind, text, "keys of stores cannot hold control characters")
    for part in folder.split("/"):
        if not part:
            why = f"the keys below this path would hold '//', {_OTHER_KEY}"
            raise _malformed(kind, text, why, "write single slashes")
        if part in {".", ".."}:
            why = f"a key's part cannot be {part!r}: stores have no folders to go up in"
            raise _malformed(kind, text, why, "write the folder's whole name")
    return folder


def _http(kind: Kind, text: str, end: int, version: str | None) -> Location:
    authority = re.split(r"[/?#]", text[end:], maxsplit=1)[0]
    creds = "credentials go into creds={'Authorization': ...}"
    if "@" in authority:
        raise _malformed(kind, text, "a URL of a dataset cannot hold a user or password", creds)
    if not HOST.fullmatch(authority):
        raise _malformed(kind, text, "the URL names no host")
    for mark, what in (("?", "query"), ("#", "fragment")):
        if mark in text:
            why = (
                f"a URL of a dataset cannot have a {what}: it is a folder, and a {what} would "
                "belong to one of its files"
            )
            raise _malformed(kind, text, why, creds)
    if len(text) == end + len(authority):
        # An '@' behind the host alone would make it a user's name.
        text += "/"
    path, address = _split(text, end, version)
    below = path[end + len(authority) :]
    if "\\" in below or _CONTROL.search(below):
        raise _malformed(kind, text, "a URL cannot hold '\\' or control characters")
    if {".", ".."} & set(below.lower().replace("%2e", ".").split("/")):
        raise _malformed(kind, text, "a URL of a dataset cannot have the parts '.' and '..'")
    return Location(kind, path, address, path.rstrip("/"))


def _hub(kind: Kind, text: str, end: int, version: str | None) -> Location:
    start = end
    path, address = _split(text, start, None)
    if version is not None and address not in {None, version}:
        why = f"the path names the version {address!r}, and `version` is {version!r}"
        raise _malformed(kind, text, why, "name the version once")
    address = address if version is None else version
    parts = path[end:].removesuffix("/").split("/")
    if _CONTROL.search(path) or not all(parts):
        raise _malformed(kind, text, "an empty name, or one with control characters")
    match parts:
        case [org, "queries", view]:
            return Location(kind, path, address, f"{org}/queries", f".queries/{view}")
        case [org, name]:
            return Location(kind, path, address, f"{org}/{name}")
        case [org, name, ".queries", view]:
            return Location(kind, path, address, f"{org}/{name}", f".queries/{view}")
    why = "a path of a hub has an organisation and a name, and nothing else"
    raise _malformed(kind, text, why, "a view is hub://org/name/.queries/view")


def _azure(kind: Kind, text: str, end: int, version: str | None) -> Location:
    path, address = _split(text, end, version)
    account, _, rest = path[end:].partition("/")
    container, _, key = rest.partition("/")
    if not _BUCKET.fullmatch(account) or not _BUCKET.fullmatch(container):
        raise _malformed(kind, text, "the path names no account or no container")
    return Location(kind, path, address, f"{account}/{container}", _folder(kind, text, key))


def _gdrive(kind: Kind, text: str, end: int, version: str | None) -> Location:
    path, address = _split(text, end, version)
    folder = _folder(kind, text, path[end:])
    if not folder:
        raise _malformed(kind, text, "the path names no folder")
    return Location(kind, path, address, folder)


_REMOTE: Final = {
    "memory": _memory,
    "s3": _bucket,
    "gcs": _bucket,
    "http": _http,
    "hub": _hub,
    "azure": _azure,
    "gdrive": _gdrive,
}
