"""The servers that other tests lean on refuse what they should and break what they are told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError, HTTPClientError

from tests.servers import fault_proxy
from tests.servers.seaweedfs import Keys, S3Server

if TYPE_CHECKING:
    from tests.conftest import Bucket

pytestmark = pytest.mark.s3


def code_of(error: ClientError) -> str:
    return error.response["Error"]["Code"]


def test_users_have_the_rights_they_are_said_to_have(s3: S3Server, bucket: Bucket) -> None:
    s3.client(s3.writer).put_object(Bucket=bucket.name, Key="a", Body=b"1")
    assert s3.client(s3.reader).get_object(Bucket=bucket.name, Key="a")["Body"].read() == b"1"
    with pytest.raises(ClientError) as refused:
        s3.client(s3.reader).put_object(Bucket=bucket.name, Key="a", Body=b"2")
    assert code_of(refused.value) == "AccessDenied"


def test_wrong_keys_are_refused(s3: S3Server, bucket: Bucket) -> None:
    for keys, code in (
        (Keys(s3.writer.access_key, "wrong"), "SignatureDoesNotMatch"),
        (Keys("NOBODY", "wrong"), "InvalidAccessKeyId"),
    ):
        with pytest.raises(ClientError) as refused:
            s3.client(keys).list_objects_v2(Bucket=bucket.name)
        assert code_of(refused.value) == code


def test_conditional_put_has_one_winner(s3: S3Server, bucket: Bucket) -> None:
    client = s3.client()
    client.put_object(Bucket=bucket.name, Key="once", Body=b"1", IfNoneMatch="*")
    with pytest.raises(ClientError) as refused:
        client.put_object(Bucket=bucket.name, Key="once", Body=b"2", IfNoneMatch="*")
    assert code_of(refused.value) == "PreconditionFailed"


def test_proxy_passes_counts_and_breaks(s3: S3Server, bucket: Bucket) -> None:
    s3.client().put_object(Bucket=bucket.name, Key="a", Body=b"x" * 100_000)
    with fault_proxy.running(s3.endpoint) as proxy:
        client = S3Server(endpoint=proxy.endpoint, pid=proxy.pid).client()
        assert len(client.get_object(Bucket=bucket.name, Key="a")["Body"].read()) == 100_000
        assert proxy.stats().requests == 1
        proxy.set(fail_next=1)
        with pytest.raises(ClientError) as busy:
            client.get_object(Bucket=bucket.name, Key="a")
        assert busy.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
        proxy.set(reset_after=50_000)
        with pytest.raises(HTTPClientError):
            client.get_object(Bucket=bucket.name, Key="a")["Body"].read()
        proxy.reset()
        assert client.get_object(Bucket=bucket.name, Key="a")["ContentLength"] == 100_000
        with pytest.raises(ValueError, match="no_such_fault"):
            proxy.set(no_such_fault=1)
