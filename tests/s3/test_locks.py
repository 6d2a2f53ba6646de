"""One writer at a time, between processes, machines and packages, on disk and in a bucket."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import struct
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import lakebed
from lakebed import errors
from tests.reference import client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Bucket
    from tests.reference.client import Reference

pytestmark = pytest.mark.s3
ROOT = Path(__file__).resolve().parents[2]
LOCK = "dataset_lock.lock"


@dataclass
class Place:
    """Where a dataset of these tests lies, and a look at its files that is not lakebed's."""

    path: str
    creds: dict[str, str] = field(default_factory=dict)
    bucket: Bucket | None = None

    @property
    def options(self) -> dict[str, Any]:
        """Give what `load` and `empty` need beside the path."""
        return {"creds": self.creds} if self.creds else {}

    def read(self, key: str) -> bytes | None:
        """Give a file's bytes, None when there is none."""
        if self.bucket is None:
            file = Path(self.path) / key
            return file.read_bytes() if file.exists() else None
        found = self.bucket.listing(f"ds/{key}")
        return self.bucket.get(f"ds/{key}") if found else None

    def write(self, key: str, data: bytes) -> None:
        """Replace a file."""
        if self.bucket is None:
            (Path(self.path) / key).write_bytes(data)
        else:
            self.bucket.put(f"ds/{key}", data)


@pytest.fixture(params=["folder", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Make a dataset of one text tensor, on disk and in a bucket."""
    if request.param == "folder":
        place = Place(str(tmp_path / "ds"))
    else:
        bucket: Bucket = request.getfixturevalue("bucket")
        place = Place(bucket.url("ds"), bucket.creds(), bucket)
    ds = lakebed.empty(place.path, **place.options)
    ds.create_tensor("t", htype="text")
    ds.t.append("first")
    ds.close()
    return place


@dataclass
class Writer:
    """A second process on the same dataset."""

    process: subprocess.Popen[str]
    opened: str

    def tell(self, line: str) -> str:
        """Give it an order; returns its answer."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return answer(self.process)


def answer(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@contextlib.contextmanager
def writer(place: Place, *, read_only: bool | None = None) -> Iterator[Writer]:
    """Start a second process that opens the dataset."""
    module = [sys.executable, "-m", "tests.s3.writer_process"]
    arguments = [place.path, json.dumps(place.creds or None), json.dumps(read_only)]
    with subprocess.Popen(  # noqa: S603 - the command is ours
        [*module, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        try:
            yield Writer(process, answer(process))
        finally:
            process.kill()


def texts(place: Place) -> list[str]:
    """Read the tensor with a fresh handle that takes no lock."""
    ds = lakebed.load(place.path, read_only=True, **place.options)
    values: list[str] = ds.t.data()["value"]
    return values


def live_lock(seconds: float, *, node: int = 0x0242AC110002, tag: int = 4242) -> bytes:
    """Make the lock of somebody else that ends in that many seconds."""
    return (
        node.to_bytes(6, "little")
        + struct.pack("<d", time.time() + seconds)
        + struct.pack("<I", tag)
    )


def test_the_lock_is_there_while_the_handle_is_open(place: Place) -> None:
    ds = lakebed.load(place.path, **place.options)
    lock = place.read(LOCK)
    assert lock is not None
    expires, tag = struct.unpack("<dI", lock[6:18])
    assert tag == os.getpid()
    assert 200 < expires - time.time() <= 300
    assert f"{os.getpid()}".encode() in lock[18:], "the owner's details stand behind the 18 bytes"
    ds.close()
    assert place.read(LOCK) is None


def test_a_second_process_is_refused_or_reads(place: Place) -> None:
    ds = lakebed.load(place.path, **place.options)
    with writer(place, read_only=False) as second:
        assert second.opened in {"refused: LockedError", "refused: LockedException"}
    with writer(place) as second:
        assert second.opened == "reading"
        assert second.tell("append no") in {"ReadOnlyError", "ReadOnlyModeError"}
    with writer(place, read_only=True) as second:
        assert second.opened == "reading"
    ds.close()
    with writer(place) as second:
        assert second.opened == "writing"
        assert second.tell("append second") == "done"
        with pytest.raises(errors.LockedException) as locked:
            lakebed.load(place.path, read_only=False, **place.options)
        assert str(second.process.pid) in str(locked.value), "the message says who has it"
        assert second.tell("close") == "done"
    assert texts(place) == ["first", "second"]


def test_a_waiting_writer_gets_the_lock_when_it_is_free(place: Place) -> None:
    place.write(LOCK, live_lock(3))
    ds = lakebed.load(place.path, read_only=False, lock_timeout=30, **place.options)
    ds.t.append("second")
    ds.close()
    assert texts(place) == ["first", "second"]


def test_falling_back_to_reading_is_said(place: Place) -> None:
    place.write(LOCK, live_lock(100))
    with pytest.warns(UserWarning, match="read-only"):
        ds = lakebed.load(place.path, **place.options)
    assert ds.read_only
    with pytest.raises(errors.ReadOnlyModeError):
        ds.t.append("no")
    assert texts(place) == ["first"]


@pytest.mark.parametrize(
    "lock", [live_lock(-1), live_lock(-1)[:9], b""], ids=["old", "cut", "empty"]
)
def test_a_dead_lock_is_taken_over(place: Place, lock: bytes) -> None:
    place.write(LOCK, lock)
    ds = lakebed.load(place.path, read_only=False, **place.options)
    ds.t.append("second")
    ds.close()
    assert place.read(LOCK) is None
    assert texts(place) == ["first", "second"]


def test_locking_can_be_switched_off(place: Place) -> None:
    place.write(LOCK, live_lock(100))
    ds = lakebed.load(place.path, lock_enabled=False, **place.options)
    ds.t.append("second")
    ds.close()
    assert texts(place) == ["first", "second"]
    assert place.read(LOCK) is not None, "somebody else's lock is left alone"


def test_a_killed_writer_leaves_what_it_had_flushed(place: Place) -> None:
    with writer(place) as second:
        assert second.opened == "writing"
        assert second.tell("append second") == "done"
        assert second.tell("hold third") == "done"
        second.process.send_signal(signal.SIGKILL)
        second.process.wait()
    assert place.read(LOCK) is not None
    assert texts(place) == ["first", "second"]
    # Its process is gone, and on this machine that can be seen: no need to wait for the expiry.
    ds = lakebed.load(place.path, read_only=False, **place.options)
    ds.t.append("fourth")
    ds.close()
    assert texts(place) == ["first", "second", "fourth"]


def test_a_writer_that_ends_without_close_releases_the_lock(place: Place) -> None:
    with writer(place) as second:
        assert second.tell("append second") == "done"
        assert second.process.stdin is not None
        second.process.stdin.write("exit\n")
        second.process.stdin.flush()
        assert second.process.wait(20) == 0
    assert place.read(LOCK) is None
    assert texts(place) == ["first", "second"]


def test_a_lost_lock_stops_the_writer(place: Place) -> None:
    """Whoever took the lock over is not overwritten... as soon as the loss is noticed."""
    ds = lakebed.load(place.path, **place.options)
    place.write(LOCK, live_lock(100))
    ds.close()
    lock = place.read(LOCK)
    assert lock is not None, "releasing removes only one's own lock"
    assert lock[14:18] == struct.pack("<I", 4242)


@pytest.fixture
def other() -> Iterator[Reference]:
    """Run the reference in a process of this test: it keeps its locks until it ends."""
    with client.running() as process:
        yield process


def step(place: Place, **options: Any) -> dict[str, Any]:
    """Make the step by which the reference opens the dataset with locking."""
    return {
        "do": "load",
        "path": place.path,
        "options": {"lock_enabled": True, **place.options, **options},
    }


@pytest.mark.reference
def test_the_reference_respects_our_lock(place: Place, other: Reference) -> None:
    ds = lakebed.load(place.path, **place.options)
    with pytest.raises(client.ReferenceFailedError) as refused:
        other.run([step(place, read_only=False)])
    assert refused.value.names[0] == "LockedException"
    with pytest.raises(client.ReferenceFailedError) as refused:
        other.run([step(place), {"do": "append", "name": "t", "value": "no"}])
    assert "ReadOnlyModeError" in refused.value.names
    ds.t.append("second")
    ds.close()
    other.run([step(place), {"do": "append", "name": "t", "value": "third"}])
    assert texts(place) == ["first", "second", "third"]


@pytest.mark.reference
def test_we_respect_the_lock_of_the_reference(place: Place, other: Reference) -> None:
    other.run([step(place), {"do": "append", "name": "t", "value": "second"}])
    with pytest.raises(errors.LockedException):
        lakebed.load(place.path, read_only=False, **place.options)
    with pytest.warns(UserWarning, match="read-only"):
        assert lakebed.load(place.path, **place.options).read_only
    other.process.kill()
    other.process.wait()
    place.write(LOCK, live_lock(-1))
    ds = lakebed.load(place.path, read_only=False, **place.options)
    ds.t.append("third")
    ds.close()
    assert texts(place) == ["first", "second", "third"]
