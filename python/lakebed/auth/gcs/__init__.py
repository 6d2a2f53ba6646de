"""Credentials for Google Cloud Storage: all the forms of `creds`, as providers of access tokens.

Source: requirements/storage-options.md, Google Cloud Storage; hub/paths-and-creds, section 4.
"""

from lakebed.auth.gcs.access import Access, Creds, resolve

__all__ = ["Access", "Creds", "resolve"]
