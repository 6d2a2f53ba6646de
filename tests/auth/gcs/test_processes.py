"""Other processes and threads read with what the user gave, and get tokens of their own."""

from __future__ import annotations

import concurrent.futures
import json
import multiprocessing
import os
import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from google.oauth2 import service_account
from google.oauth2.credentials import Credentials as User

import lakebed
from tests.process.children import in_child

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.servers.gcs import GcsBucket, GcsServer

pytestmark = pytest.mark.gcs

ROWS = 40


@pytest.fixture
def url(gcs_bucket: GcsBucket, home: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Store rows in a bucket of the server that the environment names; gives the address."""
    assert home.is_dir()
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", gcs_bucket.server.endpoint)
    url = gcs_bucket.url("album")
    with lakebed.empty(url, creds=gcs_bucket.server.service_account) as ds:
        ds.create_tensor("x", chunk_compression="lz4", max_chunk_size=1 << 20)
        ds.x.extend(np.arange(ROWS))
    return url


def total(ds: lakebed.Dataset) -> int:
    """Read all rows."""
    return int(ds.x.numpy().sum())


EXPECTED = sum(range(ROWS))


class Giver:
    """A function of the user's that can be sent to another process."""

    def __init__(self, endpoint: str, login: dict[str, str]) -> None:
        self.endpoint = endpoint
        self.login = login

    def __call__(self) -> dict[str, Any]:
        """Ask as `GcsServer.token` does."""
        import requests

        form = {name: self.login[name] for name in ("client_id", "client_secret", "refresh_token")}
        body = {"grant_type": "refresh_token", **form}
        answer = requests.post(f"{self.endpoint}/token", data=body, timeout=10).json()
        return {"access_token": answer["access_token"], "expiry": None}


def by_object(server: GcsServer) -> Any:
    load = service_account.Credentials.from_service_account_file
    return load(str(server.service_account))  # type: ignore[no-untyped-call]


WAYS: dict[str, Callable[[GcsServer], Any]] = {
    "path": lambda server: server.service_account,
    "dict": lambda server: json.loads(server.authorized_user.read_text()),
    "object": by_object,
    "function": lambda server: Giver(
        server.endpoint, json.loads(server.authorized_user.read_text())
    ),
}


def test_a_spawned_process_reads_what_it_is_sent(url: str, gcs: GcsServer) -> None:
    datasets = [lakebed.load(url, creds=make(gcs), read_only=True) for make in WAYS.values()]
    before = gcs.counts()["token"]
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
        totals = list(pool.map(total, datasets))
    assert totals == [EXPECTED] * len(WAYS)
    assert gcs.counts()["token"] >= before + len(WAYS)


def test_a_pickle_holds_what_was_given_and_no_token(url: str, gcs: GcsServer) -> None:
    ds = lakebed.load(url, creds=gcs.service_account, read_only=True)
    assert total(ds) == EXPECTED
    pickled = pickle.dumps(ds)
    for secret in (b"ya29.", b"PRIVATE KEY"):
        assert secret not in pickled
    assert gcs.service_account.name.encode() in pickled


def test_an_object_is_not_changed_and_pickles_as_it_was_given(url: str, gcs: GcsServer) -> None:
    """One of google-auth keeps its token, which nobody gave."""
    login = json.loads(gcs.authorized_user.read_text())
    del login["type"]
    given = User(None, **login)  # type: ignore[no-untyped-call]
    ds = lakebed.load(url, creds=given, read_only=True)
    assert total(ds) == EXPECTED
    assert given.token is None
    assert b"ya29." not in pickle.dumps(ds)
    assert total(pickle.loads(pickle.dumps(ds))) == EXPECTED  # noqa: S301 (our own bytes)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.parametrize("way", WAYS)
def test_a_forked_child_asks_for_itself(url: str, gcs: GcsServer, way: str) -> None:
    ds = lakebed.load(url, creds=WAYS[way](gcs), read_only=True, memory_cache_size=0)
    assert total(ds) == EXPECTED
    before = gcs.counts()["token"]
    gcs.revoke_tokens()
    assert in_child(lambda: total(ds)) == EXPECTED
    assert gcs.counts()["token"] > before
    assert total(ds) == EXPECTED


def test_threads_share_one_renewal(url: str, gcs: GcsServer) -> None:
    ds = lakebed.load(url, creds=gcs.service_account, read_only=True, memory_cache_size=0)
    assert total(ds) == EXPECTED
    before = gcs.counts()["token jwt-bearer"]
    gcs.revoke_tokens()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        totals = list(pool.map(lambda _: total(ds), range(32)))
    assert totals == [EXPECTED] * 32
    assert gcs.counts()["token jwt-bearer"] == before + 1
