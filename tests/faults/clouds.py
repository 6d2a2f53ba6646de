"""Buckets behind a proxy that breaks what passes, of each kind of store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import lakebed

if TYPE_CHECKING:
    from lakebed import Dataset
    from tests.conftest import Bucket
    from tests.servers.fault_proxy import FaultProxy
    from tests.servers.gcs import GcsBucket


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
        return {**self.bucket.creds(), "endpoint_url": self.proxy.endpoint}

    def empty(self, key: str = "ds", *, lock_enabled: bool = False) -> Dataset:
        """Make a dataset; without lock, since taking one means to wait half a second."""
        return lakebed.empty(self.url(key), creds=self.creds(), lock_enabled=lock_enabled)

    def load(self, key: str = "ds") -> Dataset:
        """Open a dataset through the proxy, read-only."""
        return lakebed.load(self.url(key), creds=self.creds(), read_only=True, verbose=False)
