"""The limit: obstore fetches, libjpeg-turbo decodes on every core; no dataset in between.

Written for nothing but this bench: it is told the object keys, checks nothing, and decodes as
Pillow does (accurate DCT, smooth upsampling), so that the pixels are the same.
"""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import simplejpeg
from obstore.store import S3Store

from benches.python.contenders.worker import Setup, serve

if TYPE_CHECKING:
    from collections.abc import Sequence

# As many as lakebed keeps in flight by default.
REQUESTS = 64


class Bucket:
    """One store client, one event loop, one decoding thread a core."""

    def __init__(self, setup: Setup, endpoint_url: str) -> None:
        self._keys = setup.keys
        self._store = S3Store(
            setup.bucket,
            endpoint=endpoint_url,
            region=setup.region,
            access_key_id=setup.access_key,
            secret_access_key=setup.secret_key,
            virtual_hosted_style_request=False,
            client_options={"allow_http": True},
        )
        self._loop = asyncio.new_event_loop()
        self._pool = ThreadPoolExecutor(os.cpu_count() or 1)

    def read(self, count: int, *, decoded: bool) -> Sequence[Any]:
        """Fetch and decode."""
        return self._loop.run_until_complete(self._read(self._keys[:count], decoded=decoded))

    async def _read(self, keys: Sequence[str], *, decoded: bool) -> Sequence[Any]:
        free = asyncio.Semaphore(REQUESTS)

        async def one(key: str) -> Any:
            async with free:
                reply = await self._store.get_async(key)
                data = await reply.bytes_async()
            if not decoded:
                return data
            return await self._loop.run_in_executor(self._pool, decode, data)

        return await asyncio.gather(*(one(key) for key in keys))


def decode(data: Any) -> Any:
    """Decode a JPEG file, gray ones to one channel."""
    colorspace = simplejpeg.decode_jpeg_header(data)[2]
    kind = "GRAY" if colorspace == "Gray" else "RGB"
    return simplejpeg.decode_jpeg(data, kind)


if __name__ == "__main__":
    serve(Bucket)
