"""What the commands take: a path, credentials, the origin of a web application."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any, TypeAlias

import click

Creds: TypeAlias = "dict[str, Any] | str | None"

_CREDS_HELP = (
    "As `creds=` of the API: a JSON object, @FILE with one (@- reads it from standard input), ENV, "
    "anon, or for Google Cloud browser, cache or the path of a key file. Without it: what the "
    "environment has. Others can see a command line; a file they cannot."
)
_ORIGIN = re.compile(
    r"\*|https?://(\*\.)?[^\s*/?#@\\:]+(:\d{1,5})?|https?://\[[0-9a-f:.]+\](:\d{1,5})?"
)
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def _read_creds(text: str) -> dict[str, Any] | str:
    text = text.strip()
    if not text.startswith(("@", "{")):
        return text
    try:
        found = json.loads(_read_file(text[1:]) if text.startswith("@") else text)
    except OSError as error:
        raise click.BadParameter(f"{text[1:]!r} cannot be read: {error.strerror}") from error
    except ValueError:
        # What is wrong stands in the text, which holds secrets: also as a cause it is not shown.
        raise click.BadParameter("the credentials are not valid JSON") from None
    if not isinstance(found, dict):
        raise click.BadParameter("the credentials are JSON, but not an object")
    return found


def _read_file(name: str) -> str:
    return sys.stdin.read() if name == "-" else Path(name).expanduser().read_text(encoding="utf-8")


def read_origin(text: str) -> str:
    """Return an origin as browsers send it; `*` stands for all, or for what a label begins with.

    Raises:
        BadParameter: It is none.
    """
    origin = text.strip().lower()
    if _ORIGIN.fullmatch(origin) is None:
        message = f"{text!r} is no origin: scheme, host and port, as https://app.example; or *"
        raise click.BadParameter(message)
    port = _DEFAULT_PORTS.get(origin.partition(":")[0], "")
    return origin.removesuffix(port)  # which browsers leave out


def read_page_origin(text: str) -> str:
    """Return the origin of a page, which is one.

    Raises:
        BadParameter: It is none, or many.
    """
    origin = read_origin(text)
    if "*" in origin:
        raise click.BadParameter(f"{text!r} stands for many origins: name that of one page")
    return origin


path = click.argument("path")
creds = click.option("--creds", type=_read_creds, metavar="CREDS", help=_CREDS_HELP)
