"""Photoshop's blocks beside a picture, IPTC among them, as JPEG (APP13) and TIFF (34377) have them.

A block is a signature, a number, a name and data, each padded to an even length.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

__all__ = ["IPTC", "SEGMENT", "iptc_of", "kept", "with_iptc"]

SEGMENT = b"Photoshop 3.0\0"  # how a segment of JPEG begins that has blocks
SIGNATURE = b"8BIM"
IPTC = 0x0404

# What a result states elsewhere, or what a filter changes: resolution, thumbnails, ICC profile,
# Exif and XMP; names of layers and channels; guides, slices and paths.
DROPPED = frozenset(
    [0x03ED, 0x0409, 0x040C, 0x040F, 0x0411, 0x0422, 0x0423, 0x0424,
     0x03EE, 0x0400, 0x0402, 0x0415, 0x041D, 0x042D, 0x0430,
     0x0408, 0x041A, 0x0BB7, *range(0x07D0, 0x0BB7)]
)  # fmt: skip


def blocks(data: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Yield number, data and all bytes of each block, up to the first that is damaged."""
    place = 0
    while data[place : place + 4] == SIGNATURE and place + 7 <= len(data):
        (number,) = struct.unpack_from(">H", data, place + 4)
        begin = place + 6 + even(1 + data[place + 6])
        if begin + 4 > len(data):
            return
        (length,) = struct.unpack_from(">I", data, begin)
        begin += 4
        end = begin + even(length)
        if begin + length > len(data):
            return
        yield number, data[begin : begin + length], data[place:end].ljust(end - place, b"\0")
        place = end


def even(length: int) -> int:
    """Return a length with its padding."""
    return length + length % 2


def kept(data: bytes) -> bytes:
    """Return the blocks that say of a result what they said of its picture."""
    return b"".join(block for number, _, block in blocks(data) if number not in DROPPED)


def iptc_of(data: bytes) -> bytes | None:
    """Return the data of IPTC, if there is such a block."""
    return next((found for number, found, _ in blocks(data) if number == IPTC), None)


def with_iptc(data: bytes, iptc: bytes) -> bytes:
    """Return the blocks, and one of IPTC if there is none."""
    if iptc_of(data) is not None:
        return data
    head = SIGNATURE + struct.pack(">HHI", IPTC, 0, len(iptc))
    return data + head + iptc.ljust(even(len(iptc)), b"\0")
