"""Every tensor at every address of every dataset of the corpus reads to the expected value."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import lakebed
from tests.golden.compare import state_differences
from tests.golden.lists import DATASETS, deviations, waiting
from tests.golden.reading import read_state

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lakebed import Dataset
    from tests.golden.values import Described

_SHOWN = 40

pytestmark = pytest.mark.usefixtures("in_the_corpus")


def load(name: str, address: str) -> Dataset:
    """Open a dataset of the corpus as its `expected.json` was read."""
    ds = lakebed.load(f"v3/{name}/ds@{address}", read_only=True, verbose=False)
    for key in ds.get_creds_keys():
        ds.populate_creds(key, {})
    return ds


def states(name: str) -> Iterator[tuple[str, Described, Described]]:
    """Give address, what lakebed reads there, and what is expected."""
    expected = json.loads(Path(f"v3/{name}/expected.json").read_text())
    for address, state in expected["states"].items():
        yield address, read_state(load(name, address), state["tensors"]), state


def snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    """Give each file's size and time of change."""
    files = {path: path.stat() for path in folder.rglob("*") if path.is_file()}
    return {str(path): (stat.st_size, stat.st_mtime_ns) for path, stat in files.items()}


def test_the_list_of_datasets_is_complete() -> None:
    assert sorted(path.name for path in Path("v3").iterdir()) == sorted(DATASETS)


@pytest.mark.parametrize("name", DATASETS)
def test_dataset_reads_to_the_expected_values(name: str) -> None:
    before = snapshot(Path(f"v3/{name}"))
    expected_deviations = {each.place: each.ours for each in deviations() if each.dataset == name}
    found_deviations: dict[str, Any] = {}
    unsupported: dict[str, set[str]] = defaultdict(set)
    wrong: list[str] = []
    for address, ours, expected in states(name):
        for tensor, described in ours["tensors"].items():
            messages = {s["unsupported"] for s in described["samples"] if "unsupported" in s}
            if messages:
                unsupported[tensor] |= messages
        for difference in state_differences(ours, expected):
            place, _, rest = difference.partition(": ")
            if place in expected_deviations and rest.startswith(
                f"{expected_deviations[place]!r}, expected"
            ):
                found_deviations[place] = expected_deviations[place]
            else:
                wrong.append(f"{address}: {difference}")
    assert not wrong, f"{len(wrong)} differences\n" + "\n".join(wrong[:_SHOWN])
    assert found_deviations == expected_deviations
    listed = waiting().get(name, {})
    assert sorted(unsupported) == sorted(listed), "waiting.toml is not what waits"
    for tensor, messages in unsupported.items():
        assert all(listed[tensor] in message for message in messages), (tensor, messages)
    assert snapshot(Path(f"v3/{name}")) == before, "reading changed files"


@pytest.mark.parametrize("name", DATASETS)
def test_shapes_are_those_of_the_values(name: str) -> None:
    """Also where a shape companion was not kept up to date, or is from an old version."""
    ds, listed = load(name, "main"), waiting().get(name, {})
    for tensor, column in ds.tensors.items():
        known = column.meta.max_shape and not (column.is_sequence or column.meta.is_link)
        if tensor in listed or not known:
            continue
        values = [sample.numpy().shape for sample in column]
        assert [sample.shape for sample in column] == values, tensor
        assert [tuple(shape) for shape in column.shapes()] == values, tensor


@pytest.mark.parametrize("name", DATASETS)
def test_branches_and_creds_keys_are_those_of_the_dataset(name: str) -> None:
    expected = json.loads(Path(f"v3/{name}/expected.json").read_text())
    ds = load(name, "main")
    assert sorted(ds.branches) == sorted(expected["branches"])
    assert ds.get_creds_keys() == set(expected["creds_keys"])
    heads = {branch: load(name, branch).pending_commit_id for branch in ds.branches}
    assert heads == expected["branches"]


def test_an_unknown_address_is_refused() -> None:
    ghost = json.loads(Path("v3/reset_head/expected.json").read_text())
    addresses = ["no-such-branch", "0" * 40]
    addresses += [
        commit
        for commit, node in ghost["tree"].items()
        if node["is_head"] and commit not in ghost["branches"].values()
    ]
    assert len(addresses) == 3
    for address in addresses:
        with pytest.raises(lakebed.errors.CheckoutError):
            load("reset_head", address)
