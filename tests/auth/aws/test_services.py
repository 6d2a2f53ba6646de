"""Services that speak like S3: certificates of one's own, host names, regions, what they lack."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import lakebed
from lakebed import errors
from tests.auth.aws import ways
from tests.auth.aws.place import KEY, rows
from tests.process.children import run
from tests.s3.album import jpeg
from tests.s3.test_locks import live_lock
from tests.servers import fault_proxy, seaweedfs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.auth.aws.place import Place
    from tests.auth.aws.ways import Stage
    from tests.servers.fault_proxy import FaultProxy
    from tests.servers.moto import MotoServer

pytestmark = pytest.mark.s3


@pytest.fixture(scope="module")
def encrypted(place: Place) -> Iterator[FaultProxy]:
    """Reach the server of the place by https, under an authority that nobody knows."""
    with fault_proxy.running(place.server.endpoint, tls=True) as proxy:
        yield proxy


@pytest.mark.parametrize("by", ["dict", "verify", "variable", "profile"])
def test_an_authority_of_ones_own(
    stage: Stage, place: Place, encrypted: FaultProxy, by: str
) -> None:
    bundle = str(encrypted.ca_bundle)
    creds: dict[str, Any] = {**ways.of_user(stage.user), "endpoint_url": encrypted.endpoint}
    if by == "dict":
        creds["ca_bundle"] = bundle
    elif by == "verify":
        creds["verify"] = bundle
    elif by == "variable":
        stage.env(CA_BUNDLE=bundle)
    else:
        stage.home.write("config", ways.ini("default", ca_bundle=bundle))
    ds = lakebed.load(place.path, creds=creds, read_only=True)
    place.check(ds)
    ds.populate_creds(KEY, creds)
    place.check_links(ds)
    assert lakebed.read(place.url("photo.jpg"), creds=creds).shape == (41, 51, 3)


def test_roles_are_assumed_at_the_same_server(
    stage: Stage, place: Place, encrypted: FaultProxy
) -> None:
    creds = {**ways.of_user(stage.user), "endpoint_url": encrypted.endpoint}
    creds |= {"role_arn": seaweedfs.ROLE_WRITE, "ca_bundle": str(encrypted.ca_bundle)}
    place.check(lakebed.load(place.path, creds=creds, read_only=True))
    del creds["ca_bundle"]
    with pytest.raises(errors.AuthorizationException, match="ca_bundle"):
        lakebed.load(place.path, creds=creds, read_only=True)


def test_an_unknown_authority_is_named_with_the_way_out(
    stage: Stage, place: Place, encrypted: FaultProxy
) -> None:
    creds = {**ways.of_user(stage.user), "endpoint_url": encrypted.endpoint}
    before = encrypted.stats().connections
    for call in (lakebed.load, lakebed.exists):
        with pytest.raises(errors.StorageError, match="certificate is not trusted") as refused:
            call(place.path, creds=creds)
        assert not isinstance(refused.value, errors.TransientStorageError)
        assert "`ca_bundle`" in str(refused.value)
    # That does not pass: nobody tries again.
    assert encrypted.stats().connections - before <= 2


def test_checking_nothing_works_and_is_warned_of(
    stage: Stage, place: Place, encrypted: FaultProxy
) -> None:
    creds = {**ways.dict_with_keys(stage), "endpoint_url": encrypted.endpoint, "verify": False}
    with pytest.warns(UserWarning, match="verify=False") as warned:
        ds = lakebed.load(place.path, creds=creds, read_only=True)
    assert [warning.filename for warning in warned] == [__file__]
    place.check(ds)
    with pytest.warns(UserWarning, match="verify=False"):
        ds.populate_creds(KEY, creds)
    place.check_links(ds)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        creds["ca_bundle"] = str(encrypted.ca_bundle)
        del creds["verify"]
        place.check(lakebed.load(place.path, creds=creds, read_only=True))


# Names below "localhost" lead nowhere on many machines; as the server is its own proxy here, nobody
# has to find them. The library reads these variables once: an interpreter of its own.
SCRIPT = """
import os, sys, lakebed
address, name, path, key, secret = sys.argv[1:]
os.environ |= {"http_proxy": address, "no_proxy": "", "NO_PROXY": "", "HTTP_PROXY": address}
keys = {"aws_access_key_id": key, "aws_secret_access_key": secret, "endpoint_url": f"http://{name}"}
config = {"s3": {"addressing_style": "virtual"}}
ds = lakebed.load(path, creds={**keys, "config": config}, read_only=True)
print(ds.numbers.numpy().sum())
"""


def test_buckets_in_host_names(place: Place) -> None:
    keys, host = place.server.writer, f"//{place.bucket}.{seaweedfs.DOMAIN}/numbers/"
    arguments = (seaweedfs.DOMAIN, place.path, keys.access_key, keys.secret_key)
    # A proxy of the server's own: it breaks one request to that host, which is made once more.
    with fault_proxy.running(place.server.endpoint, fail_next=1, match=host) as proxy:
        assert run(SCRIPT, proxy.endpoint, *arguments).split() == ["1128"]
        assert proxy.stats().errors == 1


def use(moto: MotoServer, region: str, bucket: str, creds: Any) -> None:
    """Create, lock, append, read, respect the lock of somebody else, delete."""
    path, client = f"s3://{bucket}/ds", moto.client(region)
    lock: Any = {"Bucket": bucket, "Key": "ds/dataset_lock.lock"}
    with lakebed.empty(path, creds=creds) as ds:
        ds.create_tensor("numbers", dtype="int64")
        ds.numbers.extend(rows())
        assert client.head_object(**lock)["ContentLength"] > 0
    with lakebed.load(path, creds=creds, read_only=False) as ds:
        ds.numbers.append(rows()[0])
    ds = lakebed.load(path, creds=creds, read_only=True)
    assert np.array_equal(ds.numbers.numpy(), [*rows(), rows()[0]])
    client.put_object(**lock, Body=live_lock(60))
    with pytest.raises(errors.LockedException):
        lakebed.load(path, creds=creds, read_only=False)
    client.delete_object(**lock)
    lakebed.delete(path, creds=creds)
    assert not lakebed.exists(path, creds=creds)
    assert "Contents" not in client.list_objects_v2(Bucket=bucket)


@pytest.mark.parametrize(
    ("conditional_put", "batch_delete"),
    [("ignored", "served"), ("checked", "refused"), ("refused", "refused")],
)
def test_services_that_lack_something(
    moto: MotoServer, conditional_put: str, batch_delete: str
) -> None:
    bucket = f"lacks-{conditional_put}-{batch_delete}"
    moto.create_bucket(bucket)
    moto.set(conditional_put=conditional_put, batch_delete=batch_delete)
    use(moto, "us-east-1", bucket, moto.creds())


@pytest.mark.parametrize("region", ["malformed", "redirect", "hidden"])
def test_the_region_of_a_bucket_is_found(moto: MotoServer, region: str) -> None:
    bucket = f"in-europe-{region}"
    moto.create_bucket(bucket, region="eu-west-1")
    moto.set(region=region)
    assert not lakebed.exists(f"s3://{bucket}/ds", creds=moto.creds())
    moto.client("eu-west-1").put_object(Bucket=bucket, Key="photo.jpg", Body=jpeg(1))
    # Found once; the bucket's own wins over what is said of it, for links as well.
    creds = moto.creds(region="us-west-2")
    assert lakebed.read(f"s3://{bucket}/photo.jpg", creds=creds).shape == (41, 51, 3)
    assert moto.counts()["wrong region"] == 1


def test_a_dataset_in_another_region(moto: MotoServer) -> None:
    moto.create_bucket("all-in-europe", region="eu-west-1")
    use(moto, "eu-west-1", "all-in-europe", moto.creds())
    assert moto.counts()["wrong region"] == 1
