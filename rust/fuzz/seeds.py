"""Make the first corpus of each fuzz target: small real files of the golden corpus.

    python rust/fuzz/seeds.py        from the checkout; writes rust/fuzz/corpus/<target>/

Nothing that is there is removed: libFuzzer adds what it finds.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.golden import corpus  # noqa: E402 - found by the line above

# Target -> files of the golden corpus. The smallest ones are taken.
PATTERNS = {
    "chunk": ["v3/**/chunks/*"],
    "encoders": ["v3/**/unsharded", "v3/**/chunk_set"],
    "metas": ["v3/**/dataset_meta.json", "v3/**/tensor_meta.json"],
    "version_tree": ["v3/**/version_control_info.json", "v3/**/commit_info.json"],
    "linked_creds": ["v3/**/linked_creds.json"],
    "diffs": ["v3/**/commit_diff", "v3/**/dataset_diff", "v3/**/*.lock"],
    "jpeg": ["assets/*.jpg"],
    "png": ["assets/*.png"],
}
TEXTS = {
    "link_url": [
        "s3://bucket/a b/c.jpg",
        "https://user:pass@host/x?sig=s#f",
        "file:///a%20b.jpg",
        "gs://bucket/key",
        "assets/img_0.png",
    ],
    "s3_reply": [
        "error, after 5 retries - Server returned non-2xx status code: 503 Service Unavailable: ",
        "Server returned error response: <Error><Code>SlowDown</Code><Message>wait</Message>",
        "DeleteObjects request failed for key a(code: X)b: no (code: AccessDenied)",
        "Server returned error response: <Error><Code>NoSuchBucket</Code></Error>",
    ],
}
MAX_FILES = 60
MAX_BYTES = 8192


def write(target: str, data: bytes) -> None:
    """Add one seed."""
    folder = ROOT / "rust" / "fuzz" / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)


def main() -> None:
    """Write all of them."""
    golden = corpus.folder()
    for target, patterns in PATTERNS.items():
        files = [path for pattern in patterns for path in golden.glob(pattern) if path.is_file()]
        if target in {"jpeg", "png"}:
            suffix = {"jpeg": ".jpg", "png": ".png"}[target]
            files += (ROOT / "rust/core/tests/data/codec").glob(f"*{suffix}")
        small = [data for data in {path.read_bytes() for path in files} if len(data) <= MAX_BYTES]
        for data in sorted(small, key=len)[:MAX_FILES]:
            write(target, data)
            exif = data.find(b"Exif\0\0")
            if exif >= 0:
                write("exif", data[exif + 6 : exif + 2000])
            if target == "chunk":
                write("lz4", data)
    write("exif", b"II*\0\x08\0\0\0\x01\0\x0f\x01\x02\0\x02\0\0\0M\0\0\0\0\0\0\0")
    write("lz4", b"\x39\0\0\0\xf0\x2a" + b"x" * 57)
    for target, texts in TEXTS.items():
        for text in texts:
            write(target, text.encode())


if __name__ == "__main__":
    main()
