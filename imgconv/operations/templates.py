"""Comparisons of windows with a template, from the sums of their products with it."""

from typing import Any

from numpy.typing import NDArray

from imgconv.core.run import run_entry

# In the order of `Method` in pyx/templates.pyx.
METHODS = ("zncc", "ncc", "ssd")

# Rows of results in a block at most, whose first sums are made at once; arrays of sums besides.
ROWS, ARRAYS = 128, 4
# Bytes of sums of a thread, which stay in the L2 cache where windows are not very wide.
CACHED = 1 << 18
# Columns of results that are walked together at least.
NARROW = 64
# Operations a pixel.
COST = 40


def compare(
    pixels: NDArray[Any],
    results: NDArray[Any],
    size: tuple[int, int],
    method: str,
    square: float,
    flat: float,
) -> None:
    """Replace the sums of products of windows with a template by how much they are alike.

    Parameters
    ----------
    pixels : ndarray, (H, W)
        Floats, C-contiguous.
    results : ndarray, (H - h + 1, W - w + 1)
        The sums of products, of the same dtype; neighbours in a row are next to each other.
    size : (int, int)
        Of the template: h and w.
    method : {"zncc", "ncc", "ssd"}
    square : float
        The sum of the squares of what the pixels were multiplied with; for "ssd" of half of it.
    flat : float
        With a variance below this part of its mean square, a window is flat.
    """
    height, width = size
    block = min(height, ROWS)
    column_bytes = 2 * 8 * (block + ARRAYS)
    # Strips share width - 1 columns, so they are at least as wide.
    strip = min(results.shape[1], max(CACHED // column_bytes - width, width, NARROW))
    run_entry(
        *("templates", pixels.dtype.name, "compare", pixels, results, height, width),
        *(METHODS.index(method), square, flat, block, strip),
        cost=COST * pixels.size,
        scratch_bytes=column_bytes * (strip + width - 1),
    )
