"""The linked-read bench: `python -m benches.python.linked_read` (or `make bench`).

Two thousand JPEG objects in an S3 server on loopback, read as file bytes and decoded, directly and
through a relay that adds 30 ms to every request: by lakebed, by the hand-written limit, by boto3
threads with Pillow, and by deeplake 3.9.52. All contenders must return the same bytes and pixels.
Ends with the bars and whether they are reached.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benches.python import contest
from benches.python.contenders.worker import Job, Setup
from benches.python.contest import LIMIT, OURS, REFERENCE, Contender, Run
from demo.screen import DemoError, Progress, say

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping, Sequence

    from benches.python.delay_relay import Relay

BUCKET = "bench"
SEED = 1
HANDMADE = "boto3 + Pillow"
MODULES = {
    OURS: "this_package",
    LIMIT: "limit",
    HANDMADE: "handmade",
    REFERENCE: "reference",
}
# The reference needs tens of milliseconds a sample: fewer samples, normalised.
REFERENCE_SAMPLES = 100
WARM_UP_SAMPLES = 10
# (decoded, with latency, against whom): how many times as fast lakebed has to be.
BARS = {
    (False, False, LIMIT): 0.6,
    (False, True, LIMIT): 0.6,
    (True, False, LIMIT): 0.7,
    (True, True, LIMIT): 0.7,
    (False, True, REFERENCE): 20,
    (True, True, REFERENCE): 20,
}


@dataclass(frozen=True)
class Case:
    """What is read, and at which latency."""

    decoded: bool
    latency_ms: int

    @property
    def name(self) -> str:
        """Short name for tables and results."""
        return f"{'decoded' if self.decoded else 'bytes'}, {self.latency_ms} ms"


class Bench:
    """The running servers and contenders, and the runs so far."""

    def __init__(self, endpoint_url: str, relay: Relay, objects: int) -> None:
        self.endpoint_url = endpoint_url
        self.relay = relay
        self.objects = objects
        self.contenders: dict[str, Contender] = {}
        self.runs: list[Run] = []
        self._expected: dict[bool, list[int]] = {}

    def one(self, name: str, case: Case, number: int) -> None:
        """Warm up, then measure one contender on one case."""
        slow = case.latency_ms > 0
        endpoint_url = self.relay.endpoint if slow else self.endpoint_url
        count = min(self.objects, REFERENCE_SAMPLES if name == REFERENCE else self.objects)

        def run(samples: int) -> dict[str, Any]:
            job = Job(endpoint_url, case.decoded, samples)
            return self.contenders[name].run(asdict(job))

        run(min(count, WARM_UP_SAMPLES))
        before = self.relay.requests()
        reply = run(count)
        requests = self.relay.requests() - before
        self._check(name, case, reply["checksums"])
        self.runs.append(
            Run(
                contender=name,
                case=case.name,
                round=number,
                samples=count,
                samples_per_s=count / reply["seconds"],
                cpu_ms_per_sample=reply["cpu_seconds"] / count * 1000,
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


def measure(args: argparse.Namespace) -> None:
    """Set everything up, run all rounds, print the table and write the results."""
    cases = [Case(decoded, ms) for ms in (0, args.latency_ms) for decoded in (False, True)]
    names = [name for name in MODULES if name != REFERENCE or not args.no_reference]
    started = time.perf_counter()
    total = args.rounds * len(cases) * len(names)
    with running_bench(args, names) as bench, Progress("linked read", total) as bar:
        for number in range(args.rounds):
            for case in cases:
                for name in contest.in_turn(names, number):
                    bench.one(name, case, number)
                    bar.update(len(bench.runs))
    seconds = time.perf_counter() - started
    entries = contest.show_and_keep(
        "linked_read.json", bench.runs, seconds, objects=args.objects, rounds=args.rounds
    )
    say("\n".join(bar_lines(entries, cases)))


def bar_lines(entries: Sequence[Mapping[str, Any]], cases: Sequence[Case]) -> Iterator[str]:
    """Say of each bar whether it is reached."""
    ratios = {(entry["case"], entry["contender"]): entry for entry in entries}
    for (decoded, slow, contender), least in BARS.items():
        for case in cases:
            entry = ratios.get((case.name, contender))
            if entry and case.decoded == decoded and (case.latency_ms > 0) == slow:
                ratio = entry["lakebed_times_this"]
                verdict = "reached" if ratio >= least else "MISSED"
                yield f"bar {verdict}: {case.name}, {ratio:.2f} of {contender} (at least {least})"


@contextlib.contextmanager
def running_bench(args: argparse.Namespace, names: Sequence[str]) -> Iterator[Bench]:
    """Start servers and contenders around a bucket of photographs and the dataset over them."""
    # After the check that what these import is installed.
    from benches.python import delay_relay  # noqa: PLC0415
    from demo import album  # noqa: PLC0415
    from demo.photos import make_photos  # noqa: PLC0415
    from tests.servers import seaweedfs  # noqa: PLC0415

    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lakebed-bench-")))
        with Progress("photographs", args.objects) as bar:
            photos = make_photos(folder, args.objects, SEED, bar.update)
        s3 = stack.enter_context(seaweedfs.running())
        relay = stack.enter_context(delay_relay.running(s3.endpoint, latency_ms=args.latency_ms))
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
        bench = Bench(s3.endpoint, relay, args.objects)
        for name in names:
            python = args.reference_python if name == REFERENCE else Path(sys.executable)
            bench.contenders[name] = Contender(name, (python, MODULES[name], name), asdict(setup))
            stack.callback(bench.contenders[name].end)
        yield bench


def main() -> int:
    """Run the bench; returns the exit code."""
    parser = contest.parser("linked_read")
    parser.add_argument("--objects", type=int, default=2000)
    parser.add_argument("--latency-ms", type=int, default=30)
    return contest.run_bench(parser.parse_args(), measure)


if __name__ == "__main__":
    sys.exit(main())
