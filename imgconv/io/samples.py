"""What the samples of a TIFF page mean, and how they become grey or RGB, with alpha."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgconv.io import colour
from imgconv.io.errors import PictureError
from imgconv.io.picture import Alpha, full_scale

__all__ = ["CODE_OF_ALPHA", "Samples"]

# The values of the tag ExtraSamples of TIFF 6.0.
ALPHA_OF_CODE: dict[int, Alpha] = {1: "premultiplied", 2: "straight"}
CODE_OF_ALPHA = {alpha: code for code, alpha in ALPHA_OF_CODE.items()}

# How many samples of a pixel are its colour, by the name of the tag PhotometricInterpretation; and
# what is said of those that are not grey or RGB.
COLOURS = {
    "MINISBLACK": 1, "MINISWHITE": 1, "PALETTE": 1, "RGB": 3, "YCBCR": 3, "SEPARATED": 4,
    "CIELAB": 3, "ICCLAB": 3,
}  # fmt: skip
NAMES = {"YCBCR": "YCbCr", "SEPARATED": "CMYK", "CIELAB": "CIELab", "ICCLAB": "ICC Lab"}
# Compressions whose decoder gives RGB for YCbCr.
JPEGS = ("JPEG", "OJPEG", "ALT_JPEG", "APERIO_JP2000_YCBC", "JPEG_2000_LOSSY", "WEBP")
INK_SET = 332
CMYK_INKS = 1
YCBCR_COEFFICIENTS, REFERENCE_BLACK_WHITE = 529, 532
# The weights of red, green and blue in Y, where a file has no others (Rec. 601).
LUMA = (0.299, 0.587, 0.114)
# The Y of black and of white, and the Cb and the Cr of no colour and of most, in 8 bits.
OF_EIGHT_BITS = (0, 255, 128, 255, 128, 255)


@dataclass(frozen=True, eq=False)
class Samples:
    """How the samples of a page become those of a picture: a value that other processes can read.

    Attributes
    ----------
    photometric : str
        What the samples are, in the words of TIFF; RGB where the decoder has made it of YCbCr.
    stored : dtype
        Of the samples.
    depth : int, optional
        The bits of an integer that are used, if not all are.
    alpha_at : int, optional
        Which sample is the opacity.
    alpha : str, optional
        Its kind.
    table : ndarray, (3, n), optional
        The colours of a palette.
    profile : bytes, optional
        The ICC profile of the colours.
    conversion : callable, optional
        How samples that are not grey or RGB become RGB (`colour.rgb`).
    """

    photometric: str
    stored: np.dtype[Any]
    depth: int | None
    alpha_at: int | None
    alpha: Alpha | None
    table: NDArray[Any] | None
    profile: bytes | None
    conversion: colour.Conversion | None

    @classmethod
    def of(cls, page: Any) -> Samples:
        """Return what the samples of a page mean, or refuse them by name."""
        import tifffile

        if page.dtype is None:
            raise PictureError("pixels of an unknown type")
        dtype = np.dtype(page.dtype)
        if dtype.kind not in "buif":
            raise PictureError(f"pixels of {dtype} cannot be filtered")
        # Of missing tiles and strips tifffile would make black pixels, as many as the header says.
        if not page.is_contiguous and len(page.dataoffsets) < math.prod(page.chunked):
            missing = math.prod(page.chunked) - len(page.dataoffsets)
            raise PictureError(f"truncated ({missing} tiles or strips are missing)")
        if page.axes not in ("YX", "YXS", "SYX"):
            raise PictureError(f"a TIFF page with axes {page.axes}, not a flat picture")
        name = tifffile.PHOTOMETRIC(page.photometric).name
        if name not in COLOURS or (name == "PALETTE" and page.colormap is None):
            raise PictureError(f"a TIFF file of {name} pixels, not of grey or RGB")
        if name == "YCBCR" and tifffile.COMPRESSION(page.compression).name in JPEGS:
            name = "RGB"
        count = page.samplesperpixel
        if count < COLOURS[name]:
            raise PictureError(f"a TIFF file of {name} pixels with {count} samples a pixel")
        at, alpha = alpha_of(page.extrasamples, count, COLOURS[name], name)
        bits = page.bitspersample
        # Where red, green and blue have different bits, the decoder scales them to 8.
        fewer = isinstance(bits, int) and bits < 8 * dtype.itemsize
        depth = bits if dtype.kind in "bu" and fewer else None
        return cls(
            name, dtype, 1 if dtype == np.bool_ else depth, at, alpha,
            table_of(page) if name == "PALETTE" else None, page.iccprofile,
            conversion_of(name, page, dtype) if name in NAMES else None,
        )  # fmt: skip

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the picture."""
        if self.table is not None:
            return self.table.dtype
        return np.dtype(np.uint8) if self.stored == np.bool_ else self.stored

    @property
    def colours(self) -> int:
        """The number of colours of the picture."""
        return 1 if self.photometric in ("MINISBLACK", "MINISWHITE") else 3

    @property
    def depth_of_result(self) -> int | None:
        """The bits that the picture uses: palettes have a depth of their own."""
        return None if self.table is not None else self.depth

    @property
    def profile_of_result(self) -> bytes | None:
        """The profile of the picture, whose colours may have been converted."""
        return colour.profile_of_rgb(self.photometric, self.profile)

    def shape(self, height: int, width: int) -> tuple[int, ...]:
        """Return the shape of the picture."""
        channels = self.colours + (self.alpha is not None)
        return (height, width, channels) if channels > 1 else (height, width)

    def __call__(self, samples: NDArray[Any]) -> NDArray[Any]:
        """Return the pixels of a picture, or a piece of it, from (H, W) or (H, W, S) samples."""
        samples = samples if samples.ndim == 3 else samples[..., None]
        pixels = self.converted(samples[..., : COLOURS[self.photometric]])
        if self.alpha_at is not None:
            opacity = self.opacity(samples[..., self.alpha_at, None])
            pixels = np.concatenate([pixels, opacity], axis=-1)
        return pixels if pixels.shape[2] > 1 else pixels[..., 0]

    def opacity(self, samples: NDArray[Any]) -> NDArray[Any]:
        """Return the opacity on the scale of the colours, which a palette gives another white."""
        if self.table is None and self.stored == self.dtype:
            return samples
        share = samples / white_of(self.stored, self.depth)
        return np.rint(share * full_scale(self.dtype)).astype(self.dtype)

    def converted(self, samples: NDArray[Any]) -> NDArray[Any]:
        """Return grey or RGB."""
        name = self.photometric
        if self.table is not None:
            # An index beyond the table is damage that need not end everything.
            index = np.minimum(samples[..., 0].astype(np.intp), self.table.shape[1] - 1)
            return np.moveaxis(self.table[:, index], 0, -1)
        if self.conversion is not None:
            white = white_of(self.dtype, None if self.depth == 1 else self.depth)
            return colour.rgb(samples, self.conversion, self.dtype, white)
        if self.stored == np.bool_:
            return np.where(samples == (name == "MINISBLACK"), np.uint8(255), np.uint8(0))
        # Floats have no largest number, from which the others could be counted.
        if name == "MINISWHITE" and self.stored.kind != "f":
            largest = self.stored.type(2**self.depth - 1) if self.depth else None
            return ~samples if largest is None else largest - np.minimum(samples, largest)
        return samples


def white_of(dtype: np.dtype[Any], depth: int | None) -> float:
    """Return the largest number of a dtype, or of the bits of it that are used."""
    return 2.0**depth - 1 if depth else full_scale(dtype)


def conversion_of(name: str, page: Any, dtype: np.dtype[Any]) -> colour.Conversion:
    """Return how the samples of a page become RGB, or refuse them by name."""
    bits = page.bitspersample
    what = f"a TIFF file of {NAMES[name]} pixels"
    if dtype.kind not in "bu" or not isinstance(bits, int):
        raise PictureError(f"{what} of {dtype if isinstance(bits, int) else bits}")
    white = 2.0**bits - 1
    if name == "SEPARATED":
        if page.tags.valueof(INK_SET, CMYK_INKS) != CMYK_INKS:
            raise PictureError("a TIFF file of inks that are not cyan, magenta, yellow and black")
        return partial(colour.from_inks, white=white, profile=page.iccprofile)
    if name == "YCBCR":
        if page.subsampling not in (None, (1, 1)):
            raise PictureError(f"{what} with fewer samples of chroma, uncompressed")
        luma = fractions(page, YCBCR_COEFFICIENTS, LUMA)
        half = 2.0 ** (bits - 1)
        reference = fractions(page, REFERENCE_BLACK_WHITE, OF_EIGHT_BITS)
        if reference == OF_EIGHT_BITS:  # as some programs write, whatever the depth
            reference = (0, white, half, white, half, white)
        if luma[1] == 0 or any(np.diff(reference)[::2] == 0):
            raise PictureError(f"{what} whose coefficients are impossible")
        return partial(colour.from_ycbcr, white=white, luma=luma, reference=reference)
    if bits not in (8, 16):
        raise PictureError(f"{what} of {bits} bits; 8 and 16 are defined")
    unit = 2.0 ** (bits - 8)  # of a* and b*
    if name == "CIELAB":
        return partial(colour.from_lab, scale=(white / 100, unit, unit), signed=True)
    # As in ICC profiles of version 2, where L* of 16 bits is 100 at FF00.
    return partial(colour.from_lab, scale=(2.55 * unit, unit, unit), signed=False)


def fractions(page: Any, code: int, default: tuple[float, ...]) -> tuple[float, ...]:
    """Return the fractions of a tag."""
    parts = page.tags.valueof(code)
    if parts is None:
        return default
    found = tuple(a / b for a, b in zip(parts[::2], parts[1::2], strict=True))
    return found if len(found) == len(default) else default


def alpha_of(
    extra: tuple[int, ...], count: int, colours: int, name: str
) -> tuple[int | None, Alpha | None]:
    """Return which sample of a pixel is its opacity, and of which kind."""
    for place, code in enumerate(extra[: count - colours]):
        if code in ALPHA_OF_CODE:
            return colours + place, ALPHA_OF_CODE[code]
    # A fourth sample that is not explained is taken for alpha by all who write and read such files.
    if not extra and name == "RGB" and count == 4:
        return 3, "straight"
    return None, None


def table_of(page: Any) -> NDArray[Any]:
    """Return the colours of a palette: 8 bits where the 16 of its entries say no more."""
    table = np.asarray(page.colormap)
    if (table % 257 == 0).all():
        return (table // 257).astype(np.uint8)
    # Some programs write 8 bits as they are.
    return table.astype(np.uint8) if (table < 256).all() else table.astype(np.uint16)
