"""Credentials for S3 and everything that speaks its protocol.

What the user gives is checked (`given`), completed by environment and profile (`configured`), and
becomes an `Access`: settings, and a provider that the core asks for fresh secrets (`providers`).
Everything beyond plain keys comes from botocore's own chain; its exceptions become ours
(`refusals`).

Source: hub/paths-and-creds, sections 2 and 3; requirements/storage-options.md, AWS S3.
"""

from lakebed.auth.aws.access import Access, resolve
from lakebed.auth.aws.given import Creds, require_picklable
from lakebed.auth.aws.providers import Provider
from lakebed.auth.aws.shared import shared

__all__ = ["Access", "Creds", "Provider", "require_picklable", "resolve", "shared"]
