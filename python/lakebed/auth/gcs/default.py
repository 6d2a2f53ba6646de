"""Google's application default credentials: a named file, gcloud's file, the metadata server.

The order is that of google-auth. Its own search starts gcloud to learn a project that nothing here
needs, writes to standard error, and ignores the `token_uri` of a user's file.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from lakebed.auth.gcs import identity
from lakebed.errors import GCSDefaultCredsNotFoundError

if TYPE_CHECKING:
    from pathlib import Path

    from google.auth.credentials import Credentials

VARIABLE: Final = "GOOGLE_APPLICATION_CREDENTIALS"
_METADATA_ADDRESS = "169.254.169.254"
_METADATA_TIMEOUT_S = 3.0


def is_named() -> bool:
    """Whether the environment names a key file."""
    return bool(os.environ.get(VARIABLE))


def gcloud_file() -> Path:
    """Return where `gcloud auth application-default login` puts credentials; it may not exist."""
    from pathlib import Path  # noqa: PLC0415 (6 ms of everybody's import)

    folder = os.environ.get("CLOUDSDK_CONFIG")
    if not folder:
        windows = os.environ.get("APPDATA") if os.name == "nt" else None
        folder = f"{windows}/gcloud" if windows else "~/.config/gcloud"
    return Path(folder).expanduser() / "application_default_credentials.json"


def source() -> str:
    """Say where `load` would find them now."""
    if is_named():
        return f"the file of {VARIABLE} ({os.environ[VARIABLE]})"
    if gcloud_file().is_file():
        return f"gcloud's file {gcloud_file()}"
    return "the metadata server of Google Cloud"


def load() -> Credentials:
    """Find the application default credentials.

    Raises:
        AuthorizationException: A file cannot be used.
        GCSDefaultCredsNotFoundError: There are none.

    Cost: A request to the metadata server where there is no file; up to three seconds elsewhere.
    """
    if is_named():
        # Taken as it is, as by Google's libraries.
        return identity.of_file(os.environ[VARIABLE]).load()
    if gcloud_file().is_file():
        return identity.of_file(gcloud_file()).load()
    if _has_metadata_server():
        from google.auth import compute_engine  # noqa: PLC0415 (slow to import)

        made: Credentials = compute_engine.Credentials(scopes=[identity.SCOPE])  # type: ignore[no-untyped-call]
        return made
    message = "there are no Google credentials"
    server = f"{_metadata_host()} ({'not asked: NO_GCE_CHECK' if _is_no_cloud() else 'no answer'})"
    hint = (
        f"looked at {VARIABLE} (not set), {gcloud_file()} (not there) and the metadata server "
        f"{server}; give `creds`, set {VARIABLE} to a key file, or run "
        "gcloud auth application-default login; creds='anon' reads public buckets"
    )
    raise GCSDefaultCredsNotFoundError(message, kind="authentication", hint=hint)


def _metadata_host() -> str:
    env = os.environ
    return env.get("GCE_METADATA_HOST") or env.get("GCE_METADATA_IP") or _METADATA_ADDRESS


def _is_no_cloud() -> bool:
    """Whether the environment says that there is no metadata server."""
    return os.environ.get("NO_GCE_CHECK") == "true"


def _has_metadata_server() -> bool:
    import requests  # noqa: PLC0415 (slow to import)

    if _is_no_cloud():
        return False
    try:
        reply = requests.get(
            f"http://{_metadata_host()}",
            headers={"Metadata-Flavor": "Google"},
            timeout=_METADATA_TIMEOUT_S,
            allow_redirects=False,
        )
    except requests.RequestException:
        return False
    return reply.headers.get("Metadata-Flavor") == "Google"
