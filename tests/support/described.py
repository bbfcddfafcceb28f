"""Pictures that carry a profile, a resolution, Exif, XMP and texts, and how to write them."""

from pathlib import Path

import numpy as np
from pictures import RGB
from PIL import Image, ImageCms, PngImagePlugin
from PIL.TiffImagePlugin import IFDRational

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><r:Description tiff:Orientation="6" '
    b'dc:creator="J\xc3\xbcrgen"/></x:xmpmeta>'
)
UPRIGHT_XMP = XMP.replace(b'"6"', b'"1"')
EXIF_IFD, GPS_IFD = 34665, 34853
TAGS = {270: "a description", 271: "maker", 272: "model", 305: "program", 315: "author",
        306: "2020:02:03 04:05:06", 33432: "all rights"}  # fmt: skip
CAMERA = {33434: IFDRational(1, 250), 34855: 400, 36867: "2020:02:03 04:05:06", 37500: b"\1maker\2",
          37386: IFDRational(50), 37510: b"ASCII\0\0\0hello"}  # fmt: skip
GPS = {1: "N", 2: (48.0, 8.0, 30.5), 29: "2020:02:03"}


def exif(orientation: int = 1) -> Image.Exif:
    """Return Exif data with directories of exposure and place."""
    data = Image.Exif()
    for code, value in TAGS.items():
        data[code] = value
    data[274] = orientation
    data.get_ifd(EXIF_IFD).update(CAMERA)
    data.get_ifd(GPS_IFD).update(GPS)
    return data


def with_thumbnail(data: bytes) -> bytes:
    """Return Exif data with a second directory, whose picture is a thumbnail."""
    body = bytearray(data.removeprefix(b"Exif\0\0"))
    little = body[:2] == b"II"
    order = "little" if little else "big"
    begin = int.from_bytes(body[4:8], order)
    count = int.from_bytes(body[begin : begin + 2], order)
    following = begin + 2 + 12 * count
    place = len(body)
    body[following : following + 4] = place.to_bytes(4, order)
    thumbnail = b"\xff\xd8 THUMBNAIL \xff\xd9"
    entries = [(0x201, 4, 1, place + 2 + 24 + 4), (0x202, 4, 1, len(thumbnail))]
    body += len(entries).to_bytes(2, order)
    for code, kind, number, value in entries:
        for part, size in ((code, 2), (kind, 2), (number, 4), (value, 4)):
            body += part.to_bytes(size, order)
    body += bytes(4) + thumbnail
    return b"Exif\0\0" + bytes(body)


def save_png(path: Path, pixels: np.ndarray = RGB) -> None:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Title", "a title")
    texts.add_itxt("Comment", "Gr\u00fc\u00dfe \u4f60")
    texts.add_itxt("XML:com.adobe.xmp", UPRIGHT_XMP.decode())
    texts.add(b"gAMA", (45455).to_bytes(4, "big"))
    chroma = (31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
    texts.add(b"cHRM", b"".join(value.to_bytes(4, "big") for value in chroma))
    Image.fromarray(pixels).save(
        path, "PNG", pnginfo=texts, icc_profile=PROFILE, dpi=(300, 150), exif=exif()
    )


def save_jpeg(path: Path, pixels: np.ndarray = RGB, orientation: int = 1) -> None:
    Image.fromarray(pixels).save(
        path, "JPEG", icc_profile=PROFILE, dpi=(300, 150), xmp=UPRIGHT_XMP,
        exif=with_thumbnail(exif(orientation).tobytes()), comment="a comment", quality=90,
    )  # fmt: skip


def save_tiff(path: Path, pixels: np.ndarray = RGB) -> None:
    """Write by Pillow: tifffile writes no directories of Exif."""
    data = exif()
    data[700] = UPRIGHT_XMP
    data[285] = "page name"
    data[EXIF_IFD], data[GPS_IFD] = CAMERA, GPS
    Image.fromarray(pixels).save(path, "TIFF", exif=data, icc_profile=PROFILE, dpi=(300, 150))
