"""Contrast-limited adaptive histogram equalisation, a plane at a time."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgconv.core import border
from imgconv.core.pixels import contiguous
from imgconv.core.run import run_entry

# `TABLES`, `KEPT` and `LEVELS` in pyx/clahe.pyx.
TABLES, KEPT, LEVELS = 4, 2, 1 << 14
# Operations a pixel: counting, a look-up and three interpolations.
COST = 16


def equalize_tiles(plane: NDArray[Any], tile: tuple[int, int], limit: float) -> NDArray[Any]:
    """Return a plane of uint8 or uint16 equalised by the histograms of its tiles.

    Tiles begin at the first pixel; the last ones are filled up by mirrored pixels.
    """
    bins = 1 << 8 * plane.dtype.itemsize
    image = contiguous(plane, plane.dtype.newbyteorder("="))
    result = np.empty_like(image)
    tile_height, tile_width = (min(k, n) for k, n in zip(tile, image.shape, strict=True))
    rows, columns = tiled(image.shape, (tile_height, tile_width))
    along = len(columns) // tile_width
    tables = np.empty((KEPT * along, bins), image.dtype)
    joined = np.empty((along + 1, bins) if bins == 256 else 0, np.uint32)
    counted = bins * (TABLES if bins == 256 else 1)
    run_entry(
        "clahe", "float32", "equalize", image, rows, columns, tile_height, tile_width,
        count_limit(limit, tile_height * tile_width, bins), tables, joined, result,
        cost=COST * image.size, scratch_bytes=4 * counted,
    )  # fmt: skip
    return result


def count_limit(limit: float, pixels: int, bins: int) -> int:
    """Return the largest count of a bin, from its ratio to that of a flat histogram; 0 for none."""
    if limit <= 0:
        return 0
    return max(1, int(min(limit * pixels / bins, pixels)))


def adapted(bins: NDArray[Any], count: int, tile: tuple[int, int], limit: int) -> NDArray[Any]:
    """Return a plane mapped to LEVELS levels as scikit-image maps it.

    `bins` are those of its pixels, of 8 or 16 bits and below `count`.
    """
    image, result = np.ascontiguousarray(bins), np.empty(bins.shape, np.uint16)
    rows, columns = tiled(image.shape, tile)
    tables = np.empty((KEPT * (len(columns) // tile[1]), count), np.uint16)
    counted = count * (TABLES if image.dtype.itemsize == 1 else 1)
    run_entry(
        "clahe", "float32", "adapt", image, rows, columns, *tile, limit, tables, result,
        cost=COST * image.size, scratch_bytes=4 * counted,
    )  # fmt: skip
    return result


def tiled(shape: tuple[int, ...], tile: tuple[int, int]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the rows and columns of the pixels of all tiles; the last have mirrored pixels."""
    rows, columns = (
        border.sources(np.arange(-(-n // k) * k), n, "mirror")
        for n, k in zip(shape, tile, strict=True)
    )
    return rows, columns
