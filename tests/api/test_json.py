"""JSON of users: what is stored is what Python's json makes of it, and nothing of it changes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import lakebed
from lakebed import errors
from tests.api.documents import BEYOND_A_FLOAT, DOCUMENTS, UNSORTABLE, expected, nested, shown

if TYPE_CHECKING:
    from pathlib import Path

VALUES = [value for value, _ in DOCUMENTS.values()]
TEXTS = [text for _, text in DOCUMENTS.values()]
# Deeper than any JSON parser goes.
ABYSS = 200_000


def again(path: Path) -> lakebed.Dataset:
    return lakebed.load(path, read_only=True)


def stored(path: Path, tensor: str) -> bytes:
    """Give the file of the tensor's only chunk."""
    [chunk] = (path / tensor / "chunks").iterdir()
    return chunk.read_bytes()


def insert(file: Path, fields: str) -> None:
    """Put fields at the beginning of a file that is one object."""
    file.write_text(file.read_text().replace("{", "{\n    " + fields + ",", 1))


def test_samples_keep_their_text(fresh: lakebed.Dataset, path: Path) -> None:
    fresh.create_tensor("single", htype="json").extend(VALUES)
    fresh.create_tensor("listed", htype="list").extend([[value] for value in VALUES])
    assert stored(path, "single").endswith("".join(TEXTS).encode())
    assert stored(path, "listed").endswith("".join(f"[{text}]" for text in TEXTS).encode())
    ds = again(path)
    for name, single, listed in zip(DOCUMENTS, ds.single.dict(), ds.listed.list(), strict=True):
        value = expected(DOCUMENTS[name][0])
        assert (name, shown(single), shown(listed)) == (name, shown(value), shown([value]))


@pytest.mark.parametrize("options", [{"sample_compression": "lz4"}, {"chunk_compression": "lz4"}])
def test_compressed_samples_keep_their_text(
    fresh: lakebed.Dataset, path: Path, options: dict[str, Any]
) -> None:
    fresh.create_tensor("j", htype="json", **options).extend(VALUES)
    assert shown(again(path).j.dict()) == shown(expected(VALUES))


def test_infos_keep_their_text(fresh: lakebed.Dataset, path: Path) -> None:
    fresh.create_tensor("t")
    info = {name: value for name, (value, _) in DOCUMENTS.items() if name not in UNSORTABLE}
    plain = {name: json.loads(DOCUMENTS[name][1]) for name in info}
    fresh.info = info
    fresh.t.info.update(info)
    text = json.dumps(plain, indent=4, sort_keys=True)
    assert (path / "dataset_info.json").read_text() == text
    assert (path / "t" / "tensor_info.json").read_text() == text
    ds = again(path)
    for name, value in info.items():
        found = shown(sorted_keys(expected(value)))
        assert (name, shown(ds.info[name]), shown(ds.t.info[name])) == (name, found, found)


def sorted_keys(value: Any) -> Any:
    """Sort keys as a file of infos has them; arrays stay arrays."""
    if isinstance(value, dict):
        return {key: sorted_keys(value[key]) for key in sorted(value)}
    return [sorted_keys(item) for item in value] if isinstance(value, list) else value


def test_keys_of_an_info_are_text(fresh: lakebed.Dataset, path: Path) -> None:
    fresh.info.update({10: "a", 9: "b", None: "c", (1,): "d", "e": {10: 1, 9: 2}})
    text = '{\n    "(1,)": "d",\n    "10": "a",\n    "9": "b",\n    "None": "c",\n    "e": {\n'
    text += '        "9": 2,\n        "10": 1\n    }\n}'
    assert (path / "dataset_info.json").read_text() == text


def test_keys_that_cannot_be_sorted_change_nothing(fresh: lakebed.Dataset, path: Path) -> None:
    fresh.info["a"] = 1
    with pytest.raises(errors.InvalidInputError, match="JSON"):
        fresh.info["b"] = {1: 1, "x": 2}
    assert fresh.info == again(path).info == {"a": 1}


def test_nesting_without_end_is_an_error_of_ours(fresh: lakebed.Dataset, path: Path) -> None:
    deep = nested(ABYSS)
    tensor = fresh.create_tensor("j", htype="json")
    with pytest.raises(errors.SampleAppendError, match="JSON"):
        tensor.append(deep)
    with pytest.raises(errors.InvalidInputError, match="JSON"):
        fresh.info["deep"] = deep
    assert (len(tensor), len(fresh.info)) == (0, 0)
    fresh.close()
    (path / "dataset_info.json").write_text('{"deep": ' + "[" * ABYSS + "]" * ABYSS + "}")
    with pytest.raises(errors.DatasetCorruptError, match="JSON"):
        _ = again(path).info["deep"]


def test_integers_with_more_digits_than_python_reads(fresh: lakebed.Dataset, path: Path) -> None:
    with pytest.raises(errors.InvalidInputError, match="JSON"):
        fresh.info["n"] = 10**5000
    fresh.close()
    (path / "dataset_info.json").write_text('{"n": 1' + "0" * 5000 + "}")
    with pytest.raises(errors.DatasetCorruptError, match="JSON"):
        _ = again(path).info["n"]


@pytest.mark.parametrize("value", [{1, 2}, 1j, object(), {(1, 2): 3}], ids=str)
def test_what_json_cannot_hold(fresh: lakebed.Dataset, value: Any) -> None:
    tensor = fresh.create_tensor("j", htype="json")
    with pytest.raises(errors.SampleAppendError, match="JSON"):
        tensor.extend([{}, value])
    assert len(tensor) == 0


def test_of_two_equal_keys_the_last_holds(fresh: lakebed.Dataset, path: Path) -> None:
    fresh.create_tensor("t")
    fresh.close()
    (path / "dataset_info.json").write_text('{"a": 1, "b": {"x": 1, "x": 2}, "a": 3}')
    assert again(path).info == {"a": 3, "b": {"x": 2}}


# Fields of a meta as no parser but Python's reads them, and as none would print them again.
ODD_FIELDS = [
    '"later": {"b" :[NaN, -Infinity,1E22,18446744073709551616, "\\ud800é"]}',
    '"float": 0.10000000000000000000001',
    '"\\udfff": 9007199254740993',
    '"class_names": ["\\ud800", NaN]',
]


def test_what_is_unknown_in_a_meta_survives_an_append(fresh: lakebed.Dataset, path: Path) -> None:
    fresh.create_tensor("t", dtype="int32")
    fresh.close()
    meta = path / "t" / "tensor_meta.json"
    insert(meta, ",\n    ".join(ODD_FIELDS))
    with lakebed.load(path) as ds:
        ds.t.append(5)
        ds.create_tensor("u")
    text = meta.read_text()
    assert '"length": 1' in text
    assert [field for field in ODD_FIELDS if f"\n    {field}" not in text] == []
    found = again(path).t.meta
    assert np.isnan(found.later["b"][0])
    assert found.later["b"][3:] == [2**64, "\ud800é"]


def test_unknown_fields_of_other_files_do_not_matter(fresh: lakebed.Dataset, path: Path) -> None:
    fresh.create_tensor("t").append(5)
    fresh.close()
    for name in ("dataset_meta.json", "version_control_info.json", "_t_shape/tensor_meta.json"):
        insert(path / name, '"later": [NaN, 1e999, "\\ud800"]')
    with lakebed.load(path) as ds:
        ds.t.append(6)
    assert again(path).t.numpy().tolist() == [[5], [6]]


def test_messages_keep_halves_of_surrogate_pairs(fresh: lakebed.Dataset, path: Path) -> None:
    fresh.create_tensor("t").append(5)
    fresh.close()
    tree = path / "version_control_info.json"
    text = tree.read_text()
    closed = {"commit_message": "m \ud800 é", "commit_time": 1.5}
    for field, value in closed.items():
        text = text.replace(f'"{field}": null', f'"{field}": {json.dumps(value)}')
    tree.write_text(text)
    assert [commit["message"] for commit in again(path).commits] == ["m \ud800 é"]


def test_infos_survive_what_rewrites_their_tensor(fresh: lakebed.Dataset, path: Path) -> None:
    fresh.create_tensor("t", htype="class_label", class_names=["a"])
    fresh.close()
    ours, whole = path / "t" / "tensor_info.json", path / "dataset_info.json"
    odd = '"x": [NaN,1E22, 18446744073709551616, "\\ud800é"]'
    insert(ours, odd)
    whole.write_text("{" + odd + "}")
    before = ours.read_bytes()
    with lakebed.load(path) as ds:
        ds.t.append("a")
    assert (ours.read_bytes(), whole.read_text()) == (before, "{" + odd + "}")
    with lakebed.load(path) as ds:
        ds.t.append("\udfff")
    info = json.loads(ours.read_text())
    assert info["class_names"] == ["a", "\udfff"]
    assert shown(info["x"]) == shown([float("nan"), 1e22, 2**64, "\ud800é"])


def test_ids_never_pass_through_floats(fresh: lakebed.Dataset, path: Path) -> None:
    fresh.create_tensor("t", dtype="uint64", max_chunk_size=64)
    numbers = np.array([BEYOND_A_FLOAT, 2**64 - 1, 2**63 + 1], "uint64").repeat(8)
    fresh.t.extend(numbers)
    # Chunk ids: the file behind the version has a row (id, last index) of two u64 a chunk.
    index = (path / "t" / "chunks_index" / "unsharded").read_bytes()
    ids = np.frombuffer(index, "<u8", offset=8)[::2]
    assert sorted(f"{number:x}" for number in ids.tolist()) == sorted(
        chunk.name for chunk in (path / "t" / "chunks").iterdir()
    )
    assert (ids > BEYOND_A_FLOAT).any()
    ds = again(path)
    rows = ds["_t_id"].numpy()
    assert (rows.dtype, rows.shape) == (np.dtype("uint64"), (24, 1))
    assert stored(path, "_t_id").endswith(rows.tobytes())
    assert (rows % 2 == 1).any()
    assert (rows > BEYOND_A_FLOAT).any()
    assert (ds.t.numpy().ravel() == numbers).all()
