"""`lakebed doctor` and `lakebed cors` against a Google Cloud Storage that checks who asks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import requests

import lakebed as package
from tests.cli.running import doctor, lakebed
from tests.cli.test_cors import HERE, is_let_in

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.gcs import GcsBucket, GcsServer

pytestmark = pytest.mark.gcs


def creds_of(key: Path, server: GcsServer) -> dict[str, Any]:
    return {**json.loads(key.read_text()), "endpoint_url": server.endpoint}


@pytest.fixture
def album(gcs_bucket: GcsBucket) -> GcsBucket:
    """Give a bucket with a dataset at "album"."""
    ds = package.empty(gcs_bucket.url("album"), creds=gcs_bucket.creds())
    ds.create_tensor("x").extend([1, 2, 3])
    ds.close()
    return gcs_bucket


def test_account_that_may_do_everything(album: GcsBucket) -> None:
    answer = doctor(album.url("album"), album.creds())
    assert answer.code == 0, answer.out
    account = json.loads(album.server.service_account.read_text())
    assert answer.checks["identity"]["detail"] == account["client_email"]
    assert answer.checks["credentials"]["values"]["source"] == "service account in the creds dict"
    assert answer.checks["region"]["values"] == {"region": "us"}
    assert answer.checks["dataset"]["values"]["rows"] == 3
    works = ("list", "read", "write", "delete")
    assert [answer.states[check] for check in works] == ["ok"] * len(works)
    # JSON writes its line breaks in another way.
    assert not any(line in answer.out for line in account["private_key"].splitlines()[1:-1])


def test_account_that_may_read(album: GcsBucket) -> None:
    creds = creds_of(album.server.read_only_account, album.server)
    answer = doctor(album.url("album"), creds)
    assert (answer.code, answer.failed()) == (1, {"write", "delete"})
    assert doctor(album.url("album"), creds, "--no-write").code == 0


def test_key_file(album: GcsBucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", album.server.endpoint)
    key = album.server.service_account
    for path in (str(key), f"@{key}"):
        answer = doctor(album.url("album"), path, "--no-write")
        assert (answer.code, answer.states["identity"]) == (0, "ok")


def test_nobody(album: GcsBucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", album.server.endpoint)
    answer = doctor(album.url("album"), "anon")
    assert answer.code == 1
    assert answer.checks["identity"]["detail"] == "nobody"
    assert {"list", "read", "write", "dataset"} <= answer.failed()


def test_key_that_is_not_known(album: GcsBucket) -> None:
    """The token service refuses it: nothing further is tried."""
    creds = {**album.creds(), "client_email": "nobody@elsewhere.example"}
    answer = doctor(album.url("album"), creds)
    assert (answer.code, answer.states) == (1, {"credentials": "failed"})
    assert "does not accept" in answer.checks["credentials"]["detail"]


def test_rules_are_not_shown_to_a_key_that_is_not_known(album: GcsBucket) -> None:
    creds = json.dumps({**album.creds(), "client_email": "nobody@elsewhere.example"})
    answer = lakebed("cors", album.url("x"), "--creds", creds, "--origin", HERE)
    assert answer.code == 1
    assert "does not accept" in answer.err


def test_a_rule_is_set_met_and_taken_back(album: GcsBucket) -> None:
    creds = json.dumps(album.creds())
    words = ["cors", album.url("album"), "--creds", creds, "--origin", HERE]
    url = f"{album.server.endpoint}/{album.name}/album/dataset_meta.json"
    assert (lakebed(*words).code, is_let_in(url, HERE)) == (1, False)
    done = lakebed(*words, "--set")
    assert done.code == 0, done.out + done.err
    assert is_let_in(url, HERE)
    assert not is_let_in(url, "https://elsewhere.example")
    bearer = {"Origin": HERE, "Authorization": f"Bearer {album.server.token()}"}
    page = requests.get(url, headers={**bearer, "Range": "bytes=0-1"}, timeout=10)
    assert (page.status_code, len(page.content)) == (206, 2)
    assert "content-range" in page.headers["Access-Control-Expose-Headers"].lower()
    assert doctor(album.url("album"), album.creds(), "--origin", HERE).code == 0
    assert lakebed(*words, "--set").code == 0
    gone = lakebed(*words, "--remove")
    assert (gone.code, "no CORS rules" in gone.out) == (0, True)
    assert not is_let_in(url, HERE)


def test_a_reader_may_not_set_rules(album: GcsBucket) -> None:
    creds = json.dumps(creds_of(album.server.read_only_account, album.server))
    answer = lakebed("cors", album.url("x"), "--creds", creds, "--origin", HERE, "--set")
    assert answer.code == 1
    assert "403" in answer.err
