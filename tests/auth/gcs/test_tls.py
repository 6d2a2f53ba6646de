"""Google Cloud Storage behind certificates of one's own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import lakebed
from lakebed import errors
from tests.servers import fault_proxy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers.fault_proxy import FaultProxy
    from tests.servers.gcs import GcsBucket, GcsServer

pytestmark = [pytest.mark.gcs, pytest.mark.usefixtures("home")]


@pytest.fixture(scope="module")
def proxy(gcs: GcsServer) -> Iterator[FaultProxy]:
    """Put TLS before the server, under an authority that no system knows."""
    with fault_proxy.running(gcs.endpoint, tls=True) as proxy:
        yield proxy


def creds(server: GcsServer, proxy: FaultProxy, **changes: Any) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(server.service_account.read_text())
    return {**content, "endpoint_url": proxy.endpoint, **changes}


def write_and_read(bucket: GcsBucket, creds: dict[str, Any]) -> None:
    url = bucket.url("album")
    with lakebed.empty(url, creds=creds, overwrite=True) as ds:
        ds.create_tensor("x")
        ds.x.append(1)
    assert lakebed.load(url, creds=creds, read_only=True).x[0].numpy() == 1


def test_an_authority_that_is_named_is_trusted(gcs_bucket: GcsBucket, proxy: FaultProxy) -> None:
    write_and_read(gcs_bucket, creds(gcs_bucket.server, proxy, ca_bundle=proxy.ca_bundle))


def test_one_that_is_not_named_is_refused(gcs_bucket: GcsBucket, proxy: FaultProxy) -> None:
    with pytest.raises(errors.StorageError, match="certificate"):
        write_and_read(gcs_bucket, creds(gcs_bucket.server, proxy))
    assert gcs_bucket.listing() == {}


def test_without_checks_there_is_a_warning(gcs_bucket: GcsBucket, proxy: FaultProxy) -> None:
    with pytest.warns(UserWarning, match="not checked"):
        write_and_read(gcs_bucket, creds(gcs_bucket.server, proxy, verify=False))


def test_a_bundle_that_is_none_is_named(
    gcs_bucket: GcsBucket, proxy: FaultProxy, tmp_path: Path
) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.write_text("no certificate")
    with pytest.raises(errors.LakebedError, match=r"ca\.pem"):
        lakebed.exists(
            gcs_bucket.url("album"), creds=creds(gcs_bucket.server, proxy, ca_bundle=bundle)
        )
