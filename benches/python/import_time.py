"""The import bench: `python -m benches.python.import_time` (or `make bench`).

How long `import lakebed` takes beyond `import numpy`, which its users have loaded anyway; and the
same of deeplake 3.9.52. Each run is an interpreter of its own, which times its own imports; the
contenders take turns, so that a busy minute of the machine hits all of them. Figures are medians.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from demo.prepare import CHECKOUT
from demo.screen import DemoError, Progress, say, table

if TYPE_CHECKING:
    from collections.abc import Sequence

OURS, REFERENCE = "lakebed", "deeplake"
REFERENCE_PYTHON = CHECKOUT / ".venv-reference" / "bin" / "python"
RESULTS = CHECKOUT / "benches" / "results" / "import_time.json"
# What an import may take: less than anybody notices when a program starts.
BAR_MS = 150.0
EXIT_MISSING = 2
EXIT_SLOW = 1

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

    module: str
    numpy_ms: float
    beyond_numpy_ms: float


def run(module: str, python: Path) -> Run:
    """Time the import of a module in a fresh interpreter.

    Raises:
        DemoError: The interpreter is not there, or the import fails.
    """
    if not python.exists():
        raise DemoError(f"no {python}", "make bench, or --no-reference")
    done = subprocess.run(  # noqa: S603 - our own script
        [str(python), "-W", "ignore", "-c", _TIMED, module],
        check=False,
        capture_output=True,
        text=True,
        cwd=CHECKOUT,
        # No error reports, no notice of other versions: the time is that of the code.
        env={**os.environ, "BUGGER_OFF": "true"},
    )
    if done.returncode != 0:
        raise DemoError(f"{python} cannot import {module}: {done.stderr.strip()[-300:]}")
    numpy_ms, beyond_ms = map(float, done.stdout.split()[-2:])
    return Run(module, numpy_ms, beyond_ms)


def measure(pythons: dict[str, Path], rounds: int) -> list[Run]:
    """Run every contender in every round; a round before them fills the caches of files."""
    runs: list[Run] = []
    with Progress("imports", (rounds + 1) * len(pythons)) as bar:
        for _ in range(rounds + 1):
            for module, python in pythons.items():
                runs.append(run(module, python))
                bar.update(len(runs))
    return runs[len(pythons) :]


def summary(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Return medians, one entry for each module."""
    ours = median(run.beyond_numpy_ms for run in runs if run.module == OURS)
    entries = []
    for module in dict.fromkeys(run.module for run in runs):
        times = [run.beyond_numpy_ms for run in runs if run.module == module]
        entries.append(
            {
                "module": module,
                "beyond_numpy_ms": median(times),
                "fastest_ms": min(times),
                "slowest_ms": max(times),
                "numpy_ms": median(run.numpy_ms for run in runs if run.module == module),
                "times_lakebed": median(times) / ours,
            }
        )
    return entries


def summary_table(entries: Sequence[dict[str, Any]]) -> str:
    """Return the figures as a Markdown table."""
    head = ("import", "ms beyond numpy", "fastest", "slowest", "numpy's own ms", "times lakebed's")
    rows = [
        (
            entry["module"],
            f"{entry['beyond_numpy_ms']:,.0f}",
            f"{entry['fastest_ms']:,.0f}",
            f"{entry['slowest_ms']:,.0f}",
            f"{entry['numpy_ms']:,.0f}",
            "" if entry["module"] == OURS else f"{entry['times_lakebed']:.1f}",
        )
        for entry in entries
    ]
    return table(head, rows)


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m benches.python.import_time")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--reference-python", type=Path, default=REFERENCE_PYTHON)
    parser.add_argument("--no-reference", action="store_true")
    parser.add_argument("--out", type=Path, default=RESULTS)
    return parser.parse_args(given)


def main(given: Sequence[str] | None = None) -> int:
    """Run the bench.

    Args:
        given: The arguments; None: those of the process.

    Returns:
        The exit code: 0, 1 when lakebed is over the bar, 2 when something is missing.
    """
    args = arguments(given)
    pythons = {OURS: Path(sys.executable)}
    if not args.no_reference:
        pythons[REFERENCE] = args.reference_python
    try:
        runs = measure(pythons, args.rounds)
    except DemoError as error:
        sys.stderr.write(f"bench: {error.problem}\n")
        if error.remedy:
            sys.stderr.write(f"       to mend it: {error.remedy}\n")
        return EXIT_MISSING
    entries = summary(runs)
    within = entries[0]["beyond_numpy_ms"] < BAR_MS
    say()
    say(summary_table(entries))
    say(f"\nthe bar is {BAR_MS:.0f} ms: {'kept' if within else 'NOT KEPT'}")
    result = {
        "machine": {"cores": os.cpu_count(), "python": platform.python_version()},
        "rounds": args.rounds,
        "bar_ms": BAR_MS,
        "summary": entries,
        "runs": [asdict(each) for each in runs],
    }
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(result, indent=2) + "\n")
    say(f"{args.out}: all runs")
    return 0 if within else EXIT_SLOW


if __name__ == "__main__":
    sys.exit(main())
