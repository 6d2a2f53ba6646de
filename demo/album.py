"""The writing half: uploads the photographs and writes the dataset that links to them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import boto3
import numpy as np
from botocore.config import Config

import lakebed as deeplake
from demo.sources import LABELS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from demo.photos import Photo

CREDS_KEY = "bucket"
PHOTO_FOLDER = "jpeg"
DATASET_FOLDER = "album"
UPLOAD_THREADS = 8


@dataclass(frozen=True)
class Bucket:
    """A bucket on an S3 server and one user's keys for it."""

    name: str
    endpoint_url: str
    region: str
    access_key: str
    secret_key: str

    def creds(self) -> dict[str, str]:
        """Return the creds dict of the dataset API."""
        return {
            "aws_access_key_id": self.access_key,
            "aws_secret_access_key": self.secret_key,
            "aws_region": self.region,
            "endpoint_url": self.endpoint_url,
        }

    def at(self, endpoint_url: str) -> Bucket:
        """Return the same bucket as it is reached through another address."""
        return replace(self, endpoint_url=endpoint_url)

    def photo_url(self, photo_name: str) -> str:
        """Return the link to one photograph."""
        return f"s3://{self.name}/{PHOTO_FOLDER}/{photo_name}"

    @property
    def dataset_path(self) -> str:
        """Path of the dataset."""
        return f"s3://{self.name}/{DATASET_FOLDER}"


def upload(
    bucket: Bucket, folder: Path, photos: Sequence[Photo], done: Callable[[int], object]
) -> None:
    """Put every photograph into the bucket, a few at a time."""
    client: Any = boto3.client(
        "s3",
        endpoint_url=bucket.endpoint_url,
        region_name=bucket.region,
        aws_access_key_id=bucket.access_key,
        aws_secret_access_key=bucket.secret_key,
        config=Config(max_pool_connections=UPLOAD_THREADS, s3={"addressing_style": "path"}),
    )

    def put(photo: Photo) -> None:
        client.put_object(
            Bucket=bucket.name,
            Key=f"{PHOTO_FOLDER}/{photo.name}",
            Body=(folder / photo.name).read_bytes(),
            ContentType="image/jpeg",
        )

    with ThreadPoolExecutor(UPLOAD_THREADS) as pool:
        try:
            for count, _ in enumerate(pool.map(put, photos), start=1):
                done(count)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def write_dataset(bucket: Bucket, photos: Sequence[Photo]) -> str:
    """Create the dataset and append one row for each photograph; returns its summary."""
    ds = deeplake.empty(bucket.dataset_path, creds=bucket.creds(), verbose=False)
    with ds:
        ds.create_tensor("images", htype="link[image]", sample_compression="jpeg")
        ds.create_tensor("labels", htype="class_label", class_names=list(LABELS))
        ds.create_tensor("captions", htype="text")
        ds.create_tensor("boxes", dtype="float32")
        ds.add_creds_key(CREDS_KEY)
        ds.populate_creds(CREDS_KEY, bucket.creds())
        ds.extend(
            {
                "images": [
                    deeplake.link(bucket.photo_url(photo.name), creds_key=CREDS_KEY)
                    for photo in photos
                ],
                "labels": np.array([photo.label for photo in photos], dtype=np.uint32),
                "captions": [photo.caption for photo in photos],
                "boxes": [boxes_of(photo) for photo in photos],
            },
            progressbar=True,
        )
    ds.close()
    return bucket.dataset_path


def boxes_of(photo: Photo) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return the boxes as (n, 4): left, top, width, height in pixels; n may be 0."""
    return np.array(photo.boxes, dtype=np.float32).reshape(-1, 4)
