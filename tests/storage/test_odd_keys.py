"""Keys that no path leads to, in a bucket that keeps them: named, left alone, in nobody's way."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pytest

import lakebed
from lakebed import errors

if TYPE_CHECKING:
    from tests.servers.moto import MotoServer

pytestmark = pytest.mark.s3

BUCKET = "odd"
ROOT = f"s3://{BUCKET}/ds"
# What other tools put below the dataset's folder.
ODD = ["ds//lead", "ds/x//chunk", "ds/x/../y", "ds/tail/", "ds/a\x07b"]


@pytest.fixture
def creds(moto: MotoServer) -> dict[str, str]:
    """Make a bucket that holds a dataset of two tensors, and give who may read it."""
    moto.create_bucket(BUCKET)
    creds = moto.creds()
    with lakebed.empty(ROOT, creds=creds) as ds:
        ds.create_tensor("x").extend(np.arange(4))
        ds.create_tensor("y").extend(np.arange(4))
    ds.close()
    return creds


def put(moto: MotoServer, *keys: str) -> None:
    for key in keys:
        moto.client().put_object(Bucket=BUCKET, Key=key, Body=b"odd")


def listed(moto: MotoServer) -> set[str]:
    pages = moto.client().get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
    return {entry["Key"] for page in pages for entry in page.get("Contents", [])}


def test_odd_keys_hide_nothing(moto: MotoServer, creds: dict[str, str]) -> None:
    put(moto, *ODD)
    with lakebed.load(ROOT, creds=creds) as ds:
        assert ds.x.numpy().ravel().tolist() == [0, 1, 2, 3]
        ds.x.append(4)
    ds.close()
    assert lakebed.load(ROOT, creds=creds, read_only=True).x[4].numpy() == [4]
    assert set(ODD) <= listed(moto)


def test_deleting_leaves_odd_keys_and_names_them(moto: MotoServer, creds: dict[str, str]) -> None:
    put(moto, *ODD, "ds2/beside", "ds.txt")
    with pytest.warns(RuntimeWarning, match=r"5 .* were left") as warned:
        lakebed.delete(ROOT, creds=creds)
    said = str(warned[0].message)
    assert ROOT in said
    for key in ODD:
        assert repr(key.removeprefix("ds/")) in said, key
    assert listed(moto) == {*ODD, "ds2/beside", "ds.txt"}


def test_a_place_that_holds_only_odd_keys_is_not_empty(
    moto: MotoServer, creds: dict[str, str]
) -> None:
    put(moto, "other//lead")
    with pytest.raises(errors.LakebedError, match="holds files but no dataset"):
        lakebed.empty(f"s3://{BUCKET}/other", creds=creds)
    with pytest.warns(RuntimeWarning, match=re.escape("'/lead'")):
        lakebed.delete(f"s3://{BUCKET}/other", creds=creds, force=True)
    assert "other//lead" in listed(moto)


def test_marks_of_folders_are_no_objects(moto: MotoServer, creds: dict[str, str]) -> None:
    """The empty objects that the console of AWS puts for folders."""
    for key in ("fresh/", "ds/", "ds/x/"):
        moto.client().put_object(Bucket=BUCKET, Key=key, Body=b"")
    with lakebed.empty(f"s3://{BUCKET}/fresh", creds=creds) as ds:
        ds.create_tensor("x").append(1)
    ds.close()
    assert lakebed.load(ROOT, creds=creds, read_only=True).x[3].numpy() == [3]
    lakebed.delete(ROOT, creds=creds)
    assert {key for key in listed(moto) if key.startswith("ds")} <= {"ds/", "ds/x/"}


@pytest.mark.parametrize("root", ["ds//x", "/ds", "ds/../ds", "./ds", "a/./b"])
def test_roots_that_would_change_are_refused(
    moto: MotoServer, creds: dict[str, str], root: str
) -> None:
    before = listed(moto)
    with pytest.raises(errors.InvalidInputError, match=r"//|'\.'|start with"):
        lakebed.load(f"s3://{BUCKET}/{root}", creds=creds)
    with pytest.raises(errors.InvalidInputError, match=r"//|'\.'|start with"):
        lakebed.empty(f"s3://{BUCKET}/{root}", creds=creds)
    assert listed(moto) == before
