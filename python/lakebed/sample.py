"""Samples that keep the bytes of the file they came from.

Source: hub/paths-and-creds, sections 3 and 6; format 5.3.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from lakebed import _core
from lakebed.auth import aws, gcs, given
from lakebed.errors import (
    CorruptedSampleError,
    DecodeError,
    InvalidInputError,
    InvalidTypeError,
    LakebedError,
    SampleCompressionError,
    SampleReadError,
    UnsupportedFeatureError,
)
from lakebed.paths import CLOUD_LINKS, PathLike, concealed
from lakebed.settings import settings

if TYPE_CHECKING:
    import numpy.typing as npt
    from PIL.Image import Image

    from lakebed.auth import Creds

_HTTP = ("http://", "https://")
_GCS = ("gcs://", "gcp://", "gs://")
_ENCODERS = ("jpeg", "png")
_ALIASES = {"jpg": "jpeg"}


class Sample:
    """One sample, made of a file, of encoded bytes, or of an array.

    What is not known yet is read at the first need of it.

    Args:
        path: A file, `s3://bucket/key`, `gcs://bucket/key`, or an http(s) URL.
        array: The values.
        buffer: Encoded bytes, or raw ones with `shape` and `dtype`.
        compression: The format of the file or the buffer; found out where not given.
        verify: Read and decode at once.
        shape: The shape of a raw buffer.
        dtype: The dtype of a raw buffer.
        creds: Credentials for `path`: as `load` takes them for `s3://` and `gcs://`,
            `{"Authorization": ...}` for http.

    Raises:
        InvalidInputError: Not exactly one of `path`, `array` and `buffer`.
        SampleReadError: `verify`, and the file cannot be read.
        CorruptedSampleError: `verify`, and the file does not decode.
    """

    def __init__(
        self,
        path: PathLike | None = None,
        array: npt.ArrayLike | None = None,
        buffer: bytes | None = None,
        compression: str | None = None,
        verify: bool = False,
        shape: tuple[int, ...] | None = None,
        dtype: str | None = None,
        creds: Creds = None,
    ) -> None:
        path, creds = concealed(path), given.concealed(creds)
        if sum(value is not None for value in (path, array, buffer)) != 1:
            raise InvalidInputError("a sample is made of a path, an array or a buffer: one of them")
        if path is not None and not isinstance(path, str | os.PathLike):
            raise InvalidTypeError(f"a path is a str or a Path, not {type(path).__name__}")
        self._path = None if path is None else concealed(os.fspath(path))
        self._buffer = buffer
        self._array = None if array is None else np.asarray(array)
        self._given = None if compression is None else _ALIASES.get(compression, compression)
        self._header: tuple[str, tuple[int, ...], str] | None = None
        self._creds = creds
        if buffer is not None and shape is not None:
            raw = np.frombuffer(buffer, np.dtype(dtype or "uint8"))
            self._array, self._buffer = raw.reshape(shape).copy(), None
        if verify and self._array is None:
            _ = self.array

    @property
    def path(self) -> str | None:
        """Where the file is, as it was given."""
        return None if self._path is None else str(self._path)

    @property
    def filename(self) -> str | None:
        """The path; of a URL without user, password and query, which may be a signature."""
        if self._path is None or "://" not in self._path:
            return self._path
        return _core.display_link(self._path)

    @property
    def buffer(self) -> bytes | None:
        """The bytes of the file; None for a sample made of an array. May read the file."""
        if self._buffer is None and self._path is not None:
            self._buffer = self._read(self._path)
        return self._buffer

    @property
    def array(self) -> npt.NDArray[Any]:
        """The values, (h, w) or (h, w, channels) for images. May read and decode the file.

        Raises:
            LimitExceededError: They would take more than `lakebed.settings.max_sample_bytes`.
        """
        if self._array is None:
            dtype = self._describe()[2]
            limit = settings.max_sample_bytes
            array = self._decoding(lambda data: _core.decode_image(data, limit))
            # The format calls 16-bit gray int32 (see `dtype`); the values are Pillow's uint16.
            self._array = array.astype(np.uint16) if dtype == "int32" else array
        return self._array

    @property
    def compression(self) -> str | None:
        """The format of the file, "jpeg" or "png"; None for a sample made of an array."""
        if self.buffer is None:
            return None
        return self._describe()[0]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the array, from the file's header."""
        return self._describe()[1] if self._is_file() else self.array.shape

    @property
    def dtype(self) -> str:
        """The dtype of the array by name, from the file's header.

        A 16-bit gray png says int32 there, as Pillow has it, and decodes to uint16.
        """
        return self._describe()[2] if self._is_file() else self.array.dtype.name

    @property
    def meta(self) -> dict[str, Any]:
        """Shape, format and file name; EXIF is added when the sample is stored."""
        meta: dict[str, Any] = {"shape": self.shape, "format": self.compression}
        if self.filename is not None:
            meta["filename"] = self.filename
        return meta

    @property
    def is_lazy(self) -> bool:
        """Whether the array is still to be made."""
        return self._array is None

    @property
    def is_empty(self) -> bool:
        """Whether there is no element."""
        return 0 in self.shape

    @property
    def is_text_like(self) -> bool:
        """Whether the sample is text, json or a list: files here are images."""
        return False

    @property
    def pil(self) -> Image:
        """The image as Pillow has it. Needs Pillow.

        Raises:
            ImportError: Pillow is not installed.
        """
        from PIL import Image  # noqa: PLC0415 (optional: whoever asks for it has it)

        return Image.fromarray(self.array)

    def compressed_bytes(self, compression: str | None) -> bytes:
        """Encode the sample; a file that has that format already is returned as it is.

        Args:
            compression: "jpeg", "png", or None for `uncompressed_bytes`.

        Raises:
            SampleCompressionError: The array cannot be an image of that kind.
            UnsupportedFeatureError: A format that cannot be encoded yet.
        """
        wanted = None if compression is None else _ALIASES.get(compression, compression)
        if wanted is None:
            return self.uncompressed_bytes()
        if self.compression == wanted and self.buffer is not None:
            return self.buffer
        if wanted not in _ENCODERS:
            raise UnsupportedFeatureError(f"not supported yet: encoding samples as {wanted!r}")
        try:
            return _core.encode_image(self.array, wanted)
        except InvalidInputError as error:
            message = (
                f"a sample of shape {self.shape} cannot be encoded as {wanted}: {error.message}"
            )
            raise SampleCompressionError(message) from error

    def uncompressed_bytes(self) -> bytes:
        """Return the elements of the array, in C order."""
        return self.array.tobytes()

    def copy(self) -> Sample:
        """Return a sample with the same content."""
        copied = object.__new__(type(self))
        copied.__dict__.update(self.__dict__)
        return copied

    def __array__(
        self, dtype: npt.DTypeLike | None = None, copy: bool | None = None
    ) -> npt.NDArray[Any]:
        array = self.array if dtype is None else self.array.astype(dtype, copy=False)
        return array.copy() if copy else array

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sample):
            return NotImplemented
        if self._path is not None and self._path == other._path:
            return True
        return self.buffer == other.buffer and np.array_equal(self.array, other.array)

    __hash__ = None  # type: ignore[assignment] # equal by content that may still be read

    def __repr__(self) -> str:
        where = "" if self.filename is None else f", path={self.filename}"
        if self.is_lazy:
            return f"Sample(is_lazy=True{where})"
        kind = self._header[0] if self._header else self._given
        shown = f"shape={self.shape}, compression={kind!r}, dtype={self.dtype!r}"
        return f"Sample(is_lazy=False, {shown}{where})"

    def _is_file(self) -> bool:
        """Whether encoded bytes are behind the sample, not only an array."""
        return self._path is not None or self._buffer is not None

    def _describe(self) -> tuple[str, tuple[int, ...], str]:
        """Return format, shape and dtype, from the header."""
        if self._header is None:
            found = self._decoding(_core.image_info)
            if self._given not in {None, found[0]}:
                message = f"the file is {found[0]}, not {self._given}"
                raise CorruptedSampleError(message, url=self.filename)
            self._header = found
        return self._header

    def _decoding(self, decode: Any) -> Any:
        try:
            return decode(self.buffer)
        except DecodeError as error:
            raise CorruptedSampleError(error.message, url=self.filename) from error

    def _read(self, path: str) -> bytes:
        from pathlib import Path  # noqa: PLC0415 (6 ms of everybody's import)

        try:
            if path.startswith((*_HTTP, *CLOUD_LINKS)):
                return self._fetch(path)
            return Path(path).expanduser().read_bytes()
        except UnsupportedFeatureError:
            raise
        except (OSError, ValueError, LakebedError) as error:
            # A ValueError is a path that no system takes, as with a zero byte in it.
            message = f"cannot read a sample from {self.filename}"
            raise SampleReadError(message, url=self.filename) from error

    def _fetch(self, url: str) -> bytes:
        try:
            return self._fetched(url)
        except LakebedError as error:
            # Frames below hold parts of the credentials.
            raise error.without_frames() from error.__cause__

    def _fetched(self, url: str) -> bytes:
        _core.set_patience(**settings.patience())
        creds: Any = self._creds
        s3 = aws.shared(creds) if url.startswith("s3://") else None
        google = gcs.resolve(creds).core() if url.startswith(_GCS) else None
        is_header = url.startswith(_HTTP) and isinstance(creds, Mapping)
        return _core.fetch(
            url,
            aws=s3,
            gcs=google,
            authorization=creds.get("Authorization") if is_header else None,
            max_bytes=settings.max_sample_bytes,
            link_addresses=settings.link_private_addresses,
        )


def read(
    path: PathLike,
    verify: bool = False,
    creds: Creds = None,
    compression: str | None = None,
    storage: object = None,
    timeout: float | None = None,
) -> Sample:
    """Make a sample of a file; its bytes are stored as they are where the formats agree.

    Args:
        path: A file, `s3://bucket/key`, or an http(s) URL.
        verify: Read and decode now. Without it, nothing is touched before it is needed.
        creds: Credentials for `path`: those of AWS for `s3://`, `{"Authorization": ...}` for http.
        compression: The format of the file, to be refused where it is another.
        storage: Not there yet.
        timeout: Not there yet.

    Returns:
        The sample.

    Raises:
        SampleReadError: `verify`, and the file cannot be read.
        CorruptedSampleError: `verify`, and the file does not decode.
        UnsupportedFeatureError: `storage` or `timeout` is given.

    Cost: One whole read of the file, at the first need of it.
    """
    for name, value in (("storage", storage), ("timeout", timeout)):
        if value is not None:
            raise UnsupportedFeatureError(f"not supported yet: deeplake.read(..., {name}=...)")
    path, creds = concealed(path), given.concealed(creds)
    return Sample(path, verify=verify, creds=creds, compression=compression)
