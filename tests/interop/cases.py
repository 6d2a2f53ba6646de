"""The kinds of tensors that both packages write, with values that reach into their corners.

Each case is one tensor: how it is created, and two batches of values: `first` goes in by one
writer, `later` by the other. The cases of a family make one dataset.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.reference.steps import File, Link

DTYPES = (
    "bool",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "float16",
    "float32",
    "float64",
    "complex64",
    "complex128",
)
_DRAW = np.random.default_rng(20_240_613)


@dataclass(frozen=True)
class Case:
    """One tensor: the options of `create_tensor`, and two batches of values."""

    name: str
    options: dict[str, Any]
    first: Any
    later: Any


def drawn(shape: tuple[int, ...], dtype: str) -> Any:
    """Draw random values over the whole range of a dtype."""
    kind = np.dtype(dtype)
    if kind.kind == "b":
        return _DRAW.integers(0, 2, shape).astype(kind)
    if kind.kind in "iu":
        limits = np.iinfo(kind)
        return _DRAW.integers(limits.min, limits.max, shape, dtype=kind, endpoint=True)
    real = _DRAW.standard_normal(shape)
    return (real + 1j * real[..., ::-1] if kind.kind == "c" else real).astype(kind)


def smooth(height: int, width: int, channels: int = 3) -> Any:
    """Draw a picture that JPEG likes; `channels` 0 gives (h, w)."""
    y, x = np.mgrid[0:height, 0:width]
    planes = [
        (np.sin(x / (3 + each) + _DRAW.random() * 6) + np.cos(y / (4 + each)) + 2) * 60
        for each in range(max(channels, 1))
    ]
    picture = np.stack(planes, -1).astype("uint8")
    return picture[..., 0] if channels == 0 else picture


def _numeric() -> list[Case]:
    fixed = [
        Case(f"fixed-{each}", {"dtype": each}, drawn((5, 3, 2), each), [drawn((3, 2), each)])
        for each in DTYPES
    ]
    scalars = [
        # The reference refuses complex scalars, but takes 0-d arrays of them.
        Case(
            f"scalar-{each}",
            {},
            [np.asarray(value) for value in drawn((4,), each)],
            drawn((2,), each),
        )
        for each in DTYPES
    ]
    return [*fixed, *scalars]


def _inferred() -> list[Case]:
    return [
        Case("python-int", {}, [1, 2, -3], [4]),
        Case("python-float", {}, [1.5, 2.25], [0.0]),
        Case("python-lists", {}, [[1, 2, 3], [4, 5]], [[6]]),
        Case("inferred-text", {}, ["a", "bc"], ["é"]),
        Case("inferred-json", {}, [{"x": 1}, {"y": [2]}], [{}]),
        Case("big-endian", {}, drawn((3, 2), "float32").astype(">f4"), drawn((1, 2), "float32")),
        Case("not-contiguous", {}, drawn((4, 6), "int16")[:, ::2], drawn((6, 2), "int16").T),
    ]


def _ragged() -> list[Case]:
    def vectors(*sizes: int) -> list[Any]:
        return [drawn((size,), "int32") for size in sizes]

    def boxes(*shapes: tuple[int, ...]) -> list[Any]:
        return [drawn(shape, "float64") for shape in shapes]

    none_first = [None, None, drawn((2, 2), "int16"), None, drawn((1, 3), "int16")]
    return [
        Case("ragged-1d", {"dtype": "int32"}, vectors(3, 0, 5, 5, 5, 1, 0, 0, 7), vectors(7, 2)),
        Case(
            "ragged-4d",
            {"dtype": "float64"},
            boxes((1, 2, 3, 1), (2, 1, 1, 4)),
            boxes((0, 1, 2, 3)),
        ),
        Case("none-first", {"dtype": "int16"}, none_first, [None]),
        Case(
            "none-last",
            {"dtype": "int16"},
            [drawn((4,), "int16"), None, None],
            [drawn((1,), "int16")],
        ),
        Case("none-only", {"dtype": "int16"}, [None, None, None], [None]),
        Case(
            "none-only-then-some", {"dtype": "int16"}, [None, None], [drawn((2, 3), "int16"), None]
        ),
        Case("empty-arrays", {"dtype": "float32"}, [np.zeros((0, 4), "float32")] * 2, [None]),
        Case("no-elements", {"dtype": "int64"}, [np.zeros((0, 0, 0), "int64"), None], [None]),
        Case(
            "fixed-then-none",
            {"dtype": "float32"},
            drawn((3, 2), "float32"),
            [None, drawn((2,), "float32")],
        ),
        Case(
            "ragged-lz4-chunk",
            {"dtype": "int32", "chunk_compression": "lz4"},
            [*vectors(3, 0, 5), None],
            vectors(1),
        ),
        Case(
            "ragged-lz4-sample",
            {"dtype": "int32", "sample_compression": "lz4"},
            [*vectors(3, 0, 5), None],
            vectors(1),
        ),
    ]


TEXTS = ["plain", "", "héllo wörld", "日本語", "emoji \U0001f600", 'line\nbreak\t"q" \\', "x" * 300]
JSONS = [
    {"a": 1, "b": [1, 2.5, None, True], "c": {"d": "é"}},
    {},
    [1, 2, {"k": "v"}],
    "bare string",
    7,
    {"array": np.arange(6, dtype="int16").reshape(2, 3), "bytes": b"\x00\x01\xff"},
]
LISTS = [[1, 2, 3], [], ["a", "b"], [1, "x", None, 2.5], [{"k": [1]}], [[1, 2], [3]]]


def _textual() -> list[Case]:
    cases = []
    for suffix, options in (
        ("raw", {}),
        ("lz4-sample", {"sample_compression": "lz4"}),
        ("lz4-chunk", {"chunk_compression": "lz4"}),
    ):
        cases += [
            Case(f"text-{suffix}", {"htype": "text", **options}, [*TEXTS, None], ["tail", None]),
            Case(f"json-{suffix}", {"htype": "json", **options}, [*JSONS, None], [{"z": 0}]),
            Case(f"list-{suffix}", {"htype": "list", **options}, [*LISTS, None], [[0]]),
        ]
    return cases


def _labels() -> list[Case]:
    names = {"htype": "class_label", "class_names": ["cat", "dog"]}
    coords = {"htype": "bbox", "coords": {"type": "pixel", "mode": "LTWH"}}
    keypoints = {"htype": "keypoints_coco", "keypoints": ["nose", "eye"], "connections": [[0, 1]]}
    masks = [drawn((5, 6, 2), "bool"), drawn((2, 3, 1), "bool")]
    return [
        Case("class-label", names, ["cat", "dog", "emu", 1, "cat"], ["fox", "dog"]),
        Case("class-label-lists", names, [["cat", "emu", "fox"], ["dog"]], [[0, 1]]),
        Case(
            "class-label-numbers",
            {"htype": "class_label"},
            np.array([[1], [2], [3]], "uint32"),
            [4],
        ),
        Case("bbox", coords, [drawn((n, 4), "float32") for n in (1, 3, 0, 2)], [None]),
        Case(
            "bbox-3d",
            {"htype": "bbox.3d", "coords": {"mode": "center"}},
            drawn((2, 2, 8), "float32"),
            [None],
        ),
        Case("keypoints", keypoints, [drawn((6, 2), "int32"), drawn((6, 1), "int32")], [None]),
        Case("point", {"htype": "point"}, [drawn((2, 2), "int32"), drawn((1, 2), "int32")], [None]),
        Case("instance-label", {"htype": "instance_label"}, drawn((2, 4, 5), "uint32"), [None]),
        Case(
            "segment-mask",
            {"htype": "segment_mask", "class_names": ["bg"], "sample_compression": "lz4"},
            drawn((2, 5, 6), "uint32"),
            [drawn((1, 2), "uint32")],
        ),
        Case("binary-mask", {"htype": "binary_mask", "chunk_compression": "lz4"}, masks, masks[:1]),
        Case(
            "embedding",
            {"htype": "embedding"},
            drawn((9, 16), "float32"),
            drawn((2, 16), "float32"),
        ),
        Case(
            "embedding-lz4",
            {"htype": "embedding", "dtype": "float64", "chunk_compression": "lz4"},
            drawn((5, 8), "float64"),
            drawn((1, 8), "float64"),
        ),
        Case(
            "intrinsics",
            {"htype": "intrinsics"},
            drawn((1, 3, 3), "float32"),
            drawn((2, 3, 3), "float32"),
        ),
    ]


def _images() -> list[Case]:
    """Give images as files and as arrays; the files are those of the corpus' `assets`."""
    png, jpeg = {"sample_compression": "png"}, {"sample_compression": "jpeg"}
    raw: dict[str, Any] = {"sample_compression": None}
    image = {"htype": "image"}
    files = [File("assets/img_0.png"), File("assets/img_1.jpg"), File("assets/gray.png")]
    photos = [File("assets/img_2.jpg"), File("assets/img_3.png"), File("assets/gray.jpg")]
    deep = drawn((6, 5), "uint16")
    return [
        Case(
            "png", image | png, [*files, smooth(9, 11), None, smooth(5, 6, 0)], [smooth(3, 3), None]
        ),
        Case("jpeg", image | jpeg, [*photos, smooth(10, 12), None], [File("assets/img_4.jpg")]),
        Case("jpg-alias", image | {"sample_compression": "jpg"}, photos[:1], [smooth(17, 33)]),
        Case("raw", image | raw, [smooth(6, 7), File("assets/img_1.png")], [smooth(4, 4)]),
        Case(
            "lz4",
            image | {"sample_compression": "lz4"},
            [smooth(6, 7), File("assets/img_4.png")],
            [None],
        ),
        *(
            Case(
                f"one-a-chunk-{kept}",
                image | {"sample_compression": kept, "max_chunk_size": 64},
                [File("assets/img_0.png"), smooth(4, 5), File("assets/img_1.jpg")],
                [File("assets/img_2.jpg"), None, File("assets/gray.png")],
            )
            for kept in ("lz4", "png")
        ),
        Case("gray-2d", image | png, [smooth(6, 7, 0), File("assets/gray.png")], [smooth(2, 9, 0)]),
        Case("rgba", image | png, [File("assets/rgba.png"), smooth(4, 5, 4)], [None]),
        Case("png-16-bit", image | png | {"dtype": "uint16"}, [deep], [deep[:2]]),
        Case("generic-png", png | {"dtype": "uint8"}, [smooth(8, 8), smooth(3, 9)], [smooth(1, 1)]),
        Case("generic-jpeg", jpeg | {"dtype": "uint8"}, [smooth(8, 8)], [smooth(30, 9)]),
        Case("one-pixel", image | png, [np.array([[[7]]], "uint8")], [None]),
        Case(
            "mask-png",
            {"htype": "segment_mask", "dtype": "uint8"} | png,
            [drawn((5, 6), "uint8")],
            [None],
        ),
    ]


def _links() -> list[Case]:
    link = {"htype": "link[image]"}
    jpegs = [Link("assets/img_0.jpg"), Link("assets/img_1.jpg"), Link("assets/gray.jpg")]
    pngs = [Link("assets/img_0.png"), Link("assets/img_1.png"), None]
    return [
        Case(
            "link-jpeg",
            link | {"sample_compression": "jpeg"},
            [*jpegs, None],
            [Link("assets/img_2.jpg")],
        ),
        Case("link-png", link | {"sample_compression": "png"}, pngs, [Link("assets/rgba.png")]),
        Case(
            "link-uncompressed",
            link | {"sample_compression": None},
            pngs,
            [Link("assets/img_5.jpg")],
        ),
        Case(
            "link-without-shapes",
            link | {"sample_compression": "png", "create_shape_tensor": False},
            pngs,
            pngs[:1],
        ),
        Case(
            "link-unverified", link | {"sample_compression": "png", "verify": False}, pngs, pngs[:1]
        ),
    ]


def _many_chunks() -> list[Case]:
    small = {"max_chunk_size": 512}
    lz4 = {"chunk_compression": "lz4"}
    lines = [f"row {n} " * (n % 6) for n in range(60)]
    sizes = (10, 500, 20, 900, 5)
    pictures = [smooth(6 + n % 4, 7) for n in range(20)]
    png = {"htype": "image", "sample_compression": "png", "max_chunk_size": 2048}
    return [
        Case(
            "chunks-fixed",
            {"dtype": "int64"} | small,
            drawn((200, 4), "int64"),
            drawn((30, 4), "int64"),
        ),
        Case(
            "chunks-ragged",
            {"dtype": "int16"} | small,
            [drawn((1 + n % 5,), "int16") for n in range(120)],
            [drawn((n,), "int16") for n in range(40)],
        ),
        Case("chunks-text", {"htype": "text"} | small, lines, lines),
        Case(
            "chunks-json",
            {"htype": "json"} | small,
            [{"n": n} for n in range(80)],
            [{"m": [n] * n} for n in range(9)],
        ),
        Case("chunks-png", png, pictures, pictures[:4]),
        Case(
            "chunks-lz4",
            {"dtype": "int64"} | lz4 | small,
            _DRAW.integers(0, 9, (60, 10)),
            _DRAW.integers(0, 9, (20, 10)),
        ),
        Case("chunks-lz4-text", {"htype": "text"} | lz4 | small, lines, lines[:7]),
        Case(
            "chunk-smaller-than-sample",
            {"dtype": "uint8", "max_chunk_size": 256},
            [drawn((size,), "uint8") for size in sizes],
            [drawn((300,), "uint8")],
        ),
    ]


FAMILIES: dict[str, list[Case]] = {
    "numeric": _numeric(),
    "inferred": _inferred(),
    "ragged": _ragged(),
    "textual": _textual(),
    "labels": _labels(),
    "images": _images(),
    "links": _links(),
    "many-chunks": _many_chunks(),
}
