"""What the format says of each htype and each compression.

Source: format 5.1 (compressions), 6.1 (htypes), 1.4 and 1.5 (companions, fields of the meta).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

Family: TypeAlias = Literal["numeric", "text", "json", "other"]

_IMAGE_COMPRESSIONS = frozenset(
    "bmp dib eps fli gif ico im jpeg jpeg2000 mpo msp pcx png ppm sgi tga tiff webp wmf xbm".split()
)
_AUDIO = frozenset({"flac", "mp3", "wav"})
_VIDEO = frozenset({"avi", "mkv", "mp4"})
_OTHER = frozenset({"dcm", "las", "nii", "nii.gz", "ply", "stl"})
_LZ4 = frozenset({"lz4"})
_ANY = _IMAGE_COMPRESSIONS | _AUDIO | _VIDEO | _OTHER | _LZ4

COMPRESSIONS: frozenset[str] = _ANY
COMPRESSION_ALIASES: Mapping[str, str] = MappingProxyType(
    {"jpg": "jpeg", "tif": "tiff", "jp2": "jpeg2000"}
)
# What this version encodes and decodes, as sample compression and as chunk compression.
SAMPLE_COMPRESSIONS_READY = frozenset({"jpeg", "png", "lz4"})
CHUNK_COMPRESSIONS_READY = _LZ4


@dataclass(frozen=True, slots=True)
class Htype:
    """One htype.

    Attributes:
        family: How samples are given: "numeric", "text", "json" (json, list, tag), or "other"
            (kinds of files that this version cannot store).
        dtype: The dtype of the meta; None where it is taken from the first sample.
        compressions: What sample and chunk compression may be.
        required: Settings of which one has to be given, be it as None.
        chunked: Whether chunk compression is allowed.
        info: Keys of the tensor's info, with their defaults.
        extra: Further fields of the meta.
        info_companion: Whether there is a hidden tensor with what files say of themselves.
        shape_companion: Whether there is a hidden tensor with shapes.
    """

    family: Family = "numeric"
    dtype: str | None = None
    compressions: frozenset[str] = _ANY
    required: tuple[str, ...] = ()
    chunked: bool = True
    info: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    info_companion: bool = False
    shape_companion: bool = True


_EITHER = ("sample_compression", "chunk_compression")
_SAMPLE = ("sample_compression",)
_IMAGES = _IMAGE_COMPRESSIONS | _LZ4
_VECTORS: Mapping[str, Any] = {"vdb_indexes": []}


def _media(dtype: str | None, compressions: frozenset[str], *, required: bool) -> Htype:
    return Htype(
        "other",
        dtype,
        compressions,
        _SAMPLE if required else (),
        chunked=False,
        info_companion=True,
    )


HTYPES: Mapping[str, Htype] = MappingProxyType(
    {
        "generic": Htype(),
        "image": Htype(
            compressions=_IMAGES, required=_EITHER, info={"intrinsics": None}, info_companion=True
        ),
        "image.rgb": Htype(dtype="uint8", compressions=_IMAGES, required=_EITHER),
        "image.gray": Htype(dtype="uint8", compressions=_IMAGES, required=_EITHER),
        "class_label": Htype(
            dtype="uint32", info={"class_names": []}, extra={"_disable_temp_transform": False}
        ),
        "bbox": Htype(dtype="float32", info={"coords": {}}),
        "bbox.3d": Htype(dtype="float32", info={"coords": {}}),
        "audio": _media("float64", _AUDIO, required=True),
        "embedding": Htype(dtype="float32", compressions=_LZ4, extra=_VECTORS),
        "video": _media("uint8", _VIDEO, required=True),
        "binary_mask": Htype(dtype="bool"),
        "instance_label": Htype(dtype="uint32"),
        "segment_mask": Htype(dtype="uint32", info={"class_names": []}, info_companion=True),
        "keypoints_coco": Htype(dtype="int32", info={"keypoints": [], "connections": []}),
        "point": Htype(dtype="int32"),
        "json": Htype("json", "Any", _LZ4, shape_companion=False),
        "list": Htype("json", "List", _LZ4),
        "text": Htype("text", "str", _LZ4, extra=_VECTORS, shape_companion=False),
        "tag": Htype("json", "List", _LZ4, shape_companion=False),
        "dicom": _media(None, frozenset({"dcm"}), required=False),
        "nifti": _media(None, frozenset({"nii", "nii.gz"}), required=True),
        "point_cloud": _media("float32", frozenset({"las"}), required=True),
        "intrinsics": Htype(dtype="float32"),
        "polygon": Htype("other", "float32", _LZ4),
        "mesh": _media(None, frozenset({"ply", "stl"}), required=True),
    }
)

# The same for users, as Deep Lake v3 has it: htypes with their own settings and the defaults.
HTYPE_CONFIGURATIONS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        name: MappingProxyType({"dtype": htype.dtype, **htype.info, **htype.extra})
        for name, htype in HTYPES.items()
    }
)

# dtypes that samples of numeric tensors can have, as the format names them.
DTYPES = frozenset(
    "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 "
    "complex64 complex128".split()
)
# Keys of `coords`, by htype.
COORDS_KEYS: Mapping[str, frozenset[str]] = MappingProxyType(
    {"bbox": frozenset({"type", "mode"}), "bbox.3d": frozenset({"mode"})}
)


@dataclass(frozen=True, slots=True)
class HtypeName:
    """An htype as users write it, taken apart.

    Attributes:
        base: The name inside of `link[...]` and `sequence[...]`.
        is_link: Whether samples are links.
        is_sequence: Whether samples are sequences.
    """

    base: str | None
    is_link: bool = False
    is_sequence: bool = False

    @classmethod
    def parse(cls, text: str | None) -> HtypeName:
        """Take `link[image]`, `sequence[link[image]]`, `image`, ... apart."""
        wrappers = {"link": False, "sequence": False}
        rest = text
        while rest is not None:
            outer, bracket, inner = rest.partition("[")
            if outer not in wrappers or wrappers[outer] or (bracket and not inner.endswith("]")):
                break
            wrappers[outer] = True
            rest = inner[:-1] if bracket else None
        return cls(rest, wrappers["link"], wrappers["sequence"])

    def __str__(self) -> str:
        name = self.base or "generic"
        if self.is_sequence:
            name = f"sequence[{name}]"
        return f"link[{name}]" if self.is_link else name
