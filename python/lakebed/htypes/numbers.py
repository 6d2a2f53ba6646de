"""Samples of numeric tensors to arrays, many at once where they are alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from lakebed.errors import InvalidInputError, LakebedError
from lakebed.htypes.casting import Array, as_array, cast, check_numeric
from lakebed.htypes.modes import to_mode
from lakebed.links import LinkedSample
from lakebed.sample import Sample

_MODES = {"image.rgb", "image.gray"}
_SCALARS = {int, float, bool, complex}
# Arrays of one shape are joined when they are at most this big each, in bytes: the copy costs less
# than handing them over one by one.
_MAX_JOINED_BYTES = 1 << 16


@dataclass(slots=True)
class Numbers:
    """What samples became.

    Attributes:
        samples: An array (n, ...), or a list as the core's `extend` takes it.
        dtype: The dtype of the first sample, by name; None when all are empty.
        typestr: The same as numpy's typestr.
    """

    samples: Any
    dtype: str | None
    typestr: str | None


class _Converter:
    """One batch; the first sample decides the dtype where the tensor has none."""

    def __init__(self, htype: str, dtype: str | None) -> None:
        self.htype = htype
        self.target = None if dtype is None else np.dtype(dtype)
        self.typestr: str | None = None
        # Labels are few and small: their values decide, whatever their dtype.
        self.by_value = htype == "class_label"

    def settle(self, dtype: np.dtype[Any]) -> np.dtype[Any]:
        """Return the dtype to store, which is this one when there is none yet."""
        if self.target is None:
            self.target = dtype.newbyteorder("=")
            self.typestr = dtype.str
        return self.target

    def array(self, array: Array, value: object, *, by_value: bool) -> Array:
        """Cast an array: one sample or, with the samples in its first axis, many."""
        check_numeric(array, value)
        target = self.settle(array.dtype)
        return cast(array, target, by_value=self.by_value or by_value, htype=self.htype)

    def sample(self, value: Any) -> Any:
        """Make one sample as the core's `extend` takes it."""
        if value is None or (isinstance(value, list) and not value):
            return None
        if isinstance(value, LinkedSample):
            raise link_refused()
        if isinstance(value, Sample):
            made = self.file(value)
            if made is not None:
                return made
            value = value.array
        array = as_array(value, known=self.target is not None)
        if self.htype in _MODES:
            array = to_mode(array, self.htype)
        array = self.array(array, value, by_value=not isinstance(value, np.ndarray))
        # A 0-d sample is stored as one of shape (1) (format 2.2).
        return ("array", array.shape or (1,), array.reshape(-1).view(np.uint8))

    def file(self, sample: Sample) -> tuple[str, bytes, str | None] | None:
        """Hand a file over as it is, if its channels are those of the htype."""
        data = sample.buffer
        if data is None:
            return None
        if self.htype in _MODES:
            shape = sample.shape
            gray = len(shape) == 2  # noqa: PLR2004 (h, w)
            if gray != (self.htype == "image.gray") or shape[2:] not in {(), (3,)}:
                return None
        self.settle(np.dtype(sample.dtype))
        return ("file", data, sample.filename)


def convert(samples: list[Any] | Array, htype: str, dtype: str | None) -> Numbers:
    """Turn samples into what the core stores.

    Args:
        samples: An array with the samples in its first axis, or a list of numbers, nested lists,
            arrays, files (`Sample`) and None.
        htype: The tensor's htype.
        dtype: The tensor's dtype, by name; None to take that of the first sample.

    Raises:
        LakebedError: A sample does not fit; `index` is its number.
    """
    batch = _Converter(htype, dtype)
    if isinstance(samples, np.ndarray):
        made: Any = _convert_joined(samples, samples, batch, by_value=False)
    else:
        joined = _join(samples, batch)
        if joined is None:
            made = _convert_each(samples, batch)
        else:
            # Arrays of one element are judged by value, as they would be one by one.
            by_value = not isinstance(samples[0], np.ndarray) or samples[0].size == 1
            try:
                made = _convert_joined(joined, samples, batch, by_value=by_value)
            except LakebedError:
                # One by one again, to find out which one it is.
                made = _convert_each(samples, batch)
    name = batch.target.name if batch.target is not None else None
    return Numbers(made, name, batch.typestr)


def _convert_joined(joined: Array, given: object, batch: _Converter, *, by_value: bool) -> Any:
    if not len(joined):
        return []
    if batch.htype in _MODES:
        joined = np.stack([to_mode(image, batch.htype) for image in joined])
    made = batch.array(joined, given, by_value=by_value)
    return made.reshape(-1, 1) if made.ndim == 1 else made


def _convert_each(samples: list[Any], batch: _Converter) -> list[Any]:
    made = []
    for index, sample in enumerate(samples):
        try:
            made.append(batch.sample(sample))
        except LakebedError as error:
            if error.index is None:
                error.index = index
            raise
    return made


def _join(samples: list[Any], batch: _Converter) -> Array | None:
    """Make one array of samples that are alike; None where they are not.

    What is joined has to become the same as one by one: the dtype is the first sample's.
    """
    types = set(map(type, samples))
    if types == {np.ndarray}:
        return _join_arrays(samples)
    if not types or not (types <= _SCALARS or types <= {list, tuple}):
        return None
    known = batch.target is not None
    try:
        joined = as_array(samples, known=known)
    except InvalidInputError:
        return None
    if joined.size == 0 or joined.dtype.kind not in "biufc":
        return None
    if not known and as_array(samples[0], known=False).dtype != joined.dtype:
        return None
    return joined


def _join_arrays(samples: list[Array]) -> Array | None:
    first = samples[0]
    # Joining would make another byte order native, which the meta of a new tensor tells apart.
    plain = first.dtype.isnative and not first.dtype.hasobject
    if not (plain and 0 < first.nbytes <= _MAX_JOINED_BYTES):
        return None
    alike = all(one.shape == first.shape and one.dtype == first.dtype for one in samples)
    return np.stack(samples) if alike else None


def link_refused() -> InvalidInputError:
    """Make the error for a link that is given to a tensor of stored samples."""
    return InvalidInputError(
        "deeplake.link() samples can only be appended to linked tensors",
        hint="create the tensor with htype='link[image]'",
    )
