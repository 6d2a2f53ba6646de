"""Paths to open datasets: what the entry points have in common."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lakebed import _core, planned
from lakebed.errors import (
    DatasetNotFoundError,
    InvalidInputError,
    PathNotEmptyException,
    ReadOnlyModeError,
)
from lakebed.settings import settings
from lakebed.tensor import save_infos_at

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lakebed.paths import Location

# memory_cache_size is given in megabytes, which are 10^6 bytes in this format (format 4.1).
_MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Options:
    """How to open a dataset.

    Attributes:
        read_only: None: for writing if the lock and the store allow it.
        check_integrity: None: unless there are many tensors.
        memory_cache_size: For chunks kept between reads, in MB.
        lock_enabled: Whether the write lock is taken and respected.
        lock_timeout: How long to wait for it in seconds; None: for ever.
        allow_local_links: Whether links of a remote dataset may lead to files of this machine;
            None: as the setting says.
    """

    read_only: bool | None = None
    check_integrity: bool | None = None
    memory_cache_size: float = 2000
    lock_enabled: bool = True
    lock_timeout: float | None = 0
    allow_local_links: bool | None = None

    def locking(self) -> dict[str, Any]:
        """Return what the core wants to know, whether it opens or creates."""
        if self.memory_cache_size < 0:
            raise InvalidInputError("memory_cache_size is a number of megabytes, not less than 0")
        return {
            "lock_enabled": self.lock_enabled,
            "lock_timeout": None if self.lock_timeout is None else float(self.lock_timeout),
            "memory_cache_bytes": int(self.memory_cache_size * _MB),
            "fsync": settings.fsync,
            "limits": settings.limits(),
            "link_addresses": settings.link_private_addresses,
            "allow_local_links": (
                settings.allow_local_links
                if self.allow_local_links is None
                else self.allow_local_links
            ),
        }


def open_dataset(location: Location, store: _core.Store, options: Options) -> _core.Dataset:
    """Open what exists. A handle of this process that writes to it is flushed, and only reads then.

    Raises:
        DatasetNotFoundError: Nothing does.
        LockedException: Somebody else is writing, and `read_only` is False.
        ReadOnlyModeError: `read_only` is False, and the place can only be read.
        CheckoutError: There is no such branch or commit.
        DatasetCorruptError: Its files contradict the format or each other.
    """
    if not location.is_writable:
        if options.read_only is False:
            refuse_writing(location)
        options = replace(options, read_only=True)
    if options.read_only is not True:
        save_infos_at(store.url)
    try:
        return _core.Dataset.open(
            store,
            address=location.address,
            read_only=options.read_only,
            check_integrity=options.check_integrity,
            **options.locking(),
        )
    except DatasetNotFoundError as error:
        error.hint = _elsewhere(location) or error.hint
        raise


def create_dataset(location: Location, store: _core.Store, options: Options) -> _core.Dataset:
    """Create a dataset where nothing is.

    Raises:
        DatasetExistsError: There is one.
        PathNotEmptyException: There are other files.
    """
    try:
        return _core.Dataset.create(store, **options.locking())
    except PathNotEmptyException as error:
        error.hint = _elsewhere(location) or error.hint
        raise


def refuse_writing(location: Location) -> None:
    """Refuse to write to a place that can only be read.

    Raises:
        ReadOnlyModeError: It is one.
    """
    if not location.is_writable:
        message = "a dataset behind a web server can only be read"
        hint = "write it where its files lie, and load the URL with read_only=True, or without it"
        raise ReadOnlyModeError(message, path=location.path, hint=hint)


def _elsewhere(location: Location) -> str | None:
    """Return what to do where another place than this one may have been meant.

    Source: hub/paths-and-creds, section 1, "Normalisation of the root".
    """
    if location.is_bucket:
        bucket = location.path.rstrip("/")
        return (
            "a dataset that deeplake 3 wrote to a whole bucket has keys that begin with '/', which "
            "cannot be read, as clients of stores take them for keys without it: copy its objects "
            f"to keys below a folder (from {bucket}//dataset_meta.json to "
            f"{bucket}/album/dataset_meta.json, and so on), and give the folder"
        )
    if "@" in location.path and location.address is not None:
        return (
            f"with version={location.address!r} the path is taken as it is, with its '@': leave "
            "out `version` or what follows the '@'"
        )
    return None


def warn_opened(core: _core.Dataset, path: str) -> None:
    """Say what is not as asked for: read-only in spite of it, or of a newer version."""
    notes = []
    if core.lock_notice:
        notes.append(f"{path} was opened read-only: {core.lock_notice}")
    if core.newer_version:
        notes.append(f"{path} was written by the newer version {core.newer_version} of the format")
    for note in notes:
        # The frame of whoever called load() or dataset().
        warnings.warn(note, stacklevel=4)


def refuse_planned(call: str, access_method: str, given: Mapping[str, object]) -> None:
    """Name parameters that are not there yet, where they ask for something.

    Raises:
        UnsupportedFeatureError: One does.
    """
    other = None if access_method == "stream" else access_method
    for name, value in {"access_method": other, **given}.items():
        if value:
            planned.refuse(f"deeplake.{call}(..., {name}={value!r})")
