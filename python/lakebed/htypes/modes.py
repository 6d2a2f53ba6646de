"""Channels of images for the htypes `image.rgb` and `image.gray`, as Pillow converts them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from lakebed.errors import InvalidInputError

Array = npt.NDArray[Any]

# Channels of an image by the number in its last axis; an image has two or three axes.
_IMAGE_NDIM = 3
_HAS_ALPHA = {2, 4}
_RGB = 3
# Weights of ITU-R 601-2 luma in 1/65536, which is how Pillow rounds.
_LUMA = np.array([19595, 38470, 7471], np.uint32)


def to_mode(image: Array, htype: str) -> Array:
    """Return an image with the channels of its htype; alpha is dropped.

    Args:
        image: (h, w), or (h, w, channels) with 1 to 4 channels, uint8.
        htype: "image.rgb" or "image.gray".

    Returns:
        (h, w, 3) for rgb, (h, w) for gray; `image` itself where it fits.

    Raises:
        InvalidInputError: Not such an image.
    """
    channels = 1 if image.ndim < _IMAGE_NDIM else image.shape[-1]
    fits = image.dtype == np.uint8 and image.ndim in {2, 3} and 1 <= channels <= 4  # noqa: PLR2004
    if not fits:
        message = f"an array of shape {image.shape} and dtype {image.dtype} is no image of 8 bits"
        raise InvalidInputError(message, hint=f"htype {htype!r} takes (h, w) and (h, w, 1 to 4)")
    if image.ndim == _IMAGE_NDIM and channels in _HAS_ALPHA:
        image = image[..., :-1]
        channels -= 1
    if htype == "image.rgb":
        if channels == _RGB:
            return image
        gray = image if image.ndim < _IMAGE_NDIM else image[..., 0]
        return np.repeat(gray[..., np.newaxis], _RGB, axis=-1)
    if channels == _RGB:
        return ((image @ _LUMA + 0x8000) >> 16).astype(np.uint8)
    return image if image.ndim < _IMAGE_NDIM else image[..., 0]
