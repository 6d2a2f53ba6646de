"""Deleting datasets, with care."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from lakebed.dataset.opening import Options, open_dataset
from lakebed.errors import (
    DatasetHandlerError,
    DatasetNotFoundError,
    DatasetTooLargeToDelete,
    FormatError,
    LockedError,
)

if TYPE_CHECKING:
    from lakebed import _core
    from lakebed.paths import Location
    from lakebed.tensor import Handle

_MAX_NAMED = 5  # Keys that a warning shows.
_MAX_BYTES = 1_000_000_000  # What is more needs `large_ok`, as in Deep Lake v3.


def delete_at(
    location: Location,
    store: _core.Store,
    *,
    force: bool = False,
    large_ok: bool = False,
    lock_enabled: bool = True,
) -> None:
    """Delete the dataset at a location.

    Args:
        location: Where.
        store: The store there.
        force: Delete whatever lies there, a damaged dataset too.
        large_ok: Delete more than a gigabyte.
        lock_enabled: Respect the lock of somebody who is writing.

    Raises:
        DatasetNotFoundError: There is no dataset; with `force`: there is nothing.
        DatasetHandlerError: It is damaged, and `force` is False.
        DatasetTooLargeToDelete: It is, and `large_ok` is False.
        LockedException: Somebody is writing to it.
    """
    if store.has_dataset():
        if lock_enabled:
            _require_unlocked(location, store, force=force)
    elif not force:
        message = "there is no dataset at the path"
        hint = "force=True deletes whatever is there"
        raise DatasetNotFoundError(message, path=location.path, hint=hint)
    elif store.is_empty():
        raise DatasetNotFoundError("there is nothing at the path", path=location.path)
    _check_size(store, location.path, large_ok=large_ok)
    _delete_all(store, location.path)


def _require_unlocked(location: Location, store: _core.Store, *, force: bool) -> None:
    """Make sure that nobody writes to a dataset that is about to go, and that it may go.

    Raises:
        LockedException: Somebody does.
        DatasetHandlerError: It is damaged or forbids its deletion, and `force` is False.
    """
    try:
        core = open_dataset(location, store, Options(read_only=False, check_integrity=False))
        allowed = core.allow_delete
        core.close()
    except LockedError:
        raise
    except FormatError as error:
        if not force:
            message = "the dataset at the path is damaged"
            hint = "force=True deletes it all the same"
            raise DatasetHandlerError(message, path=location.path, hint=hint) from error
        return
    if not force:
        _require_allowed(location.path, allowed=allowed)


def _require_allowed(path: str, *, allowed: bool) -> None:
    if not allowed:
        message = "the dataset forbids its deletion: its `allow_delete` is false"
        hint = "deeplake.delete(path, force=True) deletes it all the same"
        raise DatasetHandlerError(message, path=path, hint=hint)


def delete_open(handle: Handle, *, large_ok: bool) -> None:
    """Delete an open dataset, which is closed then.

    Raises:
        DatasetTooLargeToDelete: It has more than a gigabyte, and `large_ok` is False.
        DatasetHandlerError: It forbids its deletion.
        ReadOnlyModeError: It is open read-only.
    """
    handle.require_writable()
    _require_allowed(handle.path, allowed=handle.core.allow_delete)
    _check_size(handle.source.store, handle.path, large_ok=large_ok)
    store = handle.source.store
    handle.close()
    _delete_all(store, handle.path)


def _delete_all(store: _core.Store, path: str) -> None:
    """Delete all objects, and name what is none: no key of ours leads there."""
    _, odd = store.delete_all()
    if odd:
        shown = ", ".join(map(repr, odd[:_MAX_NAMED])) + (", ..." if len(odd) > _MAX_NAMED else "")
        message = (
            f"{len(odd)} of the things below {path} were left: {shown}. No path leads there: to "
            "keys with empty parts, '.', '..' or control characters, to links that end elsewhere, "
            "to names that are no text. Delete them with the tools of the store"
        )
        warnings.warn(message, RuntimeWarning, stacklevel=4)


def _check_size(store: _core.Store, path: str, *, large_ok: bool) -> None:
    if large_ok:
        return
    size = store.total_bytes()
    if size > _MAX_BYTES:
        message = f"the dataset has {size:,} bytes"
        raise DatasetTooLargeToDelete(message, path=path, hint="large_ok=True deletes it")
