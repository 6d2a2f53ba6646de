"""What links may lead to: files, private addresses, other origins."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

import numpy as np
import pytest

import lakebed
from lakebed import errors
from tests.links.conftest import pixels, png, serving

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Bucket
    from tests.links.conftest import WebServer

ADDRESSES = "LAKEBED_LINK_PRIVATE_ADDRESSES"


def album(path: str | Path, *links: lakebed.LinkedSample, **options: object) -> lakebed.Dataset:
    ds = lakebed.empty(path, **options)  # type: ignore[arg-type]
    ds.create_tensor(
        "images", htype="link[image]", sample_compression="png", dtype="uint8", verify=False
    )
    ds.create_tensor("checked", htype="link[image]", sample_compression="png")
    ds.images.extend(list(links))
    return ds


def test_authorization_stays_with_its_server(web: WebServer, tmp_path: Path) -> None:
    with serving() as other:
        other.put("/x.png", png(1))
        web.put("/x.png", png(2))
        web.redirects = {"/far": other.url + "/x.png?signature=1", "/near": "/x.png"}
        other.files["/x.png?signature=1"] = png(1)
        far, near = lakebed.link(f"{web.url}/far", "k"), lakebed.link(f"{web.url}/near", "k")
        ds = album(tmp_path / "ds")
        ds.add_creds_key("k")
        ds.populate_creds("k", {"Authorization": "Bearer a-secret"})
        ds.images.extend([far, near])
        read = ds.images.numpy(aslist=True)
        assert np.array_equal(read[0], pixels(1))
        assert np.array_equal(read[1], pixels(2))
        assert other.asked == [("/x.png?signature=1", None)]
        assert len(web.asked) == 3
        assert {sent for _, sent in web.asked} == {"Bearer a-secret"}


def test_urls_are_used_as_they_are_written(web: WebServer, tmp_path: Path) -> None:
    written = {
        "/a b/ü.png": "/a%20b/%C3%BC.png",
        "/x.png?q=a b#part": "/x.png?q=a%20b",
        "/%2F+%20.png": "/%2F+%20.png",
    }
    ds = album(tmp_path / "ds")
    for seed, (path, sent) in enumerate(written.items()):
        web.put(sent, png(seed))
        ds.checked.append(lakebed.link(web.url + path))
    read = ds.checked.numpy(aslist=True)
    assert all(np.array_equal(value, pixels(seed)) for seed, value in enumerate(read))
    assert ds.checked[0].path().tolist() == [web.url + "/a b/ü.png"]


def test_a_web_server_gets_so_many_requests_at_once(
    web: WebServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    urls = [web.put(f"/{n}.png", png(n)) for n in range(8)]
    ds = album(tmp_path / "ds", *map(lakebed.link, urls))
    # Long enough for all that may come to be there together.
    web.pause_s = 0.2
    assert len(ds.images.numpy(aslist=True)) == 8
    assert web.peak > 2
    ds.close()
    web.peak = 0
    monkeypatch.setenv("LAKEBED_MAX_REQUESTS_PER_HOST", "2")
    ds = lakebed.load(tmp_path / "ds", read_only=True)
    assert len(ds.images.numpy(aslist=True)) == 8
    assert web.peak == 2


def test_private_addresses_can_be_refused(
    web: WebServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = web.put("/x.png?token=a-secret", png(1))
    names = [url, url.replace("127.0.0.1", "localhost"), url.replace("127.0.0.1", "2130706433")]
    album(tmp_path / "ds", *map(lakebed.link, names)).close()
    assert len(lakebed.load(tmp_path / "ds", read_only=True).images.numpy(aslist=True)) == 3
    web.asked.clear()
    monkeypatch.setenv(ADDRESSES, "refuse")
    ds = lakebed.load(tmp_path / "ds", read_only=False)
    for index in range(3):
        with pytest.raises(errors.LinkNotAllowedError, match=ADDRESSES) as refused:
            ds.images[index].numpy()
        assert refused.value.index == index
        assert "a-secret" not in str(refused.value)
    with pytest.raises(errors.SampleAppendError) as append:
        ds.checked.append(lakebed.link(url))
    assert isinstance(append.value.__cause__, errors.BadLinkError)
    with pytest.raises(errors.SampleReadError) as read:
        _ = lakebed.read(url).buffer
    assert isinstance(read.value.__cause__, errors.LinkNotAllowedError)
    assert web.asked == []


def test_metadata_services_are_refused(
    web: WebServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    web.redirects = {"/away": "http://169.254.169.254/latest/meta-data/iam"}
    links = [
        f"{web.url}/away",
        "http://169.254.169.254/latest/meta-data/",
        "http://metadata.google.internal/computeMetadata/v1/",
        "http://[fd00:ec2::254]/latest/meta-data/",
    ]
    ds = album(tmp_path / "ds", *map(lakebed.link, links))
    for index in range(len(links)):
        with pytest.raises(errors.LinkNotAllowedError, match="allow-metadata"):
            ds.images[index].numpy()
    with pytest.raises(errors.InvalidInputError, match="allow-metadata"):
        lakebed.settings.link_private_addresses = "whatever"
    monkeypatch.setenv(ADDRESSES, "no")
    with pytest.raises(errors.InvalidInputError, match=ADDRESSES):
        lakebed.load(tmp_path / "ds", read_only=True)


def test_files_are_read_in_local_datasets(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(png(1))
    for place in (tmp_path / "ds", "mem://links"):
        ds = album(place, lakebed.link(tmp_path / "x.png"))
        assert np.array_equal(ds.images[0].numpy(), pixels(1))


@pytest.mark.s3
def test_files_in_remote_datasets_need_a_word(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "x.png").write_bytes(png(1))
    plain, url = lakebed.link(tmp_path / "x.png"), lakebed.link((tmp_path / "x.png").as_uri())
    place, creds = bucket.url("ds"), bucket.creds()
    # Stored unseen, they are only texts.
    ds = album(place, plain, url, creds=creds)
    with pytest.raises(errors.SampleAppendError) as append:
        ds.checked.append(plain)
    assert isinstance(append.value.__cause__, errors.BadLinkError)
    assert isinstance(append.value.__cause__.__cause__, errors.LinkNotAllowedError)
    for index in range(2):
        with pytest.raises(errors.LinkNotAllowedError, match="allow_local_links=True"):
            ds.images[index].numpy()
    assert ds.images[0].path().tolist() == [str(tmp_path / "x.png")]
    ds.close()
    allowed = lakebed.load(place, creds=creds, allow_local_links=True, read_only=True)
    again = pickle.loads(pickle.dumps(allowed))  # noqa: S301 - our own
    for opened in (allowed, again):
        assert np.array_equal(opened.images[1].numpy(), pixels(1))
    opened = lakebed.dataset(place, creds=creds, allow_local_links=True)
    opened.checked.append(plain)
    opened.close()
    monkeypatch.setenv("LAKEBED_ALLOW_LOCAL_LINKS", "yes")
    by_setting = lakebed.load(place, creds=creds, read_only=True)
    assert np.array_equal(by_setting.images[0].numpy(), pixels(1))
    refusing = lakebed.load(place, creds=creds, read_only=True, allow_local_links=False)
    with pytest.raises(errors.LinkNotAllowedError):
        refusing.images[0].numpy()


@pytest.mark.s3
def test_endpoints_are_the_callers_choice(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ADDRESSES, "refuse")
    ds = album(tmp_path / "ds", None)  # type: ignore[arg-type]
    ds.add_creds_key("k")
    ds.populate_creds("k", bucket.creds())
    ds.images.append(lakebed.link(bucket.put("x.png", png(1)), "k"))
    assert np.array_equal(ds.images[1].numpy(), pixels(1))
