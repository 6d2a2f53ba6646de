"""The ways to say who one is: each writes what it needs and gives the `creds` to pass."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import boto3
import botocore.session

from tests.servers import seaweedfs

if TYPE_CHECKING:
    import pytest

    from tests.auth.aws.conftest import Home
    from tests.servers.aws_credentials import AwsCredentials
    from tests.servers.seaweedfs import Keys

LONG_LIFE_S: Final = 900


@dataclass(frozen=True)
class Stage:
    """What a way may use: the servers, an empty home, the environment."""

    server: AwsCredentials
    home: Home
    monkeypatch: pytest.MonkeyPatch

    @property
    def endpoint(self) -> str:
        """The server of the bucket, and of its STS."""
        return self.server.s3.endpoint

    @property
    def user(self) -> Keys:
        """Somebody who may read and write."""
        return self.server.s3.writer

    def env(self, **variables: str) -> None:
        """Set variables; their names begin with AWS_."""
        for name, value in variables.items():
            self.monkeypatch.setenv(f"AWS_{name}", value)

    def keys_in_env(self, keys: Keys | None = None) -> None:
        """Put keys into the environment."""
        keys = keys or self.user
        self.env(ACCESS_KEY_ID=keys.access_key, SECRET_ACCESS_KEY=keys.secret_key)

    def session_keys(
        self, role: str = seaweedfs.ROLE_WRITE, life_s: int | None = LONG_LIFE_S
    ) -> Any:
        """Get temporary keys from the STS, in the words of `creds`, with `expiry`."""
        return session_keys(self.endpoint, self.user, role, life_s)


def session_keys(endpoint: str, keys: Keys, role: str, life_s: int | None) -> dict[str, Any]:
    """Get temporary keys from an STS; None: as long as it likes."""
    sts = boto3.client(
        "sts",
        endpoint_url=endpoint,
        region_name=seaweedfs.REGION,
        aws_access_key_id=keys.access_key,
        aws_secret_access_key=keys.secret_key,
    )
    life = {} if life_s is None else {"DurationSeconds": life_s}
    reply = sts.assume_role(RoleArn=role, RoleSessionName="tests", **life)["Credentials"]
    return {
        "aws_access_key_id": reply["AccessKeyId"],
        "aws_secret_access_key": reply["SecretAccessKey"],
        "aws_session_token": reply["SessionToken"],
        "expiry": reply["Expiration"],
    }


def ini(section: str, **values: str) -> str:
    """Write a section of the files of `aws configure`."""
    return f"[{section}]\n" + "".join(f"{name} = {value}\n" for name, value in values.items())


def of_user(keys: Keys) -> dict[str, str]:
    """Give keys in the words of dict and files."""
    return {"aws_access_key_id": keys.access_key, "aws_secret_access_key": keys.secret_key}


# --- the dict


def dict_with_keys(stage: Stage) -> Any:
    return {**of_user(stage.user), "endpoint_url": stage.endpoint}


def dict_with_token(stage: Stage) -> Any:
    keys = stage.session_keys()
    del keys["expiry"]
    return {**keys, "endpoint_url": stage.endpoint, "region": seaweedfs.REGION}


def dict_over_everything(stage: Stage) -> Any:
    stage.env(ACCESS_KEY_ID="X", SECRET_ACCESS_KEY="X", SESSION_TOKEN="X", PROFILE="default")
    stage.home.write(
        "credentials", ini("default", aws_access_key_id="Y", aws_secret_access_key="Y")
    )
    return dict_with_keys(stage)


def dict_with_empty_values(stage: Stage) -> Any:
    stage.keys_in_env()
    empty = {"aws_access_key_id": "", "aws_secret_access_key": None, "aws_session_token": ""}
    return {**empty, "endpoint_url": stage.endpoint}


def dict_with_role(stage: Stage) -> Any:
    return {
        **dict_with_keys(stage),
        "role_arn": seaweedfs.ROLE_WRITE,
        "role_session_name": "tests",
        "duration_seconds": LONG_LIFE_S,
    }


def dict_with_role_and_profile(stage: Stage) -> Any:
    stage.home.write("credentials", ini("base", **of_user(stage.user)))
    role = {"profile_name": "base", "role_arn": seaweedfs.ROLE_WRITE}
    return {**role, "endpoint_url": stage.endpoint}


# --- the environment


def env_by_name(stage: Stage) -> Any:
    stage.keys_in_env()
    stage.env(ENDPOINT_URL_S3=stage.endpoint)
    return "ENV"


def env_with_token(stage: Stage) -> Any:
    keys = stage.session_keys()
    stage.env(
        ACCESS_KEY_ID=keys["aws_access_key_id"],
        SECRET_ACCESS_KEY=keys["aws_secret_access_key"],
        SESSION_TOKEN=keys["aws_session_token"],
        ENDPOINT_URL=stage.endpoint,
        DEFAULT_REGION=seaweedfs.REGION,
    )
    return None


# --- files


def default_profile(stage: Stage) -> Any:
    stage.home.write("credentials", ini("default", **of_user(stage.user)))
    stage.home.write("config", ini("default", region=seaweedfs.REGION, endpoint_url=stage.endpoint))
    return None


def profile_by_name(stage: Stage) -> Any:
    stage.keys_in_env(seaweedfs.Keys("NOBODYKEY000", "nobody"))
    stage.home.write("credentials", ini("team", **of_user(stage.user)))
    return {"profile_name": "team", "endpoint_url": stage.endpoint}


def profile_by_variable(stage: Stage) -> Any:
    stage.home.write("config", ini("profile team", **of_user(stage.user)))
    stage.env(PROFILE="team", ENDPOINT_URL_S3=stage.endpoint)
    return None


def files_elsewhere(stage: Stage) -> Any:
    path = stage.home.write("elsewhere", ini("default", **of_user(stage.user)))
    stage.env(SHARED_CREDENTIALS_FILE=str(path), ENDPOINT_URL_S3=stage.endpoint)
    return None


def role_of_a_profile(stage: Stage) -> Any:
    stage.home.write("credentials", ini("base", **of_user(stage.user)))
    role = ini(
        "profile job",
        role_arn=seaweedfs.ROLE_WRITE,
        source_profile="base",
        external_id="of-tests",
        services="local",
    )
    services = f"[services local]\ns3 =\n  endpoint_url = {stage.endpoint}\n"
    stage.home.write("config", f"{role}{services}sts =\n  endpoint_url = {stage.endpoint}\n")
    return {"profile_name": "job"}


def credential_process(stage: Stage) -> Any:
    keys = stage.session_keys()
    answer = {
        "Version": 1,
        "AccessKeyId": keys["aws_access_key_id"],
        "SecretAccessKey": keys["aws_secret_access_key"],
        "SessionToken": keys["aws_session_token"],
        "Expiration": keys["expiry"].isoformat(),
    }
    script = stage.home.write("process.py", f"print({json.dumps(answer)!r})")
    process = ini("default", credential_process=f"{sys.executable} {script}")
    stage.home.write("config", process)
    return {"endpoint_url": stage.endpoint}


# --- roles of the place where the program runs


def web_identity(stage: Stage) -> Any:
    for name, value in stage.server.web_identity_variables().items():
        stage.monkeypatch.setenv(name, value)
    return {"endpoint_url": stage.endpoint}


def web_identity_of_a_profile(stage: Stage) -> Any:
    variables = stage.server.web_identity_variables()
    profile = ini(
        "profile pod",
        role_arn=variables["AWS_ROLE_ARN"],
        web_identity_token_file=variables["AWS_WEB_IDENTITY_TOKEN_FILE"],
        # Of STS, too.
        endpoint_url=stage.endpoint,
    )
    stage.home.write("config", profile)
    return {"profile_name": "pod"}


def container(stage: Stage) -> Any:
    for name, value in stage.server.container_variables().items():
        stage.monkeypatch.setenv(name, value)
    return {"endpoint_url": stage.endpoint}


def container_with_token_file(stage: Stage) -> Any:
    for name, value in stage.server.container_variables(in_file=True).items():
        stage.monkeypatch.setenv(name, value)
    return {"endpoint_url": stage.endpoint}


def instance(stage: Stage) -> Any:
    stage.env(EC2_METADATA_DISABLED="", EC2_METADATA_SERVICE_ENDPOINT=stage.server.imds_endpoint)
    stage.env(ENDPOINT_URL_S3=stage.endpoint)
    return None


# --- sessions and functions


def boto3_session(stage: Stage) -> Any:
    stage.env(ENDPOINT_URL_S3=stage.endpoint)
    return boto3.Session(stage.user.access_key, stage.user.secret_key)


def boto3_session_of_a_profile(stage: Stage) -> Any:
    role_of_a_profile(stage)
    return boto3.Session(profile_name="job", region_name=seaweedfs.REGION)


def botocore_session(stage: Stage) -> Any:
    default_profile(stage)
    return botocore.session.get_session()


def function(stage: Stage) -> Any:
    return lambda: {**stage.session_keys(), "endpoint_url": stage.endpoint}


def function_in_words_of_botocore(stage: Stage) -> Any:
    stage.env(ENDPOINT_URL_S3=stage.endpoint)
    keys = stage.session_keys()
    return lambda: {
        "access_key": keys["aws_access_key_id"],
        "secret_key": keys["aws_secret_access_key"],
        "token": keys["aws_session_token"],
        "expiry_time": keys["expiry"].isoformat(),
    }


Way = Callable[[Stage], Any]
# Each with what `ds.storage` says of it.
WAYS: Final[dict[Way, str]] = {
    dict_with_keys: "the creds dict",
    dict_with_token: "the creds dict",
    dict_over_everything: "the creds dict",
    dict_with_empty_values: "environment variables",
    dict_with_role: f"role {seaweedfs.ROLE_WRITE}, assumed with the creds dict",
    dict_with_role_and_profile: (
        f"role {seaweedfs.ROLE_WRITE}, assumed with profile 'base' of ~/.aws/credentials"
    ),
    env_by_name: "environment variables",
    env_with_token: "environment variables",
    default_profile: "profile 'default' of ~/.aws/credentials",
    profile_by_name: "profile 'team' of ~/.aws/credentials",
    profile_by_variable: "profile 'team' of ~/.aws/config",
    files_elsewhere: "profile 'default' of /",
    role_of_a_profile: f"role {seaweedfs.ROLE_WRITE}, profile 'job' of ~/.aws/config",
    credential_process: "credential_process, profile 'default' of ~/.aws/config",
    web_identity: f"role {seaweedfs.WEB_WRITE}, by web identity token",
    web_identity_of_a_profile: f"role {seaweedfs.WEB_WRITE}, by web identity token",
    container: "container role",
    container_with_token_file: "container role",
    instance: "EC2 instance role",
    boto3_session: "a boto3 session (keys of its own)",
    boto3_session_of_a_profile: "a boto3 session (assume-role)",
    botocore_session: "a botocore session (shared-credentials-file)",
    function: "the function function.<locals>.<lambda>",
    function_in_words_of_botocore: "the function function_in_words_of_botocore.<locals>.<lambda>",
}
