"""Who is refused, and how: never somebody else's keys instead, never a raw error, no secrets."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError

import lakebed
from lakebed import errors
from tests.api.leaks import chain, leaks
from tests.auth.aws import ways
from tests.auth.aws.place import KEY
from tests.servers import seaweedfs
from tests.servers.seaweedfs import Keys

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.auth.aws.place import Place
    from tests.auth.aws.ways import Stage

pytestmark = pytest.mark.s3

WRONG = Keys("WRITERKEY000", "a-wrong-secret")


def refused(call: Callable[[], Any], *secrets: str) -> errors.LakebedError:
    """Run what has to be refused, and give the error, which holds no secret."""
    with pytest.raises(errors.AuthorizationException) as caught:
        call()
    for secret in secrets:
        assert leaks(caught.value, secret) == []
    return caught.value


@pytest.mark.parametrize("how", ["dict", "profile", "session", "function"])
def test_refused_keys_are_not_replaced_by_good_ones(stage: Stage, place: Place, how: str) -> None:
    # These would open it.
    stage.keys_in_env()
    stage.env(ENDPOINT_URL_S3=stage.endpoint)
    stage.home.write("credentials", ways.ini("wrong", **ways.of_user(WRONG)))
    creds: Any = {
        "dict": ways.of_user(WRONG),
        "profile": {"profile_name": "wrong"},
        "session": boto3.Session(WRONG.access_key, WRONG.secret_key),
        "function": lambda: {**ways.of_user(WRONG)},
    }[how]
    ds = lakebed.load(place.path, read_only=True)
    for call in (
        lambda: lakebed.load(place.path, creds=creds, read_only=True),
        lambda: lakebed.exists(place.path, creds=creds),
        lambda: lakebed.empty(place.url("new"), creds=creds),
    ):
        error = refused(call, WRONG.secret_key)
        assert error.kind == "authentication"
        assert "SignatureDoesNotMatch" in str(error)
    ds.populate_creds(KEY, creds)
    with pytest.raises(errors.LinkError, match="SignatureDoesNotMatch") as caught:
        ds.photos[0].numpy()
    assert leaks(caught.value, WRONG.secret_key) == []


def test_who_may_only_read(stage: Stage, place: Place) -> None:
    keys = stage.session_keys(seaweedfs.ROLE_READ)
    del keys["expiry"]
    creds = {**keys, "endpoint_url": stage.endpoint}
    place.check(lakebed.load(place.path, creds=creds, read_only=True))
    for call in (
        lambda: lakebed.load(place.path, creds=creds, read_only=False),
        lambda: lakebed.empty(place.url("new"), creds=creds),
        lambda: lakebed.delete(place.path, creds=creds),
    ):
        error = refused(call, keys["aws_secret_access_key"], keys["aws_session_token"])
        assert isinstance(error, errors.AuthorizationError)


def test_a_role_that_is_refused(stage: Stage, place: Place) -> None:
    role = {"role_arn": "arn:aws:iam::role/NoSuchRole", "endpoint_url": stage.endpoint}
    good = {**ways.of_user(stage.user), **role}
    error = refused(lambda: lakebed.load(place.path, creds=good), stage.user.secret_key)
    assert "NoSuchRole" in str(error)
    assert any(isinstance(each, ClientError) for each in chain(error))
    wrong = {**ways.of_user(WRONG), **role, "role_arn": seaweedfs.ROLE_READ}
    error = refused(lambda: lakebed.load(place.path, creds=wrong), WRONG.secret_key)
    assert "assumed with the creds dict" in str(error)


def test_a_server_of_roles_that_does_not_answer(stage: Stage, place: Place) -> None:
    stage.env(ENDPOINT_URL_STS="http://127.0.0.1:9")
    creds = {**ways.dict_with_keys(stage), "role_arn": seaweedfs.ROLE_READ}
    with pytest.raises(errors.TransientStorageError, match=r"127\.0\.0\.1:9"):
        lakebed.load(place.path, creds=creds)


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ({"audience": "somebody-else"}, "InvalidParameterValue"),
        ({"life_s": -60}, "ExpiredToken"),
    ],
)
def test_an_identity_token_that_is_refused(
    stage: Stage, place: Place, token: dict[str, Any], words: str
) -> None:
    creds = ways.web_identity(stage)
    text = stage.server.identity_token(**token)
    stage.env(WEB_IDENTITY_TOKEN_FILE=str(stage.home.write("token", text)))
    assert words in str(refused(lambda: lakebed.load(place.path, creds=creds), text))
    stage.env(WEB_IDENTITY_TOKEN_FILE="/no/such/token")
    assert "/no/such/token" in str(refused(lambda: lakebed.load(place.path, creds=creds)))


def test_a_container_that_is_refused(stage: Stage, place: Place) -> None:
    creds = ways.container(stage)
    stage.env(CONTAINER_AUTHORIZATION_TOKEN=WRONG.secret_key)
    error = refused(lambda: lakebed.load(place.path, creds=creds), WRONG.secret_key)
    assert "401" in str(error)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("Version 1 {0}", "JSONDecodeError"),
        ('{{"Version": 1, "AccessKeyId": "{0}"}}', "SecretAccessKey"),
        ('{{"Version": 2, "SecretAccessKey": "{0}"}}', "Unsupported version"),
        (None, "log in first"),
    ],
)
def test_a_process_that_fails(stage: Stage, place: Place, answer: str | None, words: str) -> None:
    script = f"print({answer.format(WRONG.secret_key)!r})" if answer else "exit('log in first')"
    path = stage.home.write("process.py", script)
    stage.home.write("config", ways.ini("default", credential_process=f"{sys.executable} {path}"))
    creds = {"endpoint_url": stage.endpoint}
    error = refused(lambda: lakebed.load(place.path, creds=creds), WRONG.secret_key)
    assert words in str(error)


def test_instances_of_the_old_protocol_are_not_needed(stage: Stage, place: Place) -> None:
    """The server demands the session token of IMDSv2; without one there is no answer."""
    place.check(lakebed.load(place.path, creds=ways.instance(stage), read_only=True))
    counts = stage.server.counts()
    assert counts["/latest/api/token"] >= 1
    stage.env(EC2_METADATA_DISABLED="true")
    error = refused(lambda: lakebed.load(place.path, read_only=True))
    assert "EC2 instance role" in json.dumps(error.hint)
