"""Text of class labels to their numbers."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

_log = logging.getLogger("lakebed")


class ClassNames:
    """The class names of a tensor, and those that samples add.

    Args:
        names: Those that the tensor's info has.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = list(names)
        self._known = len(self.names)
        self._numbers: dict[str, int] = {}
        for number, name in enumerate(self.names):
            # Of equal names the first is meant.
            self._numbers.setdefault(name, number)

    @property
    def added(self) -> list[str]:
        """What `convert` met and the tensor did not have."""
        return self.names[self._known :]

    def convert(self, sample: Any) -> Any:
        """Return a sample with every text replaced by its number, new ones appended in order."""
        if isinstance(sample, str):
            return self._number(str(sample))
        if isinstance(sample, list | tuple):
            return [self.convert(item) for item in sample]
        if isinstance(sample, np.ndarray) and sample.dtype.kind in "UO":
            return self.convert(sample.tolist())
        return sample

    def _number(self, name: str) -> int:
        number = self._numbers.get(name)
        if number is None:
            number = self._numbers[name] = len(self.names)
            self.names.append(name)
        return number

    def report(self, tensor: str) -> None:
        """Log what was added."""
        for number, name in enumerate(self.added, self._known):
            _log.info("%r added to %s.info.class_names at index %d", name, tensor, number)


def texts_of(labels: Any, names: Sequence[str]) -> Any:
    """Return the names of class labels.

    Args:
        labels: An array of numbers, or a list of them; any shape.
        names: The class names.

    Returns:
        Lists nested as the labels are; None for a number without a name.
    """
    if isinstance(labels, list):
        return [texts_of(item, names) for item in labels]
    values = labels.tolist() if isinstance(labels, np.ndarray) else labels
    return _texts(values, names)


def _texts(value: Any, names: Sequence[str]) -> Any:
    if isinstance(value, list):
        return [_texts(item, names) for item in value]
    return names[value] if 0 <= value < len(names) else None
