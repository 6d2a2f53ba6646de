"""JSON of users: both packages store the same bytes for it, and read them alike."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from lakebed.errors import SampleAppendError
from tests.api.documents import DOCUMENTS, UNSORTABLE
from tests.interop.sides import commit, differences, write
from tests.reference.client import ReferenceFailedError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.reference.client import Reference
    from tests.reference.steps import Step

pytestmark = pytest.mark.reference
TEXTS = [text for _, text in DOCUMENTS.values()]
INFO = {name: value for name, (value, _) in DOCUMENTS.items() if name not in UNSORTABLE}


def documents(path: Path) -> list[Step]:
    values = [value for value, _ in DOCUMENTS.values()]
    return [
        {"do": "empty", "path": str(path)},
        {"do": "create_tensor", "name": "j", "options": {"htype": "json"}},
        {"do": "create_tensor", "name": "l", "options": {"htype": "list"}},
        {"do": "extend", "name": "j", "values": values},
        {"do": "extend", "name": "l", "values": [[value] for value in values]},
        {"do": "info", "update": INFO},
        {"do": "info", "name": "j", "update": {"10": INFO, 9: 1, None: 2}},
    ]


@pytest.mark.parametrize("ours", [True, False], ids=["ours", "theirs"])
def test_both_store_the_same_bytes(ours: bool, tmp_path: Path, reference: Reference) -> None:
    path = tmp_path / "ds"
    write(None if ours else reference, documents(path))
    plain = {name: json.loads(DOCUMENTS[name][1]) for name in INFO}
    files = {
        "dataset_info.json": json.dumps(plain, indent=4, sort_keys=True),
        "j/tensor_info.json": json.dumps(
            {"10": plain, "9": 1, "None": 2}, indent=4, sort_keys=True
        ),
    }
    assert {name: (path / name).read_text() for name in files} == files
    for tensor, texts in (("j", TEXTS), ("l", [f"[{text}]" for text in TEXTS])):
        [chunk] = (path / tensor / "chunks").iterdir()
        assert chunk.read_bytes().endswith("".join(texts).encode())
    assert differences(reference, path) == []


@pytest.mark.parametrize("ours_first", [True, False], ids=["ours", "theirs"])
def test_json_goes_back_and_forth(ours_first: bool, tmp_path: Path, reference: Reference) -> None:
    path = tmp_path / "ds"
    first, second = (None, reference) if ours_first else (reference, None)
    write(first, documents(path))
    names = ["\ud800", "a", "é"]
    labels = {"htype": "class_label", "class_names": names[:1]}
    more: list[Step] = [
        {"do": "load", "path": str(path)},
        {"do": "info", "update": {"more": [float("nan"), 2**64]}},
        {"do": "append", "name": "j", "value": {"\udfff": float("inf")}},
    ]
    write(second, [*more, {"do": "create_tensor", "name": "c", "options": labels}])
    assert differences(reference, path) == []
    write(reference, [more[0], commit("halves \ud800 é")])
    for side in (first, second):
        write(side, [*more, {"do": "extend", "name": "c", "values": names}])
        assert differences(reference, path) == []


def test_both_refuse_keys_that_json_does_not_have(tmp_path: Path, reference: Reference) -> None:
    path = tmp_path / "ds"
    tensor: Step = {"do": "create_tensor", "name": "j", "options": {"htype": "json"}}
    write(None, [{"do": "empty", "path": str(path)}, tensor])
    bad: Step = {"do": "append", "name": "j", "value": {1j: 1}}
    with pytest.raises(SampleAppendError):
        write(None, [{"do": "load", "path": str(path)}, bad])
    with pytest.raises(ReferenceFailedError) as refused:
        write(reference, [{"do": "load", "path": str(path)}, bad])
    assert "SampleAppendError" in refused.value.names
    assert differences(reference, path) == []
