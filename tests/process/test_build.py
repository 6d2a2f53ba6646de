"""The build under test is the one that was asked for."""

from __future__ import annotations

import os
from pathlib import Path

from lakebed import _core


def test_the_debug_build_is_tested_when_it_was_asked_for() -> None:
    # `make debug-test` sets the variable; without its package the release build would be tested.
    loaded = Path(_core.__file__).resolve()
    assert ("debug" in loaded.parts) == (os.environ.get("LAKEBED_TEST_BUILD") == "debug"), loaded
