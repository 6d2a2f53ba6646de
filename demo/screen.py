"""Progress bars, tables and messages on the terminal; readable without colour."""

from __future__ import annotations

import shutil
import sys
import time
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

# A bar that is not on a terminal (a log of CI) is written once, when it is complete.
REDRAW_S = 0.1
BAR_CELLS = 20
# Below this rate a digit after the point matters.
SLOW = 10


class DemoError(Exception):
    """Something the demo needs is missing or wrong.

    Args:
        problem: What is wrong, one line.
        remedy: A command or an action that mends it.
    """

    def __init__(self, problem: str, remedy: str | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy


class Progress:
    """A progress bar with count and rate: `with Progress("upload", 1200) as bar: bar.update(7)`."""

    def __init__(self, title: str, total: int) -> None:
        self._title = title
        self._total = total
        self._done = 0
        self._started = time.perf_counter()
        self._drawn = 0.0
        self._live = sys.stdout.isatty()

    def __enter__(self) -> Self:
        """Start the clock."""
        self._started = time.perf_counter()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Draw the last state and end the line."""
        if self._live or kind is None:
            self._draw()
            sys.stdout.write("\n")
            sys.stdout.flush()

    @property
    def seconds(self) -> float:
        """Time since the bar was entered, in seconds."""
        return time.perf_counter() - self._started

    def update(self, done: int) -> None:
        """Set how many are done; drawn at most ten times a second."""
        self._done = done
        now = time.perf_counter()
        if self._live and now - self._drawn >= REDRAW_S:
            self._drawn = now
            self._draw()

    def _draw(self) -> None:
        share = self._done / self._total if self._total else 1.0
        filled = round(BAR_CELLS * share)
        bar = "\u2588" * filled + "\u2591" * (BAR_CELLS - filled)
        rate = self._done / max(self.seconds, 1e-9)
        line = (
            f"  {self._title:<22} {bar} {self._done:>5}/{self._total}"
            f"  {self.seconds:6.1f} s  {rate:7.{0 if rate >= SLOW else 1}f}/s"
        )
        width = shutil.get_terminal_size().columns
        sys.stdout.write("\r" + line[:width] if self._live else line)
        sys.stdout.flush()


def say(text: str = "") -> None:
    """Print one line at once, also into a pipe."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def heading(text: str) -> None:
    """Print the title of a step."""
    say(f"\n{text}")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table with right-aligned columns except the first, as Markdown reads it too."""
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        padded = [
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        return "| " + " | ".join(padded) + " |"

    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join([line(head), line(rule), *(line(row) for row in rows)])
