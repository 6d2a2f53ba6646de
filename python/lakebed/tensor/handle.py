"""One open dataset, shared by every view and tensor of it: when it flushes, and how it ends."""

from __future__ import annotations

import os
import threading
import weakref
from typing import TYPE_CHECKING

from lakebed.errors import ClosedError, LakebedError, ReadOnlyModeError
from lakebed.tensor.info import Info

if TYPE_CHECKING:
    from collections.abc import Callable

    from lakebed import _core
    from lakebed.links.creds import LinkAccess


class Handle:
    """The core's dataset, with what Python adds to it.

    Every change is flushed at its end, unless it stands inside of `with ds:`, which flushes at its
    own end. A handle that nobody holds any more, or that is open at the interpreter's exit, is
    closed.

    Args:
        core: The core's dataset.
        store: The store that it lies in.
        path: The path as it was typed, without address.
        reopen: Opens the same place again, read-only or not.

    Attributes:
        core: The core's dataset.
        store: The store that it lies in.
        path: The path as it was typed, without address.
    """

    def __init__(
        self,
        core: _core.Dataset,
        store: _core.Store,
        path: str,
        reopen: Callable[[bool], _core.Dataset],
    ) -> None:
        self.core = core
        self.store = store
        self.path = path
        self._reopen = reopen
        self._depth = 0
        self._turns: dict[int, threading.RLock] = {}
        self._infos: dict[str | None, Info] = {}
        self._link_access: dict[str, LinkAccess] = {}
        self._finalizer = weakref.finalize(self, _close_quietly, core, os.getpid())

    def require_writable(self) -> None:
        """Refuse a change of what is read-only or closed.

        Raises:
            ReadOnlyModeError: It is read-only.
            ClosedError: It was closed.
        """
        self._require_open()
        if self.core.read_only:
            notice = self.core.lock_notice
            message = "the dataset is read-only" + (f": {notice}" if notice else "")
            hint = "open it with read_only=False to change it"
            if not self.core.is_head:
                message = "a commit of the past is open, which is read-only"
                hint = f"open the branch to change it: load('{self.path}@{self.core.branch}')"
            raise ReadOnlyModeError(message, path=self.path, hint=hint)

    def turn(self) -> threading.RLock:
        """Return what a thread holds from looking up what it adds to until it is stored.

        A forked child has one of its own: the parent's may be held by a thread that it lacks.
        """
        return self._turns.setdefault(os.getpid(), threading.RLock())

    def changed(self) -> None:
        """Flush after a change, unless a `with` block is going to."""
        if self._depth == 0:
            self.flush()

    def flush(self) -> None:
        """Write everything that waits. Read-only, there is nothing to write.

        Raises:
            ClosedError: The dataset was closed.
        """
        self._require_open()
        if self.core.read_only:
            return
        for info in self._infos.values():
            info.save()
        self.core.flush()

    def enter(self) -> None:
        """Begin to collect changes."""
        self._depth += 1

    def leave(self) -> None:
        """End it; the outermost block flushes, whether it ends well or not."""
        self._depth -= 1
        if self._finalizer.alive:
            self.changed()

    def info(self, tensor: str | None) -> Info:
        """Return the info of the dataset, or of a tensor."""
        found = self._infos.get(tensor)
        if found is None:
            found = self._infos[tensor] = Info(self, tensor)
        return found

    def populate_creds(self, creds_key: str, access: LinkAccess) -> None:
        """Give the credentials behind a creds key, for as long as this handle lives."""
        self.core.populate_creds(creds_key, **access)
        self._link_access[creds_key] = access

    def set_read_only(self, read_only: bool) -> None:
        """Open the dataset again for reading only, or for writing.

        Raises:
            LockedException: Somebody else is writing.
        """
        if read_only == self.core.read_only:
            return
        self.flush()
        if read_only:
            self.close()
        core = self._reopen(read_only)
        if not read_only:
            self.close()
        self.core = core
        for creds_key, access in self._link_access.items():
            core.populate_creds(creds_key, **access)
        self._infos.clear()
        self._finalizer = weakref.finalize(self, _close_quietly, core, os.getpid())

    def close(self) -> None:
        """Flush, release the lock, and refuse whatever comes later."""
        if self._finalizer.alive and not self.core.read_only:
            for info in self._infos.values():
                info.save()
        self._finalizer.detach()
        self.core.close()

    def _require_open(self) -> None:
        # The finalizer lives until `close`.
        if not self._finalizer.alive:
            message = "the dataset was closed"
            raise ClosedError(message, path=self.path, hint="open it again with load()")


def _close_quietly(core: _core.Dataset, pid: int) -> None:
    """Release the lock of a handle that was not closed. Everything was flushed before."""
    # A forked child holds a copy of its parent's handle, whose lock is not the child's to release.
    if os.getpid() != pid:
        return
    try:
        core.close()
    except LakebedError:
        # Nobody is left to tell. The lock lapses by itself.
        return
