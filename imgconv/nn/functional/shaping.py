"""Functions that move pixels: borders, and shuffles of pixels and channels, with gradients."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from imgconv.core import check
from imgconv.nn.core import arrays, checks
from imgconv.nn.core.arrays import Array, floats, reals
from imgconv.nn.core.borders import add_border, add_border_backward

__all__ = [
    "channel_shuffle",
    "channel_shuffle_backward",
    "pad",
    "pad_backward",
    "pixel_shuffle",
    "pixel_shuffle_backward",
    "pixel_unshuffle",
    "pixel_unshuffle_backward",
]


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
        What the border contains: `value`, the pixels mirrored about the outermost one, the
        outermost one, or those of the other end.
    value : float, optional
        The constant, 0 by default. Integers get it without its fraction.

    Returns
    -------
    ndarray

    Raises
    ------
    ValueError
        If there are more pairs than axes, a border is wider than its mode allows, nothing is left,
        or the dtype cannot hold value.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv.nn import pad
    >>> pad(np.array([[[1, 2, 3]]]), (2, 1), "reflect")
    array([[[3, 2, 1, 2, 3, 2]]])
    """
    array = reals(input)
    sides = checks.borders(pad, mode, array.shape)
    if value is not None and mode != "constant":
        raise ValueError(f"value needs mode 'constant', got {mode!r}")
    fill = checks.constant(0 if value is None else value, array.dtype)
    result = array
    for axis, around in sides:
        result = add_border(result, axis, around, mode, fill)
    return result.copy() if result is array else result


def pad_backward(
    grad_output: ArrayLike,
    input: ArrayLike,
    pad: Sequence[int],
    mode: str = "constant",
    value: float | None = None,
) -> Array:
    """Gradient of `pad`."""
    array = floats(input)
    sides = checks.borders(pad, mode, array.shape)
    shape = list(array.shape)
    for axis, around in sides:
        shape[axis] += sum(around)
    result = arrays.gradient(grad_output, tuple(shape), array.dtype)
    for axis, around in sides:
        result = add_border_backward(result, axis, around, mode)
    return np.ascontiguousarray(result)


def pixel_shuffle(input: ArrayLike, upscale_factor: int) -> Array:
    """Return images r times as high and wide: r * r channels become the pixels of r x r blocks.

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
        If there are fewer than three axes, or r * r does not divide the channels.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv.nn import pixel_shuffle
    >>> pixel_shuffle(np.array([[[1]], [[2]], [[3]], [[4]]]), 2)
    array([[[1, 2],
            [3, 4]]])
    """
    array = checks.at_least_3d(input)
    r = check.at_least(upscale_factor, "upscale_factor", 1)
    *rest, channels, height, width = array.shape
    if channels % (r * r):
        raise ValueError(f"input must have channels divisible by {r * r}, got {channels}")
    parts = array.reshape(*rest, channels // (r * r), r, r, height, width)
    n = len(rest)
    order = (*range(n), n, n + 3, n + 1, n + 4, n + 2)
    return parts.transpose(order).reshape(*rest, channels // (r * r), height * r, width * r)


def pixel_shuffle_backward(grad_output: ArrayLike, input: ArrayLike, upscale_factor: int) -> Array:
    """Gradient of `pixel_shuffle`, which is `pixel_unshuffle`."""
    return _apply_inverse(pixel_unshuffle, grad_output, input, upscale_factor)


def pixel_unshuffle(input: ArrayLike, downscale_factor: int) -> Array:
    """Return the pixels of each r x r block as r * r channels: the inverse of `pixel_shuffle`.

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
        If there are fewer than three axes, or r does not divide height and width.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv.nn import pixel_unshuffle
    >>> pixel_unshuffle(np.arange(4).reshape(1, 2, 2), 2).tolist()
    [[[0]], [[1]], [[2]], [[3]]]
    """
    array = checks.at_least_3d(input)
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
    """Gradient of `pixel_unshuffle`, which is `pixel_shuffle`."""
    return _apply_inverse(pixel_shuffle, grad_output, input, downscale_factor)


def channel_shuffle(input: ArrayLike, groups: int) -> Array:
    """Take the channels in another order: the first of each group, then the second of each, ...

    Parameters
    ----------
    input : array_like, (N, C, ...)
        Any real dtype; three axes or more.
    groups : int
        Divides C.

    Returns
    -------
    ndarray
        Channel c of group g becomes channel c * groups + g.

    Raises
    ------
    ValueError
        If there are fewer than three axes, or groups does not divide C.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv.nn import channel_shuffle
    >>> channel_shuffle(np.arange(6).reshape(1, 6, 1), 2).ravel()
    array([0, 3, 1, 4, 2, 5])
    """
    array = checks.at_least_3d(input)
    count = checks.groups(groups)
    images, channels, *size = array.shape
    checks.divisible(channels, count, "input")
    parts = array.reshape(images, count, channels // count, *size)
    return parts.swapaxes(1, 2).reshape(array.shape)


def channel_shuffle_backward(grad_output: ArrayLike, input: ArrayLike, groups: int) -> Array:
    """Gradient of `channel_shuffle`: the channels in their first order."""
    array = checks.at_least_3d(input)
    count = checks.groups(groups)
    checks.divisible(array.shape[1], count, "input")
    return _apply_inverse(channel_shuffle, grad_output, array, array.shape[1] // count)


def _apply_inverse(
    inverse: Callable[[ArrayLike, int], Array],
    grad_output: ArrayLike,
    input: ArrayLike,
    factor: int,
) -> Array:
    """Return the gradient of a function that only moves pixels, by its inverse."""
    array = floats(input)
    result = inverse(floats(grad_output, "grad_output", array.dtype), factor)
    if result.shape != array.shape:
        raise ValueError(
            f"grad_output must have the result's shape, got {np.shape(grad_output)} for an input "
            f"of {array.shape}"
        )
    return result
