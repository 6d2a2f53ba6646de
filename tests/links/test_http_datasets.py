"""Datasets of the corpus behind a web server that knows files and nothing else."""

from __future__ import annotations

import json
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING

import pytest

import lakebed
from lakebed import _core, errors, paths
from lakebed.dataset.opening import Options
from lakebed.dataset.source import Source
from lakebed.dataset.tree import Tree
from tests.golden import corpus
from tests.golden.reading import read_state

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class _Files(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def static() -> Iterator[str]:
    """Serve the corpus as `python -m http.server` does; gives the URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Files, directory=str(corpus.folder())))
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def opened(path: str, store: _core.Store) -> lakebed.Dataset:
    source = Source(paths.parse(path), None, Options(read_only=True), store)
    handle = source.handle(source.open(read_only=True))
    return lakebed.Dataset(handle, Tree(handle))


def served(static: str, corpus: Path, name: str) -> tuple[lakebed.Dataset, lakebed.Dataset]:
    """Open a dataset of the corpus from its files, and through the server."""
    path, url = str(corpus / "v3" / name / "ds"), f"{static}/v3/{name}/ds"
    store = _core.Store.http(url + "/", None)
    assert store.url == url
    return lakebed.load(path, read_only=True), opened(path, store)


@pytest.mark.parametrize("name", ["images", "versions", "groups"])
def test_a_dataset_of_the_corpus(name: str, static: str, in_the_corpus: Path) -> None:
    local, ds = served(static, in_the_corpus, name)
    expected, found = (json.dumps(read_state(each, local.tensors)) for each in (local, ds))
    # Messages about what is not read yet name the place.
    assert found.replace(ds.path, local.path).replace(f"{static}/", f"{in_the_corpus}/") == expected


def test_links_of_a_dataset_that_came_over_a_network(static: str, in_the_corpus: Path) -> None:
    local, ds = served(static, in_the_corpus, "links")
    name = next(name for name, tensor in local.tensors.items() if tensor.is_link)
    assert ds[name].path(aslist=True) == local[name].path(aslist=True)
    with pytest.raises(errors.LinkNotAllowedError, match="allow_local_links=True"):
        ds[name][0].numpy()


def test_what_needs_a_listing_is_told(static: str, in_the_corpus: Path) -> None:
    """Versions of an old dataset are found by looking which there are."""
    with pytest.raises(errors.StorageError, match="web servers do not list"):
        served(static, in_the_corpus, "old_2_0_5")
