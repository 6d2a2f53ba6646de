"""A meta in a bucket that names tensors outside of the dataset's prefix."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

import lakebed
from lakebed import errors

if TYPE_CHECKING:
    from tests.conftest import Bucket

pytestmark = pytest.mark.s3


@pytest.mark.parametrize("key", ["../other/secret", "a/../../other/secret", "/data/other/secret"])
def test_keys_outside_of_the_prefix_are_never_asked_for(bucket: Bucket, key: str) -> None:
    creds = bucket.creds()
    for name, tensor in (("other", "secret"), ("ds", "x")):
        with lakebed.empty(bucket.url(f"data/{name}"), creds=creds) as ds:
            ds.create_tensor(tensor).extend([1, 2])
        ds.close()
    meta = json.loads(bucket.get("data/ds/dataset_meta.json"))
    meta["tensors"].append(key)
    meta["tensor_names"]["evil"] = key
    bucket.put("data/ds/dataset_meta.json", json.dumps(meta).encode())
    outside = bucket.listing("data/other")
    ds = lakebed.load(bucket.url("data/ds"), creds=creds, read_only=False)
    ds.x.append(3)
    with pytest.raises(errors.DatasetCorruptError, match="does not stay inside") as corrupt:
        ds["evil"]
    assert corrupt.value.tensor == key
    assert ds.x.numpy().ravel().tolist() == [1, 2, 3]
    ds.close()
    assert bucket.listing("data/other") == outside
    assert {name.split("/")[1] for name in bucket.listing("data")} == {"ds", "other"}


def test_a_name_that_a_bucket_cannot_be_asked_for_hides_nothing_else(bucket: Bucket) -> None:
    creds = bucket.creds()
    with lakebed.empty(bucket.url("ds"), creds=creds) as ds:
        ds.create_tensor("x").extend([1, 2])
    ds.close()
    meta = json.loads(bucket.get("ds/dataset_meta.json"))
    meta["tensor_names"]["odd"] = "a\nb"
    bucket.put("ds/dataset_meta.json", json.dumps(meta).encode())
    ds = lakebed.load(bucket.url("ds"), creds=creds, read_only=True)
    assert ds.x.numpy().ravel().tolist() == [1, 2]
