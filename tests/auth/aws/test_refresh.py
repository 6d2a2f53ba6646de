"""Keys that live for ten seconds: reading and writing go on, and nobody is asked too often."""

from __future__ import annotations

import multiprocessing
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pytest

import lakebed
from lakebed import errors
from tests.api.leaks import leaks
from tests.auth.aws import ways
from tests.auth.aws.place import rows
from tests.process.children import in_child
from tests.servers import seaweedfs

if TYPE_CHECKING:
    from tests.auth.aws.place import Place
    from tests.auth.aws.ways import Stage
    from tests.servers.aws_credentials import AwsCredentials

pytestmark = pytest.mark.s3

RUN_S: Final = 60.0
# A life of ten seconds is renewed when a quarter of it is left: every 7.5 s. With what refusals
# may add, still less often than every five.
RENEWALS: Final = range(6, 13)
# What even a slow machine does in that time.
TURNS: Final = 20
# Between two turns of a worker, so that six of them leave the machine some time.
PAUSE_S: Final = 0.1


@dataclass
class Minute:
    """What several workers do for a minute, side by side."""

    stop: threading.Event = field(default_factory=threading.Event)

    def read(self, path: str, creds: Any) -> tuple[int, int]:
        """Read again and again, each time from the store; gives turns and renewals."""
        expected, turns = rows(), 0
        ds = lakebed.load(path, creds=creds, read_only=True, memory_cache_size=0)
        while not self.stop.wait(PAUSE_S):
            assert np.array_equal(ds.numbers.numpy(), expected)
            turns += 1
        return turns, renewals(ds)

    def write(self, path: str, creds: Any) -> tuple[int, int]:
        """Append and flush again and again; gives turns and renewals."""
        turns = 0
        with lakebed.empty(path, creds=creds) as ds:
            ds.create_tensor("numbers", dtype="int64")
            while not self.stop.wait(PAUSE_S):
                ds.numbers.append(np.full((2, 3), turns))
                ds.flush()
                turns += 1
            return turns, renewals(ds)


def renewals(ds: Any) -> int:
    """How often the core asked for secrets."""
    found: int = ds.storage.counters.renewals
    return found


class Counting:
    """A function that gives out keys of ten seconds, and counts how often."""

    def __init__(self, server: AwsCredentials) -> None:
        self.endpoint = server.s3.endpoint
        self.user = server.s3.writer
        self.calls = 0

    def __call__(self) -> dict[str, Any]:
        """Get keys from the STS."""
        self.calls += 1
        keys = ways.session_keys(self.endpoint, self.user, seaweedfs.ROLE_WRITE, None)
        return {**keys, "endpoint_url": self.endpoint}


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_keys_of_ten_seconds_serve_for_a_minute(stage: Stage, place: Place) -> None:
    reading, writing = Counting(stage.server), Counting(stage.server)
    role = {**ways.dict_with_keys(stage), "role_arn": seaweedfs.ROLE_WRITE}
    container = ways.container(stage)
    minute, before = Minute(), stage.server.counts().get("/ecs/creds", 0)
    # Opened here, read there. The fork comes before the threads below.
    ds = lakebed.load(place.path, creds=Counting(stage.server), read_only=True, memory_cache_size=0)
    place.check(ds)
    spawned = multiprocessing.get_context("spawn").Pool(1)
    with spawned, ThreadPoolExecutor(max_workers=8) as pool:
        in_spawned = spawned.apply_async(read_for, (ds, RUN_S))
        in_forked = pool.submit(in_child, lambda: read_for(ds, RUN_S), deadline_s=2 * RUN_S)
        work = {
            "function reads": pool.submit(minute.read, place.path, reading),
            "role reads": pool.submit(minute.read, place.path, role),
            "container reads": pool.submit(minute.read, place.path, container),
            "function writes": pool.submit(minute.write, place.url("minute-1"), writing),
            "role writes": pool.submit(minute.write, place.url("minute-2"), role),
            "container writes": pool.submit(minute.write, place.url("minute-3"), container),
        }
        over = pool.submit(keys_without_renewal, stage, place)
        time.sleep(RUN_S)
        minute.stop.set()
        done = {name: future.result() for name, future in work.items()}
        over.result()
        for asked in (in_spawned.get(timeout=RUN_S), in_forked.result()):
            assert asked in RENEWALS
    for name, (turns, asked) in done.items():
        assert turns > TURNS, name
        assert asked in RENEWALS, (name, asked)
    for number, name in enumerate(("function", "role", "container"), 1):
        path = place.url(f"minute-{number}")
        ds = lakebed.load(path, creds=ways.dict_with_keys(stage), read_only=True)
        turns = done[f"{name} writes"][0]
        assert np.array_equal(ds.numbers.numpy()[:, 0, 0], np.arange(turns))
    # What the core says of renewals is what the others saw. Botocore asks a container twice for
    # keys of so short a life.
    assert reading.calls == done["function reads"][1]
    assert writing.calls == done["function writes"][1]
    asked = sum(done[f"container {verb}"][1] for verb in ("reads", "writes"))
    assert stage.server.counts()["/ecs/creds"] - before <= 2 * asked


def read_for(ds: Any, seconds: float) -> int:
    """Read for a while, in a process of its own; gives how often secrets were asked for there."""
    expected, before = rows(), renewals(ds)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert np.array_equal(ds.numbers.numpy(), expected)
        time.sleep(PAUSE_S)
    return renewals(ds) - before


def keys_without_renewal(stage: Stage, place: Place) -> None:
    """Use keys that nobody renews, until they are over: refused, and nothing else is tried."""
    keys = ways.session_keys(stage.endpoint, stage.user, seaweedfs.ROLE_READ, None)
    end = keys.pop("expiry").timestamp()
    creds = {**keys, "endpoint_url": stage.endpoint}
    ds = lakebed.load(place.path, creds=creds, read_only=True, memory_cache_size=0)
    place.check(ds)
    time.sleep(max(0.0, end - time.time()) + 1)
    for call in (ds.numbers.numpy, lambda: lakebed.load(place.path, creds=creds, read_only=True)):
        with pytest.raises(errors.AuthorizationException) as refused:
            call()
        for name in ("aws_secret_access_key", "aws_session_token"):
            assert leaks(refused.value, creds[name]) == []
