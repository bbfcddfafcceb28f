"""The loops of pooling: extrema, sums and means of windows, and where the largest pixels lie."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imgconv.core.run import Call, run_entry
from imgconv.core.windows import Plane
from imgconv.filters.pooling import OUTSIDE, pooling
from imgconv.nn.core.arrays import reals
from imgconv.nn.core.checks import Array


def numbers(input: ArrayLike) -> Array:
    """Check pixels that can be compared, as loops read them."""
    array = reals(input)
    if array.dtype.kind not in "iuf":
        raise TypeError(f"input must be of integers or floats, got {array.dtype}")
    return array


def axes_of(plane: Plane) -> NDArray[np.intp]:
    """Return where windows lie as the loops read it."""
    return np.array(plane, np.intp)


def planes_of(images: Array) -> Array:
    """Return a batch as one stack of planes."""
    return np.ascontiguousarray(images).reshape(-1, *images.shape[2:])


def pooled(how: str, array: Array, plane: Plane, padded: bool = False) -> Call[Array]:
    """Return the call of `imgconv.pool`'s loop; padding counts in a mean if `padded`."""
    operation, placement = pooling(how, plane, padded)
    return Call(
        operation, array, "constant", OUTSIDE[how], (-2, -1), dtype=array.dtype, placement=placement
    )


def largest(images: Array, plane: Plane) -> tuple[Array, NDArray[np.int64]]:
    """Return the largest pixel of each window, and where it lies."""
    dtype = images.dtype
    if dtype.kind == "f":
        computed = np.dtype(np.float64 if dtype.itemsize == 8 else np.float32)
    else:
        computed = np.dtype(np.uint64 if dtype == np.uint64 else np.int64)
    lowest = -np.inf if dtype.kind == "f" else np.iinfo(dtype).min
    y, x = plane
    shape = (*images.shape[:2], y.count, x.count)
    best, places = np.empty(shape, computed), np.empty(shape, np.int32)
    run_entry(
        "pool2d", computed.name, "largest", axes_of(plane),
        planes_of(images.astype(computed, copy=False)), lowest, best, places,
        cost=best.size * y.k * x.k,
    )  # fmt: skip
    return best.astype(dtype, copy=False), places.astype(np.int64)


def scattered(values: Array, places: Array, shape: tuple[int, ...], add: bool) -> Array:
    """Return planes of zeros with values at places of each."""
    planes = int(np.prod(shape[:-2]))
    result = np.zeros((planes, shape[-2] * shape[-1]), values.dtype)
    if result.size == 0:
        return result.reshape(shape)
    index = np.arange(planes)[:, None], places.reshape(planes, -1)
    if add:
        np.add.at(result, index, values.reshape(planes, -1))
    else:
        result[index] = values.reshape(planes, -1)
    return result.reshape(shape)
