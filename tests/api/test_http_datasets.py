"""Datasets behind a web server: read as they are, never written."""

from __future__ import annotations

import functools
import http.server
import pickle
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import lakebed
from lakebed import errors
from tests.api.leaks import leaks
from tests.servers.process import HOST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

HEADER = "Bearer s3cr3t-word"


class Handler(http.server.SimpleHTTPRequestHandler):
    """Hands out a folder; what lies in `private` to those who know the word."""

    asked: list[str]

    def do_GET(self) -> None:
        """Answer, or refuse."""
        self.asked.append(f"{self.command} {self.path}")
        if self.path.startswith("/private") and self.headers.get("Authorization") != HEADER:
            self.send_error(401)
        else:
            super().do_GET()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make three equal datasets, one with an odd name."""
    for name in ("album", "private", "my album"):
        with lakebed.empty(tmp_path / name) as ds:
            ds.create_tensor("a", dtype="int64")
            ds.a.extend(np.arange(7))
            ds.create_tensor("g/t", htype="text")
            ds["g/t"].extend([f"text {n}" for n in range(7)])
    return tmp_path


@pytest.fixture
def asked() -> list[str]:
    return []


@pytest.fixture
def url(folder: Path, asked: list[str]) -> Iterator[str]:
    made = type("HandlerOfOneTest", (Handler,), {"asked": asked})
    handler = functools.partial(made, directory=str(folder))
    with http.server.ThreadingHTTPServer((HOST, 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://{HOST}:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("name", ["album", "album/", "my album", "my%20album", "album@main"])
def test_a_dataset_is_read(url: str, asked: list[str], name: str) -> None:
    path = f"{url}/{name}"
    ds = lakebed.load(path)
    assert ds.read_only
    assert ds.path == path.partition("@")[0]
    assert ds.a.numpy().ravel().tolist() == list(range(7))
    assert ds["g/t"].text()[3] == "text 3"
    assert ds.summary is not None
    assert {line.partition(" ")[0] for line in asked} == {"GET"}
    assert len(lakebed.dataset(path)) == 7
    again = pickle.loads(pickle.dumps(ds))  # noqa: S301 - our own
    assert again.a[6].numpy() == 6


def test_what_it_is_stored_in_is_told(url: str) -> None:
    storage = lakebed.load(f"{url}/album").storage
    assert (storage.provider, storage.url) == ("http", f"{url}/album")
    assert (storage.identity, storage.endpoint) == ("anonymous", None)
    assert storage.counters.requests > 0
    assert storage.counters.bytes_read > 0


def test_whether_there_is_one_is_known(url: str) -> None:
    assert lakebed.exists(f"{url}/album")
    assert not lakebed.exists(f"{url}/nothing")
    with pytest.raises(errors.DatasetNotFoundError):
        lakebed.load(f"{url}/nothing")


WRITING: dict[str, Callable[[str], Any]] = {
    "empty": lakebed.empty,
    "overwrite": lambda url: lakebed.empty(url, overwrite=True),
    "dataset": lambda url: lakebed.dataset(f"{url}-new"),
    "dataset, overwriting": lambda url: lakebed.dataset(url, overwrite=True),
    "load": lambda url: lakebed.load(url, read_only=False),
    "delete": lakebed.delete,
    "delete by force": lambda url: lakebed.delete(url, force=True),
    "again": lambda url: setattr(lakebed.load(url), "read_only", False),
    "append": lambda url: lakebed.load(url).a.append(1),
    "create_tensor": lambda url: lakebed.load(url).create_tensor("b"),
    "delete it": lambda url: lakebed.load(url).delete(),
}


@pytest.mark.parametrize("what", WRITING)
def test_nothing_is_written(url: str, asked: list[str], what: str) -> None:
    with pytest.raises(errors.ReadOnlyModeError) as refused:
        WRITING[what](f"{url}/album")
    assert isinstance(refused.value, errors.ReadOnlyError)
    if what not in {"append", "create_tensor", "delete it"}:
        assert "behind a web server" in str(refused.value)
    assert {line.partition(" ")[0] for line in asked} <= {"GET"}


def test_a_header_lets_in(url: str) -> None:
    path = f"{url}/private"
    ds = lakebed.load(path, creds={"Authorization": HEADER})
    assert ds.a.numpy().sum() == 21
    assert ds.storage.identity == "the creds dict"
    assert "s3cr3t" not in f"{ds!r} {ds.storage!r}"
    assert pickle.loads(pickle.dumps(ds)).a[2].numpy() == 2  # noqa: S301 - our own
    for creds in (None, {}, {"Authorization": "Bearer s3cr3t-other"}):
        with pytest.raises(errors.AuthError) as refused:
            lakebed.load(path, creds=creds)
        assert leaks(refused.value, "s3cr3t") == []


@pytest.mark.parametrize(
    ("creds", "words"),
    [
        ("ENV", "not a str"),
        ({"authorization": "s3cr3t"}, "'authorization'"),
        ({"Authorization": 3}, "no int"),
        ({"Authorization": "x", "aws_access_key_id": "s3cr3t"}, "'aws_access_key_id'"),
        ({"Authorization": "s3cr3t\n"}, "header"),
    ],
)
def test_other_credentials_are_refused_with_the_right_form(creds: Any, words: str) -> None:
    with pytest.raises(errors.InvalidInputError, match=words) as refused:
        lakebed.load("http://127.0.0.1:1/x", creds=creds)
    assert "Authorization" in str(refused.value)
    assert leaks(refused.value, "s3cr3t") == []
