"""Google Cloud Storage: whose token it is, the bucket's place and rules, by the JSON API."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import requests

from lakebed import _core
from lakebed.auth import gcs
from lakebed.cli.clouds.cloud import Cloud, CloudError, Credentials
from lakebed.cli.rules import Rule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lakebed.cli.options import Creds
    from lakebed.paths import Location

_ENDPOINT = "https://storage.googleapis.com"
_TOKEN_INFO = "https://oauth2.googleapis.com/tokeninfo"  # noqa: S105 (an address)
_TIMEOUT_S = 10
_REFUSALS = {requests.codes.unauthorized, requests.codes.forbidden}


@dataclass
class Gcs(Cloud):
    """One bucket of Google Cloud Storage; see `Cloud`.

    Attributes:
        bucket: Its name.
        access: Who asks, and which server.
        account: The account of a key that was given, as the key says; None: it has to be asked for.
    """

    bucket: str
    access: gcs.Access = field(repr=False)
    account: str | None = None

    @classmethod
    def resolve(cls, location: Location, creds: Creds) -> Gcs:
        """Find out which credentials hold; see `lakebed.auth.gcs.resolve`."""
        return cls(location.root, gcs.resolve(creds), _account(creds))

    def store(self, prefix: str) -> _core.Store:
        """Give the core's store of a folder."""
        return _core.Store.gcs(self.bucket, prefix, self.access.core())

    def bucket_url(self, region: str | None = None) -> str:
        """Return the bucket, as the first part of the path, wherever it is."""
        del region
        return f"{(self.access.endpoint_url or _ENDPOINT).rstrip('/')}/{self.bucket}"

    @property
    def verify(self) -> bool | str:
        """As the access has it."""
        return self.access.ca_bundle or self.access.verify

    def credentials(self) -> Credentials:
        """Fetch a token, which shows that somebody gives one."""
        if self.access.credentials is None:
            return Credentials(self.access.source)
        expiry = self.access.credentials()["expiry"]
        return Credentials(self.access.source, self.account, {"expiry": expiry})

    def identity(self) -> str:
        """Take what the key says, else ask Google whose the token is."""
        if self.access.credentials is None:
            return "nobody"
        if self.account is not None:
            return self.account
        if self.access.endpoint_url is not None:
            # No token of one service is shown to another one.
            raise CloudError(f"{self.access.endpoint_url} has no call for it", refused=False)
        token = self.access.credentials()["access_token"]
        # In the body: addresses are written into logs.
        found = _answer("tokeninfo", _post(_TOKEN_INFO, {"access_token": token}))
        return str(found.get("email") or f"the account with the number {found.get('azp')}")

    def region(self) -> str:
        """Ask for the bucket's location."""
        return str(self._ask("GET", "location")["location"]).lower()

    def rules(self) -> list[Rule]:
        """Read the bucket's rules; there need not be any."""
        return [_rule(raw) for raw in self._ask("GET", "cors").get("cors", [])]

    def set_rules(self, rules: Sequence[Rule]) -> None:
        """Change nothing of the bucket but its rules."""
        self._ask("PATCH", "cors", {"cors": [rule.raw or _raw(rule) for rule in rules]})

    def _ask(self, method: str, fields: str, body: Any = None) -> dict[str, Any]:
        """Read or change the bucket, and return those fields of it."""
        endpoint = (self.access.endpoint_url or _ENDPOINT).rstrip("/")
        headers = {}
        if self.access.credentials is not None:
            headers["Authorization"] = f"Bearer {self.access.credentials()['access_token']}"
        name = f"{'see' if method == 'GET' else 'change'} {fields} of the bucket"
        try:
            reply = requests.request(
                method,
                f"{endpoint}/storage/v1/b/{quote(self.bucket, safe='')}",
                params={"fields": fields},
                json=body,
                headers=headers,
                timeout=_TIMEOUT_S,
                verify=self.verify,
            )
        except requests.RequestException as error:
            raise CloudError(f"{name}: {error}", refused=False) from error
        return _answer(name, reply)


def _account(creds: Creds) -> str | None:
    """Return the account that a key names, which is no secret."""
    key: Any = creds
    if creds in (None, "", "ENV", "google_default"):
        creds = os.environ.get("GOOGLE_APPLICATION_CREDENTIALS") or ""
    if isinstance(creds, str):
        file = Path(creds).expanduser()
        # `resolve` has read it before, if it is one.
        key = json.loads(file.read_bytes()) if file.is_file() else {}
    name = key.get("client_email")
    return None if name is None else str(name)


def _post(url: str, form: dict[str, str]) -> requests.Response:
    try:
        return requests.post(url, data=form, timeout=_TIMEOUT_S)
    except requests.RequestException as error:
        raise CloudError(f"tokeninfo: {error}", refused=False) from error


def _answer(name: str, reply: requests.Response) -> dict[str, Any]:
    if not reply.ok:
        refused = reply.status_code in _REFUSALS
        raise CloudError(f"{name}: {reply.status_code} {_said(reply)}", refused=refused)
    found: dict[str, Any] = reply.json()
    return found


def _said(reply: requests.Response) -> str:
    """Return the words of a refusal."""
    try:
        said = reply.json()["error"]
        return str(said["message"] if isinstance(said, dict) else said)
    except (ValueError, KeyError, TypeError):
        return reply.reason


def _rule(raw: dict[str, Any]) -> Rule:
    # One list says both what may be sent and what is seen.
    headers = tuple(raw.get("responseHeader", ()))
    methods = tuple(raw.get("method", ()))
    return Rule(
        tuple(raw.get("origin", ())), methods, headers, headers, raw.get("maxAgeSeconds"), raw
    )


def _raw(rule: Rule) -> dict[str, Any]:
    return {
        "origin": [*rule.origins],
        "method": [*rule.methods],
        "responseHeader": [*dict.fromkeys([*rule.exposed, *rule.headers])],
        "maxAgeSeconds": rule.max_age_s,
    }
