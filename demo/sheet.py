"""Draws the contact sheet: decoded samples with their boxes, labels and captions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

TILE_PX = (240, 180)
TEXT_PX = 40
GAP_PX = 12
HEADER_PX = 56
COLUMNS = 6
PAPER = (250, 249, 246)
INK = (32, 32, 36)
FAINT = (120, 120, 128)
MARK = (255, 64, 64)


@dataclass(frozen=True)
class Tile:
    """One decoded sample of the dataset."""

    index: int
    image: np.ndarray[Any, np.dtype[np.uint8]]
    label: str
    caption: str
    boxes: np.ndarray[Any, np.dtype[np.float32]]


def draw_sheet(tiles: Sequence[Tile], title: str, path: Path) -> None:
    """Write a sheet of all tiles as an image file (the type is that of the suffix)."""
    rows = -(-len(tiles) // COLUMNS)
    cell = TILE_PX[0] + GAP_PX, TILE_PX[1] + TEXT_PX + GAP_PX
    size = COLUMNS * cell[0] + GAP_PX, HEADER_PX + rows * cell[1] + GAP_PX
    sheet = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((GAP_PX, 16), title, INK, ImageFont.load_default(22))
    for place, tile in enumerate(tiles):
        row, column = divmod(place, COLUMNS)
        left, top = GAP_PX + column * cell[0], HEADER_PX + row * cell[1]
        thumb = _thumbnail(tile)
        sheet.paste(
            thumb,
            (left + (TILE_PX[0] - thumb.width) // 2, top + (TILE_PX[1] - thumb.height) // 2),
        )
        below = top + TILE_PX[1] + 3
        draw.text((left, below), tile.label, INK, ImageFont.load_default(16))
        draw.text((left, below + 19), f"#{tile.index}", FAINT, ImageFont.load_default(11))
        # The font that Pillow brings has no multiplication sign.
        detail = tile.caption.partition(", ")[2].replace("\u00d7", " x ")
        draw.text((left + 44, below + 19), detail, FAINT, ImageFont.load_default(11))
    sheet.save(path)


def _thumbnail(tile: Tile) -> Image.Image:
    """Return the image fitted into a tile, its boxes drawn at the tile's scale."""
    pixels = tile.image
    if pixels.shape[-1] == 1:
        pixels = np.repeat(pixels, 3, axis=-1)
    image = Image.fromarray(pixels)
    scale = min(TILE_PX[0] / image.width, TILE_PX[1] / image.height)
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    thumb = image.resize(size, Image.Resampling.LANCZOS)
    draw = ImageDraw.Draw(thumb)
    for x, y, width, height in tile.boxes.tolist():
        corners = [x * scale, y * scale, (x + width) * scale - 1, (y + height) * scale - 1]
        draw.rectangle(corners, outline=MARK, width=2)
    return thumb
