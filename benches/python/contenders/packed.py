"""Samples stored in chunks, by lakebed and by deeplake 3.9.52: the code is the same for both.

    python -m benches.python.contenders.packed lakebed

Answers jobs as `worker.py` does, and like it runs in the reference's environment.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
import warnings
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

# Before the reference's import: no error reports, no notice of other versions.
os.environ["BUGGER_OFF"] = "true"
warnings.simplefilter("ignore")

JPEGS_A_CALL = 250
ROWS_A_CALL = 10_000


@dataclass(frozen=True)
class Setup:
    """What a contender is told once: where the data is and who reads it."""

    path: str
    creds: dict[str, str]
    photos: list[str]


@dataclass(frozen=True)
class Job:
    """One measured piece of work; `rows` are those to read, `path` is where to write."""

    do: str
    path: str = ""
    rows: list[int] | None = None


@dataclass(frozen=True)
class Reply:
    """Figures of one job; the checksum is of everything that was read."""

    seconds: float
    cpu_seconds: float
    samples: int
    checksum: int


class Work:
    """The jobs, by name. Each begins with a dataset just opened, so that nothing is cached."""

    def __init__(self, package: str, setup: Setup) -> None:
        module = "lakebed" if package == "lakebed" else "deeplake"
        self._deeplake: Any = importlib.import_module(module)
        self._setup = setup

    def run(self, job: Job) -> Reply:
        """Do one job; only the calls of the package are timed."""
        timed = Stopwatch()
        samples, checksum = 0, 0
        for part in getattr(self, job.do)(job, timed):
            samples += len(part)
            for one in part:
                checksum = zlib.crc32(np.asarray(one).tobytes(), checksum)
        return Reply(timed.seconds, timed.cpu_seconds, samples, checksum)

    def read_jpeg(self, job: Job, timed: Stopwatch) -> Iterator[Any]:
        """Read all images decoded."""
        del job
        images = self._open().images
        for start in range(0, len(images), JPEGS_A_CALL):
            with timed:
                part = images[start : start + JPEGS_A_CALL].numpy(aslist=True)
            yield part

    def scan(self, job: Job, timed: Stopwatch) -> Iterator[Any]:
        """Read all embeddings in order."""
        del job
        vectors = self._open().vectors
        for start in range(0, len(vectors), ROWS_A_CALL):
            with timed:
                part = vectors[start : start + ROWS_A_CALL].numpy()
            yield part

    def random_rows(self, job: Job, timed: Stopwatch) -> Iterator[Any]:
        """Read some embeddings in any order, in one call."""
        vectors = self._open().vectors
        with timed:
            part = vectors[job.rows].numpy()
        yield part

    def append_jpeg(self, job: Job, timed: Stopwatch) -> Iterator[Any]:
        """Create a dataset and append all photographs as they are."""
        with timed:
            ds = self._deeplake.empty(job.path, creds=self._setup.creds, verbose=False)
            with ds:
                ds.create_tensor("images", htype="image", sample_compression="jpeg", verbose=False)
                ds.images.extend([self._deeplake.read(photo) for photo in self._setup.photos])
        yield [[len(ds.images)]] * len(ds.images)
        ds.delete(large_ok=True)

    def append_rows(self, job: Job, timed: Stopwatch) -> Iterator[Any]:
        """Create a dataset and append embeddings, many at a time."""
        rows = np.random.default_rng(1).standard_normal((ROWS_A_CALL, 512)).astype(np.float32)
        with timed:
            ds = self._deeplake.empty(job.path, creds=self._setup.creds, verbose=False)
            with ds:
                ds.create_tensor("vectors", htype="embedding", dtype="float32", verbose=False)
                ds.vectors.extend(rows)
        yield [[len(ds.vectors)]] * len(ds.vectors)
        ds.delete(large_ok=True)

    def _open(self) -> Any:
        return self._deeplake.load(
            self._setup.path, creds=self._setup.creds, read_only=True, verbose=False
        )


class Stopwatch:
    """Adds up the time inside of `with`, on the clock and on all cores."""

    def __init__(self) -> None:
        self.seconds = self.cpu_seconds = 0.0

    def __enter__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def __exit__(self, *_: object) -> None:
        self.seconds += time.perf_counter() - self._wall
        self.cpu_seconds += time.process_time() - self._cpu


def write(setup: Setup, rows: int) -> None:
    """Write the dataset that the reading jobs read."""
    import lakebed  # noqa: PLC0415 (the bench itself calls this, the contenders do not)

    vectors = np.random.default_rng(0).standard_normal((rows, 512)).astype(np.float32)
    with lakebed.empty(setup.path, creds=setup.creds, verbose=False) as ds:
        ds.create_tensor("images", htype="image", sample_compression="jpeg")
        ds.create_tensor("vectors", htype="embedding", dtype="float32")
        ds.images.extend([lakebed.read(Path(photo)) for photo in setup.photos])
        ds.vectors.extend(vectors)
    ds.close()


def serve(package: str) -> None:
    """Answer jobs until stdin closes; the first line is the setup."""
    work = Work(package, Setup(**json.loads(sys.stdin.readline())))
    # The packages print what they do; the replies keep standard output to themselves.
    replies, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        reply = work.run(Job(**json.loads(line)))
        replies.write(json.dumps(asdict(reply)) + "\n")
        replies.flush()


if __name__ == "__main__":
    serve(sys.argv[1])
