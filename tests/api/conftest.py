"""Small datasets to look at, and files to put into them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import lakebed
from lakebed import Sample

if TYPE_CHECKING:
    from pathlib import Path


ROWS = 8


def pixels(number: int, *shape: int) -> np.ndarray[Any, Any]:
    """Give the same image for the same number."""
    return np.random.default_rng(number).integers(0, 256, shape, dtype=np.uint8)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ds"


@pytest.fixture
def fresh(path: Path) -> lakebed.Dataset:
    """Give an empty dataset."""
    return lakebed.empty(path)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Give a folder with images of several kinds."""
    folder = tmp_path / "files"
    folder.mkdir()
    for name, image in {
        "color.png": pixels(1, 4, 5, 3),
        "color.jpg": pixels(2, 24, 35, 3),
        "gray.png": pixels(3, 4, 5),
        "gray.jpg": pixels(4, 14, 15),
        "alpha.png": pixels(5, 4, 5, 4),
    }.items():
        kind = "jpeg" if name.endswith("jpg") else "png"
        (folder / name).write_bytes(Sample(array=image).compressed_bytes(kind))
    whole = (folder / "color.jpg").read_bytes()
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "text.jpg").write_text("this is no image")
    return folder


@pytest.fixture
def mixed(path: Path) -> lakebed.Dataset:
    """Give a dataset with eight rows of many kinds, read from disk."""
    ds = lakebed.empty(path)
    with ds:
        ds.create_tensor("labels", htype="class_label", class_names=["beach", "city"])
        ds.create_tensor("captions", htype="text")
        ds.create_tensor("extra", htype="json")
        ds.create_tensor("lists", htype="list")
        ds.create_tensor("tags", htype="tag")
        ds.create_tensor("boxes", htype="bbox")
        ds.create_tensor("ragged", dtype="float32")
        ds.create_tensor("vectors")
        ds.create_tensor("numbers")
        ds.create_tensor("pictures", htype="image", sample_compression="png")
        ds.create_tensor("nothing")
        ds.create_tensor("side/deep/labels", htype="class_label", class_names=["a", "b"])
        ds.extend(
            {
                "labels": [row % 2 for row in range(ROWS)],
                "captions": [f"row {row}" for row in range(ROWS)],
                "extra": [{"row": row} for row in range(ROWS)],
                "lists": [[row] * (row % 3) for row in range(ROWS)],
                "tags": [["x", str(row)] for row in range(ROWS)],
                "boxes": [np.full((row % 2, 4), row, "f4") for row in range(ROWS)],
                "ragged": [np.full((row % 3 + 1, 2), row, "f4") for row in range(ROWS)],
                "vectors": np.arange(ROWS * 3).reshape(ROWS, 3),
                "numbers": [row * 1.5 for row in range(ROWS)],
                "pictures": [pixels(row, 4, 5 + row % 2, 3) for row in range(ROWS)],
                "nothing": [None] * ROWS,
                "side/deep/labels": ["a", "b"] * (ROWS // 2),
            }
        )
    ds.close()
    return lakebed.load(path, read_only=True)
