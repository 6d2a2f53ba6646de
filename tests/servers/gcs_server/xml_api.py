"""The XML API: what the Rust crate `object_store` speaks."""

from __future__ import annotations

import hashlib
import secrets
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from tests.servers.gcs_server.objects import Bucket, Conditions, name_of_token
from tests.servers.gcs_server.refusal import Refusal

if TYPE_CHECKING:
    from tests.servers.gcs_server.objects import Object, Storage
    from tests.servers.handler import Handler

_XML = "application/xml; charset=UTF-8"
_START = "<?xml version='1.0' encoding='UTF-8'?>"
_MAX_KEYS = 1000
_HTTP_TIME = "%a, %d %b %Y %H:%M:%S GMT"
_CODES = {
    400: "InvalidArgument",
    401: "AuthenticationRequired",
    403: "AccessDenied",
    404: "NoSuchKey",
    409: "Conflict",
    412: "PreconditionFailed",
    429: "SlowDown",
    500: "InternalError",
    503: "ServiceUnavailable",
}


@dataclass
class _Upload:
    content_type: str | None
    parts: dict[int, bytes] = field(default_factory=dict)


@dataclass
class XmlApi:
    """Answers requests for `/bucket/name`."""

    storage: Storage
    uploads: dict[str, _Upload] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(
        self, handler: Handler, bucket: str, name: str, query: dict[str, str], body: bytes
    ) -> None:
        """Answer one request."""
        if not name:
            self._bucket(handler, bucket, query)
        elif "uploads" in query or "uploadId" in query:
            self._upload(handler, bucket, name, query, body)
        elif handler.command == "PUT":
            self._put(handler, bucket, name, body)
        elif handler.command == "DELETE":
            self.storage.delete(bucket, name, conditions_of(handler))
            handler.reply(204)
        elif handler.command in ("GET", "HEAD"):
            send(handler, self.storage.get(bucket, name))
        else:
            raise Refusal(405, "The specified method is not allowed.")

    def _bucket(self, handler: Handler, bucket: str, query: dict[str, str]) -> None:
        if handler.command == "PUT":
            self.storage.buckets.setdefault(bucket, Bucket())
            handler.reply(200)
        elif handler.command == "DELETE":
            self.storage.delete_bucket(bucket)
            handler.reply(204)
        else:
            handler.reply(200, self._listing(bucket, query), _XML)

    def _listing(self, bucket: str, query: dict[str, str]) -> str:
        token = query.get("continuation-token")
        after = name_of_token(token) if token else query.get("start-after", query.get("marker", ""))
        prefix, limit = query.get("prefix", ""), int(query.get("max-keys", _MAX_KEYS))
        page = self.storage.page(
            bucket, prefix, query.get("delimiter", ""), after, min(limit, _MAX_KEYS)
        )
        lines = [
            f"{_START}<ListBucketResult xmlns='http://doc.s3.amazonaws.com/2006-03-01'>",
            f"<Name>{escape(bucket)}</Name><Prefix>{escape(prefix)}</Prefix>",
            f"<KeyCount>{len(page.names) + len(page.prefixes)}</KeyCount>",
            f"<IsTruncated>{str(page.token is not None).lower()}</IsTruncated>",
        ]
        if page.token is not None:
            lines.append(f"<NextContinuationToken>{page.token}</NextContinuationToken>")
        objects = self.storage.bucket(bucket).objects
        # One that was deleted meanwhile is left out.
        for name, found in ((name, objects.get(name)) for name in page.names):
            if found is not None:
                made = found.made.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
                lines.append(
                    f"<Contents><Key>{escape(name)}</Key><Generation>{found.generation}"
                    f"</Generation><LastModified>{made}Z</LastModified>"
                    f'<ETag>"{found.etag}"</ETag><Size>{len(found.data)}</Size></Contents>'
                )
        lines += [
            f"<CommonPrefixes><Prefix>{escape(folder)}</Prefix></CommonPrefixes>"
            for folder in page.prefixes
        ]
        return "".join(lines) + "</ListBucketResult>"

    def _put(self, handler: Handler, bucket: str, name: str, body: bytes) -> None:
        source = handler.headers.get("x-goog-copy-source")
        if source is not None:
            raise Refusal(501, "copies are not served here")
        content_type = handler.headers.get("Content-Type")
        made = self.storage.put(bucket, name, body, content_type, conditions_of(handler))
        handler.reply(200, headers=_marks(made))

    def _upload(
        self, handler: Handler, bucket: str, name: str, query: dict[str, str], body: bytes
    ) -> None:
        if "uploads" in query:
            self.storage.bucket(bucket)
            identity = secrets.token_hex(8)
            with self.lock:
                self.uploads[identity] = _Upload(handler.headers.get("Content-Type"))
            handler.reply(
                200,
                f"{_START}<InitiateMultipartUploadResult><Bucket>{escape(bucket)}</Bucket>"
                f"<Key>{escape(name)}</Key><UploadId>{identity}</UploadId>"
                "</InitiateMultipartUploadResult>",
                _XML,
            )
            return
        identity = query["uploadId"]
        upload = self.uploads.get(identity)
        if upload is None:
            raise Refusal(404, "NoSuchUpload")
        if handler.command == "PUT":
            upload.parts[int(query["partNumber"])] = body
            digest = hashlib.md5(body, usedforsecurity=False).hexdigest()
            handler.reply(200, headers={"ETag": f'"{digest}"'})
            return
        if handler.command == "DELETE":
            del self.uploads[identity]
            handler.reply(204)
            return
        data = b"".join(part for _, part in sorted(upload.parts.items()))
        made = self.storage.put(bucket, name, data, upload.content_type, conditions_of(handler))
        del self.uploads[identity]
        handler.reply(
            200,
            f"{_START}<CompleteMultipartUploadResult><Bucket>{escape(bucket)}</Bucket>"
            f'<Key>{escape(name)}</Key><ETag>"{made.etag}"</ETag></CompleteMultipartUploadResult>',
            _XML,
            _marks(made),
        )


def conditions_of(handler: Handler) -> Conditions:
    """Read the conditions that the XML API has in headers."""
    generation = handler.headers.get("x-goog-if-generation-match")
    return Conditions(
        generation=None if generation is None else int(generation),
        match=handler.headers.get("If-Match"),
        none_match=handler.headers.get("If-None-Match"),
    )


def error(handler: Handler, refusal: Refusal) -> None:
    """Answer with a status and its reason."""
    code = _CODES.get(refusal.code, "Error")
    if refusal.code == 404 and "bucket" in refusal.reason:
        code = "NoSuchBucket"
    text = f"<Error><Code>{code}</Code><Message>{escape(refusal.reason)}</Message></Error>"
    handler.reply(refusal.code, f"{_START}{text}", _XML)


def send(handler: Handler, found: Object) -> None:
    """Answer with an object, or the part of it that is asked for."""
    match, none_match = (handler.headers.get(name) for name in ("If-Match", "If-None-Match"))
    etags = (found.etag, f'"{found.etag}"')
    headers = {
        **_marks(found),
        "Last-Modified": found.made.strftime(_HTTP_TIME),
        "Accept-Ranges": "bytes",
    }
    if none_match in etags:
        handler.reply(304, headers=headers)
        return
    if match is not None and match not in etags:
        raise Refusal(412, "the object is another one by now")
    code, data = 200, found.data
    asked = handler.headers.get("Range", "")
    if asked.startswith("bytes=") and "," not in asked:
        start, end = _bounds(asked.removeprefix("bytes="), len(data))
        if start >= end:
            handler.reply(416, headers={"Content-Range": f"bytes */{len(data)}"})
            return
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(data)}"
        code, data = 206, data[start:end]
    handler.reply(code, data, found.content_type, headers)


def _bounds(asked: str, size: int) -> tuple[int, int]:
    first, _, last = asked.partition("-")
    if not first:
        return max(size - int(last), 0), size
    return int(first), min(int(last) + 1, size) if last else size


def _marks(found: Object) -> dict[str, str]:
    return {
        "ETag": f'"{found.etag}"',
        "x-goog-generation": str(found.generation),
        "x-goog-hash": f"md5={found.md5}",
    }
