"""Where a bucket is, and keys that no path leads to: `lakebed doctor` against moto."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lakebed import paths
from lakebed.cli.clouds import cloud_of
from tests.cli.running import doctor

if TYPE_CHECKING:
    from tests.servers.moto import MotoServer


@pytest.mark.s3
def test_region_is_found(moto: MotoServer) -> None:
    moto.create_bucket("photos", region="eu-west-3")
    moto.client("eu-west-3").put_object(Bucket="photos", Key="x/a", Body=b"1")
    answer = doctor("s3://photos/x", moto.creds())
    assert answer.code == 0, answer.out
    assert answer.checks["region"]["values"] == {"region": "eu-west-3"}


@pytest.mark.s3
def test_odd_keys_are_told(moto: MotoServer) -> None:
    moto.create_bucket("photos")
    for key in ("x/a", "x//b", "x/../c"):
        moto.client().put_object(Bucket="photos", Key=key, Body=b"1")
    answer = doctor("s3://photos/x", moto.creds(), "--no-write")
    assert (answer.code, answer.states["list"]) == (0, "warning")
    assert answer.checks["list"]["values"]["objects"] == 1
    assert len(answer.checks["list"]["values"]["odd_keys"]) == 2
    assert "no path leads to" in answer.checks["list"]["detail"]


@pytest.mark.parametrize(
    ("path", "endpoint", "url"),
    [
        ("s3://photos/x", None, "https://photos.s3.eu-west-3.amazonaws.com"),
        ("s3://my.photos/x", None, "https://s3.eu-west-3.amazonaws.com/my.photos"),
        ("s3://photos/x", "http://127.0.0.1:9000/", "http://127.0.0.1:9000/photos"),
        ("gcs://photos/x", None, "https://storage.googleapis.com/photos"),
        ("gcs://photos/x", "http://127.0.0.1:9000", "http://127.0.0.1:9000/photos"),
    ],
)
def test_where_browsers_ask(
    path: str, endpoint: str | None, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("STORAGE_EMULATOR_HOST", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    cloud = cloud_of(paths.parse(path), {"anonymous": True, "endpoint_url": endpoint})
    assert cloud is not None
    assert cloud.bucket_url("eu-west-3") == url
