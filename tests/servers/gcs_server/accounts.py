"""Service accounts and access tokens: who is behind a request, and until when."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.servers.gcs_server.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

STORAGE_SCOPE = "https://www.googleapis.com/auth/devstorage.read_write"
CLOUD_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
USER = "user@example.test"
_PREFIX = "ya29."
_MAX_CLOCK_SKEW_S = 300


@dataclass(frozen=True)
class Account:
    """A service account: its public key, and whether it may change things."""

    public_key_pem: str
    writes: bool


@dataclass
class Accounts:
    """Knows the service accounts, gives out tokens and recognises them."""

    known: Mapping[str, Account]
    ttl_s: float
    refresh_token: str
    client_id: str
    client_secret: str
    secret: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    generation: int = 0
    # Of each code of the consent page: the scope, and the challenge that its user has to meet.
    codes: dict[str, tuple[str, str]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def issue(self, who: str, scope: str) -> dict[str, Any]:
        """Give out an access token."""
        claims = {
            "sub": who,
            "scope": scope,
            "exp": time.time() + self.ttl_s,
            "generation": self.generation,
            "nonce": secrets.token_hex(4),
        }
        body = _base64(json.dumps(claims).encode())
        return {
            "access_token": f"{_PREFIX}{body}-{self._mac(body)}",
            "expires_in": int(self.ttl_s),
            "token_type": "Bearer",
            "scope": scope,
        }

    def revoke_all(self) -> None:
        """Take back every access token that was given out so far."""
        self.generation += 1

    def who(self, authorization: str | None, *, writes: bool) -> str:
        """Say who sent a request with that header, if they may do what they ask for."""
        if not authorization or not authorization.startswith("Bearer "):
            raise Refusal(401, "no bearer token")
        token = authorization.removeprefix("Bearer ").strip()
        if not token.startswith(_PREFIX):
            who = str(self.claims_of_jwt(token)["iss"])
            may_write = self.known[who].writes
        else:
            claims = self._claims_of(token.removeprefix(_PREFIX))
            who, scope = claims["sub"], claims["scope"]
            if not any(word in scope for word in ("cloud-platform", "devstorage")):
                raise Refusal(403, "insufficient scope")
            account = self.known.get(who)
            may_write = (account is None or account.writes) and not (
                "read_only" in scope and "cloud-platform" not in scope
            )
        if writes and not may_write:
            raise Refusal(403, f"{who} does not have storage.objects.create access")
        return who

    def claims_of_jwt(self, token: str) -> dict[str, Any]:
        """Check a JWT that a service account signed; gives what it says."""
        try:
            head, body, signature = token.split(".")
            algorithm = json.loads(_unbase64(head)).get("alg")
            claims: dict[str, Any] = json.loads(_unbase64(body))
            signed = _unbase64(signature)
        except ValueError as error:
            raise Refusal(401, "malformed token") from error
        account = self.known.get(claims.get("iss", ""))
        if algorithm != "RS256" or account is None:
            raise Refusal(401, "unknown account or algorithm")
        key = serialization.load_pem_public_key(account.public_key_pem.encode())
        assert isinstance(key, rsa.RSAPublicKey)
        try:
            key.verify(signed, f"{head}.{body}".encode(), padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature as error:
            raise Refusal(401, "bad signature") from error
        now = time.time()
        if claims.get("exp", 0) < now or claims.get("iat", 0) > now + _MAX_CLOCK_SKEW_S:
            raise Refusal(401, "token outside its time")
        return claims

    def _claims_of(self, token: str) -> dict[str, Any]:
        body, _, mac = token.rpartition("-")
        if not hmac.compare_digest(self._mac(body), mac):
            raise Refusal(401, "invalid token")
        claims: dict[str, Any] = json.loads(_unbase64(body))
        if claims["exp"] < time.time() or claims["generation"] < self.generation:
            raise Refusal(401, "token expired or revoked")
        return claims

    def _mac(self, body: str) -> str:
        return hmac.new(self.secret, body.encode(), hashlib.sha256).hexdigest()[:32]


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _unbase64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
