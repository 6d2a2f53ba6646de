"""Threads without the GIL, where a free-threaded interpreter is installed.

Its extension module cannot be the one of the other interpreters (the stable ABI does not cover
free threading before 3.15), so it is built for it, into target/.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = ROOT / "target" / "free-threaded"
NAMES = ("python3.15t", "python3.14t", "python3.13t")
PACKAGES = ("numpy", "tqdm", "pytest", "pytest-timeout", "pillow", "boto3", "hypothesis")
TESTS = ("tests/process/test_threads.py", "tests/process/test_fork.py", "-m", "not s3")
IS_FREE = "import sysconfig, sys; sys.exit(not sysconfig.get_config_var('Py_GIL_DISABLED'))"


def find_interpreter() -> str | None:
    """Find a free-threaded interpreter: FREE_THREADED_PYTHON, else one on PATH."""
    for name in (os.environ.get("FREE_THREADED_PYTHON"), *NAMES):
        found = shutil.which(name) if name else None
        if found and subprocess.run([found, "-c", IS_FREE], check=False).returncode == 0:  # noqa: S603
            return found
    return None


INTERPRETER = find_interpreter()


@pytest.mark.slow
@pytest.mark.timeout(1800)  # it is a build from scratch
@pytest.mark.skipif(INTERPRETER is None, reason="no free-threaded interpreter is installed")
def test_threads_work_without_the_gil() -> None:
    assert INTERPRETER is not None
    uv, python = str(Path(sys.executable).with_name("uv")), str(ENVIRONMENT / "bin" / "python")
    run(uv, "venv", "-q", "--clear", "--python", INTERPRETER, str(ENVIRONMENT))
    versions = ["-c", "requirements/dev.txt"]
    run(uv, "pip", "install", "-q", "-p", python, *versions, *PACKAGES)
    run(uv, "pip", "install", "-q", "-p", python, "--no-deps", str(ROOT), PYO3_PYTHON=python)
    # An extension module that does not say that it can do without the GIL brings it back.
    run(python, "-c", "import sys, lakebed; sys.exit(sys._is_gil_enabled())")
    run(python, "-m", "pytest", "-q", *TESTS, PYTHON_GIL="0")


def run(*command: str, **settings: str) -> None:
    environment = {**os.environ, **settings}
    # Those describe the other build.
    for name in ("PYO3_CONFIG_FILE", "PYTHONPATH", "VIRTUAL_ENV"):
        environment.pop(name, None)
    done = subprocess.run(  # noqa: S603 - the commands are ours
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
