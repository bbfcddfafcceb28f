"""Canny's edges, and hysteresis, which connects weak pixels to strong ones; results are bool."""

import math
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from imgconv import kernels
from imgconv.core import check
from imgconv.core.call import Several, filtering
from imgconv.core.pixels import contiguous, native
from imgconv.core.run import Call, filtered
from imgconv.filters.arguments import Image, Mode
from imgconv.filters.point_calls import is_wide
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
    """Find the pixels above a low threshold that are connected to a pixel above a high threshold.

    Parameters
    ----------
    image : array_like, (H, W)
    low, high : float
        The thresholds, in the image's units; a low one that is NaN or above the high one counts as
        the high one.
    axes, channel_axis, dtype, out : see `imgconv`.

    Returns
    -------
    ndarray of dtype bool

    Notes
    -----
    A pixel is kept if image > high, or if image > low and a path of such pixels, each next to the
    one before along y or x, leads from it to a pixel that is kept. The result is that of
    `skimage.filters.apply_hysteresis_threshold`, but a high threshold that is NaN keeps nothing.
    The cost is linear in the number of pixels, whatever shapes they form. Source: J. Canny, "A
    computational approach to edge detection", IEEE Transactions on Pattern Analysis and Machine
    Intelligence 8, 1986.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv import hysteresis
    >>> print(hysteresis(np.array([[1, 2, 3, 2, 1, 2, 1, 3, 2]]), 1.5, 2.5).astype(int))
    [[0 1 1 1 0 0 0 1 1]]
    """
    array = check.image(image)
    layout = check.layout(array.ndim, axes, channel_axis)
    for threshold, name in ((low, "low"), (high, "high")):
        check.number(threshold, name)
    result_dtype = check.mask_target(array.shape, dtype, out)

    def runs(image: Image) -> Image:
        found = above_connected(as_planes(image, layout.y, layout.x), low, high)
        return stored_mask(from_planes(found, layout.y, layout.x), result_dtype, out)

    return Several(
        array, runs, (), array.shape, result_dtype, FLOOD, CONNECTS, repeatable=out is None
    )


# What makes edges of classes of pixels, and why it needs the whole image.
FLOOD = "flood loop, from strong pixels over weak ones, in bitmaps"
CONNECTS = "it connects pixels however far apart"


def above_connected(planes: Image, low: Any, high: Any) -> NDArray[np.bool_]:
    """Return `hysteresis` of planes; a low threshold is at most the high one."""
    low, dtype = np.fmin(low, high), native(planes.dtype)
    found = np.empty(planes.shape, np.uint8)
    if is_wide(dtype):
        np.greater(planes, exceeded(low, dtype), out=found.view(np.bool_))
        found += planes > exceeded(high, dtype)
        return flood.connected(found, 0, 1, corners=False, found=found)
    pixels = contiguous(planes, np.float32 if dtype == np.float16 else dtype)
    limits = float(exceeded(low, dtype)), float(exceeded(high, dtype))
    return flood.connected(pixels, *limits, corners=False, found=found)


def exceeded(threshold: Any, dtype: np.dtype[Any]) -> Any:
    """Return a number, of a dtype if it is a float, that the same of its pixels are above.

    NumPy rounds a Python number to the dtype before it compares, but compares a NumPy scalar
    exactly.
    """
    if dtype.kind != "f":
        fractional = isinstance(threshold, (float, np.floating)) and np.isfinite(threshold)
        return math.floor(threshold) if fractional else threshold
    with np.errstate(over="ignore"):
        nearest = dtype.type(threshold)
    if isinstance(threshold, np.generic) and nearest > threshold:
        nearest = np.nextafter(nearest, dtype.type(-np.inf))
    return nearest


def as_planes(image: Image, y: int, x: int) -> Image:
    """Return a view whose last axes are y and x; `numpy.moveaxis` would cost a small image much."""
    is_so = (y, x) == (image.ndim - 2, image.ndim - 1)
    return image if is_so else np.moveaxis(image, (y, x), (-2, -1))


def from_planes(planes: Image, y: int, x: int) -> Image:
    """Return the view whose `as_planes` is `planes`."""
    is_so = (y, x) == (planes.ndim - 2, planes.ndim - 1)
    return planes if is_so else np.moveaxis(planes, (-2, -1), (y, x))


def stored_mask(mask: Image, dtype: np.dtype[Any], out: Image | None) -> Image:
    """Return a mask in C order, converted to a dtype, or in the caller's array."""
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
        Each channel is filtered by itself. The edges of a colour image are those of its luminance,
        or those of any channel, ``canny(...).any(axis=-1)``.
    sigma : float or (float, float)
        Standard deviation of the Gaussian in pixels, along y and x.
    low_threshold, high_threshold : float, optional
        Of the magnitude of the gradient by Sobel's integer kernels (a step of 1 gives up to 4), in
        the image's units; by default 0.1 and 0.2 of the largest value of an integer dtype, 0.1 and
        0.2 for floats. An edge has a pixel above the high threshold, and continues while it is
        above the low one.
    mask : array_like, (H, W) or the shape of the image, optional
        False where pixels do not count: the image is smoothed without them, and a pixel can be an
        edge only if it and its eight neighbours count.
    use_quantiles : bool
        Whether the thresholds are quantiles of the magnitude, from 0 to 1.
    mode, cval, axes, channel_axis, dtype, out : see `imgconv`.
        mode="constant", the default here, divides the Gaussian by its weight inside the image, so
        that only pixels of the image are averaged. For integers, cval is on a scale from 0 to 1.

    Returns
    -------
    ndarray of dtype bool
        The outermost pixels are never edges.

    Raises
    ------
    ValueError
        If the low threshold is above the high one, a quantile is outside [0, 1], or mask has
        another shape.

    Notes
    -----
    The image is smoothed and differentiated by Sobel's kernels. A pixel is a candidate if its
    magnitude is not below the magnitudes on both sides of it along the gradient, each interpolated
    between two neighbours. Edges are the candidates above the low threshold that are connected,
    across corners too, to one above the high threshold. One pass computes the candidates; the cost
    of the rest is linear in their number.

    Equal to `skimage.feature.canny` in every pixel: everything is computed in float64, in the order
    in which SciPy computes it, and rounded to float32 where scikit-image does so (for float16 and
    float32). Source: J. Canny, "A computational approach to edge detection", IEEE Transactions on
    Pattern Analysis and Machine Intelligence 8, 1986.

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
    y, x, _, _ = check.layout(array.ndim, axes, channel_axis)
    size = array.shape[y], array.shape[x]
    smoothing = Smoothing(
        check.scales(sigma, "sigma"), check.modes(mode), check.number(cval, "cval")
    )
    low, high = check.thresholds(low_threshold, high_threshold, use_quantiles, array.dtype)
    result_dtype = check.mask_target(array.shape, dtype, out)
    valid = None if mask is None else check.mask(mask, array.shape, size, (y, x))
    plan = None
    if mask is None and not use_quantiles:
        plan = stage("classes", as_planes(array, y, x), smoothing, True, low, high).plan()

    def runs(image: Image) -> Image:
        planes = as_planes(image, y, x)
        if plan is not None:
            found = connected_classes(filtered(plan, planes))
        else:
            # One image after the other: each has its own mask and its own quantiles.
            found = np.empty(planes.shape, np.bool_)
            for place in np.ndindex(planes.shape[:-2]):
                inside = None if valid is None else valid[place]
                found[place] = find_edges(
                    planes[place], inside, smoothing, low, high, use_quantiles
                )
        return stored_mask(from_planes(found, y, x), result_dtype, out)

    operation = canny_operation("classes", size, array.dtype, smoothing)
    classes: Call[Image] = Call(operation, array, mode, cval, axes, channel_axis, np.uint8)
    return Several(
        array, runs, (classes,), array.shape, result_dtype, FLOOD, CONNECTS,
        repeatable=mask is None and out is None,
    )  # fmt: skip


class Smoothing(NamedTuple):
    """The Gaussian of `canny`, and how the image continues beyond its border."""

    sigma: tuple[float, float]
    modes: tuple[str, str]
    cval: float


def find_edges(
    planes: Image,
    mask: NDArray[np.bool_] | None,
    smoothing: Smoothing,
    low: Any,
    high: Any,
    use_quantiles: bool,
) -> Image:
    """Return the edges of a single plane that has a mask or thresholds that are quantiles."""
    if mask is not None:
        planes = smooth_within(planes, mask, smoothing)
        smoothing = smoothing._replace(sigma=(0.0, 0.0))
    normalize = mask is None
    if use_quantiles:
        magnitude = stage("magnitude", planes, smoothing, normalize).run()
        low, high = np.percentile(magnitude, [100.0 * low, 100.0 * high]) if planes.size else (0, 0)
    classes = stage("classes", planes, smoothing, normalize, low, high).run()
    if mask is not None:
        classes[minimum_3x3(mask) == 0] = 0
    return connected_classes(classes)


def connected_classes(classes: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return the edges, as a view of the classes of all pixels."""
    return flood.connected(classes, 0, 1, corners=True, found=classes)


def smooth_within(plane: Image, mask: NDArray[np.bool_], smoothing: Smoothing) -> Image:
    """Return the Gaussian mean of the pixels that count."""
    masked = np.where(mask, plane, plane.dtype.type(0))
    smooth = stage("smooth", masked, smoothing, False).run()
    weights = stage("smooth", mask.astype(smooth.dtype), smoothing, False).run()
    smooth /= weights + np.finfo(smooth.dtype).eps
    return smooth


def minimum_3x3(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return where a pixel and its eight neighbours count; pixels outside the image do not."""
    padded = np.pad(mask, 1)
    rows = padded[:-2] & padded[1:-1] & padded[2:]
    return rows[:, :-2] & rows[:, 1:-1] & rows[:, 2:]


def stage(
    name: str, planes: Image, smoothing: Smoothing, normalize: bool, low: Any = 0, high: Any = 0
) -> Call[Image]:
    """Return Canny's loop up to a stage, with a result of the dtype that scikit-image has there."""
    operation = canny_operation(
        name, planes.shape[-2:], native(planes.dtype), smoothing, normalize, low, high
    )
    dtype = np.dtype(np.uint8) if name == "classes" else skimage_float(planes.dtype)
    return Call(operation, planes, smoothing.modes, smoothing.cval, (-2, -1), None, dtype, None)


def skimage_float(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype in which scikit-image filters an image."""
    return np.dtype(np.float32 if dtype.kind == "f" and dtype.itemsize < 8 else np.float64)


@lru_cache(maxsize=64, typed=True)
def canny_operation(
    stage: str,
    shape: tuple[int, int],
    dtype: np.dtype[Any],
    smoothing: Smoothing,
    normalize: bool = True,
    low: Any = 0,
    high: Any = 0,
) -> Canny:
    """Return the operation for images of this shape and dtype, up to a stage.

    With `normalize` and mode "constant", the Gaussian is divided by its weight inside the image.
    The low threshold is a float32 and never zero, as in scikit-image.
    """
    real = skimage_float(dtype)
    halves = [kernels.gaussian(s)[: int(4 * s + 0.5) + 1][::-1] for s in smoothing.sigma]
    constant = tuple(mode == "constant" for mode in smoothing.modes)
    weights = np.empty((0, 0))
    if normalize and all(constant) and min(shape) > 0:
        weights = weights_inside(shape, halves, smoothing, real)
    return Canny(
        kernels=(halves[0].copy(), halves[1].copy()),
        parts=weights,
        low=float(np.float32(low)) or float(np.float32(1e-14)),
        high=float32_threshold(high) if real == np.float32 else float(high),
        scale=1.0 / np.iinfo(dtype).max if dtype.kind in "iu" else None,
        constant=(constant[0], constant[1]),
        stage=stage,
    )


def float32_threshold(high: Any) -> float:
    """Return the smallest float32 that NumPy finds not below a threshold.

    NumPy rounds a Python number to float32 before it compares, but compares a NumPy scalar exactly.
    """
    nearest = np.float32(high)
    is_below = isinstance(high, np.generic) and float(nearest) < float(high)
    return float(np.nextafter(nearest, np.float32(np.inf)) if is_below else nearest)


def weights_inside(
    shape: tuple[int, int], halves: list[Any], smoothing: Smoothing, dtype: np.dtype[Any]
) -> NDArray[np.float64]:
    """Return the Gaussian's weight inside the image, for as many rows and columns as differ."""
    size = [min(n, 2 * len(half) - 1) for n, half in zip(shape, halves, strict=True)]
    inside = stage("smooth", np.ones(size, dtype), smoothing, False).run()
    weights: NDArray[np.float64] = (inside + np.finfo(dtype).eps).astype(np.float64)
    return weights
