"""Colours that are not RGB become so, as Pillow's `convert("RGB")` makes them, or by a profile."""

from __future__ import annotations

import io
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from imgconv.io.errors import PictureError, one_line

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["rgb", "rgb_of_samples", "srgb_profile"]


@cache
def srgb_profile() -> bytes:
    """Return the ICC profile of sRGB."""
    from PIL import ImageCms

    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def rgb(image: Image, profile: bytes | None) -> Image:
    """Return an image in sRGB: by the profile of its colours, if that can be used."""
    if profile and image.mode == "CMYK":
        from PIL import ImageCms

        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            target = ImageCms.ImageCmsProfile(io.BytesIO(srgb_profile()))
            converted = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
        except (ImageCms.PyCMSError, OSError) as error:
            raise PictureError(f"a damaged ICC profile ({one_line(error)})") from None
        assert converted is not None
        return converted
    return image.convert("RGB")


def rgb_of_samples(mode: str, pixels: NDArray[Any], profile: bytes | None) -> NDArray[Any]:
    """Return colours of 8 bits, (H, W, C), which Pillow calls `mode`, as RGB."""
    import PIL.Image

    if pixels.size == 0:
        return np.zeros((*pixels.shape[:2], 3), np.uint8)
    height, width = pixels.shape[:2]
    image = PIL.Image.frombytes(mode, (width, height), np.ascontiguousarray(pixels).tobytes())
    return np.asarray(rgb(image, profile))
