"""Comparisons of windows with a template, from the sums of their products with it."""

from typing import Any

from numpy.typing import NDArray

from imgconv.core.run import run_entry

# In the order of `Method` in pyx/templates.pyx.
METHODS = ("zncc", "ncc", "ssd")

# Arrays of 64 bits of a thread, of the image's width; operations a pixel.
ARRAYS, COST = 8, 60


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
    run_entry(
        *("templates", pixels.dtype.name, "compare", pixels, results, *size),
        *(METHODS.index(method), square, flat),
        cost=COST * pixels.size,
        scratch_bytes=8 * ARRAYS * pixels.shape[1],
    )
