"""`deeplake.read`: files become samples, and are stored as they are where formats agree."""

from __future__ import annotations

import http.server
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import lakebed
from lakebed import Sample, errors
from tests.api.conftest import pixels

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.mark.parametrize(
    ("name", "compression", "shape"),
    [
        ("color.png", "png", (4, 5, 3)),
        ("color.jpg", "jpeg", (24, 35, 3)),
        ("gray.png", "png", (4, 5)),
        ("gray.jpg", "jpeg", (14, 15)),
        ("alpha.png", "png", (4, 5, 4)),
    ],
)
def test_a_file(files: Path, name: str, compression: str, shape: tuple[int, ...]) -> None:
    data = (files / name).read_bytes()
    sample = lakebed.read(files / name)
    assert (sample.compression, sample.shape, sample.dtype) == (compression, shape, "uint8")
    lazy = [sample.is_lazy]
    assert (sample.is_empty, sample.is_text_like) == (False, False)
    assert (sample.path, sample.buffer) == (str(files / name), data)
    assert sample.compressed_bytes(compression) == data
    assert sample.meta == {"shape": shape, "format": compression, "filename": str(files / name)}
    assert sample.array.shape == np.asarray(sample).shape == shape
    lazy.append(sample.is_lazy)
    assert lazy == [True, False]
    assert sample.uncompressed_bytes() == sample.array.tobytes()
    assert sample == lakebed.read(str(files / name))
    assert sample.copy() == sample


def test_pixels_are_those_of_the_file(files: Path) -> None:
    assert np.array_equal(lakebed.read(files / "color.png").array, pixels(1, 4, 5, 3))
    assert np.array_equal(lakebed.read(files / "gray.png").array, pixels(3, 4, 5))


def test_sixteen_bits(tmp_path: Path, fresh: lakebed.Dataset) -> None:
    image = np.arange(20, dtype=np.uint16).reshape(4, 5) * 3000
    file = tmp_path / "deep.png"
    file.write_bytes(Sample(array=image).compressed_bytes("png"))
    sample = lakebed.read(file)
    assert sample.dtype == "int32", "which is what Deep Lake v3 says of it"
    assert sample.array.dtype == np.uint16
    assert np.array_equal(sample.array, image)
    fresh.create_tensor("i", htype="image", sample_compression="png").append(sample)
    assert fresh.i.dtype == np.int32
    assert np.array_equal(fresh.i[0].numpy()[..., 0], image)


def test_shown(files: Path) -> None:
    sample = lakebed.read(files / "color.png")
    assert repr(sample) == f"Sample(is_lazy=True, path={files / 'color.png'})"
    _ = sample.array
    assert repr(sample) == (
        "Sample(is_lazy=False, shape=(4, 5, 3), compression='png', dtype='uint8', "
        f"path={files / 'color.png'})"
    )


def test_other_ways_to_make_one(files: Path) -> None:
    image = pixels(1, 4, 5, 3)
    made = Sample(array=image)
    assert (made.compression, made.path, made.buffer, made.is_lazy) == (None, None, None, False)
    assert np.array_equal(Sample(buffer=made.compressed_bytes("png")).array, image)
    raw = Sample(buffer=image.tobytes(), shape=image.shape, dtype="uint8")
    assert np.array_equal(raw.array, image)
    assert raw == made
    assert lakebed.read(files / "color.png") == made or made.buffer is None
    assert Sample(array=np.zeros((0, 3))).is_empty
    wrongs: list[dict[str, Any]] = [{}, {"array": image, "buffer": b""}]
    for wrong in wrongs:
        with pytest.raises(errors.InvalidInputError):
            Sample(**wrong)


@pytest.mark.parametrize("verify", [False, True])
@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("none.jpg", errors.SampleReadError),
        ("cut.jpg", errors.CorruptedSampleError),
        ("text.jpg", errors.UnsupportedFeatureError),
    ],
)
def test_bad_files(files: Path, name: str, error: type[Exception], verify: bool) -> None:
    if verify:
        with pytest.raises(error):
            lakebed.read(files / name, verify=True)
        return
    sample = lakebed.read(files / name)
    with pytest.raises(error):
        _ = sample.array


def test_a_missing_file_keeps_its_cause(files: Path) -> None:
    with pytest.raises(errors.SampleReadError, match=r"none\.jpg") as refused:
        _ = lakebed.read(files / "none.jpg").shape
    assert isinstance(refused.value.__cause__, FileNotFoundError)


def test_a_file_of_another_format_than_given(files: Path) -> None:
    sample = lakebed.read(files / "color.png", compression="jpeg")
    with pytest.raises(errors.CorruptedSampleError, match="png, not jpeg"):
        _ = sample.shape
    assert lakebed.read(files / "color.jpg", compression="jpg").compression == "jpeg"


def test_encoding(files: Path) -> None:
    sample = lakebed.read(files / "color.png")
    assert sample.compressed_bytes("jpg")[:3] == b"\xff\xd8\xff"
    assert sample.compressed_bytes(None) == sample.uncompressed_bytes()
    with pytest.raises(errors.UnsupportedFeatureError, match="webp"):
        sample.compressed_bytes("webp")
    with pytest.raises(errors.SampleCompressionError):
        Sample(array=np.zeros((2, 2, 3))).compressed_bytes("png")


@pytest.mark.parametrize("given", [{"storage": object()}, {"timeout": 3}])
def test_parameters_to_come_say_so(files: Path, given: dict[str, Any]) -> None:
    with pytest.raises(errors.UnsupportedFeatureError):
        lakebed.read(files / "color.png", **given)


def test_files_are_stored_byte_for_byte(files: Path, fresh: lakebed.Dataset) -> None:
    png = fresh.create_tensor("png", htype="image", sample_compression="png")
    png.extend([lakebed.read(files / name) for name in ("color.png", "alpha.png", "color.jpg")])
    assert png[0].tobytes() == (files / "color.png").read_bytes()
    assert png[1].tobytes() == (files / "alpha.png").read_bytes()
    assert png[2].tobytes()[:4] == b"\x89PNG", "encoded anew"
    assert np.array_equal(png[2].numpy(), lakebed.read(files / "color.jpg").array)
    assert [info["format"] for info in png.sample_info] == ["png", "png", "jpeg"]
    assert png[0].sample_info == {
        "exif": {},
        "shape": [4, 5, 3],
        "format": "png",
        "filename": str(files / "color.png"),
        "modified": False,
    }
    assert png[0].data()["sample_info"]["format"] == "png"


def test_files_arrays_and_none_in_one_batch(files: Path, fresh: lakebed.Dataset) -> None:
    tensor = fresh.create_tensor("i", htype="image", sample_compression="jpeg")
    batch = [lakebed.read(files / "color.jpg"), None, pixels(9, 3, 3, 3)]
    tensor.extend([*batch, lakebed.read(files / "gray.jpg")])
    assert tensor[0].tobytes() == (files / "color.jpg").read_bytes()
    assert [image.shape for image in tensor.numpy(aslist=True)] == [
        (24, 35, 3),
        (0, 0, 0),
        (3, 3, 3),
        (14, 15, 1),
    ]
    assert tensor.sample_info[1:3] == [{}, {}]


@pytest.mark.parametrize("compression", [None, "lz4"])
def test_files_are_decoded_where_there_is_no_image_compression(
    files: Path, fresh: lakebed.Dataset, compression: str | None
) -> None:
    tensor = fresh.create_tensor("i", htype="image", sample_compression=compression)
    tensor.extend([lakebed.read(files / "color.png"), lakebed.read(files / "color.jpg")])
    assert np.array_equal(tensor[0].numpy(), pixels(1, 4, 5, 3))
    assert (tensor.dtype, tensor.shape) == (np.dtype("uint8"), (2, None, None, 3))
    generic = fresh.create_tensor("g")
    generic.append(lakebed.read(files / "gray.png"))
    assert (generic.htype, generic.shape) == ("generic", (1, 4, 5))


def test_modes(files: Path, fresh: lakebed.Dataset) -> None:
    rgb = fresh.create_tensor("rgb", htype="image.rgb", sample_compression="png")
    gray = fresh.create_tensor("gray", htype="image.gray", sample_compression="png")
    batch = [lakebed.read(files / name) for name in ("color.png", "gray.png", "alpha.png")]
    rgb.extend(batch)
    gray.extend(batch)
    assert {image.shape for image in rgb.numpy(aslist=True)} == {(4, 5, 3)}
    assert {image.shape for image in gray.numpy(aslist=True)} == {(4, 5, 1)}
    assert rgb[0].tobytes() == (files / "color.png").read_bytes()
    assert gray[1].tobytes() == (files / "gray.png").read_bytes()


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("none.jpg", errors.SampleReadError),
        ("cut.jpg", errors.DecodeError),
        ("text.jpg", errors.UnsupportedFeatureError),
    ],
)
def test_a_bad_file_in_the_middle(
    files: Path, fresh: lakebed.Dataset, name: str, cause: type[Exception]
) -> None:
    tensor = fresh.create_tensor("i", htype="image", sample_compression="jpeg")
    tensor.append(lakebed.read(files / "color.jpg"))
    good = lakebed.read(files / "color.jpg")
    with pytest.raises(errors.SampleAppendError) as refused:
        tensor.extend([good, lakebed.read(files / name), good])
    assert (refused.value.tensor, refused.value.index) == ("i", 1)
    assert isinstance(refused.value.__cause__, cause)
    assert len(tensor) == 1


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves one folder to those who know the word."""

    folder: Path

    def do_GET(self) -> None:
        """Answer 200, 401 or 404."""
        file = self.folder / self.path.partition("?")[0].strip("/")
        allowed = self.headers.get("Authorization") == "Bearer word" or "sig=" in self.path
        status = 401 if not allowed else 200 if file.is_file() else 404
        body = file.read_bytes() if status == 200 else b""
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def server(files: Path) -> Iterator[str]:
    handler = type("HandlerOfOneFolder", (Handler,), {"folder": files})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_http(server: str, files: Path, fresh: lakebed.Dataset) -> None:
    creds = {"Authorization": "Bearer word"}
    sample = lakebed.read(f"{server}/color.png", creds=creds, verify=True)
    assert sample.buffer == (files / "color.png").read_bytes()
    signed = lakebed.read(f"{server}/color.png?sig=SECRET")
    assert signed.shape == (4, 5, 3)
    assert "SECRET" not in repr(signed)
    fresh.create_tensor("i", htype="image", sample_compression="png").append(signed)
    assert fresh.i.sample_info[0]["filename"] == f"{server}/color.png"
    for url in (f"{server}/color.png?x=SECRET", f"{server}/none.png?sig=SECRET"):
        with pytest.raises(errors.SampleReadError) as refused:
            lakebed.read(url, verify=True)
        assert "SECRET" not in f"{refused.value} {refused.value.__cause__}"


def test_s3_without_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(errors.SampleReadError) as refused:
        lakebed.read("s3://bucket/key.jpg", verify=True)
    assert isinstance(refused.value.__cause__, errors.AuthorizationException)
    with pytest.raises(errors.UnsupportedFeatureError):
        lakebed.read("az://account/container/key.jpg", verify=True)
