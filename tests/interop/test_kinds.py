"""Every kind of tensor, in both directions: written, read, appended to, committed, read again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.interop.cases import FAMILIES, Case
from tests.interop.sides import (
    commit,
    create,
    deep_differences,
    differences,
    go_on,
    without_chance,
    write,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.reference.client import Reference

pytestmark = [pytest.mark.reference, pytest.mark.usefixtures("in_the_corpus")]
each_family = pytest.mark.parametrize("cases", FAMILIES.values(), ids=FAMILIES)


@each_family
def test_what_we_write_goes_back_and_forth(
    cases: list[Case], tmp_path: Path, reference: Reference
) -> None:
    path = tmp_path / "ds"
    write(None, create(path, cases))
    assert differences(reference, path) == []
    [closed] = write(reference, [*go_on(path, cases), commit("theirs")])
    assert differences(reference, path) == []
    assert differences(reference, f"{path}@{closed}") == []
    write(None, go_on(path, cases))
    assert differences(reference, path) == []
    assert differences(reference, f"{path}@{closed}") == []
    write(reference, [*go_on(path, cases), commit("again")])
    assert differences(reference, path) == []


@each_family
def test_what_the_reference_writes_goes_back_and_forth(
    cases: list[Case], tmp_path: Path, reference: Reference
) -> None:
    path = tmp_path / "ds"
    [closed] = write(reference, [*create(path, cases), commit("theirs")])
    assert differences(reference, path) == []
    write(None, go_on(path, cases))
    assert differences(reference, path) == []
    write(reference, go_on(path, cases))
    assert differences(reference, path) == []
    assert differences(reference, f"{path}@{closed}") == []


@each_family
def test_one_recipe_gives_one_dataset(
    cases: list[Case], tmp_path: Path, reference: Reference
) -> None:
    """The reference finds the same metas, infos, companions and values in ours as in its own."""
    found = []
    for side, name in ((None, "ours"), (reference, "theirs")):
        path = tmp_path / name
        write(side, create(path, cases))
        write(side, go_on(path, cases))
        found.append(without_chance(reference.state(path)))
    ours, theirs = found
    assert deep_differences(ours, theirs) == []
