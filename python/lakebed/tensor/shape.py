"""Shapes of many samples at once: equal axes as numbers, others as bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class ShapeInterval:
    """The smallest and the largest length of every axis.

    Attributes:
        lower: The smallest lengths, the number of samples first.
        upper: The largest.
    """

    __slots__ = ("lower", "upper")

    def __init__(self, lower: Sequence[int], upper: Sequence[int] | None = None) -> None:
        self.lower = tuple(map(int, lower))
        self.upper = self.lower if upper is None else tuple(map(int, upper))

    @classmethod
    def of(cls, count: int, shapes: Iterable[Sequence[int]]) -> ShapeInterval:
        """Return the bounds of samples' shapes, behind their number.

        Shapes with fewer axes than others count as if the missing ones, at the end, had length 0.
        """
        distinct = set(map(tuple, shapes))
        ndim = max(map(len, distinct), default=0)
        padded = [shape + (0,) * (ndim - len(shape)) for shape in distinct]
        axes = list(zip(*padded, strict=True))
        return cls((count, *map(min, axes)), (count, *map(max, axes)))

    @property
    def is_dynamic(self) -> bool:
        """Whether an axis has more than one length."""
        return self.lower != self.upper

    def astuple(self) -> tuple[int | None, ...]:
        """Return the lengths, None where an axis has more than one."""
        pairs = zip(self.lower, self.upper, strict=True)
        return tuple(low if low == high else None for low, high in pairs)

    def __len__(self) -> int:
        return len(self.lower)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ShapeInterval):
            return NotImplemented
        return (self.lower, self.upper) == (other.lower, other.upper)

    def __hash__(self) -> int:
        return hash((self.lower, self.upper))

    def __repr__(self) -> str:
        pairs = zip(self.lower, self.upper, strict=True)
        shown = [f"{low}" if low == high else f"{low}:{high}" for low, high in pairs]
        return f"({', '.join(shown)}{',' if len(shown) == 1 else ''})"
