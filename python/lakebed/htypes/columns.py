"""Samples as users give them to the columns that the core takes; whole batches at a time.

Source: format 6.2 (input checks), 2.4 (JSON), 9.2 (links).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lakebed.errors import (
    InvalidInputError,
    InvalidTypeError,
    JsonValidationError,
    LakebedError,
    TensorDtypeMismatchError,
    UnsupportedFeatureError,
)
from lakebed.htypes import documents, numbers, schema
from lakebed.htypes.labels import ClassNames
from lakebed.htypes.table import HTYPES
from lakebed.links import LinkedSample
from lakebed.paths import concealed
from lakebed.sample import Sample

Meta = Mapping[str, Any]


@dataclass(slots=True)
class Column:
    """The samples of one tensor in one call.

    Attributes:
        samples: An array (n, ...) or a list, as the core's `extend` takes them.
        htype: What the meta has to be told where it knows none.
        dtype: Same.
        typestr: Same.
        names: The class names, where samples may add some.
    """

    samples: Any
    htype: str | None = None
    dtype: str | None = None
    typestr: str | None = None
    names: ClassNames | None = None

    def __len__(self) -> int:
        return len(self.samples)

    def for_core(self, info: bytes | None) -> dict[str, Any]:
        """Return the dict that the core's `extend` takes."""
        return {
            "samples": self.samples,
            "htype": self.htype,
            "dtype": self.dtype,
            "typestr": self.typestr,
            "info": info,
        }


def sequence_of(samples: Any) -> list[Any] | np.ndarray[Any, Any]:
    """Return samples as a list or an array, one entry a sample.

    Raises:
        InvalidInputError: It is one value, not a collection of samples.
    """
    if isinstance(samples, np.ndarray) and samples.ndim:
        return samples
    single = isinstance(samples, str | bytes | Mapping | np.ndarray | set | frozenset)
    if single or not isinstance(samples, Iterable):
        message = (
            f"samples are a list or an array with one entry each, not {type(samples).__name__}"
        )
        raise InvalidTypeError(message, hint="use append() for one sample")
    return list(samples)


def build(samples: list[Any] | np.ndarray[Any, Any], meta: Meta, names: list[str]) -> Column:
    """Turn samples into a column of a tensor.

    Args:
        samples: One entry a sample; None is an empty one.
        meta: The tensor's meta.
        names: The tensor's class names; of meaning for class labels only.

    Returns:
        The column. The samples of numeric ones are one array where they are alike.

    Raises:
        LakebedError: A sample does not fit; `index` is its number in `samples`.
    """
    if meta["is_sequence"]:
        raise UnsupportedFeatureError("not supported yet: appending to sequence tensors")
    if meta["is_link"]:
        return Column(_each(samples, _link))
    htype = meta["htype"] or infer_htype(samples)
    if htype is None:
        return Column([None] * len(samples))
    column = _build(samples, htype, meta, names)
    if meta["htype"] is None:
        column.htype = htype
    return column


def infer_htype(samples: list[Any] | np.ndarray[Any, Any]) -> str | None:
    """Find the htype of a tensor that has none, from its first samples (format 6.2).

    Returns:
        "generic", "json" or "text"; None when all samples are empty.
    """
    if isinstance(samples, np.ndarray):
        return {"O": "json", "U": "text"}.get(samples.dtype.kind, "generic")
    filled = [value for value in samples if not _is_nothing(value)]
    if not filled:
        return None
    if any(isinstance(value, dict) for value in filled):
        return "json"
    if all(isinstance(value, str) for value in filled):
        return "text"
    first = filled[0]
    if isinstance(first, Sample):
        return "generic"
    if isinstance(first, np.ndarray):
        return "json" if first.dtype.kind == "O" else "generic"
    # Integers of more than 64 bits have no dtype, but a JSON form.
    return "json" if _is_of_objects(first) else "generic"


def _is_of_objects(value: object) -> bool:
    try:
        return np.asarray(value).dtype.kind == "O"
    except ValueError:
        # Lists of different lengths are neither numbers nor documents, as in Deep Lake v3.
        return False


def _build(
    samples: list[Any] | np.ndarray[Any, Any], htype: str, meta: Meta, names: list[str]
) -> Column:
    family = HTYPES[htype].family if htype in HTYPES else "other"
    match family:
        case "text":
            _refuse_numeric(meta, htype)
            return Column(_each(samples, _text), dtype="str")
        case "json":
            _refuse_numeric(meta, htype)
            rule = meta["dtype"] or HTYPES[htype].dtype or "Any"
            make: Callable[[Any], Any] = {"list": _list_maker, "tag": _tag_maker}.get(
                htype, _json_maker
            )(rule)
            return Column(_each(samples, make), dtype=rule)
        case "numeric":
            class_names = None
            if htype == "class_label":
                class_names = ClassNames(names)
                if not (isinstance(samples, np.ndarray) and samples.dtype.kind not in "UO"):
                    samples = [class_names.convert(sample) for sample in samples]
            found = numbers.convert(samples, htype, meta["dtype"])
            column = Column(found.samples, names=class_names)
            if meta["dtype"] is None:
                column.dtype, column.typestr = found.dtype, found.typestr
            return column
        case _:
            raise UnsupportedFeatureError(f"not supported yet: samples of htype {htype!r}")


def _refuse_numeric(meta: Meta, htype: str) -> None:
    """Refuse text and values for JSON in a tensor that was made with a dtype and no htype."""
    if meta["htype"] is None and meta["dtype"] not in {None, "str"}:
        message = f"samples of htype {htype!r} do not fit into a tensor of dtype {meta['dtype']!r}"
        raise TensorDtypeMismatchError(message)


def _each(samples: Iterable[Any], make: Callable[[Any], Any]) -> list[Any]:
    """Make every sample; an error says which one."""
    made = []
    for index, sample in enumerate(samples):
        try:
            made.append(make(sample))
        except LakebedError as error:
            if error.index is None:
                error.index = index
            raise
    return made


def _is_nothing(value: Any) -> bool:
    """Whether a sample is empty whatever the tensor (format 2.2): None and []."""
    return value is None or (isinstance(value, list) and not value)


def _link(sample: Any) -> tuple[str, str, str | None] | None:
    if sample is None:
        return None
    if not isinstance(sample, LinkedSample):
        message = f"a linked tensor takes deeplake.link(...), not {type(sample).__name__}"
        raise InvalidTypeError(message)
    if not sample.path:
        return None
    sample.check()
    return ("link", concealed(sample.path), sample.creds_key)


def _text(sample: Any) -> tuple[str, str] | None:
    if type(sample) is str:
        return ("text", _utf8(sample))
    if sample is None:
        return None
    if isinstance(sample, np.ndarray) and sample.size == 1:
        sample = sample.item()
    if isinstance(sample, str | bool | int | float | np.number | np.bool_):
        return ("text", _utf8(str(sample)))
    if isinstance(sample, LinkedSample):
        raise numbers.link_refused()
    raise InvalidTypeError(f"a text tensor takes text, not {type(sample).__name__}")


def _utf8(text: str) -> str:
    """Return a text that UTF-8 can hold.

    Raises:
        InvalidInputError: A lone surrogate is in it.
    """
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise InvalidInputError(f"a text cannot be stored as UTF-8: {error}") from error
    return text


def _json_maker(rule: str) -> Callable[[Any], Any]:
    def make(sample: Any) -> tuple[str, bytes, int] | None:
        if sample is None:
            return None
        if isinstance(sample, Sample | LinkedSample):
            raise InvalidTypeError("a json tensor takes values, not files or links")
        if isinstance(sample, np.ndarray):
            sample = sample.tolist()
        schema.validate(sample, rule)
        return ("json", documents.dumps(sample), 1)

    return make


def _list_maker(rule: str) -> Callable[[Any], Any]:
    def make(sample: Any) -> tuple[str, bytes, int] | None:
        if sample is None:
            return None
        if isinstance(sample, np.ndarray) and sample.ndim:
            sample = sample.tolist()
        if not isinstance(sample, list | tuple):
            raise JsonValidationError(f"a list tensor takes lists, not {type(sample).__name__}")
        schema.validate(sample, rule)
        return ("json", documents.dumps(sample), len(sample))

    return make


def _tag_maker(rule: str) -> Callable[[Any], Any]:
    lists = _list_maker(rule)

    def make(sample: Any) -> tuple[str, bytes, int] | None:
        if isinstance(sample, np.ndarray):
            sample = sample.tolist()
        # What is no list is wrapped in one, and so is nothing (format 2.2).
        if _is_nothing(sample) or not isinstance(sample, list | tuple):
            sample = [None if _is_nothing(sample) else sample]
        found: tuple[str, bytes, int] | None = lists(sample)
        return found

    return make
