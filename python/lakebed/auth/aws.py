"""Credentials for S3 and everything that speaks its protocol.

Source: hub/paths-and-creds, section 3; requirements/storage-options.md, AWS S3. The dict and the
environment are read; profiles, files and instance roles are not there yet.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from lakebed import _core
from lakebed.errors import (
    AuthorizationException,
    InvalidInputError,
    UnsupportedFeatureError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Creds: TypeAlias = "Mapping[str, Any] | str | None"
Provider: TypeAlias = "Callable[[], dict[str, Any]]"

_KEY = "aws_access_key_id"
_SECRET = "aws_secret_access_key"  # noqa: S105 (the name of a setting, not a secret)
_TOKEN = "aws_session_token"  # noqa: S105
_SETTINGS = (_KEY, _SECRET, _TOKEN, "endpoint_url", "aws_region", "region")
_PLANNED = {
    "profile_name": "profiles of AWS credentials files",
    "config": "botocore settings in `creds`",
    "creds_key": "managed credentials (a hub)",
}
# What S3 takes where no region is set anywhere.
_DEFAULT_REGION = "us-east-1"


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach one S3-like service.

    Attributes:
        credentials: Returns secrets and their expiry whenever the core wants fresh ones.
        region: The region to sign for.
        endpoint_url: The service, None for Amazon's own.
    """

    credentials: Provider = field(repr=False)
    region: str
    endpoint_url: str | None

    def core(self) -> _core.AwsAccess:
        """Return it as the core takes it."""
        return _core.AwsAccess(
            credentials=self.credentials,
            region=self.region,
            endpoint_url=self.endpoint_url,
            virtual_host=self.endpoint_url is None,
            ca_bundle=None,
            verify=True,
        )


def resolve(creds: Creds, *, check_environment: bool = True) -> Access:
    """Find out which credentials, region and endpoint hold.

    Values that are empty or None count as absent. With a key and a secret in the dict, the session
    token is that of the dict too, or none.

    Args:
        creds: A dict (see the module's source), or "ENV" or None for the environment.
        check_environment: Fail now when the environment is to give secrets and has none, not when
            the provider is asked.

    Returns:
        The access. Its provider reads the environment anew each time it is asked.

    Raises:
        InvalidInputError: An unknown or upper-case setting, or a key without its secret.
        AuthorizationException: There are no credentials.
        UnsupportedFeatureError: A way to authenticate that is not there yet.
    """
    given = _settings(creds)
    env = {name: value for name, value in os.environ.items() if value}
    region = given.get("aws_region") or given.get("region")
    region = region or env.get("AWS_DEFAULT_REGION") or env.get("AWS_REGION") or _DEFAULT_REGION
    endpoint = given.get("endpoint_url")
    endpoint = endpoint or env.get("AWS_ENDPOINT_URL_S3") or env.get("AWS_ENDPOINT_URL")
    if _KEY in given and _SECRET in given:
        secret = {_KEY: given[_KEY], _SECRET: given[_SECRET], _TOKEN: given.get(_TOKEN)}
        return Access(_StaticSecret(secret), region, endpoint)
    for name, other in ((_KEY, _SECRET), (_SECRET, _KEY)):
        if name in given:
            raise InvalidInputError(f"`creds` has {name!r} but not {other!r}: both are needed")
    if check_environment:
        _environment_secret()
    return Access(_environment_secret, region, endpoint)


def _settings(creds: Creds) -> dict[str, str]:
    """Check names and types; leave out what is empty."""
    if creds is None or creds == "ENV":
        return {}
    if isinstance(creds, str):
        raise InvalidInputError("for S3, `creds` is a dict, or the text 'ENV'")
    settings: dict[str, str] = {}
    for name, value in creds.items():
        if name not in _SETTINGS:
            raise _unknown(name)
        if value is None or value == "":
            continue
        if not isinstance(value, str):
            raise InvalidInputError(f"`creds[{name!r}]` is a {type(value).__name__}, not a str")
        settings[name] = value
    return settings


def _unknown(name: object) -> Exception:
    import difflib  # noqa: PLC0415 (for this message only)

    if name in _PLANNED:
        return UnsupportedFeatureError(f"not supported yet: {_PLANNED[str(name)]}")
    text = str(name)
    if text.lower() in _SETTINGS:
        hint = f"keys of `creds` are lower case: {text.lower()!r}"
    else:
        close = difflib.get_close_matches(text.lower(), _SETTINGS, n=1)
        known = ", ".join(map(repr, _SETTINGS))
        hint = f"did you mean {close[0]!r}?" if close else f"known are {known}"
    return InvalidInputError(f"`creds` cannot have the key {text!r}; {hint}")


class _StaticSecret:
    """A provider of secrets that never change."""

    __slots__ = ("_secret",)

    def __init__(self, secret: dict[str, str | None]) -> None:
        self._secret = secret

    def __call__(self) -> dict[str, Any]:
        return {**self._secret, "expiry": None}

    def __repr__(self) -> str:
        return "<AWS credentials given as a dict>"


def _environment_secret() -> dict[str, Any]:
    """Read the secrets from the environment, where another process may have renewed them."""
    key = os.environ.get("AWS_ACCESS_KEY_ID")
    secret = os.environ.get("AWS_SECRET_ACCESS_KEY")
    if not key or not secret:
        message = "the dataset storage cannot be accessed: there are no AWS credentials"
        hint = (
            "give `creds={'aws_access_key_id': ..., 'aws_secret_access_key': ...}`, or set "
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        )
        raise AuthorizationException(message, kind="authentication", hint=hint)
    token = os.environ.get("AWS_SESSION_TOKEN") or None
    return {_KEY: key, _SECRET: secret, _TOKEN: token, "expiry": None}
