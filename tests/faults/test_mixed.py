"""With one request in ten failing, what is written and read is right."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

import numpy as np

import lakebed
from tests.s3.album import jpeg

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.clouds import Cloud

# More of it with LAKEBED_TEST_EXAMPLES, in the long runs.
ROUNDS = max(1, int(os.environ.get("LAKEBED_TEST_EXAMPLES", "0")) // 500) * 12
ROWS = 10
SIDE = 40


@contextlib.contextmanager
def one_request_in_ten_fails(cloud: Cloud) -> Iterator[None]:
    """Let half of them get a 503 and the others a reset, and see that some did."""
    cloud.proxy.set(error_rate=0.05, reset_rate=0.05)
    yield
    stats = cloud.proxy.stats()
    assert stats.errors > 3
    assert stats.resets > 3


def test_packed_samples_are_written_and_read(cloud: Cloud) -> None:
    with one_request_in_ten_fails(cloud):
        write_and_read_packed(cloud)


def write_and_read_packed(cloud: Cloud) -> None:
    values = np.random.default_rng(1).random((ROUNDS * ROWS, SIDE, SIDE), "float32")
    ds = cloud.empty()
    # Small chunks, so that there are many requests.
    ds.create_tensor("x", dtype="float32", max_chunk_size=ROWS * SIDE * SIDE * 2)
    ds.create_tensor("text", htype="text")
    for number in range(ROUNDS):
        rows = range(number * ROWS, (number + 1) * ROWS)
        ds.extend({"x": values[rows.start : rows.stop], "text": [f"row {row}" for row in rows]})
        ds.flush()
    ds.close()
    read = cloud.load()
    np.testing.assert_array_equal(read.x.numpy(), values)
    assert read.text.data()["value"] == [f"row {row}" for row in range(ROUNDS * ROWS)]


def test_linked_samples_are_written_and_read(cloud: Cloud) -> None:
    with one_request_in_ten_fails(cloud):
        write_and_read_linked(cloud)


def write_and_read_linked(cloud: Cloud) -> None:
    files = [jpeg(number) for number in range(ROUNDS * 5)]
    links = [cloud.bucket.put(f"photos/{n}.jpg", file) for n, file in enumerate(files)]
    ds = cloud.empty()
    ds.create_tensor("images", htype="link[image]", sample_compression="jpeg")
    ds.add_creds_key("key")
    ds.populate_creds("key", cloud.creds())
    ds.extend({"images": [lakebed.link(link, creds_key="key") for link in links]})
    ds.close()
    read = cloud.load()
    read.populate_creds("key", cloud.creds())
    assert [read.images[n].tobytes() for n in range(len(files))] == files
