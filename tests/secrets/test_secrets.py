"""What is a secret is nowhere to be seen: in no text, traceback, local variable, log or pickle."""

from __future__ import annotations

import http.server
import json
import os
import re
import subprocess
import sys
import threading
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from lakebed import errors
from tests.api.leaks import leaks
from tests.secrets.scenarios import MARK, NAMES, Places, places_as_json
from tests.servers.process import HOST, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers.gcs import GcsServer
    from tests.servers.seaweedfs import S3Server

pytestmark = pytest.mark.s3

BUCKET = "of-secrets"
# How each call ends: by what is raised, or by returning what can be shown.
WORKING = {
    "everything_that_works",
    "pickle_of_the_environment",
    "cloud_everything_that_works",
}


def png() -> bytes:
    out = BytesIO()
    Image.fromarray(np.zeros((2, 2, 3), np.uint8)).save(out, "PNG")
    return out.getvalue()


class Handler(http.server.BaseHTTPRequestHandler):
    """Has one image and one text; refuses everything below /secret/."""

    def do_GET(self) -> None:
        """Answer by the path."""
        found = {"/image.png": png(), "/text": b"no image"}.get(self.path.partition("?")[0])
        refused = self.path.startswith("/secret/")
        self.send_response(403 if refused else 404 if found is None else 200)
        # What a careless server says back is not passed on, either.
        body = found or f"{self.path} {self.headers.get('Authorization')}".encode()
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        """Answer in the same way."""
        self.do_GET()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@dataclass(frozen=True)
class Run:
    """What came of one run of all calls."""

    outcomes: dict[str, dict[str, Any]]
    written: str
    log: str


@pytest.fixture(scope="module")
def web() -> Iterator[str]:
    with http.server.ThreadingHTTPServer((HOST, 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://{HOST}:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def places(s3: S3Server, web: str, gcs: GcsServer) -> Iterator[Places]:
    client = s3.client()
    client.create_bucket(Bucket=BUCKET)
    client.put_object(Bucket=BUCKET, Key="image.png", Body=png())
    keys = s3.writer
    closed = f"http://{HOST}:{free_port()}"
    gcs.create_bucket(BUCKET)
    key = json.loads(gcs.service_account.read_text())
    other = json.loads(gcs.read_only_account.read_text())
    token = gcs.token()
    gcs.revoke_tokens()
    yield Places(
        bucket=BUCKET,
        endpoint=s3.endpoint,
        access_key=keys.access_key,
        secret_key=keys.secret_key,
        http=web,
        closed=closed,
        cloud=f"gcs://{BUCKET}/ds",
        cloud_key={**key, "endpoint_url": gcs.endpoint},
        other_key=other["private_key"],
        revoked_token=token,
    )
    for entry in client.list_objects_v2(Bucket=BUCKET).get("Contents", []):
        client.delete_object(Bucket=BUCKET, Key=entry["Key"])
    client.delete_bucket(Bucket=BUCKET)


@pytest.fixture(scope="module")
def run(places: Places) -> Run:
    """Run all calls in a process that logs everything."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.secrets.scenarios"],
        input=places_as_json(places),
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "LAKEBED_LOG": "trace"},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return Run({line["name"]: line for line in lines}, done.stdout, done.stderr)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_shows_a_secret(run: Run, name: str) -> None:
    outcome = run.outcomes[name]
    assert outcome["found"] == []
    if name in WORKING:
        assert outcome["ended"] == "returned"
    else:
        assert issubclass(getattr(errors, outcome["ended"]), errors.LakebedError)


def test_no_log_shows_a_secret(run: Run, places: Places) -> None:
    for secret in places.secrets:
        assert secret not in run.log
        assert secret not in run.written
    # There is a log at all, of successes and of failures.
    requests = re.findall(r" (DEBUG|WARN) +(GET|PUT|POST|DELETE|HEAD) ", run.log)
    assert len(requests) > 50
    assert {level for level, _ in requests} == {"DEBUG", "WARN"}


def test_the_search_finds_what_is_there() -> None:
    """The tool itself: each place where a secret could be is looked at."""

    def careless(value: str) -> None:
        raise errors.InvalidInputError("no", path=f"s3://{len(value)}")

    # As if it were code of the package: the frames of tests are left out.
    source = "def careless(value):\n    raise ValueError('no') from KeyError('also no')\n"
    names: dict[str, Any] = {}
    exec(compile(source, "/lib/package.py", "exec"), names)  # noqa: S102
    with pytest.raises(ValueError, match="no") as raised:
        names["careless"](MARK)
    assert [found for found in leaks(raised.value, MARK) if "value in package.py" in found]
    with pytest.raises(errors.InvalidInputError) as ours:
        careless(MARK)
    assert leaks(ours.value, MARK) == []
    for made in (
        errors.InvalidInputError(MARK),
        errors.InvalidInputError("x", hint=MARK),
        errors.InvalidInputError("x").with_cause(KeyError(MARK)),
    ):
        assert leaks(made, MARK)
