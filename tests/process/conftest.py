"""A folder behind http, and photographs in it."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

import pytest

import lakebed
from lakebed import Sample
from tests.process.datasets import PHOTOS, Place, photo
from tests.servers import fault_proxy
from tests.servers.process import HOST, free_port, spawn, stop, wait_until_healthy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.conftest import Bucket
    from tests.servers.fault_proxy import FaultProxy


@pytest.fixture(params=["local", "memory", pytest.param("s3", marks=pytest.mark.s3)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Give a place of each kind."""
    if request.param == "s3":
        bucket: Bucket = request.getfixturevalue("bucket")
        return Place(bucket.url(), bucket.creds())
    if request.param == "memory":
        return Place(f"mem://{tmp_path.name}-")
    return Place(f"{tmp_path}/")


@contextlib.contextmanager
def _serving(folder: Path) -> Iterator[str]:
    port = free_port()
    where = ["--bind", HOST, "--directory", str(folder), "--protocol", "HTTP/1.1"]
    log = folder.parent / "http.log"
    server = spawn([sys.executable, "-m", "http.server", str(port), *where], log, cwd=folder)
    try:
        wait_until_healthy(f"http://{HOST}:{port}/", server, log)
        yield f"http://{HOST}:{port}"
    finally:
        stop(server)


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve photographs `0.png`, `1.png`, ... over http; gives the URL of the folder."""
    folder = tmp_path_factory.mktemp("web") / "files"
    folder.mkdir()
    for number in range(PHOTOS):
        data = Sample(array=photo(number)).compressed_bytes("png")
        (folder / f"{number}.png").write_bytes(data)
    with _serving(folder) as url:
        yield url


@pytest.fixture(scope="module")
def slow_web(web: str) -> Iterator[FaultProxy]:
    """Serve the same photographs through a proxy that can be made slow."""
    with fault_proxy.running(web) as proxy:
        yield proxy


@pytest.fixture
def linked(slow_web: FaultProxy) -> Callable[[str], lakebed.Dataset]:
    """Make datasets whose images are links to the photographs behind the proxy."""

    def make(path: str) -> lakebed.Dataset:
        slow_web.reset()
        ds = lakebed.empty(path, overwrite=True)
        ds.create_tensor("images", htype="link[image]", sample_compression="png")
        urls = [f"{slow_web.endpoint}/{number}.png" for number in range(PHOTOS)]
        ds.images.extend([lakebed.link(url) for url in urls])
        return ds

    return make
