"""Functions that move pixels: windows as columns, borders, shuffles, other sizes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from imgconv.core import check
from imgconv.core.windows import Pair, Plane
from imgconv.nn.core import checks
from imgconv.nn.core.arrays import floats, reals
from imgconv.nn.core.borders import extend, fold_back, grow, shrink
from imgconv.nn.core.checks import Around, Array
from imgconv.nn.functional.interpolation import interpolate, interpolate_backward

__all__ = [
    "channel_shuffle",
    "channel_shuffle_backward",
    "fold",
    "fold_backward",
    "interpolate",
    "interpolate_backward",
    "pad",
    "pad_backward",
    "pixel_shuffle",
    "pixel_shuffle_backward",
    "pixel_unshuffle",
    "pixel_unshuffle_backward",
    "unfold",
    "unfold_backward",
]

Size = int | Pair


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
    input : array_like, (N, C, H, W) or (C, H, W), float32 or float64
    kernel_size : int or (int, int)
        Height and width of the window.
    dilation : int or (int, int)
        Distance of neighbouring pixels of a window.
    padding : int, (int, int) or ((int, int), (int, int))
        Zeros around the image.
    stride : int or (int, int)
        Distance of neighbouring windows.

    Returns
    -------
    ndarray, (N, C kh kw, windows) or (C kh kw, windows)
        Of the input's dtype.

    Raises
    ------
    TypeError
        If input is not float32 or float64.
    ValueError
        If a number is out of range, or no window fits.

    Examples
    --------
    A correlation as a matrix product:

    >>> import numpy as np
    >>> from imgconv.nn.functional.shaping import unfold
    >>> np.arange(4.0) @ unfold(np.arange(9.0).reshape(1, 3, 3), 2)
    array([19., 25., 37., 43.])
    """
    array = floats(input)
    images = checks.batch(array)
    plane = _windows(images.shape[2:], kernel_size, dilation, padding, stride)
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
    """Vector-Jacobian product of `unfold`, which is `fold`.

    Parameters
    ----------
    grad_output : array_like
        Gradient of a loss with respect to the result, of its shape.
    input, kernel_size, dilation, padding, stride
        As in `unfold`.

    Returns
    -------
    grad_input : ndarray

    Raises
    ------
    TypeError, ValueError
        As `unfold`; and if grad_output has not the shape of the result.
    """
    array = floats(input)
    images = checks.batch(array)
    plane = _windows(images.shape[2:], kernel_size, dilation, padding, stride)
    y, x = plane
    size = images.shape[1] * y.k * x.k, y.count * x.count
    grad = checks.shaped(grad_output, (*array.shape[:-3], *size), array.dtype)
    return _folded(grad.reshape(len(images), *size), plane).reshape(array.shape)


def fold(
    input: ArrayLike,
    output_size: Size,
    kernel_size: Size,
    dilation: Size = 1,
    padding: Any = 0,
    stride: Size = 1,
) -> Array:
    """Add columns up to images, each to the pixels of its window: col2im.

    Parameters
    ----------
    input : array_like, (N, C kh kw, windows) or (C kh kw, windows), float32 or float64
    output_size : int or (int, int)
        Height and width of the images.
    kernel_size, dilation, padding, stride
        As in `unfold`.

    Returns
    -------
    ndarray, (N, C, H, W) or (C, H, W)
        Of the input's dtype.

    Raises
    ------
    TypeError
        If input is not float32 or float64.
    ValueError
        If a number is out of range, or the columns are not those of such an image.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv.nn.functional.shaping import fold
    >>> fold(np.ones((4, 4)), 3, 2)
    array([[[1., 2., 1.],
            [2., 4., 2.],
            [1., 2., 1.]]])
    """
    array = floats(input)
    columns, plane = _fold_arguments(array, output_size, kernel_size, dilation, padding, stride)
    images = _folded(columns, plane)
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
    """Vector-Jacobian product of `fold`, which is `unfold`.

    Parameters
    ----------
    grad_output : array_like
        Gradient of a loss with respect to the result, of its shape.
    input, output_size, kernel_size, dilation, padding, stride
        As in `fold`.

    Returns
    -------
    grad_input : ndarray

    Raises
    ------
    TypeError, ValueError
        As `fold`; and if grad_output has not the shape of the result.
    """
    array = floats(input)
    columns, (y, x) = _fold_arguments(array, output_size, kernel_size, dilation, padding, stride)
    size = columns.shape[1] // (y.k * x.k), y.n, x.n
    grad = checks.shaped(grad_output, (*array.shape[:-2], *size), array.dtype)
    return _columns(grad.reshape(len(columns), *size), (y, x)).reshape(array.shape)


def pad(
    input: ArrayLike, pad: Sequence[int], mode: str = "constant", value: float | None = None
) -> Array:
    """Put a border around an array.

    Parameters
    ----------
    input : array_like
        Any real dtype.
    pad : sequence of int
        (left, right, top, bottom, ...): before and after the last axis, then the one before it,
        and so on. A negative number cuts off.
    mode : {"constant", "reflect", "replicate", "circular"}
        What the border holds: `value`, the pixels mirrored about the last one, the last one, or
        those of the other end.
    value : float, optional
        The constant, 0 by default.

    Returns
    -------
    ndarray
        Of the input's dtype.

    Raises
    ------
    TypeError
        If input is not of a real dtype.
    ValueError
        If there are more pairs than axes, a border is wider than its mode allows, mode is unknown,
        or nothing is left.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv.nn.functional.shaping import pad
    >>> pad(np.array([[[1, 2, 3]]]), (2, 1), "reflect")
    array([[[3, 2, 1, 2, 3, 2]]])
    """
    array = reals(input)
    sides = checks.borders(pad, mode, array.shape)
    if value is not None and mode != "constant":
        raise ValueError(f"value needs mode 'constant', got {mode!r}")
    result = array
    for axis, around in sides:
        result = grow(result, axis, around, mode, value or 0)
    return result.copy() if result is array else result


def pad_backward(
    grad_output: ArrayLike,
    input: ArrayLike,
    pad: Sequence[int],
    mode: str = "constant",
    value: float | None = None,
) -> Array:
    """Vector-Jacobian product of `pad`.

    Parameters
    ----------
    grad_output : array_like
        Gradient of a loss with respect to the result, of its shape.
    input, pad, mode, value
        As in `pad`; float32 or float64.

    Returns
    -------
    grad_input : ndarray

    Raises
    ------
    TypeError, ValueError
        As `pad`; and if grad_output has not the shape of the result.
    """
    array = floats(input)
    sides = checks.borders(pad, mode, array.shape)
    shape = list(array.shape)
    for axis, around in sides:
        shape[axis] += sum(around)
    result = checks.shaped(grad_output, tuple(shape), array.dtype)
    for axis, around in sides:
        result = shrink(result, axis, around, mode)
    return np.ascontiguousarray(result)


def pixel_shuffle(input: ArrayLike, upscale_factor: int) -> Array:
    """Make an image r times as large of r * r channels that lie between each other.

    Parameters
    ----------
    input : array_like, (..., C r r, H, W)
        Any real dtype.
    upscale_factor : int
        The factor r.

    Returns
    -------
    ndarray, (..., C, H r, W r)

    Raises
    ------
    ValueError
        If there are fewer than three axes, the factor is not positive, or its square does not
        divide the channels.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv.nn.functional.shaping import pixel_shuffle
    >>> pixel_shuffle(np.array([[[1]], [[2]], [[3]], [[4]]]), 2)
    array([[[1, 2],
            [3, 4]]])
    """
    array = checks.channelled(input)
    r = check.at_least(upscale_factor, "upscale_factor", 1)
    *rest, channels, height, width = array.shape
    if channels % (r * r):
        raise ValueError(f"input must have channels divisible by {r * r}, got {channels}")
    parts = array.reshape(*rest, channels // (r * r), r, r, height, width)
    n = len(rest)
    order = (*range(n), n, n + 3, n + 1, n + 4, n + 2)
    return parts.transpose(order).reshape(*rest, channels // (r * r), height * r, width * r)


def pixel_shuffle_backward(grad_output: ArrayLike, input: ArrayLike, upscale_factor: int) -> Array:
    """Vector-Jacobian product of `pixel_shuffle`, which is `pixel_unshuffle`.

    Parameters
    ----------
    grad_output : array_like
        Gradient of a loss with respect to the result, of its shape.
    input, upscale_factor
        As in `pixel_shuffle`.

    Returns
    -------
    grad_input : ndarray
    """
    return _moved_back(pixel_unshuffle, grad_output, input, upscale_factor)


def pixel_unshuffle(input: ArrayLike, downscale_factor: int) -> Array:
    """Deal out the pixels of each r x r block to r * r channels: the inverse of `pixel_shuffle`.

    Parameters
    ----------
    input : array_like, (..., C, H r, W r)
        Any real dtype.
    downscale_factor : int
        The factor r.

    Returns
    -------
    ndarray, (..., C r r, H, W)

    Raises
    ------
    ValueError
        If there are fewer than three axes, the factor is not positive, or does not divide height
        and width.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv.nn import pixel_unshuffle
    >>> pixel_unshuffle(np.arange(4).reshape(1, 2, 2), 2).tolist()
    [[[0]], [[1]], [[2]], [[3]]]
    """
    array = checks.channelled(input)
    r = check.at_least(downscale_factor, "downscale_factor", 1)
    *rest, channels, height, width = array.shape
    if height % r or width % r:
        raise ValueError(f"input must have a size divisible by {r}, got {(height, width)}")
    parts = array.reshape(*rest, channels, height // r, r, width // r, r)
    n = len(rest)
    order = (*range(n), n, n + 2, n + 4, n + 1, n + 3)
    return parts.transpose(order).reshape(*rest, channels * r * r, height // r, width // r)


def pixel_unshuffle_backward(
    grad_output: ArrayLike, input: ArrayLike, downscale_factor: int
) -> Array:
    """Vector-Jacobian product of `pixel_unshuffle`, which is `pixel_shuffle`.

    Parameters
    ----------
    grad_output : array_like
        Gradient of a loss with respect to the result, of its shape.
    input, downscale_factor
        As in `pixel_unshuffle`.

    Returns
    -------
    grad_input : ndarray
    """
    return _moved_back(pixel_shuffle, grad_output, input, downscale_factor)


def channel_shuffle(input: ArrayLike, groups: int) -> Array:
    """Deal out the channels of each group in turn.

    Parameters
    ----------
    input : array_like, (N, C, ...)
        Any real dtype.
    groups : int
        Divides C.

    Returns
    -------
    ndarray
        Of the input's shape: channel g of C / groups and channel c of groups have changed places.

    Raises
    ------
    ValueError
        If there are fewer than three axes, or groups is not positive or does not divide C.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv.nn.functional.shaping import channel_shuffle
    >>> channel_shuffle(np.arange(6).reshape(1, 6, 1), 2).ravel()
    array([0, 3, 1, 4, 2, 5])
    """
    array = checks.channelled(input)
    count = checks.groups(groups)
    images, channels, *size = array.shape
    checks.divisible(channels, count, "input")
    parts = array.reshape(images, count, channels // count, *size)
    return parts.swapaxes(1, 2).reshape(array.shape)


def channel_shuffle_backward(grad_output: ArrayLike, input: ArrayLike, groups: int) -> Array:
    """Vector-Jacobian product of `channel_shuffle`: the channels dealt back.

    Parameters
    ----------
    grad_output : array_like
        Gradient of a loss with respect to the result, of its shape.
    input, groups
        As in `channel_shuffle`.

    Returns
    -------
    grad_input : ndarray
    """
    array = checks.channelled(input)
    count = checks.groups(groups)
    checks.divisible(array.shape[1], count, "input")
    return _moved_back(channel_shuffle, grad_output, array, array.shape[1] // count)


# -------------------------------------------------------------------------------------------------


def _moved_back(inverse: Any, grad_output: ArrayLike, input: ArrayLike, factor: int) -> Array:
    """Apply the inverse of a function that only moves pixels to a gradient."""
    array = floats(input)
    back = inverse(floats(grad_output, "grad_output", array.dtype), factor)
    if back.shape != array.shape:
        raise ValueError(
            f"grad_output must have the result's shape, got {np.shape(grad_output)} for an input "
            f"of {array.shape}"
        )
    return back


def _windows(size: Pair, kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> Plane:
    kernel = check.integers(kernel_size, "kernel_size", 1)
    steps = check.integers(stride, "stride", 1)
    gaps = check.integers(dilation, "dilation", 1)
    return checks.plane(size, kernel, steps, gaps, check.paddings(padding, "padding"))


def _around(plane: Plane) -> Around:
    y, x = plane
    return (y.before, y.after), (x.before, x.after)


def _taps(plane: Plane) -> Any:
    """For each tap (i, j), the pixels of the padded image on which it stands."""
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


def _columns(images: Array, plane: Plane) -> Array:
    y, x = plane
    wide = extend(images, _around(plane), "zeros")
    result = np.empty((*images.shape[:2], y.k, x.k, y.count, x.count), images.dtype)
    for i, j, pixels in _taps(plane):
        result[:, :, i, j] = wide[pixels]
    return result.reshape(len(images), images.shape[1] * y.k * x.k, y.count * x.count)


def _folded(columns: Array, plane: Plane) -> Array:
    y, x = plane
    height, width = (a.before + a.n + a.after for a in plane)
    channels = columns.shape[1] // (y.k * x.k)
    parts = columns.reshape(len(columns), channels, y.k, x.k, y.count, x.count)
    wide = np.zeros((*parts.shape[:2], height, width), columns.dtype)
    for i, j, pixels in _taps(plane):
        wide[pixels] += parts[:, :, i, j]
    return fold_back(wide, _around(plane), "zeros")


def _fold_arguments(
    array: Array, output_size: Any, kernel_size: Any, dilation: Any, padding: Any, stride: Any
) -> tuple[Array, Plane]:
    if array.ndim not in (2, 3):
        raise ValueError(
            f"input must have shape (C kh kw, windows) or (N, C kh kw, windows), got {array.shape}"
        )
    columns = array[None] if array.ndim == 2 else array
    size = check.integers(output_size, "output_size", 1)
    y, x = _windows(size, kernel_size, dilation, padding, stride)
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
