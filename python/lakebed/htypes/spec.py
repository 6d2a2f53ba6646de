"""Settings of a new tensor, checked and completed (format 1.5, 5.1, 6.1)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lakebed.errors import (
    InvalidInputError,
    InvalidTypeError,
    TensorMetaInvalidHtype,
    TensorMetaInvalidHtypeOverwriteKey,
    TensorMetaInvalidHtypeOverwriteValue,
    TensorMetaMissingRequiredValue,
    TensorMetaMutuallyExclusiveKeysError,
    UnsupportedCompressionError,
    UnsupportedFeatureError,
)
from lakebed.htypes import documents
from lakebed.htypes.schema import compile_schema
from lakebed.htypes.table import (
    CHUNK_COMPRESSIONS_READY,
    COMPRESSION_ALIASES,
    COMPRESSIONS,
    COORDS_KEYS,
    DTYPES,
    HTYPES,
    SAMPLE_COMPRESSIONS_READY,
    Htype,
    HtypeName,
)

# The default of parameters whose None means something.
UNSPECIFIED = "unspecified"
# Meta fields that v3 takes as keywords of create_tensor, for every htype.
_COMMON = ("max_chunk_size",)


@dataclass(slots=True)
class TensorSettings:
    """What `create_tensor` was called with, but for the name. Defaults are its."""

    htype: str = UNSPECIFIED
    dtype: Any = UNSPECIFIED
    sample_compression: str | None = UNSPECIFIED
    chunk_compression: str | None = UNSPECIFIED
    hidden: bool = False
    create_sample_info_tensor: bool = True
    create_shape_tensor: bool = True
    create_id_tensor: bool = True
    verify: bool = True
    downsampling: Any = None
    tiling_threshold: int | None = None
    more: dict[str, Any] = field(default_factory=dict)

    def name(self) -> HtypeName:
        """The htype, taken apart; its base is None when none was given."""
        return HtypeName.parse(None if self.htype in {UNSPECIFIED, None} else self.htype)


def tensor_spec(settings: TensorSettings) -> dict[str, Any]:
    """Check the settings of a new tensor.

    Returns:
        The dict that the core's `create_tensor` takes.

    Raises:
        MetaError: The settings contradict the format (its subclasses say how).
        InvalidInputError: Same, where v3 raises ValueError, KeyError or TypeError.
        UnsupportedFeatureError: Right, but not there yet.
    """
    name = settings.name()
    htype = _htype(name)
    sample, chunk = _compressions(settings, name, htype)
    dtype = _dtype(settings.dtype, name.base, htype)
    info, extra = _info(settings.more, name.base, htype)
    _refuse_planned(settings, name, htype, sample, chunk)
    links_checked = settings.verify or not name.is_link
    return {
        "htype": name.base,
        "dtype": dtype,
        "typestr": None,
        "sample_compression": sample,
        "chunk_compression": chunk,
        "is_sequence": name.is_sequence,
        "is_link": name.is_link,
        "hidden": settings.hidden,
        "verify": settings.verify,
        "max_chunk_size": _size(settings.more.get("max_chunk_size"), "max_chunk_size", 1),
        "tiling_threshold": _size(settings.tiling_threshold, "tiling_threshold", -1),
        "extra": documents.dumps_file(extra),
        "info": documents.dumps_file(info) if info else None,
        "info_companion": (
            htype.info_companion and settings.create_sample_info_tensor and links_checked
        ),
        "shape_companion": (
            htype.shape_companion and settings.create_shape_tensor and links_checked
        ),
        "id_companion": settings.create_id_tensor,
    }


def _htype(name: HtypeName) -> Htype:
    base = name.base or "generic"
    if base not in HTYPES:
        raise TensorMetaInvalidHtype(f"htype {base!r} does not exist", hint=_one_of(HTYPES))
    if name.is_link and base == "generic":
        message = "a linked tensor needs an htype that says what is linked, for example link[image]"
        raise InvalidInputError(message)
    if name.is_sequence and base == "tag":
        raise InvalidInputError("htype sequence[tag] does not exist")
    return HTYPES[base]


def _one_of(names: Any) -> str:
    return "one of " + ", ".join(sorted(map(str, names)))


def _compressions(
    settings: TensorSettings, name: HtypeName, htype: Htype
) -> tuple[str | None, str | None]:
    given = {
        "sample_compression": settings.sample_compression,
        "chunk_compression": settings.chunk_compression,
    }
    if htype.required and all(given[key] == UNSPECIFIED for key in htype.required):
        keys = " or ".join(htype.required)
        message = f"htype {str(name)!r} needs {keys}, be it None for no compression"
        raise TensorMetaMissingRequiredValue(message, hint=_one_of(htype.compressions))
    found = {
        key: None if value in {None, UNSPECIFIED} else COMPRESSION_ALIASES.get(value, value)
        for key, value in given.items()
    }
    for value in found.values():
        if value is not None and value not in htype.compressions:
            known = "" if value in COMPRESSIONS else ", nor for any other"
            message = f"there is no compression {value!r} for htype {name.base or 'generic'!r}"
            raise UnsupportedCompressionError(message + known, hint=_one_of(htype.compressions))
    sample, chunk = found["sample_compression"], found["chunk_compression"]
    if chunk is not None and not htype.chunked:
        message = f"htype {name.base!r} has no chunk compression, only a sample compression"
        raise UnsupportedCompressionError(message)
    if sample is not None and chunk is not None:
        message = "a tensor has a sample compression or a chunk compression, not both"
        raise TensorMetaMutuallyExclusiveKeysError(message)
    return sample, chunk


def _dtype(given: Any, base: str | None, htype: Htype) -> str | None:
    if isinstance(given, str) and given == UNSPECIFIED:
        return htype.dtype
    if given is None:
        return htype.dtype
    match htype.family:
        case "text":
            if given not in ("str", str):
                message = f"the dtype of a text tensor is str, not {given!r}"
                raise TensorMetaInvalidHtypeOverwriteValue(message)
            return "str"
        case "json":
            schema = given.__name__ if isinstance(given, type) else str(given)
            compile_schema(schema)
            return schema
        case _:
            return _numeric_dtype(given, text=base is None)


def _numeric_dtype(given: Any, *, text: bool) -> str:
    if text and given in ("str", str):
        return "str"
    try:
        name: str = np.dtype(given).name
    except TypeError as error:
        message = f"{given!r} is no dtype"
        raise TensorMetaInvalidHtypeOverwriteValue(message, hint=_one_of(DTYPES)) from error
    if name not in DTYPES:
        if name.startswith(("datetime64", "timedelta64")):
            raise UnsupportedFeatureError(f"not supported yet: tensors of dtype {name}")
        message = f"a tensor cannot have the dtype {name}"
        raise TensorMetaInvalidHtypeOverwriteValue(message, hint=_one_of(DTYPES))
    return name


def _size(value: Any, name: str, least: int) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        message = f"{name} is a number of bytes, at least {least}, not {value!r}"
        raise TensorMetaInvalidHtypeOverwriteValue(message)
    return int(value)


def _info(
    more: dict[str, Any], base: str | None, htype: Htype
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the tensor's info, and the fields of the meta that only this htype has."""
    for key in more:
        if key not in htype.info and key not in _COMMON:
            message = f"htype {base or 'generic'!r} has no setting {key!r}"
            hint = _one_of([*htype.info, *_COMMON])
            raise TensorMetaInvalidHtypeOverwriteKey(message, hint=hint)
    info = {key: more.get(key, default) for key, default in htype.info.items()}
    if "class_names" in info:
        info["class_names"] = _class_names(info["class_names"])
    if "coords" in info and base is not None:
        _check_coords(info["coords"], base)
    extra = dict(htype.extra)
    if htype.info:
        # The meta keeps the defaults; what holds is in the info (format 1.5).
        extra = {"_info": list(htype.info), **htype.info, **extra}
    return info, extra


def _class_names(given: Any) -> list[str]:
    if isinstance(given, str):
        message = "class_names is a list of names, not one text"
        raise TensorMetaInvalidHtypeOverwriteValue(message)
    names = [] if given is None else list(given)
    if not all(isinstance(name, str) for name in names):
        raise TensorMetaInvalidHtypeOverwriteValue("class_names is a list of texts")
    return [str(name) for name in names]


class _CoordsKeyError(InvalidInputError, KeyError):
    """An unknown key in `coords`. v3 raises KeyError."""


def _check_coords(coords: Any, base: str) -> None:
    if not isinstance(coords, dict):
        raise InvalidTypeError(f"coords is a dict, not {type(coords).__name__}")
    known = COORDS_KEYS[base]
    unknown = [key for key in coords if key not in known]
    if unknown:
        raise _CoordsKeyError(f"coords cannot have the key {unknown[0]!r}", hint=_one_of(known))


def _refuse_planned(
    settings: TensorSettings,
    name: HtypeName,
    htype: Htype,
    sample: str | None,
    chunk: str | None,
) -> None:
    """Name what is right by the format, and not there yet."""
    planned = {
        "downsampled tensors": settings.downsampling is not None,
        f"htype {str(name)!r}": (
            name.is_sequence
            or htype.family == "other"
            or (name.is_link and (name.base or "").partition(".")[0] != "image")
        ),
        f"sample compression {sample!r}": (
            sample is not None and sample not in SAMPLE_COMPRESSIONS_READY and not name.is_link
        ),
        f"chunk compression {chunk!r}": (
            chunk is not None and chunk not in CHUNK_COMPRESSIONS_READY and not name.is_link
        ),
    }
    for feature, asked in planned.items():
        if asked:
            raise UnsupportedFeatureError(f"not supported yet: {feature}")
