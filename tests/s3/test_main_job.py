"""What a user does: write an album of links into a bucket, open it again, read it every way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

import lakebed
from tests.s3.album import CREDS_KEY, create_tensors, pixels, upload, write

if TYPE_CHECKING:
    from tests.conftest import Bucket

pytestmark = pytest.mark.s3


def test_album_from_end_to_end(bucket: Bucket) -> None:
    album = write(bucket, 40, lock_enabled=True)
    ds = album.load()
    assert (len(ds), ds.read_only) == (40, True)
    assert ds.images.htype == "link[image]"
    expected = [pixels(data) for data in album.files]
    for ours, theirs in zip(ds.images[10:35].numpy(aslist=True), expected[10:35], strict=True):
        assert ours.dtype == np.uint8
        assert np.array_equal(ours, theirs)
    assert ds.images[3].tobytes() == album.files[3]
    row = ds[7]
    assert np.array_equal(row.images.numpy(), expected[7])
    assert row.captions.text() == album.captions[7]
    assert np.array_equal(row.boxes.numpy(), album.boxes[7])
    back = ds[::-2]
    assert back.labels.data()["text"] == [[label] for label in album.labels[::-2]]
    assert [row.captions.text() for row in ds] == album.captions


@pytest.mark.parametrize(
    "index",
    [5, -1, slice(2, 9), slice(None, None, -2), [3, 0, 3], np.array([1, -2, 4])],
    ids=["integer", "negative", "slice", "backwards", "list", "numpy"],
)
def test_indices_choose_the_same_rows_of_every_tensor(bucket: Bucket, index: object) -> None:
    album = write(bucket, 12)
    ds = album.load()
    chosen = np.arange(12)[index].ravel().tolist()  # type: ignore[call-overload]
    view = ds[index] if not isinstance(index, int) else ds[[index]]
    assert len(view) == len(chosen)
    found = view.images.numpy(aslist=True)
    for ours, row in zip(found, chosen, strict=True):
        assert np.array_equal(ours, pixels(album.files[row]))
    assert [text for [text] in view.captions.numpy().tolist()] == [
        album.captions[n] for n in chosen
    ]


def test_shapes_are_known_without_reading_objects(bucket: Bucket) -> None:
    album = write(bucket, 12)
    for n in range(12):
        bucket.delete(f"photos/{n:04}.jpg")
    ds = album.load()
    shapes = [pixels(data).shape for data in album.files]
    lower, upper = np.min(shapes, axis=0).tolist(), np.max(shapes, axis=0).tolist()
    assert ds.images.shape_interval.lower == (12, *lower)
    assert ds.images.shape_interval.upper == (12, *upper)
    assert ds.images.shape == (12, None, None, None)
    assert ds.images.num_samples == 12
    assert ds.images.dtype == np.uint8


def test_appending_after_reopening(bucket: Bucket) -> None:
    album = write(bucket, 6)
    ds = album.load(read_only=False)
    ds.extend(album.rows())
    ds.close()
    ds = album.load()
    assert len(ds) == 12
    assert ds.captions.data()["value"] == album.captions * 2
    assert np.array_equal(ds.images[8].numpy(), pixels(album.files[2]))


def test_a_dataset_outside_of_with_is_stored_by_every_call(bucket: Bucket) -> None:
    album = upload(bucket, 3)
    ds = lakebed.empty(album.path, creds=bucket.creds())
    create_tensors(ds)
    ds.add_creds_key(CREDS_KEY)
    ds.populate_creds(CREDS_KEY, bucket.creds())
    ds.extend(album.rows())
    assert len(album.load()) == 3


def test_exists_delete_and_overwrite(bucket: Bucket) -> None:
    creds = bucket.creds()
    album = write(bucket, 2)
    assert lakebed.exists(album.path, creds=creds)
    with pytest.raises(lakebed.errors.DatasetHandlerError):
        lakebed.empty(album.path, creds=creds)
    lakebed.empty(album.path, creds=creds, overwrite=True).close()
    assert len(lakebed.load(album.path, creds=creds).tensors) == 0
    lakebed.delete(album.path, creds=creds)
    assert not lakebed.exists(album.path, creds=creds)
    assert bucket.listing("album/") == {}
    assert len(bucket.listing("photos/")) == 2, "the linked objects are not the dataset's"
