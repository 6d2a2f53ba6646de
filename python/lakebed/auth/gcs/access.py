"""From what the user gives as `creds` to a provider of tokens, an endpoint, and how to trust it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from lakebed import _core
from lakebed.auth.gcs import default, identity, tokens
from lakebed.auth.gcs.options import Options, read_options
from lakebed.auth.given import concealing
from lakebed.errors import InvalidInputError, InvalidTypeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.auth.credentials import Credentials

    from lakebed.auth.gcs.tokens import Provider

Creds: TypeAlias = (
    "Mapping[str, Any] | str | os.PathLike[str] | Credentials | Callable[[], Any] | None"
)

_ANONYMOUS = "anonymous"
_FORMS = (
    "`creds` for Google Cloud Storage is the path of a key file, its content as a dict, "
    "{'gcs_oauth_token': ...}, 'browser', 'cache', 'google_default', 'ENV', 'anon', a google.auth "
    "credentials object, a function that returns {'access_token': ..., 'expiry': ...}, or None for "
    "the application default credentials"
)
# Longer texts that are no paths may be secrets given in the wrong place: they are not repeated.
_LONGEST_WORD = 24


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach Google Cloud Storage, or what speaks its protocol.

    Attributes:
        credentials: Returns a fresh access token and its expiry; None: nobody's, unsigned.
        endpoint_url: The service, None for Google's own.
        ca_bundle: The path of a PEM file with the certificates to trust, None for the system's.
        verify: Whether the service's certificate is checked.
        source: Where the identity comes from, in words.
    """

    credentials: Provider | None = field(repr=False)
    endpoint_url: str | None
    ca_bundle: str | None
    verify: bool
    source: str

    def core(self) -> _core.GcsAccess:
        """Return it as the core takes it."""
        return _core.GcsAccess(
            credentials=self.credentials,
            endpoint_url=self.endpoint_url,
            ca_bundle=self.ca_bundle,
            verify=self.verify,
        )


@concealing
def resolve(creds: Creds = None) -> Access:
    """Find out whose tokens are used, and where they are sent.

    Files that are named are read now, so that a wrong one is an error now; the rest happens when a
    token is asked for. "browser" alone may ask Google, and a person, before it returns.

    Args:
        creds: One of the forms of docs/gcs.md.

    Returns:
        The access. Its provider looks for its source anew each time it is asked.

    Raises:
        InvalidInputError: No such form, no such file, or settings that cannot be right.
        AuthorizationException: The credentials cannot be used, or there are none.
        UnsupportedFeatureError: A way to authenticate that is not there yet.
    """
    if creds is None or isinstance(creds, str):
        options = read_options({})
        return _access(*_of_text(creds or "", options), options)
    if isinstance(creds, os.PathLike):
        return _access(*_of_file(creds), read_options({}))
    if isinstance(creds, Mapping):
        options = read_options(creds)
        return _access(*_of_options(options), options)
    return _access(*_of_object(creds), read_options({}))


def _access(credentials: Provider | None, source: str, options: Options) -> Access:
    return Access(credentials, options.endpoint_url, options.ca_bundle, options.verify, source)


def _of_text(text: str, options: Options) -> tuple[Provider | None, str]:
    match text:
        case "":
            return _of_options(options)
        case "ENV" | "google_default":
            return tokens.Renewing(default.load), default.source()
        case "anon" | "anonymous":
            return None, _ANONYMOUS
        case "browser" | "cache":
            return _of_person(may_ask=text == "browser")
        case _:
            return _of_file(text)


def _of_file(given: str | os.PathLike[str]) -> tuple[Provider, str]:
    from pathlib import Path  # noqa: PLC0415 (6 ms of everybody's import)

    # Absolute, as a later chdir does not move the file.
    path = Path(given).expanduser().absolute()
    # Not by the path's own method, which raises where a text is too long to be a path.
    if not os.path.isfile(path):  # noqa: PTH113
        named = _not_a_form(given) if isinstance(given, str) else f"there is no key file {path}"
        raise InvalidInputError(named, hint=_FORMS)
    found = identity.of_file(path)
    found.load()
    return tokens.Renewing(lambda: identity.of_file(path).load()), f"{found.kind} file {path}"


def _of_options(options: Options) -> tuple[Provider | None, str]:
    if options.anonymous:
        return None, _ANONYMOUS
    if options.token is not None:
        return tokens.Given(options.token), "the access token in the creds dict"
    if options.key is not None:
        found = identity.of_content(options.key, "the creds dict")
        found.load()
        return tokens.Renewing(found.load), f"{found.kind} in the creds dict"
    if options.is_emulator and not default.is_named():
        # As Google's own library does. Nobody's login at gcloud is sent to an emulator unasked.
        return None, f"{_ANONYMOUS} (STORAGE_EMULATOR_HOST is set)"
    return tokens.Renewing(default.load), default.source()


def _of_object(creds: Any) -> tuple[Provider | None, str]:
    from google.auth.credentials import AnonymousCredentials, Credentials  # noqa: PLC0415 (slow)

    if isinstance(creds, AnonymousCredentials):
        return None, _ANONYMOUS
    if isinstance(creds, Credentials):
        return tokens.of_object(creds), f"the google.auth object ({type(creds).__name__})"
    if callable(creds):
        return tokens.Asked(creds), "a function of the caller"
    raise InvalidTypeError(f"`creds` is a {type(creds).__name__}", hint=_FORMS)


def _of_person(*, may_ask: bool) -> tuple[Provider, str]:
    from lakebed.auth.gcs import browser  # noqa: PLC0415 (a web server comes with it)

    load, source = browser.sign_in() if may_ask else browser.kept()
    return tokens.Renewing(load), source


def _not_a_form(text: str) -> str:
    if text.lstrip().startswith("{"):
        return "`creds` is a text of JSON: give the dict that json.loads makes of it"
    if text.startswith(("/", "~", ".")) or text.endswith(".json") or len(text) <= _LONGEST_WORD:
        return f"`creds` is the text {text!r}, which is no file and no known word"
    return f"`creds` is a text of {len(text)} characters, which is no file and no known word"
