"""Canny's edges, and hysteresis, which joins weak pixels to strong ones.

Results are bool. Every function takes the common keywords of `imgconv`.
"""

import math
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from imgconv import kernels
from imgconv.core import check
from imgconv.core.call import Call, Several, apply, filtering
from imgconv.core.pixels import native
from imgconv.filters.arguments import Image, Mode
from imgconv.operations import flood
from imgconv.operations.canny import Canny

__all__ = ["canny", "hysteresis"]


@filtering
def hysteresis(
    image: ArrayLike,
    low: float,
    high: float,
    *,
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: Image | None = None,
) -> Several[Image]:
    """Find the pixels above a low threshold that are connected to one above a high threshold.

    Parameters
    ----------
    image : array_like, (H, W)
        Any real dtype; more axes with `channel_axis` or `axes`.
    low, high : float
        Thresholds; a low one that is above the high one or NaN counts as that.
    axes, channel_axis, dtype, out
        See `imgconv`, common keywords.

    Returns
    -------
    ndarray, bool
        Or of the dtype that `dtype` or `out` says, 0 and 1.

    Raises
    ------
    TypeError
        If a threshold is not a number.

    Notes
    -----
    A pixel is kept if image > high, or if image > low and a path of such pixels, from one to the
    next above, below or beside it, leads to one that is kept; as
    `skimage.filters.apply_hysteresis_threshold` has it, but for NaN. A high threshold that is NaN
    keeps nothing. The time is that of the pixels, whatever
    they form. Source: J. Canny, "A computational approach to edge detection", IEEE Transactions on
    Pattern Analysis and Machine Intelligence 8, 1986.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv import hysteresis
    >>> print(hysteresis(np.array([[1, 2, 3, 2, 1, 2, 1, 3, 2]]), 1.5, 2.5).astype(int))
    [[0 1 1 1 0 0 0 1 1]]
    """
    array = check.image(image)
    axes, channel_axis = check.axis_numbers(axes, channel_axis)
    layout = check.layout(array.ndim, axes, channel_axis)
    for threshold, name in ((low, "low"), (high, "high")):
        check.number(threshold, name)
    wanted = check.mask_target(array.shape, dtype, out)
    planes = np.moveaxis(array, (layout.y, layout.x), (-2, -1))

    def runs() -> Image:
        classes = np.empty(planes.shape, np.uint8)
        np.greater(planes, whole(np.fmin(low, high), array.dtype), out=classes.view(np.bool_))
        classes += planes > whole(high, array.dtype)
        found = flood.connected(classes, corners=False)
        return delivered(np.moveaxis(found, (-2, -1), (layout.y, layout.x)), wanted, out)

    return Several(runs, (), array.shape, wanted, FLOOD, CONNECTS)


# What takes classes of pixels to edges, and why it cannot be done piece by piece.
FLOOD = "flood loop, from strong pixels over weak ones, in bitmaps"
CONNECTS = "it connects pixels however far apart"


def whole(threshold: Any, dtype: np.dtype) -> Any:
    """Return an integer that as many integers exceed, since these are compared faster."""
    fractional = dtype.kind in "iu" and isinstance(threshold, (float, np.floating))
    return math.floor(threshold) if fractional and np.isfinite(threshold) else threshold


def delivered(mask: Image, dtype: np.dtype, out: Image | None) -> Image:
    """Return a mask as an array in C order, of the caller's dtype or in the caller's array."""
    if out is None:
        return np.ascontiguousarray(mask, dtype)
    np.copyto(out, mask, casting="unsafe")
    return out


@filtering
def canny(
    image: ArrayLike,
    sigma: float | tuple[float, float] = 1.0,
    low_threshold: float | None = None,
    high_threshold: float | None = None,
    *,
    mask: ArrayLike | None = None,
    use_quantiles: bool = False,
    mode: Mode = "constant",
    cval: float = 0.0,
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: Image | None = None,
) -> Several[Image]:
    """Find edges one pixel wide by Canny's method.

    Parameters
    ----------
    image : array_like, (H, W)
        Any real dtype; more axes with `channel_axis` or `axes`. Each channel by itself: edges of a
        colour image are those of its luminance, or of any channel, ``canny(...).any(axis=-1)``.
    sigma : float or (float, float)
        Standard deviation of the Gaussian in pixels, along y and x.
    low_threshold, high_threshold : float, optional
        Of the magnitude of the gradient, in the image's units, by the bare integers of Sobel's
        kernels (a step of 1 gives up to 4); by default a tenth and a fifth of the largest value of
        an integer dtype, of 1 for floats. An edge has a pixel above the high threshold, and goes on
        as long as it is above the low one.
    mask : array_like, (H, W) or the shape of the image, optional
        False where pixels shall not count: the image is smoothed without them, and edges are found
        where all eight neighbours count, too.
    use_quantiles : bool
        Whether the thresholds are quantiles of the magnitude, from 0 to 1.
    mode, cval, axes, channel_axis, dtype, out
        See `imgconv`, common keywords. "constant" takes the mean of what lies in the image: the
        Gaussian is divided by its part inside. `cval` is on the scale from 0 to 1 for integers.

    Returns
    -------
    ndarray, bool
        Or of the dtype that `dtype` or `out` says, 0 and 1. There are no edges on the outermost
        pixels.

    Raises
    ------
    ValueError
        If sigma is negative, the low threshold above the high one, a quantile outside [0, 1], or
        mask of another shape.

    Notes
    -----
    The image is smoothed, and differentiated by Sobel's kernels. A pixel is a candidate if its
    magnitude is not below that on both sides of it along the gradient, interpolated between two
    neighbours each; candidates above the low threshold that are connected to one above the high
    threshold, at corners too, are edges. One pass takes the image to the candidates, and the time
    of the rest is that of their number.

    Equal to `skimage.feature.canny` in every pixel: all is computed in float64, in the order that
    SciPy has, and rounded to float32 where scikit-image does so (for float16 and float32). Source:
    J. Canny, "A computational approach to edge detection", IEEE Transactions on Pattern Analysis
    and Machine Intelligence 8, 1986.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv import canny
    >>> image = np.zeros((7, 9), np.uint8)
    >>> image[:, 4:] = 255
    >>> print(canny(image).astype(int)[2])
    [0 0 0 0 1 0 0 0 0]
    """
    array = check.image(image)
    axes, channel_axis = check.axis_numbers(axes, channel_axis)
    y, x, _, _ = check.layout(array.ndim, axes, channel_axis)
    planes = np.moveaxis(array, (y, x), (-2, -1))
    border = Surroundings(
        check.scales(sigma, "sigma"), check.modes(mode), check.number(cval, "cval")
    )
    low, high = check.thresholds(low_threshold, high_threshold, use_quantiles, array.dtype)
    wanted = check.mask_target(array.shape, dtype, out)
    valid = None if mask is None else check.mask(mask, array.shape, planes.shape[-2:], (y, x))

    def runs() -> Image:
        if valid is None and not use_quantiles:
            found = edges_of(planes, None, border, low, high, False)
        else:
            found = np.empty(planes.shape, np.bool_)
            for place in np.ndindex(planes.shape[:-2]):
                inside = None if valid is None else valid[place]
                found[place] = edges_of(planes[place], inside, border, low, high, use_quantiles)
        return delivered(np.moveaxis(found, (-2, -1), (y, x)), wanted, out)

    operation = canny_stage("classes", planes.shape[-2:], array.dtype, border)
    classes: Call[Image] = Call(operation, array, mode, cval, axes, channel_axis, np.uint8)
    return Several(runs, (classes,), array.shape, wanted, FLOOD, CONNECTS)


class Surroundings(NamedTuple):
    """The Gaussian of `canny`, and what it sees outside the image."""

    sigma: tuple[float, float]
    modes: tuple[str, str]
    cval: float


def edges_of(
    planes: Image,
    mask: NDArray[np.bool_] | None,
    border: Surroundings,
    low: Any,
    high: Any,
    use_quantiles: bool,
) -> Image:
    """Return the edges of planes, or of a single one where there is a mask or quantiles."""
    if mask is not None:
        planes = smooth_within(planes, mask, border)
        border = border._replace(sigma=(0.0, 0.0))
    divided = mask is None
    if use_quantiles:
        magnitude = run_stage("magnitude", planes, border, divided)
        low, high = np.percentile(magnitude, [100.0 * low, 100.0 * high]) if planes.size else (0, 0)
    classes = run_stage("classes", planes, border, divided, low, high)
    if mask is not None:
        classes[minimum_3x3(mask) == 0] = 0
    return flood.connected(classes, corners=True)


def smooth_within(plane: Image, mask: NDArray[np.bool_], border: Surroundings) -> Image:
    """Return the Gaussian mean of the pixels that count."""
    masked = np.where(mask, plane, plane.dtype.type(0))
    smooth = run_stage("smooth", masked, border, False)
    parts = run_stage("smooth", mask.astype(smooth.dtype), border, False)
    smooth /= parts + np.finfo(smooth.dtype).eps
    return smooth


def minimum_3x3(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return whether a pixel and its eight neighbours count; outside the image nothing does."""
    padded = np.pad(mask, 1)
    rows = padded[:-2] & padded[1:-1] & padded[2:]
    return rows[:, :-2] & rows[:, 1:-1] & rows[:, 2:]


def run_stage(
    stage: str, planes: Image, border: Surroundings, divided: bool, low: Any = 0, high: Any = 0
) -> Image:
    """Run Canny's loop up to a stage, in the dtype that scikit-image has there."""
    operation = canny_stage(
        stage, planes.shape[-2:], native(planes.dtype), border, divided, low, high
    )
    dtype = np.dtype(np.uint8) if stage == "classes" else skimage_float(planes.dtype)
    return apply(operation, planes, border.modes, border.cval, (-2, -1), None, dtype)


def skimage_float(dtype: np.dtype) -> np.dtype:
    """Return the dtype in which scikit-image filters an image."""
    return np.dtype(np.float32 if dtype.kind == "f" and dtype.itemsize < 8 else np.float64)


@lru_cache(maxsize=64, typed=True)
def canny_stage(
    stage: str,
    shape: tuple[int, int],
    dtype: np.dtype,
    border: Surroundings,
    divided: bool = True,
    low: Any = 0,
    high: Any = 0,
) -> Canny:
    """Return the operation for images of this shape and dtype.

    The thresholds are compared as scikit-image does: the low one as float32 and never zero, the
    high one as NumPy compares it with a magnitude in float32, rounded if it is a number of
    Python's, else exactly, as the next float32.
    """
    real = skimage_float(dtype)
    halves = [kernels.gaussian(s)[: int(4 * s + 0.5) + 1][::-1] for s in border.sigma]
    constant = tuple(mode == "constant" for mode in border.modes)
    parts = np.empty((0, 0))
    if divided and all(constant) and min(shape) > 0:
        parts = parts_inside(shape, halves, border, real)
    return Canny(
        kernels=(halves[0].copy(), halves[1].copy()),
        parts=parts,
        low=float(np.float32(low)) or float(np.float32(1e-14)),
        high=next_single(high) if real == np.float32 else float(high),
        scale=1.0 / np.iinfo(dtype).max if dtype.kind in "iu" else None,
        constant=(constant[0], constant[1]),
        stage=stage,
    )


def next_single(high: Any) -> float:
    """Return the float32 that stands for a threshold."""
    near = np.float32(high)
    below = isinstance(high, np.generic) and float(near) < float(high)
    return float(np.nextafter(near, np.float32(np.inf)) if below else near)


def parts_inside(
    shape: tuple[int, int], halves: list[Any], border: Surroundings, dtype: np.dtype
) -> NDArray[np.float64]:
    """Return the Gaussian of an image of ones, of as many rows and columns as differ."""
    size = [min(n, 2 * len(half) - 1) for n, half in zip(shape, halves, strict=True)]
    inside = run_stage("smooth", np.ones(size, dtype), border, False)
    return (inside + np.finfo(dtype).eps).astype(np.float64)
