"""The snippets of the pages on AWS and on servers like S3 run as they stand there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import lakebed
from tests.auth.aws import place as places
from tests.auth.aws import ways
from tests.auth.aws.conftest import Home
from tests.servers import fault_proxy, seaweedfs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.auth.aws.place import Place
    from tests.servers.aws_credentials import AwsCredentials
    from tests.servers.fault_proxy import FaultProxy

pytestmark = pytest.mark.s3

DOCS = Path(__file__).resolve().parents[2] / "docs"
MARKED = re.compile(
    r"<!-- run by tests/docs/test_aws_pages\.py -->\n```python\n(.*?)```", re.DOTALL
)
SNIPPETS = [
    pytest.param(source, id=f"{page}-{number}")
    for page in ("aws.md", "s3-like.md")
    for number, source in enumerate(MARKED.findall((DOCS / page).read_text(encoding="utf-8")))
]


@pytest.fixture(scope="module")
def place(aws_credentials: AwsCredentials) -> Place:
    return places.make(aws_credentials.s3)


@pytest.fixture(scope="module")
def proxy(place: Place) -> Iterator[FaultProxy]:
    with fault_proxy.running(place.server.endpoint, tls=True) as proxy:
        yield proxy


@pytest.fixture
def machine(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set up a machine as a reader of the pages has it: a profile, and servers by variables."""
    monkeypatch.setenv("HOME", str(tmp_path))
    home, keys = Home(tmp_path), place.server.writer
    home.write("credentials", ways.ini("team", **ways.of_user(keys)))
    home.write("config", ways.ini("profile team", region=seaweedfs.REGION))
    for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_STS"):
        monkeypatch.setenv(name, place.server.endpoint)


def test_there_are_snippets() -> None:
    assert len(SNIPPETS) == 6


@pytest.mark.parametrize("source", SNIPPETS)
@pytest.mark.usefixtures("machine")
def test_snippets_run(source: str, place: Place, proxy: FaultProxy) -> None:
    keys = ways.session_keys(
        place.server.endpoint, place.server.writer, seaweedfs.ROLE_WRITE, ways.LONG_LIFE_S
    )
    if 'aws_session_token": "123"' not in source:
        keys |= ways.of_user(place.server.writer)
    real = {
        "s3://bucket/album": place.path,
        '"abc"': repr(keys["aws_access_key_id"]),
        '"xyz"': repr(keys["aws_secret_access_key"]),
        '"123"': repr(keys["aws_session_token"]),
        "arn:aws:iam::123456789012:role/Readers": seaweedfs.ROLE_WRITE,
        "https://minio.example.com:9000": proxy.endpoint,
        "authority.pem": str(proxy.ca_bundle),
    }
    for written, meant in real.items():
        source = source.replace(written, meant)
    names: dict[str, object] = {"__name__": "__main__"}
    exec(compile(source, "snippet", "exec"), names)  # noqa: S102 - our own pages
    if isinstance(ds := names.get("ds"), lakebed.Dataset):
        place.check(ds)
        ds.close()
