"""Buckets behind a proxy that breaks what passes, of each kind of store."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import lakebed
from tests.servers.gcs import GcsBucket

if TYPE_CHECKING:
    from lakebed import Dataset
    from tests.conftest import Bucket
    from tests.servers.fault_proxy import FaultProxy


@dataclass(frozen=True)
class Cloud:
    """A bucket of one test, and the proxy in front of it."""

    bucket: Bucket | GcsBucket
    proxy: FaultProxy

    def url(self, key: str = "ds") -> str:
        """Give the address of a key."""
        return self.bucket.url(key)

    def creds(self) -> dict[str, Any]:
        """Give the `creds` dict that leads through the proxy."""
        if isinstance(self.bucket, GcsBucket):
            # A user: to read a service account's key takes longer than all the rest of a test.
            creds = json.loads(self.bucket.server.authorized_user.read_text())
        else:
            creds = self.bucket.creds()
        return {**creds, "endpoint_url": self.proxy.endpoint}

    def empty(self, key: str = "ds", *, lock_enabled: bool = False) -> Dataset:
        """Make a dataset; without lock, since taking one means to wait half a second."""
        return lakebed.empty(self.url(key), creds=self.creds(), lock_enabled=lock_enabled)

    def load(self, key: str = "ds") -> Dataset:
        """Open a dataset through the proxy, read-only."""
        return lakebed.load(self.url(key), creds=self.creds(), read_only=True, verbose=False)
