"""Locations and credentials to the core's stores, and what a user may know of them."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias, assert_never

from lakebed import _core
from lakebed.auth import aws, gcs, http
from lakebed.auth.given import concealed
from lakebed.errors import InvalidInputError, LakebedError, UnsupportedFeatureError
from lakebed.settings import settings

if TYPE_CHECKING:
    from lakebed.paths import Location

# Which of them a path takes is decided by its scheme.
Creds: TypeAlias = "aws.Creds | gcs.Creds"

# What is parsed, and cannot be opened yet.
_PLANNED: Final = {
    "hub": "hub:// paths",
    "azure": "Azure storage",
    "gdrive": "Google Drive",
}


class Counters(NamedTuple):
    """What was asked of a storage since it was opened. Decides nothing.

    Attributes:
        requests: Requests sent, retries included; of local files and memory: operations.
        bytes_read: Bytes of objects that came.
        bytes_written: Bytes of objects that were stored.
        retries: Requests that were sent again.
        renewals: How often credentials were fetched, the first time included.
    """

    requests: int = 0
    bytes_read: int = 0
    bytes_written: int = 0
    retries: int = 0
    renewals: int = 0


@dataclass(frozen=True, slots=True, repr=False)
class Storage:
    """What a dataset is stored in. Holds no secrets.

    Attributes:
        store: The core's store.
        provider: "local files", "memory", "S3", "Google Cloud Storage" or "http".
        endpoint: The service that was named; None: the provider's own.
        region: The region that was named, of S3; None: it is found out from the service.
        identity: Where the credentials come from; "nobody" where none are needed.
    """

    store: _core.Store
    provider: str
    endpoint: str | None = field(default=None)
    region: str | None = field(default=None)
    identity: str = field(default="nobody")

    @property
    def url(self) -> str:
        """The root, as it may be shown."""
        return self.store.url

    @property
    def counters(self) -> Counters:
        """What was asked of the storage until now."""
        return Counters(**self.store.counters())

    def __repr__(self) -> str:
        names = ["provider", "url", *(each.name for each in fields(self)[2:])]
        known = {name: getattr(self, name) for name in names} | self.counters._asdict()
        shown = (f"{name}={value!r}" for name, value in known.items() if value is not None)
        return f"Storage({', '.join(shown)})"


def open_store(location: Location, creds: Any = None) -> _core.Store:
    """Return the store that holds what lies at a location; see `open_storage`."""
    return open_storage(location, creds).store


def open_storage(location: Location, creds: Any = None) -> Storage:
    """Return what holds that which lies at a location. Asks nobody anything.

    Args:
        location: Where.
        creds: As `resolve` of `lakebed.auth.aws`, `.gcs` and `.http` takes it, by the kind of the
            location. Of no meaning for the others.

    Raises:
        InvalidInputError: The credentials cannot be right.
        AuthorizationException: There are no credentials, or they cannot be used.
        UnsupportedFeatureError: A kind of store that is not there yet.
    """
    _core.set_patience(**settings.patience())
    creds = concealed(creds)
    try:
        return _open(location, creds)
    except LakebedError as error:
        # Frames below hold parts of the credentials.
        raise error.without_frames() from error.__cause__


def _open(location: Location, creds: Any) -> Storage:
    match location.kind:
        case "local":
            _refuse_foreign(location)
            # Absolute, so that a later chdir does not move the dataset, and without symbolic
            # links, so that two ways to one folder are known to be one dataset.
            return Storage(_core.Store.local(os.path.realpath(location.root)), "local files")
        case "memory":
            return Storage(_core.Store.memory(location.root), "memory")
        case "s3":
            s3 = aws.resolve(creds)
            store = _core.Store.s3(location.root, location.prefix, s3.core())
            return Storage(store, "S3", s3.endpoint_url, s3.region, s3.source)
        case "gcs":
            google = gcs.resolve(creds)
            store = _core.Store.gcs(location.root, location.prefix, google.core())
            return Storage(store, "Google Cloud Storage", google.endpoint_url, None, google.source)
        case "http":
            web = http.resolve(creds)
            store = _core.Store.http(location.root, web.authorization)
            return Storage(store, "http", identity=web.source)
        case "hub" | "azure" | "gdrive":
            message = f"not supported yet: {_PLANNED[location.kind]}"
            raise UnsupportedFeatureError(message, path=location.path)
        case _:
            assert_never(location.kind)


def _refuse_foreign(location: Location) -> None:
    """Refuse a drive or share of Windows elsewhere, where it would be a folder's odd name."""
    if location.is_foreign and not os.path.lexists(location.root):
        message = "a drive or share of Windows cannot be reached from this machine"
        hint = "give the folder where it is mounted here"
        raise InvalidInputError(message, path=location.path, hint=hint)
