"""Credentials of creds keys, as the core takes them (hub/paths-and-creds, section 6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

from lakebed.auth import aws
from lakebed.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lakebed import _core

_HEADER = "Authorization"


class LinkAccess(TypedDict):
    """Keyword arguments of the core's `populate_creds`."""

    aws: _core.AwsAccess | None
    gcs: _core.GcsAccess | None
    authorization: str | None


def link_access(creds: Mapping[str, Any] | None, *, from_environment: bool = False) -> LinkAccess:
    """Turn what `populate_creds` takes into what the core takes.

    Args:
        creds: Settings of AWS (see `lakebed.auth.aws`), and `Authorization`: the header of that
            name, for http(s) links. Empty: the environment.
        from_environment: Take them from the environment.

    Raises:
        InvalidInputError: Neither or both are given, or the settings cannot be right.
    """
    if from_environment and creds is not None:
        raise InvalidInputError("give either `creds` or `from_environment=True`, not both")
    if not from_environment and creds is None:
        raise InvalidInputError("give `creds` as a dict, or `from_environment=True`")
    settings = dict(creds or {})
    header = settings.pop(_HEADER, None) or None
    if header is not None and not isinstance(header, str):
        raise InvalidInputError(f"`creds[{_HEADER!r}]` is a {type(header).__name__}, not a str")
    if header is not None and not settings:
        return LinkAccess(aws=None, gcs=None, authorization=header)
    # A key for http or local links needs no secrets, so missing ones are found out when asked for.
    access = aws.resolve(settings, check_environment=False)
    return LinkAccess(aws=access.core(), gcs=None, authorization=header)
