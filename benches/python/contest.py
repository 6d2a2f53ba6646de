"""What the benches share: contenders in processes of their own, their figures, the command line.

Contenders take turns in every round, so that a busy minute of the machine hits all of them;
figures are medians over the rounds, ratios are medians of the ratios within a round.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from demo.prepare import CHECKOUT, check_installed, end_as_ctrl_c_does
from demo.screen import DemoError, say, table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from _typeshed import DataclassInstance

OURS, LIMIT, REFERENCE = "lakebed", "limit", "deeplake 3.9.52"
REFERENCE_PYTHON = CHECKOUT / ".venv-reference" / "bin" / "python"
RESULTS = CHECKOUT / "benches" / "results"
EXIT_MISSING = 2
EXIT_INTERRUPTED = 130


@dataclass(frozen=True)
class Run:
    """One contender, one case, one round."""

    contender: str
    case: str
    round: int
    samples: int
    samples_per_s: float
    cpu_ms_per_sample: float
    requests_per_sample: float | None


class Contender:
    """A contender's process: jobs in, replies out, each a JSON object on a line.

    Args:
        name: Who it is, for messages.
        command: The interpreter, the module below `benches.python.contenders`, its arguments.
        setup: The first line.
    """

    def __init__(self, name: str, command: tuple[Path, str, str], setup: Mapping[str, Any]) -> None:
        python, module, argument = command
        self._name = name
        self._process = subprocess.Popen(  # noqa: S603 - our own modules
            [str(python), "-m", f"benches.python.contenders.{module}", argument],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=CHECKOUT,
            # Its own group: Ctrl-C comes to us alone, and we end it.
            start_new_session=True,
        )
        self._send(setup)

    def run(self, job: Mapping[str, Any]) -> dict[str, Any]:
        """Do one job and wait for it."""
        self._send(job)
        out = self._process.stdout
        line = out.readline() if out else ""
        if not line:
            raise DemoError(f"the contender {self._name} failed (its message is above)")
        reply: dict[str, Any] = json.loads(line)
        return reply

    def end(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()

    def _send(self, fields: Mapping[str, Any]) -> None:
        if self._process.stdin:
            self._process.stdin.write(json.dumps(fields) + "\n")
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.flush()


def in_turn(names: Sequence[str], number: int) -> list[str]:
    """Return the names as round `number` takes them: nobody always runs after the same one."""
    turn = number % len(names)
    return [*names[turn:], *names[:turn]]


def summary(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Return medians and ratios, one entry for each case and contender."""
    # Round 0 takes cases and contenders in the order of the table.
    pairs = dict.fromkeys((run.case, run.contender) for run in runs if run.round == 0)
    return [_entry(runs, case, name) for case, name in pairs]


def _entry(runs: Sequence[Run], case: str, name: str) -> dict[str, Any]:
    own, ours = (
        [run for run in runs if (run.case, run.contender) == (case, each)] for each in (name, OURS)
    )
    requests = [run.requests_per_sample for run in own if run.requests_per_sample is not None]
    speeds = [run.samples_per_s for run in own]
    return {
        "case": case,
        "contender": name,
        "samples_per_s": median(speeds),
        "slowest_round": min(speeds),
        "fastest_round": max(speeds),
        "cpu_ms_per_sample": median(run.cpu_ms_per_sample for run in own),
        "requests_per_sample": median(requests) if requests else None,
        "lakebed_times_this": median(
            a.samples_per_s / b.samples_per_s for a, b in zip(ours, own, strict=True)
        ),
    }


def show_and_keep(
    file: str, runs: Sequence[Run], seconds: float, **about: Any
) -> list[dict[str, Any]]:
    """Print the table, write all runs below `benches/results`, return the summary."""
    entries = summary(runs)
    say(f"\n{summary_table(entries)}")
    keep(file, runs, entries, seconds=round(seconds, 1), **about)
    return entries


def keep(
    file: str, runs: Sequence[DataclassInstance], entries: Sequence[dict[str, Any]], **about: Any
) -> None:
    """Write all runs below `benches/results`."""
    result = {
        "machine": {
            "cores": os.cpu_count(),
            "processor": processor(),
            "python": platform.python_version(),
            "system": platform.system(),
        },
        **about,
        "summary": entries,
        "runs": [asdict(run) for run in runs],
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / file).write_text(json.dumps(result, indent=2) + "\n")
    say(f"\n{RESULTS / file}: all runs")


def summary_table(entries: Sequence[Mapping[str, Any]]) -> str:
    """Return the figures as a Markdown table."""
    counted = any(entry["requests_per_sample"] is not None for entry in entries)
    head = ["case", "contender", "samples/s", "CPU ms/sample"]
    head += ["requests/sample"] * counted + ["lakebed / it"]
    rows = []
    for entry in entries:
        requests = entry["requests_per_sample"]
        row = [
            entry["case"],
            entry["contender"],
            f"{entry['samples_per_s']:,.0f}",
            f"{entry['cpu_ms_per_sample']:.3g}",
        ]
        row += ["" if requests is None else f"{requests:.2f}"] * counted
        row += ["" if entry["contender"] == OURS else f"{entry['lakebed_times_this']:.2f}"]
        rows.append(row)
    return table(head, rows)


def processor() -> str:
    """Return the processor's name, where the system tells it."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()


def parser(module: str) -> argparse.ArgumentParser:
    """Return a command line with what every bench takes."""
    made = argparse.ArgumentParser(prog=f"python -m benches.python.{module}")
    made.add_argument("--rounds", type=int, default=3)
    made.add_argument("--reference-python", type=Path, default=REFERENCE_PYTHON)
    made.add_argument("--no-reference", action="store_true")
    return made


def run_bench(args: argparse.Namespace, measure: Callable[[argparse.Namespace], None]) -> int:
    """Run a bench; returns the exit code. What is missing ends it with one line that says so."""
    end_as_ctrl_c_does()
    try:
        check_installed()
        if not args.no_reference:
            check_reference(args.reference_python)
        measure(args)
    except DemoError as error:
        sys.stderr.write(f"bench: {error.problem}\n")
        if error.remedy:
            sys.stderr.write(f"       to mend it: {error.remedy}\n")
        return EXIT_MISSING
    except KeyboardInterrupt:
        sys.stderr.write("\nbench: stopped; the servers are down\n")
        return EXIT_INTERRUPTED
    return 0


def check_reference(python: Path) -> None:
    """Raise a `DemoError` when the reference's environment is not there."""
    if not python.exists():
        raise DemoError(
            f"deeplake 3.9.52 is not installed: no {python}",
            "make bench, or leave it out with --no-reference",
        )
