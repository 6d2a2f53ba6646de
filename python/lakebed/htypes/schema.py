"""The small schema language in the dtype of json, list and tag tensors.

Grammar (format 6.3): `int float bool str list dict ndarray Sample`, `Any`, `Dict`,
`Dict[str, T]`, `List`, `List[T]`, `Optional[T]`, `Union[T, ...]`; a `typing.` prefix is dropped.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from lakebed.errors import JsonValidationError, TensorMetaInvalidHtypeOverwriteValue
from lakebed.sample import Sample

if TYPE_CHECKING:
    from collections.abc import Callable

Check: TypeAlias = "Callable[[Any], bool]"

_TOKEN = re.compile(r"\s*(?:typing\.)?([A-Za-z_]\w*|[\[\],])")
# Deeper schemas than this are refused rather than recursed into.
_MAX_DEPTH = 32


def _is(*types: type) -> Check:
    return lambda value: isinstance(value, types)


_SCALARS: dict[str, Check] = {
    "Any": lambda _: True,
    "int": _is(int),
    "float": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "bool": _is(bool),
    "str": _is(str),
    "list": _is(list, tuple),
    "List": _is(list, tuple),
    "dict": _is(dict),
    "Dict": _is(dict),
    "ndarray": _is(np.ndarray),
    "Sample": _is(Sample),
}


class _Parser:
    """Recursive descent over the tokens of one schema."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[str] = []
        at = 0
        while at < len(text.rstrip()):
            found = _TOKEN.match(text, at)
            if found is None:
                raise self.error()
            self.tokens.append(found[1])
            at = found.end()

    def error(self) -> TensorMetaInvalidHtypeOverwriteValue:
        return TensorMetaInvalidHtypeOverwriteValue(
            f"{self.text!r} is no schema of a json tensor",
            hint="for example 'Any', 'List[str]' or 'Dict[str, Optional[int]]'",
        )

    def parse(self) -> Check:
        check = self.one(0)
        if self.tokens:
            raise self.error()
        return check

    def one(self, depth: int) -> Check:
        if depth > _MAX_DEPTH or not self.tokens:
            raise self.error()
        name = self.tokens.pop(0)
        if not self.tokens or self.tokens[0] != "[":
            if name not in _SCALARS:
                raise self.error()
            return _SCALARS[name]
        self.tokens.pop(0)
        inner = [self.one(depth + 1)]
        while self.tokens and self.tokens[0] == ",":
            self.tokens.pop(0)
            inner.append(self.one(depth + 1))
        if not self.tokens or self.tokens.pop(0) != "]":
            raise self.error()
        return self.compound(name, inner)

    def compound(self, name: str, inner: list[Check]) -> Check:
        match name, inner:
            case "List" | "list", [each]:
                return lambda value: (
                    isinstance(value, list | tuple | np.ndarray) and all(map(each, value))
                )
            case "Dict" | "dict", [_, each]:
                # JSON makes text of every key, so no key is of another type.
                return lambda value: isinstance(value, dict) and all(map(each, value.values()))
            case "Optional", [each]:
                return lambda value: value is None or each(value)
            case "Union", _:
                return lambda value: any(check(value) for check in inner)
        raise self.error()


@functools.lru_cache(maxsize=128)
def compile_schema(schema: str) -> Check:
    """Return a function that tells whether a value fits.

    Raises:
        TensorMetaInvalidHtypeOverwriteValue: The text is no schema.
    """
    return _Parser(schema).parse()


def validate(value: object, schema: str) -> None:
    """Check a value; only values that are true in a boolean sense are looked at (format 6.3).

    Raises:
        JsonValidationError: It does not fit.
    """
    truthy = value.size > 0 if isinstance(value, np.ndarray) else bool(value)
    if truthy and not compile_schema(schema)(value):
        message = f"a {type(value).__name__} does not fit the schema {schema!r} of the tensor"
        raise JsonValidationError(message)
