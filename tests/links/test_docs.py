"""The examples of docs/links.md run as they stand there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

import lakebed
from tests.links.conftest import pixels, png

if TYPE_CHECKING:
    from tests.conftest import Bucket
    from tests.links.conftest import WebServer
    from tests.servers.gcs import GcsBucket

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "links.md").read_text(encoding="utf-8")
MARKED = re.compile(
    r"<!-- run by tests/links/test_docs\.py: (\w+) -->\n```python\n(.*?)```", re.DOTALL
)


def run(name: str, names: dict[str, object], places: dict[str, str]) -> dict[str, object]:
    """Run the block marked with `name`, with our places for the page's; returns its names."""
    source = str(dict(MARKED.findall(PAGE))[name])
    for place, ours in places.items():
        assert place in source
        source = source.replace(place, ours)
    exec(compile(source, "docs/links.md", "exec"), names)  # noqa: S102 - our own page
    return names


def test_creds_keys(
    web: WebServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    web.put("/1.png", png(1))
    web.password = "Bearer my-token"
    names = run("keys", {}, {"https://photos.example": web.url})
    assert np.array_equal(names["pixels"], pixels(1))  # type: ignore[arg-type]
    assert "{'archive'}" in capsys.readouterr().out


@pytest.mark.s3
@pytest.mark.gcs
def test_clouds(
    bucket: Bucket,
    gcs_bucket: GcsBucket,
    web: WebServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    bucket.put("1.png", png(1))
    gcs_bucket.put("2.png", png(2))
    web.put("/3.png", png(3))
    names: dict[str, object] = {"amazon": bucket.creds(), "google": gcs_bucket.creds()}
    places = {
        "s3://photos": f"s3://{bucket.name}",
        "gcs://pictures": f"gcs://{gcs_bucket.name}",
        "https://photos.example": web.url,
    }
    arrays = run("clouds", names, places)["arrays"]
    assert isinstance(arrays, list)
    assert all(np.array_equal(array, pixels(n)) for n, array in enumerate(arrays, start=1))


@pytest.mark.s3
def test_files(bucket: Bucket, tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(png(1))
    made = lakebed.empty(bucket.url("album"), creds=bucket.creds(), allow_local_links=True)
    made.create_tensor("images", htype="link[image]", sample_compression="png")
    made.images.append(lakebed.link(tmp_path / "x.png"))
    made.close()
    names: dict[str, object] = {"deeplake": lakebed, "creds": bucket.creds()}
    ds = run("files", names, {"s3://bucket": f"s3://{bucket.name}"})["ds"]
    assert isinstance(ds, lakebed.Dataset)
    assert np.array_equal(ds.images[0].numpy(), pixels(1))


def test_every_creds_key_call_is_in_the_page() -> None:
    for name in ("add_creds_key", "populate_creds", "update_creds_key", "get_creds_keys"):
        assert f"`ds.{name}(" in PAGE
