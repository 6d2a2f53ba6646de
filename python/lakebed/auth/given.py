"""The `creds` that a user gave, held so that nothing shows what is in them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar

from lakebed.errors import LakebedError

T = TypeVar("T")
P = ParamSpec("P")


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


def concealing(resolve: Callable[P, T]) -> Callable[P, T]:
    """Make a function that takes `creds` apart safe to fail: no frame of it shows them."""

    @functools.wraps(resolve)
    def resolved(*args: P.args, **kwargs: P.kwargs) -> T:
        args = tuple(map(concealed, args))  # type: ignore[assignment] # copies of the same types
        kwargs = {name: concealed(value) for name, value in kwargs.items()}  # type: ignore[assignment]
        try:
            return resolve(*args, **kwargs)
        except LakebedError as error:
            raise error.without_frames() from error.__cause__

    return resolved
