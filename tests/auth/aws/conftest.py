"""An environment without AWS: no variables, an empty home, no instance."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.auth.aws import place as place_of_tests
from tests.auth.aws.ways import Stage

if TYPE_CHECKING:
    from pathlib import Path

    from tests.auth.aws.place import Place
    from tests.servers.aws_credentials import AwsCredentials


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


@pytest.fixture(scope="session")
def place(aws_credentials: AwsCredentials) -> Place:
    """Make one dataset, for all tests that only read it."""
    return place_of_tests.make(aws_credentials.s3)


@pytest.fixture
def stage(aws_credentials: AwsCredentials, home: Home, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """Give a way what it needs."""
    aws_credentials.reset()
    return Stage(aws_credentials, home, monkeypatch)
