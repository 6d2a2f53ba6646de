"""Providers that the core asks for access tokens, and what it means when Google gives none.

A provider keeps no token and no connection, so it is the same in every thread and in a forked
child; the core keeps what it is given until it is about to expire.
"""

from __future__ import annotations

import datetime as dt
import functools
from typing import TYPE_CHECKING, Any, TypeAlias

from lakebed.auth.gcs.identity import SCOPE
from lakebed.errors import AuthorizationException, InvalidInputError, TransientStorageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.auth.credentials import Credentials
    from google.auth.exceptions import GoogleAuthError, TransportError


# What the core takes: `access_token`, and `expiry` in Unix seconds, or None.
Token: TypeAlias = dict[str, Any]
Provider: TypeAlias = "Callable[[], Token]"
Load: TypeAlias = "Callable[[], Credentials]"

# Of one answer of Google's token service; google-auth would wait for two minutes, thrice.
_TIMEOUT_S = 30
_LONGEST_ANSWER = 200
_ANSWER = "{'access_token': a str, 'expiry': Unix seconds, a datetime, or None}"


class Renewing:
    """Loads credentials and has them renewed, each time it is asked.

    Loading anew finds a key that was replaced in its file.
    """

    __slots__ = ("_load",)

    def __init__(self, load: Load) -> None:
        self._load = load

    def __call__(self) -> Token:
        """Return a fresh token."""
        return renew(self._load())

    def __repr__(self) -> str:
        return "<renewed Google credentials>"


class Given:
    """An access token that nobody renews."""

    __slots__ = ("_expiry", "_token")

    def __init__(self, token: str, expiry: float | None = None) -> None:
        self._token = token
        self._expiry = expiry

    def __call__(self) -> Token:
        """Return the token."""
        return {"access_token": self._token, "expiry": self._expiry}

    def __repr__(self) -> str:
        return "<a given Google access token>"


class Asked:
    """A function of the caller, whose answers are checked."""

    __slots__ = ("_function",)

    def __init__(self, function: Callable[[], Any]) -> None:
        self._function = function

    def __call__(self) -> Token:
        """Return what the function returns, if it can be used.

        Raises:
            InvalidInputError: It cannot.
        """
        answer = self._function()
        if isinstance(answer, dict):
            token, expiry = answer.get("access_token"), answer.get("expiry")
            if isinstance(expiry, dt.datetime):
                expiry = _unix(expiry)
            is_number = isinstance(expiry, int | float) and not isinstance(expiry, bool)
            if isinstance(token, str) and token and (expiry is None or is_number):
                return {"access_token": token, "expiry": expiry}
        # What it is instead is not told: it may be a secret.
        message = "the function given as `creds` did not return what is needed"
        raise InvalidInputError(message, hint=f"it has to return {_ANSWER}")

    def __repr__(self) -> str:
        return "<a function that gives Google access tokens>"


def of_object(credentials: Credentials) -> Provider:
    """Return the provider over an object of google-auth.

    One that has a token and no way to another one is used until its end.
    """
    from google.auth import credentials as google  # noqa: PLC0415 (slow to import)
    from google.oauth2.credentials import Credentials as User  # noqa: PLC0415

    if isinstance(credentials, User):
        can_renew = credentials.refresh_token or credentials.refresh_handler
        if credentials.token and not can_renew:
            return Given(credentials.token, _unix(credentials.expiry))
    scoped: Credentials = google.with_scopes_if_required(credentials, [SCOPE])  # type: ignore[no-untyped-call]
    return Renewing(lambda: _copy(scoped))


def _copy(credentials: Credentials) -> Credentials:
    """Return a copy to renew: the caller's object is not changed, and pickles as it was given.

    `copy.copy` would leave out a refresh handler.
    """
    copied: Credentials = object.__new__(type(credentials))
    vars(copied).update(vars(credentials))
    return copied


def renew(credentials: Credentials) -> Token:
    """Have Google give a fresh token.

    Raises:
        AuthorizationException: Google refuses.
        TransientStorageError: Google cannot be asked, or fails.

    Cost: One request to a token service; two for the metadata server.
    """
    import requests  # noqa: PLC0415 (slow to import)
    from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415
    from google.auth.transport.requests import Request  # noqa: PLC0415

    failure: Exception
    with requests.Session() as session:
        request = functools.partial(Request(session), timeout=_TIMEOUT_S)
        try:
            credentials.refresh(request)  # type: ignore[no-untyped-call]
            token, expiry = credentials.token, credentials.expiry
        except GoogleAuthError as error:
            failure = _refused(error)
        else:
            if isinstance(token, str) and token:
                return {"access_token": token, "expiry": _unix(expiry)}
            failure = AuthorizationException("Google gave an empty token", kind="authentication")
    # Outside: google-auth's own error leads to frames that hold keys and signed requests.
    raise failure


def _refused(error: GoogleAuthError) -> Exception:
    from google.auth.exceptions import TransportError  # noqa: PLC0415

    # The metadata server's errors wrap a failed connection.
    inner = error if isinstance(error, TransportError) else next(iter(error.args), None)
    if isinstance(inner, TransportError):
        message = f"Google's token service{_where(inner)} cannot be reached"
        return TransientStorageError(message, hint="check the network, and any proxy in between")
    said = _said(error)
    if error.retryable:
        return TransientStorageError(f"Google's token service fails: {said}", hint="try again")
    hint = "see docs/gcs.md for the ways to give credentials"
    if said.startswith("invalid_grant"):
        hint = (
            "the key or login was deleted, changed or revoked, or this machine's clock is wrong: "
            "download a new key, or log in again (gcloud auth application-default login)"
        )
    elif said.startswith("invalid_client"):
        hint = "the OAuth client of the login was deleted or changed: log in again"
    message = f"Google does not accept the credentials: {said}"
    return AuthorizationException(message, kind="authentication", hint=hint)


def _where(error: TransportError) -> str:
    """Name the host that did not answer, where requests knows it."""
    from urllib.parse import urlsplit  # noqa: PLC0415 (some ms of everybody's import)

    request = getattr(next(iter(error.args), None), "request", None)
    host = urlsplit(getattr(request, "url", None) or "").netloc
    return f" at {host}" if host else ""


def _said(error: GoogleAuthError) -> str:
    """One line of what Google said; nothing that we sent is in it."""
    said = " ".join(str(error.args[0]).split()) if error.args else ""
    return (said or type(error).__name__)[:_LONGEST_ANSWER].rstrip(".")


def _unix(expiry: dt.datetime | None) -> float | None:
    if expiry is None:
        return None
    # google-auth's times are UTC without saying so.
    aware = expiry if expiry.tzinfo else expiry.replace(tzinfo=dt.UTC)
    return aware.timestamp()
