"""Tokens of ten seconds, used for longer."""

from __future__ import annotations

import concurrent.futures
import os
import threading
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import lakebed

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.gcs import GcsBucket, GcsServer

pytestmark = [pytest.mark.gcs, pytest.mark.slow, pytest.mark.timeout(200)]

TTL_S = 10
# A minute in the long runs; those of AWS last a minute always.
LASTS_S = 65 if os.environ.get("LAKEBED_TEST_EXAMPLES") else 25
# The core renews at three quarters of a life so short.
RENEWALS = range(LASTS_S // TTL_S, 2 * LASTS_S // TTL_S)
PAUSE_S = 0.05
ROWS = 50


class Giver:
    """A function of the user's, as `creds`, that counts what it gives."""

    def __init__(self, server: GcsServer) -> None:
        self.server = server
        self.count = 0

    def __call__(self) -> dict[str, Any]:
        """Give a fresh token and its end."""
        self.count += 1
        return {"access_token": self.server.token(), "expiry": time.time() + TTL_S}


def read_for_a_while(url: str, creds: Any, end: float) -> int:
    """Read random rows; returns how often."""
    ds = lakebed.load(url, creds=creds, read_only=True, memory_cache_size=0)
    draw, pause, count = np.random.default_rng(0), threading.Event(), 0
    while time.monotonic() < end:
        rows = [int(row) for row in draw.integers(0, ROWS, 3)]
        assert ds.x[rows].numpy().ravel().tolist() == rows
        count += 1
        pause.wait(PAUSE_S)
    return count


def write_for_a_while(url: str, creds: Any, end: float) -> int:
    """Append rows one by one, storing each; returns how many."""
    pause, count = threading.Event(), 0
    with lakebed.empty(url, creds=creds) as ds:
        ds.create_tensor("x")
        while time.monotonic() < end:
            ds.x.append(count)
            ds.flush()
            count += 1
            pause.wait(PAUSE_S)
    return count


def test_tokens_are_renewed_while_reading_and_writing(
    gcs_bucket: GcsBucket, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four datasets at a time: a key file and a function to read, a login and a function to write.

    No sample fails, and each asks for a token about once in three quarters of a life.
    """
    assert home.is_dir()
    server = gcs_bucket.server
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", server.endpoint)
    source = gcs_bucket.url("source")
    with lakebed.empty(source, creds=server.authorized_user) as ds:
        ds.create_tensor("x")
        ds.x.extend(np.arange(ROWS))
    server.set_ttl(TTL_S)
    before = server.counts()
    reader, writer = Giver(server), Giver(server)
    end = time.monotonic() + LASTS_S
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        reads = [
            pool.submit(read_for_a_while, source, creds, end)
            for creds in (server.service_account, reader)
        ]
        writes = {
            name: pool.submit(write_for_a_while, gcs_bucket.url(name), creds, end)
            for name, creds in (("login", server.authorized_user), ("function", writer))
        }
    assert min(done.result() for done in reads) > LASTS_S
    after = server.counts()
    for name, done in writes.items():
        ds = lakebed.load(gcs_bucket.url(name), creds=server.service_account, read_only=True)
        assert ds.x.numpy().ravel().tolist() == list(range(done.result()))
        assert done.result() > LASTS_S
    asked = {
        "key file": after["token jwt-bearer"] - before.get("token jwt-bearer", 0),
        "reading function": reader.count,
        "writing function": writer.count,
        "login": after["token refresh_token"] - before["token refresh_token"],
    }
    asked["login"] -= reader.count + writer.count
    assert {name: count for name, count in asked.items() if count not in RENEWALS} == {}
