"""What a careful user writes by hand: boto3 on many threads, Pillow for the pixels."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import boto3
import numpy as np
from botocore.config import Config
from PIL import Image

from benches.python.contenders.worker import Setup, serve

if TYPE_CHECKING:
    from collections.abc import Sequence

# More threads only fight for the interpreter lock.
THREADS = 16


class Bucket:
    """One client and one pool of threads; a thread fetches and decodes a sample."""

    def __init__(self, setup: Setup, endpoint_url: str) -> None:
        self._bucket = setup.bucket
        self._keys = setup.keys
        self._client = boto3.client(
            "s3",
            endpoint_url=endpoint_url,
            region_name=setup.region,
            aws_access_key_id=setup.access_key,
            aws_secret_access_key=setup.secret_key,
            config=Config(max_pool_connections=THREADS, s3={"addressing_style": "path"}),
        )
        self._pool = ThreadPoolExecutor(THREADS)

    def read(self, count: int, *, decoded: bool) -> Sequence[Any]:
        """Fetch and decode."""

        def one(key: str) -> Any:
            data = self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
            if not decoded:
                return data
            with Image.open(io.BytesIO(data)) as file:
                return np.asarray(file)

        return list(self._pool.map(one, self._keys[:count]))


if __name__ == "__main__":
    serve(Bucket)
