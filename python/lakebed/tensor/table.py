"""The tables that `summary()` prints, laid out as in Deep Lake v3."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_RULE = "-------"


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table with centred columns; a header may be wider than its column."""
    lines = [[_RULE] * len(columns), *rows]
    widths = [max(len(line[at]) for line in lines) + 2 for at in range(len(columns))]
    shown = [_line(line, widths) for line in lines]
    return "\n".join(["", _line(columns, widths).rstrip(), *shown])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "".join(f"{cell:^{width}}" for cell, width in zip(cells, widths, strict=True))
