"""An S3 server for what SeaweedFS cannot show: regions, odd keys, services that lack something.

    with running() as server:
        server.create_bucket("photos", region="eu-west-1")
        server.set(region="redirect", conditional_put="ignored", batch_delete="refused")

It is moto, which knows nobody and lets everybody in: nothing about rights is tested here. It keeps
keys as they are ("/a", "a//b", "a/../b"). Behind our front (`moto_server`) a request that is signed
for another region than the bucket's is refused as AWS does it.
"""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import boto3
from botocore.config import Config

from tests.servers.process import HOST, control, free_port, spawn, stop, wait_until_healthy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from types_boto3_s3.client import S3Client
    from types_boto3_s3.literals import BucketLocationConstraintType

_ROOT = Path(__file__).resolve().parents[2]
KEY: Final = "MOTOKEY00000"
SECRET: Final = "motosecret00000"


@dataclass(frozen=True)
class MotoServer:
    """A running server."""

    endpoint: str
    pid: int

    def creds(self, *, region: str | None = None) -> dict[str, str]:
        """Give a `creds` dict; by itself it names no region."""
        creds = {
            "aws_access_key_id": KEY,
            "aws_secret_access_key": SECRET,
            "endpoint_url": self.endpoint,
        }
        return creds if region is None else {**creds, "aws_region": region}

    def client(self, region: str = "us-east-1") -> S3Client:
        """Give a boto3 client that signs for a region."""
        client: S3Client = boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=region,
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
            config=Config(
                retries={"total_max_attempts": 1},
                s3={"addressing_style": "path", "us_east_1_regional_endpoint": "regional"},
            ),
        )
        return client

    def create_bucket(
        self, name: str, *, region: BucketLocationConstraintType | None = None
    ) -> None:
        """Make a bucket in a region (default: us-east-1)."""
        if region is None:
            self.client().create_bucket(Bucket=name)
        else:
            self.client(region).create_bucket(
                Bucket=name, CreateBucketConfiguration={"LocationConstraint": region}
            )

    def set(self, **front: str) -> None:
        """Change how requests are treated: see `moto_server.Front`."""
        control(f"{self.endpoint}/_set", **front)

    def counts(self) -> dict[str, int]:
        """Count requests by method since the last reset; "wrong region": those refused for it."""
        given = json.loads(control(f"{self.endpoint}/_stats"))
        return {name: value for name, value in given.items() if isinstance(value, int)}

    def reset(self) -> None:
        """Remove all buckets; treat and count requests as at the start."""
        control(f"{self.endpoint}/_reset")


@contextlib.contextmanager
def running() -> Iterator[MotoServer]:
    """Start the server, yield it, end it."""
    with tempfile.TemporaryDirectory(prefix="lakebed-moto-") as name:
        port, log = free_port(), Path(name) / "log"
        command = [sys.executable, "-m", "tests.servers.moto_server", str(port)]
        process = spawn(command, log, cwd=_ROOT)
        try:
            server = MotoServer(endpoint=f"http://{HOST}:{port}", pid=process.pid)
            wait_until_healthy(f"{server.endpoint}/_stats", process, log)
            yield server
        finally:
            stop(process)
