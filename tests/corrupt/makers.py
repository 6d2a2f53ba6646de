"""Small datasets, one for each kind of content, to be damaged: every file of them is a few kB."""

from __future__ import annotations

import shutil
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

import lakebed
from tests.golden import corpus

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lakebed import Dataset


def picture(seed: int, height: int = 9, width: int = 7) -> np.ndarray:
    """Give the pixels of a small image, (h, w, 3) uint8."""
    return np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)


def encoded(seed: int, kind: str) -> bytes:
    """Give a small image file."""
    out = BytesIO()
    Image.fromarray(picture(seed)).save(out, kind)
    return out.getvalue()


def numbers(folder: Path) -> Path:
    """Make tensors of numbers: plain, ragged, and in both places of lz4."""
    ds = lakebed.empty(folder / "ds")
    with ds:
        ds.create_tensor("plain", dtype="int32")
        ds.create_tensor("ragged", dtype="float64")
        ds.create_tensor("by_chunk", dtype="uint8", chunk_compression="lz4")
        ds.create_tensor("by_sample", dtype="uint8", sample_compression="lz4")
        ds.plain.extend(np.arange(24, dtype="int32").reshape(4, 2, 3))
        ds.ragged.extend([np.arange(n, dtype="float64") for n in (1, 0, 3)])
        ds.by_chunk.extend([np.full((5, n), n, "uint8") for n in (4, 4, 2)])
        ds.by_sample.extend([np.full((5, n), n, "uint8") for n in (4, 4, 2)])
        ds.info["made"] = "for damage"
        ds.plain.info["unit"] = "m"
    return _closed(ds, folder)


def texts(folder: Path) -> Path:
    """Make tensors of text, documents, lists and class names."""
    ds = lakebed.empty(folder / "ds")
    with ds:
        ds.create_tensor("words", htype="text")
        ds.create_tensor("packed", htype="text", sample_compression="lz4")
        ds.create_tensor("documents", htype="json")
        ds.create_tensor("lists", htype="list")
        ds.create_tensor("labels", htype="class_label", class_names=["cat", "dog"])
        ds.create_group("group/inner")
        ds.words.extend(["a", "", "höhe"])
        ds.packed.extend(["aaaaaaaaaaaaaaaaaaaaaaaa", "b"])
        ds.documents.extend([{"a": [1, 2.5]}, {"b": np.arange(3)}])
        ds.lists.extend([[1, "x"], []])
        ds.labels.extend(["cat", "dog", "cat"])
    return _closed(ds, folder)


def images(folder: Path) -> Path:
    """Make tensors of jpeg and png files."""
    ds = lakebed.empty(folder / "ds")
    with ds:
        ds.create_tensor("jpegs", htype="image", sample_compression="jpeg")
        ds.create_tensor("pngs", htype="image", sample_compression="png")
        for kind in ("jpeg", "png"):
            files = [lakebed.Sample(buffer=encoded(seed, kind)) for seed in range(2)]
            ds[f"{kind}s"].extend(files)
    return _closed(ds, folder)


def links(folder: Path) -> Path:
    """Make a tensor of links, with and without creds key, and the files that it links to."""
    ds = lakebed.empty(folder / "ds")
    with ds:
        ds.create_tensor("photos", htype="link[image]", sample_compression="jpeg")
        ds.add_creds_key("http")
        ds.add_creds_key("other")
        for seed in range(3):
            (folder / f"{seed}.jpg").write_bytes(encoded(seed, "jpeg"))
        files = [str(folder / f"{seed}.jpg") for seed in range(3)]
        keys = [None, "http", "other"]
        ds.photos.extend([lakebed.link(file, key) for file, key in zip(files, keys, strict=True)])
    return _closed(ds, folder)


def _closed(ds: Dataset, folder: Path) -> Path:
    ds.close()
    return folder / "ds"


def golden(name: str) -> Callable[[Path], Path]:
    """Give the maker that copies a dataset of the corpus."""

    def copy(folder: Path) -> Path:
        shutil.copytree(corpus.folder() / "v3" / name / "ds", folder / "ds")
        return folder / "ds"

    return copy


MAKERS: dict[str, Callable[[Path], Path]] = {
    "numbers": numbers,
    "texts": texts,
    "images": images,
    "links": links,
    "sequences": golden("sequences"),
    "versions": golden("branches_chunks"),
    "tiled": golden("tiled"),
}
