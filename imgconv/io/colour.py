"""Colours that are not RGB become so, at any depth: by their formulas, or by a profile.

A conversion takes samples, (H, W, C), and returns shares of white, (H, W, 3), which may be beyond
0 and 1: those colours are not in RGB.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Literal, TypeGuard

import numpy as np
from numpy.typing import NDArray

from imgconv.io.errors import PictureError, one_line

__all__ = ["from_inks", "from_lab", "from_ycbcr", "profile_of_rgb", "rgb"]

Conversion = Callable[[NDArray[Any]], NDArray[Any]]

# So many samples are converted at once, in float64: 2 MB, beside which the millisecond in which
# LittleCMS begins does not count.
SAMPLES_AT_ONCE = 1 << 18


@cache
def profile_of(space: Literal["sRGB", "LAB"]) -> bytes:
    """Return an ICC profile that LittleCMS has itself."""
    from PIL import ImageCms

    return ImageCms.ImageCmsProfile(ImageCms.createProfile(space)).tobytes()


def profile_of_rgb(kind: str, profile: bytes | None) -> bytes | None:
    """Return the profile of the RGB of what TIFF calls `kind` and has this profile."""
    if kind in ("CIELAB", "ICCLAB") or (kind == "SEPARATED" and is_cmyk(profile)):
        return profile_of("sRGB")
    return None if kind == "SEPARATED" else profile


def is_cmyk(profile: bytes | None) -> TypeGuard[bytes]:
    """Whether there is a profile, and one of cyan, magenta, yellow and black."""
    return profile is not None and profile[16:20] == b"CMYK"


def rgb(
    samples: NDArray[Any], conversion: Conversion, dtype: np.dtype[Any], white: float
) -> NDArray[Any]:
    """Return what a conversion makes of samples, as integers of a dtype from black to white."""
    pixels = np.empty((*samples.shape[:2], 3), dtype)
    rows = max(1, SAMPLES_AT_ONCE // max(1, samples[:1].size))
    for top in range(0, len(samples), rows):
        band = slice(top, top + rows)
        pixels[band] = np.rint(np.clip(conversion(samples[band]), 0, 1) * white)
    return pixels


def from_ycbcr(
    samples: NDArray[Any], white: float, luma: Sequence[float], reference: Sequence[float]
) -> NDArray[Any]:
    """Convert Y, Cb and Cr (TIFF 6.0, section 21).

    Parameters
    ----------
    samples : ndarray, (H, W, 3)
    white : float
        The largest number that a sample can be.
    luma : sequence of 3 floats
        The weights of red, green and blue in Y.
    reference : sequence of 6 floats
        The Y of black and of white, and the Cb and the Cr of no colour and of most.
    """
    none, most = np.reshape(reference, (3, 2)).T
    span = np.array([white, (white - 1) / 2, (white - 1) / 2])
    y, cb, cr = np.moveaxis((samples - none) * (span / (most - none) / white), -1, 0)
    of_red, of_green, of_blue = luma
    red, blue = y + cr * 2 * (1 - of_red), y + cb * 2 * (1 - of_blue)
    return np.stack([red, (y - of_red * red - of_blue * blue) / of_green, blue], axis=-1)


def from_inks(samples: NDArray[Any], white: float, profile: bytes | None) -> NDArray[Any]:
    """Convert cyan, magenta, yellow and black, which are `white` where there is most ink.

    LittleCMS does it by a profile; without one each ink takes its share of the light.
    """
    if not is_cmyk(profile):
        light = 1 - samples / white
        return light[..., :3] * light[..., 3:]
    return by_profile(samples * (100 / white), profile, "cmyk")  # in percents


def from_lab(
    samples: NDArray[Any], scale: tuple[float, float, float], signed: bool
) -> NDArray[Any]:
    """Convert L*, a* and b* of 8 or 16 bits.

    Their units are `scale`; a* and b* are two's complements, or begin at -128.
    """
    lab = samples.astype(np.float64)
    half = 128 * scale[1]
    lab[..., 1:] = (lab[..., 1:] + (half if signed else 0)) % (2 * half) - half
    return by_profile(lab / scale, profile_of("LAB"), "lab")


def by_profile(samples: NDArray[np.float64], profile: bytes, space: str) -> NDArray[Any]:
    """Return samples as LittleCMS makes sRGB of them.

    In double precision it computes each pixel, 2.5 million a second. For 8 bits it would make a
    table, in 35 ms, whose colours are up to 19 of 255 away.
    """
    import imagecodecs

    try:
        return imagecodecs.cms_transform(
            samples, profile, profile_of("sRGB"), colorspace=space, outcolorspace="rgb"
        )
    except imagecodecs.CmsError as error:
        raise PictureError(f"a damaged ICC profile ({one_line(error)})") from None
