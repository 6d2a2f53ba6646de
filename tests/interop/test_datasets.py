"""Whole datasets between both packages: groups, infos, creds keys, a bucket, old histories."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import lakebed
from tests.golden import corpus
from tests.golden.lists import DATASETS, waiting
from tests.interop.sides import commit, differences, write
from tests.reference.client import ReferenceFailedError
from tests.reference.steps import File, Link

if TYPE_CHECKING:
    from tests.conftest import Bucket
    from tests.reference.client import Reference
    from tests.reference.steps import Step

pytestmark = [pytest.mark.reference, pytest.mark.usefixtures("in_the_corpus")]
# What nobody may write to: a lock in it is good until 2096.
LOCKED = {"locks"}
GROWABLE = [name for name in DATASETS if name not in LOCKED]
# Tensors that are read, but not appended to yet.
REFUSED = {
    "downsampled": {"img", "mask"},
    "labels": {"audio_raw", "pc_raw", "video_raw"},
}
# Shapes that the reference takes from a companion which it did not keep up to date.
MENDED = {
    "mutations": ("extent.shapes.png.samples[1]",),
    "old_2_7_5": ("extent.shapes.lnk.",),
    "old_3_0_4": ("extent.shapes.lnk.",),
}


def grouped(path: Path) -> list[Step]:
    return [
        {"do": "empty", "path": str(path)},
        {"do": "info", "update": {"author": "é", "n": 3, "nested": {"a": [1, None]}}},
        {"do": "create_group", "name": "empty/group"},
        {"do": "create_tensor", "name": "g1/a", "options": {"dtype": "int32"}},
        {
            "do": "create_tensor",
            "name": "g1/g2/b",
            "options": {"htype": "image", "sample_compression": "png"},
        },
        {"do": "create_tensor", "name": "g1/g2/c", "options": {"htype": "text"}},
        {"do": "create_tensor", "name": "hidden", "options": {"dtype": "int8", "hidden": True}},
        {
            "do": "extend_rows",
            "rows": {"g1/a": [5, 6], "g1/g2/b": [None] * 2, "g1/g2/c": ["", "z"]},
        },
        {"do": "extend", "name": "g1/a", "values": np.arange(4, dtype="int32")},
        {"do": "append_row", "row": {"g1/g2/c": "one"}, "options": {"skip_ok": True}},
        {"do": "append", "name": "g1/g2/b", "value": File("assets/img_0.png")},
        {"do": "append", "name": "hidden", "value": np.ones((2,), "int8")},
        {"do": "info", "name": "g1/a", "update": {"unit": "mm"}},
    ]


def test_what_a_refused_batch_left_in_a_chunk_stays_unseen(
    tmp_path: Path, reference: Reference
) -> None:
    """The reference keeps the good samples in front of a bad one in the chunk, out of the index."""
    path = tmp_path / "ds"
    step: Step = {"do": "extend", "name": "x", "values": [[1, 2], None, [3]]}
    load: Step = {"do": "load", "path": str(path)}
    tensor: Step = {"do": "create_tensor", "name": "x", "options": {"dtype": "int16"}}
    write(reference, [{"do": "empty", "path": str(path)}, tensor, step])
    with pytest.raises(ReferenceFailedError):
        write(reference, [load, {"do": "extend", "name": "x", "values": [[7, 8], {"no": 1}]}])
    reference.end_session()
    for lock in path.rglob("dataset_lock.lock"):
        lock.unlink()
    assert differences(reference, path) == []
    write(None, [load, {"do": "extend", "name": "x", "values": [[4], [5, 6]]}])
    assert differences(reference, path) == []
    values = [array.tolist() for array in lakebed.load(path).x.numpy(aslist=True)]
    assert values == [[1, 2], [], [3], [4], [5, 6]]
    write(reference, [load, step, commit("theirs")])
    assert differences(reference, path) == []


@pytest.mark.parametrize("ours_first", [True, False], ids=["ours", "theirs"])
def test_groups_and_infos(ours_first: bool, tmp_path: Path, reference: Reference) -> None:
    path = tmp_path / "ds"
    first, second = (None, reference) if ours_first else (reference, None)
    write(first, grouped(path))
    assert differences(reference, path) == []
    reopen: list[Step] = [{"do": "load", "path": str(path)}]
    more: list[Step] = [
        {"do": "info", "update": {"n": 4}},
        {"do": "info", "name": "g1/g2/c", "update": {"language": "en"}},
        {"do": "create_tensor", "name": "g1/g3/d", "options": {"htype": "json"}},
        {"do": "extend", "name": "g1/g3/d", "values": [{"k": 1}]},
    ]
    write(reference, [*reopen, commit("one")])
    write(second, [*reopen, *more])
    assert differences(reference, path) == []
    write(reference, [*reopen, commit("two")])
    write(first, [*reopen, {"do": "info", "update": {"n": 5}}])
    assert differences(reference, path) == []


def test_class_names_grow_on_both_sides(tmp_path: Path, reference: Reference) -> None:
    path = tmp_path / "ds"
    options = {"htype": "class_label", "class_names": ["a"]}
    for side, names in ((None, ["a", "b"]), (reference, ["c", "b"]), (None, ["d", "c", "a"])):
        steps: list[Step] = [{"do": "load" if path.exists() else "empty", "path": str(path)}]
        if not path.exists():
            steps.append({"do": "create_tensor", "name": "x", "options": options})
        write(side, [*steps, {"do": "extend", "name": "x", "values": names}])
    assert differences(reference, path) == []
    ds = lakebed.load(path, read_only=True)
    assert ds["x"].info["class_names"] == ["a", "b", "c", "d"]
    assert ds["x"].numpy().ravel().tolist() == [0, 1, 2, 1, 3, 2, 0]


def album(bucket: Bucket, creds: dict[str, str]) -> list[Step]:
    steps: list[Step] = [
        {
            "do": "create_tensor",
            "name": "images",
            "options": {"htype": "link[image]", "sample_compression": "jpeg"},
        },
        {
            "do": "create_tensor",
            "name": "labels",
            "options": {"htype": "class_label", "class_names": ["beach"]},
        },
        {"do": "create_tensor", "name": "captions", "options": {"htype": "text"}},
        {"do": "create_tensor", "name": "boxes", "options": {"dtype": "float32"}},
    ]
    steps += [{"do": "add_creds_key", "name": key, "creds": creds} for key in ("one", "two")]
    return [*steps, *photos(bucket)]


def photos(bucket: Bucket) -> list[Step]:
    rows = {
        "images": [
            Link(bucket.url(f"photos/img_{n}.jpg"), ("one", "two")[n % 2]) for n in range(6)
        ],
        "labels": ["beach", "city"] * 3,
        "captions": [f"n° {n}" for n in range(6)],
        "boxes": [np.full((n % 3, 4), n, "float32") for n in range(6)],
    }
    return [{"do": "extend_rows", "rows": rows}]


@pytest.mark.s3
@pytest.mark.parametrize("ours_first", [True, False], ids=["ours", "theirs"])
def test_links_and_dataset_in_a_bucket(
    ours_first: bool, bucket: Bucket, reference: Reference
) -> None:
    for n in range(6):
        bucket.put(f"photos/img_{n}.jpg", Path(f"assets/img_{n}.jpg").read_bytes())
    first, second = (None, reference) if ours_first else (reference, None)
    creds = bucket.creds()
    path, options = bucket.url("album"), {"creds": creds}
    keys = {"one": creds, "two": creds}
    write(first, [{"do": "empty", "path": path, "options": options}, *album(bucket, creds)])

    def agree(address: str = "") -> None:
        found = differences(reference, path + address, options=options, creds_of_keys=keys)
        assert found == []

    reopen: dict[str, Any] = {"path": path, "options": options, "populate": keys}
    agree()
    [closed] = write(reference, [{"do": "load", **reopen}, commit("theirs")])
    write(second, [{"do": "load", **reopen}, *photos(bucket)])
    agree()
    write(first, [{"do": "load", **reopen}, *photos(bucket)])
    agree()
    agree(f"@{closed}")
    assert json.loads(bucket.get("album/linked_creds.json"))["creds_keys"] == ["one", "two"]


def outside(known: tuple[str, ...], found: list[str]) -> list[str]:
    return [line for line in found if not line.startswith(known)] if known else found


@pytest.mark.parametrize("name", GROWABLE)
def test_old_datasets_grow(name: str, tmp_path: Path, reference: Reference) -> None:
    """Each tensor of a copy gets its last sample once more; the reference goes on from there."""
    path = tmp_path / "ds"
    shutil.copytree(corpus.folder() / "v3" / name / "ds", path)
    ds = lakebed.load(path)
    unread, refused = waiting().get(name, {}), {}
    for tensor in ds.tensors:
        column = ds[tensor]
        if column.num_samples == 0:
            continue
        try:
            column.append(column[-1])
        except lakebed.errors.EmptyTensorError:
            column.append(None)
        except lakebed.errors.UnsupportedFeatureError:
            assert tensor in unread
        except lakebed.errors.SampleAppendError as error:
            refused[tensor] = type(error.__cause__)
    ds.close()
    missing = lakebed.errors.UnsupportedFeatureError
    assert refused == dict.fromkeys(REFUSED.get(name, ()), missing)
    assert outside(MENDED.get(name, ()), differences(reference, path, unread=unread)) == []
    write(reference, [{"do": "load", "path": str(path)}, commit("grown")])
    assert outside(MENDED.get(name, ()), differences(reference, path, unread=unread)) == []


def test_none_is_read_when_the_reference_spoils_it(tmp_path: Path, reference: Reference) -> None:
    """Behind a commit it gives the None in front its sample's shape; we do not, and read both."""
    path = tmp_path / "ds"
    begin: list[Step] = [
        {"do": "empty", "path": str(path)},
        {"do": "create_tensor", "name": "t", "options": {"dtype": "int64"}},
        {"do": "append", "name": "t", "value": None},
        commit("only None"),
    ]
    more: list[Step] = [{"do": "append", "name": "t", "value": np.array(1)}]
    write(reference, begin)
    write(None, [{"do": "load", "path": str(path)}, *more])
    assert differences(reference, path) == []
    write(reference, [{**begin[0], "path": str(tmp_path / "theirs")}, *begin[1:], *more])
    theirs = lakebed.load(tmp_path / "theirs", read_only=True)
    for ds in (lakebed.load(path, read_only=True), theirs):
        assert [value.tolist() for value in ds.t.numpy(aslist=True)] == [[], [1]]
