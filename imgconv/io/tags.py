"""The tags of a TIFF page that describe its picture, read and written."""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from numbers import Real
from typing import Any, BinaryIO

from imgconv.io import photoshop, pillow
from imgconv.io.metadata import EXIF_IFD, GPS_IFD, Metadata, Resolution, directory
from imgconv.io.picture import Picture

__all__ = ["append_directories", "correct", "metadata_of", "options_of"]

BITS, DESCRIPTION, SOFTWARE, XMP, IPTC, PHOTOSHOP = 258, 270, 305, 700, 33723, 34377
X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 282, 283, 296
UNITS: dict[int, Any] = {2: "inch", 3: "centimetre"}

# Which tags are kept, and their types, in the letters of tifffile: texts, two shorts, fractions,
# and what GeoTIFF says of the place of a picture.
KEPT = {
    **dict.fromkeys((269, 270, 271, 272, 285, 305, 306, 315, 316, 33432), "s"),
    297: "H", 286: "2I", 287: "2I",
    33550: "d", 33922: "d", 34264: "d", 34735: "H", 34736: "d", 34737: "s", 42112: "s", 42113: "s",
}  # fmt: skip

# The codes under which tifffile writes what points to directories: free ones in the same order.
POINTERS = {EXIF_IFD: EXIF_IFD - 1, GPS_IFD: GPS_IFD - 1}

OME_PIXELS = re.compile(rb"<(?:\w+:)?Pixels\b[^>]*>")
OME_TYPES = {"float32": "float", "float64": "double", "bool": "bit"}

# Where tifffile writes the shape of an array, which says nothing of a picture.
SHAPE_TEXT = '{"shape":'


def metadata_of(file: Any, page: Any, profile: bytes | None) -> Metadata:
    """Return what a page says of its picture."""
    found = {code: page.tags.valueof(code) for code in KEPT if code in page.tags}
    if str(found.get(DESCRIPTION, "")).startswith(SHAPE_TEXT):
        del found[DESCRIPTION]
        if found.get(SOFTWARE) == "tifffile.py":
            del found[SOFTWARE]
    camera: dict[int, Any] = {}
    gps: dict[int, Any] = {}
    if EXIF_IFD in page.tags or GPS_IFD in page.tags:
        camera, gps = directories(file, page)
    xmp = page.tags.valueof(XMP)
    return Metadata(
        profile=profile,
        resolution=resolution_of(page),
        tags={code: value for code, value in found.items() if value is not None},
        exif=camera,
        gps=gps,
        xmp=bytes(xmp) if isinstance(xmp, bytes) else None,
        photoshop=blocks_of(page),
    )


def blocks_of(page: Any) -> bytes | None:
    """Return Photoshop's blocks; IPTC that has a tag of its own becomes one of them."""
    blocks = photoshop.kept(bytes_of(page, PHOTOSHOP))
    iptc = bytes_of(page, IPTC)
    return (photoshop.with_iptc(blocks, iptc) if iptc else blocks) or None


def bytes_of(page: Any, code: int) -> bytes:
    """Return the bytes of a tag as the file has them: some programs call them numbers."""
    tag = page.tags.get(code)
    if tag is None:
        return b""
    stream = page.parent.filehandle
    stream.seek(tag.valueoffset)
    data: bytes = stream.read(tag.valuebytecount)
    return data


def directories(file: Any, page: Any) -> tuple[dict[int, Any], dict[int, Any]]:
    """Return the directories of Exif; none where they are damaged."""
    import PIL.Image

    exif = PIL.Image.Exif()
    exif.endian, exif.bigtiff = file.byteorder, bool(file.is_bigtiff)
    try:
        with open(file.filehandle.path, "rb") as stream:
            exif.load_from_fp(stream, page.offset)
            _, camera, gps = pillow.directories(exif)
    except Exception:
        return {}, {}
    return camera, gps


def resolution_of(page: Any) -> Resolution | None:
    """Return how large the pixels are, if a page says it."""
    unit = UNITS.get(page.tags.valueof(RESOLUTION_UNIT, 2))
    x, y = page.tags.valueof(X_RESOLUTION), page.tags.valueof(Y_RESOLUTION)
    try:
        resolution = Resolution(x[0] / x[1], y[0] / y[1], unit)
    except (TypeError, ZeroDivisionError, IndexError):
        return None
    if min(resolution.x, resolution.y) <= 0 or (unit is None and x == y):
        return None
    return resolution


def append_directories(
    stream: BinaryIO, metadata: Metadata, byteorder: str | None, bigtiff: bool
) -> dict[int, int]:
    """Write the directories of Exif at the end of a file, and return where they are.

    tifffile writes no directories but those of pages, which it begins at the end of the file. Nor
    does it write tags that point to others, so `correct` must follow.
    """
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    places = {}
    order = ">" if byteorder == ">" else "<"
    head = struct.pack(order + "2sH", b"MM" if order == ">" else b"II", 42 + bigtiff)
    head += bytes(12 if bigtiff else 4)
    for code, values in ((EXIF_IFD, metadata.exif), (GPS_IFD, metadata.gps)):
        if not values:
            continue
        position = stream.seek(0, 2)
        position += position % 2
        try:
            table = ImageFileDirectory_v2(head, group=code)
            for tag, value in directory(values).items():
                table[tag] = value
            written = table.tobytes(position)
        except Exception:  # Pillow has read it, but cannot write it
            continue
        stream.seek(position)
        stream.write(written)
        places[code] = position
    return places


def correct(stream: BinaryIO, packed: Sequence[int | None]) -> None:
    """Correct what tifffile cannot write, page by page.

    The tags that point to the directories of Exif get their codes, and pages of packed bits, which
    were written as whole bytes, the number of their bits.
    """
    import tifffile

    stream.seek(0)
    with tifffile.TiffFile(stream, mode="r+") as file:
        pages: Any = file.pages
        for page, bits in zip(pages, packed, strict=True):
            for code, written_as in POINTERS.items():
                if written_as in page.tags:
                    stream.seek(page.tags[written_as].offset)
                    stream.write(struct.pack(file.byteorder + "H", code))
            if bits is not None:
                tag = page.tags[BITS]
                tag.overwrite(bits if tag.count == 1 else (bits,) * tag.count)


def options_of(picture: Picture, directories: dict[int, int]) -> dict[str, Any]:
    """Return the options by which tifffile writes the tags of a page."""
    metadata = picture.metadata
    found = {code: value for code, value in metadata.all_tags().items() if is_sound(code, value)}
    description = described(found.pop(DESCRIPTION, None), picture)
    options: dict[str, Any] = {
        "description": description,
        "software": as_bytes(found.pop(SOFTWARE, None)) or False,
        "iccprofile": metadata.profile,
    }
    extra = [(code, KEPT[code], *counted(KEPT[code], value), True) for code, value in found.items()]
    blocks = metadata.photoshop or b""
    for code, data in (
        (XMP, metadata.xmp), (IPTC, photoshop.iptc_of(blocks)), (PHOTOSHOP, blocks)
    ):  # fmt: skip
        if data:
            extra.append((code, "B", len(data), data, True))
    extra += [(POINTERS[code], "Q" if place >> 32 else "I", 1, place, True)
              for code, place in directories.items()]  # fmt: skip
    if metadata.resolution:
        x, y, unit = metadata.resolution
        options["resolution"] = x, y
        options["resolutionunit"] = {"inch": 2, "centimetre": 3, None: 1}[unit]
    return {**options, "extratags": extra}


def is_sound(code: int, value: Any) -> bool:
    """Whether a tag is one that is kept, and its value of the type that it must have."""
    kind = KEPT.get(code)
    if kind == "s":
        return isinstance(value, str | bytes)
    if kind == "2I":
        _, parts = counted(kind, value) if is_number(value) else (1, value)
        return isinstance(parts, tuple) and len(parts) == 2 and all(map(is_count, parts))
    values = value if isinstance(value, tuple) else (value,)
    if kind == "H":
        return bool(values) and all(is_count(each) and each < 1 << 16 for each in values)
    return kind == "d" and bool(values) and all(map(is_number, values))


def is_count(value: Any) -> bool:
    """Whether a value is a whole number that 32 bits hold."""
    return isinstance(value, int) and 0 <= value < 1 << 32


def is_number(value: Any) -> bool:
    """Whether a value is a number, and no fraction of nothing."""
    return isinstance(value, Real) and getattr(value, "denominator", 1) != 0


def counted(kind: str, value: Any) -> tuple[int, Any]:
    """Return the count of a tag's values, and the values."""
    if kind == "s":
        return 0, as_bytes(value)
    if kind == "2I":
        if not isinstance(value, tuple):
            value = value.numerator, value.denominator
        return 1, value
    values = value if isinstance(value, tuple) else (value,)
    return len(values), values if len(values) > 1 else values[0]


def as_bytes(text: Any) -> Any:
    """Return a text as tifffile writes it: bytes, which may be UTF-8; None as it is."""
    return text.encode() if isinstance(text, str) else text


def described(text: Any, picture: Picture) -> bytes | None:
    """Return the description of a picture; OME-XML with the size and the type of the result.

    It is left out where the result has other channels, as it says what each of them is.
    """
    if text is None:
        return None
    data: bytes = as_bytes(text)
    if b"<OME" not in data[:2000]:
        return data
    pixels = picture.pixels
    if picture.stored.kept("tiff").get("shape", (0, 0))[2:] != pixels.shape[2:]:
        return None
    height, width = pixels.shape[:2]
    said = {b"Type": OME_TYPES.get(pixels.dtype.name, pixels.dtype.name), b"SizeX": width,
            b"SizeY": height}  # fmt: skip

    def with_values(element: re.Match[bytes]) -> bytes:
        found = element[0]
        for name, value in said.items():
            found = re.sub(rb'(\s%s=")[^"]*' % name, rb"\g<1>%s" % str(value).encode(), found)
        return found

    return OME_PIXELS.sub(with_values, data)
