"""The face of `skimage.restoration`; names that have no face here are scikit-image's own."""

from functools import lru_cache
from math import ceil, isfinite
from typing import Any

import numpy as np

from imgconv.core.run import Call, run
from imgconv.face_arguments import NUMPY_BORDERS, Image, integer, real_image
from imgconv.fallback import FallBack, other_names
from imgconv.operations.ball import Ball
from imgconv.operations.lookup import Lookup
from imgconv.skimage.arguments import as_float, boolean, check_finite, number, skimage_face

__all__ = ["denoise_bilateral", "rolling_ball"]

RESTORATION = "skimage.restoration"
# Weights of differences in a table, and the radius of a ball: beyond them memory is what is short.
MOST_BINS = 1 << 24
MOST_RADIUS = 2048


@skimage_face(RESTORATION)
def denoise_bilateral(
    image: Image,
    win_size: int | None = None,
    sigma_color: float | None = None,
    sigma_spatial: float = 1,
    bins: int = 10000,
    mode: str = "constant",
    cval: float = 0,
    *,
    channel_axis: int | None = None,
) -> Image:
    """Smooth an image, but not across edges."""
    if channel_axis is not None:
        raise FallBack("channels")
    array = real_image(image)
    spatial, outside = number(sigma_spatial, "sigma_spatial"), number(cval, "cval")
    color = None if sigma_color is None else number(sigma_color, "sigma_color")
    if not all(isfinite(each * each) for each in (spatial, color or 0.0)):
        raise FallBack("sigmas")
    size = max(5, 2 * ceil(3 * spatial) + 1) if win_size is None else win_size
    if type(size) is not int or size < 1 or size % 2 == 0:
        raise FallBack("win_size")
    if type(bins) is not int or not 1 <= bins <= MOST_BINS:
        raise FallBack("bins")
    # Where a window is larger than the image, scikit-image's borders are unlike all others.
    usual = array.dtype.isnative and array.flags.writeable and array.dtype.char != "e"
    if min(array.shape) <= size or not isinstance(mode, str) or not usual:
        raise FallBack("shape, mode or dtype")
    if mode not in NUMPY_BORDERS:
        raise FallBack("shape, mode or dtype")
    smallest, largest = array.min(), array.max()
    if not smallest < largest:
        raise FallBack("flat or not a number")
    floats = as_float(array)
    color = color or floats.std()
    by_difference = gaussian(np.linspace(0, largest, bins, endpoint=False), color, floats.dtype)
    by_distance = distance_weights(size, spatial, floats.dtype)
    if smallest < 0:
        floats = floats - smallest
        largest -= smallest
    if not largest > 0:
        raise FallBack("integers that overflow")
    operation = Lookup(
        by_distance.astype(np.float64),
        by_difference.astype(np.float64),
        float(floats.dtype.type(bins / largest)),
    )
    result: Image = run(Call(operation, floats, NUMPY_BORDERS[mode], outside, dtype=floats.dtype))
    if smallest < 0:
        result += smallest
    return result


@skimage_face(RESTORATION)
def rolling_ball(
    image: Image,
    *,
    radius: float = 100,
    kernel: Any = None,
    nansafe: bool = False,
    num_threads: Any = None,
    workers: Any = None,
) -> Image:
    """Return the background: the surface of a ball that rolls below the image.

    Threads are those of imgconv.
    """
    if kernel is not None or num_threads is not None:
        raise FallBack("kernel or num_threads")
    array = real_image(image)
    size = number(radius, "radius")
    if not 0 < size <= MOST_RADIUS or array.dtype.kind == "b" or array.dtype.char == "e":
        raise FallBack("radius or dtype")
    if workers is not None:
        integer(workers, "workers")
    boolean(nansafe, "nansafe")
    dtype = array.dtype.newbyteorder("=") if array.dtype.kind == "f" else np.dtype(np.float64)
    operation = ball_operation(size, array.dtype.kind != "f")
    found: Image = run(Call(operation, array, "constant", np.inf, dtype=dtype))
    if array.dtype.kind == "f":
        found = check_finite(found)
    return found.astype(array.dtype, copy=False)


@lru_cache(maxsize=32)
def ball_operation(radius: float, exact: bool) -> Ball:
    """Return the operation of a ball."""
    return Ball(radius, exact)


def distance_weights(size: int, sigma: float, dtype: np.dtype[Any]) -> Image:
    """Return the weights by distance, with the skew that they have in scikit-image.

    Its table has one row and one column more than the window, and is read by the window's width.
    """
    grid = np.arange(-size // 2, size // 2 + 1)
    table = gaussian(np.hypot(grid[:, None], grid), sigma, dtype).ravel()
    return table[: size * size].reshape(size, size)


def gaussian(distance: Image, sigma: Any, dtype: np.dtype[Any]) -> Image:
    """Return a Gaussian of distances."""
    weights: Image = np.exp(-0.5 * (distance**2 / sigma**2), dtype=dtype)
    return weights


__getattr__, __dir__ = other_names(__name__, RESTORATION, __all__)
