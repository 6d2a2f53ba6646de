"""A dataset in a bucket, with numbers and a linked photograph: what every way has to open."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

import lakebed
from tests.s3.album import jpeg, pixels

if TYPE_CHECKING:
    from tests.servers.seaweedfs import S3Server

KEY: Final = "photos"
SAMPLES: Final = 8


@dataclass(frozen=True)
class Place:
    """Where the dataset lies."""

    bucket: str
    server: S3Server

    @property
    def path(self) -> str:
        """The dataset's address."""
        return f"s3://{self.bucket}/numbers"

    def url(self, key: str) -> str:
        """The address of anything else in the bucket."""
        return f"s3://{self.bucket}/{key}"

    def check(self, ds: Any) -> None:
        """Make sure that the packed samples are what was written."""
        assert np.array_equal(ds.numbers.numpy(), rows())

    def check_links(self, ds: Any) -> None:
        """Make sure that the linked sample is what was uploaded."""
        assert np.array_equal(ds.photos[0].numpy(), pixels(jpeg(1)))


def rows(count: int = SAMPLES) -> Any:
    """Give the samples of the tensor."""
    return np.arange(count * 6, dtype="int64").reshape(count, 2, 3)


def make(server: S3Server) -> Place:
    """Make the bucket and the dataset in it."""
    client = server.client()
    place = Place(f"auth-{uuid.uuid4().hex[:10]}", server)
    client.create_bucket(Bucket=place.bucket)
    client.put_object(Bucket=place.bucket, Key="photo.jpg", Body=jpeg(1))
    creds = server.writer.creds(server.endpoint)
    with lakebed.empty(place.path, creds=creds) as ds:
        ds.add_creds_key(KEY)
        ds.populate_creds(KEY, creds)
        ds.create_tensor("numbers", dtype="int64")
        ds.create_tensor("photos", htype="link[image]", sample_compression="jpeg")
        ds.numbers.extend(rows())
        ds.photos.append(lakebed.link(place.url("photo.jpg"), creds_key=KEY))
    return place
