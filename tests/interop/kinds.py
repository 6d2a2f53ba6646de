"""Kinds of tensors for random histories: how each is made, what goes in, what must come out.

`expect` is the model: from the plain list of the samples that were appended it tells what a reader
must find, in the form of `tests/golden/values.py`. It knows nothing of chunks.

What the reference does otherwise, and we do not copy; histories keep clear of it:

* an empty list in a json tensor: it stores an empty object, we the list;
* a tuple or an array as a sample of a tag tensor: it puts it into a list, we take it for one;
* numpy's scalars inside of JSON (but float64): it refuses them, we store the number;
* samples that are no text behind nothing but empty texts: it takes them for an empty one;
* a refused append after a commit: its `commit_diff` says that none were added in another way;
* a sample behind a commit of nothing but None: it gives the None its own shape, and then cannot
  read it (we can);
* a good sample in front of a refused one: it stays in the chunk, and the reference's own next
  append makes it a sample of the dataset;
* `tensor[n].shape` without a shape companion: it raises in a chunk that holds nothing but None;
* links: an empty one raises in a tensor that holds nothing but such, and without a shape companion
  in such a chunk;
* `Tensor.shape` of lists, and of links beside empty ones, contradicts its own `shape_interval`;
* `tensor[n].shape` where no sample is larger than (0, 0, 0): it gives (), against its `shapes()`
  and values.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from tests.api.documents import expected as json_expected
from tests.golden.values import Described, describe
from tests.interop.cases import DTYPES
from tests.reference.steps import File, Link

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from hypothesis.strategies import SearchStrategy

NO_PIXELS: Described = {"error": "EmptyTensorError"}
# Small enough that a few samples fill a chunk.
CHUNK_BYTES = st.sampled_from([None, 64, 300, 1000])
BYTE_COMPRESSIONS = st.sampled_from(
    [{}, {"sample_compression": "lz4"}, {"chunk_compression": "lz4"}]
)


@dataclass(frozen=True)
class Kind:
    """One kind of tensor.

    Attributes:
        family: What it counts as in the report.
        options: Of `create_tensor`.
        values: Draws one sample.
        expect: All samples that went in to what is read of each; a field that it leaves out is not
            known beforehand.
        info: What the tensor's info begins with.
        refused: Samples that neither package takes, once there are others.
        array: Whether a batch may go in as one array, too.
    """

    family: str
    options: dict[str, Any]
    values: SearchStrategy[Any] = field(repr=False)
    expect: Callable[[list[Any]], list[Described]] = field(repr=False)
    info: dict[str, Any] = field(default_factory=dict)
    refused: tuple[Any, ...] = field(default=(), repr=False)
    array: bool = field(default=False, repr=False)

    @property
    def is_link(self) -> bool:
        """Whether samples are links."""
        return str(self.options.get("htype")).startswith("link")


def with_none(values: SearchStrategy[Any]) -> SearchStrategy[Any]:
    """Draw None now and then."""
    return st.one_of(values, values, values, st.none())


def expect_numbers(dtype: str, *, image: bool = False) -> Callable[[list[Any]], list[Described]]:
    """Model numeric samples: an empty one has a length of 0 on every axis."""

    def expect(samples: list[Any]) -> list[Described]:
        arrays = [None if _is_nothing(each) else _stored(each, dtype, image) for each in samples]
        ndim = next((array.ndim for array in arrays if array is not None), None)
        if ndim is None:
            return [NO_PIXELS] * len(arrays)
        empty = np.zeros((0,) * ndim, dtype)
        return [describe(empty if array is None else array, None) for array in arrays]

    return expect


def _is_nothing(value: Any) -> bool:
    return value is None or (isinstance(value, list) and not value)


def _stored(value: Any, dtype: str, image: bool) -> np.ndarray[Any, Any]:
    array = np.asarray(value).astype(np.dtype(dtype).newbyteorder("<"))
    if array.ndim == 0:
        array = array.reshape(1)
    return array[..., None] if image and array.ndim == 2 else array


@st.composite
def numbers(draw: st.DrawFn) -> Kind:
    """Draw a tensor of numbers of any dtype and rank."""
    dtype = draw(evenly(DTYPES))
    ndim = draw(st.integers(0, 4))
    options: dict[str, Any] = {"dtype": dtype, **draw(BYTE_COMPRESSIONS)}
    options["max_chunk_size"] = draw(CHUNK_BYTES)
    shapes = st.tuples(*[st.integers(0, 3)] * ndim)
    if draw(st.booleans()):
        shapes = st.just(draw(shapes))
    values = with_none(hnp.arrays(dtype, shapes))
    refused: tuple[Any, ...] = (np.ones((2,) * (max(ndim, 1) + 1), dtype), {"no": "number"})
    if np.dtype(dtype).kind in "biu":
        refused += (np.full((2,) * max(ndim, 1), 0.5),)
    return Kind("numbers", options, values, expect_numbers(dtype), refused=refused, array=True)


@st.composite
def undecided(draw: st.DrawFn) -> Kind:
    """Draw a tensor whose first samples decide what it is."""
    ints, floats = st.integers(-(2**63), 2**63 - 1), st.floats(width=64)
    choices: list[tuple[SearchStrategy[Any], Any]] = [
        (ints, expect_numbers("int64")),
        (floats, expect_numbers("float64")),
        (st.booleans(), expect_numbers("int64")),
        (st.lists(ints, max_size=3), expect_numbers("int64")),
        (hnp.arrays("int16", st.tuples(st.integers(1, 3))), expect_numbers("int16")),
        (hnp.arrays(">f4", st.tuples(st.integers(0, 2), st.just(2))), expect_numbers("float32")),
        (TEXTS, expect_texts),
        (st.dictionaries(TEXTS, JSON, max_size=2), expect_json),
    ]
    values, expect = draw(evenly(choices))
    return Kind("undecided", {"max_chunk_size": draw(CHUNK_BYTES)}, values, expect)


TEXTS = st.text(max_size=30)
HALVES = st.text(st.characters(exclude_categories=()), max_size=4)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    HALVES,
    st.sampled_from(["\ud800", "\udfff\ud800", 2**53 + 1, 2**63, -0.0, 1.0, 1, 1e22, 5e-324]),
    st.binary(max_size=4),
    hnp.arrays(st.sampled_from(["int16", ">f4", "bool"]), hnp.array_shapes(max_dims=2, min_side=0)),
)
JSON: SearchStrategy[Any] = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(HALVES, inner, max_size=3),
    max_leaves=5,
)
# The reference stores an empty list as an empty object.
DOCUMENT = JSON.filter(lambda value: not (isinstance(value, list) and not value))
INFOS = st.dictionaries(st.sampled_from(["k", "l", "\ud800", "é"]), JSON, min_size=1, max_size=2)


def expect_texts(samples: list[Any]) -> list[Described]:
    """Model text: None is an empty one; numpy drops what is 0 at the end."""
    return [{"shape": [1], "value": (text or "").rstrip("\0")} for text in samples]


def expect_json(samples: list[Any]) -> list[Described]:
    """Model documents: None is an empty object."""
    values = [{} if value is None else json_expected(value) for value in samples]
    return [describe(np.fromiter([value], object, 1), "json") for value in values]


def expect_lists(samples: list[Any]) -> list[Described]:
    """Model lists: None is an empty one."""
    values = [json_expected(value or []) for value in samples]
    return [describe(np.fromiter(value, object, len(value)), "list") for value in values]


def expect_tags(samples: list[Any]) -> list[Described]:
    """Model tags: what is no list is put into one, and nothing, too; an empty text is a text."""
    values = [None if value == [] else value for value in samples]
    return expect_lists([value if isinstance(value, list) else [value] for value in values])


@st.composite
def texts(draw: st.DrawFn) -> Kind:
    """Draw a text tensor."""
    options = {"htype": "text", "max_chunk_size": draw(CHUNK_BYTES), **draw(BYTE_COMPRESSIONS)}
    # No `refused`: behind empty texts the reference takes whatever it is given, for an empty one.
    return Kind("text", options, with_none(TEXTS), expect_texts)


@st.composite
def documents(draw: st.DrawFn) -> Kind:
    """Draw a json, list or tag tensor."""
    common = {"max_chunk_size": draw(CHUNK_BYTES), **draw(BYTE_COMPRESSIONS)}
    choices: list[tuple[str, dict[str, Any], Any, Any, tuple[Any, ...]]] = [
        ("json", {"htype": "json"}, DOCUMENT, expect_json, ({1j: 1},)),
        (
            "json-schema",
            {"htype": "json", "dtype": "Dict[str, int]"},
            st.dictionaries(HALVES, st.integers(), max_size=2),
            expect_json,
            ({"a": "x"}, [1]),
        ),
        ("list", {"htype": "list"}, st.lists(JSON, max_size=3), expect_lists, (5,)),
        ("tag", {"htype": "tag"}, st.lists(TEXTS, max_size=3) | TEXTS, expect_tags, ()),
    ]
    family, options, values, expect, refused = draw(evenly(choices))
    return Kind(family, {**options, **common}, with_none(values), expect, refused=refused)


@st.composite
def labels(draw: st.DrawFn) -> Kind:
    """Draw a class_label tensor: names, numbers, or lists of names."""
    names = draw(st.sampled_from([[], ["a"], ["b", "\ud800", "a"]]))
    name = st.sampled_from(["a", "b", "c", "é", "\ud800"])
    values = draw(
        st.sampled_from([name, st.integers(0, 9), st.lists(name, min_size=1, max_size=3)])
    )
    options = {"htype": "class_label", "class_names": names, "max_chunk_size": draw(CHUNK_BYTES)}

    def expect(samples: list[Any]) -> list[Described]:
        known = class_names(names, samples)
        found = [
            None
            if each is None
            else [known.index(one) if isinstance(one, str) else one for one in _listed(each)]
            for each in samples
        ]
        return expect_numbers("uint32")(found)

    return Kind("class_label", options, with_none(values), expect, {"class_names": names})


def class_names(names: list[str], samples: list[Any]) -> list[str]:
    """Model how the names of a class_label tensor grow."""
    known = list(names)
    for sample in samples:
        for one in _listed(sample):
            if isinstance(one, str) and one not in known:
                known.append(one)
    return known


def _listed(sample: Any) -> list[Any]:
    return sample if isinstance(sample, list) else [sample]


@st.composite
def annotated(draw: st.DrawFn) -> Kind:
    """Draw boxes, points, masks, embeddings, ..."""
    few = st.integers(0, 3)
    coords = {"coords": {"type": "pixel", "mode": "LTWH"}}
    keypoints = {"keypoints": ["nose", "é"], "connections": [[0, 1]]}
    masks = {"class_names": ["bg", "\ud800"]}
    choices: list[tuple[str, str, Any, dict[str, Any]]] = [
        ("bbox", "float32", st.tuples(few, st.just(4)), coords),
        ("bbox.3d", "float32", st.tuples(few, st.just(8)), {"coords": {"mode": "center"}}),
        ("keypoints_coco", "int32", st.tuples(st.just(6), few), keypoints),
        ("point", "int32", st.tuples(few, st.just(2)), {}),
        ("binary_mask", "bool", st.tuples(few, few, few), {}),
        ("segment_mask", "uint32", st.tuples(few, few), masks),
        ("instance_label", "uint32", st.tuples(few, few), {}),
        ("embedding", "float32", st.just((8,)), {}),
        ("intrinsics", "float32", st.just((3, 3)), {}),
    ]
    htype, dtype, shapes, info = draw(evenly(choices))
    compression = draw(BYTE_COMPRESSIONS)
    options = {"htype": htype, "max_chunk_size": draw(CHUNK_BYTES), **info, **compression}
    values = with_none(hnp.arrays(dtype, shapes))
    wrong = (np.ones((1, 2, 1, 2, 1), dtype),)
    return Kind(htype, options, values, expect_numbers(dtype), info, wrong, array=True)


def smooth(seed: int, shape: tuple[int, ...]) -> Any:
    """Make a small picture."""
    return np.random.default_rng(seed).integers(0, 256, shape).astype("uint8")


def pictures(*, channels: tuple[int, ...]) -> SearchStrategy[Any]:
    """Draw small pictures; 0 channels are (h, w)."""
    shape = st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from(channels))
    seeded = st.tuples(st.integers(0, 9), shape)
    return seeded.map(lambda drawn: smooth(drawn[0], drawn[1][: 3 if drawn[1][2] else 2]))


def image_files(folder: Path) -> dict[str, list[Path]]:
    """Write files to append: with EXIF and without, gray and with alpha."""
    made: dict[str, list[Path]] = {"jpeg": [], "png": []}
    for number, mode in enumerate(["RGB", "L", "RGB", "RGBA"]):
        channels = {"RGB": 3, "RGBA": 4, "L": 0}[mode]
        shape = (7 + number, 9, channels)[: 3 if channels else 2]
        image = Image.fromarray(smooth(number, shape), mode)
        exif = Image.Exif()
        if number == 2:
            exif.update({0x010E: "a picture é", 0x0112: 6, 0x011A: 72.0, 0x8769: {0x829A: 0.01}})
        for kind in ("png", "jpeg") if channels < 4 else ("png",):
            path = folder / f"{mode}-{number}.{kind}"
            image.save(path, exif=exif)
            made[kind].append(path)
    return made


def expect_images(kept: str | None) -> Callable[[list[Any]], list[Described]]:
    """Model images: pixels are those of Pillow, but shapes only where JPEG has to encode."""

    def expect(samples: list[Any]) -> list[Described]:
        pixels = [None if each is None else _pixels(each) for each in samples]
        found = expect_numbers("uint8", image=True)(pixels)
        for sample, description in zip(samples, found, strict=True):
            encoded = not (isinstance(sample, File) and sample.path.endswith(".jpeg"))
            if kept == "jpeg" and sample is not None and encoded:
                description.pop("sha256")
        return found

    return expect


def _pixels(sample: Any) -> Any:
    return np.asarray(Image.open(sample.path)) if isinstance(sample, (File, Link)) else sample


@st.composite
def images(draw: st.DrawFn, files: dict[str, list[Path]]) -> Kind:
    """Draw image tensors, and generic ones that are stored as images."""
    kept = draw(evenly(["png", "jpeg", None, "lz4"]))
    options: dict[str, Any] = {"sample_compression": kept, "max_chunk_size": draw(CHUNK_BYTES)}
    if kept in {"png", "jpeg"} and draw(st.booleans()):
        # Without the htype, files are no different, but arrays have to be.
        values = pictures(channels=(3,))
        return Kind("generic-" + kept, {**options, "dtype": "uint8"}, values, expect_images(kept))
    chosen = files["jpeg"] if kept == "jpeg" else [*files["jpeg"], *files["png"]]
    given = st.sampled_from(chosen).map(lambda path: File(str(path)))
    arrays = pictures(channels=(0, 1, 3) if kept == "jpeg" else (0, 1, 3, 4))
    options["htype"] = "image"
    values = with_none(arrays | given)
    return Kind(f"image-{kept}", options, values, expect_images(kept), {"intrinsics": None})


@st.composite
def links(draw: st.DrawFn, files: dict[str, list[Path]]) -> Kind:
    """Draw linked images."""
    options = {
        "htype": "link[image]",
        "sample_compression": draw(st.sampled_from(["png", "jpeg", None])),
        "verify": draw(st.booleans()),
    }
    colors = [path for path in (*files["jpeg"], *files["png"]) if path.name.startswith("RGB")]
    values = st.sampled_from(colors).map(lambda path: Link(str(path)))

    def expect(samples: list[Any]) -> list[Described]:
        empty = np.ones((0,))
        return [describe(empty if each is None else _pixels(each), None) for each in samples]

    values = with_none(values) if options["verify"] else values
    return Kind("link", options, values, expect, {"intrinsics": None})


def every_kind(files: dict[str, list[Path]]) -> SearchStrategy[Kind]:
    """Draw any of them."""
    common = [numbers(), numbers(), undecided(), texts(), documents(), labels()]
    others = [annotated(), annotated(), images(files), images(files), links(files)]
    return evenly([*common, *others]).flatmap(lambda strategy: strategy)


def evenly(options: Sequence[Any]) -> SearchStrategy[Any]:
    """Draw one of many, each about as often; hypothesis alone would prefer a few of them."""

    def chosen(number: int) -> Any:
        return options[zlib.crc32(number.to_bytes(4, "big")) % len(options)]

    return st.integers(0, 2**32 - 1).map(chosen)
