"""The bench of samples that lie in chunks: `python -m benches.python.packed` (or `make bench`).

JPEG files and embeddings packed into the chunks of a dataset on an S3 server on loopback: read
whole, scanned, read at random and appended, by lakebed and by deeplake 3.9.52, which must read the
same. No bar yet: the figures say where the work stands.
"""

from __future__ import annotations

import contextlib
import random
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from benches.python import contest
from benches.python.contenders import packed
from benches.python.contest import OURS, REFERENCE, Contender, Run
from demo.screen import DemoError, Progress

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

BUCKET = "bench"
SEED = 1
RANDOM_ROWS = 1000
CASES = {
    "read_jpeg": "packed jpeg, decoded",
    "scan": "embeddings, scan",
    "random_rows": "embeddings, random rows",
    "append_jpeg": "append jpeg files",
    "append_rows": "append embeddings",
}


def measure(args: argparse.Namespace) -> None:
    """Set everything up, run all rounds, print the table and write the results."""
    names = [name for name in (OURS, REFERENCE) if name != REFERENCE or not args.no_reference]
    rows = random.Random(SEED).sample(range(args.rows), RANDOM_ROWS)  # noqa: S311 - no secret
    started = time.perf_counter()
    runs: list[Run] = []
    with running_contenders(args, names) as (setup, contenders):
        checksums: dict[str, int] = {}
        with Progress("packed data", args.rounds * len(CASES) * len(names)) as bar:
            for number in range(args.rounds):
                for do, case in CASES.items():
                    for name in contest.in_turn(names, number):
                        target = f"{setup.path}-{do}-{number}-{names.index(name)}"
                        job = packed.Job(do, target, rows if do == "random_rows" else None)
                        reply = packed.Reply(**contenders[name].run(asdict(job)))
                        if checksums.setdefault(do, reply.checksum) != reply.checksum:
                            raise DemoError(f"{name}, {case}: not what the others have")
                        runs.append(run_of(name, case, number, reply))
                        bar.update(len(runs))
    contest.show_and_keep(
        "packed.json",
        runs,
        time.perf_counter() - started,
        objects=args.objects,
        rows=args.rows,
        rounds=args.rounds,
    )


def run_of(name: str, case: str, number: int, reply: packed.Reply) -> Run:
    """Put a reply into the form of the tables."""
    return Run(
        contender=name,
        case=case,
        round=number,
        samples=reply.samples,
        samples_per_s=reply.samples / reply.seconds,
        cpu_ms_per_sample=reply.cpu_seconds / reply.samples * 1000,
        requests_per_sample=None,
    )


@contextlib.contextmanager
def running_contenders(
    args: argparse.Namespace, names: list[str]
) -> Iterator[tuple[packed.Setup, dict[str, Contender]]]:
    """Start the server, write the dataset, start the contenders."""
    # After the check that what these import is installed.
    from demo import album  # noqa: PLC0415
    from demo.photos import make_photos  # noqa: PLC0415
    from tests.servers import seaweedfs  # noqa: PLC0415

    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lakebed-bench-")))
        with Progress("photographs", args.objects) as bar:
            photos = make_photos(folder, args.objects, SEED, bar.update)
        s3 = stack.enter_context(seaweedfs.running())
        s3.client().create_bucket(Bucket=BUCKET)
        keys = s3.writer
        bucket = album.Bucket(
            BUCKET, s3.endpoint, seaweedfs.REGION, keys.access_key, keys.secret_key
        )
        setup = packed.Setup(
            path=f"s3://{BUCKET}/packed",
            creds=bucket.creds(),
            photos=[str(folder / photo.name) for photo in photos],
        )
        packed.write(setup, args.rows)
        contenders = {}
        for name in names:
            python = args.reference_python if name == REFERENCE else Path(sys.executable)
            contenders[name] = Contender(name, (python, "packed", name), asdict(setup))
            stack.callback(contenders[name].end)
        yield setup, contenders


def main() -> int:
    """Run the bench; returns the exit code."""
    parser = contest.parser("packed")
    parser.add_argument("--objects", type=int, default=500, help="JPEG files")
    parser.add_argument("--rows", type=int, default=40_000, help="embeddings of 512 float32")
    return contest.run_bench(parser.parse_args(), measure)


if __name__ == "__main__":
    sys.exit(main())
