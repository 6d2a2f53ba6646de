"""Links of one batch into different buckets, clouds and web servers, each with its own key."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import lakebed
from lakebed import _core, errors
from tests.links.conftest import pixels, png
from tests.links.gate import gates
from tests.servers.seaweedfs import Keys

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Bucket
    from tests.links.conftest import WebServer
    from tests.servers.gcs import GcsBucket
    from tests.servers.seaweedfs import S3Server

pytestmark = [pytest.mark.s3, pytest.mark.gcs]
EACH = 3


def album(path: Path) -> lakebed.Dataset:
    ds = lakebed.empty(path)
    ds.create_tensor(
        "images", htype="link[image]", sample_compression="png", dtype="uint8", verify=False
    )
    return ds


def test_everything_of_a_batch_is_fetched_at_once(
    bucket: Bucket, second_bucket: Bucket, gcs_bucket: GcsBucket, web: WebServer, tmp_path: Path
) -> None:
    web.password = "Bearer of-the-web"
    servers = (bucket.server.endpoint, gcs_bucket.server.endpoint, web.url)
    with gates(*servers, until=4 * EACH) as (s3_door, gcs_door, web_door):
        ds = album(tmp_path / "ds")
        creds: dict[str, dict[str, Any]] = {
            "one": {**bucket.creds(bucket.server.reader), "endpoint_url": s3_door},
            "two": {**second_bucket.creds(), "endpoint_url": s3_door},
            "google": {**gcs_bucket.creds(), "endpoint_url": gcs_door},
            "web": {"Authorization": web.password},
        }
        for key, given in creds.items():
            ds.add_creds_key(key)
            ds.populate_creds(key, given)
        links = []
        for n in range(EACH):
            bucket.put(f"{n}.png", png(4 * n))
            second_bucket.put(f"{n}.png", png(4 * n + 1))
            gcs_bucket.put(f"{n}.png", png(4 * n + 2))
            web.put(f"/{n}.png", png(4 * n + 3))
            links += [
                lakebed.link(bucket.url(f"{n}.png"), "one"),
                lakebed.link(second_bucket.url(f"{n}.png"), "two"),
                lakebed.link(gcs_bucket.url(f"{n}.png"), "google"),
                lakebed.link(f"{web_door}/{n}.png", "web"),
            ]
        ds.images.extend(links)
        read = ds.images.numpy(aslist=True)
    assert all(np.array_equal(value, pixels(n)) for n, value in enumerate(read))
    assert len(read) == 4 * EACH


def test_only_samples_that_need_a_bad_key_fail(
    bucket: Bucket, gcs_bucket: GcsBucket, web: WebServer, tmp_path: Path
) -> None:
    ds = album(tmp_path / "ds")
    for key in ("good", "wrong", "google", "missing"):
        ds.add_creds_key(key)
    ds.populate_creds("good", bucket.creds())
    ds.populate_creds("wrong", bucket.creds(Keys("WRITERKEY000", "not-the-secret")))
    ds.populate_creds("google", {**gcs_bucket.creds(), "client_email": "nobody@nowhere"})
    s3_url, gcs_url = bucket.put("x.png", png(1)), gcs_bucket.put("x.png", png(2))
    ds.images.extend(
        [
            lakebed.link(s3_url, "good"),
            lakebed.link(s3_url, "wrong"),
            lakebed.link(gcs_url, "google"),
            lakebed.link(s3_url, "missing"),
            lakebed.link(s3_url, "google"),
            lakebed.link(web.put("/x.png", png(3))),
        ]
    )
    assert np.array_equal(ds.images[0].numpy(), pixels(1))
    assert np.array_equal(ds.images[5].numpy(), pixels(3))
    assert len(ds.images[[5, 0]].numpy(aslist=True)) == 2
    for index, key, url, says in (
        (1, "wrong", s3_url, "SignatureDoesNotMatch"),
        (2, "google", gcs_url, "credentials"),
        (3, "missing", s3_url, "not populated"),
        (4, "google", s3_url, "not for s3:// links"),
    ):
        with pytest.raises(ValueError, match=says) as refused:
            ds.images[index].numpy()
        error = refused.value
        assert isinstance(error, errors.LinkCredsError)
        assert (error.index, error.creds_key, error.url) == (index, key, url)
        assert isinstance(error, errors.SampleReadError)
        assert "not-the-secret" not in repr(error) + str(error)
    # Of a batch, the first that fails is told.
    with pytest.raises(errors.LinkCredsError) as batch:
        ds.images.numpy(aslist=True)
    assert batch.value.index == 1


def test_google_links_of_all_schemes(
    gcs_bucket: GcsBucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "a b/ü#?%2F+.png"
    gcs_bucket.put(name, png(1))
    ds = lakebed.empty(tmp_path / "ds")
    ds.create_tensor("images", htype="link[image]", sample_compression="png")
    for key in ("dict", "token", "file", "env"):
        ds.add_creds_key(key)
    server = gcs_bucket.server
    ds.populate_creds("dict", gcs_bucket.creds())
    ds.populate_creds("token", {"gcs_oauth_token": server.token(), "endpoint_url": server.endpoint})
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", server.endpoint)
    ds.populate_creds("file", str(server.service_account))
    later = tmp_path / "later.json"
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(later))
    ds.populate_creds("env", from_environment=True)
    # Read when it is first needed.
    later.write_bytes(server.authorized_user.read_bytes())
    links = [
        lakebed.link(f"{scheme}://{gcs_bucket.name}/{name}", key)
        for scheme, key in (("gcs", "dict"), ("gs", "token"), ("gcp", "file"), ("gs", "env"))
    ]
    ds.images.extend(links)
    assert all(np.array_equal(value, pixels(1)) for value in ds.images.numpy(aslist=True))
    with pytest.raises(errors.SampleAppendError) as refused:
        ds.images.append(lakebed.link(f"gs://{gcs_bucket.name}/none.png", "dict"))
    assert isinstance(refused.value.__cause__, errors.BadLinkError)
    with pytest.raises(errors.SampleAppendError) as keyless:
        ds.images.append(lakebed.link(f"gs://{gcs_bucket.name}/none.png"))
    assert isinstance(keyless.value.__cause__, ValueError)


def test_a_key_of_the_environment_serves_all_stores(
    bucket: Bucket,
    gcs_bucket: GcsBucket,
    web: WebServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ds = album(tmp_path / "ds")
    ds.add_creds_key("ENV")
    # Nothing is there yet, and nothing is asked for.
    ds.populate_creds("ENV", from_environment=True)
    urls = [
        bucket.put("x.png", png(0)),
        gcs_bucket.put("x.png", png(1)),
        web.put("/x.png", png(2)),
    ]
    ds.images.extend([lakebed.link(url, "ENV") for url in urls])
    given = bucket.creds()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", given["aws_access_key_id"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", given["aws_secret_access_key"])
    monkeypatch.setenv("AWS_ENDPOINT_URL", given["endpoint_url"])
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", gcs_bucket.server.endpoint)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(gcs_bucket.server.service_account))
    # Endpoints are those of the call; secrets are looked up when they are needed.
    ds.populate_creds("ENV", from_environment=True)
    read = ds.images.numpy(aslist=True)
    assert all(np.array_equal(value, pixels(n)) for n, value in enumerate(read))
    assert all(sent is None for _, sent in web.asked)


def test_a_dataset_is_dropped_while_credentials_are_given(bucket: Bucket, tmp_path: Path) -> None:
    """The garbage may be collected in whatever thread runs Python, the core's own included."""
    left_open = {"ds": album(tmp_path / "left open")}
    left_open["ds"].__enter__()
    left_open["ds"].images.append(None)
    threads = []

    def give() -> dict[str, Any]:
        if left_open:
            threads.append(threading.current_thread())
            left_open.clear()
        return {"expiry": None, **bucket.creds()}

    access = _core.AwsAccess(
        credentials=give,
        region=None,
        endpoint_url=bucket.server.endpoint,
        virtual_host=False,
        ca_bundle=None,
        verify=True,
    )
    assert _core.Store.s3(bucket.name, "nothing", access).is_empty()
    assert threads != [threading.main_thread()]
    # Closed by a thread of its own, which frees the lock.
    again = lakebed.load(tmp_path / "left open", read_only=False, lock_timeout=30)
    assert len(again.images) == 1


@pytest.fixture
def second_bucket(s3: S3Server, bucket: Bucket) -> Any:
    """Make a bucket beside the first, and remove it."""
    from dataclasses import replace

    second = replace(bucket, name=f"{bucket.name}-2")
    s3.client().create_bucket(Bucket=second.name)
    yield second
    for key in second.listing():
        second.delete(key)
    s3.client().delete_bucket(Bucket=second.name)
