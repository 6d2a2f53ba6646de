"""Run a function in a forked child, or a program in a new process, with a deadline."""

from __future__ import annotations

import faulthandler
import os
import pickle
import select
import signal
import subprocess
import sys
import time
import traceback
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
# A child does a few reads, which takes milliseconds; so late, it hangs.
DEADLINE_S = 20.0


def in_child(work: Callable[[], Any], *, deadline_s: float = DEADLINE_S) -> Any:
    """Fork, run `work` in the child, and give back what it returns.

    Raises:
        AssertionError: The child raised (with its traceback), died, or did not end in time.
    """
    read_end, write_end = os.pipe()
    with warnings.catch_warnings():
        # From Python 3.12 on it warns of forks in a process with threads: these are the test.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        os.close(read_end)
        _run_and_exit(work, write_end)
    os.close(write_end)
    try:
        answer = _read_until(read_end, time.monotonic() + deadline_s)
    finally:
        os.close(read_end)
        if answer_is_late := not _ended(pid):
            os.kill(pid, signal.SIGUSR1)
            _ended(pid)
            os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
    assert not answer_is_late, f"a forked child hung for {deadline_s} s"
    assert answer, f"a forked child died with status {status}"
    failed, value = pickle.loads(answer)  # noqa: S301 (our own child wrote it)
    assert not failed, f"in the child:\n{value}"
    return value


def _run_and_exit(work: Callable[[], Any], write_end: int) -> None:
    # When the parent loses its patience, it asks where the child is.
    faulthandler.register(signal.SIGUSR1)
    try:
        answer = (False, work())
    except BaseException:  # noqa: BLE001 (the parent raises it)
        answer = (True, traceback.format_exc())
    with os.fdopen(write_end, "wb") as pipe:
        pipe.write(pickle.dumps(answer))
    os._exit(0)


def _read_until(read_end: int, end: float) -> bytes:
    parts = []
    while select.select([read_end], [], [], max(0.0, end - time.monotonic()))[0]:
        part = os.read(read_end, 1 << 16)
        if not part:
            break
        parts.append(part)
    return b"".join(parts)


def _ended(pid: int) -> bool:
    """Whether the child has ended, or does so within a second."""
    end = time.monotonic() + 1
    while time.monotonic() < end:
        found = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if found is not None:
            return True
        time.sleep(0.002)
    return False


def run(program: str, *arguments: str) -> str:
    """Run a program to its normal end; returns what it printed."""
    done = subprocess.run(  # noqa: S603 - the program is ours
        [sys.executable, "-W", "ignore", "-c", program, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
