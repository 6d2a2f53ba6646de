"""Exceptions of botocore as errors of ours: what was asked, why not, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from lakebed.errors import (
    AuthorizationException,
    InvalidInputError,
    LakebedError,
    StorageAuthenticationError,
    StorageAuthorizationError,
    StorageCredentialsExpiredError,
    TransientStorageError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

_LOG_IN = "log in again: aws sso login, with --profile if it is not the default one"
_CERTIFICATES = "name the file of trusted certificates by `ca_bundle` in `creds`, or AWS_CA_BUNDLE"
_MFA = "a role with mfa_serial cannot be renewed unattended: open the dataset again for a new code"
_SERVER_ERROR = 500
_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}
_DENIED = {"AccessDenied", "AccessDeniedException", "ForbiddenException", "UnauthorizedOperation"}


def translated(what: str, call: Callable[[], T]) -> T:
    """Call what uses botocore; whatever that raises becomes an error of ours.

    Args:
        what: What does not work then, as a sentence's first part.
        call: What to call.

    Returns:
        What it returns.

    Raises:
        LakebedError: Caused by botocore's.
    """
    try:
        return call()
    except LakebedError:
        raise
    except Exception as error:  # noqa: BLE001 (botocore lets whatever happens in it through)
        refused = _refusal(what, error)
    # Raised out here, without context: that is shown, too, and what a parser choked on may hold
    # secrets.
    raise refused


def _refusal(what: str, error: Exception) -> LakebedError:
    from botocore import exceptions as boto  # noqa: PLC0415 (it has raised: it is loaded)

    if not isinstance(error, (boto.BotoCoreError, boto.ClientError, OSError)):
        # Words of others may hold what they failed to read: only the class is told.
        if isinstance(error, RuntimeError) and "expired" in str(error):
            return StorageCredentialsExpiredError(f"{what}: the credentials given are over already")
        message = f"{what}: {type(error).__name__}"
        return AuthorizationException(message, kind="authentication")
    return _known(what, error).with_cause(error)


def _known(what: str, error: Exception) -> LakebedError:
    from botocore import exceptions as boto  # noqa: PLC0415

    if isinstance(error, boto.ClientError):
        return _answer(what, error)
    text = f"{what}: {error}"
    match error:
        case boto.ProfileNotFound() | boto.ConfigParseError() | boto.InvalidConfigError():
            return InvalidInputError(text)
        case boto.ParamValidationError() | boto.InfiniteLoopConfigError():
            return InvalidInputError(text)
        case boto.SSOError() | boto.TokenRetrievalError():
            return StorageCredentialsExpiredError(text, hint=_LOG_IN)
        case boto.RefreshWithMFAUnsupportedError():
            return StorageCredentialsExpiredError(text, hint=_MFA)
        case boto.SSLError():
            return AuthorizationException(text, kind="authentication", hint=_CERTIFICATES)
        case boto.HTTPClientError() | boto.ConnectionError():
            return TransientStorageError(text)
        case _:
            return AuthorizationException(text, kind="authentication")


def _answer(what: str, error: Exception) -> LakebedError:
    """Judge what a service answered; not every one answers in Amazon's shape."""
    response = getattr(error, "response", {})
    told = response.get("Error", {})
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    code = told.get("Code") or f"HTTP status {status}"
    said = f": {told['Message']}" if told.get("Message") else ""
    text = f"{what}: {code}{said}"
    if code in _EXPIRED:
        return StorageCredentialsExpiredError(text)
    if code in _DENIED:
        return StorageAuthorizationError(text)
    if isinstance(status, int) and status >= _SERVER_ERROR:
        return TransientStorageError(text)
    return StorageAuthenticationError(text)
