"""The stores that the pages are run against: servers on loopback, or somebody's own account.

See CONTRIBUTING.md for the variables of the environment. They are read once, when this module is
imported: tests take them away for what they run.
"""

from __future__ import annotations

import os
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_ENV: Final = dict(os.environ)

S3_URL: Final = _ENV.get("LAKEBED_TEST_S3_URL")
S3_HAS_ROLE: Final = _ENV.get("LAKEBED_TEST_S3_ROLE") == "1"
GCS_URL: Final = _ENV.get("LAKEBED_TEST_GCS_URL")
GCS_HAS_PERSON: Final = _ENV.get("LAKEBED_TEST_GCS_PERSON") == "1"


@dataclass(frozen=True)
class S3:
    """A place of one test in a store that speaks S3, and keys that may do everything there."""

    url: str
    endpoint: str | None
    access_key: str
    secret_key: str
    session_token: str | None
    region: str | None

    def variables(self) -> dict[str, str]:
        """Give the keys as the environment has them."""
        given = {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_SESSION_TOKEN": self.session_token,
        }
        return {name: value for name, value in given.items() if value}

    def service(self) -> dict[str, str]:
        """Give what says in the environment where the store is."""
        given = {"AWS_ENDPOINT_URL_S3": self.endpoint, "AWS_DEFAULT_REGION": self.region}
        return {name: value for name, value in given.items() if value}


@dataclass(frozen=True)
class Gcs:
    """A place of one test in Google Cloud Storage, and a key file that may do everything there."""

    url: str
    endpoint: str | None
    key: Path


def own_s3() -> S3:
    """Give a place in the account that the environment names."""
    assert S3_URL is not None
    return S3(
        url=_fresh(S3_URL),
        endpoint=_ENV.get("LAKEBED_TEST_S3_ENDPOINT"),
        access_key=_needed("AWS_ACCESS_KEY_ID"),
        secret_key=_needed("AWS_SECRET_ACCESS_KEY"),
        session_token=_ENV.get("AWS_SESSION_TOKEN"),
        region=_ENV.get("AWS_DEFAULT_REGION") or _ENV.get("AWS_REGION"),
    )


def own_gcs() -> Gcs:
    """Give a place in the project that the environment names."""
    assert GCS_URL is not None
    key = Path(_needed("LAKEBED_TEST_GCS_KEY")).expanduser().absolute()
    return Gcs(_fresh(GCS_URL), _ENV.get("LAKEBED_TEST_GCS_ENDPOINT"), key)


def of_the_person() -> dict[str, str]:
    """Give what a person's screen and gcloud's login need of the environment."""
    home = Path(_ENV.get("HOME", "~")).expanduser()
    gcloud = _ENV.get("CLOUDSDK_CONFIG") or str(home / ".config" / "gcloud")
    names = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER", "LAKEBED_GOOGLE_CLIENT_SECRETS")
    return {"CLOUDSDK_CONFIG": gcloud, **{name: _ENV[name] for name in names if name in _ENV}}


def _fresh(url: str) -> str:
    return f"{url.rstrip('/')}/lakebed-test-{uuid.uuid4().hex[:12]}"


def _needed(name: str) -> str:
    assert _ENV.get(name), f"to test with an account of your own, set {name}; see CONTRIBUTING.md"
    return _ENV[name]
