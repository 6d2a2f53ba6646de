"""Values for JSON that reach into its corners, each with the text that Deep Lake v3 stores."""

from __future__ import annotations

from typing import Any

import numpy as np

INF = float("inf")
BEYOND_A_FLOAT = 2**53 + 1


def nested(depth: int) -> list[Any]:
    """Give a list in a list in a list."""
    value: list[Any] = []
    for _ in range(depth - 1):
        value = [value]
    return value


# Name -> the value, its text.
DOCUMENTS: dict[str, tuple[Any, str]] = {
    "nan": (float("nan"), "NaN"),
    "infinities": ([INF, -INF], "[Infinity, -Infinity]"),
    "floats": (
        [0.1, 1e22, 5e-324, -0.0, 0.0, 1.0, 1, 1e16, 1e-05, 123456789012345680.0],
        "[0.1, 1e+22, 5e-324, -0.0, 0.0, 1.0, 1, 1e+16, 1e-05, 1.2345678901234568e+17]",
    ),
    "beyond-a-float": ([BEYOND_A_FLOAT, -BEYOND_A_FLOAT], "[9007199254740993, -9007199254740993]"),
    "around-64-bits": (
        [2**63 - 1, 2**63, 2**64 - 1, 2**64, -(2**63), -(2**63) - 1],
        (
            "[9223372036854775807, 9223372036854775808, 18446744073709551615, 18446744073709551616,"
            " -9223372036854775808, -9223372036854775809]"
        ),
    ),
    "huge": (10**300, "1" + "0" * 300),
    "lone-surrogates": (["\ud800", "a\udfff\ud800b"], r'["\ud800", "a\udfff\ud800b"]'),
    "astral": ("\U0001f600", r'"\ud83d\ude00"'),
    "controls": ('a\x00\x1f\x7f\n"\\/', r'"a\u0000\u001f\u007f\n\"\\/"'),
    "order": ({"b": 1, "a": {"z": None, "é": True}}, r'{"b": 1, "a": {"z": null, "\u00e9": true}}'),
    "keys": (
        {1: "a", 2.5: "b", "c": {None: 0, False: 1}},
        '{"1": "a", "2.5": "b", "c": {"null": 0, "false": 1}}',
    ),
    "surrogate-keys": ({"\ud800": 1}, r'{"\ud800": 1}'),
    "tuple": ((1, ("x",)), '[1, ["x"]]'),
    "empty": ({}, "{}"),
    "empty-inside": (
        {"a": [], "b": {}, "c": "", "d": [[]]},
        '{"a": [], "b": {}, "c": "", "d": [[]]}',
    ),
    "bare": (7, "7"),
    "deep": (nested(300), "[" * 300 + "]" * 300),
    "numpy-float": ({"x": np.float64(0.1)}, '{"x": 0.1}'),
    "array": (
        {"x": np.arange(3, dtype="int16")},
        '{"x": {"_hub_custom_type": "ndarray", "data": "AAABAAIA", "shape": [3], "dtype": "<i2"}}',
    ),
    "array-0d": (
        [np.array(5)],
        '[{"_hub_custom_type": "ndarray", "data": "BQAAAAAAAAA=", "shape": [], "dtype": "<i8"}]',
    ),
    "array-big-endian": (
        [np.arange(3, dtype=">i4")],
        (
            '[{"_hub_custom_type": "ndarray", "data": "AAAAAAAAAAEAAAAC", "shape": [3],'
            ' "dtype": ">i4"}]'
        ),
    ),
    "array-of-nan": (
        [np.array([np.nan, 1.0])],
        (
            '[{"_hub_custom_type": "ndarray", "data": "AAAAAAAA+H8AAAAAAADwPw==", "shape": [2],'
            ' "dtype": "<f8"}]'
        ),
    ),
    "array-empty": (
        [np.zeros((0, 3))],
        '[{"_hub_custom_type": "ndarray", "data": "", "shape": [0, 3], "dtype": "<f8"}]',
    ),
    "bytes": ({"x": b"\x00\xff"}, '{"x": {"_hub_custom_type": "bytes", "data": "AP8="}}'),
    "other-special": ({"_hub_custom_type": "other"}, '{"_hub_custom_type": "other"}'),
}
# What an info cannot hold: keys of several types cannot be sorted.
UNSORTABLE = {"keys"}


def expected(value: Any) -> Any:
    """Give what is read of a value: JSON has no tuples, and its keys are text."""
    if isinstance(value, dict):
        text = {None: "null", False: "false"}
        return {
            key if isinstance(key, str) else text.get(key, str(key)): expected(item)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [expected(item) for item in value]
    return float(value) if isinstance(value, np.floating) else value


def shown(value: Any) -> str:
    """Show a value so that only what is the same looks the same: 1 and 1.0, 0.0 and -0.0 do not."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key!a}: {shown(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        # Not recursive: documents may be deep.
        return "[" + ", ".join(map(shown, value)) + "]"
    if isinstance(value, np.ndarray):
        return f"{value.dtype.str}{value.shape}{value.tobytes().hex()}"
    return f"{type(value).__name__} {value!a}"
