"""Second derivatives by differences of neighbours, and what is made of them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgconv.core.run import run_entry

# In the order of `Response` in pyx/differences.pyx.
RESPONSES = ("tensor", "determinant", "shape")

# Operations a pixel.
COST, SHAPE_COST = 12, 80


def second_differences(image: NDArray[Any], response: str = "tensor") -> NDArray[Any]:
    """Return slopes of slopes, (3, H, W), or their determinants or shapes, (H, W).

    The image is of floats, C-contiguous, and of two pixels at least along both axes.
    """
    count = 3 if response == "tensor" else 1
    results = np.empty((count, *image.shape), image.dtype)
    run_entry(
        *("differences", image.dtype.name, "derive", image, results, RESPONSES.index(response)),
        cost=(SHAPE_COST if response == "shape" else COST) * image.size,
    )
    return results if response == "tensor" else results[0]


def turning(image: NDArray[Any]) -> NDArray[Any]:
    """Return how fast the gradient turns; undefined in two pixels at each side.

    The image is of floats, C-contiguous, and of more than four pixels along both axes.
    """
    result = np.empty_like(image)
    run_entry(*("differences", image.dtype.name, "turn", image, result), cost=3 * COST * image.size)
    return result
