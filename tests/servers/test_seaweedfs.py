"""The S3 server that other tests lean on refuses whom and what it should."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from tests.servers.process import free_port
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


def test_no_port_is_given_out_twice() -> None:
    ports = [free_port() for _ in range(300)]
    assert len(set(ports)) == len(ports)
