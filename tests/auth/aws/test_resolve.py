"""What `creds` may be, which settings hold, what is refused; and that no secret shows."""

from __future__ import annotations

import datetime as dt
import pickle
import warnings
from typing import TYPE_CHECKING, Any

import boto3
import botocore
import botocore.session
import pytest
from botocore.config import Config

from lakebed import errors
from lakebed.auth import aws
from tests.api.leaks import leaks

if TYPE_CHECKING:
    from tests.auth.aws.conftest import Home

KEYS = {"aws_access_key_id": "AKIDKEY", "aws_secret_access_key": "verysecret"}
OF_ENVIRONMENT = {
    "aws_access_key_id": "E",
    "aws_secret_access_key": "S",
    "aws_session_token": "T",
    "expiry": None,
}
TOMORROW = dt.datetime(2100, 1, 2, tzinfo=dt.UTC)


def in_environment(monkeypatch: pytest.MonkeyPatch, **names: str) -> None:
    for name, value in names.items():
        monkeypatch.setenv(f"AWS_{name}", value)


def secret(access: aws.Access) -> dict[str, Any]:
    assert access.credentials is not None
    return dict(access.credentials())


@pytest.fixture
def env(monkeypatch: pytest.MonkeyPatch) -> None:
    in_environment(monkeypatch, ACCESS_KEY_ID="E", SECRET_ACCESS_KEY="S", SESSION_TOKEN="T")


# --- whose keys hold


@pytest.mark.usefixtures("env")
def test_the_dict_wins_with_its_own_token(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.write("credentials", "[default]\naws_access_key_id=F\naws_secret_access_key=F\n")
    # Whatever the environment names.
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    access = aws.resolve(KEYS)
    assert secret(access) == {**KEYS, "aws_session_token": None, "expiry": None}
    assert access.source == "the creds dict"
    with_token = {**KEYS, "aws_session_token": "T"}
    assert secret(aws.resolve(with_token))["aws_session_token"] == "T"


@pytest.mark.parametrize(
    "creds",
    [
        None,
        {},
        "ENV",
        {"endpoint_url": "http://h:1"},
        {
            "aws_access_key_id": "",
            "aws_secret_access_key": None,
            "profile_name": "",
            "config": None,
        },
    ],
)
@pytest.mark.usefixtures("env")
def test_without_keys_the_environment_holds(home: Home, creds: Any) -> None:
    home.write("credentials", "[default]\naws_access_key_id=F\naws_secret_access_key=F\n")
    access = aws.resolve(creds)
    assert secret(access) == OF_ENVIRONMENT
    assert access.source == "environment variables"


@pytest.mark.usefixtures("env")
def test_a_named_profile_wins_over_the_environment(home: Home) -> None:
    home.write("credentials", "[p]\naws_access_key_id=F\naws_secret_access_key=G\n")
    access = aws.resolve({"profile_name": "p"})
    assert secret(access)["aws_access_key_id"] == "F"
    assert access.source == "profile 'p' of ~/.aws/credentials"


@pytest.mark.usefixtures("env")
def test_the_environment_wins_over_its_own_profile(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.write("credentials", "[p]\naws_access_key_id=F\naws_secret_access_key=G\n")
    monkeypatch.setenv("AWS_PROFILE", "p")
    assert secret(aws.resolve()) == OF_ENVIRONMENT


def test_settings_of_the_profile_hold_beside_keys_of_the_dict(home: Home) -> None:
    home.write("config", "[profile p]\nregion = r\nendpoint_url = http://h:1\n")
    access = aws.resolve({**KEYS, "profile_name": "p"})
    assert secret(access)["aws_access_key_id"] == "AKIDKEY"
    assert (access.region, access.endpoint_url) == ("r", "http://h:1")


def test_an_empty_profile_variable_is_none(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.write("credentials", "[default]\naws_access_key_id=F\naws_secret_access_key=G\n")
    monkeypatch.setenv("AWS_PROFILE", "")
    assert secret(aws.resolve())["aws_access_key_id"] == "F"


def test_everything_is_read_anew(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.write("credentials", "[default]\naws_access_key_id=old\naws_secret_access_key=G\n")
    access = aws.resolve()
    # What was asked for the check is not asked again.
    assert secret(access)["aws_access_key_id"] == "old"
    home.write("credentials", "[default]\naws_access_key_id=new\naws_secret_access_key=G\n")
    assert secret(access)["aws_access_key_id"] == "new"
    in_environment(monkeypatch, ACCESS_KEY_ID="newest", SECRET_ACCESS_KEY="S")
    assert secret(access)["aws_access_key_id"] == "newest"
    assert access.source == "environment variables"


def test_anonymous_access() -> None:
    for creds in (
        {"anonymous": True, "endpoint_url": "http://h"},
        {"config": Config(signature_version=botocore.UNSIGNED)},
    ):
        access = aws.resolve(creds)
        assert access.credentials is None
        assert access.source == "anonymous"
    with pytest.raises(errors.InvalidInputError, match="anonymous"):
        aws.resolve({**KEYS, "anonymous": True})


# --- sessions and functions


@pytest.mark.usefixtures("env")
def test_a_session_has_its_own_keys(home: Home) -> None:
    home.write("config", "[profile p]\nendpoint_url = http://h:1\nregion = r\n")
    home.write("credentials", "[p]\naws_access_key_id=F\naws_secret_access_key=G\n")
    keys = {"aws_access_key_id": "K", "aws_secret_access_key": "X"}
    own = aws.resolve(boto3.Session("K", "X", region_name="q"))
    assert secret(own) == {**keys, "aws_session_token": None, "expiry": None}
    assert (own.region, own.endpoint_url) == ("q", None)
    assert own.source == "a boto3 session (keys of its own)"
    for session in (boto3.Session(profile_name="p"), botocore.session.Session(profile="p")):
        access = aws.resolve(session)
        assert secret(access)["aws_access_key_id"] == "F"
        assert (access.region, access.endpoint_url) == ("r", "http://h:1")


def test_a_session_without_credentials() -> None:
    with pytest.raises(errors.AuthorizationException, match="boto3 session has no credentials"):
        aws.resolve(boto3.Session())


@pytest.mark.parametrize(
    ("answer", "expiry"),
    [
        ({**KEYS, "aws_session_token": "T"}, None),
        ({**KEYS, "aws_session_token": "T", "expiry": 7}, 7),
        ({**KEYS, "aws_session_token": "T", "expiry": TOMORROW}, TOMORROW.timestamp()),
        (
            {
                "access_key": "AKIDKEY",
                "secret_key": "verysecret",
                "token": "T",
                "expiry_time": "2100-01-02T00:00:00Z",
            },
            TOMORROW.timestamp(),
        ),
    ],
)
def test_what_a_function_returns(answer: dict[str, Any], expiry: float | None) -> None:
    access = aws.resolve(lambda: answer)
    for _ in range(2):
        assert secret(access) == {**KEYS, "aws_session_token": "T", "expiry": expiry}
    assert "function" in access.source
    assert "verysecret" not in f"{access} {access.source} {access.credentials!r}"


def test_a_function_may_name_the_server() -> None:
    asked = []

    def ask() -> dict[str, str]:
        asked.append(1)
        return {**KEYS, "endpoint_url": "http://h:1", "aws_region": "r"}

    # In any case now, as the server has to be known.
    access = aws.resolve(ask, check_environment=False)
    assert (access.endpoint_url, access.region, len(asked)) == ("http://h:1", "r", 1)
    secret(access)
    assert len(asked) == 1
    secret(access)
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("verysecret", "returned a str"),
        ({"aws_access_key_id": "AKIDKEY"}, "aws_secret_access_key"),
        ({}, "returned no"),
        ({**KEYS, "AWS_SESSION_TOKEN": "x"}, "lower case"),
        ({**KEYS, "role_arn": "x"}, "role_arn"),
        ({**KEYS, "expiry": "tomorrow"}, "point in time"),
        ({**KEYS, "expiry": "2100-01-02T00:00:00"}, "time zone"),
    ],
)
def test_wrong_answers_of_a_function(answer: Any, words: str) -> None:
    with pytest.raises(errors.InvalidInputError, match=words) as refused:
        aws.resolve(lambda: answer)
    assert leaks(refused.value, "verysecret") == []


def test_a_function_that_fails() -> None:
    def vault() -> dict[str, str]:
        raise RuntimeError("wrong password: verysecret")

    with pytest.raises(errors.AuthorizationException, match=r"vault.*RuntimeError") as refused:
        aws.resolve(vault)
    assert leaks(refused.value, "verysecret") == []


# --- what is refused


def test_no_credentials_anywhere() -> None:
    for creds in (None, {}, "ENV", dict.fromkeys(KEYS)):
        with pytest.raises(errors.AuthorizationException, match="no AWS credentials") as refused:
            aws.resolve(creds)
        hint = str(refused.value.hint)
        for place in (
            "AWS_ACCESS_KEY_ID",
            "profile 'default' of ~/.aws/credentials and ~/.aws/config",
            "AWS_WEB_IDENTITY_TOKEN_FILE",
            "AWS_CONTAINER_CREDENTIALS",
            "instance role (AWS_EC2_METADATA_DISABLED)",
        ):
            assert place in hint


@pytest.mark.usefixtures("env")
@pytest.mark.parametrize(("given", "other"), [tuple(KEYS), tuple(KEYS)[::-1]])
def test_a_key_without_its_secret(given: str, other: str) -> None:
    creds = {given: KEYS["aws_secret_access_key"], other: ""}
    with pytest.raises(errors.InvalidInputError, match=other) as refused:
        aws.resolve(creds)
    assert leaks(refused.value, "verysecret") == []


def test_an_environment_with_half_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    in_environment(monkeypatch, ACCESS_KEY_ID="E")
    with pytest.raises(errors.AuthorizationException, match="AWS_SECRET_ACCESS_KEY"):
        aws.resolve()


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("AWS_ACCESS_KEY_ID", "aws_access_key_id"),
        ("Aws_Region", "aws_region"),
        ("aws_access_key", "aws_access_key_id"),
        ("aws_secret_key", "aws_secret_access_key"),
        ("endpoint", "endpoint_url"),
        ("profile", "profile_name"),
        ("verify_ssl", "verify"),
    ],
)
def test_a_wrong_key_names_the_right_one(name: str, meant: str) -> None:
    for value in ("x", None):
        with pytest.raises(errors.InvalidInputError, match=repr(meant)):
            aws.resolve({**KEYS, name: value})


def test_what_is_not_there_yet_is_named() -> None:
    with pytest.raises(errors.UnsupportedFeatureError, match="hub"):
        aws.resolve({"creds_key": "x"})


@pytest.mark.parametrize(
    "creds",
    [
        "key.json",
        "browser",
        3,
        ["aws_access_key_id"],
        {**KEYS, "aws_region": 3},
        {**KEYS, "anonymous": "yes"},
        {**KEYS, "verify": 0},
        {**KEYS, "config": "fast"},
        {**KEYS, "role_arn": "arn:r", "duration_seconds": "900"},
        {**KEYS, "role_arn": "arn:r", "duration_seconds": True},
        {**KEYS, "role_arn": "arn:r", "duration_seconds": 60},
        {**KEYS, "external_id": "x"},
        {"aws_session_token": "x"},
    ],
)
def test_other_types_and_values_are_refused(creds: Any) -> None:
    with pytest.raises(errors.InvalidInputError):
        aws.resolve(creds)


@pytest.mark.parametrize("by_dict", [True, False])
def test_an_unknown_profile(home: Home, monkeypatch: pytest.MonkeyPatch, by_dict: bool) -> None:
    home.write("credentials", "[a]\naws_access_key_id=F\naws_secret_access_key=verysecret\n")
    home.write("config", "[profile b]\nregion = r\n")
    if not by_dict:
        monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(errors.InvalidInputError) as refused:
        aws.resolve({"profile_name": "nobody"} if by_dict else None)
    for told in ("'nobody'", "~/.aws/credentials", "~/.aws/config", "'a', 'b'"):
        assert told in str(refused.value)
    assert leaks(refused.value, "verysecret") == []


def test_a_damaged_file(home: Home) -> None:
    home.write("config", "[default\naws_secret_access_key = verysecret")
    with pytest.raises(errors.InvalidInputError, match="config") as refused:
        aws.resolve(KEYS)
    assert leaks(refused.value, "verysecret") == []


# --- region, server, certificates


def test_region_order(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    # Unknown: the core finds it.
    assert aws.resolve(KEYS).region is None
    home.write("config", "[default]\nregion = e\n")
    assert aws.resolve(KEYS).region == "e"
    in_environment(monkeypatch, REGION="d")
    assert aws.resolve(KEYS).region == "d"
    in_environment(monkeypatch, DEFAULT_REGION="c")
    assert aws.resolve(KEYS).region == "c"
    config = {"config": {"region_name": "b2"}}
    assert aws.resolve({**KEYS, **config}).region == "b2"
    assert aws.resolve({**KEYS, **config, "region": "b"}).region == "b"
    assert aws.resolve({**KEYS, "region": "b", "aws_region": "a"}).region == "a"


def test_endpoint_order(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    assert aws.resolve(KEYS).endpoint_url is None
    home.write("config", "[default]\nendpoint_url = http://e\n")
    assert aws.resolve(KEYS).endpoint_url == "http://e"
    services = "services = s\n[services s]\ns3 =\n  endpoint_url = http://d\n"
    home.write("config", f"[default]\nendpoint_url = http://e\n{services}")
    assert aws.resolve(KEYS).endpoint_url == "http://d"
    in_environment(monkeypatch, ENDPOINT_URL="http://c")
    assert aws.resolve(KEYS).endpoint_url == "http://c"
    in_environment(monkeypatch, ENDPOINT_URL_S3="http://b")
    assert aws.resolve(KEYS).endpoint_url == "http://b"
    assert aws.resolve({**KEYS, "endpoint_url": "http://a"}).endpoint_url == "http://a"
    config = {"config": {"ignore_configured_endpoint_urls": True}}
    assert aws.resolve({**KEYS, **config}).endpoint_url is None
    in_environment(monkeypatch, IGNORE_CONFIGURED_ENDPOINT_URLS="true")
    assert aws.resolve(KEYS).endpoint_url is None
    assert aws.resolve({**KEYS, "endpoint_url": "http://a"}).endpoint_url == "http://a"


def test_a_services_section_that_is_not_there(home: Home) -> None:
    home.write("config", "[default]\nservices = gone\n")
    with pytest.raises(errors.InvalidInputError, match="'gone'"):
        aws.resolve(KEYS)


def test_where_the_bucket_goes(home: Home) -> None:
    here = {**KEYS, "endpoint_url": "http://h"}
    assert aws.resolve(KEYS).virtual_host
    assert not aws.resolve(here).virtual_host
    for config in (
        Config(s3={"addressing_style": "virtual"}),
        {"s3": {"addressing_style": "virtual"}},
    ):
        assert aws.resolve({**here, "config": config}).virtual_host
    assert not aws.resolve({**KEYS, "config": {"s3": {"addressing_style": "path"}}}).virtual_host
    home.write("config", "[default]\ns3 =\n  addressing_style = virtual\n")
    assert aws.resolve(here).virtual_host
    assert not aws.resolve({**here, "config": {"s3": {"addressing_style": "auto"}}}).virtual_host


def test_the_file_of_certificates(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    assert aws.resolve(KEYS).ca_bundle is None
    of_profile, of_env, given = (str(home.write(name, "")) for name in ("p.pem", "e.pem", "g.pem"))
    home.write("config", f"[default]\nca_bundle = {of_profile}\n")
    assert aws.resolve(KEYS).ca_bundle == of_profile
    monkeypatch.setenv("AWS_CA_BUNDLE", of_env)
    assert aws.resolve(KEYS).ca_bundle == of_env
    assert aws.resolve({**KEYS, "ca_bundle": given}).ca_bundle == given
    assert aws.resolve({**KEYS, "verify": given}).ca_bundle == given
    assert aws.resolve({**KEYS, "ca_bundle": "~/.aws/g.pem"}).ca_bundle == given
    for creds, source in (({"ca_bundle": "/no/such.pem"}, "creds"), ({}, "AWS_CA_BUNDLE")):
        monkeypatch.setenv("AWS_CA_BUNDLE", "/no/such.pem")
        with pytest.raises(errors.InvalidInputError, match=rf"/no/such.pem.*{source}"):
            aws.resolve({**KEYS, **creds})


def test_unchecked_certificates_are_warned_of() -> None:
    with pytest.warns(UserWarning, match="not checked") as warned:
        access = aws.resolve({**KEYS, "verify": False, "endpoint_url": "https://h"})
    assert not access.verify
    # On the line that asked for it.
    assert [warning.filename for warning in warned] == [__file__]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # No certificate, nothing to warn of.
        aws.resolve({**KEYS, "verify": False, "endpoint_url": "http://h"})


# --- botocore's Config


def test_what_tunes_botocore_is_named() -> None:
    config = Config(max_pool_connections=50, connect_timeout=300, region_name="r")
    with pytest.warns(UserWarning, match="connect_timeout, max_pool_connections"):
        assert aws.resolve({**KEYS, "config": config}).region == "r"


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (Config(proxies={"https": "http://p"}), "'proxies'"),
        (Config(use_fips_endpoint=True), "endpoint_url"),
        (Config(s3={"use_accelerate_endpoint": True}), "accelerate"),
        (Config(signature_version="s3"), "'s3'"),
        (Config(client_cert="c.pem"), "client_cert"),
    ],
)
def test_what_would_send_elsewhere_is_refused(config: Config, words: str) -> None:
    with pytest.raises(errors.UnsupportedFeatureError, match=words):
        aws.resolve({**KEYS, "config": config})


@pytest.mark.parametrize(
    "config", [{"regoin_name": "r"}, {"s3": {"addressing_style": "x"}}, {"retries": {"mode": "x"}}]
)
def test_what_no_config_has(config: dict[str, Any]) -> None:
    with pytest.raises(errors.InvalidInputError):
        aws.resolve({**KEYS, "config": config})


# --- secrets and pickles


@pytest.mark.usefixtures("env")
def test_secrets_do_not_show() -> None:
    for creds in (
        {**KEYS, "aws_session_token": "tokentext"},
        None,
        boto3.Session("AKIDKEY", "verysecret"),
    ):
        access = aws.resolve(creds)
        provider = access.credentials
        shown = f"{access!r} {provider!r} {provider} {access} {access.source}"
        for text in ("verysecret", "tokentext", "AKIDKEY"):
            assert text not in shown


def from_a_module() -> dict[str, str]:
    return {**KEYS}


def test_what_cannot_be_pickled_says_so() -> None:
    for good in (None, "ENV", KEYS, from_a_module, {**KEYS, "config": Config(region_name="r")}):
        aws.require_picklable(good)
        pickle.dumps(good)
    with pytest.raises(errors.InvalidInputError, match=r"boto3 session.*profile_name"):
        aws.require_picklable(boto3.Session("AKIDKEY", "verysecret"))
    with pytest.raises(errors.InvalidInputError, match="not a lambda"):
        aws.require_picklable(lambda: KEYS)
