"""`ds.storage`: what a dataset is stored in, for all kinds of storage."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

import numpy as np
import pytest

import lakebed

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Bucket


def test_a_local_dataset_is_stored_in_a_folder(tmp_path: Path) -> None:
    ds = lakebed.empty(tmp_path / "ds")
    storage = ds.storage
    assert (storage.provider, storage.url) == ("local files", str(tmp_path / "ds"))
    assert (storage.endpoint, storage.region, storage.identity) == (None, None, "nobody")
    before = storage.counters
    ds.create_tensor("a", dtype="uint8")
    after = storage.counters
    assert after.requests > before.requests
    assert after.bytes_written > before.bytes_written
    assert (after.retries, after.renewals) == (0, 0)
    # It can be asked after the end, and tells the same thing.
    ds.close()
    assert ds.storage is storage
    shown = repr(storage)
    assert shown.startswith(f"Storage(provider='local files', url='{tmp_path}/ds', identity=")
    assert "bytes_written=" in shown
    assert "None" not in shown


def test_memory_is_a_storage_too() -> None:
    with lakebed.empty("mem://of-test-storage") as ds:
        ds.create_tensor("a", dtype="uint8")
    assert (ds.storage.provider, ds.storage.url) == ("memory", "mem://of-test-storage")
    assert ds.storage.counters.bytes_written > 0


def test_all_that_it_tells_completes_with_tab(tmp_path: Path) -> None:
    ds = lakebed.empty(tmp_path / "ds")
    assert "storage" in dir(ds)
    public = {name for name in dir(ds.storage) if not name.startswith("_")}
    assert public == {"provider", "url", "endpoint", "region", "identity", "counters", "store"}
    names = {name for name in dir(ds.storage.counters) if not name.startswith("_")}
    assert names >= {"requests", "bytes_read", "bytes_written", "retries", "renewals"}


@pytest.mark.s3
def test_s3_tells_where_the_keys_come_from(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    creds = bucket.creds()
    with lakebed.empty(bucket.url("ds"), creds=creds) as ds:
        ds.create_tensor("a", dtype="int64")
        ds.a.extend(np.arange(9))
    storage = ds.storage
    assert (storage.provider, storage.url) == ("S3", bucket.url("ds"))
    assert (storage.endpoint, storage.region) == (bucket.server.endpoint, "us-east-1")
    assert storage.identity == "the creds dict"
    read = pickle.loads(pickle.dumps(ds)).storage  # noqa: S301 - our own
    assert (read.identity, read.counters.bytes_written) == ("the creds dict", 0)
    assert read.counters.bytes_read > 0
    for key in ("aws_access_key_id", "aws_secret_access_key"):
        assert creds[key] not in repr(storage)
        monkeypatch.setenv(key.upper(), creds.pop(key))
    ds = lakebed.load(bucket.url("ds"), creds=creds, read_only=True)
    assert "environment variables" in ds.storage.identity
