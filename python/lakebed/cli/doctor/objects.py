"""What can be done with objects, and how fast: with requests of the core, as datasets do it.

Nothing but one object of our own is written, and it is removed again.
"""

from __future__ import annotations

import secrets
import statistics
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lakebed.cli.report import Finding, State
from lakebed.errors import AuthorizationError, LakebedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from lakebed import _core

# A page of a listing, in which something to read may be found.
_LISTED = 100
_ASKED_TIMES = 7
# Enough to tell whether the large one ends in time, which may take so long.
_SMALL_BYTES = 256 << 10
_LARGE_BYTES = 4 << 20
_PATIENCE_S = 10
# What every dataset has: worth asking for where nothing else is known.
_META = "dataset_meta.json"
_MB = 1e6


@dataclass
class Objects:
    """The objects of one store, and what was found out about them.

    Attributes:
        store: The store.
        probe: The key of the object that is written and removed again.
        seen: What a listing showed: key and bytes.
        stored: Whether the probe was written.
        readable: The key and bytes of an object that can be read.
        listable: Whether a listing was given.
    """

    store: _core.Store
    probe: str = field(default_factory=lambda: f".lakebed/doctor-{secrets.token_hex(8)}")
    seen: list[tuple[str, int]] = field(default_factory=list)
    stored: bool = False
    readable: tuple[str, int] | None = None
    listable: bool = False

    def examine(self, *, lists: bool, write: bool) -> list[Finding]:
        """List, write, read, measure, delete; what cannot be tried is said to be skipped.

        Args:
            lists: Whether this kind of store can list.
            write: Whether anything may be written.
        """
        listed = self._list() if lists else _skipped("list", "http(s) servers have no listings")
        if not write:
            kept = [_skipped(check, "not tried") for check in ("write", "delete")]
            read = self._read()
            return [listed, read, *kept, self._latency(), self._bandwidth()]
        try:
            written = self._write()
            found = [self._read(), written]
            speed = [self._latency(), self._bandwidth()]
        finally:
            # Also when the user stops it, and when a write only seems to have failed.
            deleted = self._delete()
        return [listed, *found, deleted, *speed]

    def _list(self) -> Finding:
        try:
            self.seen, odd = self.store.list("", _LISTED)
        except LakebedError as error:
            return failed("list", error)
        self.listable = True
        count = f"{_LISTED} or more" if len(self.seen) >= _LISTED else str(len(self.seen))
        detail = f"{count} object{'' if count == '1' else 's'}" if self.seen else "nothing is there"
        values = {"objects": len(self.seen), "odd_keys": odd}
        if odd:
            detail += f", and {len(odd)} that no path leads to, such as {odd[0]!r}"
            hint = "lakebed leaves such objects alone; rename or remove them with the store's tools"
            return Finding("list", State.WARNING, detail, hint, values)
        return Finding("list", State.OK, detail, values=values)

    def _write(self) -> Finding:
        try:
            self.store.put(self.probe, self.probe.encode())
        except AuthorizationError as error:
            return failed("write", error, "for data that is only read: --no-write")
        except LakebedError as error:
            return failed("write", error)
        self.stored = True
        return Finding("write", State.OK, "an object of our own")

    def _read(self) -> Finding:
        """Read the probe, else the smallest object there is, else what a dataset would have."""
        key, size = min(self.seen, key=lambda entry: entry[1], default=(_META, 0))
        if self.stored:
            key, size = self.probe, 0
        if size > _LARGE_BYTES:
            return _skipped("read", "no object of less than 4 MiB among the first that were listed")
        try:
            data = self.store.get(key)
        except LakebedError as error:
            if error.kind == "object_not_found" and not self.stored:
                return _skipped("read", "nothing to read, but it was not refused")
            return failed("read", error)
        self.readable = key, len(data)
        if not self.stored:
            values = {"key": key, "bytes": len(data)}
            return Finding("read", State.OK, f"{key}, {len(data)} bytes", values=values)
        if data != key.encode():
            return Finding("read", State.FAILED, f"{key} holds other bytes than were written")
        return Finding("read", State.OK, "an object of our own")

    def _delete(self) -> Finding:
        try:
            self.store.delete([self.probe])
        except LakebedError as error:
            hint = f"{self.probe} stays behind: remove it with other credentials"
            return failed("delete", error, hint if self.stored else None)
        if not self.stored:
            return _skipped("delete", "nothing to delete, but it was not refused")
        return Finding("delete", State.OK, "the object of our own is gone")

    def _latency(self) -> Finding:
        """Take the median of some small requests, the first of which may open a connection."""
        ask: Callable[[], object]
        if self.readable and self.readable[1] <= _SMALL_BYTES:
            key, what = self.readable[0], "reads"
            ask = lambda: self.store.get(key)  # noqa: E731 (one of two)
        elif self.listable:
            what = "listings"
            ask = lambda: self.store.list("", 1)  # noqa: E731
        else:
            # What does not work is not tried again and again.
            return _skipped("latency", "nothing small to ask for")
        try:
            took_ms = [_timed(ask) * 1e3 for _ in range(_ASKED_TIMES + 1)][1:]
        except LakebedError as error:
            return failed("latency", error)
        median_ms = round(statistics.median(took_ms), 1)
        detail = f"{median_ms} ms, the median of {len(took_ms)} {what}"
        return Finding("latency", State.OK, detail, values={"latency_ms": median_ms})

    def _bandwidth(self) -> Finding:
        """Write and read some megabytes, or as much as ends in time."""
        if not self.stored or self.readable is None:
            return self._reading_speed()
        try:
            up = self._upload(_SMALL_BYTES)
            size = _LARGE_BYTES if _LARGE_BYTES / _MB / up < _PATIENCE_S else _SMALL_BYTES
            up = self._upload(size) if size > _SMALL_BYTES else up
            down = size / _MB / _timed(lambda: self.store.get(self.probe))
        except LakebedError as error:
            return failed("bandwidth", error)
        values = {"upload_mb_s": round(up, 2), "download_mb_s": round(down, 2), "bytes": size}
        detail = f"{down:.1f} MB/s down, {up:.1f} MB/s up (one object of {size >> 10} KiB)"
        return Finding("bandwidth", State.OK, detail, values=values)

    def _upload(self, size: int) -> float:
        data = secrets.token_bytes(size)
        return size / _MB / _timed(lambda: self.store.put(self.probe, data))

    def _reading_speed(self) -> Finding:
        """Read the largest object that is not too large."""
        fit = [entry for entry in self.seen if _SMALL_BYTES <= entry[1] <= _LARGE_BYTES]
        if not fit or not self.readable:
            return _skipped("bandwidth", "no object of fitting size to read (256 KiB to 4 MiB)")
        key, size = max(fit, key=lambda entry: entry[1])
        try:
            down = size / _MB / _timed(lambda: self.store.get(key))
        except LakebedError as error:
            return failed("bandwidth", error)
        values = {"download_mb_s": round(down, 2), "bytes": size}
        detail = f"{down:.1f} MB/s down (one object of {size >> 10} KiB)"
        return Finding("bandwidth", State.OK, detail, values=values)


def failed(check: str, error: LakebedError, hint: str | None = None) -> Finding:
    """Return the finding of a check that an error ended."""
    named = error.file is None or error.file in error.message
    detail = error.message if named else f"{error.file}: {error.message}"
    return Finding(check, State.FAILED, detail, hint or error.hint, {"kind": error.kind})


def _skipped(check: str, why: str) -> Finding:
    return Finding(check, State.SKIPPED, why)


def _timed(call: Callable[[], object]) -> float:
    begun = time.perf_counter()
    call()
    # A clock may stand still for as long as a read from memory takes.
    return max(time.perf_counter() - begun, 1e-6)
