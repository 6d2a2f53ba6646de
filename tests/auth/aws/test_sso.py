"""SSO by what `aws sso login` leaves on disk, and roles that want an external id."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import lakebed
from lakebed import errors
from tests.api.leaks import leaks
from tests.auth.aws import sso_server, ways
from tests.servers import seaweedfs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.auth.aws.place import Place
    from tests.auth.aws.ways import Stage

pytestmark = pytest.mark.s3

START_URL = "https://team.awsapps.com/start"
# botocore looks for the home folder when it is imported: an interpreter of its own.
SCRIPT = """
import sys, lakebed
from lakebed import errors
try:
    ds = lakebed.load(sys.argv[1], creds={"profile_name": sys.argv[2]}, read_only=True)
    print(ds.numbers.numpy().sum(), ds.storage.identity)
except errors.StorageCredentialsExpiredError as error:
    print("expired:", error)
"""


@pytest.fixture(scope="module")
def strict(place: Place) -> Iterator[str]:
    with sso_server.running(place.server) as address:
        yield address


@pytest.fixture
def sso(stage: Stage, strict: str) -> Stage:
    """Write what `aws configure sso` and `aws sso login` write, in the older and newer form."""
    role = {"sso_account_id": sso_server.ACCOUNT, "sso_role_name": sso_server.ROLE}
    portal = {"sso_start_url": START_URL, "sso_region": "us-east-1"}
    server = {"endpoint_url": stage.endpoint}
    stage.home.write(
        "config",
        ways.ini("profile old", **role, **portal, **server)
        + ways.ini("profile new", sso_session="team", **role, **server)
        + ways.ini("sso-session team", sso_registration_scopes="sso:account:access", **portal),
    )
    stage.env(ENDPOINT_URL_SSO=strict)
    log_in(stage, sso_server.ACCESS_TOKEN, "2100-01-01T00:00:00Z")
    return stage


def log_in(stage: Stage, token: str, end: str) -> None:
    for name in (START_URL, "team"):
        text = json.dumps({"startUrl": START_URL, "accessToken": token, "expiresAt": end})
        digest = hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()
        stage.home.write(f"sso/cache/{digest}.json", text)


def run(place: Place, profile: str) -> str:
    command = [sys.executable, "-c", SCRIPT, place.path, profile]
    done = subprocess.run(  # noqa: S603 (ours)
        command, capture_output=True, text=True, check=False, timeout=60
    )
    assert sso_server.ACCESS_TOKEN not in done.stdout + done.stderr
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("profile", ["old", "new"])
@pytest.mark.usefixtures("sso")
def test_the_session_of_a_browser_serves(place: Place, profile: str) -> None:
    who = f"SSO role {sso_server.ROLE} of account {sso_server.ACCOUNT}"
    assert run(place, profile).startswith(f"1128 {who}")


def test_a_session_that_is_over_says_how_to_go_on(sso: Stage, place: Place) -> None:
    log_in(sso, sso_server.ACCESS_TOKEN, "2001-01-01T00:00:00Z")
    said = run(place, "old")
    assert said.startswith("expired:")
    assert "aws sso login" in said


def test_an_external_id_reaches_the_server_of_roles(
    stage: Stage, place: Place, strict: str
) -> None:
    stage.env(ENDPOINT_URL_STS=strict)
    creds = {**ways.dict_with_keys(stage), "role_arn": seaweedfs.ROLE_WRITE}
    with pytest.raises(errors.AuthorizationError, match="no such trust") as refused:
        lakebed.load(place.path, creds=creds, read_only=True)
    assert leaks(refused.value, stage.user.secret_key) == []
    creds["external_id"] = sso_server.EXTERNAL_ID
    place.check(lakebed.load(place.path, creds=creds, read_only=True))
    ways.role_of_a_profile(stage)
    place.check(lakebed.load(place.path, creds={"profile_name": "job"}, read_only=True))
