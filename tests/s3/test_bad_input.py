"""A bad sample anywhere in a batch leaves the dataset, and the bucket, as they were."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import lakebed
from lakebed import errors
from tests.s3.album import CREDS_KEY, jpeg, pixels, upload, write

if TYPE_CHECKING:
    from tests.conftest import Bucket

pytestmark = pytest.mark.s3


def bad_links(bucket: Bucket) -> dict[str, Any]:
    """Give one link for each way in which a link can be bad."""
    whole = jpeg(1)
    bucket.put("bad/cut.jpg", whole[: len(whole) // 2])
    bucket.put("bad/text.jpg", b"this is no photograph")
    bucket.put("bad/empty.jpg", b"")
    return {
        "missing": lakebed.link(bucket.url("bad/none.jpg"), creds_key=CREDS_KEY),
        "truncated": lakebed.link(bucket.url("bad/cut.jpg"), creds_key=CREDS_KEY),
        "no-image": lakebed.link(bucket.url("bad/text.jpg"), creds_key=CREDS_KEY),
        "no-bytes": lakebed.link(bucket.url("bad/empty.jpg"), creds_key=CREDS_KEY),
        "no-key": lakebed.link(bucket.url("photos/0000.jpg")),
        "unknown-key": lakebed.link(bucket.url("photos/0000.jpg"), creds_key="nobody"),
        "no-bucket": lakebed.link("s3://no-such-bucket-here/a.jpg", creds_key=CREDS_KEY),
        "an-array": np.zeros((4, 4, 3), "uint8"),
    }


def test_bad_link_in_the_middle(bucket: Bucket) -> None:
    album = write(bucket, 4)
    ds = album.load(read_only=False)
    before = bucket.listing("album/")
    for which, bad in bad_links(bucket).items():
        rows = album.rows()
        rows["images"][2] = bad
        with pytest.raises(errors.SampleAppendError) as refused:
            ds.extend(rows)
        assert (refused.value.tensor, refused.value.index) == ("images", 2), which
        assert refused.value.__cause__ is not None, which
        assert bucket.listing("album/") == before, which
        assert [ds[name].num_samples for name in rows] == [4] * 4, which
    ds.extend(album.rows())
    ds.close()
    again = album.load()
    assert [again[name].num_samples for name in again.tensors] == [8] * 4
    assert np.array_equal(again.images[6].numpy(), pixels(album.files[2]))


@pytest.mark.parametrize(
    ("tensor", "value", "cause"),
    [
        ("labels", np.float64(0.5), errors.TensorDtypeMismatchError),
        ("boxes", np.zeros((2, 2, 2), "float32"), errors.TensorInvalidSampleShapeError),
        ("boxes", np.zeros((2, 4), "complex64"), errors.TensorDtypeMismatchError),
    ],
    ids=["dtype", "rank", "complex"],
)
def test_bad_value_in_the_middle(
    bucket: Bucket, tensor: str, value: Any, cause: type[Exception]
) -> None:
    album = write(bucket, 4)
    ds = album.load(read_only=False)
    before = bucket.listing("album/")
    rows = album.rows()
    rows[tensor] = list(rows[tensor])
    rows[tensor][1] = value
    with pytest.raises(errors.SampleAppendError) as refused:
        ds.extend(rows)
    assert (refused.value.tensor, refused.value.index) == (tensor, 1)
    assert isinstance(refused.value.__cause__, cause)
    assert bucket.listing("album/") == before
    with pytest.raises(errors.SampleAppendError):
        ds[tensor].extend(rows[tensor])
    assert bucket.listing("album/") == before
    assert [ds[name].num_samples for name in rows] == [4] * 4
    ds.close()
    assert [album.load()[name].num_samples for name in rows] == [4] * 4


def test_columns_of_different_length(bucket: Bucket) -> None:
    album = write(bucket, 2)
    ds = album.load(read_only=False)
    before = bucket.listing("album/")
    rows = album.rows()
    rows["captions"] = ["only one"]
    with pytest.raises(errors.InvalidInputError):
        ds.extend(rows)
    assert bucket.listing("album/") == before


def test_an_object_that_is_cut_later_does_not_decode(bucket: Bucket) -> None:
    album = write(bucket, 4)
    bucket.put("photos/0002.jpg", album.files[2][:-200])
    ds = album.load()
    with pytest.raises(errors.LinkError) as broken:
        ds.images[1:].numpy(aslist=True)
    assert (broken.value.tensor, broken.value.index) == ("images", 2)
    assert broken.value.url == album.urls[2]
    assert np.array_equal(ds.images[3].numpy(), pixels(album.files[3]))


def test_a_failed_write_of_the_store_can_be_repeated(bucket: Bucket) -> None:
    """What could not be stored still waits, and the next flush stores it."""
    from tests.servers import fault_proxy

    album = upload(bucket, 2)
    with fault_proxy.running(bucket.server.endpoint) as proxy:
        creds = {**bucket.creds(), "endpoint_url": proxy.endpoint}
        ds = lakebed.empty(album.path, creds=creds)
        ds.create_tensor("captions", htype="text")
        proxy.set(error_rate=1.0, error_code=403, match="PUT")
        with pytest.raises(errors.LakebedError):
            ds.captions.extend(["a", "b"])
        proxy.reset()
        ds.captions.extend(["c"])
        ds.close()
    stored = lakebed.load(album.path, creds=bucket.creds(), read_only=True)
    assert stored.captions.data()["value"] in (["c"], ["a", "b", "c"])
