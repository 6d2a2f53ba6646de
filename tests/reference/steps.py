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
    if isinstance(value, complex):
        return {_TAG: "complex", "parts": [value.real, value.imag]}
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
    if tag == "complex":
        return complex(*value["parts"])
    if tag == "bytes":
        return base64.b64decode(value["data"])
    if tag == "file":
        return File(value["path"])
    if tag == "link":
        return Link(value["path"], value["creds_key"])
    return {key: from_json(item) for key, item in value.items()}


class Session:
    """One package at work on a dataset, which stays open from step to step.

    Attributes:
        ds: The open dataset; None before the first step and after `close`.
    """

    def __init__(self, package: ModuleType) -> None:
        self._package = package
        self.ds: Any = None

    def do(self, step: Step) -> Any:
        """Do one step; "empty" and "load" close what was open.

        Returns:
            What the step has to answer, e.g. the id of a commit; None as a rule.
        """
        if step["do"] in {"empty", "load"}:
            self.close()
            opened = getattr(self._package, step["do"])
            self.ds = opened(step["path"], verbose=False, **step.get("options", {}))
            for key, creds in step.get("populate", {}).items():
                self.ds.populate_creds(key, creds)
            return None
        if step["do"] == "block":
            with self.ds:
                for each in step["steps"]:
                    self.do(each)
            return None
        if step["do"] in {"info", "replace_info", "delete_info"}:
            _change_info(self.ds[step["name"]] if "name" in step else self.ds, step)
            return None
        if step["do"] in {"add_creds_key", "update_creds_key"}:
            _change_creds(self.ds, step)
            return None
        return _run_one(self._package, self.ds, step)

    def close(self) -> None:
        """Flush, and let go of the dataset."""
        ds, self.ds = self.ds, None
        if ds is not None:
            ds.flush()
            # The reference has no close(): it lets go of a dataset when its process ends.
            getattr(ds, "close", lambda: None)()


def run(package: ModuleType, steps: Sequence[Step]) -> list[Any]:
    """Run the steps with `package`; the first opens the dataset, which is flushed at the end.

    Returns:
        What the steps that have an answer gave, e.g. the ids of commits, in order.
    """
    session = Session(package)
    try:
        answers = [session.do(step) for step in steps]
    finally:
        session.close()
    return [answer for answer in answers if answer is not None]


def _run_one(package: ModuleType, ds: Any, step: Step) -> Any:
    name = step.get("name")
    options = step.get("options", {})
    match step["do"]:
        case "create_tensor":
            ds.create_tensor(name, verbose=False, **options)
        case "create_group":
            ds.create_group(name)
        case "extend":
            ds[name].extend(_native(package, step["values"]))
        case "append":
            ds[name].append(_native(package, step["value"]))
        case "extend_rows":
            rows = step["rows"]
            ds.extend({each: _native(package, rows[each]) for each in rows}, **options)
        case "append_row":
            row = step["row"]
            ds.append({each: _native(package, row[each]) for each in row}, **options)
        case "flush":
            ds.flush()
        case "commit":
            return ds.commit(step["message"], allow_empty=True)
        case "checkout":
            ds.checkout(name, create=step["create"])
        case unknown:
            raise ValueError(unknown)
    return None


def _change_creds(ds: Any, step: Step) -> None:
    if step["do"] == "update_creds_key":
        ds.update_creds_key(step["name"], step["new"])
        return
    ds.add_creds_key(step["name"])
    if "creds" in step:
        ds.populate_creds(step["name"], step["creds"])


def _change_info(owner: Any, step: Step) -> None:
    match step["do"]:
        case "info":
            owner.info.update(step["update"])
        case "replace_info":
            owner.info = step["info"]
        case "delete_info":
            del owner.info[step["key"]]


def _native(package: ModuleType, value: Any) -> Any:
    """Give a value the package's own samples in place of `File` and `Link`."""
    if isinstance(value, File):
        return package.read(value.path)
    if isinstance(value, Link):
        return package.link(value.path, creds_key=value.creds_key)
    if isinstance(value, list):
        return [_native(package, item) for item in value]
    return value
