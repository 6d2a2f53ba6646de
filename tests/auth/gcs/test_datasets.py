"""Datasets in Google Cloud Storage, created, appended to and read by each way to authenticate."""

from __future__ import annotations

import json
import subprocess
import sys
import webbrowser
from typing import TYPE_CHECKING, Any

import pytest
from google.oauth2 import service_account
from google.oauth2.credentials import Credentials as User

import lakebed
from lakebed import errors
from tests.api.leaks import leaks
from tests.auth.gcs.people import Person, log_in_by_gcloud

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.servers.gcs import GcsBucket, GcsServer

pytestmark = pytest.mark.gcs


@pytest.fixture
def emulator(gcs_bucket: GcsBucket, home: Path, monkeypatch: pytest.MonkeyPatch) -> GcsBucket:
    """Name the server as the environment does, without a scheme; gives a fresh bucket."""
    assert home.is_dir()
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", gcs_bucket.server.metadata_host)
    return gcs_bucket


def check_works(bucket: GcsBucket, creds: Any) -> None:
    """Create, append to, open again, find and delete a dataset."""
    url = bucket.url("album")
    with lakebed.empty(url, creds=creds) as ds:
        ds.create_tensor("numbers")
        ds.numbers.extend([1, 2, 3])
    with lakebed.load(url, creds=creds, read_only=False) as ds:
        ds.numbers.append(4)
    assert "album/dataset_meta.json" in bucket.listing("album/")
    ds = lakebed.load(url, creds=creds, read_only=True)
    assert ds.numbers.numpy().ravel().tolist() == [1, 2, 3, 4]
    assert lakebed.exists(url, creds=creds)
    lakebed.delete(url, creds=creds)
    assert bucket.listing("album/") == {}


def content(path: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(path.read_text())
    return read


def given_token(server: GcsServer) -> dict[str, Any]:
    return {"gcs_oauth_token": server.token(), "project_id": "local-project"}


def by_object(server: GcsServer) -> Any:
    load = service_account.Credentials.from_service_account_file
    return load(str(server.service_account))  # type: ignore[no-untyped-call]


def by_person_object(server: GcsServer) -> Any:
    login = content(server.authorized_user)
    del login["type"]
    return User(None, **login)  # type: ignore[no-untyped-call]


WAYS: dict[str, Callable[[GcsServer], Any]] = {
    "path": lambda server: str(server.service_account),
    "pathlib": lambda server: server.service_account,
    "dict": lambda server: content(server.service_account),
    "user file": lambda server: server.authorized_user,
    "user dict": lambda server: content(server.authorized_user),
    "token": given_token,
    "object": by_object,
    "object of a person": by_person_object,
    "function": lambda server: lambda: {"access_token": server.token()},
}


@pytest.mark.parametrize("way", WAYS)
def test_what_is_given(emulator: GcsBucket, way: str) -> None:
    check_works(emulator, WAYS[way](emulator.server))


@pytest.mark.parametrize("scheme", ["gs", "gcp"])
def test_other_schemes(emulator: GcsBucket, scheme: str) -> None:
    creds = emulator.server.service_account
    lakebed.empty(emulator.url("album"), creds=creds).close()
    assert lakebed.exists(f"{scheme}://{emulator.name}/album", creds=creds)


@pytest.mark.parametrize("creds", [None, "ENV"])
def test_the_named_file(emulator: GcsBucket, monkeypatch: pytest.MonkeyPatch, creds: Any) -> None:
    named = str(emulator.server.service_account)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", named)
    check_works(emulator, creds)


def test_the_login_of_gcloud(emulator: GcsBucket, home: Path) -> None:
    log_in_by_gcloud(home, emulator.server)
    check_works(emulator, "google_default")


@pytest.mark.usefixtures("home")
def test_the_dicts_endpoint_wins(gcs_bucket: GcsBucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "127.0.0.1:1")
    check_works(gcs_bucket, gcs_bucket.creds())
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(gcs_bucket.server.authorized_user))
    check_works(gcs_bucket, {"endpoint_url": gcs_bucket.server.endpoint})


def test_a_person_at_a_browser_then_the_cache(
    emulator: GcsBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, url = Person(), emulator.url("album")
    monkeypatch.setattr(webbrowser, "open", person)
    monkeypatch.setenv("DISPLAY", ":0")
    client = str(emulator.server.client_secrets)
    monkeypatch.setenv("LAKEBED_GOOGLE_CLIENT_SECRETS", client)
    with pytest.raises(errors.AuthorizationException, match="'browser' once"):
        lakebed.empty(url, creds="cache")
    assert emulator.listing() == {}
    check_works(emulator, "browser")
    assert len(person.pages) == 1
    check_works(emulator, "cache")
    assert len(person.pages) == 1


_AS_INSTANCE = """
import sys, lakebed
with lakebed.empty(sys.argv[1], creds={"endpoint_url": sys.argv[2]}) as ds:
    ds.create_tensor("x")
    ds.x.extend([1, 2])
assert lakebed.load(sys.argv[1], creds={"endpoint_url": sys.argv[2]}).x.numpy().sum() == 3
"""


@pytest.mark.usefixtures("home")
def test_the_metadata_server_of_an_instance(
    gcs_bucket: GcsBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a process of its own: google-auth reads the server's address when it is imported."""
    server = gcs_bucket.server
    monkeypatch.delenv("NO_GCE_CHECK")
    monkeypatch.setenv("GCE_METADATA_HOST", server.metadata_host)
    command = [sys.executable, "-c", _AS_INSTANCE, gcs_bucket.url("album"), server.endpoint]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603
    assert (done.returncode, done.stderr) == (0, "")
    counts = server.counts()
    assert counts["metadata token"] >= 1
    assert "token" not in counts


@pytest.mark.parametrize("creds", ["anon", {"anonymous": True}, None])
def test_everybody_reads_a_public_bucket_and_nobody_writes_it(
    emulator: GcsBucket, creds: Any
) -> None:
    server = emulator.server
    server.create_bucket("open", public=True)
    url = "gcs://open/album"
    with lakebed.empty(url, creds=server.service_account) as ds:
        ds.create_tensor("x")
        ds.x.append(1)
    ds = lakebed.load(url, creds=creds, read_only=True)
    assert ds.x[0].numpy() == 1
    with pytest.raises(errors.AuthorizationException):
        lakebed.empty("gcs://open/other", creds=creds)
    with pytest.raises(errors.AuthorizationException):
        lakebed.load(emulator.url("album"), creds=creds)


def test_the_read_only_account(emulator: GcsBucket) -> None:
    server, url = emulator.server, emulator.url("album")
    ds = lakebed.empty(url, creds=server.service_account)
    ds.create_tensor("x")
    ds.x.append(1)
    ds.close()
    reader = server.read_only_account
    assert lakebed.load(url, creds=reader, read_only=True).x[0].numpy() == 1
    for refused in (
        lambda: lakebed.empty(emulator.url("other"), creds=reader),
        lambda: lakebed.load(url, creds=reader, read_only=False),
        lambda: lakebed.delete(url, creds=reader),
    ):
        with pytest.raises(errors.AuthorizationException) as error:
            refused()
        assert isinstance(error.value, errors.AuthorizationError)
    assert lakebed.load(url, creds=reader, read_only=True).x[0].numpy() == 1


def wrong_key(server: GcsServer) -> dict[str, Any]:
    other = content(server.read_only_account)["private_key"]
    return {**content(server.service_account), "private_key": other}


REFUSED: dict[str, tuple[Callable[[GcsServer], Any], str]] = {
    "private key": (wrong_key, "invalid_grant: bad signature"),
    "refresh token": (
        lambda server: {**content(server.authorized_user), "refresh_token": "hunter2"},
        "invalid_grant: Token has been expired or revoked",
    ),
    "client": (
        lambda server: {**content(server.authorized_user), "client_secret": "hunter2"},
        "invalid_client",
    ),
    "token": (lambda _: {"gcs_oauth_token": "hunter2"}, "does not accept the credentials"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_wrong_secret_is_an_error_that_says_so(
    emulator: GcsBucket, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    server = emulator.server
    make, said = REFUSED[what]
    # A good identity that must not be used instead.
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(server.service_account))
    creds = make(server)
    for call in (lakebed.load, lakebed.empty, lakebed.exists):
        with pytest.raises(errors.AuthorizationException) as refused:
            call(emulator.url("album"), creds=creds)
        assert said in str(refused.value)
        for secret in ("hunter2", "PRIVATE KEY"):
            assert leaks(refused.value, secret) == []
    assert emulator.listing() == {}
    assert server.counts()["token"] <= 8


def test_a_token_service_that_is_away_is_told_apart(emulator: GcsBucket) -> None:
    creds = {**content(emulator.server.service_account), "token_uri": "http://127.0.0.1:1/token"}
    with pytest.raises(errors.LakebedError) as away:
        lakebed.load(emulator.url("album"), creds=creds)
    assert "token service at 127.0.0.1:1 cannot be reached" in str(away.value)
    assert leaks(away.value, "PRIVATE KEY") == []


def test_tokens_that_were_taken_back_are_renewed_once(emulator: GcsBucket) -> None:
    server, url = emulator.server, emulator.url("album")
    with lakebed.empty(url, creds=server.service_account) as ds:
        ds.create_tensor("x")
        ds.x.extend(list(range(10)))
    ds = lakebed.load(url, creds=server.service_account, read_only=True, memory_cache_size=0)
    assert ds.x[0].numpy() == 0
    before = server.counts()["token jwt-bearer"]
    server.revoke_tokens()
    assert [ds.x[index].numpy() for index in range(10)] == list(range(10))
    assert server.counts()["token jwt-bearer"] == before + 1


def test_a_key_that_was_replaced_in_its_file_is_found(emulator: GcsBucket, tmp_path: Path) -> None:
    server, url, path = emulator.server, emulator.url("album"), tmp_path / "k.json"
    path.write_text(json.dumps(content(server.authorized_user)))
    ds = lakebed.empty(url, creds=path)
    ds.create_tensor("x")
    path.write_text(json.dumps(content(server.service_account)))
    server.revoke_tokens()
    ds.x.append(1)
    ds.flush()
    assert server.counts()["token jwt-bearer"] == 1
    ds.close()


def test_a_token_service_that_fails_is_asked_again_then_told(emulator: GcsBucket) -> None:
    server = emulator.server
    server.fail_next(1, 503, what="token")
    assert not lakebed.exists(emulator.url("album"), creds=server.service_account)
    assert server.counts()["token"] == 2
    server.fail_next(100, 503, what="token")
    with pytest.raises(errors.AuthorizationException, match="token service fails"):
        lakebed.exists(emulator.url("album"), creds=server.service_account)
    server.fail_next(0, what="token")
