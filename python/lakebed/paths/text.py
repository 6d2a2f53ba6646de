"""What every text has to be before it means anything: storable."""

from __future__ import annotations

from lakebed.errors import InvalidInputError


def storable(text: str, what: str) -> str:
    """Return a text that has an UTF-8 form, as everything that is stored or named needs.

    Raises:
        InvalidInputError: It has a lone surrogate.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        shown = ascii(text[error.start : error.end])
        message = f"{what} cannot hold the lone surrogate {shown} at character {error.start}"
        raise InvalidInputError(message) from error
    return text
