"""Credentials of links, as the core takes them."""

from __future__ import annotations

import pytest

from lakebed import errors
from lakebed.auth import aws
from lakebed.links import link_access

KEYS = {"aws_access_key_id": "AKIDKEY", "aws_secret_access_key": "verysecret"}


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_DEFAULT_REGION",
        "AWS_REGION",
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_S3",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/nonexistent")
    # Nothing answers where an instance would: asking takes seconds.
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def test_credentials_of_links() -> None:
    access = link_access({**KEYS, "endpoint_url": "http://h:1", "aws_region": "r"})
    assert (access["aws"] is None, access["gcs"], access["authorization"]) == (False, None, None)


def test_an_authorization_header_needs_no_aws_keys() -> None:
    access = link_access({"Authorization": "Bearer x"})
    assert (access["authorization"], access["aws"]) == ("Bearer x", None)
    both = link_access({"Authorization": "Bearer x", **KEYS})
    assert both["authorization"] == "Bearer x"
    assert both["aws"] is not None


def test_links_find_out_late_that_the_environment_is_empty() -> None:
    for access in (link_access({}), link_access(None, from_environment=True)):
        assert access["aws"] is not None
    provider = aws.resolve({}, check_environment=False).credentials
    assert provider is not None
    with pytest.raises(errors.AuthorizationException):
        provider()


def test_credentials_of_links_are_given_in_one_way() -> None:
    with pytest.raises(errors.InvalidInputError):
        link_access(None)
    with pytest.raises(errors.InvalidInputError):
        link_access({}, from_environment=True)
    with pytest.raises(errors.InvalidInputError):
        link_access({"authorization": "x"})
