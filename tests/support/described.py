"""Pictures that carry a profile, a resolution, Exif, XMP and texts, and how to write them."""

import struct
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


# Paper, and all that solid cyan, magenta, yellow and black make on it: 2 x 2 x 2 x 2 in one row.
SOLID = np.indices((2, 2, 2, 2)).reshape(4, -1).T[None]


def cmyk_profile() -> bytes:
    """Return an ICC profile (version 2) of inks, whose table has the Lab of solid ones alone."""
    cyan, magenta, yellow, black = SOLID[0].T
    light = 100 * (1 - 0.3 * cyan) * (1 - 0.4 * magenta) * (1 - 0.1 * yellow) * (1 - 0.9 * black)
    red = (60 * magenta - 30 * cyan) * (1 - black)
    warm = (80 * yellow - 40 * cyan - 5 * magenta) * (1 - black)
    lab = np.stack([light * 652.8, (red + 128) * 256, (warm + 128) * 256], axis=-1)
    white, one = s15_fixed16(0.9642, 1, 0.8249), s15_fixed16(1, 0, 0, 0, 1, 0, 0, 0, 1)
    straight = struct.pack(">2H", 0, 65535)  # a curve of two entries
    table = b"mft2\0\0\0\0\4\3\2\0" + one + struct.pack(">2H", 2, 2) + straight * 4
    tags = {
        b"desc": b"desc\0\0\0\0\0\0\0\5inks".ljust(90, b"\0"),
        b"cprt": b"text\0\0\0\0none".ljust(16, b"\0"),
        b"wtpt": b"XYZ \0\0\0\0" + white,
        b"A2B0": table + np.rint(lab).astype(">u2").tobytes() + straight * 3,
    }
    place = 128 + 4 + 12 * len(tags)
    index, data = struct.pack(">I", len(tags)), b""
    for name, value in tags.items():
        index += name + struct.pack(">2I", place + len(data), len(value))
        data += value.ljust(-len(value) % 4 + len(value), b"\0")
    kind = struct.pack(">2I", 0, 0x02400000) + b"prtrCMYKLab "
    date = struct.pack(">6H", 2020, 1, 1, 0, 0, 0)
    header = kind + date + b"acsp" + bytes(28) + white
    return struct.pack(">I", place + len(data)) + header.ljust(124, b"\0") + index + data


def s15_fixed16(*values: float) -> bytes:
    """Return numbers as ICC profiles store them."""
    return struct.pack(f">{len(values)}i", *(round(65536 * value) for value in values))


CMYK = cmyk_profile()


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
