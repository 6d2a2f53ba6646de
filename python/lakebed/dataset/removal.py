"""Deleting datasets, with care."""

from __future__ import annotations

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

_MAX_BYTES = 1_000_000_000  # What is more needs `large_ok`, as in Deep Lake v3.


def delete_at(
    location: Location, store: _core.Store, *, force: bool = False, large_ok: bool = False
) -> None:
    """Delete the dataset at a location.

    Args:
        location: Where.
        store: The store there.
        force: Delete whatever lies there, a damaged dataset too.
        large_ok: Delete more than a gigabyte.

    Raises:
        DatasetNotFoundError: There is no dataset; with `force`: there is nothing.
        DatasetHandlerError: It is damaged, and `force` is False.
        DatasetTooLargeToDelete: It is, and `large_ok` is False.
        LockedException: Somebody is writing to it.
    """
    if store.has_dataset():
        release_lock(location, store, force=force)
    elif not force:
        message = "there is no dataset at the path"
        hint = "force=True deletes whatever is there"
        raise DatasetNotFoundError(message, path=location.path, hint=hint)
    elif store.is_empty():
        raise DatasetNotFoundError("there is nothing at the path", path=location.path)
    _check_size(store, location.path, large_ok=large_ok)
    store.delete_all()


def release_lock(location: Location, store: _core.Store, *, force: bool) -> None:
    """Make sure that nobody writes to a dataset that is about to go.

    Raises:
        LockedException: Somebody does.
        DatasetHandlerError: It is damaged, and `force` is False.
    """
    try:
        open_dataset(location, store, Options(read_only=False, check_integrity=False)).close()
    except LockedError:
        raise
    except FormatError as error:
        if not force:
            message = "the dataset at the path is damaged"
            hint = "force=True deletes it all the same"
            raise DatasetHandlerError(message, path=location.path, hint=hint) from error


def delete_open(handle: Handle, *, large_ok: bool) -> None:
    """Delete an open dataset, which is closed then.

    Raises:
        DatasetTooLargeToDelete: It has more than a gigabyte, and `large_ok` is False.
        ReadOnlyModeError: It is open read-only.
    """
    handle.require_writable()
    _check_size(handle.store, handle.path, large_ok=large_ok)
    handle.close()
    handle.store.delete_all()


def _check_size(store: _core.Store, path: str, *, large_ok: bool) -> None:
    if large_ok:
        return
    size = store.total_bytes()
    if size > _MAX_BYTES:
        message = f"the dataset has {size:,} bytes"
        raise DatasetTooLargeToDelete(message, path=path, hint="large_ok=True deletes it")
