"""What the commands want of every cloud, and which one a path belongs to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lakebed import _core
    from lakebed.cli.options import Creds
    from lakebed.cli.rules import Rule
    from lakebed.paths import Location


class CloudError(Exception):
    """A cloud did not do what was asked.

    Args:
        message: What, and what it answered.
        refused: It does not know who asks, or does not let them; else it has no such call.
    """

    def __init__(self, message: str, *, refused: bool) -> None:
        super().__init__(message)
        self.refused = refused


@dataclass(frozen=True)
class Credentials:
    """Credentials as they may be shown.

    Attributes:
        source: Where they were found.
        name: What tells them from others, no secret; None where nothing does.
        values: The same for programs.
    """

    source: str
    name: str | None = None
    values: dict[str, Any] = field(default_factory=dict)


class Cloud(ABC):
    """One bucket at one cloud, and the credentials for it."""

    @abstractmethod
    def store(self, prefix: str) -> _core.Store:
        """Give the core's store of a folder of the bucket, with the same credentials."""

    @abstractmethod
    def bucket_url(self, region: str | None = None) -> str:
        """Return where a browser asks for the bucket's objects; without a slash at its end.

        Args:
            region: Where the bucket is, as far as that was found out.
        """

    @property
    @abstractmethod
    def verify(self) -> bool | str:
        """Whether, or with the certificates of which file, TLS is checked."""

    @abstractmethod
    def credentials(self) -> Credentials:
        """Find or fetch the credentials, and tell what may be shown of them.

        Raises:
            LakebedError: They cannot be had.
        """

    @abstractmethod
    def identity(self) -> str:
        """Ask who the credentials belong to.

        Raises:
            CloudError: Nobody tells.
        """

    @abstractmethod
    def region(self) -> str:
        """Ask where the bucket is.

        Raises:
            CloudError: Nobody tells.
        """

    @abstractmethod
    def rules(self) -> list[Rule]:
        """Return the bucket's CORS rules, in their order.

        Raises:
            CloudError: They are not shown.
        """

    @abstractmethod
    def set_rules(self, rules: Sequence[Rule]) -> None:
        """Replace the bucket's CORS rules by these.

        Raises:
            CloudError: The store did not take them.
        """


def cloud_of(location: Location, creds: Creds) -> Cloud | None:
    """Return the cloud of a location, None where it lies in none. May ask for credentials.

    Raises:
        InvalidInputError: The credentials cannot be right.
        AuthorizationException: There are none.
    """
    # Each brings the libraries of its cloud, which take a while.
    if location.kind == "s3":
        from lakebed.cli.clouds.s3 import S3  # noqa: PLC0415

        return S3.resolve(location, creds)
    if location.kind == "gcs":
        from lakebed.cli.clouds.gcs import Gcs  # noqa: PLC0415

        return Gcs.resolve(location, creds)
    return None
