"""`lakebed doctor` against an S3 server that checks who asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import lakebed
from tests.cli.running import doctor
from tests.servers import fault_proxy
from tests.servers.process import free_port
from tests.servers.seaweedfs import Keys

if TYPE_CHECKING:
    from tests.conftest import Bucket
    from tests.servers.aws_credentials import AwsCredentials

pytestmark = pytest.mark.s3


@pytest.fixture
def album(bucket: Bucket) -> Bucket:
    """Give a bucket with a dataset at "album"."""
    ds = lakebed.empty(bucket.url("album"), creds=bucket.creds())
    ds.create_tensor("x").extend([1, 2, 3])
    ds.close()
    return bucket


def test_writer(album: Bucket) -> None:
    before = album.listing()
    answer = doctor(album.url("album"), album.creds())
    assert answer.code == 0, answer.out
    assert album.listing() == before
    checks = answer.checks
    assert checks["credentials"]["values"]["access_key_id"] == "WRIT…Y000"
    assert checks["region"]["values"] == {"region": "us-east-1"}
    assert checks["tls"]["values"] == {"encrypted": False}
    assert abs(checks["clock"]["values"]["skew_s"]) < 60
    assert checks["latency"]["values"]["latency_ms"] > 0
    assert checks["bandwidth"]["values"]["bytes"] == 4 << 20
    values = {"exists": True, "version": "3.9.52", "tensors": 1, "rows": 3}
    assert checks["dataset"]["values"] == values
    works = ("list", "read", "write", "delete")
    assert [answer.states[check] for check in works] == ["ok"] * len(works)


def test_reader_may_not_write(album: Bucket) -> None:
    creds = album.creds(album.server.reader)
    answer = doctor(album.url("album"), creds)
    assert (answer.code, answer.failed()) == (1, {"write", "delete"})
    assert answer.checks["write"]["values"]["kind"] == "authorization"
    assert "--no-write" in answer.checks["write"]["hint"]
    assert doctor(album.url("album"), creds, "--no-write").code == 0


@pytest.mark.parametrize(
    ("keys", "code"),
    [
        (Keys("READERKEY000", "wrong"), "SignatureDoesNotMatch"),
        (Keys("NOBODYSKEY00", "wrong"), "InvalidAccessKeyId"),
    ],
)
def test_wrong_keys(album: Bucket, keys: Keys, code: str) -> None:
    answer = doctor(album.url("album"), album.creds(keys))
    assert answer.code == 1
    assert answer.failed() == {"identity", "list", "read", "write", "delete", "dataset"}
    assert code in answer.checks["identity"]["detail"]
    assert code in answer.checks["list"]["detail"]
    assert keys.secret_key not in answer.out.replace("the wrong", "")


def test_bucket_that_is_not_there(bucket: Bucket) -> None:
    answer = doctor(f"s3://{bucket.name}-not/album", bucket.creds())
    assert (answer.code, answer.failed()) == (1, {"list", "read", "write", "dataset"})
    assert answer.checks["list"]["values"]["kind"] == "bucket_not_found"


def test_nothing_there_yet(bucket: Bucket) -> None:
    answer = doctor(bucket.url("new"), bucket.creds(), "--no-write")
    assert answer.code == 0
    assert answer.states["read"] == answer.states["dataset"] == "skipped"
    assert answer.states["latency"] == "ok"  # of listings


def test_nobody_listens(bucket: Bucket) -> None:
    creds = {**bucket.creds(), "endpoint_url": f"http://127.0.0.1:{free_port()}"}
    answer = doctor(bucket.url("album"), creds)
    assert (answer.code, answer.states) == (1, {"credentials": "ok", "server": "failed"})
    assert "cannot be reached" in answer.checks["server"]["detail"]


def test_no_credentials(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    answer = doctor(bucket.url("album"), {"endpoint_url": bucket.server.endpoint})
    assert (answer.code, answer.states) == (1, {"credentials": "failed"})
    assert "AWS_ACCESS_KEY_ID" in answer.checks["credentials"]["hint"]


def test_slow_line_is_measured(bucket: Bucket) -> None:
    with fault_proxy.running(bucket.server.endpoint, latency_ms=30) as proxy:
        creds = {**bucket.creds(), "endpoint_url": proxy.endpoint}
        answer = doctor(bucket.url("album"), creds)
    assert answer.code == 0, answer.out
    assert answer.checks["latency"]["values"]["latency_ms"] >= 30


def test_identity_is_asked_of_the_service(aws_credentials: AwsCredentials) -> None:
    """The STS of this server is where its objects are."""
    server = aws_credentials.s3
    answer = doctor("s3://nowhere/x", server.writer.creds(server.endpoint), "--no-write")
    assert answer.checks["identity"]["detail"] == "arn:aws:iam::000000000000:user/writer"


def test_role_of_a_container(
    aws_credentials: AwsCredentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = aws_credentials.s3
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    for name, value in aws_credentials.container_variables().items():
        monkeypatch.setenv(name, value)
    answer = doctor("s3://nowhere/x", {"endpoint_url": server.endpoint}, "--no-write")
    found = answer.checks["credentials"]["values"]
    assert "container" in found["source"].lower()
    assert found["temporary"] is True
    assert "assumed-role" in answer.checks["identity"]["detail"]


def test_nobody(bucket: Bucket) -> None:
    answer = doctor(bucket.url("x"), {"anonymous": True, "endpoint_url": bucket.server.endpoint})
    assert (answer.code, answer.checks["identity"]["detail"]) == (1, "nobody")
    assert answer.checks["credentials"]["values"] == {"source": "anonymous"}
    assert {"list", "read", "write", "delete"} <= answer.failed()


def test_server_with_a_certificate_of_its_own(bucket: Bucket) -> None:
    with fault_proxy.running(bucket.server.endpoint, tls=True) as proxy:
        creds = {**bucket.creds(), "endpoint_url": proxy.endpoint}
        trusted = doctor(bucket.url("x"), {**creds, "ca_bundle": str(proxy.ca_bundle)})
        unchecked = doctor(bucket.url("x"), {**creds, "verify": False})
        unknown = doctor(bucket.url("x"), creds)
    assert (trusted.code, trusted.states["tls"]) == (0, "ok"), trusted.out
    assert (unchecked.code, unchecked.states["tls"]) == (0, "warning"), unchecked.out
    assert "verify=False" in unchecked.checks["note"]["detail"]
    assert unknown.failed() == {"server"}
