# The binding of the Rust core. `rust/py` implements it; stubtest keeps this file true.
#
# Whatever fails raises the exception that `lakebed.errors.from_core` builds. Every method lets
# other threads run while it works, and is stopped by Ctrl-C.

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias, final, overload

import numpy as np
import numpy.typing as npt

__all__ = [
    "AwsAccess",
    "Dataset",
    "GcsAccess",
    "Store",
    "__version__",
    "check_tensor_name",
    "decode_image",
    "display_link",
    "encode_image",
    "error_kinds",
    "fetch",
    "image_info",
    "set_patience",
]

# The version of the package.
__version__: str

# -> {"aws_access_key_id": str, "aws_secret_access_key": str, "aws_session_token": str | None,
#     "expiry": float | None} for AWS, {"access_token": str, "expiry": float | None} for Google;
# expiry in Unix seconds. Called from a thread of the core, whenever it wants fresh secrets: ahead
# of their end, and once when a store refuses them. What it raises becomes the cause of the error if
# it is one of `lakebed.errors`; of others only the class is told, as their words may hold secrets.
_Credentials: TypeAlias = Callable[[], dict[str, Any]]

# How to reach S3, or what speaks like it. `credentials=None` asks anonymously, `region=None` learns
# each bucket's region from the store, `ca_bundle` is the path of a PEM file.
@final
class AwsAccess:
    def __new__(
        cls,
        *,
        credentials: _Credentials | None,
        region: str | None,
        endpoint_url: str | None,
        virtual_host: bool,
        ca_bundle: str | None,
        verify: bool,
    ) -> AwsAccess: ...

# How to reach Google Cloud Storage, likewise.
@final
class GcsAccess:
    def __new__(
        cls,
        *,
        credentials: _Credentials | None,
        endpoint_url: str | None,
        ca_bundle: str | None,
        verify: bool,
    ) -> GcsAccess: ...

# A place that holds at most one dataset. `url` is for display: no secrets, no query.
@final
class Store:
    @property
    def url(self) -> str: ...
    @staticmethod
    def local(root: str) -> Store: ...
    # Stores of one name share their objects for as long as one of them lives.
    @staticmethod
    def memory(name: str) -> Store: ...
    @staticmethod
    def s3(bucket: str, prefix: str, access: AwsAccess) -> Store: ...
    @staticmethod
    def gcs(bucket: str, prefix: str, access: GcsAccess) -> Store: ...
    # A dataset below an http(s) URL: read-only, and never listed.
    @staticmethod
    def http(url: str, authorization: str | None) -> Store: ...
    def has_dataset(self) -> bool: ...
    def is_empty(self) -> bool: ...
    def total_bytes(self) -> int: ...
    # Returns the number of objects, and the keys that were left as no path leads to them.
    def delete_all(self) -> tuple[int, list[str]]: ...
    # Single objects, by their keys below the root.
    def get(self, key: str) -> bytes: ...
    def put(self, key: str, data: bytes) -> None: ...
    # Those that are missing already are fine.
    def delete(self, keys: list[str]) -> None: ...
    # (key, size in bytes) below a folder, sorted, and the keys that no path leads to; no further
    # page is asked for after `limit`.
    def list(self, prefix: str, limit: int) -> tuple[list[tuple[str, int]], list[str]]: ...
    # What was asked of the store so far: "requests", "retries" (part of them), "bytes_read",
    # "bytes_written", "renewals".
    def counters(self) -> dict[str, int]: ...

# One open dataset. Safe to use from several threads; not picklable (open it again instead).
@final
class Dataset:
    @property
    def path(self) -> str: ...
    @property
    def read_only(self) -> bool: ...
    @property
    def closed(self) -> bool: ...
    @property
    def is_head(self) -> bool: ...
    @property
    def branch(self) -> str: ...
    @property
    def commit_id(self) -> str | None: ...
    @property
    def pending_commit_id(self) -> str: ...
    @property
    def branches(self) -> list[str]: ...
    # The newest version among the metas, where it is newer than the format that the core knows.
    @property
    def newer_version(self) -> str | None: ...
    @property
    def allow_delete(self) -> bool: ...
    def set_allow_delete(self, allow: bool) -> None: ...
    # Why a dataset is read-only although that was not asked for, and what to do about it.
    @property
    def lock_notice(self) -> str | None: ...
    @property
    def lock_hint(self) -> str | None: ...
    # `lock_timeout` in seconds, None = wait for ever. `fsync`: whether flushes wait until local
    # disks hold what they wrote. `limits`: max_requests, max_bytes_in_flight, max_sample_bytes,
    # max_requests_per_host; these and `link_addresses` (its `link_private_addresses`): see
    # `lakebed.settings`.
    @staticmethod
    def create(
        store: Store,
        *,
        lock_enabled: bool,
        lock_timeout: float | None,
        memory_cache_bytes: int,
        fsync: bool,
        limits: Mapping[str, int],
        link_addresses: str,
        allow_local_links: bool,
    ) -> Dataset: ...
    @staticmethod
    def open(
        store: Store,
        *,
        address: str | None,
        read_only: bool | None,
        check_integrity: bool | None,
        lock_enabled: bool,
        lock_timeout: float | None,
        memory_cache_bytes: int,
        fsync: bool,
        limits: Mapping[str, int],
        link_addresses: str,
        allow_local_links: bool,
    ) -> Dataset: ...
    # Newest first; each has "commit", "author", "time" (Unix seconds) and "message".
    def commits(self) -> list[dict[str, Any]]: ...
    def tensor_names(self, hidden: bool) -> list[str]: ...
    def groups(self) -> list[str]: ...
    # The fields of tensor_meta.json, and "key": where the tensor is stored.
    def tensor_meta(self, name: str) -> dict[str, Any]: ...
    def num_samples(self, name: str) -> int: ...
    def create_group(self, name: str) -> None: ...
    # spec: htype, dtype, typestr, sample_compression, chunk_compression: str | None;
    #       is_sequence, is_link, hidden, verify: bool;
    #       max_chunk_size, tiling_threshold: int | None;
    #       extra: bytes | None (JSON object merged into the meta);
    #       info: bytes | None (JSON object for tensor_info.json);
    #       info_companion, shape_companion, id_companion: bool
    def create_tensor(self, name: str, spec: dict[str, Any]) -> None: ...
    # A JSON object; of the dataset with `name=None`.
    def info(self, name: str | None) -> bytes: ...
    def set_info(self, name: str | None, info: bytes) -> None: ...
    # `index` is not negative, in any order, with repeats. Arrays are new, writable, C-contiguous.
    #   "stack"  array (n, *shape); samples of differing shapes raise kind dynamic_shape
    #   "list"   one array a sample
    #   "bytes"  the stored bytes; of a link: the object's bytes
    #   "json"   the JSON document
    #   "path"   (link, creds key)
    @overload
    def read(
        self, name: str, index: npt.NDArray[np.int64], mode: Literal["stack"]
    ) -> npt.NDArray[Any]: ...
    @overload
    def read(
        self, name: str, index: npt.NDArray[np.int64], mode: Literal["list"]
    ) -> list[npt.NDArray[Any]]: ...
    @overload
    def read(
        self, name: str, index: npt.NDArray[np.int64], mode: Literal["bytes", "json"]
    ) -> list[bytes]: ...
    @overload
    def read(self, name: str, index: npt.NDArray[np.int64], mode: Literal["text"]) -> list[str]: ...
    @overload
    def read(
        self, name: str, index: npt.NDArray[np.int64], mode: Literal["path"]
    ) -> list[tuple[str, str | None]]: ...
    @overload
    def read(self, name: str, index: npt.NDArray[np.int64], mode: str) -> Any: ...
    # Shapes of stored samples, without reading them.
    def shapes(self, name: str, index: npt.NDArray[np.int64]) -> list[tuple[int, ...]]: ...
    # column: "samples": array (n, ...) of the tensor's dtype, little-endian, or a list of
    #           None
    #           ("array", shape, flat uint8 array): elements in C order, little-endian
    #           ("file", bytes, file name or None): an encoded image, stored as it is
    #           ("text", str): stored as UTF-8
    #           ("json", bytes, count): count is the length of a list sample, else 1
    #           ("link", path, creds key or None);
    #         "htype", "dtype", "typestr": str | None, set where the meta still has null;
    #         "info": bytes | None, a new tensor_info.json.
    # All or nothing: any error leaves the dataset as it was before the call. `progress` is called
    # about every 50 ms with the number of jobs done; it must not use the dataset.
    def extend(
        self, columns: dict[str, dict[str, Any]], progress: Callable[[int], object] | None
    ) -> None: ...
    def flush(self) -> None: ...
    # Flush, release the lock and only read from then on.
    def end_writing(self) -> None: ...
    # Flush and release the lock. Later calls raise kind closed. KeyboardInterrupt leaves it open;
    # after another failure it is closed, and what could not be stored is lost.
    def close(self) -> None: ...
    # As close, where the process ends: threads that still read may go on.
    def abandon(self) -> None: ...
    def creds_keys(self) -> list[str]: ...
    # Both are stored at once.
    def add_creds_key(self, creds_key: str) -> None: ...
    def rename_creds_key(self, old: str, new: str) -> None: ...
    # `authorization` is the value of the HTTP header of that name.
    def populate_creds(
        self,
        creds_key: str,
        *,
        aws: AwsAccess | None,
        gcs: GcsAccess | None,
        authorization: str | None,
    ) -> None: ...

# The name of a new tensor or group without superfluous slashes; kind invalid_input if it cannot be
# one. A name with a lone surrogate raises UnicodeEncodeError.
def check_tensor_name(name: str) -> str: ...

# Format name, shape and dtype of an encoded image, from its header.
def image_info(data: bytes) -> tuple[str, tuple[int, ...], str]: ...

# (h, w) or (h, w, channels), as Pillow gives it; kind limit_exceeded over `max_bytes`.
def decode_image(data: bytes, max_bytes: int) -> npt.NDArray[Any]: ...

# `format` is "jpeg" or "png".
def encode_image(array: npt.NDArray[Any], format: str) -> bytes: ...

# A link as it may be shown: URLs lose user, password, query and fragment.
def display_link(url: str) -> str: ...

# How long servers are waited for, in all requests of this process that begin from now on.
def set_patience(*, retry_s: int, idle_timeout_s: int) -> None: ...

# The bytes of one linked object; kind limit_exceeded where it has more than `max_bytes`.
def fetch(
    url: str,
    *,
    aws: AwsAccess | None,
    gcs: GcsAccess | None,
    authorization: str | None,
    max_bytes: int,
    link_addresses: str,
) -> bytes: ...

# The codes of all kinds of errors.
def error_kinds() -> list[str]: ...
