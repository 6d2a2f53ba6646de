"""The README's examples run as they stand there, and every public name says what it is."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

if TYPE_CHECKING:
    from tests.conftest import Bucket
    from tests.servers.seaweedfs import S3Server

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
# A marked block: `<!-- run by tests/docs/test_readme.py: NAME -->`, then a fence of Python.
MARKED = re.compile(
    r"<!-- run by tests/docs/test_readme\.py: (\w+) -->\n```python\n(.*?)```", re.DOTALL
)
PAGES = ["README.md", *(f"docs/{page.name}" for page in sorted((ROOT / "docs").glob("*.md")))]
LINK = re.compile(r"\]\(([^)#:]+)(?:#([\w-]+))?\)")


def example(name: str) -> str:
    """Give the Python of the block marked with `name`."""
    blocks = dict(MARKED.findall(README.read_text(encoding="utf-8")))
    assert name in blocks, f"README.md has no block marked {name!r}"
    return str(blocks[name])


def jpeg(seed: int) -> bytes:
    """Make a small JPEG file, each seed another size."""
    pixels = np.random.default_rng(seed).integers(0, 256, (24 + seed, 32, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG")
    return buffer.getvalue()


def run(source: str) -> dict[str, object]:
    """Run a block as a script of its own; returns its names."""
    names: dict[str, object] = {"__name__": "__main__"}
    exec(compile(source, "README.md", "exec"), names)  # noqa: S102 - our own README
    return names


@pytest.fixture
def photos(s3: S3Server, bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """Put the photographs of the example into a bucket, and its keys into the environment."""
    for number in range(4):
        bucket.put(f"{number}.jpg", jpeg(number))
    creds = bucket.creds()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", creds["aws_access_key_id"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", creds["aws_secret_access_key"])
    monkeypatch.setenv("S3_ENDPOINT_URL", s3.endpoint)
    return bucket


@pytest.mark.s3
def test_bucket_example_runs(photos: Bucket, capsys: pytest.CaptureFixture[str]) -> None:
    source = example("bucket")
    assert "s3://photos/" in source
    names = run(source.replace("s3://photos/", photos.url()))
    pixels = names["pixels"]
    assert isinstance(pixels, list)
    for number, array in enumerate(pixels):
        with Image.open(io.BytesIO(jpeg(number))) as image:
            assert np.array_equal(array, np.asarray(image))
    assert names["jpeg"] == jpeg(3)
    printed = capsys.readouterr().out
    assert "low tide ['beach'] (0, 4)" in printed
    assert "two dogs ['beach'] (3, 4)" in printed


def test_folder_example_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for number in range(4):
        Path(f"{number}.jpg").write_bytes(jpeg(number))
    run(example("folder"))
    printed = capsys.readouterr().out
    assert "images" in printed
    assert "27" in printed


def test_examples_are_short() -> None:
    lines = [line for line in example("bucket").splitlines() if line.strip()]
    assert len(lines) <= 30


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    path = ROOT / page
    for target, anchor in LINK.findall(path.read_text(encoding="utf-8")):
        found = (path.parent / target).resolve()
        assert found.exists(), f"{page} links to {target}"
        if anchor:
            text = found.read_text(encoding="utf-8")
            headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
            slugs = [re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in headings]
            assert anchor in slugs, f"{page} links to #{anchor} of {target}"


def test_every_public_name_has_a_docstring() -> None:
    import lakebed

    bare = [
        name
        for name in lakebed.__all__
        if callable(getattr(lakebed, name)) and not (getattr(lakebed, name).__doc__ or "").strip()
    ]
    assert not bare


def test_every_error_of_the_guide_exists() -> None:
    from lakebed import errors

    guide = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    section = guide.partition("## Errors")[2].partition("\n## ")[0]
    names = set(re.findall(r"`([A-Z]\w+Error)`", section))
    missing = [name for name in names if not hasattr(errors, name) and name not in _BUILTINS]
    assert names
    assert not missing


_BUILTINS = {"ValueError", "OSError"}
