"""A process that does one thing over and over and says what it holds after each time.

    python -m tests.process.epochs KIND SETTINGS_JSON EPOCHS

Prints one JSON list an epoch: bytes of resident memory, threads, open files, objects that Python's
collector tracks.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

import lakebed
from lakebed import errors

ROWS = 96
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def holdings() -> list[int]:
    """Count what this process holds."""
    gc.collect()
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES
    threads, files = (len(list(Path(f"/proc/self/{what}").iterdir())) for what in ("task", "fd"))
    return [resident, threads, files, len(gc.get_objects())]


class Epochs:
    """What is done over and over."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.path: str = settings["path"]
        self.links: list[str] = settings["links"]
        self.cache_mb: int = settings["cache_mb"]
        random = np.random.default_rng(0)
        with lakebed.empty(self.path) as ds:
            ds.create_tensor("pictures", htype="image", sample_compression="jpeg")
            ds.create_tensor("captions", htype="text", chunk_compression="lz4")
            ds.create_tensor("embeddings", htype="embedding", dtype="float32")
            ds.create_tensor("images", htype="link[image]", sample_compression="png", verify=False)
            pictures = random.integers(0, 256, (ROWS, 120, 160, 3), dtype=np.uint8)
            ds.pictures.extend(pictures)
            ds.captions.extend([f"caption {row} " * 50 for row in range(ROWS)])
            ds.embeddings.extend(random.random((ROWS, 512), dtype="f4"))
            ds.images.extend([lakebed.link(url) for url in self.links])
        self.ds = lakebed.load(self.path, memory_cache_size=self.cache_mb, read_only=True)

    def read(self) -> None:
        """Read everything in batches, in another order each time."""
        order = np.random.default_rng().permutation(ROWS).tolist()
        for at in range(0, ROWS, 16):
            batch = sorted(order[at : at + 16])
            self.ds.pictures[batch].numpy()
            self.ds.captions[batch].data()
            self.ds.embeddings[batch].numpy()
        self.ds.images.numpy()

    def reopen(self) -> None:
        """Open, read a little, close; every second time the handle is just dropped."""
        for number in range(10):
            ds = lakebed.load(self.path, memory_cache_size=self.cache_mb, read_only=True)
            ds.captions[number].text()
            ds.images[0].numpy()
            if number % 2:
                ds.close()

    def write(self) -> None:
        """Append and store; each time over what was there, so that nothing grows."""
        path = f"{self.path}-written"
        ds = lakebed.empty(path, overwrite=True, memory_cache_size=self.cache_mb)
        ds.create_tensor("lines", htype="text")
        ds.create_tensor("pictures", htype="image", sample_compression="png")
        for row in range(10):
            ds.append({"lines": f"row {row}", "pictures": np.zeros((60, 80, 3), "u1")})
        ds.flush()
        ds.close()

    def fail(self) -> None:
        """Run into errors."""
        for _ in range(50):
            for wrong in (
                lambda: self.ds.pictures[ROWS],
                lambda: self.ds.nothing,
                lambda: self.ds.captions.append("no"),
                lambda: lakebed.load(f"{self.path}-none"),
                lambda: self.ds.add_creds_key("k"),
            ):
                try:
                    wrong()
                except (errors.LakebedError, AttributeError, IndexError):
                    continue
                raise AssertionError("that should have failed")


def main() -> None:
    """Do it, and say after each time what is held."""
    warnings.simplefilter("ignore")
    kind, settings, count = sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3])
    epochs = Epochs(settings)
    for _ in range(count):
        getattr(epochs, kind)()
        print(json.dumps(holdings()), flush=True)


if __name__ == "__main__":
    main()
