"""Windows as columns of a matrix, and back, with gradients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from imgconv.core import check
from imgconv.core.windows import Pair, Plane, Windows
from imgconv.nn.core import arrays, checks
from imgconv.nn.core.arrays import Array, floats
from imgconv.nn.core.borders import extend
from imgconv.nn.core.checks import Around, Size

__all__ = ["fold", "fold_backward", "unfold", "unfold_backward"]

# Bytes of the planes to which columns are added at once.
PLANES = 1 << 18


def unfold(
    input: ArrayLike,
    kernel_size: Size,
    dilation: Size = 1,
    padding: Any = 0,
    stride: Size = 1,
) -> Array:
    """Return all windows as columns: im2col.

    Parameters
    ----------
    input : array_like, (N, C, H, W) or (C, H, W)
    kernel_size, dilation, padding, stride
        See `imgconv.nn`, windows. Padding is zeros.

    Returns
    -------
    ndarray, (N, C kh kw, windows) or (C kh kw, windows)

    Raises
    ------
    ValueError
        If no window fits.

    Examples
    --------
    A correlation as a matrix product:

    >>> import numpy as np
    >>> from imgconv.nn import unfold
    >>> np.arange(4.0) @ unfold(np.arange(9.0).reshape(1, 3, 3), 2)
    array([19., 25., 37., 43.])
    """
    array = floats(input)
    images = checks.batch(array)
    plane = _plane(images.shape[2:], kernel_size, dilation, padding, stride)
    columns = _columns(images, plane)
    return columns[0] if array.ndim == 3 else columns


def unfold_backward(
    grad_output: ArrayLike,
    input: ArrayLike,
    kernel_size: Size,
    dilation: Size = 1,
    padding: Any = 0,
    stride: Size = 1,
) -> Array:
    """Gradient of `unfold`, which is `fold`."""
    array = floats(input)
    images = checks.batch(array)
    plane = _plane(images.shape[2:], kernel_size, dilation, padding, stride)
    y, x = plane
    size = images.shape[1] * y.k * x.k, y.count * x.count
    grad = arrays.gradient(grad_output, (*array.shape[:-3], *size), array.dtype)
    return _images(grad.reshape(len(images), *size), plane).reshape(array.shape)


def fold(
    input: ArrayLike,
    output_size: Size,
    kernel_size: Size,
    dilation: Size = 1,
    padding: Any = 0,
    stride: Size = 1,
) -> Array:
    """Add each column to the pixels of its window: col2im.

    Parameters
    ----------
    input : array_like, (N, C kh kw, windows) or (C kh kw, windows)
    output_size : int or (int, int)
        Height and width of the images.
    kernel_size, dilation, padding, stride
        As in `unfold`.

    Returns
    -------
    ndarray, (N, C, H, W) or (C, H, W)

    Raises
    ------
    ValueError
        If images of this size have other columns.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv.nn import fold
    >>> fold(np.ones((4, 4)), 3, 2)
    array([[[1., 2., 1.],
            [2., 4., 2.],
            [1., 2., 1.]]])
    """
    array = floats(input)
    columns, plane = _fold_arguments(array, output_size, kernel_size, dilation, padding, stride)
    images = _images(columns, plane)
    return images[0] if array.ndim == 2 else images


def fold_backward(
    grad_output: ArrayLike,
    input: ArrayLike,
    output_size: Size,
    kernel_size: Size,
    dilation: Size = 1,
    padding: Any = 0,
    stride: Size = 1,
) -> Array:
    """Gradient of `fold`, which is `unfold`."""
    array = floats(input)
    columns, (y, x) = _fold_arguments(array, output_size, kernel_size, dilation, padding, stride)
    size = columns.shape[1] // (y.k * x.k), y.n, x.n
    grad = arrays.gradient(grad_output, (*array.shape[:-2], *size), array.dtype)
    return _columns(grad.reshape(len(columns), *size), (y, x)).reshape(array.shape)


def _columns(images: Array, plane: Plane) -> Array:
    """Return all windows of a batch as columns."""
    y, x = plane
    padded = extend(images, _around(plane), "zeros")
    result = np.empty((*images.shape[:2], y.k, x.k, y.count, x.count), images.dtype)
    for i, j, pixels in _taps(plane):
        result[:, :, i, j] = padded[pixels]
    return result.reshape(len(images), images.shape[1] * y.k * x.k, y.count * x.count)


def _images(columns: Array, plane: Plane) -> Array:
    """Return a batch with each column added to the pixels of its window."""
    y, x = plane
    parts = columns.reshape(-1, y.k, x.k, y.count, x.count)
    result = np.zeros((len(parts), y.n, x.n), columns.dtype)
    # All taps of a few planes after another, so that the planes stay in L2.
    some = max(1, PLANES // (y.n * x.n * columns.itemsize))
    for at in range(0, len(parts), some):
        block = slice(at, at + some)
        for i in range(y.k):
            down, rows = _on_pixels(y, i)
            for j in range(x.k):
                along, pixels = _on_pixels(x, j)
                result[block, rows, pixels] += parts[block, i, j, down, along]
    return result.reshape(len(columns), columns.shape[1] // (y.k * x.k), y.n, x.n)


def _on_pixels(axis: Windows, tap: int) -> tuple[slice, slice]:
    """Return the windows whose tap is on a pixel, and these pixels."""
    at = tap * axis.dilation - axis.before
    first = max(0, -(at // axis.stride))
    last = max(first, min(axis.count, (axis.n - 1 - at) // axis.stride + 1))
    begin = at + first * axis.stride
    return slice(first, last), slice(begin, begin + (last - first) * axis.stride, axis.stride)


def _taps(plane: Plane) -> Iterator[tuple[int, int, Any]]:
    """Yield for each tap (i, j) the pixels of the padded image that it reads, as an index."""
    y, x = (
        [
            slice(i * a.dilation, i * a.dilation + (a.count - 1) * a.stride + 1, a.stride)
            for i in range(a.k)
        ]
        for a in plane
    )
    for i, rows in enumerate(y):
        for j, columns in enumerate(x):
            yield i, j, (..., rows, columns)


def _around(plane: Plane) -> Around:
    y, x = plane
    return (y.before, y.after), (x.before, x.after)


def _plane(size: Pair, kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> Plane:
    kernel = check.integers(kernel_size, "kernel_size", 1)
    steps = check.integers(stride, "stride", 1)
    gaps = check.integers(dilation, "dilation", 1)
    return checks.plane(size, kernel, steps, gaps, check.paddings(padding, "padding"))


def _fold_arguments(
    array: Array, output_size: Any, kernel_size: Any, dilation: Any, padding: Any, stride: Any
) -> tuple[Array, Plane]:
    if array.ndim not in (2, 3):
        raise ValueError(
            f"input must have shape (C kh kw, windows) or (N, C kh kw, windows), got {array.shape}"
        )
    columns = array[None] if array.ndim == 2 else array
    size = check.integers(output_size, "output_size", 1)
    y, x = _plane(size, kernel_size, dilation, padding, stride)
    if columns.shape[1] == 0 or columns.shape[1] % (y.k * x.k):
        raise ValueError(
            f"input must have rows divisible by the window, {y.k * x.k}, got {columns.shape[1]}"
        )
    if columns.shape[2] != y.count * x.count:
        raise ValueError(
            f"input must have a column for each of {y.count} x {x.count} windows, "
            f"got {columns.shape[2]}"
        )
    return columns, (y, x)
