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

__all__ = ["profile_of_rgb", "rgb", "rgb_of_samples"]


@cache
def srgb_profile() -> bytes:
    """Return the ICC profile of sRGB."""
    from PIL import ImageCms

    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def profile_of_rgb(mode: str, profile: bytes | None) -> bytes | None:
    """Return the profile of what `rgb` makes of an image of this mode and profile."""
    if mode == "LAB" or (mode == "CMYK" and is_cmyk(profile)):
        return srgb_profile()
    return None if mode == "CMYK" else profile


def is_cmyk(profile: bytes | None) -> bool:
    """Whether there is a profile, and one of cyan, magenta, yellow and black."""
    return profile is not None and profile[16:20] == b"CMYK"


def rgb(image: Image, profile: bytes | None) -> Image:
    """Return an image as RGB: inks by their profile, if there is one."""
    if profile and is_cmyk(profile) and image.mode == "CMYK":
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
