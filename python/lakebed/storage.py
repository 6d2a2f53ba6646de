"""Locations and credentials to the core's stores."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, assert_never

from lakebed import _core
from lakebed.auth import aws

if TYPE_CHECKING:
    from lakebed.paths import Location


def open_store(location: Location, creds: aws.Creds = None) -> _core.Store:
    """Return the store that holds what lies at a location. Asks nobody anything.

    Args:
        location: Where.
        creds: For S3: see `lakebed.auth.aws.resolve`. Of no meaning for the others.

    Raises:
        InvalidInputError: The credentials cannot be right.
        AuthorizationException: S3, and there are no credentials.
    """
    match location.kind:
        case "local":
            # Absolute, so that a later chdir does not move the dataset, and without symbolic
            # links, so that two ways to one folder are known to be one dataset.
            return _core.Store.local(os.path.realpath(location.root))
        case "memory":
            return _core.Store.memory(location.root)
        case "s3":
            access = aws.resolve(creds)
            return _core.Store.s3(location.root, location.prefix, access.core())
        case _:
            assert_never(location.kind)
