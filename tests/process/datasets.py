"""What the tests of this folder store, and where."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np

import lakebed

PHOTOS = 12
ROWS = 64
ROW = np.arange(ROWS * 16).reshape(ROWS, 16)


def repeats(quick: int, long: int) -> int:
    """How often a test repeats what it does: `long` in the nightly run."""
    return long if os.environ.get("LAKEBED_TEST_EXAMPLES") else quick


def photo(number: int) -> np.ndarray[Any, Any]:
    """Give the same small image for the same number."""
    return np.random.default_rng(number).integers(0, 256, (24, 32, 3), dtype=np.uint8)


@dataclass(frozen=True)
class Place:
    """Where datasets of a test lie."""

    root: str
    creds: dict[str, str] | None = None

    def path(self, name: str = "ds") -> str:
        """Give a dataset's path."""
        return f"{self.root}{name}"


def dataset(place: Place, name: str = "ds") -> lakebed.Dataset:
    """Make a dataset and leave it open for writing."""
    ds = lakebed.empty(place.path(name), creds=place.creds)
    ds.create_tensor("x", dtype="int64")
    ds.create_tensor("t", htype="text")
    ds.extend({"x": ROW, "t": [f"row {at}" for at in range(ROWS)]})
    return ds
