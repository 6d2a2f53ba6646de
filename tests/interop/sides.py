"""Run a recipe with one of the two packages, and read what is there with each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import lakebed
from tests.golden.compare import same, state_differences
from tests.golden.reading import read_state
from tests.reference import steps
from tests.reference.extent import read_extent

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from tests.golden.values import Described
    from tests.interop.cases import Case
    from tests.reference.client import Reference
    from tests.reference.steps import Step

_SHOWN = 30
# Rows of the id companion are random; each run of a recipe has its own.
_RANDOM = {"pending_commit_id", "commit_id", "commits"}


def write(side: Reference | None, recipe: Sequence[Step]) -> list[Any]:
    """Run a recipe with the reference, or with lakebed when `side` is None."""
    return steps.run(lakebed, recipe) if side is None else side.run(recipe)


def create(path: Path | str, cases: Sequence[Case]) -> list[Step]:
    """Make the recipe that writes the first batch of each case."""
    recipe: list[Step] = [{"do": "empty", "path": str(path)}]
    for case in cases:
        recipe.append({"do": "create_tensor", "name": case.name, "options": case.options})
        recipe.append({"do": "extend", "name": case.name, "values": case.first})
    return recipe


def go_on(path: Path | str, cases: Sequence[Case]) -> list[Step]:
    """Make the recipe that opens the dataset again and writes the later batch of each case."""
    recipe: list[Step] = [{"do": "load", "path": str(path)}]
    recipe += [{"do": "extend", "name": case.name, "values": case.later} for case in cases]
    return recipe


def commit(message: str) -> Step:
    """Make the step of a commit."""
    return {"do": "commit", "message": message}


@dataclass(frozen=True)
class Both:
    """What both packages read from one dataset.

    Attributes:
        state: What the reference reads.
        differences: Where lakebed reads something else; a line for each place.
    """

    state: Described
    differences: list[str]


def read_both(
    reference: Reference,
    path: Path | str,
    *,
    options: Mapping[str, Any] | None = None,
    creds_of_keys: Mapping[str, Mapping[str, str]] | None = None,
    unread: Collection[str] = (),
    still_open: lakebed.Dataset | None = None,
) -> Both:
    """Read a dataset with both, the reference with its integrity check.

    Nothing but the tensors `unread` may wait for a feature. A handle that is `still_open` has to
    show what a new one does.
    """
    expected = reference.state(path, options=options, creds_of_keys=creds_of_keys)
    ds = lakebed.load(str(path), read_only=True, verbose=False, **(options or {}))
    for key in ds.get_creds_keys():
        ds.populate_creds(key, dict((creds_of_keys or {}).get(key, {})))
    ours = read_state(ds, expected["tensors"])
    waiting = [
        f"{name}[{index}]: {sample['unsupported']}"
        for name, tensor in ours["tensors"].items()
        for index, sample in enumerate(tensor["samples"])
        if "unsupported" in sample and name not in unread
    ]
    refused = [f"diff: {expected['diff']['error']}"] if "error" in expected["diff"] else []
    found = [*refused, *waiting, *state_differences(ours, expected)]
    for handle in [ds] if still_open is None else [ds, still_open]:
        extent, theirs = read_extent(handle, unread), expected["extent"]
        shapes = {name: each for name, each in theirs["shapes"].items() if name not in unread}
        found += deep_differences(extent, {**theirs, "shapes": shapes}, "extent")
    if still_open is not None:
        found += state_differences(read_state(still_open, expected["tensors"]), expected)
    return Both(expected, found[:_SHOWN])


def differences(reference: Reference, path: Path | str, **how: Any) -> list[str]:
    """Read a dataset with both, as `read_both` does; say where they differ."""
    return read_both(reference, path, **how).differences


def without_chance(state: Described) -> Described:
    """Take out of a state what two runs of one recipe cannot have in common."""
    tensors = {}
    for name, tensor in state["tensors"].items():
        samples = tensor["samples"]
        if tensor["hidden"] and name.endswith("_id"):
            samples = len(samples)
        elif tensor["hidden"] and name.endswith("_info"):
            group, slash, last = name.rpartition("/")
            owner = state["tensors"][f"{group}{slash}{last[1 : -len('_info')]}"]
            samples = [_of_a_file(sample, owner["sample_compression"]) for sample in samples]
        elif tensor["sample_compression"]:
            # Another encoder may write other bytes for the same values.
            samples = [_decoded(sample) for sample in samples]
        tensors[name] = {**tensor, "samples": samples}
    kept = {field: value for field, value in state.items() if field not in _RANDOM}
    diff = {key: [_anonymous(each) for each in side] for key, side in kept["diff"].items()}
    return {**kept, "diff": diff, "tensors": tensors}


def _of_a_file(sample: Described, kept: str | None) -> Described:
    """Leave out of an info what the reference tells of its own encoding, of which chunks decide.

    When a sample begins a new chunk, it has encoded it before it looks: then an array has an info,
    too, and a file of another kind than the tensor keeps has the format that it was brought into.
    """
    [info] = sample["value"]
    if "filename" not in info:
        return {**sample, "value": [{}]}
    kind = info["filename"].rpartition(".")[2].replace("jpg", "jpeg")
    if kept in (None, kind):
        return sample
    return {**sample, "value": [{"filename": info["filename"]}]}


def _decoded(sample: Described) -> Described:
    return {name: value for name, value in sample.items() if not name.startswith("stored_")}


def _anonymous(changes: Described) -> Described:
    hidden = {"commit_id", "author", "date", "message"}
    return {
        name: _without_empty_range(value) if isinstance(value, dict) else value
        for name, value in changes.items()
        if name not in hidden
    }


def _without_empty_range(changes: Described) -> Described:
    """Write "none were added" in one way: a refused append of the reference leaves another."""
    first, end = changes.get("data_added", (None, ()))
    return {**changes, "data_added": [0, 0]} if first == end else changes


def deep_differences(ours: Any, theirs: Any, place: str = "") -> list[str]:
    """Compare two nested values; a line for each place where they differ."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        keys = sorted({*ours, *theirs})
        pairs = [(f"{place}.{key}", ours.get(key), theirs.get(key)) for key in keys]
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        pairs = [(f"{place}[{n}]", ours[n], theirs[n]) for n in range(len(ours))]
    else:
        return [] if same(ours, theirs) else [f"{place}: ours {ours!r}, theirs {theirs!r}"]
    return [line for at, one, other in pairs for line in deep_differences(one, other, at)]
