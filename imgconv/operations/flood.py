"""Hysteresis: which pixels above a low threshold are connected to one above a high threshold."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgconv.core.run import run_entry

# Operations a pixel: comparisons, bytes to bits and back, and some sweeps over the bits.
COST = 8


def connected(
    image: NDArray[Any], low: float, high: float, corners: bool, found: NDArray[np.uint8]
) -> NDArray[np.bool_]:
    """Return which pixels are above `high`, or above `low` and connected to such a pixel.

    Parameters
    ----------
    image : ndarray, (..., H, W)
        C-contiguous and native; floats of 32 or 64 bits, bool or integers of at most 32 bits.
    low, high : float
        The thresholds. They are rounded to float32 where that holds all pixels.
    corners : bool
        Whether pixels that meet at a corner are connected: eight neighbours instead of four.
    found : ndarray, (..., H, W), uint8
        C-contiguous; it is overwritten, and the result is a view of it. It may be the image, if its
        pixels are 0 (nothing), 1 (weak) and 2 (strong).

    Returns
    -------
    ndarray, (..., H, W), bool
    """
    size = image.shape[-2:]
    if image.size:
        planes = found.reshape(-1, *size)
        sources = planes if image is found else image.reshape(-1, *size)
        for source, plane in zip(sources, planes, strict=True):
            connect(plane if image is found else source, low, high, corners, plane)
    return found.view(np.bool_)


def connect(
    image: NDArray[Any], low: float, high: float, corners: bool, found: NDArray[np.uint8]
) -> int:
    """`connected` for one plane; return how many words were tested after the sweeps."""
    cost = COST * image.size
    tested: int = run_entry(
        "flood", "uint8", "connect", image, low, high, corners, found, cost=cost
    )
    return tested
