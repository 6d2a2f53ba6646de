"""The loop of a contender: reads jobs, times the reading alone, replies with figures and checksums.

Owns the protocol between bench and contender, and nothing else.
"""

from __future__ import annotations

import json
import sys
import time
import zlib
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Setup:
    """What a contender is told once: where the objects are and who reads them."""

    bucket: str
    dataset_path: str
    creds_key: str
    keys: list[str]
    region: str
    access_key: str
    secret_key: str

    def creds(self, endpoint_url: str) -> dict[str, str]:
        """Return the creds dict of the dataset API."""
        return {
            "aws_access_key_id": self.access_key,
            "aws_secret_access_key": self.secret_key,
            "aws_region": self.region,
            "endpoint_url": endpoint_url,
        }


@dataclass(frozen=True)
class Job:
    """Read samples 0..count, as file bytes or decoded."""

    endpoint_url: str
    decoded: bool
    count: int


@dataclass(frozen=True)
class Reply:
    """Figures of one job; the checksums are per sample, in order."""

    seconds: float
    cpu_seconds: float
    checksums: list[int]


class Reader(Protocol):
    """One way of reading, open at one endpoint."""

    def read(self, count: int, *, decoded: bool) -> Sequence[Any]:
        """Return the first samples in order, as file bytes or as C-ordered uint8 arrays."""


class Contender(Protocol):
    """Opens a `Reader` at an endpoint; called once per endpoint, outside the timing."""

    def __call__(self, setup: Setup, endpoint_url: str) -> Reader:
        """Open it."""


def serve(contender: Contender) -> None:
    """Answer jobs until stdin closes; the first line is the setup."""
    setup = Setup(**json.loads(sys.stdin.readline()))
    readers: dict[str, Reader] = {}
    for line in sys.stdin:
        job = Job(**json.loads(line))
        if job.endpoint_url not in readers:
            readers[job.endpoint_url] = contender(setup, job.endpoint_url)
        reply = _run(readers[job.endpoint_url], job)
        sys.stdout.write(json.dumps(asdict(reply)) + "\n")
        sys.stdout.flush()


def _run(reader: Reader, job: Job) -> Reply:
    wall, cpu = time.perf_counter(), time.process_time()
    samples = reader.read(job.count, decoded=job.decoded)
    seconds, cpu_seconds = time.perf_counter() - wall, time.process_time() - cpu
    return Reply(seconds, cpu_seconds, [zlib.crc32(sample) for sample in samples])
