"""The conformance suite of the core's stores, run against a real S3 server."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Bucket

CHECKOUT = Path(__file__).parents[2]

pytestmark = [pytest.mark.s3, pytest.mark.timeout(300)]


def test_the_s3_store_passes_the_suite_of_every_store(bucket: Bucket) -> None:
    server = bucket.server
    configs = sorted((CHECKOUT / "target" / "maturin").glob("pyo3-config-*.txt"))
    # As the Makefile calls cargo: with other settings everything would be built again.
    env = {
        **os.environ,
        "PYO3_BUILD_EXTENSION_MODULE": "1",
        "PYO3_CONFIG_FILE": str(configs[-1]),
        "LAKEBED_TEST_S3_ENDPOINT": server.endpoint,
        "LAKEBED_TEST_S3_BUCKET": bucket.name,
        "AWS_ACCESS_KEY_ID": server.admin.access_key,
        "AWS_SECRET_ACCESS_KEY": server.admin.secret_key,
        "LAKEBED_TEST_S3_READER_KEY": server.reader.access_key,
        "LAKEBED_TEST_S3_READER_SECRET": server.reader.secret_key,
    }
    suite = ["cargo", "test", "--release", "--workspace", "--test", "storage_conformance"]
    run = subprocess.run(  # noqa: S603 - our own build
        suite, cwd=CHECKOUT, env=env, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
