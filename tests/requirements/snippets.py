"""The snippets of the pages, and how one is run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_SECTION = re.compile(r"^## ([^\n]+)\n\n```python\n(.*?)```", re.DOTALL | re.MULTILINE)


def snippets(page: str) -> dict[str, str]:
    """Give the snippets of a page by their names."""
    text = (Path(__file__).parent / page).read_text(encoding="utf-8")
    return dict(_SECTION.findall(text))


def run(snippet: str, placeholders: Mapping[str, str], **names: object) -> Any:
    """Run a snippet in a module that has imported lakebed as deeplake; gives its value.

    Args:
        snippet: An expression of the page.
        placeholders: What stands on the page for what only the reader knows, and what it is here.
        **names: Variables of the reader's.
    """
    for shown, meant in placeholders.items():
        assert snippet.count(shown) == 1, f"{shown} is not once in the snippet"
        snippet = snippet.replace(shown, meant)
    module: dict[str, Any] = dict(names)
    exec("import lakebed as deeplake", module)  # noqa: S102 (as a reader's program begins)
    return eval(snippet, module)  # noqa: S307 (the page's)
