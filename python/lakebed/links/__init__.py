"""Links to objects that stay where they are, and the credentials to reach them."""

from lakebed.links.creds import LinkAccess, link_access
from lakebed.links.sample import LinkedSample, link

__all__ = ["LinkAccess", "LinkedSample", "link", "link_access"]
