"""The token endpoint, the consent page and the metadata server of an instance."""

from __future__ import annotations

import base64
import hashlib
import secrets
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode
from xml.sax.saxutils import quoteattr

from tests.servers.gcs_server.accounts import CLOUD_SCOPE, STORAGE_SCOPE, USER
from tests.servers.gcs_server.refusal import Refusal

if TYPE_CHECKING:
    from tests.servers.gcs_server.accounts import Accounts
    from tests.servers.handler import Handler

TOKEN_PATHS = ("/token", "/oauth2/v4/token")
CONSENT_PATH = "/o/oauth2/v2/auth"
METADATA_PATH = "/computeMetadata/"
_FLAVOR = {"Metadata-Flavor": "Google"}


class GrantError(Exception):
    """The token endpoint's way to say no."""

    def __init__(self, code: int, error: str, description: str = "") -> None:
        super().__init__(error)
        self.code = code
        self.reply = {"error": error, "error_description": description}


def grant(accounts: Accounts, form: dict[str, str]) -> dict[str, Any]:
    """Answer what was posted to the token endpoint."""
    kind = form.get("grant_type", "")
    if kind.endswith("jwt-bearer"):
        try:
            claims = accounts.claims_of_jwt(form.get("assertion", ""))
        except Refusal as refusal:
            raise GrantError(400, "invalid_grant", refusal.reason) from refusal
        if not str(claims.get("aud", "")).endswith(TOKEN_PATHS):
            raise GrantError(400, "invalid_grant", "wrong audience")
        return accounts.issue(claims["iss"], claims.get("scope", ""))
    client = (form.get("client_id"), form.get("client_secret"))
    if client != (accounts.client_id, accounts.client_secret):
        raise GrantError(401, "invalid_client")
    if kind == "refresh_token" and form.get("refresh_token") == accounts.refresh_token:
        return accounts.issue(USER, form.get("scope") or STORAGE_SCOPE)
    with accounts.lock:
        scope, challenge = accounts.codes.pop(form.get("code", ""), (None, ""))
    if kind == "authorization_code" and scope is not None:
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if challenge and base64.urlsafe_b64encode(digest).decode().rstrip("=") != challenge:
            raise GrantError(400, "invalid_grant", "wrong code verifier")
        return {**accounts.issue(USER, scope), "refresh_token": accounts.refresh_token}
    raise GrantError(400, "invalid_grant", "Token has been expired or revoked.")


def form_of(handler: Handler, body: bytes) -> dict[str, str]:
    """Read a posted form; the client may name itself in it or in a header."""
    form = dict(parse_qsl(body.decode()))
    header = handler.headers.get("Authorization", "")
    if header.startswith("Basic "):
        text = base64.b64decode(header.removeprefix("Basic ")).decode()
        form["client_id"], _, form["client_secret"] = text.partition(":")
    return form


def consent(accounts: Accounts, handler: Handler, query: dict[str, str]) -> None:
    """Send the browser back with a code; with `ui` only after a click."""
    code, scope = secrets.token_urlsafe(12), query.get("scope", "")
    with accounts.lock:
        accounts.codes[code] = scope, query.get("code_challenge", "")
    given = {"code": code, "state": query.get("state", ""), "scope": scope}
    back = f"{query['redirect_uri']}?{urlencode(given)}"
    if query.get("ui"):
        page = f"<h1>Sign in</h1><a id=allow href={quoteattr(back)}>Allow</a>"
        handler.reply(200, page, "text/html")
    else:
        handler.reply(302, headers={"Location": back})


def metadata(accounts: Accounts, handler: Handler, path: str, project: str) -> None:
    """Answer as the metadata server of an instance with the first service account."""
    if handler.headers.get("Metadata-Flavor") != "Google":
        handler.reply(403, headers=_FLAVOR)
        return
    who = next(iter(accounts.known))
    what = path.split("/v1/", 1)[-1]
    texts = {"project/project-id": project, "universe/universe-domain": "googleapis.com"}
    if what in texts:
        handler.reply(200, texts[what], headers=_FLAVOR)
    elif not what.startswith("instance/service-accounts/"):
        handler.reply(404, headers=_FLAVOR)
    elif what.endswith("/token"):
        handler.json(accounts.issue(who, CLOUD_SCOPE), headers=_FLAVOR)
    elif what.endswith("/email"):
        handler.reply(200, who, headers=_FLAVOR)
    else:
        about = {"email": who, "aliases": ["default"], "scopes": [CLOUD_SCOPE]}
        handler.json(about, headers=_FLAVOR)
