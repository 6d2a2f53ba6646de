"""A person's machine on which nothing of any cloud is set up."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

_OTHERS = ("STORAGE_EMULATOR_HOST", "BROWSER", "DISPLAY", "WAYLAND_DISPLAY", "APPDATA")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make an empty home directory; no credentials stand in the environment."""
    for name in os.environ:
        if name.startswith(("GOOGLE_", "GCE_", "CLOUDSDK_", "XDG_", "LAKEBED_")) or name in _OTHERS:
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    # Where the machine of the tests is no cloud, looking for its metadata takes seconds.
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    # The login of the tests' server is plain http.
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    return home
