"""What gives out AWS credentials refuses whom AWS's own refuses; the keys work, and end."""

from __future__ import annotations

import json
import time
from datetime import datetime
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.servers import aws_credentials, seaweedfs
from tests.servers.process import send

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from types_boto3_s3.client import S3Client

    from tests.servers.aws_credentials import AwsCredentials

pytestmark = pytest.mark.s3

ROLE_PATH = "latest/meta-data/iam/security-credentials"


@pytest.fixture
def aws(aws_credentials: AwsCredentials) -> Iterator[AwsCredentials]:
    aws_credentials.reset()
    yield aws_credentials
    aws_credentials.reset()


def session_token(aws: AwsCredentials) -> str:
    life = {"X-aws-ec2-metadata-token-ttl-seconds": "60"}
    code, token = send("PUT", f"{aws.imds_endpoint}/latest/api/token", b"", headers=life)
    assert code == 200
    return token.decode()


def client_of(aws: AwsCredentials, keys: Mapping[str, str]) -> S3Client:
    client: S3Client = boto3.client(
        "s3",
        endpoint_url=aws.s3.endpoint,
        region_name=seaweedfs.REGION,
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys.get("Token") or keys["SessionToken"],
    )
    return client


def web_identity(aws: AwsCredentials, token: str, role: str) -> Mapping[str, str]:
    sts = boto3.client(
        "sts",
        endpoint_url=aws.s3.endpoint,
        region_name=seaweedfs.REGION,
        aws_access_key_id="none",
        aws_secret_access_key="none",
    )
    keys: Mapping[str, str] = sts.assume_role_with_web_identity(
        RoleArn=role, RoleSessionName="test", WebIdentityToken=token
    )["Credentials"]
    return keys


def test_instance_wants_a_session_token(aws: AwsCredentials) -> None:
    base = aws.imds_endpoint
    assert send("GET", f"{base}/{ROLE_PATH}/")[0] == 401
    assert send("PUT", f"{base}/latest/api/token", b"")[0] == 400
    wrong = {"X-aws-ec2-metadata-token": "wrong"}
    assert send("GET", f"{base}/{ROLE_PATH}/DataWrite", headers=wrong)[0] == 401
    right = {"X-aws-ec2-metadata-token": session_token(aws)}
    assert send("GET", f"{base}/{ROLE_PATH}/", headers=right) == (200, b"DataWrite")
    aws.allow_imdsv1()
    assert send("GET", f"{base}/{ROLE_PATH}/DataWrite")[0] == 200
    assert send("GET", f"{base}/{ROLE_PATH}/DataWrite", headers=wrong)[0] == 401


def test_container_wants_its_token_and_gives_working_keys(aws: AwsCredentials) -> None:
    url = f"{aws.endpoint}/ecs/creds"
    assert send("GET", url)[0] == 401
    assert send("GET", url, headers={"Authorization": "wrong"})[0] == 401
    aws.fail_next(1, 503)
    right = {"Authorization": aws.container_token}
    assert send("GET", url, headers=right)[0] == 503
    code, body = send("GET", url, headers=right)
    assert code == 200
    assert client_of(aws, json.loads(body)).list_buckets()["ResponseMetadata"]
    assert aws.counts() == {"/ecs/creds": 4, "sts": 1}


def test_identity_tokens_are_checked(aws: AwsCredentials) -> None:
    keys = web_identity(aws, aws.identity_token(), seaweedfs.WEB_READ)
    with pytest.raises(ClientError) as refused:
        client_of(aws, keys).create_bucket(Bucket="not-for-readers")
    assert refused.value.response["Error"]["Code"] == "AccessDenied"
    for token, code in (
        (aws.identity_token(audience="somebody else"), "InvalidParameterValue"),
        (aws.identity_token(life_s=-60), "ExpiredTokenException"),
        ("garbage", "AccessDenied"),
    ):
        with pytest.raises(ClientError) as refused:
            web_identity(aws, token, seaweedfs.WEB_READ)
        assert refused.value.response["Error"]["Code"] == code


def test_keys_end_with_their_life() -> None:
    with aws_credentials.running(ttl_s=2) as aws:
        right = {"Authorization": aws.container_token}
        body = json.loads(send("GET", f"{aws.endpoint}/ecs/creds", headers=right)[1])
        client = client_of(aws, body)
        assert client.list_buckets()["ResponseMetadata"]
        end = datetime.fromisoformat(body["Expiration"]).timestamp()
        time.sleep(max(0.0, end - time.time()) + 0.2)
        with pytest.raises(ClientError) as refused:
            client.list_buckets()
        assert refused.value.response["Error"]["Code"] == "InvalidAccessKeyId"
