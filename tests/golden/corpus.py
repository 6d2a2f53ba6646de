"""The packed corpus: unpack it once into the checkout, verify every file, and pack it anew.

python -m tests.golden.corpus pack DIR      DIR holds assets/, v3/ and MANIFEST.json
"""

from __future__ import annotations

import hashlib
import json
import lzma
import shutil
import sys
import tarfile
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ARCHIVE = HERE / "corpus.tar.xz"
UNPACKED = HERE / ".unpacked"
MANIFEST = "MANIFEST.json"
_TOPS = ("assets", "v3")


class CorpusError(RuntimeError):
    """The unpacked files are not what the manifest says."""


def folder() -> Path:
    """Give the folder that holds `assets` and `v3`, unpacked and verified at the first call.

    Link samples hold paths relative to it: read with this folder as current directory, and write
    only to copies.
    """
    digest = hashlib.sha256(ARCHIVE.read_bytes()).hexdigest()
    place = UNPACKED / digest[:16]
    if not place.exists():
        UNPACKED.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=UNPACKED) as name:
            fresh = Path(name) / "corpus"
            with tarfile.open(ARCHIVE) as archive:
                archive.extractall(fresh, filter="data")
            verify(fresh)
            try:
                fresh.rename(place)
            except OSError:  # another process was first
                if not place.exists():
                    raise
    return place


def _digests(root: Path) -> dict[str, list[int | str]]:
    return {
        path.relative_to(root).as_posix(): [
            path.stat().st_size,
            hashlib.sha256(path.read_bytes()).hexdigest(),
        ]
        for top in _TOPS
        for path in sorted((root / top).rglob("*"))
        if path.is_file()
    }


def verify(root: Path) -> None:
    """Raise `CorpusError` unless the files below `root` are exactly those of its manifest."""
    said = json.loads((root / MANIFEST).read_text())
    found = _digests(root)
    wrong = sorted(path for path in {*said, *found} if said.get(path) != found.get(path))
    if wrong:
        message = f"{len(wrong)} files differ from {MANIFEST}, the first is {wrong[0]}"
        raise CorpusError(message)


def write_manifest(root: Path) -> tuple[int, int]:
    """Write the manifest of a corpus made anew; returns the number of files and of bytes."""
    found = _digests(root)
    (root / MANIFEST).write_text(json.dumps(dict(sorted(found.items())), indent=0))
    return len(found), sum(int(size) for size, _ in found.values())


def pack(root: Path) -> None:
    """Pack a verified corpus; equal files give an equal archive."""
    verify(root)
    with (
        lzma.open(ARCHIVE, "wb", preset=9 | lzma.PRESET_EXTREME) as out,
        tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for top in (*_TOPS, MANIFEST):
            archive.add(root / top, top, filter=_plain)
    shutil.rmtree(UNPACKED, ignore_errors=True)


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.mtime, entry.uid, entry.gid, entry.uname, entry.gname = 0, 0, 0, "", ""
    entry.mode = 0o755 if entry.isdir() else 0o644
    return entry


if __name__ == "__main__":
    if sys.argv[1:2] != ["pack"]:
        sys.exit(__doc__)
    pack(Path(sys.argv[2]))
