"""How many requests a read costs, counted on the way to the server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.s3.album import CREDS_KEY, pixels, write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lakebed import Dataset, Tensor
    from tests.conftest import Bucket
    from tests.s3.album import Album
    from tests.servers.fault_proxy import FaultProxy
    from tests.servers.seaweedfs import S3Server

pytestmark = pytest.mark.s3


@pytest.fixture(scope="module")
def proxy(s3: S3Server) -> Iterator[FaultProxy]:
    """Count what goes through."""
    from tests.servers import fault_proxy

    with fault_proxy.running(s3.endpoint) as running:
        yield running


@pytest.fixture
def album(bucket: Bucket) -> Album:
    return write(bucket, 12)


@pytest.fixture
def ds(album: Album, proxy: FaultProxy) -> Dataset:
    """Open the album; its links, and nothing else, are fetched through the proxy."""
    opened = album.load()
    opened.populate_creds(CREDS_KEY, {**album.bucket.creds(), "endpoint_url": proxy.endpoint})
    proxy.reset()
    return opened


@pytest.mark.parametrize(
    "read",
    [lambda tensor: tensor.tobytes(), lambda tensor: tensor.numpy(), lambda tensor: tensor.shape],
    ids=["tobytes", "numpy", "shape"],
)
def test_a_link_costs_one_request_at_most(
    ds: Dataset, proxy: FaultProxy, read: Callable[[Tensor], object]
) -> None:
    read(ds.images[3])
    assert proxy.stats().requests <= 1


def test_tobytes_is_one_get_of_the_object(album: Album, ds: Dataset, proxy: FaultProxy) -> None:
    assert ds.images[3].tobytes() == album.files[3]
    assert proxy.stats().requests == 1
    assert proxy.stats().sent_bytes < len(album.files[3]) + 1500


def test_many_links_cost_one_request_each_and_repeats_none(
    album: Album, ds: Dataset, proxy: FaultProxy
) -> None:
    arrays = ds.images[[4, 5, 4, 6, 5, 4]].numpy(aslist=True)
    assert [array.tobytes() for array in arrays] == [
        pixels(album.files[number]).tobytes() for number in (4, 5, 4, 6, 5, 4)
    ]
    assert proxy.stats().requests == 3
    ds.images.numpy(aslist=True)
    assert proxy.stats().requests == 3 + 12
