"""Each way in which a server or a network fails, by itself: mended, or told."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pytest

import lakebed
from lakebed import errors
from tests.servers.process import HOST, free_port

if TYPE_CHECKING:
    from collections.abc import Callable

    from lakebed import Dataset
    from tests.faults.clouds import Cloud

# One chunk.
VALUES = np.random.default_rng(2).integers(0, 256, (50, 100, 100), "uint8")
HALF = VALUES.nbytes // 2
CHUNKS = "/x/chunks/"


@pytest.fixture
def ds(cloud: Cloud) -> Dataset:
    """Give a dataset of one tensor with one chunk, which nobody has read yet."""
    written = cloud.empty()
    written.create_tensor("x", dtype="uint8")
    written.x.extend(VALUES)
    written.close()
    opened = cloud.load()
    cloud.proxy.reset()
    return opened


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Give what makes lakebed less patient."""

    def be(**seconds: int) -> None:
        for name, value in seconds.items():
            monkeypatch.setenv(f"LAKEBED_{name.upper()}", str(value))
        # The next opening takes it over.
        lakebed.empty("mem://patience", overwrite=True)

    return be


def read(ds: Dataset) -> None:
    np.testing.assert_array_equal(ds.x.numpy(), VALUES)


def gave_up(error: errors.TransientStorageError) -> tuple[int, float]:
    """Read tries and seconds out of the message."""
    found = re.search(r"gave up after (\d+) tries in (\d+\.\d) s", str(error))
    assert found, error
    return int(found[1]), float(found[2])


@pytest.mark.parametrize("code", [500, 502, 503, 429])
def test_refusals_for_now_are_waited_out(cloud: Cloud, ds: Dataset, code: int) -> None:
    before = ds.storage.counters
    cloud.proxy.set(fail_next=2, error_code=code)
    read(ds)
    stats, after = cloud.proxy.stats(), ds.storage.counters
    assert stats.errors == 2
    assert after.retries - before.retries == 2
    assert after.requests - before.requests == stats.requests


def test_servers_that_ask_for_too_long_a_wait_are_given_up(cloud: Cloud, ds: Dataset) -> None:
    cloud.proxy.set(error_rate=1.0, retry_after="3600")
    with pytest.raises(errors.TransientStorageError) as raised:
        read(ds)
    assert gave_up(raised.value)[0] == 1
    assert cloud.proxy.stats().errors == 1
    assert "SlowDown" in str(raised.value)


def test_servers_are_left_alone_as_long_as_they_ask(
    cloud: Cloud, ds: Dataset, patience: Callable[..., None]
) -> None:
    # Were it not heeded, ten tries would come to nothing in this time.
    patience(retry_s=2)
    cloud.proxy.set(error_rate=1.0, retry_after="1")
    with pytest.raises(errors.TransientStorageError) as raised:
        read(ds)
    assert gave_up(raised.value)[0] == 2
    assert cloud.proxy.stats().errors == 2


@pytest.mark.parametrize("cut", ["reset_after", "close_after"])
def test_replies_that_break_off_are_continued(cloud: Cloud, ds: Dataset, cut: str) -> None:
    cloud.proxy.set(match=CHUNKS, hits=1, **{cut: HALF})
    read(ds)
    stats = cloud.proxy.stats()
    assert stats.resets + stats.closes == 1
    assert ds.storage.counters.retries == 1
    # The first half did not come twice; a reset takes with it what was under way.
    if cut == "close_after":
        assert stats.sent_bytes < VALUES.nbytes + HALF // 2


def test_replies_that_break_off_again_and_again_are_continued(cloud: Cloud, ds: Dataset) -> None:
    cloud.proxy.set(match=CHUNKS, reset_after=VALUES.nbytes // 12)
    read(ds)
    assert cloud.proxy.stats().resets > 10


def test_replies_that_stall_are_continued(
    cloud: Cloud, ds: Dataset, patience: Callable[..., None]
) -> None:
    patience(idle_timeout_s=1)
    cloud.proxy.set(match=CHUNKS, hits=1, stall_after=HALF)
    read(ds)
    assert cloud.proxy.stats().hangs == 1


def test_first_bytes_are_awaited_as_long_as_is_set(
    cloud: Cloud, ds: Dataset, patience: Callable[..., None]
) -> None:
    read(ds)
    unharmed = cloud.proxy.stats().requests
    patience(idle_timeout_s=1)
    for late_ms, repeated in ((400, 0), (5000, 1)):
        again = cloud.load()
        cloud.proxy.reset()
        cloud.proxy.set(match=CHUNKS, hits=1, first_byte_ms=late_ms)
        read(again)
        assert cloud.proxy.stats().requests == unharmed + repeated


def test_silence_is_told(cloud: Cloud, ds: Dataset, patience: Callable[..., None]) -> None:
    patience(idle_timeout_s=1, retry_s=1)
    cloud.proxy.set(hang_rate=1.0)
    with pytest.raises(errors.TransientStorageError, match="did not answer in time") as raised:
        read(ds)
    assert gave_up(raised.value)[0] == 1


def test_failures_without_end_are_told_with_tries_time_and_last_answer(
    cloud: Cloud, ds: Dataset, patience: Callable[..., None]
) -> None:
    patience(retry_s=1)
    cloud.proxy.set(error_rate=1.0, error_code=500)
    with pytest.raises(errors.TransientStorageError, match="the store answered SlowDown") as raised:
        read(ds)
    tries, _ = gave_up(raised.value)
    assert tries == cloud.proxy.stats().errors > 2


def test_servers_that_are_down_are_told(cloud: Cloud, patience: Callable[..., None]) -> None:
    patience(retry_s=1)
    creds = {**cloud.creds(), "endpoint_url": f"http://{HOST}:{free_port()}"}
    with pytest.raises(errors.TransientStorageError, match="cannot be reached") as raised:
        lakebed.load(cloud.url(), creds=creds, read_only=True, verbose=False)
    assert gave_up(raised.value)[0] > 2


def test_names_that_lead_nowhere_are_told(cloud: Cloud, patience: Callable[..., None]) -> None:
    patience(retry_s=1)
    creds = {**cloud.creds(), "endpoint_url": "http://bucket.invalid:9000"}
    with pytest.raises(errors.TransientStorageError, match="cannot be reached") as raised:
        lakebed.load(cloud.url(), creds=creds, read_only=True, verbose=False)
    assert gave_up(raised.value)[0] >= 1
    assert "lookup" in str(raised.value)


@pytest.mark.s3
@pytest.mark.parametrize(("shift_s", "told"), [(7200, "behind"), (-7200, "ahead of")])
def test_clocks_that_differ_are_told(s3_cloud: Cloud, shift_s: int, told: str) -> None:
    s3_cloud.empty().close()
    s3_cloud.proxy.set(clock_shift_s=shift_s)
    with pytest.raises(errors.AuthenticationError) as raised:
        s3_cloud.load()
    found = re.search(rf"this machine's clock is (\d+) s {told} the store's", str(raised.value))
    assert found, raised.value
    assert abs(int(found[1]) - 7200) < 60
    assert s3_cloud.proxy.stats().errors == 1


def test_writes_whose_replies_are_lost_are_right(cloud: Cloud) -> None:
    ds = cloud.empty(lock_enabled=True)
    ds.create_tensor("x", dtype="uint8")
    cloud.proxy.set(match="PUT", hits=6, reset_after=1)
    ds.x.extend(VALUES)
    ds.close()
    assert cloud.proxy.stats().resets == 6
    cloud.proxy.reset()
    read(cloud.load())


def test_listings_and_deletions_whose_replies_break_off_are_whole(
    cloud: Cloud, ds: Dataset
) -> None:
    assert ds.x.shape == VALUES.shape
    cloud.proxy.set(match="list-type=2", hits=2, close_after=400)
    lakebed.delete(cloud.url(), creds=cloud.creds())
    assert cloud.proxy.stats().closes == 2
    assert cloud.bucket.listing() == {}


def test_locks_whose_replies_are_lost_are_ours(cloud: Cloud) -> None:
    cloud.empty().close()
    cloud.proxy.set(match="dataset_lock.lock", hits=1, reset_after=1)
    ds = lakebed.load(cloud.url(), creds=cloud.creds(), read_only=False, verbose=False)
    assert cloud.proxy.stats().resets == 1
    ds.create_tensor("x", dtype="uint8")
    ds.close()
