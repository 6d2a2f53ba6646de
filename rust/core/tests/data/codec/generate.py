"""Write the image files of this folder and `vectors.json`, what Pillow makes of each.

Provenance: every file is made here, by Pillow 10.4.0 (libjpeg-turbo 3.0.3, zlib 1.2.13) or, where
Pillow cannot write a variant, byte by byte from the PNG specification; the pixels are a formula
with seeded noise. No file comes from anywhere else. The expected arrays are Pillow's own:
`np.asarray(Image.open(file))`, with 16-bit gray as int32 (the reference's type) and bool as 0/1.

Run: `python generate.py` with Pillow 10.4.0 and numpy 1.26.4; it replaces everything.
"""

from __future__ import annotations

import hashlib
import io
import json
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

HERE = Path(__file__).parent
RNG = np.random.default_rng(20)
ADAM7 = [
    (0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1),
]  # fmt: skip
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


def photo(height: int, width: int, channels: int) -> np.ndarray[Any, Any]:
    """Make a (height, width, channels) uint8 array with smooth parts, edges and noise."""
    y, x = np.mgrid[0:height, 0:width]
    layers = [
        127 + 100 * np.sin(x / 5 + k) * np.cos(y / 7 + 2 * k) + RNG.normal(0, 9, (height, width))
        for k in range(channels)
    ]
    return np.stack(layers, -1).clip(0, 255).astype(np.uint8)


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    """Return the file that Pillow writes."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def jpegs() -> dict[str, bytes]:
    """Make one file of each sampling, colour space, coding and awkward size."""
    files = {}
    for sampling, name in enumerate(("444", "422", "420")):
        image = Image.fromarray(photo(35, 29, 3))
        files[f"rgb_{name}"] = saved(image, "JPEG", subsampling=sampling)
        files[f"rgb_{name}_progressive"] = saved(
            image, "JPEG", subsampling=sampling, progressive=True
        )
    for height, width in ((1, 1), (1, 17), (17, 1), (16, 16), (8, 33)):
        files[f"rgb_{height}x{width}"] = saved(Image.fromarray(photo(height, width, 3)), "JPEG")
    image = Image.fromarray(photo(40, 50, 3))
    files["rgb_restarts"] = saved(image, "JPEG", restart_marker_blocks=3)
    files["rgb_quality_100"] = saved(image, "JPEG", quality=100, optimize=True)
    files["rgb_coded_as_rgb"] = saved(image, "JPEG", keep_rgb=True)
    # Factors 4x1 (4:1:1) and 1x2 (4:4:0): Pillow cannot write them, but the header of a 4:2:0
    # file, whose units have as many blocks, can be made to say so. A 4:1:1 unit has 4 + 2.
    files["rgb_411"] = _resampled(saved(image, "JPEG", subsampling=2), 0x22, 0x41)
    files["rgb_440"] = _resampled(saved(image, "JPEG", subsampling=1), 0x21, 0x12)
    gray = Image.fromarray(photo(21, 18, 1)[..., 0])
    files["gray"] = saved(gray, "JPEG")
    files["gray_progressive"] = saved(gray, "JPEG", progressive=True)
    cmyk = saved(Image.fromarray(photo(19, 22, 4), "CMYK"), "JPEG")
    files["cmyk_adobe"] = cmyk
    adobe = cmyk.index(b"\xff\xee")
    without = cmyk[:adobe] + cmyk[adobe + 2 + int.from_bytes(cmyk[adobe + 2 : adobe + 4], "big") :]
    files["cmyk"] = without
    ycck = bytearray(cmyk)
    ycck[adobe + 15] = 2
    files["ycck"] = bytes(ycck)
    plain = files["rgb_420"]
    files["junk_before_marker"] = plain[:2] + b"\xff\xff" + plain[2:20] + b"\x00\x11" + plain[20:]
    files["trailing_bytes"] = plain + b"trailing"
    files["cut_behind_data"] = plain[:-2] + b"\xff\xe1\0\x20abc"
    files["no_end_marker"] = plain[:-2] + b"\0\0\0\0"
    files["damaged_data"] = plain[:-120] + bytes(b ^ 0x55 for b in plain[-120:-110]) + plain[-110:]
    files["cut_in_half"] = plain[: len(plain) // 2]
    files["cut_progressive"] = files["rgb_420_progressive"][:-40]
    files["cut_in_header"] = plain[:100]
    return {f"{name}.jpg": data for name, data in files.items()}


def _resampled(data: bytes, old: int, new: int) -> bytes:
    """Change the sampling factors of the first component in the frame header."""
    frame = data.index(b"\xff\xc0")
    assert data[frame + 11] == old
    return data[: frame + 11] + bytes([new]) + data[frame + 12 :]


def chunk(name: bytes, body: bytes) -> bytes:
    """Return one PNG chunk."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def rows(width: int, height: int, bits: int, interlaced: bool) -> bytes:
    """Return random filtered rows; all five filters occur."""
    data = b""
    for row, column, row_step, column_step in ADAM7 if interlaced else [(0, 0, 1, 1)]:
        pass_width = max(0, -(-(width - column) // column_step))
        pass_height = max(0, -(-(height - row) // row_step))
        for number in range(pass_height if pass_width else 0):
            size = (pass_width * bits + 7) // 8
            data += bytes([(number + row) % 5]) + RNG.integers(0, 256, size, np.uint8).tobytes()
    return data


def png(
    depth: int, colour: int, interlaced: bool, extra: bytes = b"", size: tuple[int, int] = (13, 11)
) -> bytes:
    """Return a PNG file with random content."""
    width, height = size
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    file = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    if colour == 3:
        file += chunk(b"PLTE", RNG.integers(0, 256, 3 << depth, np.uint8).tobytes())
    data = zlib.compress(rows(width, height, depth * CHANNELS[colour], interlaced))
    half = len(data) // 2
    return file + extra + chunk(b"IDAT", data[:half]) + chunk(b"IDAT", data[half:]) + chunk(b"IEND", b"")


def pngs() -> dict[str, bytes]:
    """Make one file of each colour type and depth, plain and interlaced, and damaged ones."""
    files = {}
    kinds = [(d, c) for c, depths in
             ((0, (1, 2, 4, 8, 16)), (2, (8, 16)), (3, (1, 2, 4, 8)), (4, (8, 16)), (6, (8, 16)))
             for d in depths]  # fmt: skip
    for depth, colour in kinds:
        files[f"type{colour}_{depth}bit"] = png(depth, colour, False)
        files[f"type{colour}_{depth}bit_interlaced"] = png(depth, colour, True)
    files["interlaced_3x2"] = png(8, 2, True, size=(3, 2))
    files["interlaced_1x5"] = png(1, 0, True, size=(1, 5))
    files["transparent_rgb"] = png(8, 2, False, chunk(b"tRNS", bytes(6)))
    files["transparent_palette"] = png(4, 3, False, chunk(b"tRNS", b"\x00\x80"))
    files["by_pillow"] = saved(Image.fromarray(photo(30, 24, 3)), "PNG")
    plain = files["type2_8bit"]
    end, data = plain.index(b"IEND") - 4, plain.index(b"IDAT") - 4
    files["no_end_chunk"] = plain[:end]
    files["rows_missing"] = _short(png(8, 0, False, size=(4, 4)), 2 * 5)
    files["superfluous_rows"] = _short(png(8, 0, False, size=(4, 4)), 7 * 5)
    files["bad_data_checksum"] = plain[: end - 1] + bytes([plain[end - 1] ^ 1]) + plain[end:]
    files["bad_stream_checksum"] = plain[: end - 5] + bytes([plain[end - 5] ^ 1]) + plain[end - 4 :]
    files["bad_header_checksum"] = plain[:32] + bytes([plain[32] ^ 1]) + plain[33:]
    files["cut_in_data"] = plain[: end - 100]
    files["cut_text_behind"] = plain[:end] + chunk(b"tEXt", b"name\0value")[:-6]
    files["bad_text_in_front"] = plain[:data] + chunk(b"tEXt", b"name\0value")[:-1] + b"x" + plain[data:]
    palette = files["type3_8bit"]
    start, stop = palette.index(b"PLTE") - 4, palette.index(b"IDAT") - 4
    files["palette_769"] = palette[:start] + chunk(b"PLTE", bytes(769)) + palette[stop:]
    files["palette_771"] = palette[:start] + chunk(b"PLTE", bytes(771)) + palette[stop:]
    files["filter_5"] = _filtered(5)
    return {f"{name}.png": data for name, data in files.items()}


def _short(file: bytes, size: int) -> bytes:
    """Replace the image data by `size` bytes of unfiltered 4-pixel rows."""
    raw = b"".join(b"\0" + bytes([n, 2 * n, 3 * n, 4 * n]) for n in range(1, size // 5 + 1))
    start, end = file.index(b"IDAT") - 4, file.index(b"IEND") - 4
    return file[:start] + chunk(b"IDAT", zlib.compress(raw)) + file[end:]


def _filtered(number: int) -> bytes:
    """Return a file of one row with this filter."""
    header = struct.pack(">IIBBBBB", 2, 1, 8, 0, 0, 0, 0)
    data = zlib.compress(bytes([number, 1, 2]))
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def expected(data: bytes) -> dict[str, Any] | None:
    """Return what Pillow decodes, or None if it refuses."""
    try:
        array = np.asarray(Image.open(io.BytesIO(data)))
    except (OSError, SyntaxError, ValueError):
        return None
    if array.dtype == np.uint16:
        array = array.astype("<i4")
    if array.dtype == bool:
        array = array.view(np.uint8) != 0
    digest = hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
    return {"shape": list(array.shape), "dtype": str(array.dtype), "sha256": digest}


def main() -> None:
    """Write everything."""
    for old in [*HERE.glob("*.jpg"), *HERE.glob("*.png")]:
        old.unlink()
    vectors = {}
    for name, data in sorted({**jpegs(), **pngs()}.items()):
        (HERE / name).write_bytes(data)
        vectors[name] = expected(data)
    text = json.dumps(vectors, indent=1, sort_keys=True)
    (HERE / "vectors.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
