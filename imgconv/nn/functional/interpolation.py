"""Interpolation: images of another size, with gradients."""

from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imgconv.core import check
from imgconv.core.call import Runnable, filtering
from imgconv.nn.core import checks
from imgconv.nn.core.arrays import Array, DType, Shape, floats
from imgconv.nn.core.calls import LayerCall, LoopPlan

__all__ = ["interpolate", "interpolate_backward"]

MODES = ("nearest", "nearest-exact", "bilinear", "bicubic")
# The cubic of Keys (1981) with PyTorch's a; scikit-image and Catmull-Rom have -0.5.
CUBIC = -0.75


class Taps(NamedTuple):
    """Along one axis: the pixels from which each result pixel is computed, (taps, count)."""

    places: NDArray[np.int64]
    weights: Array


@filtering
def interpolate(
    input: ArrayLike,
    size: int | tuple[int, int] | None = None,
    scale_factor: float | tuple[float, float] | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Runnable[Array]:
    """Change the size of images.

    Parameters
    ----------
    input : array_like, (N, C, H, W) or (C, H, W)
    size : int or (int, int), optional
        Height and width of the result. Either this or `scale_factor` must be given.
    scale_factor : float or (float, float), optional
        Height and width are multiplied by it, and rounded down.
    mode : {"nearest", "nearest-exact", "bilinear", "bicubic"}
        The pixels from which one is computed: the one to the upper left, the nearest, 2 x 2 or
        4 x 4.
    align_corners : bool, optional
        For "bilinear" and "bicubic": whether the centres of the corner pixels are mapped onto each
        other, and not the corners of the images.
    recompute_scale_factor : bool, optional
        Whether distances are computed from the sizes, and not from `scale_factor`. They differ
        where a size was rounded.
    antialias : bool
        Must be False.

    Returns
    -------
    ndarray, (N, C, oh, ow) or (C, oh, ow)

    Raises
    ------
    ValueError
        If mode does not allow an option, not exactly one of size and scale_factor is given, or the
        result is empty.

    Notes
    -----
    Pixel o of m lies at (o + 1/2) n / m - 1/2 of n pixels, or at o (n - 1) / (m - 1) with
    `align_corners`. "nearest" takes pixel floor(o n / m), "nearest-exact" floor((o + 1/2) n / m).

    As in PyTorch, n / m is 1 / scale_factor where that is given and not recomputed. But "nearest"
    to the same size always copies, and to twice the size repeats.

    The pixels of "nearest" and "nearest-exact" are exact for all sizes and factors, in float32 and
    in float64. PyTorch, which rounds the product, takes another one where it is nearly an integer:
    of 2 pixels to 49, its pixel 24 of "nearest-exact" is pixel 0, not 1. A factor counts as the
    simple fraction that it is the float of: 0.1 is 1/10.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv.nn import interpolate
    >>> interpolate(np.array([[[0.0, 4.0]]]), size=(1, 4), mode="bilinear")
    array([[[0., 1., 3., 4.]]])
    """
    array = floats(input)
    images = checks.batch(array)
    y, x = _axes(images, size, scale_factor, mode, align_corners, recompute_scale_factor, antialias)
    plan = _plan("run", y, x, images, (*array.shape[:-2], y.places.shape[1], x.places.shape[1]))

    def run() -> Array:
        result = np.empty(plan.shape, array.dtype)
        plan.run(*y, *x, _stack(images), _stack(result))
        return result

    return LayerCall(run, lambda: plan)


@filtering
def interpolate_backward(
    grad_output: ArrayLike,
    input: ArrayLike,
    size: int | tuple[int, int] | None = None,
    scale_factor: float | tuple[float, float] | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Runnable[Array]:
    """Gradient of `interpolate`."""
    array = floats(input)
    images = checks.batch(array)
    y, x = _axes(images, size, scale_factor, mode, align_corners, recompute_scale_factor, antialias)
    shape = (*array.shape[:-2], y.places.shape[1], x.places.shape[1])
    grad = checks.gradient(grad_output, shape, array.dtype)
    plan = _plan("back", y, x, images, array.shape)
    back = _transposed(x, images.shape[3])

    def run() -> Array:
        result = np.zeros(array.shape, array.dtype)
        plan.run(*y, *back, _stack(grad), _stack(result))
        return result

    return LayerCall(run, lambda: plan)


def _plan(entry: str, y: Taps, x: Taps, images: Array, shape: Shape) -> LoopPlan:
    """Return the plan of a loop between images and images of the size of the taps."""
    taps, planes = (len(y.places), len(x.places)), images.shape[0] * images.shape[1]
    larger = max(images.size, planes * y.places.shape[1] * x.places.shape[1])
    # The resized rows under one row of results, a number behind each, and which they are.
    scratch = len(y.places) * (np.intp().itemsize + (x.places.shape[1] + 1) * images.itemsize)
    return LoopPlan("interpolate", entry, shape, images.dtype, taps, 4.0 * larger, scratch)


def _stack(images: Array) -> Array:
    """Return images as one stack of planes."""
    return np.ascontiguousarray(images).reshape(-1, *images.shape[-2:])


def _axes(
    images: Array,
    size: Any,
    scale_factor: Any,
    mode: Any,
    align_corners: Any,
    recompute: Any,
    antialias: Any,
) -> tuple[Taps, Taps]:
    """Check the arguments and return the taps along y and along x."""
    kind = check.choice(mode, MODES, "mode")
    if kind.startswith("nearest") and align_corners is not None:
        raise ValueError(f"align_corners needs mode 'bilinear' or 'bicubic', got {mode!r}")
    if antialias:
        raise ValueError("antialias must be False; smooth the images before, got True")
    if (size is None) == (scale_factor is None):
        raise ValueError(
            f"one of size and scale_factor must be given, got {size!r}, {scale_factor!r}"
        )
    axes = []
    for n, m, factor in zip(
        images.shape[2:], check.pair(size, "size"), check.pair(scale_factor, "scale_factor"),
        strict=True,
    ):  # fmt: skip
        if factor is not None:
            factor = check.positive(factor, "scale_factor")
            m = int(np.floor(n * factor))
        m = check.at_least(m, "size", 1)
        known = None if recompute else factor
        if kind.startswith("nearest"):
            places = _nearest(n, m, known, kind)[None]
            axes.append(_table(places, np.ones((1, m)), n, images.dtype))
        else:
            scale = n / m if known is None else 1 / known
            axes.append(_taps(n, m, scale, kind, bool(align_corners), images.dtype))
    return axes[0], axes[1]


def _nearest(n: int, m: int, factor: float | None, mode: str) -> NDArray[np.int64]:
    """Return which of n pixels each of m takes, from the sizes or from a factor."""
    # PyTorch does so where height and width of the result add up to at most 128.
    if factor is None or (mode == "nearest" and m in (n, 2 * n)):
        ratio = Fraction(n, m)
    else:
        ratio = 1 / _fraction(factor)
    # Twice o, or twice o + 1/2, is an integer.
    top, bottom, half = ratio.numerator, 2 * ratio.denominator, int(mode == "nearest-exact")
    fits = 2 * m * top <= np.iinfo(np.int64).max
    doubled = 2 * np.arange(m, dtype=np.int64 if fits else object) + half
    return (doubled * top // bottom).astype(np.int64)


def _fraction(factor: float) -> Fraction:
    """Return the simple fraction that a float is nearest to, else the float itself."""
    exact = Fraction(factor)
    # Below this denominator no two fractions have the same float64.
    simple = exact.limit_denominator(1 << 16)
    return simple if float(simple) == factor else exact


def _taps(n: int, m: int, scale: float, mode: str, align: bool, dtype: DType) -> Taps:
    """Return the taps of m pixels, which are `scale` apart, on an axis of n pixels."""
    at = np.arange(m)
    real = dtype.type
    if mode == "bilinear" and m == n:
        scale = 1.0  # whatever the factor
    if align:
        centre = at.astype(dtype) * real((n - 1) / (m - 1) if m > 1 else 0)
    else:
        centre = (at.astype(dtype) + real(0.5)) * real(scale) - real(0.5)
    if mode == "bilinear":
        centre = np.maximum(centre, 0)
    first = np.floor(centre)
    taps = np.arange(2) if mode == "bilinear" else np.arange(-1, 3)
    places = first + taps[:, None]
    return _table(places, _weights(mode, places - centre), n, dtype)


def _weights(mode: str, distance: Array) -> Array:
    """Return the weights of pixels at these distances from the centre."""
    t, a = np.abs(distance), CUBIC
    if mode == "bilinear":
        linear: Array = np.maximum(1 - t, 0)
        return linear
    near = ((a + 2) * t - (a + 3)) * t * t + 1
    far = ((a * t - 5 * a) * t + 8 * a) * t - 4 * a
    return np.where(t <= 1, near, np.where(t < 2, far, 0))


def _table(places: Array, weights: Array, n: int, dtype: DType) -> Taps:
    return Taps(
        np.ascontiguousarray(np.clip(places, 0, n - 1), np.int64),
        np.ascontiguousarray(weights, dtype),
    )


def _transposed(taps: Taps, n: int) -> Taps:
    """Return, for each of n pixels, the results that it is in.

    Pixels are in different numbers of them. The taps that some lack have the weight 0 and the place
    behind the last result, where there is a zero.
    """
    count = taps.places.shape[1]
    pixels = taps.places.ravel()
    order = np.argsort(pixels, kind="stable")
    number = np.bincount(pixels, minlength=n)
    # Which of the taps of its pixel each one is.
    tap = np.arange(len(pixels)) - np.repeat(np.cumsum(number) - number, number)
    places = np.full((number.max(), n), count, np.int64)
    weights = np.zeros(places.shape, taps.weights.dtype)
    places[tap, pixels[order]] = order % count
    weights[tap, pixels[order]] = taps.weights.ravel()[order]
    return Taps(places, weights)
