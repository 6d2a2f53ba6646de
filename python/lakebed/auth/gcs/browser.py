"""`creds="browser"` and `creds="cache"`: a person's own login.

"browser" uses, in this order, what works of: the login that gcloud stored, the one that was kept by
an earlier "browser", a new one by the consent page. What it used is kept for "cache", which never
asks a person. So a worker process that opens the same dataset shows no page of its own.
"""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakebed.auth import private_files
from lakebed.auth.gcs import consent, default, identity, tokens
from lakebed.errors import AuthorizationException, GCSDefaultCredsNotFoundError
from lakebed.settings import settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lakebed.auth.gcs.identity import Identity

_KEPT_NAME = "gcs-token.json"


class _Asking:
    """Held by the one thread that asks a person; the others then find what was kept."""

    lock = threading.Lock()

    @classmethod
    def renew(cls) -> None:
        """Forget a thread that is not in a forked child."""
        cls.lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_Asking.renew)


def kept_file() -> Path:
    """Return where "browser" keeps a login; it may not exist."""
    return private_files.folder() / _KEPT_NAME


def sign_in() -> tuple[tokens.Load, str]:
    """Return credentials of the person at this machine that Google has just accepted.

    Raises:
        GCSDefaultCredsNotFoundError: There is no login, and no OAuth client to ask for one with.
        AuthorizationException: The person or Google said no, or nobody answered in time.
        TransientStorageError: Google cannot be asked.

    Cost: One request for a token; with the consent page, as long as a person takes.
    """
    with _Asking.lock:
        return _signed_in()


def _signed_in() -> tuple[tokens.Load, str]:
    refused: list[AuthorizationException] = []
    for found, source in _stored(refused):
        try:
            tokens.renew(found.load())
        except AuthorizationException as error:
            refused.append(error)
        else:
            _keep(found.content)
            return found.load, source
    asked = identity.of_content(consent.ask(_client(refused), settings.consent_timeout_s), "Google")
    _keep(asked.content)
    return asked.load, "a login in the browser"


def kept() -> tuple[tokens.Load, str]:
    """Return the credentials that "browser" kept.

    Raises:
        GCSDefaultCredsNotFoundError: There are none.
        AuthorizationException: The file cannot be used.
    """
    path = kept_file()
    _read_kept(path)
    return lambda: _read_kept(path).load(), f"the kept login {path}"


def _stored(refused: list[AuthorizationException]) -> Iterator[tuple[Identity, str]]:
    gcloud = default.gcloud_file()
    if gcloud.is_file():
        try:
            yield identity.of_file(gcloud), f"gcloud's file {gcloud}"
        except AuthorizationException as error:
            refused.append(error)
    path = kept_file()
    if path.exists():
        yield _read_kept(path), f"the kept login {path}"


def _read_kept(path: Path) -> Identity:
    try:
        text = private_files.read(path)
    except FileNotFoundError:
        message = f"there is no kept login: {path} does not exist"
        hint = "use creds='browser' once; creds='cache' never opens a page by itself"
        missing = GCSDefaultCredsNotFoundError(message, kind="authentication", hint=hint)
        raise missing from None
    try:
        return identity.of_text(text, f"the file {path}")
    except AuthorizationException as error:
        error.hint = f"delete {path}, and use creds='browser' again"
        raise


def _keep(content: dict[str, Any]) -> None:
    path = kept_file()
    try:
        private_files.write(path, json.dumps(content, indent=2))
    except OSError as error:
        message = f"the login cannot be kept: {path} cannot be written ({error.strerror})"
        hint = "set LAKEBED_CONFIG_DIR to a folder that can be written"
        raise AuthorizationException(message, kind="authentication", hint=hint) from error


def _client(refused: list[AuthorizationException]) -> consent.Client:
    """Find the OAuth client to ask with: that of the setting, else that of gcloud's file."""
    named = settings.google_client_secrets
    if named:
        return consent.read_client(Path(named).expanduser())
    gcloud = default.gcloud_file()
    if gcloud.is_file():
        client = consent.client_of(identity.read_json(gcloud))
        if client is not None:
            return client
    message = "there is no login to Google on this machine, and no OAuth client to ask for one with"
    if refused:
        message = f"{message} ({'; '.join(error.message for error in refused)})"
    hint = (
        "run gcloud auth application-default login, or set LAKEBED_GOOGLE_CLIENT_SECRETS to a "
        f"file of client secrets; looked at {gcloud} and {kept_file()}"
    )
    raise GCSDefaultCredsNotFoundError(message, kind="authentication", hint=hint)
