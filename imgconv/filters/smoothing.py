"""Linear filters that smooth or sharpen: Gaussians, means of rectangles and their combinations."""

from functools import lru_cache
from typing import Any

from numpy.typing import ArrayLike, DTypeLike

from imgconv import kernels
from imgconv.core import check
from imgconv.core.call import filtering
from imgconv.core.run import Call, hashable
from imgconv.filters.arguments import Image, Mode
from imgconv.filters.order import window_of
from imgconv.operations.base import Operation
from imgconv.operations.box import Box
from imgconv.operations.moments import Moments
from imgconv.operations.rank import Footprint
from imgconv.operations.resample import resampled_gaussian
from imgconv.operations.separable import IDENTITY, Kernel1D, Separable, Term

__all__ = ["box", "difference_of_gaussians", "gaussian", "unsharp_mask"]


@filtering
def gaussian(
    image: ArrayLike,
    sigma: float | tuple[float, float],
    *,
    order: int | tuple[int, int] = 0,
    truncate: float = 4.0,
    radius: int | tuple[int, int] | None = None,
    method: str = "auto",
    mode: Mode = "reflect",
    cval: float = 0.0,
    nan: str = "spread",
    weights: ArrayLike | None = None,
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: Image | None = None,
) -> Call[Image]:
    """Smooth an image by a Gaussian, or take a derivative of the smoothed image.

    Parameters
    ----------
    image : array_like, (H, W)
    sigma : float or (float, float)
        Standard deviation in pixels, along y and x. 0 leaves an axis as it is.
    order : int or (int, int)
        Order of the derivative along y and x; 0 smooths.
    truncate : float
        The kernel ends at this many standard deviations.
    radius : int or (int, int), optional
        The kernel ends at this many pixels from its centre; replaces `truncate`.
    method : {"auto", "direct", "fft", "resample"}
        "direct" adds up all pixels under the kernel. "fft" gives the same by Fourier transforms of
        columns and rows. "resample" averages the image down to a grid of every int(sigma / 4)-th
        pixel, smooths that and interpolates; an axis whose sigma is below 8 is filtered directly.
        "auto" resamples where that is faster and rounding to integers hides the difference, and
        else transforms where that takes half of the time of the sum.
    mode, cval, nan, weights, axes, channel_axis, dtype, out : see `imgconv`.

    Returns
    -------
    ndarray of the image's dtype, float32 for bool
        With an order above 0, of the computing dtype.

    Raises
    ------
    ValueError
        If an order is positive where sigma is 0, or method is "resample" and order, truncate or
        radius are not the default; if pixels are weighed and an order is positive or method is
        "fft" or "resample".

    Notes
    -----
    The kernel is `imgconv.kernels.gaussian`, as in `scipy.ndimage.gaussian_filter`. The sum costs
    about 16 * sigma multiply-adds a pixel.

    With transforms the cost hardly grows with sigma. They differ from the exact result by less than
    1e-6 of the range of the pixels in float32 and 1e-12 in float64. Windows of zeros give 0, and
    what is not negative stays so. A NaN or an infinity spoils the windows that hold it.

    Resampling costs about 30 at sigma 8 and 13 at sigma 50. It differs from the direct result by at
    most 1e-4 of the range of the pixels; the plan of `imgconv.explain` states the bound. "auto"
    resamples integer pixels into an integer result, at the default order and truncate, where the
    difference is at most 1/32 of a grey level before rounding: with 8-bit pixels. Floats are
    resampled only on request, since the result depends on where the grid begins, and a NaN spoils
    pixels beyond its window. Source: the application gaussian_blur of Halide.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv import gaussian
    >>> dot = np.zeros((3, 5), np.uint8)
    >>> dot[1, 2] = 255
    >>> print(gaussian(dot, 0.6))
    [[  0   7  28   7   0]
     [  0  28 112  28   0]
     [  0   7  28   7   0]]
    """
    operation = gaussian_operation(
        hashable(sigma), hashable(order), truncate, hashable(radius), method
    )
    common = image, mode, cval, axes, channel_axis, dtype, out
    return Call(operation, *common, nan=nan, weights=weights)


@lru_cache(maxsize=128, typed=True)
def gaussian_operation(
    sigma: Any, order: Any, truncate: Any, radius: Any, method: Any
) -> Operation:
    """Return the Gaussian, with its resampled form as an approximation unless method forbids it."""
    check.choice(method, ("auto", "direct", "fft", "resample"), "method")
    sigmas, orders = check.scales(sigma, "sigma"), check.integers(order, "order", 0)
    term = gaussian_term(sigmas, orders, truncate, radius)
    if method == "resample":
        check.resampled(orders, truncate, radius)
    can_resample = orders == (0, 0) and truncate == 4 and radius is None
    resampled = resampled_gaussian(sigmas) if can_resample else None
    if resampled is not None and method == "resample":
        return resampled
    smooths = orders == (0, 0)
    return Separable(
        ((term,),),
        smooths=smooths,
        weighed="means" if smooths else "",
        approximation=resampled if method == "auto" else None,
        method="direct" if method == "resample" else method,
    )


def gaussian_term(
    sigma: tuple[float, float],
    order: tuple[int, int] = (0, 0),
    truncate: float = 4.0,
    radius: Any = None,
) -> Term:
    """Return the kernels along y and x of a Gaussian or of one of its derivatives."""
    radii = (None, None) if radius is None else check.integers(radius, "radius", 0)
    truncate = check.number(truncate, "truncate")
    y, x = (
        Kernel1D.centred(kernels.gaussian(s, order=o, truncate=truncate, radius=r))
        for s, o, r in zip(sigma, order, radii, strict=True)
    )
    return y, x


@filtering
def box(
    image: ArrayLike,
    size: int | tuple[int, int] = 3,
    *,
    footprint: ArrayLike | None = None,
    mode: Mode = "reflect",
    cval: float = 0.0,
    nan: str = "spread",
    weights: ArrayLike | None = None,
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: Image | None = None,
) -> Call[Image]:
    """Replace each pixel by the mean of the rectangle around it, or of a footprint.

    Parameters
    ----------
    image : array_like, (H, W)
    size : int or (int, int)
        Height and width of the rectangle in pixels; its pixel (h // 2, w // 2) is the one replaced.
    footprint : array_like of bool, (kh, kw), optional
        The pixels of the window, True or not zero, instead of `size`.
    mode, cval, nan, weights, axes, channel_axis, dtype, out : see `imgconv`.

    Returns
    -------
    ndarray of the image's dtype, float32 for bool

    Raises
    ------
    ValueError
        If the footprint is not 2-D or has no pixel.

    Notes
    -----
    Sums are shared between neighbours but never subtracted (M. van Herk, "A fast algorithm for
    local minimum and maximum filters on rectangular and octagonal kernels", Pattern Recognition
    Letters 13, 1992, with sums instead of minima). So rounding errors do not add up along the
    image, as in a running sum, and a result depends on nothing outside its window. A 51x51 mean
    costs about twice a 3x3 one. A footprint costs a few additions for each of its rows.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv import box
    >>> print(box(np.arange(5.0)[None], (1, 3)))
    [[0.33333333 1.         2.         3.         3.66666667]]
    """
    operation = box_operation(hashable(size)) if footprint is None else mean_under(footprint)
    common = image, mode, cval, axes, channel_axis, dtype, out
    return Call(operation, *common, nan=nan, weights=weights)


def mean_under(footprint: ArrayLike) -> Operation:
    """Return the mean under a footprint, which may be a rectangle."""
    window = window_of(None, footprint)
    centred = window.before == (window.size[0] // 2, window.size[1] // 2)
    return box_operation(window.size) if window.is_rectangle and centred else moment_mean(window)


@lru_cache(maxsize=64)
def moment_mean(window: Footprint) -> Operation:
    """Return the mean of a window, always the same object for the same window."""
    return Moments(window, "mean")


@lru_cache(maxsize=128, typed=True)
def box_operation(size: Any) -> Operation:
    """Return the mean over a rectangle."""
    return Box(check.integers(size, "size", 1))


@filtering
def difference_of_gaussians(
    image: ArrayLike,
    low_sigma: float | tuple[float, float],
    high_sigma: float | tuple[float, float] | None = None,
    *,
    truncate: float = 4.0,
    mode: Mode = "reflect",
    cval: float = 0.0,
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: Image | None = None,
) -> Call[Image]:
    """Keep what lies between two scales: the less smoothed image minus the more smoothed one.

    Parameters
    ----------
    image : array_like, (H, W)
    low_sigma, high_sigma : float or (float, float)
        Standard deviations in pixels, along y and x. `high_sigma` is 1.6 times `low_sigma` by
        default (Marr and Hildreth's ratio).
    truncate : float
        The kernels end at this many standard deviations.
    mode, cval, axes, channel_axis, dtype, out : see `imgconv`.

    Returns
    -------
    ndarray of the computing dtype

    Raises
    ------
    ValueError
        If high_sigma is below low_sigma.

    Notes
    -----
    Both Gaussians run in one pass over the image, whose pixels are not rescaled. Source: D. Marr,
    E. Hildreth, "Theory of edge detection", Proceedings of the Royal Society of London B 207, 1980.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv import difference_of_gaussians
    >>> step = np.repeat([[0, 100]], 4, axis=1).repeat(3, axis=0)
    >>> difference_of_gaussians(step, 1)[1].round(1)
    array([ -1.5,  -5.2, -11.2,  -7.5,   7.5,  11.2,   5.2,   1.5])
    """
    operation = difference_operation(hashable(low_sigma), hashable(high_sigma), truncate)
    return Call(operation, image, mode, cval, axes, channel_axis, dtype, out)


@lru_cache(maxsize=128, typed=True)
def difference_operation(low_sigma: Any, high_sigma: Any, truncate: Any) -> Operation:
    """Return the difference of two Gaussians, as two terms."""
    low = check.scales(low_sigma, "low_sigma")
    high = (1.6 * low[0], 1.6 * low[1])
    if high_sigma is not None:
        high = check.scales(high_sigma, "high_sigma")
    if high[0] < low[0] or high[1] < low[1]:
        raise check.value_error(f"high_sigma must not be below low_sigma, got {high} and {low}")
    narrow = gaussian_term(low, truncate=truncate)
    wide = gaussian_term(high, truncate=truncate)
    return Separable(((narrow, (wide[0], wide[1] * -1)),))


@filtering
def unsharp_mask(
    image: ArrayLike,
    radius: float | tuple[float, float] = 1.0,
    amount: float = 1.0,
    *,
    mode: Mode = "reflect",
    cval: float = 0.0,
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: Image | None = None,
) -> Call[Image]:
    """Sharpen an image by adding what a Gaussian takes away.

    Parameters
    ----------
    image : array_like, (H, W)
    radius : float or (float, float)
        Standard deviation of the Gaussian in pixels, along y and x.
    amount : float
        How much of the detail is added; a negative amount smooths.
    mode, cval, axes, channel_axis, dtype, out : see `imgconv`.

    Returns
    -------
    ndarray of the image's dtype, float32 for bool

    Notes
    -----
    image + amount * (image - gaussian(image, radius)), in one pass. Unlike scikit-image, nothing is
    rescaled to [0, 1].

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv import unsharp_mask
    >>> step = np.array([[100, 100, 100, 200, 200, 200]], np.uint8)
    >>> print(unsharp_mask(step, 1))
    [[100  94  70 230 206 200]]
    """
    operation = unsharp_operation(hashable(radius), amount)
    return Call(operation, image, mode, cval, axes, channel_axis, dtype, out)


@lru_cache(maxsize=128, typed=True)
def unsharp_operation(radius: Any, amount: Any) -> Operation:
    """Return the unsharp mask: (1 + amount) times the pixel minus amount times the Gaussian."""
    gain = check.finite(amount, "amount")
    column, row = gaussian_term(check.scales(radius, "radius"))
    pixel = (IDENTITY, IDENTITY * (1 + gain))
    return Separable(((pixel, (column, row * -gain)),), smooths=True)
