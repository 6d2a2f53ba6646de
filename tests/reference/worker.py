"""The reference's process: reads one JSON request a line, writes one JSON answer a line.

    .venv-reference/bin/python -m tests.reference.worker

What the reference prints goes to standard error; standard output belongs to the answers.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import sys
import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

warnings.simplefilter("ignore")

import deeplake  # noqa: E402 - it warns when it is imported

from tests.reference import expect, steps  # noqa: E402
from tests.reference.extent import read_extent  # noqa: E402


def run_steps(recipe: list[Any]) -> Any:
    """Run a recipe; see `steps.py`."""
    return steps.run(deeplake, steps.from_json(recipe))


# What is open from one request to the next.
_SESSION = steps.Session(deeplake)


def do_step(step: Any) -> Any:
    """Do one step in the session; see `steps.py`."""
    return _SESSION.do(steps.from_json(step))


def end_session(*, keep: bool) -> None:
    """Close what is open; without `keep`, leave it as it lies on disk."""
    if not keep:
        _SESSION.ds = None
    _SESSION.close()


def read_state(
    path: str,
    options: Mapping[str, Any],
    creds_of_keys: Mapping[str, Mapping[str, str]],
    tensors: list[str] | None,
) -> Any:
    """Open read-only with the integrity check, and describe everything that is there."""
    ds = deeplake.load(path, read_only=True, check_integrity=True, verbose=False, **options)
    expect.populate(ds, creds_of_keys)
    ds.log()
    if tensors is not None:
        return {name: expect.read_tensor(ds, name) for name in tensors}
    return {**expect.read_state(ds), "extent": read_extent(ds)}


def change_folder(path: str) -> None:
    """Change the current directory, which links to files are relative to."""
    os.chdir(path)


def names_of(modules: list[str]) -> dict[str, list[str]]:
    """Give the names that modules have."""
    return {module: dir(importlib.import_module(module)) for module in modules}


def exception_bases() -> dict[str, list[str]]:
    """Give the names of the documented module's exceptions, each with what else catches it."""
    module = importlib.import_module("deeplake.util.exceptions")
    return {
        name: [base.__name__ for base in value.__mro__[:-1]]
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, Exception)
    }


_CALLS: dict[str, Callable[..., Any]] = {
    "run_steps": run_steps,
    "do_step": do_step,
    "end_session": end_session,
    "read_state": read_state,
    "change_folder": change_folder,
    "names_of": names_of,
    "exception_bases": exception_bases,
}


def _failure(error: BaseException) -> dict[str, Any]:
    chain = []
    cause: BaseException | None = error
    while cause is not None:
        chain.append([type(cause).__name__, str(cause)[:2000]])
        cause = cause.__cause__ or cause.__context__
    return {"error": chain}


def main() -> None:
    """Answer requests until standard input ends."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {"ok": _CALLS[request["call"]](**request["arguments"])}
        except Exception as error:  # noqa: BLE001 - every failure is an answer
            answer = _failure(error)
        answers.write(json.dumps(answer, default=str) + "\n")
        gc.collect()


if __name__ == "__main__":
    main()
