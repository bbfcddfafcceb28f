"""Linear filters: correlation, convolution, and the filters that smooth.

Every function takes the common keywords of `imgconv`: mode, cval, axes, channel_axis, dtype, out.
"""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from imgconv import kernels
from imgconv.core import check
from imgconv.core.cache import Cache
from imgconv.core.call import Call, filtering
from imgconv.core.run import hashable
from imgconv.filters.arguments import Image, Mode
from imgconv.operations.base import Operation
from imgconv.operations.box import Box
from imgconv.operations.correlate import Correlation
from imgconv.operations.methods import METHODS, AnyMethod
from imgconv.operations.resample import coarse
from imgconv.operations.separable import IDENTITY, Kernel1D, Separable, Term

__all__ = [
    "box",
    "convolve",
    "correlate",
    "difference_of_gaussians",
    "gabor",
    "gaussian",
    "separable",
    "unsharp_mask",
]

# Operations made of a caller's kernels, by the bytes of the kernel.
OPERATIONS = Cache(limit=8 << 20)


@filtering
def correlate(
    image: ArrayLike,
    kernel: ArrayLike,
    *,
    shape: str = "same",
    stride: int | tuple[int, int] = 1,
    dilation: int | tuple[int, int] = 1,
    method: str = "auto",
    mode: Mode = "reflect",
    cval: float = 0.0,
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: Image | None = None,
) -> Call[Image]:
    """Cross-correlate an image with a 2-D kernel.

    Parameters
    ----------
    image : array_like, (H, W)
        Any real dtype; more axes with `channel_axis` or `axes`.
    kernel : array_like, (kh, kw)
        Weights of any size, centred at (kh // 2, kw // 2).
    shape : {"same", "valid", "full"}
        "same" has the size of the image; "valid" the places where the kernel lies inside it
        altogether; "full" those where it touches it.
    stride, dilation : int or (int, int)
        Every stride-th result; taps `dilation` pixels apart.
    method : {"auto", "direct", "separable", "fft"}
        "direct" is the sum below; "separable" that of outer products which the kernel is made of;
        "fft" goes by transforms of tiles. "auto" takes the one that is expected to be fastest:
        `imgconv.explain` shows it.
    mode, cval, axes, channel_axis, dtype, out
        See `imgconv`, common keywords.

    Returns
    -------
    ndarray, float32 or float64
        The computing dtype of the image, unless `dtype` or `out` says otherwise.

    Raises
    ------
    ValueError
        If the kernel is not 2-D, empty, or larger than the image with shape="valid"; if stride or
        dilation is not positive; with method="separable", if the kernel has a rank of more than
        half its smaller side or a dilation; with "separable" and "fft", if it is not finite.
    TypeError
        If image or kernel is not real.

    Notes
    -----
    out[y, x] = sum over i, j of kernel[i, j] * image[y + i - kh // 2, x + j - kw // 2], at kh * kw
    multiply-adds a pixel. A NaN spoils every window that holds it, under a zero weight too.

    With method="separable", kernel[i, j] is the sum of column_t[i] * row_t[j] over r terms t, to
    the rounding of the computing dtype: r (kh + kw) multiply-adds a pixel. With "fft" the cost
    hardly depends on the kernel. Its error is up to 6 eps * sum(|kernel|) times the range of all
    pixels near by, where that of the others is a share of what each window holds. With "auto",
    sums of integer pixels and integer weights (or halves, quarters, ...) are exact as they are
    with "direct". The figures are in docs/numerics.md and docs/performance.md.

    Examples
    --------
    A 6x8 image with a dark band, and the kernel [1, -1]: 1 where the image falls to dark, -1 where
    it rises, both seen from the right-hand pixel.

    >>> import numpy as np
    >>> from imgconv import correlate
    >>> image = np.ones((6, 8), np.float32)
    >>> image[:, 2:6] = 0
    >>> print(correlate(image, [[1, -1]]))
    [[ 0.  0.  1.  0.  0.  0. -1.  0.]
     [ 0.  0.  1.  0.  0.  0. -1.  0.]
     [ 0.  0.  1.  0.  0.  0. -1.  0.]
     [ 0.  0.  1.  0.  0.  0. -1.  0.]
     [ 0.  0.  1.  0.  0.  0. -1.  0.]
     [ 0.  0.  1.  0.  0.  0. -1.  0.]]

    The same kernel finds nothing in the transposed image, whose edges lie the other way:

    >>> bool(correlate(image.T, [[1, -1]]).any())
    False

    A diagonal edge it finds in every row:

    >>> print(correlate(np.tri(4), [[1, -1]]))
    [[0. 1. 0. 0.]
     [0. 0. 1. 0.]
     [0. 0. 0. 1.]
     [0. 0. 0. 0.]]

    Correlation lays the kernel on the image as it is; convolution turns it around first. Of a
    single bright pixel, correlation shows the kernel turned around and convolution the kernel:

    >>> from imgconv import convolve
    >>> dot = np.zeros((3, 3), np.float32)
    >>> dot[1, 1] = 1
    >>> asymmetric = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
    >>> print(correlate(dot, asymmetric, mode="constant"))
    [[9. 8. 7.]
     [6. 5. 4.]
     [3. 2. 1.]]
    >>> print(convolve(dot, asymmetric, mode="constant"))
    [[1. 2. 3.]
     [4. 5. 6.]
     [7. 8. 9.]]
    """
    operation = kernel_operation(kernel, False, stride, dilation, method)
    return Call.of(operation, image, mode, cval, axes, channel_axis, dtype, out, shape)


@filtering
def convolve(
    image: ArrayLike,
    kernel: ArrayLike,
    *,
    shape: str = "same",
    stride: int | tuple[int, int] = 1,
    dilation: int | tuple[int, int] = 1,
    method: str = "auto",
    mode: Mode = "reflect",
    cval: float = 0.0,
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: Image | None = None,
) -> Call[Image]:
    """Convolve an image with a 2-D kernel: correlation with the kernel turned by 180 degrees.

    Parameters
    ----------
    image : array_like, (H, W)
        Any real dtype; more axes with `channel_axis` or `axes`.
    kernel : array_like, (kh, kw)
        Weights of any size, centred at (kh // 2, kw // 2).
    shape : {"same", "valid", "full"}
        "same" has the size of the image; "valid" the places where the kernel lies inside it
        altogether; "full" those where it touches it.
    stride, dilation : int or (int, int)
        Every stride-th result; taps `dilation` pixels apart.
    method : {"auto", "direct", "separable", "fft"}
        "direct" is the sum below; "separable" that of outer products which the kernel is made of;
        "fft" goes by transforms of tiles. "auto" takes the one that is expected to be fastest:
        `imgconv.explain` shows it.
    mode, cval, axes, channel_axis, dtype, out
        See `imgconv`, common keywords.

    Returns
    -------
    ndarray, float32 or float64
        The computing dtype of the image, unless `dtype` or `out` says otherwise.

    Raises
    ------
    ValueError
        If the kernel is not 2-D, empty, or larger than the image with shape="valid"; if stride or
        dilation is not positive; with method="separable", if the kernel has a rank of more than
        half its smaller side or a dilation; with "separable" and "fft", if it is not finite.
    TypeError
        If image or kernel is not real.

    Notes
    -----
    out[y, x] = sum over i, j of kernel[i, j] * image[y - i + kh // 2, x - j + kw // 2], at kh * kw
    multiply-adds a pixel. See `correlate` for the two side by side, and for the methods.

    Examples
    --------
    Polynomials multiply by full convolution of their coefficients: (1 + x)(1 - x) = 1 - x**2.

    >>> from imgconv import convolve
    >>> print(convolve([[1, 1]], [[1, -1]], shape="full", mode="constant"))
    [[ 1.  0. -1.]]
    """
    operation = kernel_operation(kernel, True, stride, dilation, method)
    return Call.of(operation, image, mode, cval, axes, channel_axis, dtype, out, shape)


def kernel_operation(
    kernel: ArrayLike, turned: bool, stride: Any, dilation: Any, method: Any
) -> Operation:
    """Return the correlation with a kernel, as it is or turned by 180 degrees."""
    array = kernel if type(kernel) is np.ndarray else np.asarray(kernel)
    steps = stride if type(stride) is int else check.integers(stride, "stride", 1)
    gaps = dilation if type(dilation) is int else check.integers(dilation, "dilation", 1)
    method = method if type(method) is str else check.choice(method, METHODS, "method")
    # The types, because True and 1.0 equal 1 and must be refused.
    key = (array.tobytes(), array.shape, array.dtype, turned, steps, gaps, type(steps), type(gaps),
           method)  # fmt: skip
    found = OPERATIONS.get(key)
    if found is None:
        weights = check.kernel(kernel, 2)
        height, width = weights.shape
        origin = height // 2, width // 2
        if turned:
            weights = np.ascontiguousarray(weights[::-1, ::-1])
            origin = (height - 1) // 2, (width - 1) // 2
        steps = check.integers(stride, "stride", 1)
        gaps = check.integers(dilation, "dilation", 1)
        check.choice(method, METHODS, "method")
        check.dilation_fits(gaps, method)
        check.finite_kernel(weights, method)
        found = dense(weights, origin, steps, gaps, method)
        OPERATIONS.put(key, found, 2 * weights.nbytes + 512)
    return found


def dense(
    weights: NDArray[np.float64],
    origin: tuple[int, int],
    stride: tuple[int, int] = (1, 1),
    dilation: tuple[int, int] = (1, 1),
    method: str = "direct",
) -> Operation:
    """Return the correlation with a dense kernel whose tap `origin` stands on the pixel."""
    key = (weights.tobytes(), weights.shape, origin, stride, dilation, method)
    found = OPERATIONS.get(key)
    if found is None:
        kernel = np.ascontiguousarray(weights).copy()
        if method == "direct":
            found = Correlation(kernel, origin, stride, dilation)
        else:
            found = AnyMethod(kernel, origin, stride, dilation, method)
        # Key and kernel; and what factors of it are found.
        OPERATIONS.put(key, found, 3 * weights.nbytes + 512)
    return found


@filtering
def separable(
    image: ArrayLike,
    kernel_y: ArrayLike,
    kernel_x: ArrayLike,
    *,
    mode: Mode = "reflect",
    cval: float = 0.0,
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: Image | None = None,
) -> Call[Image]:
    """Correlate an image with one kernel down the columns and one along the rows, in one pass.

    Parameters
    ----------
    image : array_like, (H, W)
        Any real dtype; more axes with `channel_axis` or `axes`.
    kernel_y, kernel_x : array_like, 1-D
        Weights of any length, each centred at len // 2.
    mode, cval, axes, channel_axis, dtype, out
        See `imgconv`, common keywords.

    Returns
    -------
    ndarray, float32 or float64
        The computing dtype of the image, unless `dtype` or `out` says otherwise.

    Raises
    ------
    ValueError
        If a kernel is empty or not 1-D.
    TypeError
        If image or kernels are not real.

    Notes
    -----
    The same as `correlate` with the outer product of the kernels, at kh + kw instead of kh * kw
    multiply-adds a pixel.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv import separable
    >>> print(separable(np.eye(3), [1, 2, 1], [1, 2, 1], mode="constant"))
    [[5. 4. 1.]
     [4. 6. 4.]
     [1. 4. 5.]]
    """
    columns = check.kernel(kernel_y, 1, "kernel_y")
    rows = check.kernel(kernel_x, 1, "kernel_x")
    key = (columns.tobytes(), rows.tobytes())
    operation = OPERATIONS.get(key)
    if operation is None:
        operation = Separable((((Kernel1D.centred(columns), Kernel1D.centred(rows)),),))
        OPERATIONS.put(key, operation, 2 * (columns.nbytes + rows.nbytes) + 1024)
    return Call.of(operation, image, mode, cval, axes, channel_axis, dtype, out)


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
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: Image | None = None,
) -> Call[Image]:
    """Smooth an image by a Gaussian, or take a derivative of the smoothed image.

    Parameters
    ----------
    image : array_like, (H, W)
        Any real dtype; more axes with `channel_axis` or `axes`.
    sigma : float or (float, float)
        Standard deviation in pixels, along y and x. 0 leaves an axis alone.
    order : int or (int, int)
        Order of the derivative along y and x; 0 smooths.
    truncate : float
        The kernel ends at this many standard deviations.
    radius : int or (int, int), optional
        Half the width of the kernel in pixels, in place of `truncate`.
    method : {"auto", "direct", "resample"}
        "direct" adds up all pixels under the kernel. "resample" averages the image down to a grid
        of every int(sigma / 4)-th pixel, smooths that and interpolates between; an axis whose sigma
        is below 8 is filtered directly. "auto" resamples where that is faster and the result
        consists of integers that hardly show it.
    mode, cval, axes, channel_axis, dtype, out
        See `imgconv`, common keywords.

    Returns
    -------
    ndarray
        Of the image's dtype (float32 for bool), rounded and saturated; for any order above 0 of
        the computing dtype, float32 or float64.

    Raises
    ------
    ValueError
        If sigma is negative or not finite, order negative, or order positive where sigma is 0; if
        method is "resample" and order, truncate or radius are not the default.

    Notes
    -----
    The kernel is exp(-x**2 / (2 * sigma**2)) sampled at the pixels from -r to r, with r =
    int(truncate * sigma + 0.5), and normalised, as in `scipy.ndimage.gaussian_filter`; for higher
    orders times the Hermite polynomial. It costs about 16 * sigma multiply-adds a pixel.

    Resampling costs about 30 at sigma 8 and 13 at sigma 50. It differs from the direct result by at
    most 1e-4 of the range of the pixels; `imgconv.explain` tells by how much. "auto" takes it for
    8-bit pixels and integer results, at the default truncate and order, where the difference is at
    most 1/32 of a grey level before rounding. Floats are resampled only if asked for, since then a
    result depends on where the grid lies, and a NaN spoils pixels beyond its window. Source: the
    application gaussian_blur of Halide.

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
    operation = smoothing(hashable(sigma), hashable(order), truncate, hashable(radius), method)
    return Call.of(operation, image, mode, cval, axes, channel_axis, dtype, out)


@lru_cache(maxsize=128, typed=True)
def smoothing(sigma: Any, order: Any, truncate: Any, radius: Any, method: Any) -> Operation:
    """Return the Gaussian of these arguments."""
    check.choice(method, ("auto", "direct", "resample"), "method")
    sigmas, orders = check.scales(sigma, "sigma"), check.integers(order, "order", 0)
    term = gaussian_term(sigmas, orders, truncate, radius)
    if method == "resample":
        check.resampled(orders, truncate, radius)
    plain = orders == (0, 0) and truncate == 4 and radius is None
    grid = coarse(sigmas) if plain and method != "direct" else None
    if grid is not None and method == "resample":
        return grid
    return Separable(((term,),), smooths=orders == (0, 0), approximation=grid)


def gaussian_term(
    sigma: tuple[float, float],
    order: tuple[int, int] = (0, 0),
    truncate: float = 4.0,
    radius: Any = None,
) -> Term:
    """Return the two kernels of a Gaussian or of one of its derivatives."""
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
    size: int | tuple[int, int],
    *,
    mode: Mode = "reflect",
    cval: float = 0.0,
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: Image | None = None,
) -> Call[Image]:
    """Replace each pixel by the mean of the rectangle around it.

    Parameters
    ----------
    image : array_like, (H, W)
        Any real dtype; more axes with `channel_axis` or `axes`.
    size : int or (int, int)
        Height and width of the rectangle in pixels, centred at size // 2.
    mode, cval, axes, channel_axis, dtype, out
        See `imgconv`, common keywords.

    Returns
    -------
    ndarray
        Of the image's dtype (float32 for bool), rounded and saturated.

    Raises
    ------
    ValueError
        If size is not positive.

    Notes
    -----
    Sums are shared between neighbours but never subtracted (M. van Herk, "A fast algorithm for
    local minimum and maximum filters on rectangular and octagonal kernels", Pattern Recognition
    Letters 13, 1992, with sums in the place of minima). So nothing drifts, as it would in a running
    sum, and a pixel depends on nothing outside its window. A 51x51 mean costs about twice a 3x3.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv import box
    >>> print(box(np.arange(5.0)[None], (1, 3)))
    [[0.33333333 1.         2.         3.         3.66666667]]
    """
    return Call.of(rectangle(hashable(size)), image, mode, cval, axes, channel_axis, dtype, out)


@lru_cache(maxsize=128, typed=True)
def rectangle(size: Any) -> Operation:
    """Return the mean over a rectangle of this size."""
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
    """Keep what is between two scales: the less smoothed image minus the more smoothed one.

    Parameters
    ----------
    image : array_like, (H, W)
        Any real dtype; more axes with `channel_axis` or `axes`.
    low_sigma, high_sigma : float or (float, float)
        Standard deviations in pixels, along y and x; `high_sigma` is 1.6 times `low_sigma` if not
        given (Marr and Hildreth's ratio).
    truncate : float
        The kernels end at this many standard deviations.
    mode, cval, axes, channel_axis, dtype, out
        See `imgconv`, common keywords.

    Returns
    -------
    ndarray, float32 or float64
        The computing dtype of the image, in the image's own range.

    Raises
    ------
    ValueError
        If a sigma is negative or not finite, or high_sigma below low_sigma.

    Notes
    -----
    Both Gaussians run in one pass over the image. Source: D. Marr, E. Hildreth, "Theory of edge
    detection", Proceedings of the Royal Society B 207, 1980.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv import difference_of_gaussians
    >>> step = np.repeat([[0, 100]], 4, axis=1).repeat(3, axis=0)
    >>> difference_of_gaussians(step, 1)[1].round(1)
    array([ -1.5,  -5.2, -11.2,  -7.5,   7.5,  11.2,   5.2,   1.5])
    """
    operation = band_pass(hashable(low_sigma), hashable(high_sigma), truncate)
    return Call.of(operation, image, mode, cval, axes, channel_axis, dtype, out)


@lru_cache(maxsize=128, typed=True)
def band_pass(low_sigma: Any, high_sigma: Any, truncate: Any) -> Operation:
    """Return the difference of two Gaussians."""
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
        Any real dtype; more axes with `channel_axis` or `axes`.
    radius : float or (float, float)
        Standard deviation of the Gaussian in pixels, along y and x.
    amount : float
        How much of the detail is added; a negative amount smooths.
    mode, cval, axes, channel_axis, dtype, out
        See `imgconv`, common keywords.

    Returns
    -------
    ndarray
        Of the image's dtype (float32 for bool) and in its range, rounded and saturated.

    Raises
    ------
    ValueError
        If radius is negative or not finite, or amount not finite.

    Notes
    -----
    image + amount * (image - gaussian(image, radius)), in one pass. Unlike scikit-image, nothing
    is rescaled to [0, 1].

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv import unsharp_mask
    >>> step = np.array([[100, 100, 100, 200, 200, 200]], np.uint8)
    >>> print(unsharp_mask(step, 1))
    [[100  94  70 230 206 200]]
    """
    operation = sharpening(hashable(radius), amount)
    return Call.of(operation, image, mode, cval, axes, channel_axis, dtype, out)


@lru_cache(maxsize=128, typed=True)
def sharpening(radius: Any, amount: Any) -> Operation:
    """Return the unsharp mask: (1 + amount) times the pixel, less amount times the Gaussian."""
    gain = check.finite(amount, "amount")
    column, row = gaussian_term(check.scales(radius, "radius"))
    pixel = (IDENTITY, IDENTITY * (1 + gain))
    return Separable(((pixel, (column, row * -gain)),), smooths=True)


@filtering
def gabor(
    image: ArrayLike,
    frequency: float,
    theta: float = 0.0,
    *,
    bandwidth: float = 1.0,
    sigma_x: float | None = None,
    sigma_y: float | None = None,
    n_stds: float = 3,
    offset: float = 0.0,
    mode: Mode = "reflect",
    cval: float = 0.0,
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: tuple[Image, Image] | None = None,
) -> Call[tuple[Image, Image]]:
    """Find stripes of one frequency and direction: convolution with a Gabor kernel.

    Parameters
    ----------
    image : array_like, (H, W)
        Any real dtype; more axes with `channel_axis` or `axes`.
    frequency : float
        Cycles a pixel.
    theta : float
        Direction of the wave in radians; 0 is along x.
    bandwidth : float
        Bandwidth in octaves, from which sigma_x and sigma_y follow where they are not given.
    sigma_x, sigma_y : float, optional
        Standard deviations in pixels along the wave and across it.
    n_stds : float
        The kernel ends at this many standard deviations.
    offset : float
        Phase of the wave in radians.
    mode, cval, axes, channel_axis, dtype, out
        See `imgconv`, common keywords; `out` is a pair of arrays alike.

    Returns
    -------
    real, imaginary : ndarray, float32 or float64
        The responses to the even and the odd part of the kernel.

    Raises
    ------
    ValueError
        If frequency, bandwidth, a sigma or n_stds is out of its range.

    Notes
    -----
    The kernel is `imgconv.kernels.gabor`. Its real and imaginary parts are sums of few separable
    kernels (two each where the Gaussian is round), found by singular values, and run in one pass.
    Source: J. G. Daugman, "Uncertainty relation for resolution in space, spatial frequency, and
    orientation", Journal of the Optical Society of America A 2, 1985.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv import gabor
    >>> stripes = np.cos(0.2 * 2 * np.pi * np.arange(40)) * np.ones((40, 1))
    >>> along, across = (np.hypot(*gabor(stripes, 0.2, theta))[20, 20] for theta in (0, np.pi / 2))
    >>> bool(along > 100 * across)
    True
    """
    operation = wave(frequency, theta, bandwidth, sigma_x, sigma_y, n_stds, offset)
    return Call.of(operation, image, mode, cval, axes, channel_axis, dtype, out)


# Weights that are taken apart, and whose terms are run, in some seconds.
MOST_WAVE = 1 << 16


@lru_cache(maxsize=64, typed=True)
def wave(frequency: Any, theta: Any, bandwidth: Any, sigma_x: Any, sigma_y: Any, n_stds: Any,
         offset: Any) -> Operation:  # fmt: skip
    """Return the two parts of a Gabor kernel as sums of separable kernels."""
    kernel = kernels.flip(
        kernels.gabor(
            frequency, theta, bandwidth=bandwidth, sigma_x=sigma_x, sigma_y=sigma_y,
            n_stds=n_stds, offset=offset,
        )
    )  # fmt: skip
    check.weights_fit(kernel.size, "frequency", frequency, MOST_WAVE)
    components = []
    for part in (kernel.real, kernel.imag):
        columns, rows = kernels.separate(part)
        terms = [
            (Kernel1D.centred(column), Kernel1D.centred(row))
            for column, row in zip(columns, rows, strict=True)
        ]
        zero = (Kernel1D.centred([0.0]), IDENTITY)
        components.append(tuple(terms) or (zero,))
    return Separable(tuple(components))
