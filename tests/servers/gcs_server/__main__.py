"""Serve it all on one port.

Who asks is checked as Google does: an access token of the token endpoint or of the metadata
server, or a JWT that a service account signed (what `object_store` sends by itself). Buckets that
are public may be read by everybody.

    GET /_stats                    counts, see `_Handler._count`
    GET /_fail?n=&code=&what=      fail the next n requests to storage, token or metadata
    GET /_set?ttl_s=               life of the tokens given out from now on
    GET /_revoke                   take back every access token
    GET /_bucket?name=&public=     make a bucket
    GET /_reset                    forget counts, failures and buckets
"""

from __future__ import annotations

import json
import sys
import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import unquote

from tests.servers.gcs_server import json_api, sign_in
from tests.servers.gcs_server.accounts import Account, Accounts
from tests.servers.gcs_server.objects import Bucket, Storage
from tests.servers.gcs_server.refusal import Refusal
from tests.servers.gcs_server.xml_api import XmlApi, error
from tests.servers.handler import Handler, serve

_READS = ("GET", "HEAD")


@dataclass
class _State:
    accounts: Accounts
    project: str
    ttl_s: float
    storage: Storage = field(default_factory=Storage)
    counts: Counter[str] = field(default_factory=Counter)
    failures: dict[str, list[int]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.xml = XmlApi(self.storage)

    def count(self, what: str, detail: str) -> None:
        """Count a request; refuse it where a test wants that."""
        with self.lock:
            self.counts[what] += 1
            self.counts[f"{what} {detail}"] += 1
            codes = self.failures.get(what)
            if codes:
                raise Refusal(codes.pop(), "injected")

    def reset(self) -> None:
        self.counts.clear()
        self.failures.clear()
        self.storage.buckets.clear()
        self.accounts.ttl_s = self.ttl_s


class _Handler(Handler):
    state: ClassVar[_State]
    rule: dict[str, Any] | None = None
    """what web pages of the origin that asks may do with the bucket"""

    def answer(self, path: str, query: dict[str, str], body: bytes) -> None:
        state = self.state
        as_json = path.startswith((*json_api.PATHS, *sign_in.TOKEN_PATHS))
        self.rule = None
        try:
            if path.startswith("/_"):
                self._control(path, query)
            elif path in sign_in.TOKEN_PATHS:
                self._token(body)
            elif path == sign_in.CONSENT_PATH:
                state.count("consent", self.command)
                sign_in.consent(state.accounts, self, query)
            elif path == "/":
                self.reply(200, "computeMetadata/", headers={"Metadata-Flavor": "Google"})
            elif path.startswith(sign_in.METADATA_PATH):
                kind = path.rstrip("/").rsplit("/", 1)[-1]
                state.count("metadata", kind)
                sign_in.metadata(state.accounts, self, path, state.project)
            else:
                self._storage(path, query, body, as_json=as_json)
        except Refusal as refusal:
            (json_api.error if as_json else error)(self, refusal)

    def _token(self, body: bytes) -> None:
        form = sign_in.form_of(self, body)
        self.state.count("token", form.get("grant_type", "").rsplit(":", 1)[-1])
        try:
            self.json(sign_in.grant(self.state.accounts, form))
        except sign_in.GrantError as refused:
            self.json(refused.reply, refused.code)

    def _storage(self, path: str, query: dict[str, str], body: bytes, *, as_json: bool) -> None:
        state = self.state
        raw, _, raw_name = path.removeprefix("/").partition("/")
        bucket = json_api.bucket_in(path) if as_json else unquote(raw)
        kept = state.storage.buckets.get(bucket)
        self.rule = _cors_rule(kept, self) if kept else None
        state.count("storage", self.command)
        if self.command == "OPTIONS":
            self._preflight()
            return
        reads = self.command in _READS
        if not (reads and kept is not None and kept.public):
            state.accounts.who(self.headers.get("Authorization"), writes=not reads)
        if as_json:
            json_api.answer(state.storage, self, path, query, body)
        else:
            state.xml.answer(self, bucket, unquote(raw_name), query, body)

    def _preflight(self) -> None:
        if self.rule is None:
            self.reply(403)
            return
        asked = self.headers.get("Access-Control-Request-Headers") or ""
        headers = {
            "Access-Control-Allow-Methods": ", ".join(self.rule.get("method", [])),
            "Access-Control-Allow-Headers": asked,
            "Access-Control-Max-Age": str(self.rule.get("maxAgeSeconds", 0)),
        }
        self.reply(200, headers=headers)

    def end_headers(self) -> None:
        if self.rule is not None:
            self.send_header("Access-Control-Allow-Origin", self.headers["Origin"])
            exposed = ", ".join(self.rule.get("responseHeader", []))
            self.send_header("Access-Control-Expose-Headers", exposed)
        super().end_headers()

    def _control(self, path: str, query: dict[str, str]) -> None:
        state = self.state
        if path == "/_fail":
            codes = [int(query.get("code", "503"))] * int(query.get("n", "1"))
            state.failures[query.get("what", "storage")] = codes
        elif path == "/_set":
            state.accounts.ttl_s = float(query["ttl_s"])
        elif path == "/_revoke":
            state.accounts.revoke_all()
        elif path == "/_bucket":
            state.storage.buckets[query["name"]] = Bucket(public=query.get("public") == "1")
        elif path == "/_reset":
            state.reset()
        elif path != "/_stats":
            raise Refusal(404, "no such control")
        self.json(state.counts)


def _cors_rule(bucket: Bucket, handler: Handler) -> dict[str, Any] | None:
    """Find the rule for the web page that asks, if one is needed and there."""
    origin = handler.headers.get("Origin")
    method = handler.headers.get("Access-Control-Request-Method", handler.command)
    for rule in bucket.cors if origin else []:
        origins, methods = rule.get("origin", []), rule.get("method", [])
        if {origin, "*"} & set(origins) and {method, "*"} & set(methods):
            found: dict[str, Any] = rule
            return found
    return None


if __name__ == "__main__":
    settings = json.loads(sys.argv[1])
    known = {name: Account(**account) for name, account in settings.pop("known").items()}
    port, project = settings.pop("port"), settings.pop("project")
    accounts = Accounts(known=known, **settings)
    _Handler.state = _State(accounts, project, accounts.ttl_s)
    serve(port, _Handler)
