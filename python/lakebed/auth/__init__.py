"""Credentials: what users give, turned into providers that the core asks for secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from lakebed.auth import aws, gcs

# What a call takes that may be for either cloud.
Creds: TypeAlias = "aws.Creds | gcs.Creds"
