"""Write down all that lakebed reads from a dataset, in the form of `expected.json`.

The counterpart of `tests/reference/expect.py`, through the public API. What is not read yet is
written down as `{"unsupported": message}`, so that it can never be taken for a value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lakebed.errors import LakebedError
from tests.golden.values import Described, describe, encode, sha256

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from lakebed import Dataset, Tensor

_META_FIELDS = (
    "dtype", "typestr", "sample_compression", "chunk_compression", "is_sequence", "is_link",
    "hidden", "max_chunk_size", "tiling_threshold", "links",
)  # fmt: skip


def read_state(ds: Dataset, tensors: Iterable[str]) -> Described:
    """Describe the commit or head that `ds` stands on, with the tensors named."""
    return {
        "pending_commit_id": ds.pending_commit_id,
        "commit_id": ds.commit_id,
        "branch": ds.branch,
        "commits": ds.commits,
        "dataset_info": encode(dict(ds.info)),
        "groups": sorted(_groups(ds)),
        "visible_tensors": sorted(ds.tensors),
        "tensors": {name: read_tensor(ds[name]) for name in tensors},
    }


def _groups(ds: Dataset, prefix: str = "") -> Iterator[str]:
    for name, group in ds.groups.items():
        yield prefix + name
        yield from _groups(group, f"{prefix}{name}/")


def read_tensor(tensor: Tensor) -> Described:
    """Describe one tensor: its meta, its info, and every sample."""
    meta = tensor.meta
    return {
        **{name: getattr(meta, name) for name in _META_FIELDS},
        "key": tensor.key,
        "htype": tensor.htype,
        "base_htype": meta.htype,
        "length": tensor.num_samples,
        "meta_length": meta.length,
        "min_shape": list(meta.min_shape),
        "max_shape": list(meta.max_shape),
        "info": encode(dict(tensor.info)),
        "samples": list(_read_samples(tensor)),
    }


def _read_samples(tensor: Tensor) -> Iterator[Described]:
    """Read everything in one call each, and one by one only where that fails."""
    count, htype = tensor.num_samples, tensor.meta.htype
    values = _all_or_each(tensor, lambda part: part.numpy(aslist=True), lambda one: one.numpy())
    stored: list[Any] = [None] * count
    if tensor.meta.sample_compression and not tensor.is_link:
        stored = _all_or_each(tensor, None, lambda one: one.tobytes())
    for index, (value, data) in enumerate(zip(values, stored, strict=True)):
        sample = value if isinstance(value, dict) else describe(value, htype)
        if tensor.is_link and "unsupported" not in sample:
            sample = sample | _link(tensor[index])
        if isinstance(data, bytes):
            sample = sample | {"stored_sha256": sha256(data), "stored_nbytes": len(data)}
        yield sample


def _link(one: Tensor) -> Described:
    return {"creds_key": one.creds_key(), "path": encode(np.asarray(one.path()))}


def _all_or_each(
    tensor: Tensor,
    read_all: Callable[[Tensor], list[Any]] | None,
    read_one: Callable[[Tensor], Any],
) -> list[Any]:
    if read_all is not None:
        try:
            return read_all(tensor)
        except LakebedError:
            pass  # found again below, at the sample that it is about
    return [_value_or_error(tensor[index], read_one) for index in range(tensor.num_samples)]


def _value_or_error(one: Tensor, read_one: Callable[[Tensor], Any]) -> Any:
    try:
        return read_one(one)
    except LakebedError as error:
        if error.kind == "unsupported":
            return {"unsupported": str(error)}
        return {"error": [each.__name__ for each in type(error).__mro__]}
