"""Hysteresis on classes of pixels: which weak ones are connected to a strong one."""

import numpy as np
from numpy.typing import NDArray

from imgconv.core.run import run_entry

# Operations a pixel, as far as they run on several threads: bytes to bits and back.
COST = 2


def connected(classes: NDArray[np.uint8], corners: bool) -> NDArray[np.bool_]:
    """Turn classes 0 (nothing), 1 (weak) and 2 (strong) into what is connected to a strong pixel.

    Parameters
    ----------
    classes : ndarray, (..., H, W), uint8
        C-contiguous planes; they are overwritten, and the result is their memory.
    corners : bool
        Whether pixels touch at corners, too: eight neighbours in place of four.

    Returns
    -------
    ndarray, (..., H, W), bool
    """
    if classes.size:
        for plane in classes.reshape(-1, *classes.shape[-2:]):
            connect(plane, corners)
    return classes.view(np.bool_)


def connect(plane: NDArray[np.uint8], corners: bool) -> int:
    """Turn one plane; returns the words that were looked at one by one, after the sweeps."""
    height, width = plane.shape
    bitmaps = np.zeros((2, height + 2, -(-width // 64) + 2), np.uint64)
    words = bitmaps[0].size
    stack, waiting = np.empty(words, np.int32), np.zeros(words, np.uint8)
    looks: int = run_entry(
        "flood", "uint8", "connect", plane, bitmaps, stack, waiting, corners,
        cost=COST * plane.size,
    )  # fmt: skip
    return looks
