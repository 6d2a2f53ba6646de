"""`creds="browser"` and `creds="cache"`: whose login is used, when a page opens, what is kept."""

from __future__ import annotations

import concurrent.futures
import json
import os
import stat
import subprocess
import sys
import threading
import webbrowser
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

import lakebed
from lakebed import errors
from lakebed.auth import gcs
from tests.auth.gcs.people import Person, gcloud_file, log_in_by_gcloud
from tests.process.children import in_child

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.gcs import GcsBucket, GcsServer

pytestmark = pytest.mark.gcs


@pytest.fixture
def server(gcs_bucket: GcsBucket) -> GcsServer:
    """Give the server, counting from zero."""
    return gcs_bucket.server


@pytest.fixture
def person(monkeypatch: pytest.MonkeyPatch, home: Path) -> Person:
    """Sit somebody who says yes before a screen."""
    assert home.is_dir()
    person = Person()
    monkeypatch.setattr(webbrowser, "open", person)
    monkeypatch.setenv("DISPLAY", ":0")
    return person


@pytest.fixture
def client(server: GcsServer, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Name the OAuth client that asks for consent."""
    assert home.is_dir()
    monkeypatch.setenv("LAKEBED_GOOGLE_CLIENT_SECRETS", str(server.client_secrets))


def kept_file(home: Path) -> Path:
    return home / ".config" / "lakebed" / "gcs-token.json"


def check_works(access: gcs.Access, bucket: GcsBucket) -> None:
    """Write an object with the access's token."""
    assert access.credentials is not None
    token = access.credentials()
    assert token["expiry"] is not None
    url = f"{bucket.server.endpoint}/{bucket.name}/a"
    headers = {"Authorization": f"Bearer {token['access_token']}"}
    assert requests.put(url, data=b"1", headers=headers, timeout=10).status_code == 200


@pytest.mark.usefixtures("client")
def test_the_page_opens_once_and_the_login_is_kept(
    gcs_bucket: GcsBucket, home: Path, person: Person
) -> None:
    access = gcs.resolve("browser")
    assert access.source == "a login in the browser"
    check_works(access, gcs_bucket)
    assert len(person.pages) == 1
    asked = parse_qs(urlsplit(person.pages[0]).query)
    assert asked["scope"] == ["https://www.googleapis.com/auth/cloud-platform"]
    assert (asked["code_challenge_method"], asked["access_type"]) == (["S256"], ["offline"])
    assert urlsplit(asked["redirect_uri"][0]).hostname == "127.0.0.1"
    path = kept_file(home)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert list(path.parent.iterdir()) == [path]
    assert json.loads(path.read_text())["type"] == "authorized_user"
    for again in ("browser", "cache"):
        access = gcs.resolve(again)
        assert access.source == f"the kept login {path}"
        check_works(access, gcs_bucket)
    assert len(person.pages) == 1
    assert gcs_bucket.server.counts()["consent"] == 1


def test_gclouds_login_is_used_without_a_page(
    gcs_bucket: GcsBucket, home: Path, person: Person
) -> None:
    log_in_by_gcloud(home, gcs_bucket.server)
    access = gcs.resolve("browser")
    assert access.source == f"gcloud's file {gcloud_file(home)}"
    check_works(access, gcs_bucket)
    check_works(gcs.resolve("cache"), gcs_bucket)
    assert person.pages == []
    assert stat.S_IMODE(kept_file(home).stat().st_mode) == 0o600


def test_the_page_opens_where_gclouds_login_ended(
    gcs_bucket: GcsBucket, home: Path, person: Person
) -> None:
    log_in_by_gcloud(home, gcs_bucket.server, refresh_token="revoked")
    check_works(gcs.resolve("browser"), gcs_bucket)
    assert len(person.pages) == 1
    asked = parse_qs(urlsplit(person.pages[0]).query)
    assert asked["client_id"] == ["local-client"]
    check_works(gcs.resolve("browser"), gcs_bucket)
    assert len(person.pages) == 1


@pytest.mark.usefixtures("client")
def test_a_kept_login_that_ended_is_asked_for_again(
    gcs_bucket: GcsBucket, home: Path, person: Person
) -> None:
    gcs.resolve("browser")
    path = kept_file(home)
    path.write_text(json.dumps({**json.loads(path.read_text()), "refresh_token": "revoked"}))
    access = gcs.resolve("cache")
    assert access.credentials is not None
    with pytest.raises(errors.AuthorizationException, match="invalid_grant"):
        access.credentials()
    assert len(person.pages) == 1
    check_works(gcs.resolve("browser"), gcs_bucket)
    assert len(person.pages) == 2
    check_works(gcs.resolve("cache"), gcs_bucket)


@pytest.mark.usefixtures("client")
def test_threads_ask_once(gcs_bucket: GcsBucket, person: Person) -> None:
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        found = list(pool.map(gcs.resolve, ["browser"] * 4))
    assert len(person.pages) == 1
    assert sorted(access.source.split()[0] for access in found) == ["a", "the", "the", "the"]
    for access in found:
        check_works(access, gcs_bucket)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.usefixtures("client")
def test_a_child_does_not_wait_for_whom_its_parent_asks(person: Person) -> None:
    """It is forked while a thread of the parent waits for a person."""
    asked, over = threading.Event(), threading.Event()

    def slow_person(url: str) -> bool:
        asked.set()
        return over.wait(30) and Person()(url)

    with pytest.MonkeyPatch.context() as patch, concurrent.futures.ThreadPoolExecutor(1) as pool:
        patch.setattr(webbrowser, "open", slow_person)
        waiting = pool.submit(gcs.resolve, "browser")
        assert asked.wait(30)
        patch.setattr(webbrowser, "open", person)
        try:
            source = in_child(lambda: gcs.resolve("browser").source)
        finally:
            over.set()
        assert source == waiting.result().source == "a login in the browser"


@pytest.mark.usefixtures("person")
def test_without_a_client_nobody_can_be_asked(home: Path) -> None:
    with pytest.raises(errors.GCSDefaultCredsNotFoundError) as missing:
        gcs.resolve("browser")
    told = str(missing.value)
    for place in ("gcloud auth application-default login", "LAKEBED_GOOGLE_CLIENT_SECRETS"):
        assert place in told
    assert str(gcloud_file(home)) in told
    assert not kept_file(home).exists()


def test_cache_never_opens_a_page(home: Path, person: Person, server: GcsServer) -> None:
    log_in_by_gcloud(home, server)
    with pytest.raises(
        errors.GCSDefaultCredsNotFoundError, match="creds='browser' once"
    ) as missing:
        gcs.resolve("cache")
    assert isinstance(missing.value, errors.AuthorizationException)
    assert str(kept_file(home)) in str(missing.value)
    assert person.pages == []
    assert "token" not in server.counts()


@pytest.mark.usefixtures("client")
@pytest.mark.parametrize(
    ("answer", "said"),
    [("no", "access_denied"), ("away", "within 1 seconds"), ("forged", "within")],
)
def test_nothing_is_kept_when_nobody_says_yes(
    home: Path, person: Person, monkeypatch: pytest.MonkeyPatch, answer: str, said: str
) -> None:
    person.answer = answer
    monkeypatch.setenv("LAKEBED_CONSENT_TIMEOUT_S", "1")
    with pytest.raises(errors.AuthorizationException, match=said) as refused:
        gcs.resolve("browser")
    assert refused.value.__context__ is None or refused.value.__cause__ is None
    assert len(person.pages) == 1
    assert not kept_file(home).exists()


@pytest.mark.usefixtures("client")
def test_a_refused_code_is_told_without_it(
    home: Path, person: Person, server: GcsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = json.loads(server.client_secrets.read_text())
    secrets["installed"]["client_secret"] = "hunter2"
    wrong = home / "client.json"
    wrong.write_text(json.dumps(secrets))
    monkeypatch.setitem(lakebed.settings.given, "google_client_secrets", str(wrong))
    with pytest.raises(errors.AuthorizationException, match="invalid_client") as refused:
        gcs.resolve("browser")
    assert "hunter2" not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__context__ is None
    assert not kept_file(home).exists()
    assert len(person.pages) == 1


@pytest.mark.usefixtures("client", "person")
def test_a_kept_file_that_others_can_read_is_refused(home: Path) -> None:
    gcs.resolve("browser")
    path = kept_file(home)
    for mode in (0o644, 0o660, 0o602):
        path.chmod(mode)
        for word in ("cache", "browser"):
            with pytest.raises(errors.AuthorizationException, match=f"chmod 600 {path}"):
                gcs.resolve(word)
    path.chmod(0o600)
    gcs.resolve("cache")


@pytest.mark.usefixtures("client", "person")
def test_a_damaged_kept_file_is_named(home: Path) -> None:
    gcs.resolve("browser")
    path = kept_file(home)
    path.write_text("{")
    for word in ("cache", "browser"):
        with pytest.raises(errors.AuthorizationException, match=f"is not JSON; delete {path}"):
            gcs.resolve(word)


@pytest.mark.usefixtures("client", "person")
def test_where_the_login_is_kept(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    gcs.resolve("browser")
    assert (tmp_path / "xdg" / "lakebed" / "gcs-token.json").is_file()
    monkeypatch.setenv("LAKEBED_CONFIG_DIR", str(tmp_path / "own"))
    with pytest.raises(errors.GCSDefaultCredsNotFoundError):
        gcs.resolve("cache")
    gcs.resolve("browser")
    assert (tmp_path / "own" / "gcs-token.json").is_file()
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LAKEBED_CONFIG_DIR", str(tmp_path / "file" / "folder"))
    with pytest.raises(errors.AuthorizationException, match="cannot be kept"):
        gcs.resolve("browser")
    assert not kept_file(home).exists()


_SIGN_IN = "from lakebed.auth import gcs; print(gcs.resolve('browser').source)"


@pytest.mark.usefixtures("client")
def test_a_headless_machine_prints_the_page(home: Path) -> None:
    """In a process of its own, with nothing but a terminal: the page is opened elsewhere."""
    command = [sys.executable, "-c", _SIGN_IN]
    with subprocess.Popen(  # noqa: S603
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        lines = iter(process.stderr.readline, "")
        url = next(line.strip() for line in lines if "http://" in line)
        told = next(line for line in lines if "ssh -L" in line)
        assert str(urlsplit(parse_qs(urlsplit(url).query)["redirect_uri"][0]).port) in told
        assert requests.get(url, timeout=10).status_code == 200
        out, _ = process.communicate(timeout=30)
    assert (out, process.returncode) == ("a login in the browser\n", 0)
    assert kept_file(home).is_file()


@pytest.mark.usefixtures("client")
def test_the_browser_of_the_environment_is_started(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = home / "browser.py"
    script.write_text(
        "import sys, urllib.request\nurllib.request.urlopen(sys.argv[1], timeout=10).read()\n"
    )
    monkeypatch.setenv("BROWSER", f"{sys.executable} {script} %s")
    command = [sys.executable, "-c", _SIGN_IN]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)  # noqa: S603
    assert done.stdout == "a login in the browser\n"
    assert kept_file(home).is_file()
