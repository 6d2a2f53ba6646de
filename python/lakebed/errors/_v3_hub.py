"""The names under which Deep Lake v3 users catch errors of a hub, of identity and of hub paths.

Which is raised when: hub/exceptions. There is no client of a hub yet, so nothing raises most of
them; code that names them in `except` clauses runs.
"""

# The names are those of Deep Lake v3, `Exception` endings included.
# ruff: noqa: N818

from typing import Any

from lakebed.errors._tree import (
    AuthenticationError,
    AuthorizationError,
    HubError,
    InvalidInputError,
    LimitExceededError,
    NotFoundError,
)
from lakebed.errors._v3 import AuthorizationException, MissingCredsError

# --- who is asking


class AuthenticationException(AuthenticationError, HubError):
    """The hub does not accept the token: it is wrong or ran out."""


class InvalidTokenException(AuthenticationError, HubError):
    """What was given as a token is none."""


class UserNotLoggedInException(AuthenticationError, HubError):
    """The hub wants a token, and there is none."""


class LoginException(AuthenticationError, HubError):
    """A login failed."""


class InvalidAuthContextError(AuthenticationError):
    """The identity of a cloud (of an Azure machine, say) cannot be had."""


class EmptyTokenException(InvalidInputError):
    """A token is empty."""


class TokenPermissionError(AuthorizationError, HubError):
    """The token is good, but not for this: no such dataset, or no right to it."""


class AgreementError(AuthorizationError, HubError):
    """A dataset's terms of use stand in the way."""


class AgreementNotAcceptedError(AgreementError):
    """A dataset's terms of use were not accepted.

    Args:
        message: As for every error.
        agreements: The terms, one text each.
        **details: As for every error of a hub.
    """

    def __init__(
        self, message: str = "", *, agreements: tuple[str, ...] = (), **details: Any
    ) -> None:
        super().__init__(message, **details)
        self.agreements = agreements


class NotLoggedInAgreementError(AgreementError):
    """A dataset's terms of use can only be accepted by somebody who has a token."""


# --- what the hub answered


class BadRequestException(InvalidInputError, HubError):
    """The hub does not understand the request (400)."""


class UnprocessableEntityException(InvalidInputError, HubError):
    """The hub understands the request and cannot do it (422)."""


class ResourceNotFoundException(NotFoundError, HubError):
    """The hub does not know what was named (404)."""


class OverLimitException(LimitExceededError, HubError):
    """A limit of the hub is used up (429)."""


class ServerException(HubError):
    """The hub failed (5xx), or cannot be reached."""


class BadGatewayException(ServerException):
    """Something in front of the hub failed (502)."""


class GatewayTimeoutException(ServerException):
    """The hub did not answer in time (504)."""


class WaitTimeoutException(ServerException):
    """A task of the hub did not end in time."""


class UnexpectedStatusCodeException(HubError):
    """The hub answered with a status that means nothing here."""


# --- paths and credentials that a hub manages


class RenameError(InvalidInputError):
    """A dataset cannot be renamed like this: only its name may change."""


class DatasetConnectError(InvalidInputError):
    """A dataset cannot be connected to a hub like this."""


class InvalidSourcePathError(DatasetConnectError):
    """What was to be connected is in no cloud store, or at a hub already."""


class InvalidDestinationPathError(DatasetConnectError):
    """The path at the hub is missing, or is none."""


class ManagedCredentialsNotFoundError(NotFoundError, HubError):
    """The organisation has no credentials of that name."""


class MissingManagedCredsError(MissingCredsError):
    """A creds key is managed, and its credentials were not fetched."""


class GCSDefaultCredsNotFoundError(AuthorizationException):
    """There are no Google credentials where they were looked for."""
