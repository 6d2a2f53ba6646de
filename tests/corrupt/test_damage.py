"""Files of a dataset that are missing, cut or nonsense: an error of our tree, never wrong data."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import lakebed
from lakebed import errors

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Make a dataset of three kinds of tensors in a folder."""
    ds = lakebed.empty(tmp_path / "ds")
    with ds:
        ds.create_tensor("x", dtype="int32")
        ds.create_tensor("t", htype="text")
        ds.create_tensor("p", htype="image", sample_compression="png")
        ds.x.extend([np.arange(n, dtype="int32") for n in range(5)])
        ds.t.extend(["a", "bb", "ccc", "dd", "e"])
        ds.p.extend([np.full((4, 5, 3), n, "uint8") for n in range(5)])
    ds.close()
    return tmp_path / "ds"


def edited(change: Callable[[dict[str, Any]], object]) -> Callable[[bytes], bytes]:
    """Make an edit of a JSON file out of an edit of its object."""

    def edit(data: bytes) -> bytes:
        value = json.loads(data)
        change(value)
        return json.dumps(value).encode()

    return edit


def drop(_: bytes) -> None:
    """Remove the file."""


OPENING: list[tuple[str, str, Callable[[bytes], bytes | None]]] = [
    ("meta-missing", "dataset_meta.json", drop),
    ("meta-no-json", "dataset_meta.json", lambda _: b"{nonsense"),
    ("meta-a-list", "dataset_meta.json", lambda _: b"[]"),
    ("meta-version", "dataset_meta.json", edited(lambda m: m.update(version="3.x"))),
    ("meta-names-a-ghost", "dataset_meta.json", edited(lambda m: m["tensors"].append("ghost"))),
    ("tensor-meta-missing", "x/tensor_meta.json", drop),
    ("tensor-meta-empty", "x/tensor_meta.json", lambda _: b""),
    ("tensor-meta-no-json", "x/tensor_meta.json", lambda _: b"\xff\xfe"),
    ("length-wrong", "x/tensor_meta.json", edited(lambda m: m.update(length=6))),
    ("length-negative", "x/tensor_meta.json", edited(lambda m: m.update(length=-1))),
    ("length-huge", "x/tensor_meta.json", edited(lambda m: m.update(length=10**18))),
    ("length-a-text", "x/tensor_meta.json", edited(lambda m: m.update(length="5"))),
    ("dtype-unknown", "x/tensor_meta.json", edited(lambda m: m.update(dtype="int33"))),
    ("shape-nonsense", "x/tensor_meta.json", edited(lambda m: m.update(max_shape=["a"]))),
    ("index-missing", "x/chunks_index/unsharded", drop),
    ("index-cut", "x/chunks_index/unsharded", lambda data: data[:-3]),
    ("index-item-size", "x/chunks_index/unsharded", lambda data: data[:7] + b"\x05" + data[8:]),
    ("index-empty", "x/chunks_index/unsharded", lambda _: b""),
    ("companion-shorter", "_x_shape/tensor_meta.json", edited(lambda m: m.update(length=4))),
]


@pytest.mark.parametrize(("file", "edit"), [c[1:] for c in OPENING], ids=[c[0] for c in OPENING])
def test_damage_found_when_opening(
    dataset: Path, file: str, edit: Callable[[bytes], bytes | None]
) -> None:
    path = dataset / file
    changed = edit(path.read_bytes())
    path.unlink()
    if changed is not None:
        path.write_bytes(changed)
    with pytest.raises(errors.LakebedError) as damage:
        lakebed.load(dataset, read_only=True)["x"].numpy(aslist=True)
    assert isinstance(damage.value, (errors.CorruptError, errors.UnsupportedVersionError))
    assert str(dataset) in str(damage.value) or damage.value.path == str(dataset)
    assert damage.value.file is not None or damage.value.tensor in {"x", "_x_shape"}


def the_chunk(dataset: Path, tensor: str) -> Path:
    [chunk] = (dataset / tensor / "chunks").iterdir()
    return chunk


@pytest.mark.parametrize("tensor", ["x", "t", "p"])
def test_missing_chunk(dataset: Path, tensor: str) -> None:
    the_chunk(dataset, tensor).unlink()
    ds = lakebed.load(dataset, read_only=True)
    with pytest.raises(errors.GetChunkError) as missing:
        ds[tensor][2].numpy()
    assert missing.value.tensor == tensor
    others = {"x", "t", "p"} - {tensor}
    for other in others:
        assert len(ds[other].numpy(aslist=True)) == 5


@pytest.mark.parametrize("tensor", ["x", "t", "p"])
def test_chunk_cut_anywhere(dataset: Path, tensor: str) -> None:
    """Cut at every byte: a sample reads to its value or raises, and the last one always raises."""
    chunk = the_chunk(dataset, tensor)
    whole = chunk.read_bytes()
    values = lakebed.load(dataset, read_only=True)[tensor].numpy(aslist=True)
    for length in range(1, len(whole)):
        chunk.write_bytes(whole[:length])
        cut = lakebed.load(dataset, read_only=True)[tensor]
        with pytest.raises(errors.LakebedError):
            cut.numpy(aslist=True)
        with pytest.raises(errors.LakebedError):
            cut[4].numpy()
        try:
            first = cut[1].numpy()
        except errors.LakebedError:
            continue
        assert np.array_equal(first, values[1])


def test_chunk_whose_header_claims_too_much(dataset: Path) -> None:
    """Sizes in a header are checked before anything of that size is allocated."""
    chunk = the_chunk(dataset, "x")
    whole = chunk.read_bytes()
    for offset in range(7, 15):
        chunk.write_bytes(whole[:offset] + b"\xff\xff\xff\x7f" + whole[offset + 4 :])
        with pytest.raises(errors.CorruptError):
            lakebed.load(dataset, read_only=True)["x"].numpy(aslist=True)


def test_broken_png(dataset: Path) -> None:
    chunk = the_chunk(dataset, "p")
    whole = bytearray(chunk.read_bytes())
    at = whole.rindex(b"IDAT") + 8
    whole[at] ^= 0xFF
    chunk.write_bytes(whole)
    ds = lakebed.load(dataset, read_only=True)
    with pytest.raises(errors.ReadSampleFromChunkError) as broken:
        ds.p.numpy(aslist=True)
    assert (broken.value.tensor, broken.value.index) == ("p", 4)
    assert ds.p[3].numpy()[0, 0, 0] == 3


def test_broken_version_tree_is_rebuilt_in_memory(dataset: Path) -> None:
    (dataset / "version_control_info.json").write_bytes(b"{")
    ds = lakebed.load(dataset, read_only=True)
    assert len(ds) == 5
    assert (dataset / "version_control_info.json").read_bytes() == b"{"


def test_metas_of_a_newer_version_open(dataset: Path) -> None:
    for file in ("dataset_meta.json", "t/tensor_meta.json"):
        path = dataset / file
        path.write_bytes(edited(lambda m: m.update(version="4.0.0", new=1))(path.read_bytes()))
    with pytest.warns(UserWarning, match="newer version 4.0.0"):
        ds = lakebed.load(dataset, read_only=True)
    assert ds.t.data()["value"] == ["a", "bb", "ccc", "dd", "e"]
