"""Looks through all of an exception, and through what was said beside it."""

from __future__ import annotations

import contextlib
import pickle
import re
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

TESTS = Path(__file__).resolve().parents[1]

# How Rust writes values for debugging; nothing that is meant for people looks like it.
RUST_LOOKS = re.compile(
    r"\w \{ |\bSome\(|\bkind: |\bOs \{|\b(?:reqwest|hyper|object_store|std|core)::"
    r"|\\\"|\\'|Result::unwrap|panicked at"
)


def chain(error: BaseException) -> Iterator[BaseException]:
    """Give the error, its causes, contexts and failures, each once."""
    found: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting:
        each = waiting.pop()
        if each is None or any(each is one for one in found):
            continue
        found.append(each)
        waiting += [each.__cause__, each.__context__, *getattr(each, "failures", [])]
    yield from found


def said(error: BaseException) -> Iterator[tuple[str, str]]:
    """Give where and what: every text that the error holds or shows."""
    for each in chain(error):
        name = type(each).__name__
        yield f"str of {name}", str(each)
        yield f"repr of {name}", repr(each)
        for argument in each.args:
            yield f"args of {name}", f"{argument} {argument!r}"
        for note in getattr(each, "__notes__", []):
            yield f"notes of {name}", note
        for attribute, value in vars(each).items():
            yield f"{attribute} of {name}", f"{value} {value!r}"
    yield "traceback", "".join(traceback.format_exception(error))
    yield from local_variables(error)


def local_variables(error: BaseException) -> Iterator[tuple[str, str]]:
    """Give the local variables that a traceback may show, but those of tests, who know secrets."""
    for each in chain(error):
        for frame, line in traceback.walk_tb(each.__traceback__):
            file = Path(frame.f_code.co_filename)
            if not file.is_relative_to(TESTS):
                for name, value in frame.f_locals.items():
                    # An object that is half made may have no repr.
                    with contextlib.suppress(Exception):
                        yield f"{name} in {file.name}:{line}", repr(value)


def leaks(error: BaseException, secret: str, beside: Iterable[str] = ()) -> list[str]:
    """Give the places that hold the secret, or look like a debug dump of Rust.

    Args:
        error: What was raised.
        secret: What nothing may hold.
        beside: Further texts: logs, warnings, reprs of objects.
    """
    found = [f"secret in the {place}: {text}" for place, text in said(error) if secret in text]
    if secret.encode() in pickle.dumps(error):
        found.append("secret in the pickle")
    found += [f"secret beside it: {text}" for text in beside if secret in text]
    for each in chain(error):
        texts = [str(each), *getattr(each, "__notes__", [])]
        found += [f"debug dump: {text}" for text in texts if RUST_LOOKS.search(text)]
    return found
