"""Names that the reference takes: we take what breaks nothing, and read all that lies inside."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

import lakebed
from lakebed import errors
from tests.interop.sides import differences

if TYPE_CHECKING:
    from pathlib import Path

    from tests.reference.client import Reference
    from tests.reference.steps import Step

pytestmark = pytest.mark.reference

# With two commits, since chunk sets of later commits are what ':' and ',' could break.
BOTH = [
    "a b",
    " a ",
    "a.b",
    ".a",
    "é日",
    "a*b?",
    "%2e%2e",
    "chunks",
    "g/chunks",
    "tensor_meta.json",
]
THEIRS = ["a:b", "a,b", "g/a:b,c", "a\nb", "a\x7fb", "versions/x", "queries.json"]


def recipe(path: Path, names: list[str]) -> list[Step]:
    steps: list[Step] = [{"do": "empty", "path": str(path)}]
    for name in names:
        steps.append({"do": "create_tensor", "name": name, "options": {"dtype": "int32"}})
        steps.append({"do": "extend", "name": name, "values": [1, 2, 3]})
    return steps


def test_names_that_we_take_are_read_by_both(tmp_path: Path, reference: Reference) -> None:
    with lakebed.empty(tmp_path / "ds") as ds:
        for name in BOTH:
            ds.create_tensor(name, dtype="int32").extend([1, 2, 3])
    ds.close()
    assert differences(reference, tmp_path / "ds") == []
    state = reference.state(tmp_path / "ds")
    assert set(state["visible_tensors"]) == set(BOTH)


def test_odd_names_of_the_reference_are_read_and_added_to(
    tmp_path: Path, reference: Reference
) -> None:
    path = tmp_path / "ds"
    names = THEIRS + BOTH
    steps = recipe(path, names)
    for message in ("one", "two"):
        steps.append({"do": "commit", "message": message})
        steps += [{"do": "extend", "name": name, "values": [4]} for name in names]
    reference.run(steps)
    assert differences(reference, path) == []
    ds = lakebed.load(path, read_only=False)
    for name in names:
        assert ds[name].numpy().ravel().tolist() == [1, 2, 3, 4, 4]
        ds[name].append(5)
    ds.close()
    assert differences(reference, path) == []


def test_what_the_reference_wrote_outside_is_not_read(tmp_path: Path, reference: Reference) -> None:
    """The reference takes '..' and stores such a tensor beside the dataset."""
    path = tmp_path / "ds"
    reference.run(recipe(path, ["x", "../outside"]))
    meta = json.loads((path / "dataset_meta.json").read_text())
    assert "../outside" in meta["tensors"]
    assert (tmp_path / "outside" / "tensor_meta.json").exists()
    ds = lakebed.load(path, read_only=True)
    assert ds.x.numpy().ravel().tolist() == [1, 2, 3]
    with pytest.raises(errors.DatasetCorruptError, match="does not stay inside"):
        ds["../outside"]
