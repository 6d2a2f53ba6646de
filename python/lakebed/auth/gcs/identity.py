"""The content of a key file to credentials of google-auth.

They are built by type and not by google-auth's own loader, which sends the refresh token of a user
to Google whatever `token_uri` the file names, and asks for a project that nothing here needs.
"""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from lakebed.errors import AuthorizationException

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.auth.credentials import Credentials

SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"
TOKEN_URI: Final = "https://oauth2.googleapis.com/token"  # noqa: S105 (an address)
# Far above any key file: a wrong path may lead to anything.
_MAX_FILE_BYTES = 1 << 20
_NO_KEY = "download a key of the service account as JSON, or see docs/gcs.md for other ways"
_AGAIN = "download the key again; the whole JSON is needed, with its line breaks as they are"
_AWS_SUBJECT = "urn:ietf:params:aws:token-type:aws4_request"


@dataclass(frozen=True, slots=True)
class Identity:
    """The content of a key file, known to be of a kind that can be used.

    Attributes:
        content: Its fields.
        where: Where they stand, for messages.
        kind: What it is, in words.
    """

    content: dict[str, Any] = field(repr=False)
    where: str
    kind: str

    def load(self) -> Credentials:
        """Build credentials. Asks nobody.

        Raises:
            AuthorizationException: A field is missing or malformed.
        """
        # The errors of google-auth lead to frames that hold the secret, so nothing is raised while
        # one is handled. It takes fields as they come: a wrong one fails in many ways.
        with contextlib.suppress(ValueError, KeyError, TypeError, AttributeError):
            return _BUILD[self.content["type"]](self.content)
        message = f"the {self.kind} of {self.where} cannot be used: it is malformed"
        raise AuthorizationException(message, kind="authentication", hint=_AGAIN)


def of_file(path: str | os.PathLike[str]) -> Identity:
    """Read a key file.

    Raises:
        AuthorizationException: It cannot be read, or is no key file.
    """
    return of_content(read_json(path), f"the file {os.fspath(path)}")


def of_text(text: str, where: str) -> Identity:
    """Take the text of a key file.

    Raises:
        AuthorizationException: It is none.
    """
    return of_content(_parse(text, where), where)


def read_json(path: str | os.PathLike[str]) -> Any:
    """Read a file of JSON that may hold secrets.

    Raises:
        AuthorizationException: It cannot be read, or is none.
    """
    where = f"the file {os.fspath(path)}"
    problem: str
    try:
        with open(path, "rb") as file:  # noqa: PTH123 (pathlib is slow to import)
            read = file.read(_MAX_FILE_BYTES + 1)
        if len(read) <= _MAX_FILE_BYTES:
            return _parse(read, where)
        problem = "is far too large for a key file"
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
    raise AuthorizationException(f"{where} {problem}", kind="authentication", hint=_NO_KEY)


def _parse(text: str | bytes, where: str) -> Any:
    # The decoder's error carries the whole text, and so would what is raised while it is handled.
    with contextlib.suppress(ValueError):
        return json.loads(text)
    raise AuthorizationException(f"{where} is not JSON", kind="authentication", hint=_NO_KEY)


def of_content(content: object, where: str) -> Identity:
    """Take the fields of a key file.

    Raises:
        AuthorizationException: They are of no kind that is known.
    """
    if not isinstance(content, dict):
        message = f"{where} is no key: it holds a {type(content).__name__}, not named fields"
        raise AuthorizationException(message, kind="authentication")
    if "type" not in content and "private_key" in content:
        # As the reference takes it.
        content = {**content, "type": "service_account"}
    kind = content.get("type")
    if not isinstance(kind, str) or kind not in _BUILD:
        message = f"{where} is no key of Google Cloud: its 'type' is none that is known"
        if "installed" in content or "web" in content:
            message = f"{where} holds the secrets of an OAuth client, which is no identity"
        hint = f"known types are {', '.join(_BUILD)}"
        raise AuthorizationException(message, kind="authentication", hint=hint)
    missing = [name for name in _NEEDED[kind] if not content.get(name)]
    if missing:
        fields = f"the field{'s' * (len(missing) > 1)} {', '.join(map(repr, missing))}"
        message = f"the {_KINDS[kind]} of {where} cannot be used: {fields} must not be missing"
        raise AuthorizationException(message, kind="authentication", hint=_AGAIN)
    return Identity(content, where, _KINDS[kind])


def _service_account(content: dict[str, Any]) -> Credentials:
    from google.oauth2 import service_account  # noqa: PLC0415 (slow to import)

    made: Credentials = service_account.Credentials.from_service_account_info(  # type: ignore[no-untyped-call]
        content, scopes=[SCOPE]
    )
    return made


def _authorized_user(content: dict[str, Any]) -> Credentials:
    from google.oauth2.credentials import Credentials as User  # noqa: PLC0415

    # No scopes: a refresh token carries those that were granted.
    made: Credentials = User(  # type: ignore[no-untyped-call]
        None,
        refresh_token=content["refresh_token"],
        client_id=content["client_id"],
        client_secret=content["client_secret"],
        token_uri=content.get("token_uri") or TOKEN_URI,
    )
    return made


def _external_account(content: dict[str, Any]) -> Credentials:
    from google.auth import aws, identity_pool, pluggable  # noqa: PLC0415

    made: Credentials
    if content.get("subject_token_type") == _AWS_SUBJECT:
        made = aws.Credentials.from_info(content, scopes=[SCOPE])  # type: ignore[no-untyped-call]
    elif "executable" in content["credential_source"]:
        made = pluggable.Credentials.from_info(content, scopes=[SCOPE])  # type: ignore[no-untyped-call]
    else:
        made = identity_pool.Credentials.from_info(content, scopes=[SCOPE])  # type: ignore[no-untyped-call]
    return made


def _external_user(content: dict[str, Any]) -> Credentials:
    from google.auth import external_account_authorized_user as external  # noqa: PLC0415

    made: Credentials = external.Credentials.from_info(content)  # type: ignore[no-untyped-call]
    return made


def _impersonated(content: dict[str, Any]) -> Credentials:
    from google.auth import impersonated_credentials as impersonated  # noqa: PLC0415

    read = impersonated.Credentials.from_impersonated_service_account_info
    made: Credentials = read(content, scopes=[SCOPE])  # type: ignore[no-untyped-call]
    return made


_BUILD: Final[dict[str, Callable[[dict[str, Any]], Credentials]]] = {
    "service_account": _service_account,
    "authorized_user": _authorized_user,
    "external_account": _external_account,
    "external_account_authorized_user": _external_user,
    "impersonated_service_account": _impersonated,
}
_KINDS: Final = {
    "service_account": "service account",
    "authorized_user": "user credentials",
    "external_account": "workload identity",
    "external_account_authorized_user": "workforce identity",
    "impersonated_service_account": "impersonated service account",
}
# Fields without which a key of a type is of no use; google-auth names them for one type only.
_NEEDED: Final = {
    "service_account": ("client_email", "token_uri", "private_key"),
    "authorized_user": ("client_id", "client_secret", "refresh_token"),
    "external_account": ("audience", "subject_token_type", "credential_source"),
    "external_account_authorized_user": ("client_id", "client_secret", "refresh_token"),
    "impersonated_service_account": ("service_account_impersonation_url", "source_credentials"),
}
