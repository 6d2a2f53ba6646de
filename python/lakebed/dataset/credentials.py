"""Names of credentials for links, and what stands behind them while a dataset is open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakebed import planned
from lakebed.auth.given import concealed
from lakebed.errors import InvalidInputError, InvalidTypeError
from lakebed.paths import storable

if TYPE_CHECKING:
    from lakebed.auth import Creds
    from lakebed.tensor import Handle


class WithCreds:
    """The part of a dataset that knows credentials of links.

    Source: hub/paths-and-creds, section 6; format 9.
    """

    _handle: Handle

    def add_creds_key(self, creds_key: str, managed: bool = False) -> None:
        """Declare the name of credentials for linked samples. Names are stored, secrets never are.

        It is stored at once, also inside of `with ds:`.

        Raises:
            CredsKeyExistsError: The dataset has it.
            InvalidInputError: It is empty, over 900 bytes, or holds control characters or lone
                surrogates. Keys of creds name no file, so everything else is fine.
            ReadOnlyModeError: The dataset is read-only.
            UnsupportedFeatureError: `managed`.
        """
        if managed:
            planned.refuse("managed creds keys")
        _checked_key(creds_key)
        self._handle.require_writable()
        with self._handle.changing():
            self._handle.core.add_creds_key(creds_key)

    def update_creds_key(
        self, creds_key: str, new_creds_key: str | None = None, managed: bool | None = None
    ) -> None:
        """Rename a creds key: every sample that uses it uses the new name from then on.

        It is stored at once, also inside of `with ds:`. Credentials that were populated go with it.
        With the name of another key, both become one, with the credentials of that.

        Args:
            creds_key: A name of `add_creds_key`.
            new_creds_key: Its new name.
            managed: Of hub datasets, which are not there yet.

        Raises:
            CredsKeyNotFoundError: The dataset has no such name (a `KeyError`).
            InvalidInputError: Neither is given; the new name is not possible; or `managed` for a
                dataset that is of no hub (a `ValueError`).
            ReadOnlyModeError: The dataset is read-only.

        Cost: A GET and a PUT of a small file, and those of its lock.
        """
        if new_creds_key is None and managed is None:
            raise InvalidInputError("give `new_creds_key`, `managed` or both")
        _checked_key(creds_key)
        if managed is not None:
            message = "managed creds keys are of datasets of a hub, and this is none"
            raise InvalidInputError(message, path=self._handle.path, creds_key=creds_key)
        new = _checked_key(new_creds_key)
        self._handle.require_writable()
        self._handle.rename_creds_key(creds_key, new)

    def populate_creds(
        self,
        creds_key: str,
        creds: Creds = None,
        from_environment: bool = False,
    ) -> None:
        """Give the credentials behind a name, for as long as this dataset is open.

        Args:
            creds_key: A name of `add_creds_key`.
            creds: As `load` takes them: a dict, whose keys say which cloud it is for; a session of
                boto3; the path of a key file of Google; a function, which is asked once now. For
                http(s), `{"Authorization": ...}`. An empty dict: the environment.
            from_environment: Take them from the environment, for links to all clouds: servers and
                regions now, secrets when they are first needed.

        Raises:
            MissingCredsError: The dataset has no such name.
            InvalidInputError: Neither or both are given, or they cannot be right.
        """
        creds = concealed(creds)
        _checked_key(creds_key)
        self._handle.populate_creds(creds_key, creds, from_environment)

    def get_creds_keys(self) -> set[str]:
        """Return the declared names."""
        return set(self._handle.core.creds_keys())

    def get_managed_creds_keys(self) -> set[str]:
        """Return the names whose credentials a hub gives: not there yet."""
        planned.refuse("managed creds keys")


def _checked_key(creds_key: object) -> str:
    if not isinstance(creds_key, str):
        raise InvalidTypeError(f"a creds key is a str, not {type(creds_key).__name__}")
    return storable(creds_key, "a creds key")
