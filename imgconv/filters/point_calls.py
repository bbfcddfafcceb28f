"""Calls of point operations: on rows of a loop, or by NumPy where no loop has the operation."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from imgconv.core import check
from imgconv.core.call import Runnable, Several
from imgconv.core.pixels import limits, native, rounded, store
from imgconv.core.run import Call
from imgconv.operations.base import Point, pixels
from imgconv.operations.points import pointwise

Array = NDArray[Any]


def computing_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return float32 for bool, 8 and 16 bits and float32, float64 for the rest: as filters do."""
    return pixels(dtype, 0).float_type


def common_computing_dtype(dtypes: Sequence[np.dtype[Any]]) -> np.dtype[Any]:
    """Return the dtype in which images of all these dtypes are computed together."""
    return np.result_type(*map(computing_dtype, dtypes))


def computed_with(image: ArrayLike) -> np.dtype[Any]:
    """Return the dtype of an image; float32 for bool, which has no numbers to compute with."""
    dtype = native(check.image(image).dtype)
    return computing_dtype(dtype) if dtype.kind == "b" else dtype


def is_wide(dtype: np.dtype[Any]) -> bool:
    """Whether a dtype has integers that float64 does not hold."""
    return dtype.kind in "iu" and dtype.itemsize == 8


def call_points(
    image: ArrayLike, points: Sequence[Point], dtype: DTypeLike, out: Array | None
) -> Runnable[Array]:
    """Return the call of point operations, which give results of a dtype.

    The loop takes an image with the last axis as its channels: any order of axes is as good.
    """
    array, result = check.image(image), np.dtype(dtype)
    operation, last = pointwise(*points), array.ndim - 1
    if array.ndim >= 2 and (out is None or native(out.dtype) == result):
        axes, channels = (None, None) if last == 1 else ((last - 2, last - 1), last)
        return Call(operation, array, "reflect", 0.0, axes, channels, result, out)

    def run() -> Array:
        call: Call[Array] = Call(operation, array.reshape(1, -1), dtype=result)
        return converted(call.run().reshape(array.shape), result, out)

    return in_numpy(run, array, result, "reshaped to rows")


def after_measuring(call: Runnable[Array], what: str) -> Runnable[Array]:
    """Return a call made from what was measured of its image, so that it holds for no other one."""
    if not isinstance(call, Call):
        return call
    array, plan = check.image(call.image), call.plan()
    return Several(array, lambda _: call.run(), (call,), plan.shape, plan.dtype, what)


def in_numpy(
    run: Callable[[], Array],
    array: Array,
    dtype: np.dtype[Any],
    note: str = "computed by NumPy",
    shape: tuple[int, ...] | None = None,
) -> Several[Array]:
    """Return the call of a point operation that is no loop's."""
    return Several(array, lambda _: run(), (), array.shape if shape is None else shape, dtype, note)


def map_values(image: ArrayLike, function: Callable[[Array], Array], out: Array | None) -> Array:
    """Apply a function of numbers of the computing dtype to each pixel, and round.

    Where the image has more pixels than its dtype has values, the results of all values are looked
    up in a table.
    """
    array = check.image(image)
    dtype = native(array.dtype)
    if dtype.kind in "iu" and dtype.itemsize <= 2 and array.size > 1 << (8 * dtype.itemsize):
        unsigned = np.dtype(f"u{dtype.itemsize}")
        values = np.arange(1 << (8 * dtype.itemsize), dtype=unsigned).view(dtype)
        table = map_values(values, function, None)
        index = np.asarray(array, dtype).view(unsigned)
        if out is not None and out.dtype != dtype:
            return converted(table[index], dtype, out)
        return np.take(table, index, out=out, mode="clip")
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        results = function(array.astype(computing_dtype(dtype)))
    return converted(results, computed_with(array), out)


def converted(values: Array, dtype: np.dtype[Any], out: Array | None) -> Array:
    """Return values in a dtype, or in the caller's array, rounded and saturated."""
    if out is None or out.dtype != dtype:
        values = values if values.dtype == dtype else rounded(values, dtype)
    if out is None:
        return values
    store(values, out)
    return out


def inverted(array: Array, white: int) -> Array:
    """Return the negative of integers of 64 bits."""
    dtype = native(array.dtype)
    if dtype.kind == "i":
        opposite: Array = ~array.astype(dtype, copy=False)
        return opposite
    brightest = dtype.type(min(white, limits(dtype)[1]))
    difference: Array = brightest - np.minimum(array, brightest)
    return difference


def nearest_limit(value: float, dtype: np.dtype[Any]) -> float:
    """Return a number of a dtype that the same of its pixels are above.

    Of floats it is the nearest, as NumPy compares them with a number of Python.
    """
    if dtype.kind != "f":
        return float(np.floor(value))
    with np.errstate(over="ignore"):
        return float(dtype.type(value))
