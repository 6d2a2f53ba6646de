"""Compare what lakebed reads with what is expected, and say where they differ."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.golden.values import Described

# What says which run of the writer made it.
_OF_THE_STATE = ("pending_commit_id", "commit_id", "branch", "commits", "dataset_info")
# Facts of the corpus about how it was read, not of the dataset; `samples` are compared one by one.
_NOT_OF_THE_TENSOR = {"lossy", "samples"}


def state_differences(ours: Described, expected: Described) -> Iterator[str]:
    """Yield a line for each difference; places are `tensor[index].field`."""
    for field in _OF_THE_STATE:
        yield from _difference(field, ours[field], expected[field])
    for field in ("groups", "visible_tensors"):
        yield from _difference(field, ours[field], sorted(expected[field]))
    yield from _difference("tensors", sorted(ours["tensors"]), sorted(expected["tensors"]))
    for name, tensor in expected["tensors"].items():
        yield from tensor_differences(name, ours["tensors"][name], tensor)


def tensor_differences(name: str, ours: Described, expected: Described) -> Iterator[str]:
    """Yield a line for each difference of one tensor."""
    for field, value in expected.items():
        # The reference shows no info of hidden tensors.
        if field in _NOT_OF_THE_TENSOR or (field == "info" and expected["hidden"]):
            continue
        yield from _difference(f"{name}.{field}", ours[field], value)
    yield from _difference(f"{name} samples", len(ours["samples"]), len(expected["samples"]))
    pairs = zip(ours["samples"], expected["samples"], strict=False)
    for index, (our_sample, sample) in enumerate(pairs):
        yield from sample_differences(f"{name}[{index}]", our_sample, sample)


def sample_differences(place: str, ours: Described, expected: Described) -> Iterator[str]:
    """Yield a line for each difference of one sample; what is not read yet is none."""
    if "unsupported" in ours:
        # Stored bytes are there even where nothing decodes them yet.
        expected = {name: value for name, value in expected.items() if name in ours}
    for field, value in expected.items():
        if field == "error":
            # Our class has the name of the reference's among its bases.
            if value not in ours.get("error", []):
                yield f"{place}: expected {value}, not {ours.get('error', 'a value')}"
        elif field not in {"error_cause", "path_error"}:
            yield from _difference(f"{place}.{field}", ours.get(field), value)
    if "error" in ours and "error" not in expected:
        yield f"{place}: {ours['error'][0]}"


def same(one: Any, other: Any) -> bool:
    """Whether two descriptions say the same: NaN is NaN, and neither 1 and 1.0 nor 0.0 and -0.0."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _difference(place: str, ours: Any, expected: Any) -> Iterator[str]:
    if not same(ours, expected):
        yield f"{place}: {ours!r}, expected {expected!r}"
