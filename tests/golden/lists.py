"""The datasets of the corpus, what of them waits for a feature, and where we differ on purpose."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
DATASETS = (
    "branches_chunks", "chunkcomp", "downsampled", "groups", "images", "labels", "links", "locks",
    "many_rows", "media", "multichunk", "mutations", "numeric", "old_2_0_5", "old_2_7_5",
    "old_3_0_4", "padded", "ragged", "rechunk_merge", "rechunk_split", "reset_head", "sequences",
    "textual", "tiled", "transformed", "versions", "views",
)  # fmt: skip


@dataclass(frozen=True)
class Deviation:
    """A place where lakebed reads another value than the reference, on purpose."""

    dataset: str
    place: str
    ours: Any
    reason: str


def waiting() -> dict[str, dict[str, str]]:
    """Give dataset -> tensor -> the feature it waits for."""
    listed: dict[str, dict[str, str]] = defaultdict(dict)
    for entry in tomllib.loads((HERE / "waiting.toml").read_text())["waiting"]:
        for dataset, tensors in entry["tensors"].items():
            for tensor in tensors:
                assert tensor not in listed[dataset], f"{dataset}/{tensor} is listed twice"
                listed[dataset][tensor] = entry["feature"]
    return listed


def deviations() -> list[Deviation]:
    """Give the places where we are right and the reference is not."""
    entries = tomllib.loads((HERE / "deviations.toml").read_text())["deviation"]
    return [Deviation(**entry) for entry in entries]
