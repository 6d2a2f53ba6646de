"""What a `creds` dict for Google Cloud Storage can hold, and the endpoint of the environment."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lakebed.auth.notices import warn_caller
from lakebed.errors import InvalidInputError, InvalidTypeError, UnsupportedFeatureError

if TYPE_CHECKING:
    from collections.abc import Mapping

_EMULATOR = "STORAGE_EMULATOR_HOST"
_TOKEN = "gcs_oauth_token"  # noqa: S105 (the name of a setting, not a secret)
# How to reach the service; these stand beside a key's content, too.
_SERVICE = ("endpoint_url", "ca_bundle", "verify", "anonymous")
_SETTINGS = (*_SERVICE, _TOKEN, "project_id")
# What says that a dict is the content of a key file, whose fields are Google's to choose.
_CONTENT = ("type", "private_key", "refresh_token", "client_email", "client_id", "client_secret")
_PLANNED = {"creds_key": "managed credentials (a hub)"}


@dataclass(frozen=True, slots=True)
class Options:
    """What a `creds` dict and the environment say.

    Attributes:
        key: The content of a key file, if it is there.
        token: An access token, if it is there.
        anonymous: Ask without credentials.
        endpoint_url: The service, without a slash at the end; None for Google's own.
        is_emulator: The endpoint is that of STORAGE_EMULATOR_HOST.
        ca_bundle: The path of a PEM file.
        verify: Whether the service's certificate is checked.
    """

    key: dict[str, Any] | None = field(repr=False)
    token: str | None = field(repr=False)
    anonymous: bool
    endpoint_url: str | None
    is_emulator: bool
    ca_bundle: str | None
    verify: bool


def read_options(creds: Mapping[str, Any]) -> Options:
    """Check the names and types of a dict; values that are empty or None count as absent.

    Raises:
        InvalidInputError: An unknown or upper-case name, or a value that cannot be right.
        UnsupportedFeatureError: A setting that is not there yet.
    """
    given = {name: value for name, value in creds.items() if value is not None and value != ""}
    has_content = any(name in given for name in _CONTENT)
    for name in given:
        _check_name(name, has_content=has_content)
    service = {name: given.pop(name) for name in _SERVICE if name in given}
    token = None if has_content else _text(given, _TOKEN)
    anonymous = _flag(service, "anonymous", default=False)
    if anonymous and given:
        raise InvalidInputError("`creds` has 'anonymous' and credentials: leave out one of them")
    endpoint_url = _text(service, "endpoint_url")
    emulator = os.environ.get(_EMULATOR) if endpoint_url is None else None
    if emulator:
        endpoint_url = emulator if "://" in emulator else f"http://{emulator}"
    if endpoint_url is not None:
        where = f"the environment variable {_EMULATOR}" if emulator else "`creds['endpoint_url']`"
        endpoint_url = _endpoint(endpoint_url, where)
    verify = _flag(service, "verify", default=True)
    ca_bundle = _ca_bundle(_text(service, "ca_bundle"))
    if not verify:
        _warn_unverified(endpoint_url)
    return Options(
        key=given if has_content else None,
        token=token,
        anonymous=anonymous,
        endpoint_url=endpoint_url,
        is_emulator=bool(emulator),
        ca_bundle=ca_bundle,
        verify=verify,
    )


def _check_name(name: object, *, has_content: bool) -> None:
    if name in _PLANNED:
        raise UnsupportedFeatureError(f"not supported yet: {_PLANNED[str(name)]}")
    known = (*_SETTINGS, *_CONTENT)
    text = str(name)
    if name in known or (has_content and text.lower() not in known):
        return
    import difflib  # noqa: PLC0415 (for this message only)

    close = difflib.get_close_matches(text.lower(), known, n=1)
    if text.lower() in known:
        hint = f"keys of `creds` are lower case: {text.lower()!r}"
    elif close:
        hint = f"did you mean {close[0]!r}?"
    else:
        settings = ", ".join(map(repr, _SETTINGS))
        hint = f"known are {settings}, and the fields of a key file with its 'type'"
    raise InvalidInputError(f"`creds` cannot have the key {text!r}", hint=hint)


def _text(given: Mapping[str, Any], name: str) -> str | None:
    value = given.get(name)
    if value is None:
        return None
    if name == "ca_bundle" and isinstance(value, os.PathLike):
        value = os.fspath(value)
    if not isinstance(value, str):
        raise InvalidTypeError(f"`creds[{name!r}]` is a {type(value).__name__}, not a str")
    return value


def _flag(given: Mapping[str, Any], name: str, *, default: bool) -> bool:
    value = given.get(name, default)
    if not isinstance(value, bool):
        hint = "name a file of certificates as 'ca_bundle'" if name == "verify" else None
        kind = type(value).__name__
        raise InvalidTypeError(f"`creds[{name!r}]` is a {kind}, not True or False", hint=hint)
    return value


def _endpoint(text: str, where: str) -> str:
    if _is_endpoint(text):
        return text.rstrip("/")
    # Not repeated: it may have a password.
    raise InvalidInputError(f"{where} is not of the form http(s)://host[:port]")


def _is_endpoint(text: str) -> bool:
    from urllib.parse import urlsplit  # noqa: PLC0415 (some ms of everybody's import)

    try:
        url = urlsplit(text)
        _ = url.port
    except ValueError:
        return False
    is_plain = not (url.query or url.fragment) and url.username is None
    return url.scheme in {"http", "https"} and bool(url.hostname) and is_plain


def _ca_bundle(path: str | None) -> str | None:
    if path is None:
        return None
    found = os.path.abspath(os.path.expanduser(path))  # noqa: PTH100, PTH111 (text in, text out)
    if not os.path.isfile(found):  # noqa: PTH113
        raise InvalidInputError(f"`creds['ca_bundle']` names no file: {found}")
    return found


def _warn_unverified(endpoint_url: str | None) -> None:
    where = endpoint_url or "Google Cloud Storage"
    message = (
        f"the certificate of {where} is not checked (`verify` is False): whoever is between can "
        "read and change everything; give its certificates as 'ca_bundle' instead"
    )
    warn_caller(message)
