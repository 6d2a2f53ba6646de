"""`import lakebed`, alone in an interpreter: what it loads, and that it does nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benches.python import import_time

# Runs in an interpreter of its own, and says what `import lakebed` did after `import numpy`.
_WATCHED = """
import sys, os, json, threading
import numpy

asked, events = [], []

class Environment(type(os.environ)):
    def __getitem__(self, name):
        asked.append(name)
        return super().__getitem__(name)

given = os.environ
os.environ = Environment(
    given._data, given.encodekey, given.decodekey, given.encodevalue, given.decodevalue
)

def watch(event, arguments):
    if event == "open":
        name, mode, flags = arguments
        if isinstance(name, str):
            events.append(["open", name, bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))])
    elif event.partition(".")[0] in {"socket", "urllib", "subprocess", "ftplib", "http", "smtplib"}:
        events.append([event, repr(arguments), True])
    elif event in {"os.system", "os.exec", "os.fork", "os.posix_spawn", "os.mkdir", "os.remove",
                   "os.rename", "_thread.start_new_thread"}:
        events.append([event, repr(arguments), True])

def tasks():
    return len(os.listdir("/proc/self/task")) if os.path.isdir("/proc/self/task") else 0

before, started = set(sys.modules), tasks()
sys.addaudithook(watch)
import lakebed
seen = list(events)
print(json.dumps({
    "modules": sorted(set(sys.modules) - before),
    "threads": threading.active_count(),
    "new_tasks": tasks() - started,
    "opened": [name for event, name, _ in seen if event == "open"],
    "written": [name for event, name, writes in seen if event == "open" and writes],
    "others": [event for event in seen if event[0] != "open"],
    "asked": asked,
    "prefixes": [sys.prefix, sys.base_prefix, os.path.dirname(lakebed.__file__)],
}))
"""
# Packages that must wait until something needs them, and parts of the standard library that come
# with threads, processes or connections.
_NEVER = frozenset(
    "PIL aiohttp asyncio boto3 botocore concurrent cv2 google http importlib_metadata "
    "multiprocessing pandas pydantic requests socket sqlite3 ssl subprocess tensorflow torch tqdm "
    "urllib3".split()
)
# All that comes beyond numpy and lakebed itself, by its first name.
_SMALL = frozenset(
    "__future__ _bisect _heapq _json _string atexit base64 binascii copy copyreg dataclasses errno "
    "heapq inspect json logging numpy org reprlib string threading traceback".split()
)


@pytest.fixture(scope="module")
def report() -> Any:
    """Give what one import did."""
    command = [sys.executable, "-c", _WATCHED]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd="/")  # noqa: S603
    assert done.stderr == ""
    return json.loads(done.stdout)


def test_nothing_big_is_loaded(report: Any) -> None:
    loaded = {name.partition(".")[0] for name in report["modules"]}
    assert loaded & _NEVER == set()
    assert loaded - {"lakebed"} <= _SMALL
    assert "lakebed" in loaded
    assert "lakebed._core" in report["modules"]


def test_nothing_is_started_and_nobody_is_asked(report: Any) -> None:
    assert report["threads"] == 1
    assert report["new_tasks"] == 0
    assert report["others"] == []


def test_only_code_is_read(report: Any) -> None:
    assert report["written"] == []
    code = [name for name in report["opened"] if name.endswith((".py", ".pyc", ".so"))]
    assert code, "the audit hook saw nothing"
    assert set(report["opened"]) == set(code)
    prefixes = tuple(report["prefixes"])
    assert [name for name in code if not name.startswith(prefixes)] == []


def test_the_environment_is_not_read(report: Any) -> None:
    assert report["asked"] == []


def test_the_watch_sees_what_it_should() -> None:
    """The same script over a module that does all of it."""
    offender = (
        "import os, socket, threading\n"
        "os.environ.get('HOME')\n"
        "socket.socket().close()\n"
        "open(os.devnull, 'w').close()\n"
        "threading.Thread(target=threading.Event().wait, daemon=True).start()\n"
        "import types, sys\n"
        "lakebed = types.SimpleNamespace(__file__=os.devnull)\n"
    )
    script = _WATCHED.replace("import lakebed\n", offender)
    assert script != _WATCHED
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd="/")  # noqa: S603
    found = json.loads(done.stdout)
    assert "HOME" in found["asked"]
    assert found["written"]
    assert found["threads"] == 2
    assert "socket" in found["modules"]
    assert any(event.startswith("socket.") for event, *_ in found["others"])


def test_the_bench_runs() -> None:
    """It judges the time; this asks for the figures only."""
    run = import_time.run("lakebed", Path(sys.executable))
    (entry,) = import_time.summary([run])
    assert entry["contender"] == "lakebed"
    assert 0 < entry["beyond_numpy_ms"] == run.beyond_numpy_ms
    assert "| lakebed" in import_time.summary_table([entry])
