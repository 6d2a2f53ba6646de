"""The process of `tests.servers.moto`: moto's S3, behind a front that is as strict as it is told.

GET /_set?region=&conditional_put=&batch_delete=  changes the front, /_reset takes all back and
removes all buckets, /_stats counts requests.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, parse_qsl, unquote
from xml.sax.saxutils import escape

from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from moto.s3.models import s3_backends
from werkzeug.serving import run_simple
from werkzeug.wsgi import get_input_stream

from tests.servers.process import HOST

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

_SCOPE = re.compile(r"Credential=[^/]+/\d{8}/([^/]+)/s3/")
_CONDITIONS = ("HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH")


@dataclass(frozen=True)
class Front:
    """How requests are treated before moto sees them."""

    region: str = "malformed"
    """what a request gets that is signed for another region than the bucket's: "malformed" is 400
    with the right one in body and header, "redirect" 301 with it in the header, "hidden" 400 with
    it in the body alone; "unchecked" lets it pass"""
    conditional_put: str = "checked"
    """If-Match and If-None-Match of writes: "checked", "ignored", or "refused" with 501"""
    batch_delete: str = "served"
    """the deletion of many keys by one request: "served", or "refused" with 501"""


_CHOICES = {
    "region": ("malformed", "redirect", "hidden", "unchecked"),
    "conditional_put": ("checked", "ignored", "refused"),
    "batch_delete": ("served", "refused"),
}


@dataclass
class _Application:
    inner: WSGIApplication
    front: Front = field(default_factory=Front)
    counts: Counter[str] = field(default_factory=Counter)

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
        if path.startswith("/_"):
            return self._control(environ, start)
        self.counts[method] += 1
        wrong = self._wrong_region(environ, start)
        if wrong is not None:
            self.counts["wrong region"] += 1
            return wrong
        query = parse_qs(environ["QUERY_STRING"], keep_blank_values=True)
        if method == "POST" and "delete" in query and self.front.batch_delete == "refused":
            return _error(environ, start, "501 Not Implemented", "NotImplemented")
        if method in ("PUT", "POST") and self.front.conditional_put != "checked":
            given = [name for name in _CONDITIONS if environ.pop(name, None) is not None]
            if given and self.front.conditional_put == "refused":
                return _error(environ, start, "501 Not Implemented", "NotImplemented")
        return self.inner(environ, start)

    def _wrong_region(
        self, environ: WSGIEnvironment, start: StartResponse
    ) -> Iterable[bytes] | None:
        bucket = unquote(environ["PATH_INFO"]).lstrip("/").split("/", 1)[0]
        scope = _SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))
        region = _region_of(bucket)
        kind = self.front.region
        if kind == "unchecked" or region is None or scope is None or scope[1] == region:
            return None
        header = [] if kind == "hidden" else [("x-amz-bucket-region", region)]
        if kind == "redirect":
            place = (
                f"<Endpoint>s3.{region}.amazonaws.com</Endpoint><Bucket>{escape(bucket)}</Bucket>"
            )
            status, code = "301 Moved Permanently", "PermanentRedirect"
        else:
            place = f"<Region>{region}</Region>"
            status, code = "400 Bad Request", "AuthorizationHeaderMalformed"
        return _error(environ, start, status, code, place, header)

    def _control(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        status, text = "200 OK", ""
        try:
            if environ["PATH_INFO"] == "/_set":
                self.front = _changed(self.front, dict(parse_qsl(environ["QUERY_STRING"])))
            elif environ["PATH_INFO"] == "/_reset":
                self.front, self.counts = Front(), Counter()
                s3_backends.reset()
            text = json.dumps({**self.counts, **asdict(self.front)})
        except ValueError as error:
            status, text = "400 Bad Request", str(error)
        start(status, [("Content-Type", "text/plain"), ("Content-Length", str(len(text)))])
        return [text.encode()]


def _changed(front: Front, given: dict[str, str]) -> Front:
    for name, value in given.items():
        if value not in _CHOICES.get(name, ()):
            raise ValueError(f"{name} cannot be {value}")
    return replace(front, **given)


def _region_of(bucket: str) -> str | None:
    for account in s3_backends.values():
        for backend in account.values():
            if bucket in backend.buckets:
                return str(backend.buckets[bucket].region_name)
    return None


def _error(
    environ: WSGIEnvironment,
    start: StartResponse,
    status: str,
    code: str,
    more: str = "",
    headers: list[tuple[str, str]] | None = None,
) -> Iterable[bytes]:
    get_input_stream(environ).read()  # or the client never reads the reply
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>-</Message>{more}</Error>"
    size = ("Content-Length", str(len(body)))
    start(status, [("Content-Type", "application/xml"), size, *(headers or [])])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body.encode()]


if __name__ == "__main__":
    application = _Application(DomainDispatcherApplication(create_backend_app))
    handler = MotoRequestHandler
    run_simple(HOST, int(sys.argv[1]), application, threaded=True, request_handler=handler)
