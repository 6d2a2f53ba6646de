"""One recipe for both packages: a list of steps that lakebed and the reference run alike.

A step is a dict: what to `do`, and with what. Values may hold arrays, bytes, `File` and `Link`;
`to_json` and `from_json` carry them over the pipe to the reference's process.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

Step = dict[str, Any]
# No key of a value that a test would store.
_TAG = "$tests.reference.steps"


@dataclass(frozen=True)
class File:
    """`deeplake.read(path)`: an encoded image, stored as it is."""

    path: str


@dataclass(frozen=True)
class Link:
    """`deeplake.link(path, creds_key)`."""

    path: str
    creds_key: str | None = None


def to_json(value: Any) -> Any:
    """Replace what JSON does not know by tagged objects."""
    if isinstance(value, (np.ndarray, np.generic)):
        array = np.asarray(value)
        return {
            _TAG: "scalar" if isinstance(value, np.generic) else "array",
            "dtype": array.dtype.str,
            "shape": list(array.shape),
            "data": base64.b64encode(np.ascontiguousarray(array).tobytes()).decode(),
        }
    if isinstance(value, bytes):
        return {_TAG: "bytes", "data": base64.b64encode(value).decode()}
    if isinstance(value, File):
        return {_TAG: "file", "path": value.path}
    if isinstance(value, Link):
        return {_TAG: "link", "path": value.path, "creds_key": value.creds_key}
    if isinstance(value, tuple):
        return {_TAG: "tuple", "items": [to_json(item) for item in value]}
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            items = [[to_json(key), to_json(item)] for key, item in value.items()]
            return {_TAG: "dict", "items": items}
        return {key: to_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [to_json(item) for item in value]
    return value


def from_json(value: Any) -> Any:
    """Undo `to_json`."""
    if isinstance(value, list):
        return [from_json(item) for item in value]
    if not isinstance(value, dict):
        return value
    tag = value.get(_TAG)
    if tag in {"array", "scalar"}:
        flat = np.frombuffer(base64.b64decode(value["data"]), value["dtype"])
        array = flat.reshape(value["shape"]).copy()
        return array if tag == "array" else array[()]
    if tag == "tuple":
        return tuple(from_json(item) for item in value["items"])
    if tag == "dict":
        return {from_json(key): from_json(item) for key, item in value["items"]}
    if tag == "bytes":
        return base64.b64decode(value["data"])
    if tag == "file":
        return File(value["path"])
    if tag == "link":
        return Link(value["path"], value["creds_key"])
    return {key: from_json(item) for key, item in value.items()}


def run(package: ModuleType, steps: Sequence[Step]) -> list[Any]:
    """Run the steps with `package`; the first opens the dataset, the last result is flushed.

    Returns:
        What the steps that have an answer gave, e.g. the ids of commits, in order.
    """
    ds: Any = None
    answers = []
    try:
        for step in steps:
            if step["do"] in {"empty", "load"}:
                opened = getattr(package, step["do"])
                ds = opened(step["path"], verbose=False, **step.get("options", {}))
                for key, creds in step.get("populate", {}).items():
                    ds.populate_creds(key, creds)
            else:
                answer = _run_one(package, ds, step)
                if answer is not None:
                    answers.append(answer)
    finally:
        if ds is not None:
            ds.flush()
            # The reference has no close(): it lets go of a dataset when its process ends.
            getattr(ds, "close", lambda: None)()
    return answers


def _run_one(package: ModuleType, ds: Any, step: Step) -> Any:
    name = step.get("name")
    match step["do"]:
        case "create_tensor":
            ds.create_tensor(name, verbose=False, **step.get("options", {}))
        case "create_group":
            ds.create_group(name)
        case "extend":
            ds[name].extend(_native(package, step["values"]))
        case "append":
            ds[name].append(_native(package, step["value"]))
        case "extend_rows":
            rows = step["rows"]
            ds.extend({each: _native(package, rows[each]) for each in rows})
        case "append_row":
            row = step["row"]
            ds.append(
                {each: _native(package, row[each]) for each in row}, **step.get("options", {})
            )
        case "info":
            target = ds if name is None else ds[name]
            target.info.update(step["update"])
        case "add_creds_key":
            ds.add_creds_key(name)
            ds.populate_creds(name, step["creds"])
        case "flush":
            ds.flush()
        case "commit":
            return ds.commit(step["message"], allow_empty=True)
        case "checkout":
            ds.checkout(name, create=step["create"])
        case unknown:
            raise ValueError(unknown)
    return None


def _native(package: ModuleType, value: Any) -> Any:
    """Give a value the package's own samples in place of `File` and `Link`."""
    if isinstance(value, File):
        return package.read(value.path)
    if isinstance(value, Link):
        return package.link(value.path, creds_key=value.creds_key)
    if isinstance(value, list):
        return [_native(package, item) for item in value]
    return value
