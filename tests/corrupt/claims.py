"""Read datasets whose files claim sizes that nobody has; print how much memory that took.

python -m tests.corrupt.claims FOLDER        prints: cases, most bytes that were resident
"""

from __future__ import annotations

import json
import resource
import struct
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.corrupt import makers
from tests.corrupt.readers import read_all

if TYPE_CHECKING:
    from collections.abc import Iterator

_NUMBERS = (10**6, 2**31 - 1, 2**40, 2**62)


def metas(data: bytes) -> Iterator[bytes]:
    """Claim lengths and shapes."""
    meta = json.loads(data)
    for number in _NUMBERS:
        yield json.dumps({**meta, "length": number}).encode()
        for shape in ([number], [number] * len(meta["max_shape"])):
            claimed = {"max_shape": shape, "min_shape": shape, "length": number}
            yield json.dumps({**meta, **claimed}).encode()


def indices(data: bytes) -> Iterator[bytes]:
    """Claim samples of the last chunk."""
    for number in _NUMBERS:
        yield data[:-8] + struct.pack("<Q", number)


def chunks(data: bytes) -> Iterator[bytes]:
    """Claim rows, columns, shapes and bytes in a header, and bytes of a compressed block."""
    for at in range(7, min(len(data) - 4, 48), 4):
        for number in (2**28, 2**32 - 1):
            yield data[:at] + struct.pack("<I", number) + data[at + 4 :]


def main() -> None:
    """Read all of them."""
    folder = Path(sys.argv[1])
    cases = 0
    for name in ("numbers", "texts"):
        place = folder / name
        place.mkdir()
        dataset = makers.MAKERS[name](place)
        for pattern, claims in (
            ("*/tensor_meta.json", metas),
            ("*/chunks_index/unsharded", indices),
            ("*/chunks/*", chunks),
        ):
            for path in sorted(dataset.glob(pattern))[::4]:
                sound = path.read_bytes()
                for data in claims(sound):
                    path.write_bytes(data)
                    read_all(dataset, check_integrity=False, samples=2**40)
                    cases += 1
                path.write_bytes(sound)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # In bytes on macOS, in KiB elsewhere.
    print(cases, most if sys.platform == "darwin" else most * 1024)  # noqa: T201 - the answer


if __name__ == "__main__":
    main()
