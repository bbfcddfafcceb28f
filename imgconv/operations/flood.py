"""Hysteresis on classes of pixels: which weak ones are connected to a strong one."""

import numpy as np
from numpy.typing import NDArray

from imgconv.core.run import run_entry

# Operations a pixel, as far as they run on several threads: bytes to bits and back.
COST = 2


def connected(classes: NDArray[np.uint8], corners: bool) -> NDArray[np.bool_]:
    """Return which pixels are connected to a strong one, from classes of all pixels.

    Parameters
    ----------
    classes : ndarray, (..., H, W), uint8
        Classes 0 (nothing), 1 (weak) and 2 (strong), C-contiguous. They are overwritten: the result
        is a view of them.
    corners : bool
        Whether pixels that meet at a corner are connected: eight neighbours instead of four.

    Returns
    -------
    ndarray, (..., H, W), bool
    """
    if classes.size:
        for plane in classes.reshape(-1, *classes.shape[-2:]):
            connect(plane, corners)
    return classes.view(np.bool_)


def connect(plane: NDArray[np.uint8], corners: bool) -> int:
    """`connected` for one plane; return how many words were tested after the sweeps."""
    tested: int = run_entry("flood", "uint8", "connect", plane, corners, cost=COST * plane.size)
    return tested
