"""docs/errors.md shows the tree of errors as it is."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

from lakebed import errors
from lakebed.errors import LakebedError, _tree

PAGE = Path(__file__).resolve().parents[2] / "docs" / "errors.md"
BLOCK = re.compile(r"<!-- kept by tests/docs/test_errors_page\.py: (\w+) -->\n(.*?)\n\n", re.DOTALL)
OURS = frozenset(vars(_tree))
CLASSES = [value for name in errors.__all__ if isinstance(value := getattr(errors, name), type)]


def block(name: str) -> str:
    """Give the marked part of the page."""
    blocks = dict(BLOCK.findall(PAGE.read_text(encoding="utf-8")))
    return str(blocks[name])


def entry(cls: type[LakebedError], depth: int) -> list[str]:
    """Give the lines of a class and of those below it, each class below its first base."""
    name = cls.__name__
    shown = f"**`{name}`**" if name in OURS else f"`{name}`"
    others = ", ".join(f"`{base.__name__}`" for base in cls.__bases__[1:])
    also = f" (also {others})" if others else ""
    says = (inspect.getdoc(cls) or "").partition("\n")[0]
    lines = [f"{'  ' * depth}- {shown}{also}: {says}"]
    below = {each for each in CLASSES if each.__bases__[0] is cls}
    for each in sorted(below, key=lambda each: (each.__name__ not in OURS, each.__name__)):
        lines += entry(each, depth + 1)
    return lines


def test_the_page_shows_the_tree() -> None:
    assert block("tree") == "\n".join(entry(LakebedError, 0))


def test_the_page_lists_the_codes() -> None:
    rows = [f"| `{kind}` | `{cls.__name__}` |" for kind, cls in sorted(errors.KINDS.items())]
    assert block("kinds").splitlines()[2:] == rows


def test_the_page_lists_the_other_names() -> None:
    """Names of v3 that stand for a class of another name."""
    aliases = {
        name: value.__name__
        for name, value in vars(errors).items()
        if isinstance(value, type) and name in errors.__all__ and value.__name__ != name
    }
    rows = [f"| `{name}` | `{target}` |" for name, target in sorted(aliases.items())]
    assert block("aliases").splitlines()[2:] == rows


def test_every_class_is_in_the_tree_once() -> None:
    shown = re.findall(r"^ *- \**`(\w+)`", block("tree"), re.MULTILINE)
    assert sorted(shown) == sorted({cls.__name__ for cls in CLASSES})
