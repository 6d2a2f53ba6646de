"""One access for many short errands with the same `creds`, as `deeplake.read` has one a sample.

Without it each would walk botocore's chain, and each role would be assumed again.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from lakebed.auth.aws.access import resolve

if TYPE_CHECKING:
    from lakebed import _core
    from lakebed.auth.aws.given import Creds

# Programs use a few identities.
_MAX_KEPT = 16


class _Errand:
    """What one access is for: equal if the same would be found again."""

    def __init__(self, creds: Creds) -> None:
        self.creds = creds
        given = tuple(creds.items()) if isinstance(creds, Mapping) else creds
        variables = ((name, os.environ[name]) for name in os.environ if name.startswith("AWS_"))
        self._key: tuple[Any, ...] = (given, os.environ.get("HOME"), *sorted(variables))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Errand) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)


def shared(creds: Creds) -> _core.AwsAccess:
    """Return an access as `resolve` does; the same, while `creds` and the environment are.

    Changes of files are seen when a store refuses what was read from them.

    Raises:
        LakebedError: See `resolve`.
    """
    errand = _Errand(creds)
    try:
        hash(errand)
    except TypeError:
        # A value that is no text, which is about to be refused; or of a class without a hash.
        return resolve(creds).core()
    return _find(errand)


@lru_cache(maxsize=_MAX_KEPT)
def _find(errand: _Errand) -> _core.AwsAccess:
    return resolve(errand.creds).core()
