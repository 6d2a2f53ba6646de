"""What `creds` may be for Google Cloud Storage: which form it is, and what is wrong with it."""

from __future__ import annotations

import datetime as dt
import json
import pickle
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth.credentials import AnonymousCredentials
from google.oauth2.credentials import Credentials as User

from lakebed import errors
from lakebed.auth import gcs

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.usefixtures("home")

USER = {
    "type": "authorized_user",
    "client_id": "an-id",
    "client_secret": "clientsecret",
    "refresh_token": "1//refreshsecret",
}


@pytest.fixture(scope="module")
def account() -> dict[str, str]:
    """Give the content of a service account's key file; nobody knows the account."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return {
        "type": "service_account",
        "private_key": private.decode(),
        "client_email": "a@b.iam.gserviceaccount.com",
        "token_uri": "http://127.0.0.1:1/token",
    }


def written(path: Path, content: object) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def gcloud_login(home: Path, content: object) -> Path:
    folder = home / ".config" / "gcloud"
    folder.mkdir(parents=True)
    return written(folder / "application_default_credentials.json", content)


def test_each_form_says_where_it_comes_from(
    account: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path / "k.json", account)
    monkeypatch.chdir(tmp_path)
    sources: list[tuple[Any, str]] = [
        (str(path), f"service account file {path}"),
        (path, f"service account file {path}"),
        (Path("k.json"), f"service account file {path}"),
        ("k.json", f"service account file {path}"),
        (written(tmp_path / "u.json", USER), f"user credentials file {tmp_path}/u.json"),
        (account, "service account in the creds dict"),
        ({**account, "endpoint_url": "http://h"}, "service account in the creds dict"),
        ({k: account[k] for k in account if k != "type"}, "service account in the creds dict"),
        (USER, "user credentials in the creds dict"),
        ({"gcs_oauth_token": "t"}, "the access token in the creds dict"),
        ({"gcs_oauth_token": "t", "project_id": "p"}, "the access token in the creds dict"),
        ("anon", "anonymous"),
        ("anonymous", "anonymous"),
        ({"anonymous": True}, "anonymous"),
        (AnonymousCredentials(), "anonymous"),  # type: ignore[no-untyped-call]
        (User("t"), "the google.auth object (Credentials)"),  # type: ignore[no-untyped-call]
        (lambda: {"access_token": "t"}, "a function of the caller"),
        (None, "the metadata server of Google Cloud"),
        ("", "the metadata server of Google Cloud"),
        ({}, "the metadata server of Google Cloud"),
        ({"endpoint_url": "http://h"}, "the metadata server of Google Cloud"),
        ({"gcs_oauth_token": "", "anonymous": None}, "the metadata server of Google Cloud"),
        ("google_default", "the metadata server of Google Cloud"),
        ("ENV", "the metadata server of Google Cloud"),
    ]
    for creds, source in sources:
        access = gcs.resolve(creds)
        assert access.source == source
        assert (access.credentials is None) == (source == "anonymous")


def test_a_home_directory_is_expanded(account: dict[str, str], home: Path) -> None:
    written(home / "k.json", account)
    assert gcs.resolve("~/k.json").source == f"service account file {home}/k.json"


def test_the_default_is_the_named_file_then_that_of_gcloud(
    account: dict[str, str], home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    login = gcloud_login(home, USER)
    assert gcs.resolve().source == f"gcloud's file {login}"
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "other"))
    assert gcs.resolve().source == "the metadata server of Google Cloud"
    named = written(tmp_path / "k.json", account)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(named))
    expected = f"the file of GOOGLE_APPLICATION_CREDENTIALS ({named})"
    assert gcs.resolve().source == gcs.resolve("ENV").source == expected


def test_without_credentials_the_error_lists_what_was_looked_at(home: Path) -> None:
    access = gcs.resolve()
    assert access.credentials is not None
    with pytest.raises(errors.GCSDefaultCredsNotFoundError) as missing:
        access.credentials()
    assert isinstance(missing.value, errors.AuthorizationException)
    told = str(missing.value)
    for place in (
        "GOOGLE_APPLICATION_CREDENTIALS",
        f"{home}/.config/gcloud/application_default_credentials.json",
        "169.254.169.254",
    ):
        assert place in told


def test_a_named_file_that_is_missing_is_an_error_not_a_reason_to_look_elsewhere(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gcloud_login(home, USER)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere/k.json")
    access = gcs.resolve()
    assert access.credentials is not None
    with pytest.raises(errors.AuthorizationException, match=r"/nowhere/k\.json cannot be read"):
        access.credentials()


def test_the_dicts_endpoint_wins_over_the_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    assert gcs.resolve("anon").endpoint_url is None
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "localhost:9023")
    assert gcs.resolve("anon").endpoint_url == "http://localhost:9023"
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "https://localhost:9023/")
    assert gcs.resolve("anon").endpoint_url == "https://localhost:9023"
    given = {"anonymous": True, "endpoint_url": "http://other:1/"}
    assert gcs.resolve(given).endpoint_url == "http://other:1"


def test_an_emulator_gets_no_login_that_was_not_named(
    account: dict[str, str], home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    login = gcloud_login(home, USER)
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "localhost:9023")
    for creds in (None, {}, {"verify": True}):
        access = gcs.resolve(creds)
        assert access.credentials is None
        assert access.source == "anonymous (STORAGE_EMULATOR_HOST is set)"
    assert gcs.resolve("google_default").source == f"gcloud's file {login}"
    named = written(tmp_path / "k.json", account)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(named))
    assert gcs.resolve().credentials is not None


@pytest.mark.parametrize("text", ["brwser", "Browser", "keys/missing.json", "/x/y", "env", "./key"])
def test_a_text_that_is_no_file_lists_the_forms(text: str) -> None:
    with pytest.raises(errors.InvalidInputError, match="no file and no known word") as refused:
        gcs.resolve(text)
    told = str(refused.value)
    assert text in told
    for form in ("'browser'", "'cache'", "'anon'", "'ENV'", "key file", "gcs_oauth_token"):
        assert form in told


def test_a_text_that_may_be_a_secret_is_not_repeated(account: dict[str, str]) -> None:
    for text in ("ya29.a0AfB_byC-verysecrettoken", json.dumps(account), json.dumps(USER)):
        with pytest.raises(errors.InvalidInputError) as refused:
            gcs.resolve(text)
        assert text[:30] not in str(refused.value)
        assert "BEGIN PRIVATE" not in str(refused.value)
    with pytest.raises(errors.InvalidInputError, match=r"json\.loads"):
        gcs.resolve(json.dumps(account))


def test_a_path_that_is_no_file_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(errors.InvalidInputError, match="there is no key file") as refused:
            gcs.resolve(path)
        assert str(path) in str(refused.value)


@pytest.mark.parametrize("creds", [5, b"x", ["browser"], object()])
def test_other_types_are_refused(creds: Any) -> None:
    with pytest.raises(errors.InvalidTypeError, match="'browser'"):
        gcs.resolve(creds)


@pytest.mark.parametrize(
    ("creds", "meant"),
    [
        ({"ENDPOINT_URL": "http://h"}, "endpoint_url"),
        ({"GCS_OAUTH_TOKEN": "t"}, "gcs_oauth_token"),
        ({"TYPE": "service_account"}, "type"),
        ({**USER, "Endpoint_URL": "http://h"}, "endpoint_url"),
        ({"endpoint": "http://h"}, "endpoint_url"),
        ({"oauth_token": "t"}, "gcs_oauth_token"),
        ({"aws_access_key_id": "k"}, "gcs_oauth_token"),
        ({7: "x"}, "endpoint_url"),
    ],
)
def test_a_wrong_key_names_the_right_one(creds: Any, meant: str) -> None:
    with pytest.raises(errors.InvalidInputError, match=repr(meant)):
        gcs.resolve(creds)


def test_fields_of_a_key_file_are_googles_to_choose(account: dict[str, str]) -> None:
    assert gcs.resolve({**account, "universe_domain": "googleapis.com", "new": 1}).credentials


@pytest.mark.parametrize(
    "creds",
    [
        {"endpoint_url": 5},
        {"endpoint_url": "localhost:80"},
        {"endpoint_url": "ftp://h"},
        {"endpoint_url": "http://"},
        {"endpoint_url": "http://h:port"},
        {"endpoint_url": "http://user:hunter2@h"},
        {"endpoint_url": "http://h/?q"},
        {"verify": "/ca.pem"},
        {"anonymous": 1},
        {"ca_bundle": "/nowhere/ca.pem"},
        {"ca_bundle": 5},
        {"gcs_oauth_token": 5},
        {"gcs_oauth_token": "t", "anonymous": True},
        {**USER, "anonymous": True},
    ],
)
def test_values_that_cannot_be_are_refused(creds: Any) -> None:
    with pytest.raises(errors.InvalidInputError) as refused:
        gcs.resolve(creds)
    assert "hunter2" not in str(refused.value)


def test_an_emulator_that_cannot_be_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "ftp://h")
    with pytest.raises(errors.InvalidInputError, match="STORAGE_EMULATOR_HOST"):
        gcs.resolve("anon")


def test_managed_credentials_are_named() -> None:
    with pytest.raises(errors.UnsupportedFeatureError, match="managed"):
        gcs.resolve({"creds_key": "x"})


def test_certificates(tmp_path: Path) -> None:
    bundle = written(tmp_path / "ca.pem", "x")
    access = gcs.resolve({"anonymous": True, "ca_bundle": bundle})
    assert (access.ca_bundle, access.verify) == (str(bundle), True)
    with pytest.warns(UserWarning, match="https://h is not checked"):
        access = gcs.resolve({"anonymous": True, "endpoint_url": "https://h", "verify": False})
    assert not access.verify


def without(content: dict[str, str], name: str) -> dict[str, str]:
    return {key: value for key, value in content.items() if key != name}


def test_keys_that_cannot_be_used(account: dict[str, str], tmp_path: Path) -> None:
    aws = "urn:ietf:params:aws:token-type:aws4_request"
    federated = {"type": "external_account", "audience": "x", "subject_token_type": "y"}
    impersonated = {"type": "impersonated_service_account"}
    impersonated |= {"service_account_impersonation_url": "http://127.0.0.1:1/a/b:generate"}
    broken = "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n"
    cases: list[tuple[dict[str, Any], str]] = [
        ({**account, "private_key": broken}, "malformed"),
        ({**account, "private_key": 5}, "malformed"),
        (without(account, "client_email"), "the field 'client_email' must not"),
        (without(account, "private_key"), "the field 'private_key' must not"),
        (without(USER, "refresh_token"), "the field 'refresh_token' must not"),
        ({"type": "external_account"}, "'subject_token_type', 'credential_source' must not"),
        ({**federated, "credential_source": 5}, "malformed"),
        ({**federated, "subject_token_type": aws, "credential_source": {"x": 1}}, "malformed"),
        ({"type": "impersonated_service_account"}, "'source_credentials' must not"),
        ({**impersonated, "source_credentials": {"type": "hunter2"}}, "malformed"),
        ({"type": "external_account_authorized_user"}, "'client_secret', 'refresh_token' must not"),
        ({"type": "hunter2"}, "known types are service_account"),
        ({"type": 5}, "known types are service_account"),
    ]
    for content, problem in cases:
        check_unusable(content, problem, tmp_path)


def check_unusable(content: dict[str, Any], problem: str, tmp_path: Path) -> None:
    path = written(tmp_path / "k.json", content)
    for creds, where in ((content, "the creds dict"), (path, str(path))):
        told = refusal(creds)
        assert problem in told
        assert where in told
        assert "hunter2" not in told


def refusal(creds: Any) -> str:
    """Tell all that a traceback would, and check that the error holds no frames of google-auth."""
    with pytest.raises(errors.AuthorizationException) as refused:
        gcs.resolve(creds)
    assert refused.value.__cause__ is None
    assert refused.value.__context__ is None
    return "".join(traceback.format_exception(refused.value))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("{'hunter2'", "is not JSON"),
        ("\udcff", "is not JSON"),
        ('["hunter2"]', "holds a list"),
        ('"hunter2"', "holds a str"),
        ("{}", "'type' is none that is known"),
        (json.dumps({"installed": {"client_secret": "hunter2"}}), "secrets of an OAuth client"),
        (" " * (1 << 20) + "{}", "far too large"),
    ],
    ids=["text", "bytes", "list", "str", "empty", "client", "large"],
)
def test_files_that_are_no_keys(tmp_path: Path, content: str, problem: str) -> None:
    path = tmp_path / "k.json"
    path.write_bytes(content.encode(errors="surrogateescape"))
    told = refusal(path)
    assert problem in told
    assert str(path) in told
    assert "hunter2" not in told


def test_secrets_do_not_show(account: dict[str, str], tmp_path: Path) -> None:
    path = written(tmp_path / "k.json", account)
    for creds in (account, path, USER, {"gcs_oauth_token": "tokensecret"}, User("tokensecret")):  # type: ignore[no-untyped-call]
        access = gcs.resolve(creds)
        shown = f"{access!r} {access} {access.credentials!r} {access.credentials}"
        for secret in ("PRIVATE KEY", "refreshsecret", "clientsecret", "tokensecret"):
            assert secret not in shown
        assert "object at 0x" not in shown


def test_a_given_token_is_handed_over_as_it_is() -> None:
    access = gcs.resolve({"gcs_oauth_token": "t", "project_id": "p"})
    assert access.credentials is not None
    assert access.credentials() == {"access_token": "t", "expiry": None}


def test_an_object_without_a_way_to_renew_is_used_until_its_end() -> None:
    until = dt.datetime(2030, 1, 1)  # noqa: DTZ001 (google-auth's times have no zone)
    access = gcs.resolve(User("t", expiry=until))  # type: ignore[no-untyped-call]
    assert access.credentials is not None
    assert access.credentials() == {"access_token": "t", "expiry": 1893456000.0}


def answering(answer: Any) -> Callable[[], Any]:
    return lambda: answer


def test_answers_of_a_function_are_checked() -> None:
    when = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
    for answer, expiry in (
        ({"access_token": "t"}, None),
        ({"access_token": "t", "expiry": None}, None),
        ({"access_token": "t", "expiry": 5}, 5),
        ({"access_token": "t", "expiry": when}, 1893456000.0),
    ):
        access = gcs.resolve(answering(answer))
        assert access.credentials is not None
        assert access.credentials() == {"access_token": "t", "expiry": expiry}
    wrong: list[Any] = ["hunter2", None, {}, {"access_token": 5}, {"access_token": ""}]
    wrong += [{"access_token": "hunter2", "expiry": "soon"}, {"token": "hunter2"}]
    for answer in wrong:
        access = gcs.resolve(answering(answer))
        assert access.credentials is not None
        with pytest.raises(errors.InvalidInputError, match="'expiry'") as refused:
            access.credentials()
        assert "hunter2" not in str(refused.value)


def test_what_users_give_pickles(account: dict[str, str]) -> None:
    from google.oauth2 import service_account

    made = service_account.Credentials.from_service_account_info(account)  # type: ignore[no-untyped-call]
    for creds in (account, "browser", Path("k.json"), made, token_of_nobody):
        assert type(pickle.loads(pickle.dumps(creds))) is type(creds)  # noqa: S301 (our own bytes)


def token_of_nobody() -> dict[str, Any]:
    return {"access_token": "t", "expiry": None}
