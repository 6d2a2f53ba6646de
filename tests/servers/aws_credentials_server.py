"""The process of `aws_credentials`: instance and container endpoints, and an OIDC issuer.

PUT  /latest/api/token                            IMDSv2 session token (needs a life in seconds)
GET  /latest/meta-data/iam/security-credentials/  the role's name; below it, its credentials
GET  /latest/meta-data/placement/region           (and the instance identity document)
GET  /ecs/creds                                   container credentials, for the right token
GET  /.well-known/openid-configuration, /jwks     the issuer and its keys
GET  /mint?sub=&aud=&ttl=                         a signed identity token
GET  /_stats /_reset /_fail?n=&code= /_set?sts=&imdsv1=   for tests
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import json
import re
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import urlencode, urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.servers.handler import Handler, new_secret, serve
from tests.servers.process import HOST, send

_REGION = "us-east-1"
_MAX_TOKEN_LIFE_S = 21_600
_HTTP_OK = 200
_FORM = "application/x-www-form-urlencoded"


class _SourceError(Exception):
    """There are no credentials to give out now: the status to answer with."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


@dataclass
class _State:
    port: int
    access_key: str
    secret_key: str
    role: str
    audience: str
    container_token: str
    sts: str = ""
    imdsv1: bool = False
    key: rsa.RSAPrivateKey = field(
        default_factory=lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048)
    )
    lock: threading.Lock = field(default_factory=threading.Lock)
    sessions: dict[str, float] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    failures: list[int] = field(default_factory=list)
    document: dict[str, str] | None = None
    end: float = 0.0
    life_s: float = 0.0

    @property
    def base(self) -> str:
        return f"http://{HOST}:{self.port}"

    def credentials(self) -> dict[str, str]:
        """Give temporary keys, the same until a third of their life is left, as AWS's own do."""
        with self.lock:
            if self.failures:
                raise _SourceError(self.failures.pop())
            if self.document is None or self.end - time.time() <= self.life_s / 3:
                self.document = self._assume_role()
                self.counts["sts"] += 1
            return self.document

    def _assume_role(self) -> dict[str, str]:
        wanted = {"Action": "AssumeRole", "Version": "2011-06-15", "RoleSessionName": "instance"}
        body = urlencode({**wanted, "RoleArn": self.role}).encode()
        url = f"{self.sts}/"
        headers = _signed_post(url, body, self.access_key, self.secret_key)
        code, xml = send("POST", url, body, headers=headers)
        if code != _HTTP_OK:
            print(f"STS answered {code}: {xml[:300]!r}", file=sys.stderr)  # noqa: T201 - the log
            raise _SourceError(500)
        names = ("AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration")
        found = {name: re.search(f"<{name}>(.*?)</{name}>", xml.decode()) for name in names}
        texts = {name: match.group(1) for name, match in found.items() if match}
        end = dt.datetime.fromisoformat(texts["Expiration"])
        self.end = end.timestamp()
        self.life_s = max(self.end - time.time(), 0.1)
        return {
            "Code": "Success",
            "Type": "AWS-HMAC",
            "AccessKeyId": texts["AccessKeyId"],
            "SecretAccessKey": texts["SecretAccessKey"],
            "Token": texts["SessionToken"],
            "LastUpdated": _shown(dt.datetime.now(dt.UTC)),
            "Expiration": _shown(end.astimezone(dt.UTC)),
        }

    def identity_token(self, query: dict[str, str]) -> str:
        now = int(time.time())
        claims = {
            "iss": self.base,
            "sub": query.get("sub", "user"),
            "aud": query.get("aud", self.audience),
            "iat": now,
            "nbf": now - 5,
            "exp": now + int(query.get("ttl", "3600")),
        }
        head = {"alg": "RS256", "typ": "JWT", "kid": "k1"}
        text = ".".join(_base64(json.dumps(part).encode()) for part in (head, claims))
        signature = self.key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{text}.{_base64(signature)}"

    def key_set(self) -> dict[str, Any]:
        numbers = self.key.public_key().public_numbers()
        key = {"kty": "RSA", "kid": "k1", "use": "sig", "alg": "RS256"}
        for name, value in (("n", numbers.n), ("e", numbers.e)):
            key[name] = _base64(value.to_bytes((value.bit_length() + 7) // 8, "big"))
        return {"keys": [key]}


def _shown(moment: dt.datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _signed_post(url: str, body: bytes, access_key: str, secret_key: str) -> dict[str, str]:
    """Give the headers of a POST to the STS, signed as AWS's version 4 says."""
    now = dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%SZ")
    digest = hashlib.sha256(body).hexdigest()
    headers = {
        "content-type": _FORM,
        "host": urlsplit(url).netloc,
        "x-amz-content-sha256": digest,
        "x-amz-date": now,
    }
    names = ";".join(headers)
    scope = f"{now[:8]}/{_REGION}/sts/aws4_request"
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    canonical = f"POST\n/\n\n{lines}\n{names}\n{digest}"
    canonical_digest = hashlib.sha256(canonical.encode()).hexdigest()
    key = f"AWS4{secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    text = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{canonical_digest}"
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    credential = f"Credential={access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
    return {**headers, "Authorization": f"AWS4-HMAC-SHA256 {credential}"}


class _Handler(Handler):
    state: ClassVar[_State]

    def answer(self, path: str, query: dict[str, str], body: bytes) -> None:  # noqa: ARG002 - of the base class
        if path.startswith("/_"):
            self._control(path, query)
            return
        with self.state.lock:
            self.state.counts[path] += 1
        try:
            if path == "/latest/api/token":
                self._session_token()
            elif path.startswith("/latest/"):
                self._instance(path.removeprefix("/latest/"))
            elif path == "/ecs/creds":
                self._container()
            else:
                self._issuer(path, query)
        except _SourceError as error:
            self.reply(error.code)

    def _control(self, path: str, query: dict[str, str]) -> None:
        state = self.state
        if path == "/_fail":
            state.failures = [int(query.get("code", "500"))] * int(query.get("n", "1"))
        elif path == "/_set":
            state.sts = query.get("sts", state.sts)
            state.imdsv1 = query.get("imdsv1", str(int(state.imdsv1))) == "1"
        elif path == "/_reset":
            state.counts.clear()
            state.failures, state.imdsv1, state.document = [], False, None
        elif path != "/_stats":
            self.reply(404)
            return
        self.json(state.counts)

    def _session_token(self) -> None:
        life_s = self.headers.get("X-aws-ec2-metadata-token-ttl-seconds", "")
        if self.command != "PUT":
            self.reply(405)
        elif not life_s.isdigit() or not 1 <= int(life_s) <= _MAX_TOKEN_LIFE_S:
            self.reply(400)
        else:
            token = new_secret()
            self.state.sessions[token] = time.time() + int(life_s)
            self.reply(200, token, headers={"X-aws-ec2-metadata-token-ttl-seconds": life_s})

    def _instance(self, what: str) -> None:
        state = self.state
        token = self.headers.get("X-aws-ec2-metadata-token")
        known = token is not None and state.sessions.get(token, 0) > time.time()
        role = state.role.rsplit("/", 1)[-1]
        if not (known or (token is None and state.imdsv1)):
            self.reply(401)
        elif what == "meta-data/placement/region":
            self.reply(200, _REGION)
        elif what == "dynamic/instance-identity/document":
            self.json({"region": _REGION, "instanceId": "i-0000000000000test"})
        elif what.rstrip("/") == "meta-data/iam/security-credentials":
            self.reply(200, role)
        elif what == f"meta-data/iam/security-credentials/{role}":
            self.json(state.credentials())
        else:
            self.reply(404)

    def _container(self) -> None:
        if self.headers.get("Authorization") == self.state.container_token:
            self.json({**self.state.credentials(), "RoleArn": self.state.role})
        else:
            self.reply(401)

    def _issuer(self, path: str, query: dict[str, str]) -> None:
        state = self.state
        if path == "/.well-known/openid-configuration":
            self.json(
                {
                    "issuer": state.base,
                    "jwks_uri": f"{state.base}/jwks",
                    "id_token_signing_alg_values_supported": ["RS256"],
                    "response_types_supported": ["id_token"],
                    "subject_types_supported": ["public"],
                }
            )
        elif path == "/jwks":
            self.json(state.key_set())
        elif path == "/mint":
            self.reply(200, state.identity_token(query))
        else:
            self.reply(404)


if __name__ == "__main__":
    _Handler.state = _State(**json.loads(sys.argv[1]))
    serve(_Handler.state.port, _Handler)
