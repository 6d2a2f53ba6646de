"""One open dataset, shared by every view and tensor of it: when it flushes, and how it ends."""

from __future__ import annotations

import os
import sys
import threading
import warnings
import weakref
from typing import TYPE_CHECKING, Any, Protocol, Self

from lakebed.auth.given import concealed
from lakebed.errors import (
    ClosedError,
    CredsKeyNotFoundError,
    DatasetCorruptError,
    LakebedError,
    MissingCredsError,
    ReadOnlyModeError,
)
from lakebed.links import link_access
from lakebed.tensor.info import Document, Info

if TYPE_CHECKING:
    from collections.abc import Callable

    from lakebed import _core
    from lakebed.auth import Creds
    from lakebed.storage import Storage

# What `populate_creds` was given: the credentials, and whether the environment is asked.
Populated = tuple["Creds", bool]


class Source(Protocol):
    """What a handle was opened from; see `lakebed.dataset.source`."""

    @property
    def path(self) -> str:
        """The path as it was typed, without address."""

    @property
    def storage(self) -> Storage:
        """What is at the path."""

    @property
    def store(self) -> _core.Store:
        """The store there."""

    def open(self, read_only: bool) -> _core.Dataset:
        """Open the same place again."""

    def reduce(self, handle: Handle) -> tuple[Callable[..., Handle], tuple[Any, ...]]:
        """Return what pickle needs to open it in another process."""


class Handle:
    """The core's dataset, with what Python adds to it.

    Every change is flushed at its end, unless it stands inside of `with ds:`, which flushes at its
    own end. A handle that nobody holds any more, or that is open at the interpreter's exit, is
    closed.

    Reads take no lock of this class. Changes do, so that what they look at first (lengths, class
    names, infos) is still so when they come to the core, and so that `close` in another thread
    comes before a change or after its flush.

    Args:
        core: The core's dataset.
        source: Where it came from.

    Attributes:
        source: Where it came from.
        populated: What `populate_creds` was given, by creds key.
        in_batch: Whether a batch is being appended; only for who holds `changing()`.
    """

    def __init__(self, core: _core.Dataset, source: Source) -> None:
        self.source = source
        self.populated: dict[str, Populated] = {}
        self.in_batch = False
        self._changing = threading.RLock()
        # `with` blocks that are open: of all threads, and of the thread that asks.
        self._blocks = 0
        self._own = threading.local()
        self._hold(core)
        _LIVE[id(self)] = self

    def _hold(self, core: _core.Dataset) -> None:
        """Take over an open dataset, to be closed when this handle goes."""
        self._open = _Open(core, self.path)
        self._finalizer = weakref.finalize(self, _close_at_end, self._open)
        processes: Any = sys.modules.get("multiprocessing.util")
        if processes is not None:
            # A forked worker of multiprocessing ends without the interpreter's own exit.
            processes.Finalize(self, self._finalizer, exitpriority=0)

    @property
    def core(self) -> _core.Dataset:
        """The core's dataset.

        Raises:
            ClosedError: It was closed.
        """
        self._require_open()
        return self._open.core

    def _require_open(self) -> None:
        if self.closed:
            message = "the dataset was closed"
            raise ClosedError(message, path=self.path, hint="open it again with load()")

    @property
    def path(self) -> str:
        """The path as it was typed, without address."""
        return self.source.path

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._open.core.closed

    @property
    def read_only(self) -> bool:
        """Whether changes are refused; those of a closed dataset are."""
        return self._open.core.read_only

    def require_writable(self) -> None:
        """Refuse a change of what is read-only or closed.

        Raises:
            ReadOnlyModeError: It is read-only.
            ClosedError: It was closed.
        """
        core = self.core
        if core.read_only:
            # Perhaps because another thread has closed it just now.
            self._require_open()
            notice, hint = core.lock_notice, core.lock_hint
            message = "the dataset is read-only" + (f": {notice}" if notice else "")
            if not core.is_head:
                message = "a commit of the past is open, which is read-only"
                hint = f"open the branch to change it: load('{self.path}@{core.branch}')"
            hint = hint or "open it with read_only=False to change it"
            raise ReadOnlyModeError(message, path=self.path, hint=hint)

    # --- changes

    def changing(self) -> threading.RLock:
        """Return the lock to hold from the first look to the flush of a change."""
        return self._changing

    def changed(self) -> None:
        """Flush after a change, unless a `with` block is going to."""
        if not self._blocks:
            self.flush()

    def flush(self) -> None:
        """Write everything that waits. Read-only, there is nothing to write.

        Raises:
            ClosedError: The dataset was closed.
        """
        if self.core.read_only:
            self._open.warn_of_stranded()
            return
        with self._changing:
            core = self.core
            self._open.save()
            core.flush()

    def enter(self) -> None:
        """Begin to collect changes, those of all threads."""
        with self._changing:
            self._blocks += 1
        self._own.blocks = getattr(self._own, "blocks", 0) + 1

    def leave(self) -> None:
        """End it. The outermost block of a thread flushes, whether it ends well or not."""
        with self._changing:
            self._blocks -= 1
        # A block may be left by another thread than entered it.
        self._own.blocks = max(getattr(self._own, "blocks", 0) - 1, 0)
        if not (self._own.blocks and self._blocks) and not self.closed:
            self.flush()

    def info(self, tensor: str | None) -> Info:
        """Return the info of the dataset, or of a tensor."""
        return Info(self, tensor)

    def class_names(self, tensor: str) -> list[str]:
        """Return the names of a tensor's class labels, from its info.

        Raises:
            DatasetCorruptError: What stands there is no list of texts.
        """
        names = self.info(tensor).get("class_names") or []
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            message = f"the class_names of tensor {tensor!r} are no list of texts"
            raise DatasetCorruptError(message, path=self.path, tensor=tensor)
        return names

    def document(self, tensor: str | None) -> Document:
        """Return the content of an info, the same for everybody."""
        return self._open.documents.setdefault(tensor, Document(tensor))

    def save_infos(self) -> None:
        """Hand changes inside of the values of infos to the core, which does not see them."""
        if not self._open.core.read_only:
            with self._changing:
                self._open.save()

    def populate_creds(self, creds_key: str, creds: Creds, from_environment: bool) -> None:
        """Give the credentials behind a creds key, for as long as this handle lives.

        Raises:
            MissingCredsError: The dataset has no such key.
            InvalidInputError: See `link_access`.
        """
        creds = concealed(creds)
        try:
            access = link_access(creds, from_environment=from_environment)
        except LakebedError as error:
            # Frames below hold parts of the credentials.
            raise error.without_frames() from error.__cause__
        self.core.populate_creds(creds_key, **access)
        self.populated[creds_key] = (creds, from_environment)

    def rename_creds_key(self, old: str, new: str) -> None:
        """Give a creds key another name, and its credentials with it.

        Raises:
            CredsKeyNotFoundError: The dataset has no such key.
        """
        with self._changing:
            core = self.core
            try:
                core.rename_creds_key(old, new)
            except MissingCredsError as error:
                hint = f"its creds keys are {', '.join(map(repr, core.creds_keys())) or 'none'}"
                raise CredsKeyNotFoundError(
                    error.message, path=self.path, creds_key=old, hint=hint
                ) from None
            given = self.populated.pop(old, None)
            if given is not None:
                self.populated.setdefault(new, given)

    # --- the end of things

    def set_read_only(self, read_only: bool) -> None:
        """End writing, or open the dataset again for it.

        Raises:
            LockedException: Somebody else is writing.
        """
        with self._changing:
            core = self.core
            if read_only == core.read_only:
                return
            if read_only:
                self._open.save()
                core.end_writing()
                return
            again = self.source.open(read_only=False)
            # What was open holds no lock, and reads of it may be under way.
            self._finalizer.detach()
            self._hold(again)
            for creds_key, given in list(self.populated.items()):
                self.populate_creds(creds_key, *given)

    def close(self) -> None:
        """Flush, release the lock, and refuse whatever comes later.

        Raises:
            LakebedError: Something could not be stored, and is lost; the dataset is closed.
        """
        if self._open.is_forked:
            self._open.core.close()
        else:
            with self._changing:
                self._open.close()
        self._finalizer.detach()

    # --- copies

    def __reduce__(self) -> tuple[Callable[..., Handle], tuple[Any, ...]]:
        """Pickle what it takes to open the dataset again, read-only."""
        _ = self.core
        return self.source.reduce(self)

    def __copy__(self) -> Self:
        """Share what is open: copies of views and tensors are views of the same dataset."""
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """As `__copy__`."""
        return self


class _Open:
    """What has to be closed, which outlives its handle by as long as that takes.

    Args:
        core: The core's dataset.
        path: For messages.
    """

    __slots__ = ("_path", "_pid", "core", "documents")

    def __init__(self, core: _core.Dataset, path: str) -> None:
        self.core = core
        self.documents: dict[str | None, Document] = {}
        self._path = path
        self._pid = os.getpid()

    @property
    def is_forked(self) -> bool:
        """Whether this is a forked child's copy, whose lock is its parent's."""
        return os.getpid() != self._pid

    def save(self) -> None:
        """Hand changes inside of the values of infos to the core."""
        for document in list(self.documents.values()):
            document.save(self.core)

    def warn_of_stranded(self) -> None:
        """Say which infos were changed inside of a value, which nobody could refuse."""
        for document in list(self.documents.values()):
            if document.is_changed:
                document.forget()
                name = "ds.info" if document.tensor is None else f"ds[{document.tensor!r}].info"
                message = f"{self._path} is read-only: changes inside of {name} were not stored"
                # The frame of whoever called flush() or close().
                warnings.warn(message, RuntimeWarning, stacklevel=4)

    def close(self) -> None:
        """Store what waits, and close the core."""
        if self.core.closed:
            return
        try:
            if self.core.read_only:
                self.warn_of_stranded()
            else:
                self.save()
        finally:
            self.core.close()

    def abandon(self) -> None:
        """Store what waits and release the lock; a thread may still read when the process ends."""
        if self.core.read_only:
            return
        try:
            self.save()
        finally:
            self.core.abandon()


# To find the handles that a new one takes over from. Its values go when nobody holds them.
_LIVE: weakref.WeakValueDictionary[int, Handle] = weakref.WeakValueDictionary()


def save_infos_at(url: str) -> None:
    """Hand changes inside of infos to the core, for all handles of this process on one place.

    Args:
        url: The place, as its store has it.
    """
    for handle in _live():
        if not handle.closed and handle.source.store.url == url:
            handle.save_infos()


def _live() -> list[Handle]:
    # A list at once: handles come and go meanwhile.
    found = (reference() for reference in _LIVE.valuerefs())
    return [handle for handle in found if handle is not None]


def _renew_locks() -> None:
    """Let go, in a forked child, of locks that threads of its parent held."""
    for handle in _live():
        handle._changing = threading.RLock()  # noqa: SLF001 (a function of its class, as it were)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_locks)


def _close_at_end(opened: _Open) -> None:
    """Close what its last holder, or the interpreter, left open."""
    if opened.is_forked:
        return
    if isinstance(threading.current_thread(), threading._DummyThread):  # noqa: SLF001
        # Perhaps one of the core's, which is asking for credentials as the garbage is collected:
        # closing may need just these, and has to wait for them elsewhere.
        threading.Thread(target=_close_left_open, args=(opened,)).start()
    else:
        _close_left_open(opened)


def _close_left_open(opened: _Open) -> None:
    try:
        opened.abandon()
    except LakebedError as error:
        # Nobody is left to raise it to.
        message = f"the dataset at {error.path or opened.core.path} was left open: {error}"
        warnings.warn(message, RuntimeWarning, stacklevel=1)
