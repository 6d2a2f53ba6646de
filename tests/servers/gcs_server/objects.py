"""Buckets and objects, in memory: generations, conditions, listings."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import itertools
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from tests.servers.gcs_server.refusal import Refusal

_GENERATIONS = itertools.count(time.time_ns() // 1000)


@dataclass(frozen=True)
class Object:
    """One generation of an object."""

    data: bytes
    content_type: str
    generation: int = field(default_factory=lambda: next(_GENERATIONS))
    made: dt.datetime = field(default_factory=lambda: dt.datetime.now(dt.UTC))

    @property
    def etag(self) -> str:
        """What conditions compare, without quotes."""
        return hashlib.md5(self.data, usedforsecurity=False).hexdigest()

    @property
    def md5(self) -> str:
        """The checksum as replies have it."""
        return base64.b64encode(bytes.fromhex(self.etag)).decode()


@dataclass
class Bucket:
    """Objects by name, and who may see them from where."""

    public: bool = False
    objects: dict[str, Object] = field(default_factory=dict)
    cors: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Conditions:
    """What a request demands of the object as it is now."""

    generation: int | None = None
    match: str | None = None
    none_match: str | None = None

    def check(self, now: Object | None) -> None:
        """Refuse the request unless the object is as demanded."""
        generation = now.generation if now else 0
        etags = (now.etag, f'"{now.etag}"') if now else ()
        missed = self.generation is not None and self.generation != generation
        missed |= self.match is not None and self.match not in etags
        missed |= self.none_match == "*" and now is not None
        if missed:
            raise Refusal(412, "At least one of the pre-conditions you specified did not hold.")


@dataclass(frozen=True)
class Page:
    """A part of a listing."""

    names: list[str]
    prefixes: list[str]
    token: str | None


@dataclass
class Storage:
    """All buckets; each change is one step for everybody."""

    buckets: dict[str, Bucket] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def bucket(self, name: str) -> Bucket:
        """Find a bucket."""
        found = self.buckets.get(name)
        if found is None:
            raise Refusal(404, "The specified bucket does not exist.")
        return found

    def get(self, bucket: str, name: str) -> Object:
        """Find an object."""
        found = self.bucket(bucket).objects.get(name)
        if found is None:
            raise Refusal(404, f"No such object: {bucket}/{name}")
        return found

    def put(
        self, bucket: str, name: str, data: bytes, content_type: str | None, conditions: Conditions
    ) -> Object:
        """Store an object, if the one that is there is as demanded."""
        if name in (".", ".."):
            raise Refusal(400, "Invalid object name.")
        with self.lock:
            objects = self.bucket(bucket).objects
            conditions.check(objects.get(name))
            objects[name] = made = Object(data, content_type or "application/octet-stream")
        return made

    def delete(self, bucket: str, name: str, conditions: Conditions) -> None:
        """Remove an object, if it is as demanded."""
        with self.lock:
            conditions.check(self.bucket(bucket).objects.get(name))
            self.get(bucket, name)
            del self.buckets[bucket].objects[name]

    def delete_bucket(self, name: str) -> None:
        """Remove an empty bucket."""
        with self.lock:
            if self.bucket(name).objects:
                raise Refusal(409, "The bucket you tried to delete is not empty.")
            del self.buckets[name]

    def page(self, bucket: str, prefix: str, delimiter: str, after: str, limit: int) -> Page:
        """List names in the order of their UTF-8 bytes."""
        with self.lock:
            every = sorted(self.bucket(bucket).objects, key=str.encode)
        names: list[str] = []
        prefixes: list[str] = []
        last = ""
        for name in every:
            if not name.startswith(prefix) or (after and name.encode() <= after.encode()):
                continue
            rest = name.removeprefix(prefix)
            folder = None
            if delimiter and delimiter in rest:
                folder = f"{prefix}{rest.split(delimiter, 1)[0]}{delimiter}"
                if folder in prefixes:
                    continue
            if len(names) + len(prefixes) >= limit:
                token = base64.urlsafe_b64encode(last.encode()).decode()
                return Page(names, prefixes, token)
            # Behind all names of the folder.
            last = name if folder is None else f"{folder}\U0010ffff"
            (names if folder is None else prefixes).append(folder or name)
        return Page(names, prefixes, None)


def name_of_token(token: str) -> str:
    """Say behind which name the next page begins."""
    return base64.urlsafe_b64decode(token).decode()
