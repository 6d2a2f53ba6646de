"""Datasets of the corpus behind a web server that knows files and nothing else."""

from __future__ import annotations

import json
import pickle
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING

import pytest

import lakebed
from lakebed import errors
from tests.golden import corpus
from tests.golden.reading import read_state

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.links.conftest import WebServer


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


def served(static: str, corpus: Path, name: str) -> tuple[lakebed.Dataset, lakebed.Dataset]:
    """Open a dataset of the corpus from its files, and through the server."""
    url = f"{static}/v3/{name}/ds"
    local = lakebed.load(corpus / "v3" / name / "ds", read_only=True)
    return local, lakebed.load(url)


@pytest.mark.parametrize("name", ["images", "versions", "groups"])
def test_a_dataset_of_the_corpus(name: str, static: str, in_the_corpus: Path) -> None:
    local, ds = served(static, in_the_corpus, name)
    expected, found = (json.dumps(read_state(each, local.tensors)) for each in (local, ds))
    # Messages about what is not read yet name the place.
    assert found.replace(ds.path, local.path) == expected
    assert (ds.read_only, ds.storage.provider, ds.storage.url) == (True, "http", ds.path)
    with pytest.raises(errors.ReadOnlyModeError):
        ds.create_tensor("x")
    assert len(pickle.loads(pickle.dumps(ds)).tensors) == len(local.tensors)  # noqa: S301 - ours


def test_links_of_a_dataset_that_came_over_a_network(static: str, in_the_corpus: Path) -> None:
    local, ds = served(static, in_the_corpus, "links")
    name = next(name for name, tensor in local.tensors.items() if tensor.is_link)
    assert ds[name].path(aslist=True) == local[name].path(aslist=True)
    with pytest.raises(errors.LinkNotAllowedError, match="allow_local_links=True"):
        ds[name][0].numpy()


def test_nothing_is_written_through_a_web_server(static: str) -> None:
    url = f"{static}/v3/images/ds"
    assert lakebed.exists(url)
    assert not lakebed.exists(f"{static}/v3/nothing")
    with pytest.raises(errors.DatasetNotFoundError):
        lakebed.load(f"{static}/v3/nothing")
    with pytest.raises(errors.ReadOnlyModeError):
        lakebed.load(url, read_only=False)
    for create in (lakebed.empty, lakebed.dataset):
        with pytest.raises(errors.ReadOnlyModeError, match="can only be read"):
            create(f"{static}/v3/nothing")


def test_the_authorization_of_a_dataset_is_sent(web: WebServer, tmp_path: Path) -> None:
    made = lakebed.empty(tmp_path / "ds")
    made.create_tensor("x", dtype="uint8").append([1, 2])
    made.close()
    for file in (tmp_path / "ds").rglob("*"):
        if file.is_file():
            web.put(f"/a%20b/{file.relative_to(tmp_path / 'ds')}", file.read_bytes())
    web.password = "Bearer t"
    with pytest.raises(errors.AuthenticationError):
        lakebed.load(f"{web.url}/a b")
    ds = lakebed.load(f"{web.url}/a b", creds={"Authorization": "Bearer t"})
    assert ds.x[0].numpy().tolist() == [1, 2]


def test_what_needs_a_listing_is_told(static: str, in_the_corpus: Path) -> None:
    """Versions of an old dataset are found by looking which there are."""
    with pytest.raises(errors.StorageError, match="web servers do not list"):
        served(static, in_the_corpus, "old_2_0_5")
