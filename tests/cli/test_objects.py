"""The object that the doctor writes goes, whatever happens in between."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from lakebed import _core
from lakebed.cli.doctor.objects import Objects
from lakebed.errors import AuthorizationError

if TYPE_CHECKING:
    from lakebed.cli.report import Finding


class WriteOnly:
    """A store that can be written; its reads end in an exception."""

    def __init__(self, store: _core.Store, answer: BaseException) -> None:
        self.store, self.answer = store, answer
        self.put, self.delete, self.list = store.put, store.delete, store.list

    def get(self, key: str) -> bytes:
        """Fail."""
        del key
        raise self.answer


def examined(store: _core.Store, answer: BaseException) -> dict[str, Finding]:
    objects = Objects(cast("_core.Store", WriteOnly(store, answer)))
    return {found.check: found for found in objects.examine(lists=True, write=True)}


def test_credentials_that_may_only_write() -> None:
    store = _core.Store.memory("write-only")
    found = examined(store, AuthorizationError("no"))
    assert {name for name, each in found.items() if each.state == "failed"} == {"read"}
    assert found["write"].state == found["delete"].state == found["latency"].state == "ok"
    assert found["bandwidth"].state == "skipped"
    assert store.list("", 9) == ([], [])


def test_probe_goes_when_the_user_stops_it() -> None:
    store = _core.Store.memory("stopped")
    with pytest.raises(KeyboardInterrupt):
        examined(store, KeyboardInterrupt())
    assert store.list("", 9) == ([], [])
