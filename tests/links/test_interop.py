"""Creds keys that both packages declare, rename and use in turn."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.interop.sides import differences, write
from tests.links.conftest import png
from tests.reference.steps import Link

if TYPE_CHECKING:
    from pathlib import Path

    from tests.links.conftest import WebServer
    from tests.reference.client import Reference
    from tests.reference.steps import Step

pytestmark = pytest.mark.reference
TOKEN = {"Authorization": "Bearer t"}
KEYS = dict.fromkeys(("a", "b", "c", "x", "y", "z"), TOKEN)


def names(path: Path) -> list[str]:
    found: list[str] = json.loads((path / "linked_creds.json").read_text())["creds_keys"]
    return found


@pytest.mark.parametrize("ours_first", [True, False], ids=["ours", "theirs"])
def test_both_rename_in_turn(
    ours_first: bool, reference: Reference, web: WebServer, tmp_path: Path
) -> None:
    web.password = TOKEN["Authorization"]
    url = web.put("/1.png", png(1))
    first, second = (None, reference) if ours_first else (reference, None)
    path = tmp_path / "ds"
    options = {"htype": "link[image]", "sample_compression": "png"}

    def append(*keys: str) -> Step:
        return {"do": "extend", "name": "images", "values": [Link(url, key) for key in keys]}

    def reopen(*keys: str) -> Step:
        return {"do": "load", "path": str(path), "populate": dict.fromkeys(keys, TOKEN)}

    def rename(old: str, new: str) -> Step:
        return {"do": "update_creds_key", "name": old, "new": new}

    add = [{"do": "add_creds_key", "name": key, "creds": TOKEN} for key in ("a", "b")]
    tensor = {"do": "create_tensor", "name": "images", "options": options}
    write(
        first,
        [{"do": "empty", "path": str(path)}, tensor, *add, append("a", "b"), rename("a", "x")],
    )
    assert names(path) == ["x", "b"]
    assert differences(reference, path, creds_of_keys=KEYS) == []
    write(
        second,
        [
            reopen("x", "b"),
            rename("b", "y"),
            append("x", "y"),
            {"do": "add_creds_key", "name": "c", "creds": TOKEN},
            append("c"),
        ],
    )
    assert names(path) == ["x", "y", "c"]
    assert differences(reference, path, creds_of_keys=KEYS) == []
    # To the name of another: both positions carry it.
    write(first, [reopen("x", "y", "c"), rename("x", "y"), append("c", "y")])
    assert names(path) == ["y", "y", "c"]
    assert differences(reference, path, creds_of_keys=KEYS) == []
    write(second, [reopen("y", "c"), rename("c", "z"), append("z", "y")])
    assert names(path) == ["y", "y", "z"]
    assert differences(reference, path, creds_of_keys=KEYS) == []
