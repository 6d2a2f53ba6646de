"""The S3 server for regions, odd keys and lacks shows them as the services that have them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import requests
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from tests.servers.moto import MotoServer

pytestmark = pytest.mark.s3


@pytest.mark.parametrize(
    ("front", "status", "code", "in_header"),
    [
        ("malformed", 400, "AuthorizationHeaderMalformed", True),
        ("redirect", 301, "PermanentRedirect", True),
        ("hidden", 400, "AuthorizationHeaderMalformed", False),
    ],
)
def test_requests_signed_for_another_region_are_refused(
    moto: MotoServer, front: str, status: int, code: str, in_header: bool
) -> None:
    moto.create_bucket("photos", region="eu-west-1")
    moto.client("eu-west-1").put_object(Bucket="photos", Key="a", Body=b"1")
    moto.set(region=front)
    # By hand: botocore would find the region, and ask again.
    scope = "AWS4-HMAC-SHA256 Credential=KEY/20260101/us-west-2/s3/aws4_request"
    url = f"{moto.endpoint}/photos/a"
    reply = requests.get(url, headers={"Authorization": scope}, allow_redirects=False, timeout=10)
    assert (reply.status_code, code in reply.text) == (status, True)
    assert ("<Region>eu-west-1</Region>" in reply.text) == (status == 400)
    found = reply.headers.get("x-amz-bucket-region")
    assert found == ("eu-west-1" if in_header else None)
    assert moto.counts()["wrong region"] == 1


def test_services_without_conditions_overwrite_or_refuse(moto: MotoServer) -> None:
    moto.create_bucket("photos")
    client = moto.client()
    client.put_object(Bucket="photos", Key="once", Body=b"1")
    for treatment, code in (("checked", "PreconditionFailed"), ("refused", "NotImplemented")):
        moto.set(conditional_put=treatment)
        with pytest.raises(ClientError) as refused:
            client.put_object(Bucket="photos", Key="once", Body=b"2", IfNoneMatch="*")
        assert refused.value.response["Error"]["Code"] == code
    moto.set(conditional_put="ignored")
    client.put_object(Bucket="photos", Key="once", Body=b"3", IfNoneMatch="*")
    assert client.get_object(Bucket="photos", Key="once")["Body"].read() == b"3"


def test_services_without_batch_delete_refuse_it(moto: MotoServer) -> None:
    moto.create_bucket("photos")
    client = moto.client()
    client.put_object(Bucket="photos", Key="a", Body=b"1")
    moto.set(batch_delete="refused")
    with pytest.raises(ClientError, match="NotImplemented"):
        client.delete_objects(Bucket="photos", Delete={"Objects": [{"Key": "a"}]})
    client.delete_object(Bucket="photos", Key="a")
    assert client.list_objects_v2(Bucket="photos")["KeyCount"] == 0


def test_odd_keys_are_kept_as_they_are(moto: MotoServer) -> None:
    moto.create_bucket("photos")
    client = moto.client()
    keys = ["/lead", "a//b", "tail/", "a/../b", "./c", "a b+c%d#e?f", "ü/日本"]
    for key in keys:
        client.put_object(Bucket="photos", Key=key, Body=key.encode())
    for key in keys:
        assert client.get_object(Bucket="photos", Key=key)["Body"].read() == key.encode(), key
    listed = client.list_objects_v2(Bucket="photos")["Contents"]
    assert sorted(entry["Key"] for entry in listed) == sorted(keys)


def test_front_takes_no_unknown_setting(moto: MotoServer) -> None:
    with pytest.raises(ValueError, match="no_such"):
        moto.set(no_such="thing")
