"""The ways into a dataset: load, empty, dataset, exists, delete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lakebed import paths
from lakebed.auth.given import concealed
from lakebed.dataset import opening, removal
from lakebed.dataset.dataset import Dataset
from lakebed.dataset.opening import Options
from lakebed.dataset.source import source_of
from lakebed.dataset.tree import Tree
from lakebed.errors import CouldNotCreateNewDatasetException
from lakebed.storage import open_store

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lakebed.dataset.source import Source
    from lakebed.paths import PathLike
    from lakebed.storage import Creds


def load(
    path: PathLike,
    read_only: bool | None = None,
    memory_cache_size: int = 2000,
    local_cache_size: int = 0,
    creds: Creds = None,
    token: str | None = None,
    org_id: str | None = None,
    verbose: bool = True,
    access_method: str = "stream",
    unlink: bool = False,
    reset: bool = False,
    indra: bool = False,
    check_integrity: bool | None = None,
    lock_timeout: float | None = 0,
    lock_enabled: bool = True,
    index_params: Mapping[str, Any] | None = None,
    *,
    allow_local_links: bool | None = None,
    version: str | None = None,
) -> Dataset:
    """Open a dataset.

    Args:
        path: A folder or a URL (docs/storage.md); `@branch` or `@commit` behind it opens that.
        read_only: False insists on writing; None writes when the lock and the store allow it.
        memory_cache_size: For chunks kept between reads, in MB.
        local_cache_size: Accepted; there is no cache on disk yet.
        creds: For S3 see docs/aws.md, for Google Cloud Storage docs/gcs.md: dicts, key files,
            sessions, functions and more; without it, what the machine has.
        token: Accepted; of a hub, which is not there yet.
        org_id: Accepted; of a hub.
        verbose: Warn when the dataset is opened read-only because somebody else is writing.
        access_method: "stream" only.
        unlink: Not there yet.
        reset: Not there yet.
        indra: Not there yet.
        check_integrity: Compare lengths of all tensors; None: unless there are 20 or more.
        lock_timeout: How long to wait for another writer, in seconds; None: for ever.
        lock_enabled: Take and respect the write lock.
        index_params: Not there yet.
        allow_local_links: Read links to files if the dataset is not local. None: see the setting.
        version: The branch or commit; an `@` in the path is then a part of a name. Not in v3.

    Raises:
        DatasetNotFoundError: There is none (a `DatasetHandlerError`).
        CheckoutError: There is no such branch or commit.
        LockedException: Somebody else is writing, and `read_only` is False.
        DatasetCorruptError: Its files contradict the format or each other.
        AuthError: The store does not let us in.

    Cost: A GET for the history, one for the dataset's meta, some for each tensor; the lock.
    """
    del local_cache_size, token, org_id
    path, creds = paths.concealed(path), concealed(creds)
    refused = {"unlink": unlink, "reset": reset, "indra": indra, "index_params": index_params}
    opening.refuse_planned("load", access_method, refused)
    lock = (lock_enabled, lock_timeout)
    options = Options(read_only, check_integrity, memory_cache_size, *lock, allow_local_links)
    return _load(source_of(paths.parse(path, version), creds, options), verbose=verbose)


def empty(
    path: PathLike,
    runtime: Mapping[str, Any] | None = None,
    overwrite: bool = False,
    public: bool = False,
    memory_cache_size: int = 2000,
    local_cache_size: int = 0,
    creds: Creds = None,
    token: str | None = None,
    org_id: str | None = None,
    lock_enabled: bool = True,
    lock_timeout: float | None = 0,
    verbose: bool = True,
    index_params: Mapping[str, Any] | None = None,
    *,
    allow_local_links: bool | None = None,
) -> Dataset:
    """Create a dataset.

    Args:
        path: As in `load`, without an address.
        runtime: Not there yet.
        overwrite: Delete a dataset that is there. Other files are never deleted.
        public: Accepted; of a hub, which is not there yet.
        memory_cache_size: As in `load`.
        local_cache_size: As in `load`.
        creds: As in `load`.
        token: As in `load`.
        org_id: As in `load`.
        lock_enabled: As in `load`.
        lock_timeout: As in `load`.
        verbose: Accepted.
        index_params: Not there yet.
        allow_local_links: As in `load`.

    Returns:
        The dataset, open for writing.

    Raises:
        DatasetExistsError: There is one, and `overwrite` is False (a `DatasetHandlerError`).
        PathNotEmptyException: The folder holds files, but no dataset.
        InvalidDatasetNameException: The last part of the path has unusual characters.
        LockedException: Somebody is writing to the dataset that would be overwritten.
        ReadOnlyModeError: The path is an http(s) URL.
        AuthError: The store does not let us in.

    Source: requirements/storage-options.md.
    """
    del public, local_cache_size, token, org_id, verbose
    path, creds = paths.concealed(path), concealed(creds)
    refused = {"runtime": runtime, "index_params": index_params}
    opening.refuse_planned("empty", "stream", refused)
    location = paths.parse(path)
    paths.refuse_address(location, "empty")
    opening.refuse_writing(location)
    paths.check_name(location)
    options = Options(None, None, memory_cache_size, lock_enabled, lock_timeout, allow_local_links)
    return _create(source_of(location, creds, options), overwrite=overwrite)


def open_or_create(
    path: PathLike,
    runtime: Mapping[str, Any] | None = None,
    read_only: bool | None = None,
    overwrite: bool = False,
    public: bool = False,
    memory_cache_size: int = 2000,
    local_cache_size: int = 0,
    creds: Creds = None,
    token: str | None = None,
    org_id: str | None = None,
    verbose: bool = True,
    access_method: str = "stream",
    unlink: bool = False,
    reset: bool = False,
    check_integrity: bool | None = False,
    lock_enabled: bool = True,
    lock_timeout: float | None = 0,
    index_params: Mapping[str, Any] | None = None,
    indra: bool = False,
    *,
    allow_local_links: bool | None = None,
    version: str | None = None,
) -> Dataset:
    """Open the dataset at a path, or create one there: `deeplake.dataset(path)`.

    Args and errors are those of `load` and `empty`, but for `check_integrity`, which is off.

    Raises:
        CouldNotCreateNewDatasetException: There is none, and `read_only` is True.
        InvalidInputError: There is none, and the path has an address.
    """
    del public, local_cache_size, token, org_id
    path, creds = paths.concealed(path), concealed(creds)
    refused = {"unlink": unlink, "reset": reset, "indra": indra, "index_params": index_params}
    opening.refuse_planned("dataset", access_method, {"runtime": runtime, **refused})
    location = paths.parse(path, version)
    options = Options(
        read_only, check_integrity, memory_cache_size, lock_enabled, lock_timeout, allow_local_links
    )
    source = source_of(location, creds, options)
    exists = source.store.has_dataset()
    if exists and not overwrite:
        return _load(source, verbose=verbose)
    paths.refuse_address(location, "dataset")
    opening.refuse_writing(location)
    paths.check_name(location)
    if read_only:
        message = "there is no dataset at the path, and none can be created read-only"
        if exists:
            message = "a dataset cannot be overwritten read-only"
        raise CouldNotCreateNewDatasetException(message, path=location.path)
    return _create(source, overwrite=overwrite)


def exists(
    path: PathLike, creds: Creds = None, token: str | None = None, org_id: str | None = None
) -> bool:
    """Return whether there is a dataset at a path.

    Args:
        path: As in `load`, without an address.
        creds: As in `load`.
        token: As in `load`.
        org_id: As in `load`.

    Raises:
        AuthError: The store does not let us in.
        InvalidInputError: The path or the credentials cannot be right.

    Cost: Two GETs at most.
    """
    del token, org_id
    path, creds = paths.concealed(path), concealed(creds)
    location = paths.parse(path)
    paths.refuse_address(location, "exists")
    return open_store(location, creds).has_dataset()


def delete(
    path: PathLike,
    force: bool = False,
    large_ok: bool = False,
    creds: Creds = None,
    token: str | None = None,
    verbose: bool = False,
    org_id: str | None = None,
) -> None:
    """Delete the dataset at a path.

    Args:
        path: As in `load`, without an address.
        force: Delete whatever is there, a damaged dataset too.
        large_ok: Delete more than a gigabyte.
        creds: As in `load`.
        token: As in `load`.
        verbose: Accepted.
        org_id: As in `load`.

    Raises:
        DatasetNotFoundError: There is no dataset (a `DatasetHandlerError`).
        DatasetTooLargeToDelete: It is, and `large_ok` is False.
        LockedException: Somebody is writing to it.
        ReadOnlyModeError: The path is an http(s) URL.
        AuthError: The store does not let us in.
    """
    del token, verbose, org_id
    path, creds = paths.concealed(path), concealed(creds)
    location = paths.parse(path)
    paths.refuse_address(location, "delete")
    opening.refuse_writing(location)
    store = open_store(location, creds)
    removal.delete_at(location, store, force=force, large_ok=large_ok)


def _load(source: Source, *, verbose: bool) -> Dataset:
    core = source.open(source.options.read_only)
    if verbose:
        opening.warn_opened(core, source.path)
    handle = source.handle(core)
    return Dataset(handle, Tree(handle))


def _create(source: Source, *, overwrite: bool) -> Dataset:
    store, options = source.store, source.options
    if overwrite and store.has_dataset():
        locks = options.lock_enabled
        removal.delete_at(source.location, store, force=True, large_ok=True, lock_enabled=locks)
    handle = source.handle(opening.create_dataset(source.location, store, options))
    return Dataset(handle, Tree(handle))
