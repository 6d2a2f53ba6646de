"""People before a consent page, and what is stored on their machines."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

import requests

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.gcs import GcsServer


class Person:
    """Somebody who is shown a page: `webbrowser.open`, scripted.

    Args:
        answer: "yes" follows the page's redirect, "no" denies, "forged" sends a code that the
            server never gave under a state that was never asked, "away" does nothing.
    """

    def __init__(self, answer: str = "yes") -> None:
        self.answer = answer
        self.pages: list[str] = []

    def __call__(self, url: str) -> bool:
        """Look at a page, and answer."""
        self.pages.append(url)
        query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        back = query["redirect_uri"]
        if self.answer == "yes":
            assert requests.get(url, timeout=10).status_code == 200
        elif self.answer == "no":
            given = urlencode({"error": "access_denied", "state": query["state"]})
            assert requests.get(f"{back}?{given}", timeout=10).status_code == 200
        elif self.answer == "forged":
            given = urlencode({"code": "forged", "state": "guessed"})
            assert requests.get(f"{back}?{given}", timeout=10).status_code == 404
            assert requests.get(f"{back}favicon.ico", timeout=10).status_code == 404
        return True


def gcloud_file(home: Path) -> Path:
    """Give the path of what `gcloud auth application-default login` stores."""
    return home / ".config" / "gcloud" / "application_default_credentials.json"


def log_in_by_gcloud(home: Path, server: GcsServer, **changes: Any) -> dict[str, Any]:
    """Store a login as gcloud does; gives its fields."""
    login: dict[str, Any] = json.loads(server.authorized_user.read_text())
    client = json.loads(server.client_secrets.read_text())["installed"]
    # Its consent page is the server's, too.
    login |= {"auth_uri": client["auth_uri"], **changes}
    path = gcloud_file(home)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(login))
    return login
