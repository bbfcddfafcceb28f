"""What a file says of its picture beside the pixels, in one form for all formats."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

__all__ = ["EXIF_IFD", "GPS_IFD", "TEXT_TAGS", "Metadata", "Resolution"]

# Tags of TIFF 6.0, and thereby of Exif, which is a TIFF file without a picture.
ORIENTATION = 274
EXIF_IFD, GPS_IFD, INTEROP_IFD = 34665, 34853, 40965
EXIF_WIDTH, EXIF_HEIGHT = 40962, 40963

# The words of PNG's texts, and the tags that say the same.
TEXT_TAGS = {"Title": 269, "Description": 270, "Software": 305, "Author": 315, "Copyright": 33432}

# The orientation in XMP, as an attribute and as an element.
XMP_ORIENTATION = re.compile(rb'(tiff:Orientation(?:="|>))\d')
# What the colour space of an ICC profile is, at its offset of 16 bytes, for 1 and 3 colours.
PROFILE_SPACE = {1: b"GRAY", 3: b"RGB "}


class Resolution(NamedTuple):
    """Pixels along x and y in a unit of length; without a unit only their ratio counts."""

    x: float
    y: float
    unit: Literal["inch", "centimetre"] | None = "inch"

    @property
    def per_inch(self) -> tuple[float, float]:
        """Pixels in an inch along x and y; 0 where there is no unit."""
        scale = {"inch": 1.0, "centimetre": 2.54, None: 0.0}[self.unit]
        return self.x * scale, self.y * scale


@dataclass(frozen=True)
class Metadata:
    """What a file says of its picture.

    Attributes
    ----------
    profile : bytes, optional
        An ICC profile.
    resolution : Resolution, optional
        How large the pixels are.
    tags : mapping of int to value
        What the tags of a TIFF page, or of the first directory of Exif, say of the picture: author,
        camera, name of the page. None of them is about how pixels are stored.
    exif, gps : mapping of int to value
        The directories of Exif for the exposure and the place.
    xmp : bytes, optional
        A document of XMP.
    texts : tuple of (str, str)
        Words and texts of PNG, and the comment of JPEG.
    chunks : tuple of (bytes, bytes)
        Name and data of PNG's chunks that say what colours the values mean.
    photoshop : bytes, optional
        Photoshop's blocks, IPTC among them.
    """

    profile: bytes | None = None
    resolution: Resolution | None = None
    tags: Mapping[int, Any] = field(default_factory=dict)
    exif: Mapping[int, Any] = field(default_factory=dict)
    gps: Mapping[int, Any] = field(default_factory=dict)
    xmp: bytes | None = None
    texts: tuple[tuple[str, str], ...] = ()
    chunks: tuple[tuple[bytes, bytes], ...] = ()
    photoshop: bytes | None = None

    def upright(self, orientation: int) -> Metadata:
        """Return what holds of the picture when its pixels have been set upright."""
        tags = {code: value for code, value in self.tags.items() if code != ORIENTATION}
        resolution = self.resolution
        if resolution and orientation in (5, 6, 7, 8):
            resolution = resolution._replace(x=resolution.y, y=resolution.x)
        xmp = self.xmp and XMP_ORIENTATION.sub(rb"\g<1>1", self.xmp)
        return replace(self, tags=tags, resolution=resolution, xmp=xmp)

    def fitted(self, height: int, width: int, colours: int) -> Metadata:
        """Return what holds of a result of this size and number of colours."""
        size = {EXIF_WIDTH: width, EXIF_HEIGHT: height}
        exif = {code: size.get(code, value) for code, value in self.exif.items()}
        profile = self.profile
        if profile and profile[16:20] != PROFILE_SPACE.get(colours):
            profile = None
        return replace(self, exif=exif, profile=profile)

    def all_tags(self) -> dict[int, Any]:
        """Return the tags, and the texts that have a tag."""
        said = {TEXT_TAGS[word]: text for word, text in self.texts if word in TEXT_TAGS}
        return {**said, **self.tags}


def directory(values: Mapping[int, Any]) -> dict[int, Any]:
    """Return a directory of Exif with its texts as bytes: Pillow would write ASCII alone.

    Pillow reads texts as Latin-1, whatever they are; encoded so again, they are as they were.
    """
    return {code: _as_written(value) for code, value in values.items()}


def _as_written(value: Any) -> Any:
    if not isinstance(value, str) or value.isascii():
        return value
    try:
        return value.encode("latin-1")
    except UnicodeEncodeError:  # it comes from another format
        return value.encode()
