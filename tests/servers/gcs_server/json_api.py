"""The part of the JSON API that tests and `lakebed cors` use: buckets, their rules, objects."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from tests.servers.gcs_server.objects import Bucket, Conditions, name_of_token
from tests.servers.gcs_server.refusal import Refusal
from tests.servers.gcs_server.xml_api import send

if TYPE_CHECKING:
    from tests.servers.gcs_server.objects import Object, Storage
    from tests.servers.handler import Handler

PATHS = ("/storage/v1/", "/upload/storage/v1/", "/download/storage/v1/")
_MAX_RESULTS = 1000


def bucket_in(path: str) -> str:
    """Give the bucket that a path names, or nothing."""
    _, _, rest = path.partition("/v1/b/")
    return unquote(rest.split("/", 1)[0])


def answer(
    storage: Storage, handler: Handler, path: str, query: dict[str, str], body: bytes
) -> None:
    """Answer one request. `path` is as it was sent: names have their '/' escaped."""
    method, bucket = handler.command, bucket_in(path)
    _, _, rest = path.partition("/v1/b/")[2].partition("/")
    if not bucket:
        if method != "POST":
            raise Refusal(501, "only buckets by name are served here")
        bucket = json.loads(body)["name"]
        if bucket in storage.buckets:
            raise Refusal(409, "Your previous request to create the named bucket succeeded.")
        storage.buckets[bucket] = Bucket()
        handler.json(_bucket(storage, bucket))
    elif not rest:
        _answer_bucket(storage, handler, bucket, body)
    elif rest == "iam/testPermissions":
        handler.json({"permissions": [query["permissions"]] if "permissions" in query else []})
    elif rest == "o" and method == "POST":
        made = storage.put(
            bucket, query["name"], body, handler.headers.get("Content-Type"), _conditions(query)
        )
        handler.json(_object(bucket, query["name"], made))
    elif rest == "o":
        handler.json(_listing(storage, bucket, query))
    else:
        _answer_object(storage, handler, bucket, unquote(rest.removeprefix("o/")), query)


def _answer_bucket(storage: Storage, handler: Handler, bucket: str, body: bytes) -> None:
    if handler.command == "DELETE":
        storage.delete_bucket(bucket)
        handler.reply(204)
        return
    if handler.command in ("PATCH", "PUT"):
        storage.bucket(bucket).cors = json.loads(body).get("cors", [])
    handler.json(_bucket(storage, bucket))


def _answer_object(
    storage: Storage, handler: Handler, bucket: str, name: str, query: dict[str, str]
) -> None:
    if handler.command == "DELETE":
        storage.delete(bucket, name, _conditions(query))
        handler.reply(204)
    elif query.get("alt") == "media":
        send(handler, storage.get(bucket, name))
    else:
        handler.json(_object(bucket, name, storage.get(bucket, name)))


def _listing(storage: Storage, bucket: str, query: dict[str, str]) -> dict[str, Any]:
    token = query.get("pageToken")
    page = storage.page(
        bucket,
        query.get("prefix", ""),
        query.get("delimiter", ""),
        name_of_token(token) if token else "",
        int(query.get("maxResults", _MAX_RESULTS)),
    )
    objects = storage.bucket(bucket).objects
    items = [_object(bucket, name, objects[name]) for name in page.names]
    listing: dict[str, Any] = {"kind": "storage#objects", "items": items, "prefixes": page.prefixes}
    return {**listing, "nextPageToken": page.token} if page.token else listing


def _conditions(query: dict[str, str]) -> Conditions:
    generation = query.get("ifGenerationMatch")
    return Conditions(generation=None if generation is None else int(generation))


def error(handler: Handler, refusal: Refusal) -> None:
    """Answer with a status and its reason."""
    about = {"reason": refusal.reason, "message": refusal.reason}
    text = {"code": refusal.code, "message": refusal.reason, "errors": [about]}
    handler.json({"error": text}, refusal.code)


def _bucket(storage: Storage, name: str) -> dict[str, Any]:
    cors = storage.bucket(name).cors
    return {"kind": "storage#bucket", "id": name, "name": name, "location": "US", "cors": cors}


def _object(bucket: str, name: str, found: Object) -> dict[str, Any]:
    return {
        "kind": "storage#object",
        "name": name,
        "bucket": bucket,
        "generation": str(found.generation),
        "size": str(len(found.data)),
        "md5Hash": found.md5,
        "etag": found.etag,
        "contentType": found.content_type,
    }
