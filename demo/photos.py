"""Makes the album: distinct JPEG files cropped and re-encoded from real photographs.

Everything is drawn from one seed, so that the same installation gives the same files. Every
photograph differs from all others in crop, size or encoding: colour and gray, three chroma
subsamplings, baseline and progressive, 40 to 200 KB.
"""

from __future__ import annotations

import io
import os
import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from PIL import Image

from demo.sources import LABELS, SOURCES, Box, Source, locate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MIN_BYTES = 40_000
MAX_BYTES = 200_000
# A crop keeps at least this share of each side: smaller ones only show blur once enlarged.
MIN_CROP = 0.45
# Areas in pixels between which 40 to 200 KB is a usual size for a JPEG of a photograph.
MIN_AREA = 320 * 240
MAX_AREA = 1280 * 800
# A box is kept when this share of it is still on the crop.
MIN_BOX_SHARE = 0.4
SUBSAMPLINGS = ("4:4:4", "4:2:2", "4:2:0")


@dataclass(frozen=True)
class Photo:
    """One file of the album and what is known of it, all that the dataset will hold."""

    name: str
    label: int
    caption: str
    boxes: list[list[float]]
    width: int
    height: int
    gray: bool
    nbytes: int

    def to_json(self) -> dict[str, Any]:
        """Return the fields for the manifest that the reading process compares with."""
        return asdict(self)


def make_photos(folder: Path, count: int, seed: int, done: Callable[[int], object]) -> list[Photo]:
    """Write `count` distinct JPEG files into `folder`.

    Args:
        folder: Where the files go; made when missing.
        count: How many.
        seed: The same seed gives the same files (with the same Pillow).
        done: Told the number of finished files after each.

    Returns:
        What is on each file, in order; the first is always in colour, since a gray photograph
        at the start would settle the tensor on two axes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pictures = [_open(source) for source in SOURCES]

    def make(index: int) -> Photo:
        rng = random.Random(f"{seed}/{index}")  # noqa: S311 - variety, not secrecy
        which = index % len(SOURCES)
        return _make_one(folder, index, SOURCES[which], pictures[which], rng)

    photos = []
    # Pillow resizes and encodes without the interpreter lock: threads use every core.
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        try:
            for photo in pool.map(make, range(count)):
                photos.append(photo)
                done(len(photos))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return photos


def _open(source: Source) -> Image.Image:
    with Image.open(locate(source)) as picture:
        return picture.convert("L" if picture.mode == "L" else "RGB")


def _make_one(
    folder: Path, index: int, source: Source, picture: Image.Image, rng: random.Random
) -> Photo:
    left, top, width, height = _draw_crop(picture.size, rng)
    crop = picture.crop((left, top, left + width, top + height))
    mirrored = rng.random() < 0.5  # noqa: PLR2004 - half of them
    if mirrored:
        crop = crop.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    area = rng.uniform(MIN_AREA, MAX_AREA)
    data, size, quality = _encode(crop, area, rng)
    name = f"{source.label}-{index:05d}.jpg"
    (folder / name).write_bytes(data)
    scale = size[0] / width, size[1] / height
    boxes = [
        [(x0 - left) * scale[0], (y0 - top) * scale[1], (x1 - x0) * scale[0], (y1 - y0) * scale[1]]
        for x0, y0, x1, y1 in _visible(source.boxes, (left, top, width, height))
    ]
    if mirrored:
        boxes = [[size[0] - x - w, y, w, h] for x, y, w, h in boxes]
    kind = "gray" if crop.mode == "L" else "colour"
    return Photo(
        name=name,
        label=LABELS.index(source.label),
        caption=f"{source.label}, {kind}, {size[0]}\u00d7{size[1]} at quality {quality}",
        boxes=boxes,
        width=size[0],
        height=size[1],
        gray=crop.mode == "L",
        nbytes=len(data),
    )


def _draw_crop(size: tuple[int, int], rng: random.Random) -> tuple[int, int, int, int]:
    width = round(size[0] * rng.uniform(MIN_CROP, 1.0))
    height = round(size[1] * rng.uniform(MIN_CROP, 1.0))
    return rng.randint(0, size[0] - width), rng.randint(0, size[1] - height), width, height


def _encode(
    crop: Image.Image, area: float, rng: random.Random
) -> tuple[bytes, tuple[int, int], int]:
    """Resize and encode; too small or too large a file is tried again with another area."""
    quality = rng.randint(72, 95)
    options = {
        "subsampling": rng.choice(SUBSAMPLINGS),
        "progressive": rng.random() < 0.2,  # noqa: PLR2004 - a fifth of them
    }
    while True:
        scale = (area / (crop.width * crop.height)) ** 0.5
        size = max(16, round(crop.width * scale)), max(16, round(crop.height * scale))
        buffer = io.BytesIO()
        crop.resize(size, Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=quality, **options)
        nbytes = buffer.tell()
        if MIN_BYTES <= nbytes <= MAX_BYTES:
            return buffer.getvalue(), size, quality
        # Bytes grow a little slower than the area: aim at the middle, and move at least 10 %.
        wanted = rng.uniform(MIN_BYTES * 1.5, MAX_BYTES * 0.75)
        area *= min(4.0, max(0.25, (wanted / nbytes) ** 1.1))


def _visible(boxes: tuple[Box, ...], crop: tuple[int, int, int, int]) -> list[Box]:
    """Return the parts of the boxes that are on the crop, without slivers."""
    left, top, width, height = crop
    kept = []
    for x0, y0, x1, y1 in boxes:
        part = (max(x0, left), max(y0, top), min(x1, left + width), min(y1, top + height))
        shown = max(0, part[2] - part[0]) * max(0, part[3] - part[1])
        if shown >= MIN_BOX_SHARE * (x1 - x0) * (y1 - y0):
            kept.append(part)
    return kept
