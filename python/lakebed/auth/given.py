"""The `creds` that a user gave, held so that nothing shows what is in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

T = TypeVar("T")


class Given(dict[str, Any]):
    """A copy of a `creds` dict whose repr has no values: tracebacks may show local variables."""

    def __repr__(self) -> str:
        return f"<creds with {len(self)} settings>"

    def __reduce__(self) -> tuple[type[dict[str, Any]], tuple[dict[str, Any]]]:
        """Pickle as the dict that it was."""
        return dict, (dict(self),)


def concealed(creds: T) -> T | Given:
    """Return `creds` as they may stand in a local variable. Of a dict: a copy.

    What is no dict (a path, a session, a callable) shows no secrets by itself.
    """
    return Given(creds) if isinstance(creds, Mapping) else creds
