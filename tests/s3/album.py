"""An album of linked photographs in a bucket, as the README and the tests of this folder use it."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

import lakebed

if TYPE_CHECKING:
    from lakebed import Dataset
    from tests.conftest import Bucket

CLASSES = ("beach", "city")
FOLDER = "album"
CREDS_KEY = "bucket"


def jpeg(seed: int) -> bytes:
    """Make a distinct small photograph; every fifth is gray."""
    height, width = 40 + seed % 7, 50 + seed % 11
    y, x = np.mgrid[0:height, 0:width]
    plane = (np.sin(x / (3 + seed % 5)) + np.cos(y / 4) + 2) * 55 + seed % 30
    planes = (
        plane.astype("uint8") if seed % 5 == 4 else np.stack([plane, plane / 2, 255 - plane], -1)
    )
    out = io.BytesIO()
    Image.fromarray(planes.astype("uint8")).save(out, "JPEG", quality=80 + seed % 10)
    return out.getvalue()


def pixels(data: bytes) -> Any:
    """Decode as Pillow does, in the three axes that images of a dataset have."""
    with Image.open(io.BytesIO(data)) as image:
        array = np.asarray(image)
    return array if array.ndim == 3 else array[..., None]


@dataclass
class Album:
    """What went into the dataset, to compare with what comes out."""

    bucket: Bucket
    files: list[bytes]
    urls: list[str]

    @property
    def path(self) -> str:
        """The dataset's address."""
        return self.bucket.url(FOLDER)

    @property
    def labels(self) -> list[str]:
        """The label of each photograph."""
        return [CLASSES[n % 2] for n in range(len(self.files))]

    @property
    def captions(self) -> list[str]:
        """The caption of each photograph."""
        return [f"photo {n} ü" for n in range(len(self.files))]

    @property
    def boxes(self) -> list[Any]:
        """The boxes on each photograph: none to three."""
        return [np.full((n % 4, 4), n, "float32") for n in range(len(self.files))]

    def rows(self) -> dict[str, Any]:
        """Give the columns for one `extend`."""
        return {
            "images": [lakebed.link(url, creds_key=CREDS_KEY) for url in self.urls],
            "labels": self.labels,
            "captions": self.captions,
            "boxes": self.boxes,
        }

    def load(self, **options: Any) -> Dataset:
        """Open the dataset with its creds key populated; read-only unless told otherwise."""
        creds = options.pop("creds", self.bucket.creds())
        options = {"read_only": True, "verbose": False, **options}
        ds = lakebed.load(self.path, creds=creds, **options)
        ds.populate_creds(CREDS_KEY, creds)
        return ds


def create_tensors(ds: Dataset) -> None:
    """Make the tensors of an album."""
    ds.create_tensor("images", htype="link[image]", sample_compression="jpeg")
    ds.create_tensor("labels", htype="class_label", class_names=list(CLASSES))
    ds.create_tensor("captions", htype="text")
    ds.create_tensor("boxes", dtype="float32")


def upload(bucket: Bucket, count: int) -> Album:
    """Put photographs into a bucket, and no dataset yet."""
    files = [jpeg(n) for n in range(count)]
    urls = [bucket.put(f"photos/{n:04}.jpg", data) for n, data in enumerate(files)]
    return Album(bucket, files, urls)


def write(bucket: Bucket, count: int, *, lock_enabled: bool = False) -> Album:
    """Put photographs and the dataset that links to them into a bucket.

    Without lock, since taking one means to wait half a second.
    """
    album = upload(bucket, count)
    creds = bucket.creds()
    ds = lakebed.empty(album.path, creds=creds, lock_enabled=lock_enabled)
    with ds:
        create_tensors(ds)
        ds.add_creds_key(CREDS_KEY)
        ds.populate_creds(CREDS_KEY, creds)
        ds.extend(album.rows())
    ds.close()
    return album
