"""Rows: samples for many tensors at once, all stored or none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lakebed.dataset.tree import Tree, clean
from lakebed.errors import (
    InvalidInputError,
    MissingTensorsError,
    SampleAppendError,
    SampleExtendError,
    TensorDoesNotExistError,
)
from lakebed.tensor import writing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lakebed.tensor import Handle


def append(
    handle: Handle, tree: Tree, row: Mapping[str, Any], *, skip_ok: bool, append_empty: bool
) -> None:
    """Append one row; see `Dataset.append`."""
    handle.require_writable()
    batch = {name: [writing.one_of(sample)] for name, sample in row.items()}
    with handle.turn():
        full = _complete(handle, tree, batch, skip_ok=skip_ok, append_empty=append_empty)
        writing.write(handle, full, SampleAppendError)


def extend(
    handle: Handle,
    tree: Tree,
    columns: Mapping[str, Any],
    *,
    skip_ok: bool,
    append_empty: bool,
    progressbar: bool,
) -> None:
    """Append many rows; see `Dataset.extend`."""
    handle.require_writable()
    if not columns:
        return
    batch = {name: writing.samples_of(samples) for name, samples in columns.items()}
    lengths = {name: len(samples) for name, samples in batch.items()}
    if len(set(lengths.values())) > 1:
        message = f"the columns have different lengths: {lengths}"
        raise InvalidInputError(message, path=handle.path)
    with handle.turn():
        full = _complete(handle, tree, batch, skip_ok=skip_ok, append_empty=append_empty)
        writing.write(handle, full, SampleExtendError, progressbar=progressbar)


def _complete(
    handle: Handle, tree: Tree, batch: dict[str, Any], *, skip_ok: bool, append_empty: bool
) -> dict[str, Any]:
    """Return the batch by full names, with empty samples where they are wanted."""
    full: dict[str, Any] = {}
    for name, samples in batch.items():
        found = tree.find(name)
        if isinstance(found, Tree):
            message = f"{found.prefix!r} is a group, not a tensor"
            hint = f"write the tensor's name: '{clean(name)}/...'"
            raise TensorDoesNotExistError(message, path=handle.path, hint=hint)
        full[found] = samples
    missing = [name for name in map(tree.full, tree.tensor_names()) if name not in full]
    if missing and not (skip_ok or append_empty):
        raise MissingTensorsError(
            f"tensors are missing: {missing}",
            path=handle.path,
            hint="skip_ok=True leaves them as they are, append_empty=True appends empty samples",
        )
    if append_empty:
        count = len(next(iter(batch.values()), [None]))
        full.update((name, [None] * count) for name in missing)
    lengths = {name: handle.core.num_samples(name) for name in full}
    if len(set(lengths.values())) > 1:
        message = f"all tensors that get rows have to have the same length: {lengths}"
        raise InvalidInputError(message, path=handle.path)
    return full
