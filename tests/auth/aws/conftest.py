"""An environment without AWS: no variables, an empty home, no instance."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Home:
    """The home folder of one test, with the files that `aws configure` would write."""

    folder: Path

    def write(self, name: str, text: str) -> Path:
        """Write a file below `~/.aws`."""
        path = self.folder / ".aws" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Home:
    """Take every AWS variable away, and give an empty home."""
    for name in os.environ:
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(folder))
    # Nothing answers where an instance would: asking takes seconds.
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return Home(folder)
