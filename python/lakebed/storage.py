"""Locations and credentials to the core's stores."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, TypeAlias, assert_never, cast

from lakebed import _core
from lakebed.auth import aws, gcs
from lakebed.errors import InvalidInputError, UnsupportedFeatureError

if TYPE_CHECKING:
    from lakebed.paths import Location

# Which of them a path takes is decided by its scheme.
Creds: TypeAlias = "aws.Creds | gcs.Creds"

# What is parsed, and cannot be opened yet.
_PLANNED: Final = {
    "hub": "hub:// paths",
    "http": "datasets behind http URLs",
    "azure": "Azure storage",
    "gdrive": "Google Drive",
}


def open_store(location: Location, creds: Creds = None) -> _core.Store:
    """Return the store that holds what lies at a location. Asks no store anything.

    Args:
        location: Where.
        creds: For S3: see `lakebed.auth.aws.resolve`; for Google Cloud Storage:
            `lakebed.auth.gcs.resolve`; both may ask for them. Of no meaning for the others.

    Raises:
        InvalidInputError: The credentials cannot be right.
        AuthorizationException: There are no credentials, or they cannot be used.
        UnsupportedFeatureError: A kind of store that is not there yet.
    """
    match location.kind:
        case "local":
            _refuse_foreign(location)
            # Absolute, so that a later chdir does not move the dataset, and without symbolic
            # links, so that two ways to one folder are known to be one dataset.
            return _core.Store.local(os.path.realpath(location.root))
        case "memory":
            return _core.Store.memory(location.root)
        case "s3":
            access = aws.resolve(cast("aws.Creds", creds))
            return _core.Store.s3(location.root, location.prefix, access.core())
        case "gcs":
            found = gcs.resolve(cast("gcs.Creds", creds))
            return _core.Store.gcs(location.root, location.prefix, found.core())
        case "http" | "hub" | "azure" | "gdrive":
            raise _planned(location)
        case _:
            assert_never(location.kind)


def _refuse_foreign(location: Location) -> None:
    """Refuse a drive or share of Windows elsewhere, where it would be a folder's odd name."""
    if location.is_foreign and not os.path.lexists(location.root):
        message = "a drive or share of Windows cannot be reached from this machine"
        hint = "give the folder where it is mounted here"
        raise InvalidInputError(message, path=location.path, hint=hint)


def _planned(location: Location) -> UnsupportedFeatureError:
    message = f"not supported yet: {_PLANNED[location.kind]}"
    return UnsupportedFeatureError(message, path=location.path)
