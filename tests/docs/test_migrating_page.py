"""docs/migrating.md lists the modules of the alias and what is planned, as they are."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lakebed import planned
from lakebed.as_deeplake import MODULES, VERSION

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "migrating.md").read_text(encoding="utf-8")
PLANNED = {
    "functions": planned.MODULE_FUNCTIONS,
    "methods of datasets": planned.DATASET_METHODS,
    "properties of datasets": planned.DATASET_PROPERTIES,
    "methods of tensors": planned.TENSOR_METHODS,
    "properties of tensors": planned.TENSOR_PROPERTIES,
}


def rows(heading: str) -> list[list[str]]:
    """Give the cells of the table below a heading."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_the_page_lists_the_modules() -> None:
    listed = {row[0].strip("`"): re.findall(r"`([\w.]+)`", row[1]) for row in rows("Modules")}
    assert list(listed) == list(MODULES)
    for name, (source, names) in MODULES.items():
        # A module with many names is described by where they are.
        expected = [source] if names is None else list(names)
        assert listed[name] == expected, name
        assert all(hasattr(importlib.import_module(source), each) for each in names or ())
    assert VERSION in PAGE


@pytest.mark.parametrize("what", PLANNED)
def test_the_page_lists_what_is_planned(what: str) -> None:
    (row,) = [row for row in rows("Not there yet") if row[0] == what]
    assert re.findall(r"`(\w+)`", row[1]) == sorted(PLANNED[what])


def test_the_examples_run() -> None:
    blocks = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        done = subprocess.run(  # noqa: S603 - our own page
            [sys.executable, "-W", "error", "-c", block],
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
