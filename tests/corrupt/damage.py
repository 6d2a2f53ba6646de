"""Ways to damage a file: cuts, flipped bits, and claims that nobody could keep."""

from __future__ import annotations

import json
import random
import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_HUGE = (10**18, -1, 2**63, 2**32, 2**31 - 1)
_DEEP = 5000


def damages(data: bytes, name: str, seed: int, count: int) -> Iterator[tuple[str, bytes]]:
    """Give `count` damaged forms of each sort of one file, each with what was done to it.

    Args:
        data: The sound file.
        name: Its key: what ends in `.json` is damaged as JSON, too.
        seed: Equal seeds give equal damages.
        count: Cuts, flips and claims, each; all cuts where the file is shorter.
    """
    chance = random.Random(f"{seed}/{name}")  # noqa: S311 - nothing secret
    for length in sorted(_some(chance, len(data), count)):
        yield f"cut to {length}", data[:length]
    for at in sorted(_some(chance, len(data), count)):
        bit = chance.randrange(8)
        yield f"bit {bit} of byte {at} flipped", _with(data, at, bytes([data[at] ^ 1 << bit]))
    claims = list(_documents(data) if name.endswith(".json") else _numbers(data))
    yield from chance.sample(claims, min(count, len(claims)))


def _some(chance: random.Random, length: int, count: int) -> list[int]:
    return chance.sample(range(length), min(count, length))


def _with(data: bytes, at: int, new: bytes) -> bytes:
    return data[:at] + new + data[at + len(new) :]


def _numbers(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Numbers in headers that claim too much, and files that are something else."""
    for at in range(max(min(len(data), 64) - 4, 0)):
        for number in (0, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF):
            yield f"{number:#x} at byte {at}", _with(data, at, struct.pack("<I", number))
    for at in range(max(min(len(data), 64) - 8, 0)):
        for wide in (2**64 - 1, 2**63, 2**40):
            yield f"{wide:#x} at byte {at}", _with(data, at, struct.pack("<Q", wide))
    yield "nothing but zeros", bytes(len(data))
    yield "nothing but ones", b"\xff" * len(data)
    yield "twice", data + data
    yield "more behind", data + b"\x00" * 33
    yield "text", b"not what it should be"


def _documents(data: bytes) -> Iterator[tuple[str, bytes]]:
    """JSON that says something else, or too much of it."""
    yield "deep lists", b"[" * _DEEP + b"]" * _DEEP
    yield "deep objects", b'{"a":' * _DEEP + b"1" + b"}" * _DEEP
    yield "a list", b"[]"
    yield "an empty object", b"{}"
    yield "null", b"null"
    yield "no UTF-8", b'{"a": "\xff\xfe"}'
    yield "a lone surrogate", b'{"version": "\\ud800", "keys": ["\\ud800"]}'
    try:
        document = json.loads(data)
    except ValueError:
        return
    for place, changed in _changed(document):
        text = json.dumps(changed)
        yield place, text.encode()
        for word in ("NaN", "1e400", "-Infinity"):
            yield f"{place} as {word}", text.replace('"@"', word).encode()
    if isinstance(document, dict):
        for key, value in document.items():
            twice = json.dumps(document)[:-1] + f", {json.dumps(key)}: {json.dumps(value)}" + "}"
            yield f"{key} twice", twice.encode()
            other = json.dumps(document)[:-1] + f", {json.dumps(key)}: 7" + "}"
            yield f"{key} twice, then 7", other.encode()


def _changed(document: Any) -> Iterator[tuple[str, Any]]:
    """The document with one value in it replaced, for each value and replacement."""
    deep: Any = "x"
    for _ in range(200):
        deep = [deep]
    strange: tuple[Any, ...] = (
        "@",
        "",
        "../../x",
        "/etc/x",
        "\x00",
        True,
        None,
        [],
        {},
        [[]],
        1.5,
        deep,
        *_HUGE,
    )
    if isinstance(document, dict):
        for key, value in document.items():
            for new in strange:
                yield f"{key} = {str(new)[:20]}", {**document, key: new}
            yield f"without {key}", {own: each for own, each in document.items() if own != key}
            for place, inner in _changed(value):
                yield f"{key}.{place}", {**document, key: inner}
            yield (
                f"{key} renamed",
                {("../../x" if own == key else own): each for own, each in document.items()},
            )
    elif isinstance(document, list):
        for at, value in enumerate(document):
            for new in strange:
                yield f"[{at}] = {str(new)[:20]}", [*document[:at], new, *document[at + 1 :]]
            for place, inner in _changed(value):
                yield f"[{at}].{place}", [*document[:at], inner, *document[at + 1 :]]
