"""The fault proxy breaks what it is told to, as it is told to, and counts."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import pytest
import requests
from botocore.exceptions import ClientError, HTTPClientError

from tests.servers import fault_proxy
from tests.servers.seaweedfs import S3Server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Bucket
    from tests.servers.fault_proxy import FaultProxy

pytestmark = pytest.mark.s3

SIZE = 100_000


@pytest.fixture(scope="module")
def proxy_process(s3: S3Server) -> Iterator[FaultProxy]:
    with fault_proxy.running(s3.endpoint) as proxy:
        yield proxy


@pytest.fixture
def proxy(proxy_process: FaultProxy) -> FaultProxy:
    proxy_process.reset()
    return proxy_process


@pytest.fixture
def url(bucket: Bucket, proxy: FaultProxy) -> str:
    """Give the signed address, through the proxy, of an object of `SIZE` bytes."""
    bucket.put("a", b"x" * SIZE)
    client = S3Server(endpoint=proxy.endpoint, pid=proxy.pid).client()
    place = {"Bucket": bucket.name, "Key": "a"}
    signed: str = client.generate_presigned_url("get_object", Params=place)
    return signed


def test_proxy_passes_counts_and_breaks(bucket: Bucket, proxy: FaultProxy) -> None:
    bucket.put("a", b"x" * SIZE)
    client = S3Server(endpoint=proxy.endpoint, pid=proxy.pid).client()
    assert len(client.get_object(Bucket=bucket.name, Key="a")["Body"].read()) == SIZE
    assert proxy.stats().requests == 1
    proxy.set(fail_next=1)
    with pytest.raises(ClientError) as busy:
        client.get_object(Bucket=bucket.name, Key="a")
    assert busy.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
    proxy.set(reset_after=50_000)
    with pytest.raises(HTTPClientError):
        client.get_object(Bucket=bucket.name, Key="a")["Body"].read()
    proxy.reset()
    assert client.get_object(Bucket=bucket.name, Key="a")["ContentLength"] == SIZE
    with pytest.raises(ValueError, match="no_such_fault"):
        proxy.set(no_such_fault=1)


def test_errors_say_when_to_come_again(proxy: FaultProxy, url: str) -> None:
    proxy.set(fail_next=1, error_code=429, retry_after="7")
    refused = requests.get(url, timeout=10)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "7")


def test_replies_are_cut_as_often_as_said(proxy: FaultProxy, url: str) -> None:
    proxy.set(close_after=SIZE // 2, hits=1)
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        requests.get(url, timeout=10)
    assert len(requests.get(url, timeout=10).content) == SIZE
    assert proxy.stats().closes == 1


def test_replies_stall_in_their_middle(proxy: FaultProxy, url: str) -> None:
    proxy.set(stall_after=SIZE // 2)
    with requests.get(url, timeout=0.3, stream=True) as reply:
        assert reply.status_code == 200
        with pytest.raises(requests.exceptions.ConnectionError, match="timed out"):
            list(reply.iter_content(SIZE))
    assert proxy.stats().hangs == 1


def test_first_bytes_come_late(proxy: FaultProxy, url: str) -> None:
    proxy.set(first_byte_ms=500, hits=1)
    with pytest.raises(requests.exceptions.ReadTimeout):
        requests.get(url, timeout=0.2)
    assert requests.get(url, timeout=10).status_code == 200


def test_only_what_matches_is_touched(proxy: FaultProxy, url: str) -> None:
    proxy.set(close_after=10, fail_next=1, match="PUT")
    assert len(requests.get(url, timeout=10).content) == SIZE


def test_clocks_that_differ_are_refused(proxy: FaultProxy, bucket: Bucket, url: str) -> None:
    client = S3Server(endpoint=proxy.endpoint, pid=proxy.pid).client()
    proxy.set(clock_shift_s=-3600)
    with pytest.raises(ClientError, match="RequestTimeTooSkewed"):
        client.list_objects_v2(Bucket=bucket.name)
    date = parsedate_to_datetime(requests.get(url, timeout=10).headers["Date"])
    assert date.timestamp() == pytest.approx(time.time() - 3600, abs=60)
    proxy.set(clock_shift_s=600)
    assert client.list_objects_v2(Bucket=bucket.name)["KeyCount"] == 1


def test_tls_is_trusted_under_its_own_authority(s3: S3Server) -> None:
    with fault_proxy.running(s3.endpoint, tls=True) as proxy:
        health = f"{proxy.endpoint}/healthz"
        assert proxy.ca_bundle is not None
        assert requests.get(health, timeout=10, verify=str(proxy.ca_bundle)).status_code == 200
        with pytest.raises(requests.exceptions.SSLError):
            requests.get(health, timeout=10)
