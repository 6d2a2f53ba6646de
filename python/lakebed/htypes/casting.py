"""Which values go into which dtype, and how they get there (format 6.2).

numpy's "safe" casts are taken, and beyond them what is safe for the very values: Python numbers,
lists, and arrays of at most one element are judged so.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from lakebed.errors import InvalidTypeError, TensorDtypeMismatchError, UnsupportedFeatureError
from lakebed.htypes.table import DTYPES

Array = npt.NDArray[Any]
# The name of a dtype is made anew each time it is asked for; these need none.
_NATIVE = frozenset(map(np.dtype, DTYPES))


def as_array(value: object, *, known: bool) -> Array:
    """Return a sample as an array.

    Args:
        value: Numbers, nested lists, an array, ...
        known: Whether the tensor has a dtype. Where it has none, Python bools become int64, as in
            Deep Lake v3.

    Raises:
        InvalidTypeError: numpy finds no numbers in it.
    """
    try:
        array = np.asarray(value)
    except (ValueError, TypeError) as error:
        message = f"a {type(value).__name__} is no sample of a numeric tensor: {error}"
        raise InvalidTypeError(message) from error
    if array.dtype.kind == "b" and not (known or hasattr(value, "dtype")):
        return array.astype(np.int64)
    return array


def check_numeric(array: Array, value: object) -> None:
    """Refuse what a numeric tensor cannot hold.

    Raises:
        InvalidTypeError: Text, bytes, objects, ...
        UnsupportedFeatureError: Dates and times.
    """
    if array.dtype in _NATIVE or array.dtype.name in DTYPES:
        return
    if array.dtype.kind in "mM":
        raise UnsupportedFeatureError(f"not supported yet: samples of dtype {array.dtype}")
    hint = None
    if isinstance(value, str | bytes):
        hint = "to append a file, give deeplake.read(path) instead of its name"
    message = f"a {type(value).__name__} is no sample of a numeric tensor"
    if isinstance(value, np.ndarray):
        message = f"an array of dtype {array.dtype} is no sample of a numeric tensor"
    raise InvalidTypeError(message, hint=hint)


def cast(array: Array, target: np.dtype[Any], *, by_value: bool, htype: str | None = None) -> Array:
    """Return the array in a dtype, C-contiguous and little-endian.

    Args:
        array: Any shape, a dtype of the format.
        target: The tensor's dtype.
        by_value: Whether the values decide where the dtypes do not fit.
        htype: For the message.

    Raises:
        TensorDtypeMismatchError: The values do not fit.
    """
    fits = (
        array.dtype == target
        or array.size == 0
        or np.can_cast(array.dtype, target, "safe")
        or ((by_value or array.size == 1) and _values_fit(array, target))
    )
    if not fits:
        expects = "" if htype in {None, "generic"} else f" by htype {htype!r}"
        raise TensorDtypeMismatchError(
            f"the tensor's dtype is {target.name}{expects}, which the sample's {array.dtype.name} "
            "does not fit into safely",
            hint=f"convert it, for example with .astype({target.name!r})",
        )
    if array.dtype == target and target in _NATIVE and array.flags.c_contiguous:
        return array
    return np.ascontiguousarray(array, target.newbyteorder("<"))


def _values_fit(array: Array, target: np.dtype[Any]) -> bool:
    kinds = array.dtype.kind + target.kind
    match kinds:
        case "ii" | "iu" | "ui" | "uu":
            bounds = np.iinfo(target)
            return int(array.min()) >= bounds.min and int(array.max()) <= bounds.max
        case "if" | "uf" | "ic" | "uc":
            with np.errstate(over="ignore"):
                there = array.astype(target).astype(np.complex128)
            return bool(np.isfinite(there).all() and (there.real == array).all())
        case "ff" | "fc" | "cc":
            with np.errstate(over="ignore"):
                there = array.astype(target)
            return bool((np.isfinite(there) == np.isfinite(array)).all())
        case _:
            return False
