"""Names of credentials for links, and what stands behind them while a dataset is open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakebed import planned
from lakebed.auth.given import concealed
from lakebed.errors import InvalidTypeError
from lakebed.paths import storable

if TYPE_CHECKING:
    from lakebed.auth.aws import Creds
    from lakebed.tensor import Handle


class WithCreds:
    """The part of a dataset that knows credentials of links.

    Source: hub/paths-and-creds, section 6; format 9.
    """

    _handle: Handle

    def add_creds_key(self, creds_key: str, managed: bool = False) -> None:
        """Declare the name of credentials for linked samples. Names are stored, secrets never are.

        Raises:
            CredsKeyExistsError: The dataset has it.
            InvalidInputError: It is empty, over 900 bytes, or holds control characters or lone
                surrogates. Keys of creds name no file, so everything else is fine.
            ReadOnlyModeError: The dataset is read-only.
            UnsupportedFeatureError: `managed`.
        """
        if managed:
            planned.refuse("managed creds keys")
        if not isinstance(creds_key, str):
            raise InvalidTypeError(f"a creds key is a str, not {type(creds_key).__name__}")
        storable(creds_key, "a creds key")
        self._handle.require_writable()
        with self._handle.changing():
            self._handle.core.add_creds_key(creds_key)
            self._handle.changed()

    def populate_creds(
        self,
        creds_key: str,
        creds: Creds = None,
        from_environment: bool = False,
    ) -> None:
        """Give the credentials behind a name, for as long as this dataset is open.

        Args:
            creds_key: A name of `add_creds_key`.
            creds: For `s3://` as in `load`: a dict, a session of boto3 or a function, too;
                `{"Authorization": ...}` for http(s). Empty: the environment.
            from_environment: Take them from the environment.

        Raises:
            MissingCredsError: The dataset has no such name.
            InvalidInputError: Neither or both are given, or they cannot be right.
        """
        creds = concealed(creds)
        storable(creds_key, "a creds key")
        self._handle.populate_creds(creds_key, creds, from_environment)

    def get_creds_keys(self) -> set[str]:
        """Return the declared names."""
        return set(self._handle.core.creds_keys())

    def get_managed_creds_keys(self) -> set[str]:
        """Return the names whose credentials a hub gives: not there yet."""
        planned.refuse("managed creds keys")
