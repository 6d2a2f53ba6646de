"""Texts of paths and links: what they have to be, and how they are shown."""

from __future__ import annotations

import re
from typing import TypeVar

from lakebed import _core
from lakebed.errors import InvalidInputError

T = TypeVar("T")

_SURROGATE = re.compile("[\ud800-\udfff]")


# A name or an address, and a port.
HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s\\:\[\]@]+)(:[0-9]{1,5})?")


def shown_path(text: str) -> str:
    """Return a path or link without what may be a password or a signature."""
    start = text.find("://") + len("://")
    authority = text[start:].partition("/")[0]
    # A secret with a slash in it looks like a short authority: `s3://KEY:SEC/RET@bucket`.
    if start >= len("://") and ":" in authority and not HOST.fullmatch(authority):
        return f"{text[:start]}..."
    # What has no UTF-8 form is about to be refused.
    return _core.display_link(text.encode(errors="replace").decode())


class Concealed(str):
    """A URL whose repr has no user, password and query: tracebacks may show local variables."""

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(shown_path(str(self)))

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        """Pickle as plain text."""
        return str, (str(self),)


def concealed(path: T) -> T | Concealed:
    """Return a path or link as it may stand in a local variable."""
    return Concealed(path) if isinstance(path, str) and "://" in path else path


def storable(text: str, what: str) -> str:
    """Return a text that has an UTF-8 form, as everything that is stored or named needs.

    Raises:
        InvalidInputError: It has a lone surrogate.
    """
    found = _SURROGATE.search(text)
    if found is not None:
        message = f"{what} cannot hold the lone surrogate {found[0]!a} at character {found.start()}"
        raise InvalidInputError(message)
    return text
