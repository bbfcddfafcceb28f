"""A picture as its file stores it, and its conversions into images for filters and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgconv.io.metadata import Metadata

__all__ = [
    "MAX_PIXELS",
    "About",
    "Alpha",
    "Picture",
    "Stored",
    "full_scale",
    "rescale",
    "span_of",
    "squeeze_grey",
    "stretch",
    "upright",
]

MAX_PIXELS = 250_000_000

# How the colours of a pixel are stored: as they are, or multiplied by the opacity.
Alpha = Literal["straight", "premultiplied"]

# Rec. 709, on the stored (gamma-encoded) values, as scikit-image's rgb2gray has them.
LUMINANCE = (0.2125, 0.7154, 0.0721)

# For each orientation of TIFF 6.0 and Exif how to set the pixels upright.
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
    alpha: bool = False


class Stored(NamedTuple):
    """How a file stores its pixels, as far as a result in the same format can keep it.

    Attributes
    ----------
    kind : str
        The module of the format: "jpeg" or "tiff".
    options : mapping
        What the encoder of this format takes.
    quality : int, optional
        What is wanted of JPEG and WebP in any case, 1 to 100.
    """

    kind: str
    options: Mapping[str, Any]
    quality: int | None = None

    def kept(self, kind: str) -> dict[str, Any]:
        """Return the options for a format: none if it is another."""
        return dict(self.options) if kind == self.kind else {}


UNKNOWN = Stored("", {})


@dataclass(frozen=True, eq=False)
class Picture:
    """The pixels of a file, upright, and what else it says.

    Attributes
    ----------
    pixels : ndarray of shape (H, W) or (H, W, C)
        C is 1 or 3 colours, and one more with alpha; integers, floats or bool, as stored. It may be
        a dask array.
    alpha : {None, "straight", "premultiplied"}
        What the last channel is: a colour, or the opacity, by which the colours are multiplied if
        it is "premultiplied".
    depth : int, optional
        How many bits of an integer the file uses; by default all. 1: black and white, which are
        0 and 255.
    metadata : Metadata
        What the file says of its picture.
    stored : Stored
        How the file stores it.
    pages : int
        How many the file has: TIFF may have several.
    animated : bool
        Whether the file has more frames than the first, which alone is read.
    """

    pixels: NDArray[Any]
    alpha: Alpha | None = None
    depth: int | None = None
    metadata: Metadata = field(default_factory=Metadata)
    stored: Stored = UNKNOWN
    pages: int = 1
    animated: bool = False

    @property
    def white(self) -> float:
        """The value of white: the largest that the file can store, 1.0 for floats and bool."""
        return 2.0**self.depth - 1 if self.depth not in (None, 1) else full_scale(self.pixels.dtype)

    @property
    def colours(self) -> int:
        """The number of channels without alpha: 1 for grey, 3 for RGB."""
        channels: int = 1 if self.pixels.ndim == 2 else self.pixels.shape[2]
        return channels - (self.alpha is not None)

    @property
    def black_and_white(self) -> bool:
        """Whether a file of 1 bit can store it: it came from one, and has no shades."""
        pixels = squeeze_grey(self.pixels)
        if self.depth != 1 or pixels.dtype != np.uint8 or pixels.ndim > 2:
            return False
        return bool(np.isin(pixels, (0, 255)).all())

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

    def with_colours(
        self, colours: NDArray[Any], opacity: NDArray[Any] | None = None, *, drawn: bool = False
    ) -> Picture:
        """Return the picture with other colours and an opacity, as `split` returned them.

        Parameters
        ----------
        colours : ndarray, (H, W) or (H, W, C)
            What a filter made of the colours. Premultiplied ones are cut off at the opacity, above
            which there is no colour; but not values of another dtype, which have no white.
        opacity : ndarray, (H, W, 1), optional
            Of this picture; it is converted to the dtype of the colours.
        drawn : bool
            Whether the white of the colours is that of their dtype, not that of this picture.
        """
        same = colours.dtype == self.pixels.dtype and not drawn
        depth = self.depth if same else None
        made = replace(self, pixels=colours, alpha=None, depth=depth)
        if depth is not None and depth > 1:
            colours = np.minimum(colours, colours.dtype.type(made.white))
        if opacity is None:
            return replace(made, pixels=colours)
        if not same:
            share = np.divide(opacity, self._white_of(opacity), dtype=np.float64)
            opacity = _as_stored(share * made.white, colours.dtype, made.white)
        colours = colours if colours.ndim == 3 else colours[..., None]
        if self.alpha == "premultiplied" and (same or drawn):
            colours = np.minimum(colours, opacity)
        return replace(made, pixels=np.concatenate([colours, opacity], axis=-1), alpha=self.alpha)

    def full_depth(self) -> Picture:
        """Return the picture with integers scaled so that white is the largest of their dtype."""
        dtype = self.pixels.dtype
        if self.white == full_scale(dtype):
            return replace(self, depth=None)
        scaled: NDArray[Any] = self.pixels.astype(np.float64) * (full_scale(dtype) / self.white)
        return replace(self, pixels=_as_stored(scaled, dtype, full_scale(dtype)), depth=None)

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
            white = self.white
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
        white = self._white_of(colours)
        share = np.divide(opacity, white, dtype=np.result_type(opacity, np.float32).type)
        over = colours * (share if self.alpha == "straight" else 1) + (1 - share) * white
        return _as_stored(over, colours.dtype, white)

    def straight(self) -> NDArray[Any]:
        """Return the pixels with colours that are not multiplied by the opacity."""
        colours, opacity = self.split()
        if opacity is None or self.alpha == "straight":
            return self.pixels
        with np.errstate(divide="ignore", invalid="ignore"):
            divided = np.nan_to_num(colours / (opacity / self._white_of(colours)), nan=0.0)
        stored = _as_stored(divided, colours.dtype, self._white_of(colours))
        return np.concatenate([stored, opacity], axis=-1)

    def premultiplied(self) -> Picture:
        """Return the picture with colours multiplied by the opacity, if it has any."""
        colours, opacity = self.split()
        if opacity is None or self.alpha == "premultiplied":
            return self
        made = colours * (opacity / self._white_of(opacity))
        made = np.rint(made) if colours.dtype.kind in "ui" else made
        pixels = np.concatenate([made.astype(colours.dtype), opacity], axis=-1)
        return replace(self, pixels=pixels, alpha="premultiplied")

    def _white_of(self, colours: NDArray[Any]) -> float:
        """Return the white of what `split` returned, which makes integers of bool."""
        return full_scale(colours.dtype) if self.pixels.dtype == np.bool_ else self.white


def _as_stored(colours: NDArray[Any], dtype: np.dtype[Any], white: float) -> NDArray[Any]:
    """Return computed colours in the dtype of the picture, from black to white."""
    rounded = np.rint(colours) if dtype.kind in "ui" else colours
    stored: NDArray[Any] = np.clip(rounded, 0, white).astype(dtype)
    return stored


def full_scale(dtype: np.dtype[Any]) -> float:
    """Return the value of white: the largest integer of the dtype, 1.0 for floats and bool."""
    return float(np.iinfo(dtype).max) if dtype.kind in "ui" else 1.0


def rescale(
    pixels: NDArray[Any], dtype: type[np.unsignedinteger[Any]], white: float | None = None
) -> NDArray[Any]:
    """Return pixels as integers of another dtype: white stays white; NaN and below zero, black.

    `white` is that of the pixels, by default that of their dtype.
    """
    white = full_scale(pixels.dtype) if white is None else white
    usual = white == full_scale(pixels.dtype)
    if pixels.dtype == dtype and usual:
        return pixels
    computing = np.result_type(pixels, np.float32 if usual else np.float64)
    share = np.nan_to_num(pixels.astype(computing) / computing.type(white), nan=0.0)
    scaled: NDArray[Any] = np.rint(np.clip(share, 0, 1) * np.iinfo(dtype).max).astype(dtype)
    return scaled


def stretch(
    result: NDArray[Any],
    signed: bool,
    dtype: type[np.unsignedinteger[Any]],
    span: float = 0.0,
    flat: float = 0.0,
) -> NDArray[Any]:
    """Return a filter's result as integers that show it: the 99th percentile is white.

    Parameters
    ----------
    result : ndarray
        Values that are not finite are drawn as zero.
    signed : bool
        False: zero is black. True: zero is mid-grey, less is darker, more is brighter.
    dtype : numpy.uint8 or numpy.uint16
    span : float
        The largest absolute value of what was filtered (`span_of`). What rounding makes of a flat
        surface of this value is drawn as zero.
    flat : float
        What the filter itself makes of it, where that is known: a kernel that is cut off need not
        add up to zero. What is no larger is drawn as zero, too.

    Returns
    -------
    pixels : ndarray of `dtype`, of the same shape

    Notes
    -----
    White (and, if signed, black) is the 99th percentile of the absolute values, or the largest of
    them where that is zero; what is beyond is saturated. So a faint photo shows as much as one of
    strong contrast.

    Rounding leaves up to about 32 units in the last place of `span`, in the dtype of the result. A
    pipeline may have changed the unit since, so nothing above a thousandth of the largest value is
    taken for rounding, unless all are below those units.
    """
    result = np.where(np.isfinite(result), result, 0)
    size = np.abs(result)
    largest = float(size.max()) if size.size else 0.0
    noise = 32 * float(np.finfo(np.result_type(result, np.float16)).eps) * span
    if largest > noise:
        noise = min(noise, largest / 1000)
    faint = size <= max(noise, 1.01 * flat)
    result, size = np.where(faint, 0, result), np.where(faint, 0, size)
    white = float(np.percentile(size, 99) or size.max()) if size.size else 0.0
    # A result of zeros, or of denormal numbers alone, has no scale: everything is drawn as zero.
    relative = np.clip(result / white, -1, 1) if white > np.finfo(np.float32).tiny else result * 0
    top = np.iinfo(dtype).max
    middle = top // 2
    scaled = (middle + 1) + relative * middle if signed else relative * top
    rounded: NDArray[Any] = np.rint(scaled)
    return rounded.astype(dtype)


def span_of(image: NDArray[Any]) -> float:
    """Return the largest absolute value of an image that is finite, 0 where there is none."""
    sizes = np.abs(image.astype(np.float64)) if image.dtype.kind == "i" else np.abs(image)
    return float(np.max(sizes, initial=0, where=np.isfinite(sizes)))


def squeeze_grey(pixels: NDArray[Any]) -> NDArray[Any]:
    """Return (H, W, 1) pixels as (H, W), and others as they are."""
    return pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels


def upright(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Return pixels rotated and mirrored as the orientation of their file demands."""
    return UPRIGHT.get(orientation, UPRIGHT[1])(pixels)
