"""Origins and credentials, as they are written on a command line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click
import pytest

from lakebed.cli.options import read_origin
from tests.cli.running import doctor, lakebed

if TYPE_CHECKING:
    from pathlib import Path

# Nobody listens there.
CREDS = {
    "aws_access_key_id": "AKIAIOSFODNN7EXAMPLE",
    "aws_secret_access_key": "wJalrXUtnFEMI-K7MDENG",
    "endpoint_url": "http://127.0.0.1:9",
}


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://app.example", "https://app.example"),
        ("HTTPS://App.Example", "https://app.example"),
        ("https://app.example:443", "https://app.example"),
        ("http://localhost:80", "http://localhost"),
        ("https://app.example:8443", "https://app.example:8443"),
        ("https://*.example", "https://*.example"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("*", "*"),
    ],
)
def test_origins_are_what_browsers_send(text: str, origin: str) -> None:
    assert read_origin(text) == origin


@pytest.mark.parametrize(
    "text",
    ["", "app.example", "https://", "https://a.example/", "https://a b", "ftp://a.example"],
)
def test_what_is_no_origin_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter):
        read_origin(text)


@pytest.mark.parametrize(
    "text",
    ["https://me@a.example", "https://a.example?x", "https://a.*", "https://a.example:port"],
)
def test_origins_have_scheme_host_and_port_alone(text: str) -> None:
    with pytest.raises(click.BadParameter):
        read_origin(text)


def test_credentials_are_given_in_three_ways(tmp_path: Path) -> None:
    file = tmp_path / "creds.json"
    file.write_text(json.dumps(CREDS))
    for creds, text in ((CREDS, None), (f"@{file}", None), ("@-", json.dumps(CREDS))):
        given = creds if isinstance(creds, str) else json.dumps(creds)
        answer = lakebed("doctor", "s3://bucket/x", "--json", "--creds", given, text=text)
        assert answer.states == {"credentials": "ok", "server": "failed"}
        assert answer.checks["credentials"]["values"]["access_key_id"] == "AKIA…MPLE"


def test_no_secret_is_shown() -> None:
    for as_json in ([], ["--json"]):
        answer = lakebed("doctor", "s3://bucket/x", *as_json, "--creds", json.dumps(CREDS))
        assert answer.code == 1
        shown = answer.out + answer.err
        assert CREDS["aws_secret_access_key"] not in shown
        assert CREDS["aws_access_key_id"] not in shown


def test_broken_json_is_not_shown() -> None:
    answer = doctor("s3://bucket/x", '{"aws_secret_access_key": "wJalrXUtnFEMI",}')
    assert answer.code == 2
    assert "wJalr" not in answer.out + answer.err
