"""Google Cloud Storage that checks who asks (no packaged emulator does), of our own.

    with running(ttl_s=4) as server:
        server.create_bucket("photos")
        server.service_account        # a key file, whose token_uri is the server
        server.counts()["token"]      # how often a token was asked for

The XML API (what lakebed speaks), some of the JSON API, the token endpoint for service accounts,
refresh tokens and authorization codes, the consent page, and the metadata server of an instance.
Objects live in memory. Not there: copies, signed URLs, versions, ACLs, resumable uploads.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode, urlsplit

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.servers.process import (
    HOST,
    ServerError,
    control,
    free_port,
    send,
    spawn,
    stop,
    wait_until_healthy,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_ROOT = Path(__file__).resolve().parents[2]
PROJECT: Final = "local-project"
_CLIENT: Final = {"client_id": "local-client", "client_secret": "local-client-secret"}
_HTTP_OK = 200


@dataclass(frozen=True)
class GcsServer:
    """A running server, and the files that let somebody in."""

    endpoint: str
    pid: int
    service_account: Path
    """key file of an account that may do everything"""
    read_only_account: Path
    """key file of an account that may read and list"""
    authorized_user: Path
    """what `gcloud auth application-default login` would have stored"""
    client_secrets: Path
    """the application that asks for consent"""

    @property
    def metadata_host(self) -> str:
        """The host and port of the metadata server: GCE_METADATA_HOST."""
        return urlsplit(self.endpoint).netloc

    def create_bucket(self, name: str, *, public: bool = False) -> None:
        """Make a bucket; a public one may be read by everybody."""
        control(f"{self.endpoint}/_bucket", name=name, public=int(public))

    def token(self) -> str:
        """Give an access token that may do everything."""
        user = json.loads(self.authorized_user.read_text())
        form = {name: user[name] for name in ("client_id", "client_secret", "refresh_token")}
        body = urlencode({"grant_type": "refresh_token", **form}).encode()
        code, reply = send("POST", f"{self.endpoint}/token", body)
        if code != _HTTP_OK:
            raise ServerError(reply.decode())
        return str(json.loads(reply)["access_token"])

    def counts(self) -> dict[str, int]:
        """Count requests since the last reset.

        Of "storage", "token", "metadata", "consent"; and with a detail, such as "storage GET",
        "token jwt-bearer", "token refresh_token", "metadata token".
        """
        found: dict[str, int] = json.loads(control(f"{self.endpoint}/_stats"))
        return found

    def fail_next(self, count: int, code: int = 503, *, what: str = "storage") -> None:
        """Answer the next requests to "storage", "token" or "metadata" with an error."""
        control(f"{self.endpoint}/_fail", n=count, code=code, what=what)

    def set_ttl(self, seconds: float) -> None:
        """Let the tokens that are given out from now on live for so long."""
        control(f"{self.endpoint}/_set", ttl_s=seconds)

    def revoke_tokens(self) -> None:
        """Take back every access token given out so far."""
        control(f"{self.endpoint}/_revoke")

    def reset(self) -> None:
        """Forget counts, failures, lives and buckets."""
        control(f"{self.endpoint}/_reset")


@dataclass(frozen=True)
class GcsBucket:
    """A bucket that one test has for itself."""

    name: str
    server: GcsServer

    def url(self, key: str = "") -> str:
        """Give the `gcs://` address of a key."""
        return f"gcs://{self.name}/{key}"

    def creds(self) -> dict[str, Any]:
        """Give the `creds` dict of the account that may do everything: its key and the server."""
        account: dict[str, Any] = json.loads(self.server.service_account.read_text())
        return {**account, "endpoint_url": self.server.endpoint}

    def send(self, method: str, key: str, body: bytes | None = None) -> tuple[int, bytes]:
        """Send a request for one key, with a token that may do everything."""
        url = f"{self.server.endpoint}/{self.name}/{quote(key, safe='')}"
        bearer = {"Authorization": f"Bearer {self.server.token()}"}
        return send(method, url, body, headers=bearer)

    def put(self, key: str, body: bytes) -> str:
        """Upload an object; returns its address."""
        _expect_ok(*self.send("PUT", key, body))
        return self.url(key)

    def get(self, key: str) -> bytes:
        """Download an object."""
        return _expect_ok(*self.send("GET", key))

    def delete(self, key: str) -> None:
        """Remove an object."""
        _expect_ok(*self.send("DELETE", key))

    def listing(self, prefix: str = "") -> dict[str, tuple[int, str]]:
        """List the keys below a prefix, each with size and ETag."""
        found: dict[str, tuple[int, str]] = {}
        bearer = {"Authorization": f"Bearer {self.server.token()}"}
        query: dict[str, str] = {"prefix": prefix}
        while True:
            url = f"{self.server.endpoint}/storage/v1/b/{self.name}/o?{urlencode(query)}"
            page = json.loads(_expect_ok(*send("GET", url, headers=bearer)))
            found |= {item["name"]: (int(item["size"]), item["etag"]) for item in page["items"]}
            if "nextPageToken" not in page:
                return found
            query["pageToken"] = page["nextPageToken"]


def _expect_ok(code: int, body: bytes) -> bytes:
    if code >= 300:
        raise ServerError(f"{code}: {body.decode()}")
    return body


def _write_account(path: Path, name: str, base: str) -> tuple[str, str]:
    """Write a service account's key file; gives its name and public key."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    email = f"{name}@{PROJECT}.iam.gserviceaccount.com"
    about = {
        "type": "service_account",
        "project_id": PROJECT,
        "private_key_id": secrets.token_hex(20),
        "private_key": private.decode(),
        "client_email": email,
        "client_id": "1" * 21,
        "auth_uri": f"{base}/o/oauth2/v2/auth",
        "token_uri": f"{base}/token",
        "universe_domain": "googleapis.com",
    }
    path.write_text(json.dumps(about))
    return email, public.decode()


def _write_client(path: Path, about: Mapping[str, object]) -> Path:
    path.write_text(json.dumps(about))
    return path


@contextlib.contextmanager
def running(*, ttl_s: float = 3600) -> Iterator[GcsServer]:
    """Start the server, yield it, end it; access tokens live for `ttl_s` seconds."""
    with tempfile.TemporaryDirectory(prefix="lakebed-gcs-") as name:
        folder, port = Path(name), free_port()
        base, refresh = f"http://{HOST}:{port}", secrets.token_urlsafe(20)
        files = {writes: folder / f"account-{writes}.json" for writes in (True, False)}
        known: dict[str, dict[str, object]] = {}
        for writes, path in files.items():
            email, public = _write_account(path, "writer" if writes else "reader", base)
            known[email] = {"public_key_pem": public, "writes": writes}
        user = {**_CLIENT, "refresh_token": refresh, "token_uri": f"{base}/token"}
        ends = {"auth_uri": f"{base}/o/oauth2/v2/auth", "token_uri": f"{base}/token"}
        client = {**_CLIENT, **ends, "redirect_uris": ["http://localhost"]}
        settings = {
            **_CLIENT,
            "port": port,
            "project": PROJECT,
            "known": known,
            "ttl_s": ttl_s,
            "refresh_token": refresh,
        }
        command = [sys.executable, "-m", "tests.servers.gcs_server", json.dumps(settings)]
        log = folder / "log"
        process = spawn(command, log, cwd=_ROOT)
        try:
            wait_until_healthy(f"{base}/_stats", process, log)
            yield GcsServer(
                endpoint=base,
                pid=process.pid,
                service_account=files[True],
                read_only_account=files[False],
                authorized_user=_write_client(
                    folder / "user.json", {"type": "authorized_user", **user}
                ),
                client_secrets=_write_client(folder / "client.json", {"installed": client}),
            )
        finally:
            stop(process)
