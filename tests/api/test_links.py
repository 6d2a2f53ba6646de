"""Linked tensors over local files: what is stored, read, and refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

import lakebed
from lakebed import LinkedSample, Tensor, errors, link
from tests.api.conftest import pixels

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def images(fresh: lakebed.Dataset) -> Tensor:
    return fresh.create_tensor("images", htype="link[image]", sample_compression="png")


def test_a_link() -> None:
    plain = link("a.png")
    assert (plain.path, plain.creds_key, plain.dtype) == ("a.png", None, "str")
    assert plain == LinkedSample("a.png")
    assert plain != link("a.png", "key")
    assert len({plain, link("a.png")}) == 1
    shown = repr(link("https://h/a.png?sig=SECRET", creds_key="key"))
    assert shown == "LinkedSample('https://h/a.png', creds_key='key')"
    for wrong in (None, 3, b"x"):
        with pytest.raises(TypeError):
            link(wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        link("a", 3)  # type: ignore[arg-type]


def test_empty_tensor(images: Tensor) -> None:
    assert (images.htype, images.base_htype, images.is_link) == ("link[image]", "image", True)
    assert (images.dtype, images.shape, images.verify) == (None, (0,), True)
    assert dict(images.info) == {"intrinsics": None}


def test_links_are_read(images: Tensor, files: Path) -> None:
    paths = [str(files / name) for name in ("color.png", "gray.png", "color.jpg")]
    images.extend([link(paths[0]), link(paths[1]), None, link(files / "color.jpg")])
    assert (images.dtype, len(images)) == (np.dtype("uint8"), 4)
    assert repr(images.shape_interval) == "(4, 4:24, 5:35, 1:3)"
    values = images.numpy(aslist=True)
    assert [value.shape for value in values] == [(4, 5, 3), (4, 5, 1), (0,), (24, 35, 3)]
    assert values[2].dtype == np.float64
    assert np.array_equal(images[0].numpy(), pixels(1, 4, 5, 3))
    assert images[:1].numpy().shape == (1, 4, 5, 3)
    assert images[3].tobytes() == (files / "color.jpg").read_bytes()
    assert images[[2, 0]].shape == (2, None, None, None)
    assert (images[2].shape, images[1].shape) == ((0, 0, 0), (4, 5, 1))
    assert images[0].path().tolist() == [paths[0]]
    assert [path.tolist() for path in images.path()] == [[paths[0]], [paths[1]], [""], [paths[2]]]
    assert images[:2].path(aslist=False).tolist() == [[paths[0]], [paths[1]]]
    assert images[0].creds_key() is None
    assert images.creds_key() == [None] * 4
    assert [info.get("format") for info in images.sample_info] == ["png", "png", None, "jpeg"]
    assert images[0].data()["sample_info"]["filename"] == paths[0]
    with pytest.raises(errors.DynamicTensorNumpyError):
        images.numpy()


def test_relative_links_start_at_the_reader(
    images: Tensor, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(files)
    images.append(link("color.png"))
    assert images[0].numpy().shape == (4, 5, 3)
    monkeypatch.chdir("/")
    with pytest.raises(errors.LinkError):
        images[0].numpy()


@pytest.mark.parametrize("name", ["none.png", "cut.jpg", "text.jpg"])
def test_a_bad_link_in_the_middle(images: Tensor, files: Path, name: str) -> None:
    images.append(link(files / "color.png"))
    good = link(files / "color.png")
    with pytest.raises(errors.SampleAppendError) as refused:
        images.extend([good, good, link(files / name), good, link(files / "none2.png")])
    assert (refused.value.tensor, refused.value.index) == ("images", 2)
    assert isinstance(refused.value.__cause__, errors.BadLinkError)
    assert [failure.index for failure in refused.value.failures][:1] == [2]
    assert len(images) == 1


def test_what_is_no_link(images: Tensor, files: Path) -> None:
    for sample in (str(files / "color.png"), np.zeros((2, 2, 3), "u1"), lakebed.read("x.png")):
        with pytest.raises(errors.SampleAppendError) as refused:
            images.append(sample)
        assert isinstance(refused.value.__cause__, TypeError)


@pytest.mark.parametrize("prefix", ["s3", "gcs", "az"])
def test_cloud_links_need_a_creds_key(images: Tensor, prefix: str) -> None:
    with pytest.raises(errors.SampleAppendError) as refused:
        images.append(link(f"{prefix}://bucket/key.png"))
    assert isinstance(refused.value.__cause__, ValueError)
    assert "creds key" in str(refused.value)


def test_creds_keys(fresh: lakebed.Dataset, images: Tensor, path: Path) -> None:
    assert fresh.get_creds_keys() == set()
    with pytest.raises(errors.SampleAppendError) as refused:
        images.append(link("s3://bucket/key.png", creds_key="album"))
    assert isinstance(refused.value.__cause__, errors.MissingCredsError)
    fresh.add_creds_key("album")
    with pytest.raises(ValueError, match="album"):
        fresh.add_creds_key("album")
    with pytest.raises(errors.SampleAppendError) as refused:
        images.append(link("s3://bucket/key.png", creds_key="album"))
    assert refused.value.creds_key == "album"
    assert "populate" in str(refused.value)
    for wrong in ({}, None, {"Aws_Access_Key_Id": "x"}):
        with pytest.raises(ValueError, match=r"creds|populate"):
            fresh.populate_creds("nobody", wrong)
    with pytest.raises(errors.MissingCredsError):
        fresh.populate_creds("nobody", {"Authorization": "x"})
    fresh.populate_creds("album", {"aws_access_key_id": "a", "aws_secret_access_key": "b"})
    assert lakebed.load(path, read_only=True).get_creds_keys() == {"album"}
    with pytest.raises(errors.UnsupportedFeatureError):
        fresh.get_managed_creds_keys()


def test_a_creds_key_on_a_local_link(fresh: lakebed.Dataset, images: Tensor, files: Path) -> None:
    fresh.add_creds_key("first")
    fresh.add_creds_key("second")
    fresh.populate_creds("second", {"Authorization": "x"})
    images.extend([link(files / "color.png", "second"), link(files / "color.png")])
    assert images.creds_key() == ["second", None]
    assert images[0].creds_key() == "second"


def test_links_that_are_not_verified(fresh: lakebed.Dataset, files: Path) -> None:
    tensor = fresh.create_tensor(
        "images", htype="link[image]", sample_compression="png", verify=False
    )
    tensor.extend([link(files / "color.png"), link(files / "none.png")])
    assert (tensor.verify, tensor.shape, tensor.sample_info) == (False, (2,), None)
    assert (tensor[0].shape, tensor[0].numpy().shape) == ((4, 5, 3), (4, 5, 3))
    with pytest.raises(errors.LinkError) as refused:
        tensor.numpy(aslist=True)
    assert (refused.value.tensor, refused.value.index) == ("images", 1)
    assert isinstance(refused.value.__cause__, FileNotFoundError)


def test_links_of_other_tensors(images: Tensor, files: Path) -> None:
    images.extend([link(files / "color.png"), None])
    images.extend(images[:2])
    images.append(images[0])
    assert [path.tolist() for path in images.path()] == [
        [str(files / "color.png")],
        [""],
        [str(files / "color.png")],
        [""],
        [str(files / "color.png")],
    ]


def test_links_do_not_go_into_other_tensors(fresh: lakebed.Dataset, files: Path) -> None:
    stored = fresh.create_tensor("stored", htype="image", sample_compression="png")
    with pytest.raises(errors.SampleAppendError) as refused:
        stored.append(link(files / "color.png"))
    assert "htype='link[image]'" in str(refused.value.hint)


def test_only_none(images: Tensor) -> None:
    images.extend([None, None])
    assert [value.shape for value in images.numpy(aslist=True)] == [(0,), (0,)]
    assert images[0].path().tolist() == [""]
    assert images.sample_info == [{}, {}]
