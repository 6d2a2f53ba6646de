"""Each way in which a store says no has its own error, and none leaks a secret."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import lakebed
from lakebed import errors
from tests.api.leaks import leaks
from tests.s3.album import CREDS_KEY, write
from tests.servers.seaweedfs import Keys

if TYPE_CHECKING:
    from tests.conftest import Bucket

pytestmark = pytest.mark.s3


@pytest.mark.parametrize(
    ("keys", "kind", "code"),
    [
        (Keys("WRITERKEY000", "a-wrong-secret"), "authentication", "SignatureDoesNotMatch"),
        (Keys("NOSUCHKEY000", "a-wrong-secret"), "authentication", "InvalidAccessKeyId"),
    ],
    ids=["wrong-secret", "unknown-key"],
)
@pytest.mark.parametrize("verb", ["load", "empty", "exists"])
def test_wrong_keys(bucket: Bucket, keys: Keys, kind: str, code: str, verb: str) -> None:
    write(bucket, 1)
    call: Any = getattr(lakebed, verb)
    with pytest.raises(errors.AuthenticationError) as refused:
        call(bucket.url("album"), creds=bucket.creds(keys))
    assert refused.value.kind == kind
    assert code in str(refused.value)
    assert bucket.url("album") in str(refused.value)
    assert leaks(refused.value, "a-wrong-secret") == []


def test_missing_bucket(bucket: Bucket) -> None:
    for verb in (lakebed.load, lakebed.empty):
        with pytest.raises(errors.BucketNotFoundError) as missing:
            verb("s3://no-such-bucket-here/ds", creds=bucket.creds())
        assert "no-such-bucket-here" in str(missing.value)


def test_missing_dataset(bucket: Bucket) -> None:
    with pytest.raises(errors.DatasetHandlerError) as missing:
        lakebed.load(bucket.url("nothing"), creds=bucket.creds())
    assert isinstance(missing.value, errors.NotFoundError)
    assert bucket.url("nothing") in str(missing.value)
    assert not lakebed.exists(bucket.url("nothing"), creds=bucket.creds())


def test_a_reader_reads_and_is_refused_to_write(bucket: Bucket) -> None:
    album = write(bucket, 3)
    reader = bucket.creds(bucket.server.reader)
    before = bucket.listing("album/")
    ds = album.load(creds=reader)
    assert len(ds.images.numpy(aslist=True)) == 3
    with pytest.raises(errors.ReadOnlyModeError):
        ds.captions.append("no")
    # Unasked, it falls back to reading.
    with pytest.warns(UserWarning, match="read-only"):
        fallen = lakebed.load(album.path, creds=reader)
    assert fallen.read_only
    for write_something in (
        lambda: lakebed.load(album.path, creds=reader, read_only=False),
        lambda: lakebed.empty(bucket.url("other"), creds=reader),
        lambda: lakebed.delete(album.path, creds=reader),
    ):
        with pytest.raises(errors.AuthorizationError) as refused:
            write_something()
        assert leaks(refused.value, reader["aws_secret_access_key"]) == []
    assert bucket.listing("album/") == before
    assert bucket.listing("other") == {}


def test_link_to_a_missing_object(bucket: Bucket) -> None:
    album = write(bucket, 8)
    for n in (6, 2, 5):
        bucket.delete(f"photos/{n:04}.jpg")
    with pytest.raises(errors.LinkError) as missing:
        album.load().images.numpy(aslist=True)
    error = missing.value
    assert (error.tensor, error.index, error.url) == ("images", 2, album.urls[2])
    assert error.creds_key == CREDS_KEY
    assert isinstance(error, errors.GetDataFromLinkError)
    # The order of arrival may end the batch before the later ones are tried.
    tried = [failure.index or 0 for failure in error.failures]
    assert tried == sorted(tried)
    assert tried[0] == 2
    assert set(tried) <= {2, 5, 6}
    assert "0002.jpg" in str(error)


def test_every_failure_of_a_batch_is_listed_up_to_a_hundred(bucket: Bucket) -> None:
    album = write(bucket, 4)
    ds = album.load(read_only=False)
    rows = album.rows()
    ds.extend({name: list(values) * 60 for name, values in rows.items()})
    ds.close()
    bucket.delete("photos/0000.jpg")
    with pytest.raises(errors.LinkError) as missing:
        album.load().images.numpy(aslist=True)
    found = [failure.index for failure in missing.value.failures]
    assert found[0] == 0
    assert missing.value.index == 0
    assert 1 <= len(found) <= 100
    assert all(index % 4 == 0 for index in found if index is not None)


def test_links_with_a_wrong_secret(bucket: Bucket) -> None:
    album = write(bucket, 2)
    ds = album.load()
    ds.populate_creds(CREDS_KEY, bucket.creds(Keys("WRITERKEY000", "a-wrong-secret")))
    with pytest.raises(errors.LinkError) as refused:
        ds.images[1].numpy()
    assert "SignatureDoesNotMatch" in str(refused.value)
    assert CREDS_KEY in str(refused.value)
    assert leaks(refused.value, "a-wrong-secret") == []


def test_a_session_that_is_over(bucket: Bucket) -> None:
    """A session token that the server does not know (any more)."""
    album = write(bucket, 1)
    creds = {**bucket.creds(), "aws_session_token": "a-token-of-yesterday"}
    with pytest.raises(errors.AuthError) as refused:
        lakebed.load(album.path, creds=creds, read_only=True)
    for secret in ("a-token-of-yesterday", creds["aws_secret_access_key"]):
        assert leaks(refused.value, secret) == []


def test_links_without_populated_creds(bucket: Bucket) -> None:
    album = write(bucket, 2)
    ds = lakebed.load(album.path, creds=bucket.creds(), read_only=True)
    with pytest.raises(errors.MissingCredsError, match="populate_creds"):
        ds.images[0].numpy()
    assert len(ds.captions.numpy()) == 2
