"""Every way to say who one is ends at a server that checks it: packed samples, links, writing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

import lakebed
from lakebed import errors
from tests.auth.aws import ways
from tests.auth.aws.place import KEY, rows
from tests.s3.album import jpeg, pixels
from tests.servers.seaweedfs import Keys

if TYPE_CHECKING:
    from tests.auth.aws.place import Place
    from tests.auth.aws.ways import Stage, Way

pytestmark = pytest.mark.s3


@pytest.mark.parametrize("way", ways.WAYS, ids=lambda way: way.__name__)
def test_who_one_is(stage: Stage, place: Place, way: Way) -> None:
    creds = way(stage)
    ds = lakebed.load(place.path, creds=creds, read_only=True)
    place.check(ds)
    # Links of the same dataset, with a key of their own.
    if creds is None or creds == "ENV":
        ds.populate_creds(KEY, from_environment=True)
    else:
        ds.populate_creds(KEY, creds)
    place.check_links(ds)
    assert ds.storage.identity.startswith(ways.WAYS[way])


@pytest.mark.parametrize(
    "way", [ways.dict_with_token, ways.env_with_token, ways.dict_with_role, ways.web_identity]
)
def test_all_that_one_does(stage: Stage, place: Place, way: Way) -> None:
    creds, path = way(stage), place.url(f"own-{way.__name__}")
    assert not lakebed.exists(path, creds=creds)
    with lakebed.empty(path, creds=creds) as ds:
        ds.create_tensor("numbers", dtype="int64")
        ds.numbers.extend(rows())
    with lakebed.dataset(path, creds=creds) as ds:
        ds.numbers.append(rows()[0])
        assert len(ds.numbers) == len(rows()) + 1
    assert lakebed.exists(path, creds=creds)
    sample = lakebed.read(place.url("photo.jpg"), creds=creds)
    assert np.array_equal(sample.array, pixels(jpeg(1)))
    lakebed.delete(path, creds=creds)
    assert not lakebed.exists(path, creds=creds)


def test_what_is_public_needs_nobody(stage: Stage, place: Place) -> None:
    creds = {"anonymous": True, "endpoint_url": stage.endpoint}
    # Not asked for, nobody is tried: good keys would be found in no other place.
    with pytest.raises(errors.AuthorizationException, match="no AWS credentials"):
        lakebed.load(place.path, creds={"endpoint_url": stage.endpoint}, read_only=True)
    with pytest.raises(errors.AuthError):
        lakebed.load(place.path, creds=creds, read_only=True)
    resources = [f"arn:aws:s3:::{place.bucket}", f"arn:aws:s3:::{place.bucket}/*"]
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": ["s3:GetObject", "s3:ListBucket"],
        "Resource": resources,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    client = place.server.client()
    client.put_bucket_policy(Bucket=place.bucket, Policy=policy)
    try:
        ds = lakebed.load(place.path, creds=creds, read_only=True)
        place.check(ds)
        ds.populate_creds(KEY, creds)
        place.check_links(ds)
        assert lakebed.read(place.url("photo.jpg"), creds=creds).shape == (41, 51, 3)
        with pytest.raises(errors.AuthError):
            lakebed.empty(place.url("mine"), creds=creds)
    finally:
        client.delete_bucket_policy(Bucket=place.bucket)


def test_many_samples_ask_once(stage: Stage, place: Place) -> None:
    creds = ways.container(stage)
    for _ in range(5):
        assert lakebed.read(place.url("photo.jpg"), creds=dict(creds)).shape == (41, 51, 3)
    # Botocore asks twice for keys of so short a life.
    assert stage.server.counts()["/ecs/creds"] <= 2
    wrong = ways.of_user(Keys("NOSUCHKEY000", "nobody"))
    with pytest.raises(errors.SampleReadError):
        lakebed.read(place.url("photo.jpg"), creds={**creds, **wrong}).array  # noqa: B018
    stage.env(CONTAINER_AUTHORIZATION_TOKEN="another")
    with pytest.raises(errors.SampleReadError):
        lakebed.read(place.url("photo.jpg"), creds=creds).array  # noqa: B018
