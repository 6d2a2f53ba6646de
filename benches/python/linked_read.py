"""The linked-read bench: `python -m benches.python.linked_read` (or `make bench`).

One thousand JPEG objects in an S3 server on loopback, read as file bytes and decoded, directly and
through a proxy that adds 30 ms to every request: by lakebed, by the hand-written limit, by boto3
threads with Pillow, and by deeplake 3.9.52. The contenders take turns in every round, so that a
busy minute of the machine hits all of them; figures are medians over the rounds, ratios are medians
of the ratios within a round. All contenders must return the same bytes and pixels.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from benches.python.contenders.worker import Job, Reply, Setup
from demo.prepare import CHECKOUT, check_installed, end_as_ctrl_c_does
from demo.screen import DemoError, Progress, say, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tests.servers.fault_proxy import FaultProxy

BUCKET = "bench"
SEED = 1
OURS, LIMIT, HANDMADE, REFERENCE = "lakebed", "limit", "boto3 + Pillow", "deeplake 3.9.52"
MODULES = {
    OURS: "this_package",
    LIMIT: "limit",
    HANDMADE: "handmade",
    REFERENCE: "reference",
}
REFERENCE_PYTHON = CHECKOUT / ".venv-reference" / "bin" / "python"
RESULTS = CHECKOUT / "benches" / "results" / "linked_read.json"
# Decoded samples of one call; all of them are in memory at once.
BATCH_SAMPLES = 250
# The reference needs tens of milliseconds a sample: fewer samples, normalised.
REFERENCE_SAMPLES = 100
WARM_UP_SAMPLES = 10
EXIT_MISSING = 2
EXIT_INTERRUPTED = 130


@dataclass(frozen=True)
class Case:
    """What is read, and at which latency."""

    decoded: bool
    latency_ms: int

    @property
    def name(self) -> str:
        """Short name for tables and results."""
        return f"{'decoded' if self.decoded else 'bytes'}, {self.latency_ms} ms"


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


class Process:
    """A contender's process: jobs in, replies out."""

    def __init__(self, name: str, python: Path, setup: Setup) -> None:
        self._name = name
        self._process = subprocess.Popen(  # noqa: S603 - our own modules
            [str(python), "-m", f"benches.python.contenders.{MODULES[name]}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=CHECKOUT,
            # Its own group: Ctrl-C comes to us alone, and we end it.
            start_new_session=True,
        )
        self._send(asdict(setup))

    def run(self, job: Job) -> Reply:
        """Do one job and wait for it."""
        self._send(asdict(job))
        out = self._process.stdout
        line = out.readline() if out else ""
        if not line:
            raise DemoError(f"the contender {self._name} failed (its message is above)")
        return Reply(**json.loads(line))

    def end(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()

    def _send(self, fields: Mapping[str, object]) -> None:
        if self._process.stdin:
            self._process.stdin.write(json.dumps(fields) + "\n")
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.flush()


class Bench:
    """The running servers and contenders, and the runs so far."""

    def __init__(self, endpoint_url: str, proxy: FaultProxy, objects: int) -> None:
        self.endpoint_url = endpoint_url
        self.proxy = proxy
        self.objects = objects
        self.contenders: dict[str, Process] = {}
        self.runs: list[Run] = []
        self._expected: dict[bool, list[int]] = {}

    def one(self, name: str, case: Case, number: int) -> None:
        """Warm up, then measure one contender on one case."""
        slow = case.latency_ms > 0
        endpoint_url = self.proxy.endpoint if slow else self.endpoint_url
        count = min(self.objects, REFERENCE_SAMPLES if name == REFERENCE else self.objects)
        contender = self.contenders[name]
        contender.run(Job(endpoint_url, case.decoded, min(count, WARM_UP_SAMPLES), BATCH_SAMPLES))
        before = self.proxy.stats().requests
        reply = contender.run(Job(endpoint_url, case.decoded, count, BATCH_SAMPLES))
        requests = self.proxy.stats().requests - before
        self._check(name, case, reply.checksums)
        self.runs.append(
            Run(
                contender=name,
                case=case.name,
                round=number,
                samples=count,
                samples_per_s=count / reply.seconds,
                cpu_ms_per_sample=reply.cpu_seconds / count * 1000,
                requests_per_sample=requests / count if slow else None,
            )
        )

    def _check(self, name: str, case: Case, checksums: list[int]) -> None:
        """Whoever reads something else than the others has no figure worth showing."""
        expected = self._expected.setdefault(case.decoded, checksums)
        known = min(len(expected), len(checksums))
        if expected[:known] != checksums[:known]:
            wrong = next(i for i in range(known) if expected[i] != checksums[i])
            raise DemoError(f"{name}, {case.name}: sample {wrong} differs from the others'")
        if len(checksums) > known:
            self._expected[case.decoded] = checksums

    def summary(self, cases: Sequence[Case]) -> list[dict[str, Any]]:
        """Return medians and ratios, one entry for each case and contender."""
        return [
            self._entry(case.name, name)
            for case in cases
            for name in self.contenders
            if self._of(case.name, name)
        ]

    def _of(self, case: str, name: str) -> list[Run]:
        return [run for run in self.runs if (run.case, run.contender) == (case, name)]

    def _entry(self, case: str, name: str) -> dict[str, Any]:
        runs, ours = self._of(case, name), self._of(case, OURS)
        requests = [r.requests_per_sample for r in runs if r.requests_per_sample is not None]
        speeds = [run.samples_per_s for run in runs]
        return {
            "case": case,
            "contender": name,
            "samples_per_s": median(speeds),
            "slowest_round": min(speeds),
            "fastest_round": max(speeds),
            "cpu_ms_per_sample": median(run.cpu_ms_per_sample for run in runs),
            "requests_per_sample": median(requests) if requests else None,
            "lakebed_times_this": median(
                a.samples_per_s / b.samples_per_s for a, b in zip(ours, runs, strict=True)
            ),
        }


def arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m benches.python.linked_read")
    parser.add_argument("--objects", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--latency-ms", type=int, default=30)
    parser.add_argument("--reference-python", type=Path, default=REFERENCE_PYTHON)
    parser.add_argument("--no-reference", action="store_true")
    parser.add_argument("--out", type=Path, default=RESULTS)
    return parser.parse_args()


def main() -> int:
    """Run the bench; returns the exit code."""
    args = arguments()
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


def measure(args: argparse.Namespace) -> None:
    """Set everything up, run all rounds, print the table and write the results."""
    cases = [Case(decoded, ms) for ms in (0, args.latency_ms) for decoded in (False, True)]
    names = [name for name in MODULES if name != REFERENCE or not args.no_reference]
    started = time.perf_counter()
    with running_bench(args, names) as bench:
        with Progress("rounds", args.rounds * len(cases) * len(names)) as bar:
            for number in range(args.rounds):
                for case in cases:
                    # Each round begins with another contender: nobody always runs after the same.
                    turn = number % len(names)
                    for name in names[turn:] + names[:turn]:
                        bench.one(name, case, number)
                        bar.update(len(bench.runs))
        summary = bench.summary(cases)
    say()
    say(summary_table(summary))
    result = {
        "machine": {
            "cores": os.cpu_count(),
            "processor": processor(),
            "python": platform.python_version(),
            "system": platform.system(),
        },
        "objects": args.objects,
        "rounds": args.rounds,
        "seconds": round(time.perf_counter() - started, 1),
        "summary": summary,
        "runs": [asdict(run) for run in bench.runs],
    }
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(result, indent=2) + "\n")
    say(f"\n{args.out}: all runs; {result['seconds']:.0f} s in all")


@contextlib.contextmanager
def running_bench(args: argparse.Namespace, names: Sequence[str]) -> Iterator[Bench]:
    """Start servers and contenders around a bucket of photographs and the dataset over them."""
    # After the check that what these import is installed.
    from demo import album  # noqa: PLC0415
    from demo.photos import make_photos  # noqa: PLC0415
    from tests.servers import fault_proxy, seaweedfs  # noqa: PLC0415

    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lakebed-bench-")))
        with Progress("photographs", args.objects) as bar:
            photos = make_photos(folder, args.objects, SEED, bar.update)
        s3 = stack.enter_context(seaweedfs.running())
        proxy = stack.enter_context(fault_proxy.running(s3.endpoint, latency_ms=args.latency_ms))
        s3.client().create_bucket(Bucket=BUCKET)
        keys = s3.writer
        bucket = album.Bucket(
            BUCKET, s3.endpoint, seaweedfs.REGION, keys.access_key, keys.secret_key
        )
        with Progress("upload", args.objects) as bar:
            album.upload(bucket, folder, photos, bar.update)
        album.write_dataset(bucket, photos)
        setup = Setup(
            bucket=BUCKET,
            dataset_path=bucket.dataset_path,
            creds_key=album.CREDS_KEY,
            keys=[f"{album.PHOTO_FOLDER}/{photo.name}" for photo in photos],
            region=bucket.region,
            access_key=bucket.access_key,
            secret_key=bucket.secret_key,
        )
        bench = Bench(s3.endpoint, proxy, args.objects)
        for name in names:
            python = args.reference_python if name == REFERENCE else Path(sys.executable)
            bench.contenders[name] = Process(name, python, setup)
            stack.callback(bench.contenders[name].end)
        yield bench


def processor() -> str:
    """Return the processor's name, where the system tells it."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()


def summary_table(summary: Sequence[Mapping[str, Any]]) -> str:
    """Return the figures as a Markdown table."""
    head = (
        "case",
        "contender",
        "samples/s",
        "CPU ms/sample",
        "requests/sample",
        "lakebed / it",
    )
    rows = [
        (
            entry["case"],
            entry["contender"],
            f"{entry['samples_per_s']:,.0f}",
            f"{entry['cpu_ms_per_sample']:.2f}",
            "" if entry["requests_per_sample"] is None else f"{entry['requests_per_sample']:.2f}",
            "" if entry["contender"] == OURS else f"{entry['lakebed_times_this']:.2f}",
        )
        for entry in summary
    ]
    return table(head, rows)


if __name__ == "__main__":
    sys.exit(main())
