"""Credentials for S3: which hold, which are refused, and that none of them shows."""

from __future__ import annotations

from typing import Any

import pytest

from lakebed import errors
from lakebed.auth import aws
from lakebed.links import link_access

KEYS = {"aws_access_key_id": "AKIDKEY", "aws_secret_access_key": "verysecret"}


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_DEFAULT_REGION",
        "AWS_REGION",
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_S3",
    ):
        monkeypatch.delenv(name, raising=False)


def in_environment(monkeypatch: pytest.MonkeyPatch, **names: str) -> None:
    for name, value in names.items():
        monkeypatch.setenv(f"AWS_{name}", value)


def test_the_dict_wins_with_its_own_token(monkeypatch: pytest.MonkeyPatch) -> None:
    in_environment(monkeypatch, ACCESS_KEY_ID="E", SECRET_ACCESS_KEY="E", SESSION_TOKEN="E")
    assert aws.resolve(KEYS).credentials() == {
        **KEYS,
        "aws_session_token": None,
        "expiry": None,
    }
    with_token = {**KEYS, "aws_session_token": "T"}
    assert aws.resolve(with_token).credentials()["aws_session_token"] == "T"


@pytest.mark.parametrize(
    "creds", [None, {}, "ENV", {"endpoint_url": "http://h:1"}, {"aws_access_key_id": ""}]
)
def test_without_keys_the_environment_holds(monkeypatch: pytest.MonkeyPatch, creds: Any) -> None:
    in_environment(monkeypatch, ACCESS_KEY_ID="E", SECRET_ACCESS_KEY="S", SESSION_TOKEN="T")
    assert aws.resolve(creds).credentials() == {
        "aws_access_key_id": "E",
        "aws_secret_access_key": "S",
        "aws_session_token": "T",
        "expiry": None,
    }


def test_the_environment_is_read_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    in_environment(monkeypatch, ACCESS_KEY_ID="old", SECRET_ACCESS_KEY="S")
    access = aws.resolve(None)
    in_environment(monkeypatch, ACCESS_KEY_ID="new")
    assert access.credentials()["aws_access_key_id"] == "new"


@pytest.mark.parametrize("creds", [None, {}, "ENV", dict.fromkeys(KEYS)])
def test_no_credentials_anywhere(creds: Any) -> None:
    with pytest.raises(errors.AuthorizationException, match="no AWS credentials"):
        aws.resolve(creds)


@pytest.mark.parametrize(("given", "other"), [tuple(KEYS), tuple(KEYS)[::-1]])
def test_a_key_without_its_secret(monkeypatch: pytest.MonkeyPatch, given: str, other: str) -> None:
    in_environment(monkeypatch, ACCESS_KEY_ID="E", SECRET_ACCESS_KEY="S")
    with pytest.raises(errors.InvalidInputError, match=other) as refused:
        aws.resolve({given: "verysecret", other: ""})
    assert "verysecret" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("AWS_ACCESS_KEY_ID", "aws_access_key_id"),
        ("Aws_Region", "aws_region"),
        ("aws_access_key", "aws_access_key_id"),
        ("aws_secret_key", "aws_secret_access_key"),
        ("endpoint", "endpoint_url"),
    ],
)
def test_a_wrong_key_names_the_right_one(name: str, meant: str) -> None:
    with pytest.raises(errors.InvalidInputError, match=repr(meant)):
        aws.resolve({**KEYS, name: "x"})


@pytest.mark.parametrize("name", ["profile_name", "config", "creds_key"])
def test_what_is_not_there_yet_is_named(name: str) -> None:
    with pytest.raises(errors.UnsupportedFeatureError):
        aws.resolve({name: "x"})


@pytest.mark.parametrize("creds", ["key.json", "browser", {**KEYS, "aws_region": 3}])
def test_other_types_are_refused(creds: Any) -> None:
    with pytest.raises(errors.InvalidInputError):
        aws.resolve(creds)


def test_region_order(monkeypatch: pytest.MonkeyPatch) -> None:
    assert aws.resolve(KEYS).region == "us-east-1"
    in_environment(monkeypatch, REGION="d")
    assert aws.resolve(KEYS).region == "d"
    in_environment(monkeypatch, DEFAULT_REGION="c")
    assert aws.resolve(KEYS).region == "c"
    assert aws.resolve({**KEYS, "region": "b"}).region == "b"
    assert aws.resolve({**KEYS, "region": "b", "aws_region": "a"}).region == "a"


def test_endpoint_order(monkeypatch: pytest.MonkeyPatch) -> None:
    assert aws.resolve(KEYS).endpoint_url is None
    in_environment(monkeypatch, ENDPOINT_URL="http://c")
    assert aws.resolve(KEYS).endpoint_url == "http://c"
    in_environment(monkeypatch, ENDPOINT_URL_S3="http://b")
    assert aws.resolve(KEYS).endpoint_url == "http://b"
    assert aws.resolve({**KEYS, "endpoint_url": "http://a"}).endpoint_url == "http://a"


def test_secrets_do_not_show() -> None:
    access = aws.resolve({**KEYS, "aws_session_token": "tokentext"})
    shown = f"{access!r} {access.credentials!r} {access.credentials} {access}"
    assert "verysecret" not in shown
    assert "tokentext" not in shown
    assert "AKIDKEY" not in shown


def test_credentials_of_links() -> None:
    access = link_access({**KEYS, "endpoint_url": "http://h:1", "aws_region": "r"})
    assert (access["aws"] is None, access["gcs"], access["authorization"]) == (False, None, None)


def test_an_authorization_header_needs_no_aws_keys() -> None:
    access = link_access({"Authorization": "Bearer x"})
    assert (access["authorization"], access["aws"]) == ("Bearer x", None)
    both = link_access({"Authorization": "Bearer x", **KEYS})
    assert both["authorization"] == "Bearer x"
    assert both["credentials"] is not None


def test_links_find_out_late_that_the_environment_is_empty() -> None:
    for access in (link_access({}), link_access(None, from_environment=True)):
        assert access["credentials"] is not None
        with pytest.raises(errors.AuthorizationException):
            access["credentials"]()


def test_credentials_of_links_are_given_in_one_way() -> None:
    with pytest.raises(errors.InvalidInputError):
        link_access(None)
    with pytest.raises(errors.InvalidInputError):
        link_access({}, from_environment=True)
    with pytest.raises(errors.InvalidInputError):
        link_access({"authorization": "x"})
