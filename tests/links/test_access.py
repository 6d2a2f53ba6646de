"""What `populate_creds` takes, and for which links it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import google.auth.credentials
import pytest

from lakebed import errors
from lakebed.links import link_access

if TYPE_CHECKING:
    from pathlib import Path

KEYS = {"aws_access_key_id": "k", "aws_secret_access_key": "s"}
TOKEN = {"gcs_oauth_token": "t"}
HEADER = {"Authorization": "Bearer t"}
SHARED = {"endpoint_url": "http://127.0.0.1:1", "verify": True}


@pytest.fixture(autouse=True)
def nothing_in_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "STORAGE_EMULATOR_HOST"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))


def parts(creds: Any, **options: bool) -> set[str]:
    """Say for which links the creds are."""
    return {name for name, part in link_access(creds, **options).items() if part is not None}


@pytest.mark.parametrize(
    ("creds", "expected"),
    [
        (KEYS, {"aws"}),
        ({**KEYS, **SHARED}, {"aws"}),
        ({**KEYS, **HEADER}, {"aws", "authorization"}),
        (SHARED, {"aws"}),
        ({"region": "eu-central-1"}, {"aws"}),
        (TOKEN, {"gcs"}),
        ({**TOKEN, **SHARED}, {"gcs"}),
        ({**TOKEN, "project_id": "p", **HEADER}, {"gcs", "authorization"}),
        ({**TOKEN, "aws_access_key_id": None}, {"gcs"}),
        (HEADER, {"authorization"}),
        ({}, {"aws", "gcs"}),
        ("ENV", {"aws", "gcs"}),
        ({"anonymous": True}, {"aws", "gcs"}),
        ({"Authorization": None}, {"aws", "gcs"}),
        ("anon", {"gcs"}),
        (lambda: KEYS, {"aws"}),
        (lambda: {"access_token": "t", "expiry": None}, {"gcs"}),
        (boto3.Session("k", "s"), {"aws"}),
        (google.auth.credentials.AnonymousCredentials(), {"gcs"}),  # type: ignore[no-untyped-call]
    ],
    ids=str,
)
def test_the_cloud_is_told_by_the_creds(creds: Any, expected: set[str]) -> None:
    assert parts(creds) == expected


def test_what_cannot_be_right() -> None:
    with pytest.raises(errors.InvalidInputError, match="two clouds"):
        parts({**KEYS, **TOKEN})
    with pytest.raises(errors.InvalidInputError, match="lower case"):
        parts({"AWS_ACCESS_KEY_ID": "k"})
    with pytest.raises(errors.InvalidInputError, match="not both"):
        parts(KEYS, from_environment=True)
    with pytest.raises(errors.InvalidInputError, match="from_environment=True"):
        parts(None)
    with pytest.raises(errors.InvalidInputError, match="is a int, not a str"):
        parts({"Authorization": 3})
    with pytest.raises(errors.InvalidTypeError):
        parts(3)


def test_a_function_is_asked_once() -> None:
    asked = []

    def give() -> dict[str, str]:
        asked.append(1)
        return KEYS

    parts(give)
    assert len(asked) == 1


def test_one_broken_cloud_of_the_environment_leaves_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "http://user:word@host")
    assert parts(None, from_environment=True) == {"aws", "gcs"}
