"""Where a dataset lies, and what may be done with such a place."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from lakebed.errors import InvalidDatasetNameException, InvalidInputError

PathLike: TypeAlias = "str | os.PathLike[str]"
Kind: TypeAlias = Literal["local", "memory", "s3", "gcs", "http", "hub", "azure", "gdrive"]

# How a path of each kind is written; for messages.
FORMS: Final[dict[Kind, str]] = {
    "local": "a local folder",
    "memory": "mem://name",
    "s3": "s3://bucket/folder",
    "gcs": "gcs://bucket/folder",
    "http": "https://host/folder",
    "hub": "hub://org/name",
    "azure": "az://account/container/folder",
    "gdrive": "gdrive://folder",
}

# A drive (`C:\x`, `C:/x`) or a share (`\\host\x`): local wherever the text is read.
_WINDOWS = re.compile(r"[A-Za-z]:([\\/]|\Z)|\\\\[^\\]")
_SEPARATORS = re.compile(r"[\\/]")
_LOCAL_NAME = re.compile(r"[A-Za-z0-9 _.-]*")
_CLOUD_NAME = re.compile(r"[A-Za-z0-9_-]*")


def is_windows(text: str) -> bool:
    """Whether a text is a path of Windows by its syntax."""
    return _WINDOWS.match(text) is not None


@dataclass(frozen=True, slots=True)
class Location:
    """Where a dataset lies. As text it is the path with its address.

    Attributes:
        kind: Which store.
        path: The path as it was typed, without the address.
        address: The branch or commit; None when none is named.
        root: See the table of `lakebed.paths`.
        prefix: The same; without slashes at the ends.
    """

    kind: Kind
    path: str
    address: str | None
    root: str
    prefix: str = ""

    def __str__(self) -> str:
        return self.path if self.address is None else f"{self.path}@{self.address}"

    @property
    def name(self) -> str:
        """The part after the last slash."""
        if self.kind == "local" and (os.name == "nt" or is_windows(self.path)):
            return _SEPARATORS.split(self.path)[-1]
        return self.path.rpartition("/")[2]

    @property
    def is_bucket(self) -> bool:
        """Whether it is a whole bucket."""
        return self.kind in {"s3", "gcs"} and not self.prefix

    @property
    def is_writable(self) -> bool:
        """Whether its kind of store takes changes at all."""
        return self.kind != "http"

    @property
    def is_foreign(self) -> bool:
        """Whether it is a path of Windows, and this machine is none."""
        return self.kind == "local" and os.name != "nt" and is_windows(self.path)


def check_name(location: Location) -> None:
    """Refuse names for new datasets that Deep Lake v3 refuses.

    Raises:
        InvalidDatasetNameException: The part after the last slash has other characters than
            ASCII letters, digits, `-` and `_`; local names may have blanks and `.` too.
    """
    if location.kind in {"local", "memory"}:
        allowed, words = _LOCAL_NAME, "letters, digits, blanks, '-', '_' and '.'"
    else:
        allowed, words = _CLOUD_NAME, "letters, digits, '-' and '_'"
    if not allowed.fullmatch(location.name):
        message = f"the dataset name {location.name!r} may only have ASCII {words}"
        raise InvalidDatasetNameException(message, path=location.path)


def refuse_address(location: Location, call: str) -> None:
    """Refuse a version where none is accepted.

    Raises:
        InvalidInputError: There is one.
    """
    if location.address is not None:
        message = f"deeplake.{call} does not accept a version address in the path"
        hint = f"leave out '@{location.address}'"
        raise InvalidInputError(message, path=location.path, hint=hint)
