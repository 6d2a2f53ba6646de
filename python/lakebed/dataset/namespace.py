"""`deeplake.dataset`: a function, and the namespace of others."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Generic, ParamSpec

from lakebed import planned
from lakebed.dataset import entry

if TYPE_CHECKING:
    from collections.abc import Callable

    from lakebed.dataset.dataset import Dataset

P = ParamSpec("P")


class DatasetNamespace(Generic[P]):
    """Called, it opens or creates a dataset; its attributes are the other ways into one.

    Args:
        opener: What a call does.
    """

    init = staticmethod(entry.open_or_create)
    load = staticmethod(entry.load)
    empty = staticmethod(entry.empty)
    exists = staticmethod(entry.exists)
    delete = staticmethod(entry.delete)

    def __init__(self, opener: Callable[P, Dataset]) -> None:
        self._opener = opener
        # Its documentation and signature.
        functools.update_wrapper(self, opener)

    @property
    def __call__(self) -> Callable[P, Dataset]:
        """Open or create a dataset."""
        return self._opener

    def __getattr__(self, name: str) -> Any:
        if name in planned.MODULE_FUNCTIONS:
            return planned.method("deeplake.dataset", name)
        raise AttributeError(f"deeplake.dataset has no attribute {name!r}")

    def __repr__(self) -> str:
        return "<function deeplake.dataset, and the namespace of load, empty, exists, delete>"


dataset = DatasetNamespace(entry.open_or_create)
