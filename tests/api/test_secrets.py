"""No error of any kind holds a secret or looks like a debug dump, wherever one looks."""

from __future__ import annotations

import contextlib
import http.server
import re
import struct
import threading
import time
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import lakebed
from lakebed import _core, errors
from tests.api.leaks import leaks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SECRET = "mArKeR7f3aSeCrEt"
# First part of the path -> status and S3 code.
REPLIES = {
    "missing": (404, "NoSuchKey"),
    "nobucket": (404, "NoSuchBucket"),
    "unknown": (403, "InvalidAccessKeyId"),
    "wrong": (403, "SignatureDoesNotMatch"),
    "expired": (400, "ExpiredToken"),
    "denied": (403, "AccessDenied"),
    "who": (401, None),
    "odd": (418, "Teapot"),
    "busy": (503, None),
}


class _Refusing(http.server.BaseHTTPRequestHandler):
    """Says no in every way, and repeats everything it was sent, as stores' replies do."""

    def do_GET(self) -> None:
        which = self.path.split("?")[0].strip("/").split("/")[0]
        if which == "moved":
            self.send_response(302)
            self.send_header("Location", f"/missing/elsewhere?X-Amz-Signature={SECRET}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if which in {"text", "short"}:
            self.send_response(200)
            self.send_header("Content-Length", "20" if which == "text" else "4000000000000")
            self.end_headers()
            self.wfile.write(f"{SECRET:>20}".encode())
            return
        status, code = REPLIES[which]
        said = f"<StringToSign>{self.path}\n{self.headers}</StringToSign>"
        known = f"<Code>{code}</Code><Message>it is not possible</Message>" if code else ""
        body = f"<Error>{known}{said}<Token-0>{SECRET}</Token-0></Error>".encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_PUT = do_HEAD = do_GET  # noqa: N815 (the names that the base class looks for)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@dataclass
class World:
    """A dataset with secrets behind its creds keys, and a server that refuses."""

    path: Path
    ds: lakebed.Dataset
    address: str

    def url(self, which: str) -> str:
        """Give an address with a secret wherever a URL can hold one."""
        host = self.address.removeprefix("http://")
        return f"http://user:{SECRET}@{host}/{which}/a.jpg?X-Amz-Signature={SECRET}#{SECRET}"

    def creds(self, **more: str) -> dict[str, str]:
        """Give credentials for S3."""
        return {
            "aws_access_key_id": "KEY",
            "aws_secret_access_key": SECRET,
            "aws_session_token": SECRET,
            "endpoint_url": self.address,
            **more,
        }

    def read_link(self, which: str) -> None:
        """Store a link unseen, and read it."""
        self.ds.unseen.append(lakebed.link(self.url(which), creds_key="web"))
        self.ds.unseen[-1].numpy()

    def s3(self, which: str) -> None:
        """Open a dataset in a bucket."""
        lakebed.load(f"s3://{which}/album", creds=self.creds())

    def provider(self, answer: Callable[[], Any]) -> None:
        """Read from a store whose credentials come from a function."""
        access = _core.AwsAccess(
            credentials=answer,
            region="r",
            endpoint_url=self.address,
            virtual_host=False,
            ca_bundle=None,
            verify=True,
        )
        _core.Store.s3("denied", "p", access).has_dataset()

    def lock(self) -> None:
        """Open for writing what another writer has locked."""
        self.ds.close()
        lock = struct.pack("<6sdI", b"abcdef", time.time() + 100, 1)
        (self.path / "dataset_lock.lock").write_bytes(lock)
        lakebed.load(self.path, read_only=False)

    def damage(self, file: str, data: bytes) -> None:
        """Overwrite a file of the dataset and open it."""
        self.ds.close()
        (self.path / file).write_bytes(data)
        lakebed.load(self.path, read_only=True)

    def chunks(self, tensor: str, data: bytes | None) -> None:
        """Damage or remove a tensor's chunks and read it."""
        self.ds.close()
        for chunk in (self.path / tensor / "chunks").iterdir():
            if data is None:
                chunk.unlink()
            else:
                chunk.write_bytes(chunk.read_bytes()[: -len(data)] + data)
        lakebed.load(self.path, read_only=True)[tensor][0].numpy()

    def reprs(self) -> list[str]:
        """Give what the objects at hand say of themselves."""
        handle = self.ds._handle  # noqa: SLF001
        link = lakebed.link(self.url("missing"), creds_key="web")
        sample = lakebed.read(self.url("missing"), creds={"Authorization": SECRET})
        objects = [
            self.ds,
            self.ds.path,
            handle,
            handle.source,
            handle.source.store,
            link,
            sample,
        ]
        return [f"{each!r} {each}" for each in objects]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Run the server."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Refusing) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def world(path: Path, address: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Make the dataset; the environment has secrets, too."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_SESSION_TOKEN", SECRET)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "KEY")
    ds = lakebed.empty(path)
    ds.add_creds_key("web")
    ds.add_creds_key("s3")
    ds.add_creds_key("later")
    with ds:
        ds.create_tensor("seen", htype="link[image]", sample_compression="jpeg")
        ds.create_tensor("unseen", htype="link[image]", sample_compression="jpeg", verify=False)
        ds.create_tensor("labels", htype="class_label").extend([1, 2])
        ds.create_tensor("ragged").extend([np.zeros(2), np.zeros(3)])
        ds.create_tensor("nothing").append(None)
        ds.create_tensor("texts", htype="text").append("a text of some length")
        pixels = np.zeros((4, 4, 3), "u1")
        ds.create_tensor("images", htype="image", sample_compression="png").append(pixels)
        ds.create_group("group")
    world = World(path, ds, address)
    ds.populate_creds("web", {"Authorization": f"Bearer {SECRET}"})
    ds.populate_creds("s3", world.creds())
    yield world
    with contextlib.suppress(errors.LakebedError):
        ds.close()


def _fail(error: Exception) -> Callable[[], Any]:
    def provider() -> Any:
        raise error

    return provider


def _each(*steps: Callable[[World], object]) -> Callable[[World], None]:
    def one_by_one(world: World) -> None:
        for step in steps:
            step(world)

    return one_by_one


def _bad_key(name: str) -> Callable[[World], object]:
    return lambda world: lakebed.load(
        "s3://denied/album", creds=world.creds(**{name: f"{SECRET}\n"})
    )


CASES: dict[str, tuple[str, Callable[[World], object]]] = {
    # What is asked for cannot be.
    "misspelt setting": (
        "invalid_input",
        lambda w: w.ds.populate_creds("s3", w.creds(aws_secret="") | {"aws_secrt": SECRET}),
    ),
    "secret of another type": (
        "invalid_input",
        lambda w: w.ds.populate_creds("s3", {**w.creds(), "aws_session_token": [SECRET]}),
    ),
    "header of another type": (
        "invalid_input",
        lambda w: w.ds.populate_creds("web", {"Authorization": {"Bearer": SECRET}}),
    ),
    "scheme": ("invalid_input", lambda _: lakebed.load(f"https://u:{SECRET}@h/d?s={SECRET}")),
    "password in a path": (
        "invalid_input",
        lambda w: lakebed.empty(f"s3://u:{SECRET}@b/a name!", creds=w.creds()),
    ),
    "password in an endpoint": (
        "invalid_input",
        lambda w: lakebed.load(
            "s3://b/d", creds=w.creds(endpoint_url=f"http://u:{SECRET}@h/?s={SECRET}")
        ),
    ),
    "endpoint that is none": (
        "invalid_input",
        lambda w: lakebed.load("s3://b/d", creds=w.creds(endpoint_url=f"{SECRET} {SECRET}")),
    ),
    "region": (
        "invalid_input",
        lambda w: lakebed.load("s3://b/d", creds=w.creds(aws_region=f"{SECRET}\n")),
    ),
    "link without a creds key": (
        "invalid_input",
        lambda w: w.ds.unseen.append(lakebed.link(f"s3://u:{SECRET}@b/k")),
    ),
    "link of no kind": (
        "bad_link",
        lambda w: w.ds.seen.append(lakebed.link(f"ftp://u:{SECRET}@h/k?s={SECRET}")),
    ),
    "header that cannot be sent": (
        "link",
        _each(
            lambda w: w.ds.populate_creds("web", {"Authorization": f"Bearer\n{SECRET}"}),
            lambda w: w.read_link("missing"),
        ),
    ),
    # Who is asking.
    "key id": ("authentication", _bad_key("aws_access_key_id")),
    "secret": ("authentication", _bad_key("aws_secret_access_key")),
    "token": ("authentication", _bad_key("aws_session_token")),
    "unknown key": ("authentication", lambda w: w.s3("unknown")),
    "wrong secret": ("authentication", lambda w: w.s3("wrong")),
    "expired": ("credentials_expired", lambda w: w.s3("expired")),
    "denied": ("authorization", lambda w: w.s3("denied")),
    "denied, environment": (
        "authorization",
        lambda w: lakebed.load("s3://denied/d", creds={"endpoint_url": w.address}),
    ),
    "provider raises": (
        "authentication",
        lambda w: w.provider(_fail(RuntimeError(f"login as u:{SECRET} failed"))),
    ),
    "provider raises ours": (
        "authentication",
        lambda w: w.provider(_fail(errors.AuthorizationException("nobody is logged in"))),
    ),
    "provider answers with a text": ("authentication", lambda w: w.provider(lambda: SECRET)),
    "provider answers with bad text": (
        "authentication",
        lambda w: w.provider(lambda: {**w.creds(), "aws_secret_access_key": f"{SECRET}\ud800"}),
    ),
    "missing creds": (
        "link_creds",
        _each(
            lambda w: w.ds.unseen.append(lakebed.link(w.url("missing"), creds_key="later")),
            lambda w: w.ds.unseen[-1].numpy(),
        ),
    ),
    "unknown creds key": ("missing_creds", lambda w: w.ds.populate_creds("none", w.creds())),
    "known creds key": ("creds_exist", lambda w: w.ds.add_creds_key("s3")),
    # What the other side says.
    "no bucket": ("bucket_not_found", lambda w: w.s3("nobucket")),
    "no dataset in a bucket": ("dataset_not_found", lambda w: w.s3("missing")),
    "odd reply": ("storage", lambda w: w.s3("odd")),
    "busy": ("storage_transient", lambda w: _core.fetch(w.url("busy"), **_NOBODY)),
    "no object": ("object_not_found", lambda w: _core.fetch(w.url("missing"), **_NOBODY)),
    "sample": ("link", lambda w: lakebed.read(w.url("missing"), verify=True)),
    "sample in a bucket": (
        "link",
        lambda w: lakebed.read("s3://wrong/a.jpg", verify=True, creds=w.creds()),
    ),
    "sample that is no image": ("unsupported", lambda w: lakebed.read(w.url("text"), verify=True)),
    "link to nothing": ("link", lambda w: w.read_link("missing")),
    "link that moved": ("link", lambda w: w.read_link("moved")),
    "link refused": ("link_creds", lambda w: w.read_link("who")),
    "link that may not be": (
        "link_not_allowed",
        lambda w: _core.fetch(w.url("missing"), **{**_NOBODY, "link_addresses": "refuse"}),
    ),
    "link to no image": ("link", lambda w: w.read_link("text")),
    "link to too much": ("link", lambda w: w.read_link("short")),
    "appended link": (
        "bad_link",
        lambda w: w.ds.seen.append(lakebed.link(w.url("missing"), creds_key="web")),
    ),
    "appended link in a bucket": (
        "bad_link",
        lambda w: w.ds.seen.append(lakebed.link("s3://wrong/a.jpg", creds_key="s3")),
    ),
    # The dataset itself, with all of that behind it.
    "no dataset": ("dataset_not_found", lambda w: lakebed.load(w.path / "none")),
    "dataset": ("dataset_exists", lambda w: lakebed.empty(w.path)),
    "folder": ("path_not_empty", lambda w: lakebed.empty(w.path.parent)),
    "no tensor": ("tensor_not_found", lambda w: w.ds['a"b']),
    "tensor": ("tensor_exists", lambda w: w.ds.create_tensor("labels")),
    "group": ("group_exists", lambda w: w.ds.create_group("group")),
    "no commit": ("checkout_failed", lambda w: lakebed.load(f'{w.path}@a"b')),
    "index": ("index_out_of_range", lambda w: w.ds.labels[7].numpy()),
    "shapes": ("dynamic_shape", lambda w: w.ds.ragged.numpy()),
    "empty": ("empty_tensor", lambda w: w.ds.nothing.numpy()),
    "dtype": ("dtype_mismatch", lambda w: w.ds.labels.append(1.5)),
    "rank": ("shape_mismatch", lambda w: w.ds.ragged.append(np.zeros((2, 2)))),
    "read-only": (
        "read_only",
        lambda w: lakebed.load(w.path, read_only=True).labels.append(1),
    ),
    "locked": ("locked", World.lock),
    "no JSON": ("corrupt", lambda w: w.damage("dataset_meta.json", b'{"a\\"b": \xff')),
    "odd JSON": ("corrupt", lambda w: w.damage("labels/tensor_meta.json", b'{"length": "a\\"b"}')),
    "encoder": ("corrupt", lambda w: w.damage("labels/chunks_index/unsharded", b'"\\"nonsense')),
    "no chunk": ("chunk", lambda w: w.chunks("texts", None)),
    "chunk": ("decode", lambda w: w.chunks("images", b"0123456789" * 5)),
    "planned": ("unsupported", lambda w: w.ds.commit("a message")),
    "closed": ("closed", _each(lambda w: w.ds.close(), lambda w: w.ds.labels.append(1))),
}
_NOBODY: dict[str, Any] = {
    "max_bytes": 1 << 20,
    "aws": None,
    "gcs": None,
    "authorization": f"Bearer {SECRET}",
    "link_addresses": "allow",
}
# Raised by races, by Ctrl-C, by defects of ours, or by what is not there yet.
NOT_PROVOKED = {
    "already_exists",
    "conflict",
    "hub",
    "internal",
    "interrupted",
    "limit_exceeded",
    "not_found",
    "sample",
}


def test_every_kind_is_provoked() -> None:
    assert {kind for kind, _ in CASES.values()} | NOT_PROVOKED == set(errors.KINDS)


@pytest.mark.parametrize("case", CASES)
def test_nothing_leaks(
    world: World,
    case: str,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(lakebed.settings.given, "retry_s", 1)
    _core.set_patience(**lakebed.settings.patience())
    kind, provoke = CASES[case]
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        with pytest.raises(errors.LakebedError) as raised:
            provoke(world)
    error = raised.value
    beside = [caplog.text, *capfd.readouterr(), *(str(each.message) for each in warned)]
    assert leaks(error, SECRET, [*beside, *world.reprs()]) == []
    assert error.kind == kind
    if isinstance(error, errors.TransientStorageError):
        assert re.search(r"gave up after [2-9] tries in \d+\.\d s", str(error))
    # A path or link is named once in each sentence.
    for place in (error.path, error.url):
        assert place is None or str(error).count(place) <= 1


def test_the_look_finds_what_it_should() -> None:
    """Each place that is looked at, with the secret in it alone."""
    inner = errors.StorageError("inner")
    holders = [
        errors.LakebedError(f"no {SECRET}"),
        errors.LakebedError("no", url=f"http://h/?{SECRET}"),
        errors.LakebedError("no", file=SECRET),
        errors.LakebedError("no", failures=[errors.LakebedError(SECRET)]),
        errors.LakebedError("no").with_cause(errors.LakebedError("no", hint=SECRET)),
        errors.LakebedError("no").with_cause(ValueError(SECRET.encode())),
    ]
    for holder in holders:
        assert leaks(holder, SECRET)
    assert leaks(inner, SECRET) == []
    assert leaks(inner, SECRET, [f"a log with {SECRET}"])
    for dump in ("Os { code: 2, kind: NotFound }", "reqwest::Error", 'a \\"b\\"', "Some(3)"):
        assert leaks(errors.StorageError(f"cannot read: {dump}"), SECRET)
