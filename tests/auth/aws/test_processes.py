"""Credentials in other processes: a fork asks for itself, a pickle holds what was passed."""

from __future__ import annotations

import multiprocessing
import os
import pickle
from typing import TYPE_CHECKING, Any

import pytest

import lakebed
from lakebed import errors
from tests.auth.aws import ways
from tests.auth.aws.place import KEY
from tests.auth.aws.test_refresh import Counting, renewals
from tests.process.children import in_child

if TYPE_CHECKING:
    from tests.auth.aws.place import Place
    from tests.auth.aws.ways import Stage, Way

pytestmark = pytest.mark.s3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_asks_for_itself(stage: Stage, place: Place) -> None:
    function = Counting(stage.server)
    ds = lakebed.load(place.path, creds=function, read_only=True, memory_cache_size=0)
    place.check(ds)
    assert (function.calls, renewals(ds)) == (1, 1)

    def child() -> int:
        place.check(ds)
        place.check(ds)
        return function.calls

    # One call more, for two reads.
    assert in_child(child) == 2
    place.check(ds)
    assert function.calls == 1


@pytest.mark.parametrize(
    "way", [ways.profile_by_name, ways.env_with_token, ways.container, ways.dict_with_role]
)
def test_what_was_found_is_in_no_pickle(stage: Stage, place: Place, way: Way) -> None:
    creds = way(stage)
    ds = lakebed.load(place.path, creds=creds, read_only=True)
    ds.populate_creds(KEY, creds or {})
    place.check(ds)
    document = pickle.dumps(ds)
    passed = stage.user.secret_key.encode() in document
    assert passed == (way is ways.dict_with_role)
    back = pickle.loads(document)  # noqa: S301 (our own)
    place.check(back)
    place.check_links(back)


def test_a_function_goes_to_spawned_workers(stage: Stage, place: Place) -> None:
    ds = lakebed.load(place.path, creds=Counting(stage.server), read_only=True)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(total, (ds.numbers,)) == 1128


def total(tensor: Any) -> int:
    """Work in another process."""
    return int(tensor.numpy().sum())


@pytest.mark.parametrize("way", [ways.boto3_session, ways.botocore_session, ways.function])
def test_what_does_not_travel_says_what_to_pass(stage: Stage, place: Place, way: Way) -> None:
    creds = way(stage)
    ds = lakebed.load(place.path, creds=creds, read_only=True)
    with pytest.raises(errors.InvalidInputError, match=r"cannot be pickled: its .*session|lambda"):
        pickle.dumps(ds)
    other = lakebed.load(place.path, creds=ways.dict_with_keys(stage), read_only=True)
    other.populate_creds(KEY, creds)
    with pytest.raises(errors.InvalidInputError, match="cannot be pickled"):
        pickle.dumps(other)
