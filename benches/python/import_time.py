"""The import bench: `python -m benches.python.import_time` (or `make bench`).

How long `import lakebed` takes beyond `import numpy`, which its users have loaded anyway; and the
same of deeplake 3.9.52. Each run is an interpreter of its own, which times its own imports; the
contenders take turns, so that a busy minute of the machine hits all of them. Figures are medians.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from benches.python import contest
from demo.prepare import CHECKOUT
from demo.screen import DemoError, Progress, say, table

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

MODULES = {contest.OURS: "lakebed", contest.REFERENCE: "deeplake"}
# What an import may take: less than anybody notices when a program starts.
BAR_MS = 150.0

# The module's name is the argument; answers with the milliseconds of both imports.
_TIMED = """
import sys, time
start = time.perf_counter()
import numpy
middle = time.perf_counter()
__import__(sys.argv[1])
end = time.perf_counter()
print((middle - start) * 1000, (end - middle) * 1000)
"""


@dataclass(frozen=True)
class Run:
    """One interpreter."""

    contender: str
    numpy_ms: float
    beyond_numpy_ms: float


def run(contender: str, python: Path) -> Run:
    """Time the import of a contender in a fresh interpreter.

    Raises:
        DemoError: The import fails.
    """
    done = subprocess.run(  # noqa: S603 - our own script
        [str(python), "-W", "ignore", "-c", _TIMED, MODULES[contender]],
        check=False,
        capture_output=True,
        text=True,
        cwd=CHECKOUT,
        # No error reports, no notice of other versions: the time is that of the code.
        env={**os.environ, "BUGGER_OFF": "true"},
    )
    if done.returncode != 0:
        raise DemoError(f"{python} cannot import {contender}: {done.stderr.strip()[-300:]}")
    numpy_ms, beyond_ms = map(float, done.stdout.split()[-2:])
    return Run(contender, numpy_ms, beyond_ms)


def measure(args: argparse.Namespace) -> None:
    """Run every contender in every round; a round before them fills the caches of files."""
    pythons = {contest.OURS: Path(sys.executable)}
    if not args.no_reference:
        pythons[contest.REFERENCE] = args.reference_python
    runs: list[Run] = []
    with Progress("imports", (args.rounds + 1) * len(pythons)) as bar:
        for number in range(args.rounds + 1):
            for contender in contest.in_turn(list(pythons), number):
                runs.append(run(contender, pythons[contender]))
                bar.update(len(runs))
    runs = runs[len(pythons) :]
    entries = summary(runs)
    say(f"\n{summary_table(entries)}")
    contest.keep("import_time.json", runs, entries, rounds=args.rounds, bar_ms=BAR_MS)
    ours = entries[0]["beyond_numpy_ms"]
    verdict = "reached" if ours < BAR_MS else "MISSED"
    say(f"bar {verdict}: {ours:.0f} ms beyond numpy (less than {BAR_MS:.0f})")


def summary(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Return medians, one entry for each contender."""
    entries: list[dict[str, Any]] = []
    for contender in sorted({run.contender for run in runs}, key=list(MODULES).index):
        own = [run for run in runs if run.contender == contender]
        times = [run.beyond_numpy_ms for run in own]
        entries.append(
            {
                "contender": contender,
                "beyond_numpy_ms": median(times),
                "fastest_ms": min(times),
                "slowest_ms": max(times),
                "numpy_ms": median(run.numpy_ms for run in own),
            }
        )
    for entry in entries:
        entry["times_lakebed"] = entry["beyond_numpy_ms"] / entries[0]["beyond_numpy_ms"]
    return entries


def summary_table(entries: Sequence[dict[str, Any]]) -> str:
    """Return the figures as a Markdown table."""
    head = ("import", "ms beyond numpy", "fastest", "slowest", "numpy's own ms", "times lakebed's")
    rows = [
        (
            entry["contender"],
            f"{entry['beyond_numpy_ms']:,.0f}",
            f"{entry['fastest_ms']:,.0f}",
            f"{entry['slowest_ms']:,.0f}",
            f"{entry['numpy_ms']:,.0f}",
            "" if entry["contender"] == contest.OURS else f"{entry['times_lakebed']:.1f}",
        )
        for entry in entries
    ]
    return table(head, rows)


def main() -> int:
    """Run the bench; returns the exit code."""
    parser = contest.parser("import_time")
    parser.set_defaults(rounds=11)
    return contest.run_bench(parser.parse_args(), measure)


if __name__ == "__main__":
    sys.exit(main())
