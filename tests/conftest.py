"""Fixtures that several kinds of tests share: the servers, the reference, the corpus."""

from __future__ import annotations

import os
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.golden import corpus
from tests.reference import client
from tests.servers import aws_credentials as aws_credentials_server
from tests.servers import gcs as gcs_server
from tests.servers import moto as moto_server
from tests.servers import seaweedfs
from tests.servers.gcs import GcsBucket

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.reference.client import Reference
    from tests.servers.aws_credentials import AwsCredentials
    from tests.servers.gcs import GcsServer
    from tests.servers.moto import MotoServer
    from tests.servers.seaweedfs import Keys, S3Server

# Thousands of flushes need not wait for the disk; tests/storage shows that they do by default.
os.environ.setdefault("LAKEBED_FSYNC", "0")


@dataclass(frozen=True)
class Bucket:
    """A bucket that one test has for itself."""

    name: str
    server: S3Server

    def url(self, key: str = "") -> str:
        """Give the `s3://` address of a key."""
        return f"s3://{self.name}/{key}"

    def creds(self, keys: Keys | None = None) -> dict[str, str]:
        """Give the `creds` dict of a user (default: the writer)."""
        return (keys or self.server.writer).creds(self.server.endpoint)

    def put(self, key: str, body: bytes) -> str:
        """Upload an object; returns its address."""
        self.server.client().put_object(Bucket=self.name, Key=key, Body=body)
        return self.url(key)

    def get(self, key: str) -> bytes:
        """Download an object."""
        return self.server.client().get_object(Bucket=self.name, Key=key)["Body"].read()

    def delete(self, key: str) -> None:
        """Remove an object."""
        self.server.client().delete_object(Bucket=self.name, Key=key)

    def listing(self, prefix: str = "") -> dict[str, tuple[int, str]]:
        """List the keys below a prefix, each with size and ETag."""
        pages = self.server.client().get_paginator("list_objects_v2")
        return {
            entry["Key"]: (entry["Size"], entry["ETag"])
            for page in pages.paginate(Bucket=self.name, Prefix=prefix)
            for entry in page.get("Contents", [])
        }


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    """Run one S3 server for the whole session."""
    with seaweedfs.running() as server:
        yield server


@pytest.fixture
def bucket(s3: S3Server) -> Iterator[Bucket]:
    """Make a fresh bucket, and remove it with all that the test left in it."""
    bucket = Bucket(f"b-{uuid.uuid4().hex[:12]}", s3)
    client = s3.client()
    client.create_bucket(Bucket=bucket.name)
    yield bucket
    for key in bucket.listing():
        client.delete_object(Bucket=bucket.name, Key=key)
    client.delete_bucket(Bucket=bucket.name)


@pytest.fixture(scope="session")
def moto_process() -> Iterator[MotoServer]:
    """Run one moto server for the whole session."""
    with moto_server.running() as server:
        yield server


@pytest.fixture
def moto(moto_process: MotoServer) -> MotoServer:
    """Give the moto server without any bucket, as strict as AWS."""
    moto_process.reset()
    return moto_process


@pytest.fixture(scope="session")
def gcs() -> Iterator[GcsServer]:
    """Run one server of Google Cloud Storage for the whole session."""
    with gcs_server.running() as server:
        yield server


@pytest.fixture
def gcs_bucket(gcs: GcsServer) -> GcsBucket:
    """Make a fresh bucket; the server has no others, counts from zero and breaks nothing."""
    gcs.reset()
    bucket = GcsBucket(f"b-{uuid.uuid4().hex[:12]}", gcs)
    gcs.create_bucket(bucket.name)
    return bucket


@pytest.fixture(scope="session")
def aws_credentials() -> Iterator[AwsCredentials]:
    """Run what gives out AWS keys of ten seconds, and an S3 server that takes them."""
    with aws_credentials_server.running(ttl_s=10) as server:
        yield server


@pytest.fixture(scope="session")
def reference_process() -> Iterator[Reference]:
    """Run the reference package in a process of its own, for the whole session."""
    with client.running() as process:
        yield process


@pytest.fixture
def reference(reference_process: Reference) -> Reference:
    """Give the reference, with our current directory as its own."""
    reference_process.change_folder(Path.cwd())
    return reference_process


@pytest.fixture
def in_the_corpus(monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make the unpacked corpus the current directory: its links are relative to it."""
    folder = corpus.folder()
    monkeypatch.chdir(folder)
    return folder
