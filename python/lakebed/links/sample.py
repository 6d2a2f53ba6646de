"""A sample that is only a path and the name of credentials (format 9)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from lakebed import _core
from lakebed.errors import InvalidInputError, InvalidTypeError
from lakebed.paths import CLOUD_LINKS, concealed, storable

if TYPE_CHECKING:
    from lakebed.paths import PathLike


class LinkedSample:
    """A path or URL, stored as it is, and the creds key that opens it.

    Attributes:
        path: The path or URL. Relative paths are opened from the reader's current directory.
        creds_key: The name of credentials of the dataset, or None.
    """

    __slots__ = ("creds_key", "path")

    def __init__(self, path: PathLike, creds_key: str | None = None) -> None:
        path = concealed(path)
        if not isinstance(path, str | os.PathLike):
            raise InvalidTypeError(f"a link is a str or a Path, not {type(path).__name__}")
        text = concealed(os.fspath(path))
        if not isinstance(text, str):
            raise InvalidTypeError("a link of bytes cannot be used, it has to be text")
        if creds_key is not None and not isinstance(creds_key, str):
            raise InvalidTypeError(f"a creds key is a str, not {type(creds_key).__name__}")
        self.path = str(storable(text, "a link"))
        self.creds_key = None if creds_key is None else storable(creds_key, "a creds key")

    @property
    def dtype(self) -> str:
        """What is stored: text."""
        return "str"

    def check(self) -> None:
        """Refuse a link into a cloud store that names no credentials.

        Raises:
            InvalidInputError: It does.
        """
        if self.creds_key is None and self.path.startswith(CLOUD_LINKS):
            message = "a creds key must always be specified for cloud storage"
            hint = "deeplake.link(path, creds_key=...), with a key of ds.add_creds_key()"
            raise InvalidInputError(message, url=_core.display_link(self.path), hint=hint)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, LinkedSample):
            return NotImplemented
        return (self.path, self.creds_key) == (other.path, other.creds_key)

    def __hash__(self) -> int:
        return hash((self.path, self.creds_key))

    def __repr__(self) -> str:
        shown = _core.display_link(self.path)
        key = "" if self.creds_key is None else f", creds_key={self.creds_key!r}"
        return f"LinkedSample({shown!r}{key})"


def link(path: PathLike, creds_key: str | None = None) -> LinkedSample:
    """Make a sample for a linked tensor: the data stay where they are.

    Args:
        path: `s3://bucket/key`, an http(s) URL, or a file.
        creds_key: The credentials to use, by their name in the dataset (`ds.add_creds_key`).
            Needed for cloud stores.

    Returns:
        The sample. Nothing is opened before it is appended.

    Raises:
        InvalidInputError: Text that has no UTF-8 form.
    """
    path = concealed(path)
    return LinkedSample(path, creds_key)
