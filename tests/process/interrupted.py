"""A process that is to be interrupted: does one long thing after another, told by lines.

    python -m tests.process.interrupted SETTINGS_JSON

Answers `ready` when it is, to each name of an operation first `started`, then one JSON object: the
monotonic clock when KeyboardInterrupt arrived (None: it did not), and what was wrong afterwards.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

import lakebed

if TYPE_CHECKING:
    from collections.abc import Callable

# Some seconds of work for two cores, in little memory.
PICTURE = np.random.default_rng(0).integers(0, 40, (1000, 1000), dtype=np.uint8)
PICTURES = 400


class Operations:
    """The long things, and the datasets they are done to."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.links: list[str] = settings["links"]
        self.busy_path: str = settings["locked"]
        self.remote: str = settings.get("remote", "")
        self.creds: dict[str, str] | None = settings.get("creds")
        self.ds = lakebed.empty(settings["path"])
        self.ds.create_tensor("pictures", htype="image.gray", sample_compression="png")
        self.ds.create_tensor("bytes", dtype="uint8", chunk_compression="lz4")
        self.ds.create_tensor("images", htype="link[image]", sample_compression="png")
        self.ds.create_tensor("unseen", htype="link[image]", sample_compression="png", verify=False)
        self.ds.pictures.extend([PICTURE] * 8)
        self.ds.bytes.append(np.arange(10, dtype="u1"))
        self.ds.unseen.extend([lakebed.link(url) for url in self.links])
        self.ds.flush()
        if self.remote:
            far = lakebed.empty(self.remote, creds=self.creds)
            far.create_tensor("t", htype="text")
            far.t.append("first")
            far.close()

    # Each gets ready and gives back what takes long.

    def decode(self) -> Callable[[], object]:
        """Decode many pictures."""
        index = [at % 8 for at in range(PICTURES)]
        return lambda: self.ds.pictures[index].numpy(aslist=True)

    def encode(self) -> Callable[[], object]:
        """Append many pictures that have to be encoded."""
        return lambda: self.ds.pictures.extend([PICTURE] * PICTURES)

    def pack(self) -> Callable[[], object]:
        """Append a large array, whose chunks are compressed."""
        batch = np.tile(PICTURE.ravel(), (800, 1))
        return lambda: self.ds.bytes.extend(batch)

    def read_links(self) -> Callable[[], object]:
        """Read many links."""
        return lambda: self.ds.unseen.numpy(aslist=True)

    def iterate(self) -> Callable[[], object]:
        """Read samples one by one."""
        return lambda: [sample.numpy() for _ in range(1000) for sample in self.ds.unseen]

    def append_links(self) -> Callable[[], object]:
        """Append links that are looked at first."""
        return lambda: self.ds.images.extend([lakebed.link(url) for url in self.links])

    def read_url(self) -> Callable[[], object]:
        """Read a sample from a URL."""
        return lambda: self.ds.pictures.append(lakebed.read(self.links[0]))

    def wait_for_lock(self) -> Callable[[], object]:
        """Wait for another process's lock, without end."""
        return lambda: lakebed.load(self.busy_path, read_only=False, lock_timeout=None)

    def open_remote(self) -> Callable[[], object]:
        """Open a dataset for reading."""
        return lambda: lakebed.load(self.remote, creds=self.creds, read_only=True)

    def lock_remote(self) -> Callable[[], object]:
        """Open a dataset for writing."""
        return lambda: lakebed.load(self.remote, creds=self.creds, read_only=False)

    def flush_remote(self) -> Callable[[], object]:
        """Append, and store at once."""
        far = lakebed.load(self.remote, creds=self.creds, lock_enabled=False)
        return lambda: far.t.append("x" * 1000)

    def delete_remote(self) -> Callable[[], object]:
        """Remove a dataset."""
        return lambda: lakebed.delete(self.remote, creds=self.creds)

    def check(self) -> str | None:
        """Use the handle after the interruption; says what is wrong with it."""
        lengths = {name: len(tensor) for name, tensor in self.ds.tensors.items()}
        for tensor in ("pictures", "bytes"):
            self.ds[tensor].append(PICTURE[:3, :4] if tensor == "pictures" else PICTURE[0, :10])
            lengths[tensor] += 1
        self.ds.flush()
        again = lakebed.load(self.ds.path, read_only=True)
        if (stored := {name: len(tensor) for name, tensor in again.tensors.items()}) != lengths:
            return f"stored are {stored}, not {lengths}"
        if (again.pictures[-1].numpy()[..., 0] != PICTURE[:3, :4]).any():
            return "another picture came back"
        return None


def main() -> None:
    """Do what is asked."""
    warnings.simplefilter("ignore")
    operations = Operations(json.loads(sys.argv[1]))
    print("ready", flush=True)
    for line in sys.stdin:
        name = line.strip()
        before = {key: len(tensor) for key, tensor in operations.ds.tensors.items()}
        answer: dict[str, Any] = {"at": None, "wrong": None}
        work = getattr(operations, name)()
        try:
            print("started", flush=True)
            work()
        except KeyboardInterrupt:
            answer["at"] = time.monotonic()
        after = {key: len(tensor) for key, tensor in operations.ds.tensors.items()}
        if after != before:
            answer["wrong"] = f"lengths went from {before} to {after}"
        else:
            answer["wrong"] = operations.check()
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
