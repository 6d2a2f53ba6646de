"""Image files that are cut, flipped, or lie: appended, read on their own, and linked to."""

from __future__ import annotations

import os
import struct
import zlib
from functools import partial
from typing import TYPE_CHECKING

import pytest

import lakebed
from lakebed import errors
from tests.corrupt.damage import damages
from tests.corrupt.makers import encoded

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

COUNT = max(12, int(os.environ.get("LAKEBED_TEST_EXAMPLES", "0")) // 5)
pytestmark = pytest.mark.timeout(60 + COUNT)


def failure(call: Callable[[], object]) -> errors.LakebedError | None:
    """Give the error of our tree that a call ends with, if it does."""
    try:
        call()
    except errors.LakebedError as error:
        return error
    return None


@pytest.mark.parametrize("kind", ["jpeg", "png"])
def test_damaged_files_are_read_or_refused_by_name(tmp_path: Path, kind: str) -> None:
    sound = encoded(0, kind)
    shape = lakebed.Sample(buffer=sound).shape
    path = tmp_path / f"photo.{kind}"
    ds = lakebed.empty(tmp_path / "ds")
    ds.create_tensor("stored", htype="image", sample_compression=kind)
    ds.create_tensor("decoded", htype="image", sample_compression="lz4")
    ds.create_tensor("linked", htype="link[image]", sample_compression=kind)
    refused = 0
    for what, data in damages(sound, path.name, 1, COUNT):
        path.write_bytes(data)
        error = failure(partial(lakebed.read, str(path), verify=True))
        if isinstance(error, errors.UnsupportedFeatureError):
            # Whatever it begins with now, somebody's image may begin with.
            assert "neither jpeg nor png" in str(error), what
        elif error is not None:
            assert isinstance(error, errors.SampleReadError | errors.CorruptedSampleError), what
            assert error.url == str(path), what
            refused += 1
        for name, sample in (
            ("stored", lakebed.read(str(path))),
            ("decoded", lakebed.read(str(path))),
            ("linked", lakebed.link(str(path))),
        ):
            before = len(ds[name])
            error = failure(partial(ds[name].append, sample))
            assert len(ds[name]) == before + (error is None), what
            if error is not None:
                assert isinstance(error, errors.SampleAppendError), what
                assert (error.tensor, error.path) == (name, ds.path), what
    assert refused > COUNT
    path.write_bytes(sound)
    for name in ("stored", "decoded", "linked"):
        ds[name].append(lakebed.link(str(path)) if name == "linked" else lakebed.read(str(path)))
        assert ds[name][-1].numpy().shape == shape
    ds.close()


def huge_png() -> bytes:
    """Give a sound png of 40,000 by 40,000 pixels that has a few bytes."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    header = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        [chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(b"")), chunk(b"IEND", b"")]
    )


def test_an_image_that_would_decode_to_gigabytes_is_refused_by_its_header(tmp_path: Path) -> None:
    path = tmp_path / "huge.png"
    path.write_bytes(huge_png())
    assert lakebed.read(str(path)).shape == (40_000, 40_000, 3)
    with pytest.raises(errors.LimitExceededError, match="LAKEBED_MAX_SAMPLE_BYTES") as read:
        lakebed.read(str(path), verify=True)
    assert "4800000000 bytes, over the limit of 2147483648" in str(read.value)
    ds = lakebed.empty(tmp_path / "ds")
    ds.create_tensor("x", htype="image", sample_compression="png")
    with pytest.raises(errors.SampleAppendError, match="LAKEBED_MAX_SAMPLE_BYTES"):
        ds.x.append(lakebed.read(str(path)))
    ds.create_tensor("links", htype="link[image]", sample_compression="png", verify=False)
    ds.links.append(lakebed.link(str(path)))
    with pytest.raises(errors.LinkError, match="LAKEBED_MAX_SAMPLE_BYTES") as linked:
        ds.links[0].numpy()
    assert (linked.value.tensor, linked.value.index) == ("links", 0)
    ds.close()
