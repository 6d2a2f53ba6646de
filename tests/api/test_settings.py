"""Settings: from the environment, from Python, and what each of them bounds."""

from __future__ import annotations

import re
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import lakebed
from lakebed import errors
from lakebed.settings import SETTINGS, Settings

ROOT = Path(__file__).resolve().parents[2]


def set_for_test(monkeypatch: pytest.MonkeyPatch, **values: int) -> None:
    for name, value in values.items():
        monkeypatch.setenv(SETTINGS[name].variable, str(value))


def test_defaults_are_those_that_are_documented(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LAKEBED_FSYNC", raising=False)
    assert (lakebed.settings.max_sample_bytes, lakebed.settings.max_bytes_in_flight) == (
        2 << 30,
        256 << 20,
    )
    assert (lakebed.settings.max_requests, lakebed.settings.max_text_array_bytes) == (64, 2 << 30)
    assert (lakebed.settings.retry_s, lakebed.settings.idle_timeout_s) == (60, 30)
    assert lakebed.settings.fsync == 1


def test_every_setting_is_in_the_guide() -> None:
    guide = (ROOT / "docs" / "index.md").read_text()
    rows = set(re.findall(r"^\| `(LAKEBED_\w+)` \| `(\w+)` \|", guide, re.MULTILINE))
    assert rows == {(setting.variable, name) for name, setting in SETTINGS.items()}


def test_what_is_set_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings()
    monkeypatch.setenv("LAKEBED_MAX_REQUESTS", " 7 ")
    assert settings.max_requests == 7
    settings.max_requests = 9
    assert settings.max_requests == 9
    assert "max_requests=9" in repr(settings)
    del settings.max_requests
    assert settings.max_requests == 7
    monkeypatch.setenv("LAKEBED_MAX_REQUESTS", "")
    assert settings.max_requests == 64


@pytest.mark.parametrize("text", ["x", "-1", "0", "1.5", "1e9", "2 GiB", "9" * 19, "9" * 5000, "²"])
def test_an_environment_that_is_no_number_is_named_when_it_is_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str
) -> None:
    monkeypatch.setenv("LAKEBED_MAX_SAMPLE_BYTES", text)
    with pytest.raises(errors.InvalidInputError, match="LAKEBED_MAX_SAMPLE_BYTES"):
        lakebed.empty(tmp_path / "ds")


def test_values_that_cannot_be_are_refused() -> None:
    settings = Settings()
    for value in (0, -1, 1 << 63):
        with pytest.raises(errors.InvalidInputError, match="from 1 to"):
            settings.max_requests = value
    for wrong in ("9", 1.5, True, None):
        with pytest.raises(errors.InvalidTypeError, match="a number of requests"):
            settings.max_requests = wrong  # type: ignore[assignment]
    with pytest.raises(AttributeError, match="max_request"):
        settings.max_request = 5  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match="nothing"):
        settings.nothing  # type: ignore[attr-defined] # noqa: B018
    assert settings.max_requests == 64
    settings.fsync = False
    assert not settings.fsync
    with pytest.raises(errors.InvalidTypeError, match="is a bool"):
        settings.fsync = 2  # type: ignore[assignment]


def test_every_environment_variable_of_the_package_is_in_the_table() -> None:
    # The core looks at that one itself.
    known = {*(setting.variable for setting in SETTINGS.values()), "LAKEBED_LOG"}
    documented = (ROOT / "python/lakebed/settings.py").read_text().partition('"""')[2]
    assert all(f"`{variable}`" in documented for variable in known)
    for path in (ROOT / "python").rglob("*.py"):
        for word in path.read_text().replace("`", " ").replace('"', " ").split():
            name = word.strip("().,:'[]")
            if name.startswith("LAKEBED_") and not name.startswith("LAKEBED_TEST"):
                assert name in known, f"{path}: {name}"


def test_paths(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = Settings()

    def folder() -> str | None:
        return settings.config_folder

    monkeypatch.delenv("LAKEBED_CONFIG_DIR", raising=False)
    assert folder() is None
    monkeypatch.setenv("LAKEBED_CONFIG_DIR", "/from/environment")
    assert folder() == "/from/environment"
    settings.config_folder = tmp_path
    assert folder() == str(tmp_path)
    assert str(tmp_path) in repr(settings)
    wrong: Any
    for wrong in (5, None, b"/x"):
        with pytest.raises(errors.InvalidTypeError, match="config_folder is a path"):
            settings.config_folder = wrong
    del settings.config_folder
    assert folder() == "/from/environment"


def png(height: int, width: int) -> bytes:
    out = BytesIO()
    Image.fromarray(np.zeros((height, width, 3), np.uint8)).save(out, "PNG")
    return out.getvalue()


def test_max_sample_bytes_bounds_reading_and_appending(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "big.png").write_bytes(png(40, 50))
    ds = lakebed.empty(tmp_path / "ds")
    ds.create_tensor("plain", dtype="uint8")
    ds.create_tensor("lz4", dtype="uint8", sample_compression="lz4")
    ds.create_tensor("image", htype="image", sample_compression="png")
    ds.create_tensor("text", htype="text", sample_compression="lz4")
    ds.create_tensor("linked", htype="link[image]", sample_compression="png")
    ds.plain.append(np.zeros(6000, np.uint8))
    ds.lz4.append(np.zeros(6000, np.uint8))
    ds.image.append(lakebed.read(str(tmp_path / "big.png")))
    ds.text.append("x" * 6000)
    ds.linked.append(lakebed.link(str(tmp_path / "big.png")))
    ds.close()
    set_for_test(monkeypatch, max_sample_bytes=5999)
    ds = lakebed.load(tmp_path / "ds", read_only=False)
    for name in ("plain", "lz4", "image", "text", "linked"):
        with pytest.raises(errors.LakebedError) as refused:
            ds[name][0].numpy()
        said = str(refused.value)
        assert "6000 bytes, over the limit of 5999 (LAKEBED_MAX_SAMPLE_BYTES)" in said, name
        assert (refused.value.tensor, refused.value.index) == (name, 0)
    for name, sample in {
        "plain": np.zeros(6000, np.uint8),
        "lz4": np.zeros(6000, np.uint8),
        "image": lakebed.read(str(tmp_path / "big.png")),
    }.items():
        with pytest.raises(errors.SampleAppendError, match="LAKEBED_MAX_SAMPLE_BYTES"):
            ds[name].append(sample)
        assert len(ds[name]) == 1
    ds.plain.append(np.zeros(5999, np.uint8))
    with pytest.raises(errors.LimitExceededError, match="6000 bytes, over the limit of 5999"):
        lakebed.read(str(tmp_path / "big.png"), verify=True)
    ds.close()
    set_for_test(monkeypatch, max_sample_bytes=6000)
    ds = lakebed.load(tmp_path / "ds", read_only=True)
    assert ds.plain[0].numpy().shape == (6000,)
    assert ds.linked[0].numpy().shape == (40, 50, 3)


def test_a_linked_object_may_not_be_larger_than_a_sample(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "long.png"
    path.write_bytes(png(2, 2) + bytes(5000))
    ds = lakebed.empty(tmp_path / "ds")
    ds.create_tensor("x", htype="link[image]", sample_compression="png", verify=False)
    ds.x.append(lakebed.link(str(path)))
    ds.close()
    set_for_test(monkeypatch, max_sample_bytes=5000)
    ds = lakebed.load(tmp_path / "ds", read_only=True)
    for read in (ds.x[0].numpy, ds.x[0].tobytes):
        with pytest.raises(errors.LinkError, match=r"over the limit of 5000 \(LAKEBED_MAX_SAMPLE"):
            read()


def test_what_is_larger_than_the_bytes_in_flight_is_read_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ds = lakebed.empty(tmp_path / "ds")
    ds.create_tensor("x", dtype="uint8", max_chunk_size=20_000)
    ds.create_tensor("packed", dtype="uint8", chunk_compression="lz4")
    rows = np.random.default_rng(1).integers(0, 255, (20, 9000), np.uint8)
    ds.x.extend(rows)
    ds.packed.extend(rows)
    ds.close()
    set_for_test(monkeypatch, max_bytes_in_flight=1, max_requests=1)
    ds = lakebed.load(tmp_path / "ds", read_only=True)
    assert np.array_equal(ds.x.numpy(), rows)
    assert np.array_equal(ds.x[3].numpy(), rows[3])
    assert np.array_equal(ds.packed.numpy(), rows)


def test_a_chunk_may_have_the_larger_of_both_limits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ds = lakebed.empty(tmp_path / "ds")
    ds.create_tensor("x", dtype="uint8")
    ds.create_tensor("packed", dtype="uint8", chunk_compression="lz4")
    for name in ("x", "packed"):
        ds[name].extend(np.zeros((10, 1000), np.uint8))
    ds.close()
    for flight, sample, setting in ((3000, 2000, "BYTES_IN_FLIGHT"), (1, 3000, "SAMPLE_BYTES")):
        set_for_test(monkeypatch, max_bytes_in_flight=flight, max_sample_bytes=sample)
        ds = lakebed.load(tmp_path / "ds", read_only=True)
        for name in ("x", "packed"):
            match = rf"over the limit of 3000 \(LAKEBED_MAX_{setting}\)"
            with pytest.raises(errors.LimitExceededError, match=match) as refused:
                ds[name].numpy()
            assert (refused.value.tensor, refused.value.index) == (name, 0)
            assert refused.value.file is not None
    # Of a chunk that is not compressed as a whole, a part is enough.
    assert ds.x[2].numpy().shape == (1000,)
    set_for_test(monkeypatch, max_bytes_in_flight=12_000, max_sample_bytes=1000)
    ds = lakebed.load(tmp_path / "ds", read_only=True)
    assert ds.x.numpy().shape == ds.packed.numpy().shape == (10, 1000)


def test_texts_that_are_too_large_as_one_array_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ds = lakebed.empty(tmp_path / "ds")
    ds.create_tensor("t", htype="text")
    ds.t.extend(["x" * 100, *["y"] * 99])
    set_for_test(monkeypatch, max_text_array_bytes=40_000)
    assert ds.t.numpy().shape == (100, 1)
    set_for_test(monkeypatch, max_text_array_bytes=39_999)
    with pytest.raises(errors.LimitExceededError, match="LAKEBED_MAX_TEXT_ARRAY_BYTES") as refused:
        ds.t.numpy()
    assert "40000 bytes" in str(refused.value)
    assert (refused.value.tensor, refused.value.path) == ("t", ds.path)
    for way in ("text()", "data()", "aslist=True"):
        assert way in (refused.value.hint or "")
    assert len(ds.t.text()) == len(ds.t.data()["value"]) == len(ds.t.numpy(aslist=True)) == 100
    set_for_test(monkeypatch, max_text_array_bytes=399)
    with pytest.raises(errors.LimitExceededError, match="400 bytes"):
        ds.t[0].numpy()
    assert ds.t[1].numpy() == ["y"]


def test_numbers_of_requests_are_taken_from_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lakebed.settings, "max_requests", 1 << 62)
    ds = lakebed.empty(tmp_path / "ds")
    ds.create_tensor("x")
    ds.x.extend(np.arange(5))
    assert ds.x.numpy().ravel().tolist() == [0, 1, 2, 3, 4]
