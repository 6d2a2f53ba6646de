"""The fixtures of this folder: buckets behind a proxy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.clouds import Cloud
from tests.servers import fault_proxy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Bucket
    from tests.servers.fault_proxy import FaultProxy
    from tests.servers.gcs import GcsBucket, GcsServer
    from tests.servers.seaweedfs import S3Server


@pytest.fixture(scope="module")
def s3_proxy(s3: S3Server) -> Iterator[FaultProxy]:
    with fault_proxy.running(s3.endpoint) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def gcs_proxy(gcs: GcsServer) -> Iterator[FaultProxy]:
    with fault_proxy.running(gcs.endpoint) as proxy:
        yield proxy


@pytest.fixture
def s3_cloud(bucket: Bucket, s3_proxy: FaultProxy) -> Cloud:
    s3_proxy.reset()
    return Cloud(bucket, s3_proxy)


@pytest.fixture
def gcs_cloud(gcs_bucket: GcsBucket, gcs_proxy: FaultProxy) -> Cloud:
    gcs_proxy.reset()
    return Cloud(gcs_bucket, gcs_proxy)


@pytest.fixture(
    params=[
        pytest.param("s3_cloud", marks=pytest.mark.s3, id="s3"),
        pytest.param("gcs_cloud", marks=pytest.mark.gcs, id="gcs"),
    ]
)
def cloud(request: pytest.FixtureRequest) -> Cloud:
    """Give a bucket of each kind of store."""
    found: Cloud = request.getfixturevalue(request.param)
    return found
