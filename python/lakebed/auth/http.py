"""Credentials for datasets behind a web server: the header of the name `Authorization`.

Source: hub/paths-and-creds, section 6.2 (the same key as for links).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lakebed.errors import InvalidInputError

_HEADER = "Authorization"


@dataclass(frozen=True, slots=True)
class Access:
    """How to ask one web server.

    Attributes:
        authorization: The header's value; None sends none.
        source: Where it comes from, in words.
    """

    authorization: str | None = field(repr=False)
    source: str


def resolve(creds: object) -> Access:
    """Find out which header to send. The environment is not asked.

    Args:
        creds: `{"Authorization": "Bearer ..."}`; without it, or with an empty value: no header.

    Raises:
        InvalidInputError: Something else.
    """
    form = "for http, `creds` is {'Authorization': 'Bearer ...'}"
    if creds is None:
        return Access(None, "anonymous")
    if not isinstance(creds, Mapping):
        raise InvalidInputError(f"{form}, not a {type(creds).__name__}")
    other = next((name for name in creds if name != _HEADER), None)
    if other is not None:
        raise InvalidInputError(f"{form}; it cannot have the key {other!r}")
    header = creds.get(_HEADER)
    if header is not None and not isinstance(header, str):
        raise InvalidInputError(f"{form}, and its value is no {type(header).__name__}")
    return Access(header, "the creds dict") if header else Access(None, "anonymous")
