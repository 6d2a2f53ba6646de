"""Which samples, and which part of each: the index behind every view.

An index is a chain: `ds[2:8][::-1].images[0]` keeps the three steps and works them out against the
tensor's length when something is read. So a view of rows means for each tensor what its own length
makes of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from lakebed.errors import IndexOutOfRangeError, InvalidKeyTypeError, LimitExceededError

if TYPE_CHECKING:
    from types import EllipsisType

Rows: TypeAlias = npt.NDArray[np.int64]
Step: TypeAlias = "int | slice | npt.NDArray[Any]"
SubKey: TypeAlias = "tuple[int | slice | EllipsisType | npt.NDArray[Any], ...]"

_ALL = slice(None)
# Samples that one call may ask for: 2 GiB of their numbers. A meta can claim any length.
MAX_ROWS = 1 << 28
# Rows shown of a long list of them.
_MAX_SHOWN = 8


class Index:
    """A chain of keys on the sample axis, and keys on the axes inside of samples.

    Attributes:
        steps: What was taken of the samples, one after the other.
        single: Whether that is one sample, without the axis.
        subs: What is taken of each sample's array, one after the other.
    """

    __slots__ = ("single", "steps", "subs")

    def __init__(
        self,
        steps: tuple[Step, ...] = (),
        single: bool = False,
        subs: tuple[SubKey, ...] = (),
    ) -> None:
        self.steps = steps
        self.single = single
        self.subs = subs

    @property
    def is_all(self) -> bool:
        """Whether nothing was taken: every sample, whole."""
        return not self.steps and not self.subs

    def then(self, key: Any, length: int) -> Index:
        """Return this index with a further key on what it leaves.

        Args:
            key: What stands between the brackets.
            length: The number of samples there are, against which `key` is checked.

        Raises:
            InvalidKeyTypeError: Something that is no key.
            IndexOutOfRangeError: A number, or a mask's length, that does not fit.
        """
        keys = key if isinstance(key, tuple) else (key,)
        if self.single:
            return Index(self.steps, True, (*self.subs, _sub_key(keys))) if keys else self
        subs = self.subs
        if keys and keys[0] is Ellipsis:
            rest: tuple[Any, ...] = keys if len(keys) > 1 else ()
            keys = (_ALL,)
        else:
            rest = keys[1:]
        if rest:
            subs = (*subs, _sub_key(rest))
        step = _step(keys[0]) if keys else _ALL
        if isinstance(step, slice) and step == _ALL:
            return Index(self.steps, False, subs)
        index = Index((*self.steps, step), isinstance(step, int), subs)
        if not isinstance(step, slice):
            index.rows(length)
        return index

    def rows(self, length: int) -> Rows:
        """Return the numbers of the samples that are meant, of `length` there are.

        Raises:
            IndexOutOfRangeError: A number does not fit.
        """
        left: range | Rows = range(length)
        for step in self.steps:
            left = _take(left, step)
        if isinstance(left, range):
            if len(left) > MAX_ROWS:
                message = f"{len(left)} samples at once are too many: {MAX_ROWS} are the limit"
                hint = "read fewer at a time; a length like that may also be a damaged meta"
                raise LimitExceededError(message, hint=hint)
            return np.arange(left.start, left.stop, left.step, dtype=np.int64)
        return left

    def count(self, length: int) -> int:
        """Return how many samples are meant, of `length` there are."""
        if self.single:
            return 1
        left: range | Rows = range(length)
        for step in self.steps:
            left = _take(left, step)
        return len(left)

    def of(self, sample: Any) -> Any:
        """Return what the keys inside of samples leave of one sample's array.

        Raises:
            IndexOutOfRangeError: They do not fit its shape.
        """
        for sub in self.subs:
            try:
                left = sample[sub]
            except IndexError as error:
                raise IndexOutOfRangeError(f"inside of a sample: {error}") from error
            if isinstance(left, np.ndarray):
                sample = left
            else:
                # An element; one of an array of objects may look like an array itself.
                sample = np.empty((), sample.dtype)
                sample[()] = left
        return sample

    def shape_of(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of `of(sample)` for a sample of this shape."""
        if not self.subs:
            return shape
        left: Any = self.of(np.broadcast_to(np.empty((), np.bool_), shape))
        return tuple(left.shape)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Index):
            return NotImplemented
        # Arrays become lists, which compare as a whole.
        mine, others = [
            [step.tolist() if isinstance(step, np.ndarray) else step for step in steps]
            for steps in ((*self.steps, None, *self.subs), (*other.steps, None, *other.subs))
        ]
        return repr(mine) == repr(others)

    __hash__ = None  # type: ignore[assignment] # nothing is looked up by an index

    def __repr__(self) -> str:
        shown = [_shown(step) for step in self.steps] or [repr(_ALL)]
        for sub in self.subs:
            shown[-1] = ", ".join([shown[-1], *map(_shown, sub)])
        return f"Index([{']['.join(shown)}])"


def mask_rows(key: Any, lengths: tuple[int, ...]) -> Any:
    """Return a mask over rows as their numbers, and any other key as it is.

    A dataset's rows may be counted by its shortest or its longest tensor: both are masks of it.
    """
    if isinstance(key, list | np.ndarray):
        array = np.asarray(key)
        if array.dtype == np.bool_ and array.ndim == 1 and len(array) in lengths:
            return np.flatnonzero(array)
    return key


def _step(key: Any) -> Step:
    """Check a key for the sample axis."""
    if isinstance(key, int | np.integer) and not isinstance(key, bool):
        return int(key)
    if isinstance(key, slice):
        return _slice(key)
    if isinstance(key, list | range | np.ndarray):
        array = np.asarray(key)
        if array.ndim == 0 and array.dtype.kind in "iu":
            return int(array)
        if array.ndim == 1 and array.size == 0 and array.dtype != np.bool_:
            return np.empty(0, np.int64)
        if array.ndim == 1 and array.dtype.kind in "iub":
            return array if array.dtype == np.bool_ else array.astype(np.int64)
    shown = f"an array of {key.dtype}" if isinstance(key, np.ndarray) else repr(key)[:80]
    message = f"{shown} of type {type(key).__name__!r} is not a valid key"
    hint = "samples are taken by number, slice, list of numbers, or one bool a sample"
    raise InvalidKeyTypeError(message, hint=hint)


def _slice(key: slice) -> slice:
    parts = (key.start, key.stop, key.step)
    if not all(part is None or isinstance(part, int | np.integer) for part in parts):
        raise InvalidKeyTypeError(f"{key!r} is not a valid key: it holds more than whole numbers")
    if key.step == 0:
        raise IndexOutOfRangeError("a slice cannot have the step 0")
    return slice(*(None if part is None else int(part) for part in parts))


def _sub_key(keys: tuple[Any, ...]) -> SubKey:
    return tuple(key if key is Ellipsis else _step(key) for key in keys)


def _take(left: range | Rows, step: Step) -> range | Rows:
    if isinstance(step, slice):
        return left[step]
    length = len(left)
    if isinstance(step, int):
        if not -length <= step < length:
            raise IndexOutOfRangeError(f"index {step} is out of range for {length} samples")
        return np.array([left[step]], np.int64)
    if step.dtype == np.bool_:
        if len(step) != length:
            raise IndexOutOfRangeError(f"a mask of {len(step)} values is not one of {length}")
        step = np.flatnonzero(step)
    outside = (step < -length) | (step >= length)
    if outside.any():
        number = int(step[outside][0])
        raise IndexOutOfRangeError(f"index {number} is out of range for {length} samples")
    positions = np.where(step < 0, step + length, step)
    if isinstance(left, range):
        return (left.start + positions * left.step).astype(np.int64)
    return left[positions]


def _shown(step: Any) -> str:
    if not isinstance(step, np.ndarray):
        return repr(step)
    shown = tuple(step[:_MAX_SHOWN].tolist())
    more = "" if len(step) <= _MAX_SHOWN else f" and {len(step) - _MAX_SHOWN} more"
    return f"{shown}{more}"
