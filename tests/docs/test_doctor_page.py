"""docs/doctor.md names every option of the commands, and every check of the doctor."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

import lakebed.cli.doctor
from lakebed.cli.app import main

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "doctor.md").read_text(encoding="utf-8")
SOURCES = Path(lakebed.cli.doctor.__file__).parent


@pytest.mark.parametrize("name", sorted(main.commands))
def test_every_option_is_told(name: str) -> None:
    command = main.commands[name]
    options = [each for each in command.params if isinstance(each, click.Option)]
    assert f"`lakebed {name}" in PAGE
    for option in options:
        # A switch is told by the side that changes something.
        assert any(each in PAGE for each in (*option.opts, *option.secondary_opts)), option.opts


def test_every_check_is_told() -> None:
    code = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES.glob("*.py"))
    checks = set(re.findall(r'(?:Finding|failed|_skipped)\(\s*"([a-z ]+)"', code))
    assert {"credentials", "list", "free space"} <= checks
    rows = re.findall(r"^\| ([a-z, ]+) \|", PAGE, re.MULTILINE)
    told = {name for row in rows for name in row.split(", ")}
    assert checks - told == set()
