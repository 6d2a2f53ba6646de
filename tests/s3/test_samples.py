"""Files in a bucket become stored samples."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

import lakebed
from lakebed import errors
from tests.s3.album import jpeg

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Bucket

pytestmark = pytest.mark.s3


def test_a_sample_is_read_with_its_own_credentials(bucket: Bucket, tmp_path: Path) -> None:
    url = bucket.put("photos/a.jpg", jpeg(1))
    sample = lakebed.read(url, creds=bucket.creds())
    ds = lakebed.empty(tmp_path / "ds")
    ds.create_tensor("images", htype="image", sample_compression="jpeg").append(sample)
    assert ds.images[0].tobytes() == jpeg(1)
    assert np.array_equal(ds.images[0].numpy(), sample.array)
    assert ds.images[0].sample_info["filename"] == url


def test_refusals_keep_their_cause(bucket: Bucket) -> None:
    missing = lakebed.read(bucket.url("photos/none.jpg"), creds=bucket.creds())
    with pytest.raises(errors.SampleReadError) as refused:
        _ = missing.shape
    assert isinstance(refused.value.__cause__, errors.ObjectNotFoundError)
    url = bucket.put("photos/a.jpg", jpeg(1))
    wrong = {**bucket.creds(), "aws_secret_access_key": "nonsense"}
    with pytest.raises(errors.SampleReadError) as refused:
        lakebed.read(url, creds=wrong, verify=True)
    assert isinstance(refused.value.__cause__, errors.AuthenticationError)
    assert "nonsense" not in f"{refused.value} {refused.value.__cause__}"
