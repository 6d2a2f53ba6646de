"""Handles on a dataset in a bucket: second ones, failures to store, Ctrl-C in a flush."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from typing import TYPE_CHECKING

import pytest

import lakebed
from lakebed import errors
from tests.servers import fault_proxy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Bucket
    from tests.servers.fault_proxy import FaultProxy

pytestmark = pytest.mark.s3
LOCK = "ds/dataset_lock.lock"


@pytest.fixture
def proxy(bucket: Bucket) -> Iterator[FaultProxy]:
    """Run a proxy in front of the server."""
    with fault_proxy.running(bucket.server.endpoint) as proxy:
        yield proxy


@pytest.fixture
def ds(bucket: Bucket, proxy: FaultProxy) -> lakebed.Dataset:
    """Give a dataset of one tensor, written through the proxy."""
    creds = {**bucket.creds(), "endpoint_url": proxy.endpoint}
    ds = lakebed.empty(bucket.url("ds"), creds=creds)
    ds.create_tensor("a", dtype="int64")
    ds.a.append(1)
    return ds


def stored(bucket: Bucket) -> list[int]:
    ds = lakebed.load(bucket.url("ds"), creds=bucket.creds(), read_only=True)
    values: list[int] = ds.a.numpy().ravel().tolist()
    return values


@contextlib.contextmanager
def interrupted_while_writing(proxy: FaultProxy) -> Iterator[None]:
    """Press Ctrl-C once the first object is being written, which takes a while."""
    proxy.set(latency_ms=200.0, match="PUT")
    before = proxy.stats().requests

    def interrupt() -> None:
        while proxy.stats().requests == before:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        yield
    thread.join()
    proxy.reset()


def test_a_second_handle_takes_over(bucket: Bucket) -> None:
    ds = lakebed.empty(bucket.url("ds"), creds=bucket.creds())
    ds.create_tensor("a", dtype="int64")
    with ds:
        ds.a.append(1)
        second = lakebed.load(bucket.url("ds/"), creds=bucket.creds())
        with pytest.raises(errors.ReadOnlyModeError, match=f"opened s3://{bucket.name}/ds for"):
            ds.a.append(2)
    ds.close()
    assert bucket.listing(LOCK)
    second.a.append(3)
    second.close()
    assert not bucket.listing(LOCK)
    assert stored(bucket) == [1, 3]


def test_a_close_that_cannot_store_releases_the_lock(
    bucket: Bucket, ds: lakebed.Dataset, proxy: FaultProxy
) -> None:
    ds.__enter__()
    ds.a.extend([2, 3])
    proxy.set(error_rate=1.0, error_code=403, match="PUT")
    with pytest.raises(errors.StorageError, match="2 samples are lost") as lost:
        ds.close()
    assert lost.value.path == bucket.url("ds")
    assert not bucket.listing(LOCK)
    assert stored(bucket) == [1]


def test_a_second_handle_does_not_drop_what_the_first_cannot_store(
    bucket: Bucket, ds: lakebed.Dataset, proxy: FaultProxy
) -> None:
    creds = {**bucket.creds(), "endpoint_url": proxy.endpoint}
    with ds:
        ds.a.append(2)
        proxy.set(error_rate=1.0, error_code=403, match="PUT")
        with pytest.raises(errors.StorageError, match="its changes cannot be stored") as refused:
            lakebed.load(bucket.url("ds"), creds=creds)
        assert refused.value.hint is not None
        assert "close it" in refused.value.hint
        proxy.reset()
        assert not ds.read_only
        ds.a.append(3)
    ds.close()
    assert stored(bucket) == [1, 2, 3]


def test_ctrl_c_in_a_flush_is_made_good_by_the_next(
    bucket: Bucket, ds: lakebed.Dataset, proxy: FaultProxy
) -> None:
    """Requests under way are waited for: given up, they could overwrite what comes later."""
    ds.__enter__()
    ds.a.append(2)
    with interrupted_while_writing(proxy):
        ds.flush()
    assert stored(bucket) == [1], "it was not through"
    assert len(bucket.listing("ds/a/chunks/")) == 2, "what was under way was"
    assert ds.a.numpy().ravel().tolist() == [1, 2]
    assert bucket.listing(LOCK)
    ds.a.append(3)
    ds.close()
    assert not bucket.listing(LOCK)
    assert stored(bucket) == [1, 2, 3]


def test_ctrl_c_in_close_leaves_the_dataset_open(
    bucket: Bucket, ds: lakebed.Dataset, proxy: FaultProxy
) -> None:
    ds.__enter__()
    ds.a.append(2)
    with interrupted_while_writing(proxy):
        ds.close()
    assert not ds.read_only
    assert bucket.listing(LOCK)
    ds.close()
    assert not bucket.listing(LOCK)
    assert stored(bucket) == [1, 2]
