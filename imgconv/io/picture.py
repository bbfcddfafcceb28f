"""A picture as its file stores it, and its conversions into images for filters and back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "MAX_PIXELS",
    "ORIENTATION_TAG",
    "About",
    "Alpha",
    "Picture",
    "full_scale",
    "rescale",
    "squeeze_grey",
    "stretch",
    "upright",
]

MAX_PIXELS = 250_000_000

# How the colours of a pixel are stored: as they are, or multiplied by the opacity.
Alpha = Literal["straight", "premultiplied"]

# Rec. 709, on the stored (gamma-encoded) values, as scikit-image's rgb2gray has them.
LUMINANCE = (0.2125, 0.7154, 0.0721)

# The tag of TIFF 6.0 and Exif, and for each of its values how to set the pixels upright.
ORIENTATION_TAG = 274
UPRIGHT: dict[int, Callable[[NDArray[Any]], NDArray[Any]]] = {
    1: lambda pixels: pixels,
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.swapaxes(0, 1),
    6: lambda pixels: pixels.swapaxes(0, 1)[:, ::-1],
    7: lambda pixels: pixels.swapaxes(0, 1)[::-1, ::-1],
    8: lambda pixels: pixels.swapaxes(0, 1)[::-1],
}


class About(NamedTuple):
    """What a file contains, known without reading its pixels."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    pages: int


@dataclass(frozen=True, eq=False)
class Picture:
    """The pixels of a file, upright.

    Attributes
    ----------
    pixels : ndarray of shape (H, W) or (H, W, C)
        C is 1 or 3 colours, and one more with alpha; integers, floats or bool, as stored.
    alpha : {None, "straight", "premultiplied"}
        What the last channel is: a colour, or the opacity, by which the colours are multiplied if
        it is "premultiplied".
    """

    pixels: NDArray[Any]
    alpha: Alpha | None = None

    @property
    def colours(self) -> int:
        """The number of channels without alpha: 1 for grey, 3 for RGB."""
        channels: int = 1 if self.pixels.ndim == 2 else self.pixels.shape[2]
        return channels - (self.alpha is not None)

    def split(self) -> tuple[NDArray[Any], NDArray[Any] | None]:
        """Return the colours, (H, W, 1 or 3), and the opacity, (H, W, 1), if there is alpha.

        A filter may change the colours; the opacity stays. Bool pixels become 0 and 255.
        """
        pixels = self.pixels if self.pixels.ndim == 3 else self.pixels[..., None]
        if pixels.dtype == np.bool_:
            pixels = pixels.astype(np.uint8) * 255
        if self.alpha is None:
            return pixels, None
        return pixels[..., :-1], pixels[..., -1:]

    @staticmethod
    def join(colours: NDArray[Any], opacity: NDArray[Any] | None, alpha: Alpha | None) -> Picture:
        """Return the picture of the colours and the opacity that `split` returned."""
        pixels = colours if opacity is None else np.concatenate([colours, opacity], axis=-1)
        return Picture(pixels, alpha)

    def grey(self) -> NDArray[Any]:
        """Return one grey image: the luminance, with white behind transparent pixels.

        Returns
        -------
        image : ndarray of shape (H, W)
            Grey pixels without alpha as they are; else float32, or float64 from float64 and from
            integers of 32 and 64 bits, on the scale of the pixels.

        Notes
        -----
        Y = 0.2125 R + 0.7154 G + 0.0721 B on the stored values (Rec. 709 weights);
        over white, Y' = a Y + (1 - a) white, where a premultiplied Y already is a Y.
        """
        pixels = self.pixels
        if pixels.ndim == 2:
            return pixels
        if self.colours == 1 and self.alpha is None:
            return pixels[..., 0]
        # float64 for wide integers, as in the filters.
        dtype = np.result_type(pixels, np.float32).type
        image = np.zeros(pixels.shape[:2], dtype)
        for channel, weight in enumerate(LUMINANCE if self.colours == 3 else (1.0,)):
            image += np.multiply(pixels[..., channel], weight, dtype=dtype)
        if self.alpha is not None:
            white = full_scale(pixels.dtype)
            opacity = np.divide(pixels[..., -1], white, dtype=dtype)
            if self.alpha == "straight":
                image *= opacity
            image += (1 - opacity) * dtype(white)
        return image

    def over_white(self) -> NDArray[Any]:
        """Return the colours, (H, W, 1 or 3), with white behind transparent pixels."""
        colours, opacity = self.split()
        if opacity is None:
            return colours
        white = full_scale(colours.dtype)
        share = np.divide(opacity, white, dtype=np.result_type(opacity, np.float32).type)
        over = colours * (share if self.alpha == "straight" else 1) + (1 - share) * white
        return _as_stored(over, colours.dtype)

    def straight(self) -> NDArray[Any]:
        """Return the pixels with colours that are not multiplied by the opacity."""
        colours, opacity = self.split()
        if opacity is None or self.alpha == "straight":
            return self.pixels
        with np.errstate(divide="ignore", invalid="ignore"):
            divided = np.nan_to_num(colours / (opacity / full_scale(colours.dtype)), nan=0.0)
        return np.concatenate([_as_stored(divided, colours.dtype), opacity], axis=-1)


def _as_stored(colours: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return computed colours in the dtype of the picture, from black to white."""
    rounded = np.rint(colours) if dtype.kind in "ui" else colours
    clipped: NDArray[Any] = np.clip(rounded, 0, full_scale(dtype))
    return clipped.astype(dtype)


def full_scale(dtype: np.dtype[Any]) -> float:
    """Return the value of white: the largest integer of the dtype, 1.0 for floats and bool."""
    return float(np.iinfo(dtype).max) if dtype.kind in "ui" else 1.0


def rescale(pixels: NDArray[Any], dtype: type[np.unsignedinteger[Any]]) -> NDArray[Any]:
    """Return pixels as integers of another dtype: white stays white; NaN and below zero, black."""
    if pixels.dtype == dtype:
        return pixels
    computing = np.result_type(pixels, np.float32)
    share = np.nan_to_num(pixels.astype(computing) / full_scale(pixels.dtype), nan=0.0)
    return np.rint(np.clip(share, 0, 1) * np.iinfo(dtype).max).astype(dtype)


def stretch(
    result: NDArray[Any], signed: bool, dtype: type[np.unsignedinteger[Any]]
) -> NDArray[Any]:
    """Return a filter's result as integers that show it: the 99th percentile is white.

    Parameters
    ----------
    result : ndarray
        Values that are not finite are drawn as zero.
    signed : bool
        False: zero is black. True: zero is mid-grey, less is darker, more is brighter.
    dtype : numpy.uint8 or numpy.uint16

    Returns
    -------
    pixels : ndarray of `dtype`, of the same shape

    Notes
    -----
    White (and, if signed, black) is the 99th percentile of the absolute values, or the largest of
    them where that is zero; what is beyond is saturated. So a faint photo shows as much as one of
    strong contrast.
    """
    result = np.where(np.isfinite(result), result, 0)
    size = np.abs(result)
    white = float(np.percentile(size, 99) or size.max()) if size.size else 0.0
    # A result of zeros, or of denormal numbers alone, has no scale: everything is drawn as zero.
    relative = np.clip(result / white, -1, 1) if white > np.finfo(np.float32).tiny else result * 0
    largest = np.iinfo(dtype).max
    middle = largest // 2
    scaled = (middle + 1) + relative * middle if signed else relative * largest
    rounded: NDArray[Any] = np.rint(scaled)
    return rounded.astype(dtype)


def squeeze_grey(pixels: NDArray[Any]) -> NDArray[Any]:
    """Return (H, W, 1) pixels as (H, W), and others as they are."""
    return pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels


def upright(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Return pixels rotated and mirrored as the orientation of their file demands."""
    return UPRIGHT.get(orientation, UPRIGHT[1])(pixels)
