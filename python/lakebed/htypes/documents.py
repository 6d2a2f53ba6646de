"""JSON documents with arrays, bytes and files inside (format 2.4)."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from lakebed.errors import DecodeError, InvalidInputError
from lakebed.sample import Sample

if TYPE_CHECKING:
    from collections.abc import Mapping

_TYPE = "_hub_custom_type"


def dumps(value: object) -> bytes:
    """Encode a sample: one line, keys in their order.

    Raises:
        InvalidInputError: Something inside has no JSON form.
    """
    return _dumped(_ENCODER, value)


def dumps_file(fields: Mapping[Any, Any]) -> bytes:
    """Encode what is a file of its own, an info or a meta: indented, keys sorted (format 1.3).

    Raises:
        InvalidInputError: Something inside has no JSON form, or keys that cannot be sorted.
    """
    # Of the outermost keys the reference takes the str, whatever they are; JSON knows fewer.
    return _dumped(_FILE_ENCODER, {str(key): value for key, value in fields.items()})


def _dumped(encoder: json.JSONEncoder, value: object) -> bytes:
    try:
        return encoder.encode(value).encode("ascii")
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInputError(f"a value cannot be stored as JSON: {error}") from error


def loads(document: bytes) -> Any:
    """Decode a document, with the special objects in it turned back.

    Raises:
        DecodeError: Not JSON, or a special object that contradicts itself.
    """
    try:
        return _DECODER.decode(document.decode())
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise DecodeError(f"a JSON document does not decode: {error}") from error


def _encode(value: object) -> Any:
    """The forms that JSON does not have."""
    if isinstance(value, np.ndarray):
        if value.dtype.hasobject:
            return value.tolist()
        return {
            _TYPE: "ndarray",
            "data": _base64(np.ascontiguousarray(value).tobytes()),
            "shape": list(value.shape),
            "dtype": value.dtype.str,
        }
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, bytes | bytearray | memoryview):
        return {_TYPE: "bytes", "data": _base64(bytes(value))}
    if isinstance(value, Sample):
        compression = value.compression
        data = _base64(value.compressed_bytes(compression))
        return {_TYPE: "Sample", "data": data, "compression": compression}
    name = type(value).__name__
    raise TypeError(f"values of type {name} have no JSON form")


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _decode(found: dict[str, Any]) -> Any:
    match found.get(_TYPE):
        case "ndarray":
            data = base64.b64decode(found["data"], validate=True)
            dtype = np.dtype(found["dtype"])
            if dtype.hasobject:
                raise ValueError("an array of Python objects has no stored form")
            return np.frombuffer(data, dtype).reshape(found["shape"]).copy()
        case "bytes":
            return base64.b64decode(found["data"], validate=True)
        case "Sample":
            data = base64.b64decode(found["data"], validate=True)
            return Sample(buffer=data, compression=found.get("compression"))
        case _:
            return found


# Made once: `json.dumps` and `json.loads` would make one for every sample.
_ENCODER = json.JSONEncoder(default=_encode)
_FILE_ENCODER = json.JSONEncoder(default=_encode, indent=4, sort_keys=True)
_DECODER = json.JSONDecoder(object_hook=_decode)
