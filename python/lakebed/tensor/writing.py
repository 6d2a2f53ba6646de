"""Batches of samples to the core, all tensors of a call at once: all or nothing is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lakebed.errors import LakebedError, SampleExtendError
from lakebed.htypes import build, documents, sequence_of
from lakebed.tensor.reading import View

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from lakebed.errors import SampleAppendError
    from lakebed.htypes import Column
    from lakebed.tensor.handle import Handle

# Failures that are about what was given, and are told as failures to append it.
_ABOUT_SAMPLES = frozenset(
    "invalid_input dtype_mismatch shape_mismatch decode link bad_link missing_creds "
    "limit_exceeded object_not_found unsupported".split()
)


def samples_of(given: Any) -> list[Any] | np.ndarray[Any, Any]:
    """Return samples as a list or an array; tensors give theirs in the form they are stored.

    Raises:
        InvalidTypeError: One value, not a collection.
    """
    if isinstance(given, View):
        return given.selection().samples()
    samples = sequence_of(given)
    if isinstance(samples, list):
        kinds = set(map(type, samples))
        if any(issubclass(kind, View) for kind in kinds):
            return [one_of(sample) for sample in samples]
    return samples


def one_of(given: Any) -> Any:
    """Return one sample; of a tensor's view of one sample, what it stands for."""
    if not isinstance(given, View):
        return given
    chosen = given.selection()
    return chosen.samples()[0] if chosen.single else chosen.numpy(aslist=True)


def write(
    handle: Handle,
    batch: Mapping[str, Any],
    wrapper: type[SampleAppendError],
    *,
    progressbar: bool = False,
) -> None:
    """Append samples to tensors.

    Args:
        handle: The open dataset.
        batch: Tensor names to samples, as `samples_of` returns them.
        wrapper: The class of the error that says which tensor failed.
        progressbar: Show one.

    Raises:
        SampleAppendError: A sample does not fit; nothing was stored. The cause says why.
        ReadOnlyModeError: The dataset is read-only.
    """
    handle.require_writable()
    with handle.turn():
        _write(handle, batch, wrapper, progressbar=progressbar)


def _write(
    handle: Handle,
    batch: Mapping[str, Any],
    wrapper: type[SampleAppendError],
    *,
    progressbar: bool,
) -> None:
    columns = {name: _column(handle, name, samples, wrapper) for name, samples in batch.items()}
    if not any(map(len, columns.values())):
        return
    infos = {name: _new_info(handle, name, column) for name, column in columns.items()}
    payload = {
        name: column.for_core(None if infos[name] is None else documents.dumps(infos[name]))
        for name, column in columns.items()
    }
    _extend(handle, payload, wrapper, progressbar=progressbar)
    for name, info in infos.items():
        if info is not None:
            handle.info(name).stored(info)
            names = columns[name].names
            if names is not None:
                names.report(name)
    handle.changed()


def _column(handle: Handle, name: str, samples: Any, wrapper: type[SampleAppendError]) -> Column:
    meta = handle.core.tensor_meta(name)
    names: list[str] = []
    if meta["htype"] == "class_label":
        names = handle.info(name).get("class_names") or []
    try:
        return build(samples, meta, names)
    except LakebedError as error:
        raise _wrapped(error, wrapper, name) from error


def _new_info(handle: Handle, name: str, column: Column) -> dict[Any, Any] | None:
    """Return the tensor's info with the class names that the samples added, if any."""
    if column.names is None or not column.names.added:
        return None
    return {**handle.info(name), "class_names": column.names.names}


def _extend(
    handle: Handle,
    payload: dict[str, dict[str, Any]],
    wrapper: type[SampleAppendError],
    *,
    progressbar: bool,
) -> None:
    try:
        if not progressbar:
            handle.core.extend(payload, None)
            return
        from tqdm.auto import tqdm  # noqa: PLC0415 (loaded only where a bar is asked for)

        total = max(len(column["samples"]) for column in payload.values())
        with tqdm(total=total, unit=" samples") as bar:
            # Links take the time; what counts them starts anew with each link tensor.
            handle.core.extend(payload, lambda done: bar.update(max(done - bar.n, 0)))
            bar.update(total - bar.n)
    except LakebedError as error:
        if error.kind not in _ABOUT_SAMPLES:
            raise
        _count_from_batch(handle, [error, *error.failures])
        raise _wrapped(error, wrapper, next(iter(payload))) from error


def _count_from_batch(handle: Handle, found: list[LakebedError]) -> None:
    """Turn numbers of samples in the tensor, where nothing was stored, into those in the call."""
    for error in found:
        if error.index is not None and error.tensor is not None:
            error.index -= handle.core.num_samples(error.tensor)


def _wrapped(
    error: LakebedError, wrapper: type[SampleAppendError], tensor: str
) -> SampleAppendError:
    """Make the error that says which tensor's samples failed, and keep what is known."""
    place = {"tensor": tensor, **error.place()}
    what = "the samples were not appended" if wrapper is SampleExtendError else "not appended"
    message = f"{what} to the tensor {place['tensor']!r}: {error.message}"
    return wrapper(message, kind=error.kind, hint=error.hint, failures=error.failures, **place)
