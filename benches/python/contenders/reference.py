"""The reference, deeplake 3.9.52: a slice of links for pixels; bytes come one sample at a time."""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING, Any

# Before its import: no error reports, no notice of other versions.
os.environ["BUGGER_OFF"] = "true"
warnings.simplefilter("ignore")

import deeplake  # noqa: E402

from benches.python.contenders.worker import Setup, serve  # noqa: E402

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
        """Read by the fastest call it has for that."""
        if decoded:
            samples: Sequence[Any] = self._ds.images[:count].numpy(aslist=True)
            return samples
        return [self._ds.images[index].tobytes() for index in range(count)]


if __name__ == "__main__":
    serve(Album)
