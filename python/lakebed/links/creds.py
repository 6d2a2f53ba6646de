"""Credentials of creds keys, as the core takes them (hub/paths-and-creds, section 6)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn, TypedDict, cast

from lakebed import _core
from lakebed.auth import aws, gcs
from lakebed.errors import InvalidInputError, LakebedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from lakebed.auth import Creds

_HEADER = "Authorization"
# Keys of a dict that tell which cloud it is for; `endpoint_url`, `ca_bundle`, `verify` and
# `anonymous` do not.
_AMAZON = frozenset(
    "region profile_name role_arn external_id role_session_name duration_seconds config".split()
)
_GOOGLE = frozenset(
    "gcs_oauth_token project_id type private_key refresh_token client_email client_id "
    "client_secret".split()
)


class LinkAccess(TypedDict):
    """Keyword arguments of the core's `populate_creds`."""

    aws: _core.AwsAccess | None
    gcs: _core.GcsAccess | None
    authorization: str | None


def link_access(creds: Creds, *, from_environment: bool = False) -> LinkAccess:
    """Turn what `populate_creds` takes into what the core takes.

    A dict says by its keys which cloud it is for: those of AWS (`lakebed.auth.aws`) for `s3://`,
    those of Google (`lakebed.auth.gcs`) for `gcs://`, `Authorization` for http(s). A function is
    asked once, and says it by the keys of what it returns.

    Args:
        creds: A dict, a session of boto3, the path of a key file of Google or another of its words,
            a google.auth object, or a function. An empty dict, or "ENV": the environment.
        from_environment: Take them from the environment, for all kinds of links.

    Raises:
        InvalidInputError: Neither or both are given, or the settings cannot be right.
    """
    if from_environment and creds is not None:
        raise InvalidInputError("give either `creds` or `from_environment=True`, not both")
    if not from_environment and creds is None:
        raise InvalidInputError("give `creds` as a dict, or `from_environment=True`")
    if creds is None or creds == "ENV":
        return _of_environment()
    if isinstance(creds, Mapping):
        return _of_dict(dict(creds))
    # What google-auth calls credentials, without importing it.
    is_google = isinstance(creds, str | os.PathLike) or hasattr(creds, "before_request")
    if not is_google and callable(creds):
        creds, is_google = _asked(cast("Callable[[], Any]", creds))
    if is_google:
        return _access(gcs=gcs.resolve(cast("gcs.Creds", creds)))
    return _access(aws=aws.resolve(cast("aws.Creds", creds), check_environment=False))


def _of_dict(settings: dict[str, Any]) -> LinkAccess:
    header = settings.pop(_HEADER, None) or None
    if header is not None and not isinstance(header, str):
        raise InvalidInputError(f"`creds[{_HEADER!r}]` is a {type(header).__name__}, not a str")
    if not settings:
        return _of_environment() if header is None else _access(authorization=header)
    names = {str(name) for name, value in settings.items() if value is not None and value != ""}
    of_google = names & _GOOGLE
    of_amazon = {name for name in names if name in _AMAZON or name.lower().startswith("aws_")}
    if of_google and of_amazon:
        both = f"{min(of_amazon)!r} is of AWS, {min(of_google)!r} of Google Cloud Storage"
        hint = "give the links of each cloud a creds key of their own"
        raise InvalidInputError(f"`creds` is for two clouds: {both}", hint=hint)
    if of_google:
        return _access(gcs=gcs.resolve(settings), authorization=header)
    # A key for http or local links needs no secrets, so missing ones are found out when asked for.
    access = _access(aws=aws.resolve(settings, check_environment=False), authorization=header)
    if settings.get("anonymous") is True and not of_amazon:
        access["gcs"] = gcs.resolve(settings).core()
    return access


def _access(
    *,
    aws: aws.Access | None = None,
    gcs: gcs.Access | None = None,
    authorization: str | None = None,
) -> LinkAccess:
    return LinkAccess(
        aws=None if aws is None else aws.core(),
        gcs=None if gcs is None else gcs.core(),
        authorization=authorization,
    )


def _of_environment() -> LinkAccess:
    """Take all from the environment; what is wrong there with one cloud is told to its links.

    Servers and regions are looked up now, secrets when they are first needed.
    """
    amazon: _core.AwsAccess
    google: _core.GcsAccess
    try:
        amazon = aws.resolve(None, check_environment=False).core()
    except LakebedError as error:
        amazon = _core.AwsAccess(
            credentials=_failing(error),
            region=None,
            endpoint_url=None,
            virtual_host=False,
            ca_bundle=None,
            verify=True,
        )
    try:
        google = gcs.resolve(None).core()
    except LakebedError as error:
        google = _core.GcsAccess(
            credentials=_failing(error), endpoint_url=None, ca_bundle=None, verify=True
        )
    return LinkAccess(aws=amazon, gcs=google, authorization=None)


def _failing(error: LakebedError) -> Callable[[], NoReturn]:
    """Return a provider that says what was wrong."""

    def fail() -> NoReturn:
        raise error

    return fail


def _asked(function: Callable[[], Any]) -> tuple[Any, bool]:
    """Ask a function for whom it answers; returns it with that answer, and whether for Google."""
    answer = function()
    waiting = [answer]

    def again() -> Any:
        # The answer is used once: there is no second one to be asked for.
        try:
            return waiting.pop()
        except IndexError:
            return function()

    again.__qualname__ = getattr(function, "__qualname__", type(function).__name__)
    return again, isinstance(answer, Mapping) and "access_token" in answer
