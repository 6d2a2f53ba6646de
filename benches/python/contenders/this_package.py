"""Lakebed: one call for all linked samples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import lakebed as deeplake
from benches.python.contenders.worker import Setup, serve

if TYPE_CHECKING:
    from collections.abc import Sequence


class Album:
    """The dataset, open read-only."""

    def __init__(self, setup: Setup, endpoint_url: str) -> None:
        creds = setup.creds(endpoint_url)
        self._ds: Any = deeplake.load(
            setup.dataset_path, creds=creds, read_only=True, verbose=False
        )
        self._ds.populate_creds(setup.creds_key, creds)

    def read(self, count: int, *, decoded: bool) -> Sequence[Any]:
        """Read all in one call."""
        images = self._ds.images[:count]
        samples: Sequence[Any] = (
            images.numpy(aslist=True) if decoded else images.selection().stored()
        )
        return samples


if __name__ == "__main__":
    serve(Album)
