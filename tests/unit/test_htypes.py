"""Settings of tensors and samples, before the core sees them."""

from __future__ import annotations

import json
import typing
from typing import Any

import numpy as np
import pytest

from lakebed import errors, link
from lakebed.htypes import HtypeName, TensorSettings, build, sequence_of, tensor_spec, texts_of
from lakebed.htypes.schema import compile_schema, validate
from lakebed.htypes.table import HTYPES


def settings(**given: Any) -> TensorSettings:
    known = {key: given.pop(key) for key in [*given] if hasattr(TensorSettings(), key)}
    return TensorSettings(**known, more=given)


def meta(**fields: Any) -> dict[str, Any]:
    nothing = {"htype": None, "dtype": None, "is_link": False, "is_sequence": False}
    return {**nothing, **fields}


def column(samples: Any, *names: str, **fields: Any) -> Any:
    return build(sequence_of(samples), meta(**fields), [*names])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, HtypeName(None)),
        ("image", HtypeName("image")),
        ("link[image]", HtypeName("image", is_link=True)),
        ("sequence[image]", HtypeName("image", is_sequence=True)),
        ("sequence", HtypeName(None, is_sequence=True)),
        ("link[sequence[image.rgb]]", HtypeName("image.rgb", is_link=True, is_sequence=True)),
        ("sequence[link[image]]", HtypeName("image", is_link=True, is_sequence=True)),
    ],
)
def test_htype_names(text: str | None, expected: HtypeName) -> None:
    assert HtypeName.parse(text) == expected


def test_htype_names_are_shown_as_read() -> None:
    assert str(HtypeName.parse("sequence[link[image]]")) == "link[sequence[image]]"
    assert str(HtypeName.parse("image.gray")) == "image.gray"


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"htype": "foo"}, errors.TensorMetaInvalidHtype),
        ({"htype": "link[foo]"}, errors.TensorMetaInvalidHtype),
        ({"htype": "link[link[image]]"}, errors.TensorMetaInvalidHtype),
        ({"htype": "link"}, ValueError),
        ({"htype": "link[generic]"}, ValueError),
        ({"htype": "sequence[tag]"}, ValueError),
        ({"htype": "image"}, errors.TensorMetaMissingRequiredValue),
        ({"htype": "video"}, errors.TensorMetaMissingRequiredValue),
        ({"htype": "image", "sample_compression": "zip"}, errors.UnsupportedCompressionError),
        ({"htype": "text", "sample_compression": "png"}, errors.UnsupportedCompressionError),
        ({"htype": "embedding", "chunk_compression": "png"}, errors.UnsupportedCompressionError),
        (
            {"htype": "video", "sample_compression": None, "chunk_compression": "mp4"},
            errors.UnsupportedCompressionError,
        ),
        (
            {"sample_compression": "lz4", "chunk_compression": "lz4"},
            errors.TensorMetaMutuallyExclusiveKeysError,
        ),
        ({"dtype": "foo"}, errors.TensorMetaInvalidHtypeOverwriteValue),
        ({"dtype": object}, errors.TensorMetaInvalidHtypeOverwriteValue),
        ({"dtype": "<U5"}, errors.TensorMetaInvalidHtypeOverwriteValue),
        ({"htype": "text", "dtype": "int32"}, errors.TensorMetaInvalidHtypeOverwriteValue),
        ({"htype": "json", "dtype": "zzz"}, errors.TensorMetaInvalidHtypeOverwriteValue),
        ({"class_names": []}, errors.TensorMetaInvalidHtypeOverwriteKey),
        ({"htype": "class_label", "coords": {}}, errors.TensorMetaInvalidHtypeOverwriteKey),
        (
            {"htype": "class_label", "class_names": "abc"},
            errors.TensorMetaInvalidHtypeOverwriteValue,
        ),
        ({"htype": "bbox", "coords": {"zz": 1}}, KeyError),
        ({"htype": "bbox", "coords": 3}, TypeError),
        ({"max_chunk_size": "a"}, errors.TensorMetaInvalidHtypeOverwriteValue),
        ({"max_chunk_size": 0}, errors.TensorMetaInvalidHtypeOverwriteValue),
        ({"tiling_threshold": -2}, errors.TensorMetaInvalidHtypeOverwriteValue),
    ],
    ids=str,
)
def test_settings_that_contradict_the_format(given: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error) as refused:
        tensor_spec(settings(**given))
    assert isinstance(refused.value, errors.InvalidInputError)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"htype": "sequence"}, "sequence"),
        ({"htype": "sequence[image]", "sample_compression": "png"}, r"sequence\[image\]"),
        ({"htype": "link[text]"}, r"link\[text\]"),
        ({"htype": "polygon"}, "polygon"),
        ({"htype": "video", "sample_compression": "mp4"}, "video"),
        ({"htype": "dicom"}, "dicom"),
        ({"htype": "image", "sample_compression": "webp"}, "webp"),
        ({"htype": "image", "chunk_compression": "png"}, "png"),
        ({"htype": "image", "sample_compression": "png", "downsampling": (2, 1)}, "downsampled"),
        ({"dtype": "datetime64[s]"}, "datetime64"),
    ],
)
def test_what_is_not_there_yet_is_named(given: dict[str, Any], named: str) -> None:
    with pytest.raises(errors.UnsupportedFeatureError, match=named):
        tensor_spec(settings(**given))


def test_a_plain_tensor() -> None:
    assert tensor_spec(settings()) == {
        "htype": None,
        "dtype": None,
        "typestr": None,
        "sample_compression": None,
        "chunk_compression": None,
        "is_sequence": False,
        "is_link": False,
        "hidden": False,
        "verify": True,
        "max_chunk_size": None,
        "tiling_threshold": None,
        "extra": b"{}",
        "info": None,
        "info_companion": False,
        "shape_companion": True,
        "id_companion": True,
    }


@pytest.mark.parametrize("htype", [name for name, one in HTYPES.items() if one.family != "other"])
def test_defaults_of_htypes(htype: str) -> None:
    spec = tensor_spec(settings(htype=htype, sample_compression=None))
    rule = HTYPES[htype]
    assert (spec["htype"], spec["dtype"]) == (htype, rule.dtype)
    assert spec["info_companion"] == (htype in {"image", "segment_mask"})
    assert spec["shape_companion"] == (htype not in {"text", "json", "tag"})
    extra = json.loads(spec["extra"])
    assert extra.get("_info", []) == list(rule.info)
    assert (spec["info"] is None) == (not rule.info)


def test_settings_of_the_htype_go_to_its_info() -> None:
    spec = tensor_spec(settings(htype="class_label", class_names=("a", "b")))
    assert json.loads(spec["info"]) == {"class_names": ["a", "b"]}
    assert json.loads(spec["extra"]) == {
        "_info": ["class_names"],
        "class_names": [],
        "_disable_temp_transform": False,
    }


def test_links_that_are_not_verified_have_no_companions() -> None:
    spec = tensor_spec(settings(htype="link[image]", sample_compression="jpg", verify=False))
    assert (spec["is_link"], spec["verify"], spec["sample_compression"]) == (True, False, "jpeg")
    assert not spec["info_companion"]
    assert not spec["shape_companion"]
    assert spec["id_companion"]


@pytest.mark.parametrize(
    ("given", "name"),
    [(np.int16, "int16"), (float, "float64"), (bool, "bool"), (">i2", "int16"), (str, "str")],
)
def test_dtypes_are_stored_by_name(given: Any, name: str) -> None:
    assert tensor_spec(settings(dtype=given))["dtype"] == name


@pytest.mark.parametrize(
    ("schema", "fits", "does_not"),
    [
        ("Any", [1, "a", {}, None], []),
        ("int", [1, True], ["a", 1.5]),
        ("float", [1, 1.5], ["a"]),
        ("bool", [True], [1]),
        ("str", ["a"], [1]),
        ("list", [[1]], [{"a": 1}]),
        ("List[int]", [[1, 2], []], [["a"], {"a": 1}, 3]),
        ("Dict[str, int]", [{"a": 1}, {}, {1: True}], [{"a": "b"}, [1]]),
        ("Dict[str,Optional[int]]", [{"a": None}], [{"a": "b"}]),
        ("Union[int, List[str]]", [1, ["a"]], ["a", [1]]),
        ("typing.Dict[str, typing.List[int]]", [{"a": [1]}], [{"a": ["b"]}]),
        ("ndarray", [np.arange(2)], [[1]]),
    ],
)
def test_schemas(schema: str, fits: list[Any], does_not: list[Any]) -> None:
    for value in fits:
        validate(value, schema)
    for value in does_not:
        with pytest.raises(errors.JsonValidationError):
            validate(value, schema)


def test_only_what_is_true_is_validated() -> None:
    nothing: list[Any] = [[], {}, "", 0, None]
    for value in nothing:
        validate(value, "Dict[str, int]")


@pytest.mark.parametrize(
    "schema",
    [
        "",
        "zzz",
        "List[",
        "List[int",
        "List]",
        "Dict[int]",
        "List[int, int]",
        "int int",
        "a-b",
        "List[" * 100 + "int" + "]" * 100,
    ],
)
def test_what_is_no_schema(schema: str) -> None:
    with pytest.raises(errors.TensorMetaInvalidHtypeOverwriteValue):
        compile_schema(schema)


def test_types_of_typing_are_schemas() -> None:
    spec = tensor_spec(settings(htype="json", dtype=typing.Dict[str, int]))  # noqa: UP006
    assert spec["dtype"] == "typing.Dict[str, int]"
    assert tensor_spec(settings(htype="json", dtype=dict))["dtype"] == "dict"


@pytest.mark.parametrize("given", ["abc", b"x", {"a": 1}, {1}, 3, None, np.array(3)])
def test_one_value_is_no_batch(given: Any) -> None:
    with pytest.raises(TypeError):
        sequence_of(given)


def test_equal_numbers_travel_as_one_array() -> None:
    numbers = column([1, 2, 3])
    assert (numbers.htype, numbers.dtype, numbers.typestr) == ("generic", "int64", "<i8")
    assert numbers.samples.shape == (3, 1)
    assert column(np.ones((3, 2), "f4")).samples.shape == (3, 2)
    assert column([np.ones(4), np.zeros(4)]).samples.shape == (2, 4)
    assert column([[1, 2], [3, 4]]).samples.dtype == np.int64


def test_ragged_numbers_travel_one_by_one() -> None:
    made = column([np.ones((1, 2), "f4"), None, np.ones((3, 2), "f4")])
    assert [sample and sample[:2] for sample in made.samples] == [
        ("array", (1, 2)),
        None,
        ("array", (3, 2)),
    ]
    assert made.samples[0][2].tobytes() == np.ones(2, "f4").tobytes()
    assert (made.dtype, made.typestr) == ("float32", "<f4")


def test_an_array_batch_is_not_copied_where_it_fits() -> None:
    batch = np.arange(6, dtype="f4").reshape(3, 2)
    assert np.shares_memory(column(batch, dtype="float32").samples, batch)


def test_other_byte_orders_and_layouts_are_brought_in_order() -> None:
    big = column(np.array([[1, 2]], ">i2"))
    assert (big.typestr, big.dtype, big.samples.dtype.str) == (">i2", "int16", "<i2")
    strided = column(np.arange(12).reshape(3, 4)[:, ::2]).samples
    assert strided.flags.c_contiguous
    assert strided.tolist() == [[0, 2], [4, 6], [8, 10]]


def test_python_bools_become_int64_unless_the_tensor_is_bool() -> None:
    assert column([True, False]).dtype == "int64"
    assert column([True, False], htype="generic", dtype="bool").samples.dtype == np.bool_
    assert column([np.array([True])]).dtype == "bool"


@pytest.mark.parametrize(
    ("samples", "dtype"),
    [
        ([255], "uint8"),
        ([[1, 2]], "int32"),
        ([1.5], "float32"),
        ([np.array([1])], "int32"),
        ([np.array(1)], "int32"),
        ([np.array([1, 2])], "float64"),
        ([70000], "float32"),
        ([float("nan"), float("inf")], "float32"),
        ([np.zeros((0, 3))], "int32"),
        ([True], "int32"),
        ([np.array([True, False])], "uint8"),
        (np.arange(3, dtype="i2"), "float32"),
        ([2**63], "uint64"),
        ([1], "complex64"),
    ],
    ids=str,
)
def test_values_that_fit(samples: Any, dtype: str) -> None:
    made = column(samples, htype="generic", dtype=dtype)
    assert (made.dtype, made.typestr) == (None, None), "the meta knows it already"


@pytest.mark.parametrize(
    ("samples", "dtype"),
    [
        ([-1], "uint8"),
        ([[1, 300]], "uint8"),
        ([1.0], "int32"),
        ([np.array([1, 2])], "int32"),
        (np.arange(3), "int32"),
        ([np.array([1.5, 2.5])], "float32"),
        ([1e300], "float32"),
        ([2**24 + 1], "float32"),
        ([1], "bool"),
        ([1j], "float64"),
        ([2**64 - 1], "int64"),
    ],
    ids=str,
)
def test_values_that_do_not_fit(samples: Any, dtype: str) -> None:
    with pytest.raises(errors.TensorDtypeMismatchError):
        column(samples, htype="generic", dtype=dtype)


@pytest.mark.parametrize(
    ("samples", "at"),
    [
        ([1, 2, 300], 2),
        ([[1], [300]], 1),
        ([1, "x"], 1),
        ([np.ones(1, "u1"), {"a": 1}], 1),
        ([[1], [[2], [3, 4]]], 1),
        ([1, b"x"], 1),
    ],
)
def test_the_sample_that_does_not_fit_is_named(samples: Any, at: int) -> None:
    with pytest.raises(errors.LakebedError) as refused:
        column(samples, htype="generic", dtype="uint8")
    assert refused.value.index == at


@pytest.mark.parametrize(
    ("samples", "htype"),
    [
        ([1, 2], "generic"),
        ([None, 1], "generic"),
        (["a", None, "b"], "text"),
        ([{"a": 1}, "b"], "json"),
        ([None, {"a": 1}], "json"),
        ([2**70], "json"),
        ([[2**70]], "json"),
        ([np.array([{}, 1], object)], "json"),
        (np.array(["a", "b"]), "text"),
        ([None, None], None),
        ([[], None], None),
    ],
    ids=str,
)
def test_the_first_samples_decide_the_htype(samples: Any, htype: str | None) -> None:
    assert column(samples).htype == htype


def test_text_in_a_tensor_of_numbers() -> None:
    for samples in (["a"], [{"a": 1}]):
        with pytest.raises(errors.TensorDtypeMismatchError):
            column(samples, dtype="int32")
    assert column(["a"], dtype="str").htype == "text"


def test_texts() -> None:
    given = ["a", None, 3, 1.5, np.str_("n"), np.array("z"), np.array(["o"]), "é"]
    texts = column(given, htype="text", dtype="str").samples
    expected = ["a", None, "3", "1.5", "n", "z", "o", "é"]
    assert texts == [None if text is None else ("text", text) for text in expected]


@pytest.mark.parametrize("sample", [["a", "b"], b"a", {"a": 1}, np.array(["a", "b"]), "\ud800"])
def test_what_is_no_text(sample: Any) -> None:
    with pytest.raises(errors.InvalidInputError) as refused:
        column(["fine", sample], htype="text", dtype="str")
    assert refused.value.index == 1


def test_json_samples() -> None:
    given = [{"a": 1}, "s", [1, (2, 3)], None, np.arange(2), np.float32(1.5), {"b": b"x"}]
    made = column(given, htype="json", dtype="Any").samples
    assert made[0] == ("json", b'{"a": 1}', 1)
    assert made[1] == ("json", b'"s"', 1)
    assert made[2] == ("json", b"[1, [2, 3]]", 1)
    assert made[3] is None
    assert made[4] == ("json", b"[0, 1]", 1)
    assert made[5] == ("json", b"1.5", 1)
    assert json.loads(made[6][1])["b"]["_hub_custom_type"] == "bytes"


def test_json_without_form() -> None:
    loop: list[Any] = []
    loop.append(loop)
    for value in ({"a": {1}}, {"a": object()}, loop):
        with pytest.raises(errors.InvalidInputError) as refused:
            column([value], htype="json", dtype="Any")
        assert refused.value.index == 0


def test_list_samples_count_their_elements() -> None:
    made = column([[1, "a"], (1, 2, 3), np.arange(4), None, []], htype="list", dtype="List")
    counts = [sample and sample[2] for sample in made.samples]
    assert counts == [2, 3, 4, None, 0]
    for sample in ("abc", 3, {"a": 1}):
        with pytest.raises(errors.JsonValidationError):
            column([sample], htype="list", dtype="List")


def test_tags_are_wrapped_in_lists() -> None:
    made = column(["a", ["b", "c"], None, [], 3], htype="tag", dtype="List").samples
    texts = [sample[1] for sample in made]
    assert texts == [b'["a"]', b'["b", "c"]', b"[null]", b"[null]", b"[3]"]


def test_labels_become_numbers_and_new_names() -> None:
    made = column(
        ["city", "sea", ["beach", "sea"], 1, None, np.array(["hill"])],
        "beach",
        "city",
        htype="class_label",
        dtype="uint32",
    )
    assert made.names.names == ["beach", "city", "sea", "hill"]
    assert made.names.added == ["sea", "hill"]
    values = [sample and sample[2].view("u4").tolist() for sample in made.samples]
    assert values == [[1], [2], [0, 2], [1], None, [3]]


def test_labels_are_judged_by_value() -> None:
    labels = {"htype": "class_label", "dtype": "uint32"}
    assert column(np.array([0, 7]), **labels).samples.tolist() == [[0], [7]]
    for bad in (np.array([-1]), np.array([0, 2**33]), [1.5], [-1]):
        with pytest.raises(errors.TensorDtypeMismatchError):
            column(bad, **labels)


def test_names_of_labels() -> None:
    names = ["a", "b"]
    assert texts_of(np.array([[1], [0]], "u4"), names) == [["b"], ["a"]]
    assert texts_of([np.array([0, 5], "u4"), np.empty(0, "u4")], names) == [["a", None], []]
    assert texts_of(np.array(1, "u4"), names) == "b"


def test_links() -> None:
    links = {"htype": "image", "is_link": True}
    given = [link("a.png"), None, link("s3://b/k", "key"), link("")]
    assert column(given, **links).samples == [
        ("link", "a.png", None),
        None,
        ("link", "s3://b/k", "key"),
        None,
    ]
    for bad in ("a.png", np.zeros(3)):
        with pytest.raises(TypeError):
            column([bad], **links)
    with pytest.raises(ValueError, match="creds key") as refused:
        column([link("a.png"), link("s3://user:pw@b/k")], **links)
    assert (refused.value.index, refused.value.url) == (1, "s3://b/k")  # type: ignore[attr-defined]


def test_links_do_not_go_into_tensors_of_stored_samples() -> None:
    for fields in ({"htype": "image"}, {"htype": "text"}, {"htype": "json"}, {}):
        with pytest.raises(errors.InvalidInputError):
            column([link("a.png")], **fields)


@pytest.mark.parametrize(
    ("shape", "rgb", "gray"),
    [
        ((4, 5), (4, 5, 3), (4, 5)),
        ((4, 5, 1), (4, 5, 3), (4, 5)),
        ((4, 5, 2), (4, 5, 3), (4, 5)),
        ((4, 5, 3), (4, 5, 3), (4, 5)),
        ((4, 5, 4), (4, 5, 3), (4, 5)),
    ],
)
def test_channels_of_rgb_and_gray(
    shape: tuple[int, ...], rgb: tuple[int, ...], gray: tuple[int, ...]
) -> None:
    image = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    for htype, expected in (("image.rgb", rgb), ("image.gray", gray)):
        samples = column([image], htype=htype, dtype="uint8").samples
        assert samples.shape == (1, *expected)
    with pytest.raises(errors.InvalidInputError):
        column([image.astype("f4")], htype="image.gray", dtype="uint8")
