"""Photos in and pictures out, for the command: PNG, JPEG and TIFF.

Pillow reads what has 8 bits a channel, imagecodecs the PNG files with 16 (Pillow would cut colour
to 8), tifffile every TIFF. All three meet in a `Photo`; `grey` makes it the image that a filter
takes, and `picture` makes a filter's result the image that a person looks at. `split` and `join`
part the colours, which a filter may change, from what must stay.
"""

from __future__ import annotations

import glob
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

MAX_PIXELS = 250_000_000
PNG, JPEG, TIFF = (".png",), (".jpg", ".jpeg"), (".tif", ".tiff")
SUFFIXES = PNG + JPEG + TIFF

# Rec. 709, on the stored (gamma-encoded) values, as scikit-image's rgb2gray has them.
_LUMINANCE = (0.2125, 0.7154, 0.0721)

# The orientation of TIFF 6.0 and Exif -> how to set the picture upright.
_UPRIGHT: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda pixels: pixels,
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.swapaxes(0, 1),
    6: lambda pixels: pixels.swapaxes(0, 1)[:, ::-1],
    7: lambda pixels: pixels.swapaxes(0, 1)[::-1, ::-1],
    8: lambda pixels: pixels.swapaxes(0, 1)[::-1],
}
_ORIENTATION_TAG = 274

_TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
LARGE_TIFF = 4_000_000_000  # bytes; beyond, offsets need 64 bits
_TIFF_ALPHA = {1: "premultiplied", 2: "straight"}  # the ExtraSamples of TIFF 6.0


class PhotoError(Exception):
    """A file that cannot be read or written; the message says why on one line."""


class Photo(NamedTuple):
    """A photo as its file holds it, but upright.

    Attributes
    ----------
    pixels : ndarray of shape (H, W) or (H, W, C)
        C is 1 or 3 colours, and one more with alpha; integers, floats or bool, as stored.
    alpha : {None, "straight", "premultiplied"}
        What the last channel is.
    """

    pixels: np.ndarray
    alpha: str | None


class About(NamedTuple):
    """What a file holds, told without reading its pixels."""

    shape: tuple[int, ...]
    dtype: np.dtype
    pages: int


def about(path: Path) -> About:
    """Return shape, dtype and number of pages of a picture file.

    Raises
    ------
    PhotoError
        If the file is missing, or not such a picture.
    """
    return _decoded(path, _about_tiff, _about_png_or_jpeg)


def _about_tiff(path: Path) -> About:
    import tifffile

    with tifffile.TiffFile(path) as file:
        page: Any = file.pages.first
        if page.dtype is None:
            raise PhotoError("pixels of an unknown type")
        return About(tuple(page.shape), np.dtype(page.dtype), len(file.pages))


def _about_png_or_jpeg(path: Path) -> About:
    import PIL.Image

    PIL.Image.MAX_IMAGE_PIXELS = None
    try:
        with PIL.Image.open(path, formats=("PNG", "JPEG")) as file:
            channels = 1 if file.mode.startswith("I") else len(_plain_mode(file))
            wide = file.format == "PNG" and _bits(path) == 16
            shape = (file.height, file.width, channels)
    except PIL.UnidentifiedImageError:
        raise PhotoError(_not_a_picture(path)) from None
    return About(shape if channels > 1 else shape[:2], np.dtype("u2" if wide else "u1"), 1)


def read(path: Path, max_pixels: int = MAX_PIXELS, page: int = 0) -> Photo:
    """Read a photo; of a file with several pictures, the first or another page.

    Parameters
    ----------
    path : Path
        A PNG, JPEG or TIFF file; its content decides which, not its name.
    max_pixels : int
        Larger pictures are refused before they are decoded.
    page : int
        Which page of a TIFF file.

    Returns
    -------
    photo : Photo

    Raises
    ------
    PhotoError
        If the file is missing, truncated, too large, or not such a picture.
    """
    pixels, orientation, alpha = _decoded(
        path, partial(_read_tiff, max_pixels=max_pixels, page=page),
        partial(_read_png_or_jpeg, max_pixels=max_pixels),
    )  # fmt: skip
    return Photo(_UPRIGHT.get(orientation, _UPRIGHT[1])(pixels), alpha)


def _decoded(path: Path, tiff: Callable[[Path], Any], other: Callable[[Path], Any]) -> Any:
    """Return what one of two readers makes of a file; its content decides which."""
    try:
        with open(path, "rb") as stream:
            decode = tiff if stream.read(4) in _TIFF_MAGIC else other
        return decode(path)
    except PhotoError:
        raise
    except MemoryError:
        raise PhotoError("too large for this machine's memory") from None
    except FileNotFoundError:
        raise PhotoError("no such file") from None
    except IsADirectoryError:
        raise PhotoError("a folder, not a photo") from None
    except PermissionError:
        raise PhotoError("no permission to read it") from None
    # Decoders meet damage in many ways (OSError, SyntaxError, struct.error); all mean one thing.
    except Exception as error:
        raise PhotoError(f"damaged or truncated ({_one_line(error)})") from error


def grey(photo: Photo) -> np.ndarray:
    """Return a photo as one grey image: luminance, with white behind transparent pixels.

    Parameters
    ----------
    photo : Photo

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
    pixels, alpha = photo
    if pixels.ndim == 2:
        return pixels
    colours = pixels.shape[2] - (alpha is not None)
    if colours == 1 and alpha is None:
        return pixels[..., 0]
    dtype = np.result_type(
        pixels, np.float32
    ).type  # float64 for wide integers, as the filters have it
    image = np.zeros(pixels.shape[:2], dtype)
    for channel, weight in enumerate(_LUMINANCE if colours == 3 else (1.0,)):
        image += np.multiply(pixels[..., channel], weight, dtype=dtype)
    if alpha is not None:
        white = full_scale(pixels.dtype)
        opacity = np.divide(pixels[..., -1], white, dtype=dtype)
        if alpha == "straight":
            image *= opacity
        image += (1 - opacity) * dtype(white)
    return image


def split(photo: Photo) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the colours of a photo, (H, W, 1 or 3), and its opacity, if it has one, (H, W, 1)."""
    pixels = photo.pixels if photo.pixels.ndim == 3 else photo.pixels[..., None]
    if pixels.dtype == np.bool_:
        pixels = pixels.astype(np.uint8) * 255
    if photo.alpha is None:
        return pixels, None
    return pixels[..., :-1], pixels[..., -1:]


def join(colours: np.ndarray, opacity: np.ndarray | None, alpha: str | None) -> Photo:
    """Return a photo of the colours and the opacity that `split` gave."""
    pixels = colours if opacity is None else np.concatenate([colours, opacity], axis=-1)
    return Photo(pixels, alpha)


def over_white(photo: Photo) -> np.ndarray:
    """Return the colours of a photo as they look with white behind transparent pixels."""
    colours, opacity = split(photo)
    if opacity is None:
        return colours
    white = full_scale(colours.dtype)
    share = np.divide(opacity, white, dtype=np.result_type(opacity, np.float32).type)
    seen = colours * (share if photo.alpha == "straight" else 1) + (1 - share) * white
    return np.clip(np.rint(seen) if colours.dtype.kind in "ui" else seen, 0, white).astype(
        colours.dtype
    )


def rescale(pixels: np.ndarray, dtype: type[np.unsignedinteger]) -> np.ndarray:
    """Return pixels as integers of another dtype: white stays white; NaN and below zero, black."""
    if pixels.dtype == dtype:
        return pixels
    wide = np.result_type(pixels, np.float32)
    share = np.nan_to_num(pixels.astype(wide) / full_scale(pixels.dtype), nan=0.0)
    return np.rint(np.clip(share, 0, 1) * np.iinfo(dtype).max).astype(dtype)


def full_scale(dtype: np.dtype) -> float:
    """Return the value of white: the largest integer of the dtype, 1.0 for floats and bool."""
    return float(np.iinfo(dtype).max) if dtype.kind in "ui" else 1.0


def picture(result: np.ndarray, signed: bool, dtype: type[np.unsignedinteger]) -> np.ndarray:
    """Return a filter's result as a picture of 8- or 16-bit integers.

    Parameters
    ----------
    result : ndarray of shape (H, W)
        Values that are not finite are drawn as zero.
    signed : bool
        False: zero is black. True: zero is mid-grey, less is darker, more is brighter.
    dtype : numpy.uint8 or numpy.uint16
        The dtype of the picture.

    Returns
    -------
    picture : ndarray of shape (H, W)

    Notes
    -----
    White (and, if signed, black) is the 99th percentile of the absolute values, or the largest of
    them where that is zero; what lies beyond is saturated. So a faint photo shows as much as a
    contrasty one.
    """
    result = np.where(np.isfinite(result), result, 0)
    size = np.abs(result)
    white = float(np.percentile(size, 99) or size.max()) if size.size else 0.0
    # A result with no edge at all, or with denormal ones alone, has no scale: everything is zero.
    relative = np.clip(result / white, -1, 1) if white > np.finfo(np.float32).tiny else result * 0
    top = np.iinfo(dtype).max
    scaled = (top // 2 + 1) + relative * (top // 2) if signed else relative * top
    return np.rint(scaled).astype(dtype)


def write(path: Path, image: np.ndarray) -> None:
    """Write a grey picture, whole or not at all: PNG, JPEG or TIFF by the name's suffix.

    Parameters
    ----------
    path : Path
        Where to; its folder is made where missing.
    image : ndarray of shape (H, W)
        uint8 for JPEG; uint8 or uint16 for PNG; any real dtype for TIFF.

    Raises
    ------
    PhotoError
        If the file cannot be written.
    """
    write_photo(path, Photo(image, None))


@contextmanager
def whole_or_not(path: Path) -> Iterator[Path]:
    """Give a temporary name in a path's folder, which becomes the path when all went well.

    So nobody ever sees half a result. What a killed process left under such a name is removed.

    Raises
    ------
    PhotoError
        If the file cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for left in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
            if not _is_alive(left.name.split(".")[-2]):
                remove(left)
        try:
            yield temporary
            if is_zarr(path) and temporary.is_dir():
                shutil.rmtree(path)
            os.replace(temporary, path)
        finally:
            remove(temporary)
    except (OSError, ValueError) as error:
        raise PhotoError(f"cannot write {path} ({_one_line(error)})") from error


def is_zarr(path: Path) -> bool:
    """Whether a folder is a zarr array."""
    return any((path / name).is_file() for name in ("zarr.json", ".zarray"))


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _is_alive(process: str) -> bool:
    """Whether a process of this number runs."""
    if os.name == "nt":  # there, signal 0 is one that arrives
        return True
    try:
        os.kill(int(process), 0)
    except (ValueError, ProcessLookupError):
        return False
    except OSError:
        return True
    return True


def write_pages(path: Path, photos: Iterable[Photo], large: bool = False) -> None:
    """Write the pages of a TIFF file one by one, whole or not at all.

    Parameters
    ----------
    path : Path
        Where to.
    photos : iterable of Photo
        In order; each is asked for when the one before is written.
    large : bool
        Whether the file may grow beyond 4 GB: a BigTIFF.

    Raises
    ------
    PhotoError
        If the file cannot be written.
    """
    import tifffile

    with whole_or_not(path) as temporary, tifffile.TiffWriter(temporary, bigtiff=large) as file:
        for photo in photos:
            pixels, options = _tiff_page(photo)
            file.write(pixels, **options)


def write_photo(path: Path, photo: Photo) -> None:
    """Write a photo, whole or not at all: PNG, JPEG or TIFF by the name's suffix.

    Parameters
    ----------
    path : Path
        Where to; its folder is made where missing.
    photo : Photo
        JPEG holds 8 bits and no alpha, PNG 8 bits of uint8 and 16 of all else, TIFF the pixels as
        they are.

    Raises
    ------
    PhotoError
        If the file cannot be written.
    """
    suffix = path.suffix.lower()
    encode = _encode_tiff if suffix in TIFF else _encode_jpeg if suffix in JPEG else _encode_png
    with whole_or_not(path) as temporary, open(temporary, "xb") as stream:
        encode(stream, photo)


def _encode_tiff(stream: BinaryIO, photo: Photo) -> None:
    import tifffile

    pixels, options = _tiff_page(photo)
    tifffile.imwrite(stream, pixels, bigtiff=pixels.nbytes > LARGE_TIFF, **options)


def _tiff_page(photo: Photo) -> tuple[np.ndarray, dict[str, Any]]:
    """Return the pixels of a page, and what tifffile must know of them."""
    pixels, alpha = _plain(photo.pixels), photo.alpha
    colours = 1 if pixels.ndim == 2 else pixels.shape[2] - (alpha is not None)
    return pixels, {
        "photometric": "rgb" if colours == 3 else "minisblack",
        "planarconfig": "contig" if pixels.ndim == 3 else None,
        "extrasamples": [next(code for code, kind in _TIFF_ALPHA.items() if kind == alpha)]
        if alpha
        else None,
        "metadata": None,
    }


def _encode_jpeg(stream: BinaryIO, photo: Photo) -> None:
    import PIL.Image

    pixels = rescale(_plain(over_white(photo)), np.uint8)
    PIL.Image.fromarray(pixels).save(stream, "JPEG", quality=95)


def _encode_png(stream: BinaryIO, photo: Photo) -> None:
    pixels = _plain(_straight(photo))
    if pixels.dtype == np.uint8:
        import PIL.Image

        PIL.Image.fromarray(pixels).save(stream, "PNG")
    else:
        import imagecodecs

        stream.write(imagecodecs.png_encode(np.ascontiguousarray(rescale(pixels, np.uint16))))


def _plain(pixels: np.ndarray) -> np.ndarray:
    """Return grey pixels without an axis for their one channel."""
    return pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels


def _straight(photo: Photo) -> np.ndarray:
    """Return the pixels of a photo, their colours not multiplied by the opacity."""
    colours, opacity = split(photo)
    if opacity is None or photo.alpha == "straight":
        return photo.pixels
    white = full_scale(colours.dtype)
    with np.errstate(divide="ignore", invalid="ignore"):
        bare = np.nan_to_num(colours / (opacity / white), nan=0.0)
    bare = np.clip(np.rint(bare) if colours.dtype.kind in "ui" else bare, 0, white)
    return np.concatenate([bare.astype(colours.dtype), opacity], axis=-1)


def _read_png_or_jpeg(path: Path, max_pixels: int) -> tuple[np.ndarray, int, str | None]:
    """Return pixels, orientation and kind of alpha."""
    import PIL.Image

    # The size is checked here, for all formats alike, before anything is decoded.
    PIL.Image.MAX_IMAGE_PIXELS = None
    try:
        file = PIL.Image.open(path, formats=("PNG", "JPEG"))
    except PIL.UnidentifiedImageError:
        raise PhotoError(_not_a_picture(path)) from None
    with file:
        _check_size(file.height, file.width, max_pixels)
        file.load()  # to the end, so that damage and Exif data behind the pixels are met
        orientation = file.getexif().get(_ORIENTATION_TAG, 1)
        if file.format == "PNG" and _bits(path) == 16:
            import imagecodecs

            pixels = imagecodecs.png_decode(path.read_bytes())
        else:
            pixels = np.asarray(file.convert(_plain_mode(file)))
    alpha = "straight" if pixels.ndim == 3 and pixels.shape[2] in (2, 4) else None
    return pixels, orientation, alpha


def _read_tiff(path: Path, max_pixels: int, page: int) -> tuple[np.ndarray, int, str | None]:
    """Return pixels, orientation and kind of alpha of a page of a TIFF file."""
    import tifffile

    with tifffile.TiffFile(path) as file:
        found: Any = file.pages[page]
        _check_size(found.imagelength, found.imagewidth, max_pixels)
        pixels = found.asarray()
        if pixels.dtype.kind not in "buif":
            raise PhotoError(f"pixels of {pixels.dtype} cannot be filtered")
        if found.axes == "SYX":
            pixels = np.moveaxis(pixels, 0, -1)
        elif found.axes not in ("YX", "YXS"):
            raise PhotoError(f"a TIFF page with axes {found.axes}, not a flat picture")
        photometric = tifffile.PHOTOMETRIC(found.photometric).name
        if photometric == "PALETTE" and found.colormap is not None:
            pixels = np.moveaxis(found.colormap[:, pixels], 0, -1)
        elif photometric == "MINISWHITE":
            pixels = ~pixels if pixels.dtype.kind in "bu" else full_scale(pixels.dtype) - pixels
        elif photometric not in ("MINISBLACK", "RGB", "YCBCR"):
            raise PhotoError(f"a TIFF file of {photometric} pixels, not of grey or RGB")
        alpha = _TIFF_ALPHA.get(found.extrasamples[0]) if found.extrasamples else None
        colours = 3 if photometric in ("RGB", "YCBCR", "PALETTE") else 1
        if pixels.ndim == 3:
            pixels = pixels[..., : colours + (alpha is not None)]
        orientation = found.tags.valueof(_ORIENTATION_TAG, 1)
    return pixels, orientation, alpha


def _plain_mode(file: Any) -> str:
    """Return the Pillow mode that holds a file of 8 bits: grey or RGB, with its alpha."""
    mode = "L" if file.mode in ("1", "L", "LA") else "RGB"
    return mode + "A" if file.has_transparency_data else mode


def _bits(path: Path) -> int:
    """Return a PNG file's bits a channel: the byte behind signature, IHDR, width and height."""
    with open(path, "rb") as stream:
        return stream.read(25)[24]


def _check_size(height: int, width: int, max_pixels: int) -> None:
    if height * width > max_pixels:
        raise PhotoError(
            f"{width} x {height} pixels are {height * width / 1e6:.0f} megapixels, "
            f"more than the limit of {max_pixels / 1e6:g} (--max-megapixels)"
        )
    if height * width == 0:
        raise PhotoError("a picture without pixels")


def _not_a_picture(path: Path) -> str:
    return "an empty file" if path.stat().st_size == 0 else "not a PNG, JPEG or TIFF picture"


def _one_line(error: BaseException) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(text.split())[:120] or type(error).__name__
