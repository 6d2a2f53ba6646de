"""`LAKEBED_LOG`: what is told on standard error, and that nothing is told without it."""

from __future__ import annotations

import http.server
import json
import os
import re
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.servers.process import HOST

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Bucket
    from tests.servers.gcs import GcsBucket

# time process LEVEL the rest
LINE = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (\d+) (ERROR|WARN|INFO|DEBUG|TRACE) +(.*)"
)
REQUEST = re.compile(
    r"(?P<method>[A-Z]+) (?P<place>\S+) (status=(?P<status>\d+) received=(?P<received>\d+|\?)"
    r'|failed="(?P<failed>[^"]*)") sent=(?P<sent>\d+) ms=\d+ try=(?P<tries>\d+) '
    r"generation=(?P<generation>\d+)"
)


def told(script: str, level: str | None, *arguments: str) -> list[tuple[int, str, str]]:
    """Run a script; give the lines of its log as (process, level, text)."""
    env = {name: value for name, value in os.environ.items() if name != "LAKEBED_LOG"}
    if level is not None:
        env["LAKEBED_LOG"] = level
    done = subprocess.run(  # noqa: S603 - our own
        [sys.executable, "-W", "error", "-c", script, *arguments],
        check=False,
        capture_output=True,
        text=True,
        env=env,
    )
    assert done.returncode == 0, done.stderr
    lines = [LINE.fullmatch(line) for line in done.stderr.splitlines()]
    assert None not in lines, done.stderr
    return [(int(line[1]), line[2], line[3]) for line in lines if line]


def requests(lines: list[tuple[int, str, str]]) -> list[dict[str, Any]]:
    """Give the requests among the lines."""
    found = [(level, REQUEST.fullmatch(text)) for _, level, text in lines]
    return [{"level": level, **match.groupdict()} for level, match in found if match]


class Handler(http.server.BaseHTTPRequestHandler):
    """Fails the first request for each place, and then has ten bytes for it."""

    seen: set[str]

    def do_GET(self) -> None:
        """Answer 503, then 200."""
        status = 200 if self.path in self.seen else 503
        self.seen.add(self.path)
        self.send_response(status)
        self.send_header("Content-Length", "10")
        self.end_headers()
        self.wfile.write(b"0123456789")

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    handler = type("HandlerOfOneTest", (Handler,), {"seen": set()})
    with http.server.ThreadingHTTPServer((HOST, 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://{HOST}:{server.server_port}"
        server.shutdown()
        thread.join()


READ = """
import sys, lakebed
lakebed.read(sys.argv[1] + "?sig=s3cr3t").buffer
"""


def test_each_request_is_a_line(server: str) -> None:
    first, second = requests(told(READ, " Debug ", f"{server}/x"))
    assert first == {
        "level": "WARN",
        "method": "GET",
        "place": f"{server}/x",
        "status": "503",
        "received": "10",
        "failed": None,
        "sent": "0",
        "tries": "1",
        "generation": "0",
    }
    assert second == {**first, "level": "DEBUG", "status": "200", "tries": "2"}


@pytest.mark.parametrize(
    ("level", "levels"), [("trace", {"WARN", "DEBUG"}), ("info", {"WARN"}), ("error", set())]
)
def test_a_level_is_the_least_that_is_told(server: str, level: str, levels: set[str]) -> None:
    assert {each["level"] for each in requests(told(READ, level, f"{server}/x"))} == levels


@pytest.mark.parametrize("level", [None, "", "  "])
def test_nothing_is_told_unasked(server: str, level: str | None) -> None:
    assert told(READ, level, f"{server}/x") == []


def test_a_value_that_is_no_level_is_warned_of(server: str) -> None:
    script = f"""
import warnings
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    import lakebed
(warning,) = caught
assert "LAKEBED_LOG" in str(warning.message)
assert "error, warn, info, debug or trace" in str(warning.message), warning
assert "loud" not in str(warning.message)
{READ}"""
    assert told(script, "loud", f"{server}/x") == []


def test_a_forked_child_tells_its_own(server: str) -> None:
    script = """
import os, sys, lakebed
lakebed.read(sys.argv[1] + "a").buffer
child = os.fork()
lakebed.read(sys.argv[1] + ("b" if child else "c")).buffer
if child:
    assert os.waitpid(child, 0)[1] == 0
else:
    os._exit(0)
"""
    lines = told(script, "debug", f"{server}/")
    by_process = {text.split()[1][-1]: process for process, _, text in lines}
    assert by_process["a"] == by_process["b"] != by_process["c"]


@pytest.mark.s3
def test_credentials_are_told_of_by_number(bucket: Bucket) -> None:
    script = """
import json, sys, lakebed
ds = lakebed.empty(sys.argv[1], creds=json.loads(sys.argv[2]))
ds.close()
assert lakebed.exists(sys.argv[1], creds=json.loads(sys.argv[2]))
"""
    creds = json.dumps(bucket.creds())
    lines = told(script, "debug", bucket.url("ds"), creds)
    found = requests(lines)
    assert {each["generation"] for each in found} == {"1"}
    assert {"GET", "PUT"} <= {each["method"] for each in found}
    assert {each["tries"] for each in found} == {"1"}
    assert not [each for each in found if "?" in each["place"]]
    assert any(int(each["sent"]) > 0 for each in found if each["method"] == "PUT")
    fetched = [text for _, level, text in lines if level == "INFO"]
    assert fetched
    assert all(text.startswith("credentials fetched") for text in fetched)
    shown = str(lines)
    for secret in (bucket.server.writer.secret_key, "Signature", "Credential="):
        assert secret not in shown


@pytest.mark.gcs
def test_a_try_that_fails_in_passing_is_told_of(gcs_bucket: GcsBucket) -> None:
    script = """
import json, sys, lakebed
lakebed.exists(sys.argv[1], creds=json.loads(sys.argv[2]))
"""
    gcs_bucket.server.fail_next(2)
    lines = told(script, "debug", gcs_bucket.url("ds"), json.dumps(gcs_bucket.creds()))
    found = requests(lines)
    assert [(each["level"], each["status"], each["tries"]) for each in found[:3]] == [
        ("WARN", "503", "1"),
        ("WARN", "503", "2"),
        ("DEBUG", "404", "3"),
    ]
    assert {each["tries"] for each in found[3:]} == {"1"}
    assert {each["generation"] for each in found} == {"1"}


def test_a_server_that_is_not_there_is_told_of_by_the_clock() -> None:
    begun = datetime.now(UTC)
    script = """
import lakebed
try:
    lakebed.read("http://127.0.0.1:1/x").buffer
except lakebed.errors.LakebedError:
    pass
"""
    env = {**os.environ, "LAKEBED_LOG": "warn"}
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=env)  # noqa: S603
    times = [datetime.fromisoformat(line.split()[0]) for line in done.stderr.splitlines()]
    found = requests(
        [(0, "WARN", line.partition("WARN")[2].strip()) for line in done.stderr.splitlines()]
    )
    assert [int(each["tries"]) for each in found] == list(range(1, len(found) + 1))
    assert len(found) > 1
    assert {each["status"] for each in found} == {None}
    assert all("refused" in each["failed"].lower() for each in found)
    assert begun - timedelta(seconds=1) <= times[0] <= times[-1] <= datetime.now(UTC)
    assert times == sorted(times)
