"""Turn one decoded value into what `expected.json` says of it: its shape, dtype and a digest.

Runs under numpy 1.26 (the reference) and numpy 2 (lakebed) alike.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import numpy as np

Described = dict[str, Any]


def sha256(data: bytes) -> str:
    """Give the digest in hex."""
    return hashlib.sha256(data).hexdigest()


def encode(value: Any) -> Any:
    """Give the JSON-safe form of a decoded text, json or list value."""
    if isinstance(value, np.ndarray):
        if value.dtype == object:
            return [encode(item) for item in value.tolist()]
        if value.dtype.kind in "US":
            return encode(value.tolist())
        return {"_ndarray": True, **_array(value)}
    if isinstance(value, np.generic):
        return encode(value.item())
    if isinstance(value, bytes):
        return {"_bytes": base64.b64encode(value).decode()}
    if isinstance(value, dict):
        return {str(key): encode(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [encode(item) for item in value]
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    return {"_repr": type(value).__name__}


def describe(value: Any, htype: str | None) -> Described:
    """Describe one decoded sample, or one item of a sequence."""
    if htype == "polygon":
        return {"polygons": [_array(np.asarray(points)) for points in value]}
    array = np.asarray(value)
    if htype == "text":
        text = str(array.reshape(())) if array.size == 1 else array.tolist()
        return {"shape": list(array.shape), "value": text}
    if htype in {"json", "list", "tag"}:
        return {"shape": list(array.shape), "value": encode(list(array))}
    return _array(array)


def _array(array: np.ndarray[Any, Any]) -> Described:
    return {
        "shape": list(array.shape),
        "dtype": array.dtype.str,
        "sha256": sha256(np.ascontiguousarray(array).tobytes()),
    }
