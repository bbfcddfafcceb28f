"""Kernels as data: the coefficients of the linear filters, each with its source.

Kernels are to be *correlated* with an image,
``out[y, x] = sum(kernel[i, j] * image[y + i - kh // 2, x + j - kw // 2])``, so a derivative is
positive where the image grows along its axis: axis 0 is y (down the rows), axis 1 is x. `gabor`
alone is to be convolved; `flip` makes one of the other.

Every function returns a fresh float64 array, if its docstring names no other dtype. A number that
is not finite, or not in the range that a docstring gives (sizes are positive, a sigma, radius or
order is not negative), is a ValueError; anything that is not a number is a TypeError.
"""

from imgconv.kernels.edges import (
    derivative,
    edge_factors,
    farid,
    laplacian,
    prewitt,
    roberts,
    scharr,
    sobel,
)
from imgconv.kernels.factors import flip, separable_rank, separate
from imgconv.kernels.smoothing import box, disk, gabor, gaussian, log

__all__ = [
    "box",
    "derivative",
    "disk",
    "edge_factors",
    "farid",
    "flip",
    "gabor",
    "gaussian",
    "laplacian",
    "log",
    "prewitt",
    "roberts",
    "scharr",
    "separable_rank",
    "separate",
    "sobel",
]
