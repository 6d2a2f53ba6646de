"""The conformance suite of the core's stores, run against each of the test servers.

Against a cloud, with an account of one's own:

    LAKEBED_TEST_S3_BUCKET=my-bucket AWS_ACCESS_KEY_ID=... AWS_SECRET_ACCESS_KEY=... \
        cargo test --release -p lakebed-core --test storage_conformance

The other variables stand at the top of `rust/core/tests/storage_conformance/main.rs`.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.servers import moto as moto_server

if TYPE_CHECKING:
    from tests.conftest import Bucket
    from tests.servers.gcs import GcsBucket
    from tests.servers.moto import MotoServer

CHECKOUT = Path(__file__).parents[2]
BUCKET = "conformance"

pytestmark = [pytest.mark.s3, pytest.mark.timeout(300)]


def run_suite(variables: dict[str, str], *parts: str) -> None:
    """Run the suite, or parts of it, on the store that the variables name."""
    configs = sorted((CHECKOUT / "target" / "maturin").glob("pyo3-config-*.txt"))
    ours = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    # As the Makefile calls cargo: with other settings everything would be built again.
    env = {
        **ours,
        "PYO3_BUILD_EXTENSION_MODULE": "1",
        "PYO3_CONFIG_FILE": str(configs[-1]),
        **variables,
    }
    suite = ["cargo", "test", "--release", "--workspace", "--test", "storage_conformance", "--"]
    run = subprocess.run(  # noqa: S603 - our own build
        [*suite, *parts], cwd=CHECKOUT, env=env, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_seaweedfs_passes(bucket: Bucket) -> None:
    server = bucket.server
    run_suite(
        {
            "LAKEBED_TEST_S3_ENDPOINT": server.endpoint,
            "LAKEBED_TEST_S3_BUCKET": bucket.name,
            "AWS_ACCESS_KEY_ID": server.admin.access_key,
            "AWS_SECRET_ACCESS_KEY": server.admin.secret_key,
            "LAKEBED_TEST_S3_READER_KEY": server.reader.access_key,
            "LAKEBED_TEST_S3_READER_SECRET": server.reader.secret_key,
            "LAKEBED_TEST_CHANGED_CHARACTERS": "\\",
        }
    )


def moto_variables(server: MotoServer) -> dict[str, str]:
    return {
        "LAKEBED_TEST_S3_ENDPOINT": server.endpoint,
        "LAKEBED_TEST_S3_BUCKET": BUCKET,
        "AWS_ACCESS_KEY_ID": moto_server.KEY,
        "AWS_SECRET_ACCESS_KEY": moto_server.SECRET,
    }


def test_moto_passes(moto: MotoServer) -> None:
    moto.create_bucket(BUCKET, region="eu-west-1")
    run_suite(moto_variables(moto))


@pytest.mark.parametrize("conditional_put", ["ignored", "refused"])
def test_a_server_that_lacks_what_s3_has_passes(moto: MotoServer, conditional_put: str) -> None:
    moto.create_bucket(BUCKET)
    moto.set(conditional_put=conditional_put, batch_delete="refused")
    parts = ["conditions::", "objects::objects_may_be_empty", "listings::deleting"]
    run_suite({**moto_variables(moto), "LAKEBED_TEST_CONDITIONS": "ignored"}, *parts)


def test_google_cloud_storage_passes(gcs_bucket: GcsBucket) -> None:
    server = gcs_bucket.server
    run_suite(
        {
            "LAKEBED_TEST_GCS_ENDPOINT": server.endpoint,
            "LAKEBED_TEST_GCS_BUCKET": gcs_bucket.name,
            "LAKEBED_TEST_GCS_TOKEN": server.token(),
        }
    )
