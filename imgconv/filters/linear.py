"""Linear filters whose kernel the caller chooses: correlation, convolution and Gabor's filter."""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from imgconv import kernels
from imgconv.core import check
from imgconv.core.cache import Cache
from imgconv.core.call import filtering
from imgconv.core.run import Call, hashable
from imgconv.filters.arguments import Image, Mode
from imgconv.operations.base import Operation
from imgconv.operations.correlate import Correlation
from imgconv.operations.methods import METHODS, AnyMethod
from imgconv.operations.separable import IDENTITY, Kernel1D, Separable, Term

__all__ = ["convolve", "correlate", "gabor", "separable"]

# Operations of kernels that callers gave, by the bytes of the kernel.
OPERATIONS = Cache(limit=8 << 20)
# Weights of a Gabor kernel: so many are separated, and run as separable filters, in some seconds.
MOST_GABOR_WEIGHTS = 1 << 16


@filtering
def correlate(
    image: ArrayLike,
    kernel: ArrayLike,
    *,
    shape: str = "same",
    stride: int | tuple[int, int] = 1,
    dilation: int | tuple[int, int] = 1,
    method: str = "auto",
    normalize: bool = False,
    mode: Mode = "reflect",
    cval: float = 0.0,
    nan: str = "spread",
    weights: ArrayLike | None = None,
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: Image | None = None,
) -> Call[Image]:
    """Cross-correlate an image with a 2-D kernel.

    Parameters
    ----------
    image : array_like, (H, W)
    kernel : array_like, (kh, kw)
        Weights of any size; the weight at (kh // 2, kw // 2) lies on the pixel.
    shape : {"same", "valid", "full"}
        The results to compute: one for each pixel; those whose window lies inside the image; those
        whose window overlaps the image.
    stride : int or (int, int)
        Distance between neighbouring results in pixels; the first result is always there.
    dilation : int or (int, int)
        Distance between neighbouring weights of the kernel in pixels.
    method : {"auto", "direct", "separable", "fft"}
        "direct" computes the sum below; "separable" runs the outer products that the kernel is a
        sum of; "fft" multiplies the Fourier transforms of tiles; "auto" takes the method that is
        expected to be the fastest. `imgconv.explain` shows which one.
    normalize : bool
        Divide each sum by that of the weights of the kernel, or where pixels are weighed by the sum
        of the products of both: the results are means.
    mode, cval, nan, weights, axes, channel_axis, dtype, out : see `imgconv`.

    Returns
    -------
    ndarray of the computing dtype

    Raises
    ------
    ValueError
        If the kernel is not 2-D, has no weight, or is larger than the image with shape="valid";
        with method="separable", if its rank is more than half its smaller side or dilation is not
        1; with "separable" and "fft", if a weight is not finite; with `normalize`, if one is
        negative or all are 0; with "fft", if pixels are weighed.

    Notes
    -----
    out[y, x] = sum over i, j of kernel[i, j] * image[y + i - kh // 2, x + j - kw // 2], at kh * kw
    multiply-adds a pixel. A NaN spoils every window that holds it, under a weight of zero too.

    With "separable", kernel[i, j] is the sum of column_t[i] * row_t[j] over r terms t, to the
    rounding of the computing dtype, at r (kh + kw) multiply-adds a pixel. With "fft" the cost
    hardly depends on the kernel; the error is up to 6 eps * sum(|kernel|) times the range of the
    pixels in a tile, where that of the other methods depends on the pixels of each window alone.
    "auto" keeps sums of integer pixels and integer weights (or halves, quarters, ...) as exact as
    "direct" does. The figures are in docs/numerics.md and docs/performance.md.

    Examples
    --------
    An image with a dark band. The kernel [1, -1] gives the left neighbour minus the pixel: 1 at the
    first dark pixel, -1 at the first bright one.

    >>> import numpy as np
    >>> from imgconv import correlate
    >>> image = np.ones((2, 8), np.float32)
    >>> image[:, 2:6] = 0
    >>> print(correlate(image, [[1, -1]]))
    [[ 0.  0.  1.  0.  0.  0. -1.  0.]
     [ 0.  0.  1.  0.  0.  0. -1.  0.]]

    The transposed image has no edge in that direction; a diagonal edge is found in every row:

    >>> bool(correlate(image.T, [[1, -1]]).any())
    False
    >>> print(correlate(np.tri(4), [[1, -1]]))
    [[0. 1. 0. 0.]
     [0. 0. 1. 0.]
     [0. 0. 0. 1.]
     [0. 0. 0. 0.]]
    """
    operation = kernel_operation(kernel, False, stride, dilation, method, normalize)
    common = image, mode, cval, axes, channel_axis, dtype, out
    return Call(operation, *common, shape, nan=nan, weights=weights)


@filtering
def convolve(
    image: ArrayLike,
    kernel: ArrayLike,
    *,
    shape: str = "same",
    stride: int | tuple[int, int] = 1,
    dilation: int | tuple[int, int] = 1,
    method: str = "auto",
    normalize: bool = False,
    mode: Mode = "reflect",
    cval: float = 0.0,
    nan: str = "spread",
    weights: ArrayLike | None = None,
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: Image | None = None,
) -> Call[Image]:
    """Convolve an image with a 2-D kernel: correlate it with the flipped kernel.

    Parameters
    ----------
    image : array_like, (H, W)
    kernel, shape, stride, dilation, method, normalize : see `correlate`.
    mode, cval, nan, weights, axes, channel_axis, dtype, out : see `imgconv`.

    Returns
    -------
    ndarray of the computing dtype

    Raises
    ------
    ValueError
        As `correlate`.

    Notes
    -----
    out[y, x] = sum over i, j of kernel[i, j] * image[y - i + kh // 2, x - j + kw // 2]: the kernel
    is rotated by 180 degrees. The cost is that of `correlate`.

    Examples
    --------
    Around a single bright pixel, convolution gives the kernel and correlation the flipped kernel:

    >>> import numpy as np
    >>> from imgconv import convolve, correlate
    >>> dot = np.zeros((3, 3), np.float32)
    >>> dot[1, 1] = 1
    >>> kernel = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
    >>> print(convolve(dot, kernel, mode="constant"))
    [[1. 2. 3.]
     [4. 5. 6.]
     [7. 8. 9.]]
    >>> print(correlate(dot, kernel, mode="constant"))
    [[9. 8. 7.]
     [6. 5. 4.]
     [3. 2. 1.]]

    Polynomials multiply by full convolution of their coefficients: (1 + x)(1 - x) = 1 - x**2.

    >>> print(convolve([[1, 1]], [[1, -1]], shape="full", mode="constant"))
    [[ 1.  0. -1.]]
    """
    operation = kernel_operation(kernel, True, stride, dilation, method, normalize)
    common = image, mode, cval, axes, channel_axis, dtype, out
    return Call(operation, *common, shape, nan=nan, weights=weights)


def kernel_operation(
    kernel: ArrayLike,
    flipped: bool,
    stride: Any,
    dilation: Any,
    method: Any,
    normalize: bool = False,
) -> Operation:
    """Return the correlation with a caller's kernel, as it is or flipped."""
    array = kernel if type(kernel) is np.ndarray else np.asarray(kernel)
    steps = stride if type(stride) is int else check.integers(stride, "stride", 1)
    gaps = dilation if type(dilation) is int else check.integers(dilation, "dilation", 1)
    method = method if type(method) is str else check.choice(method, METHODS, "method")
    # With the types of stride and dilation: True and 1.0 equal 1, but must be refused.
    key = (array.tobytes(), array.shape, array.dtype, flipped, steps, gaps, type(steps),
           type(gaps), method, bool(normalize))  # fmt: skip
    found = OPERATIONS.get(key)
    if found is None:
        weights = check.kernel(kernel, 2)
        height, width = weights.shape
        origin = height // 2, width // 2
        if flipped:
            weights = np.ascontiguousarray(weights[::-1, ::-1])
            origin = (height - 1) // 2, (width - 1) // 2
        steps = check.integers(stride, "stride", 1)
        gaps = check.integers(dilation, "dilation", 1)
        check.choice(method, METHODS, "method")
        check.dilation_fits(gaps, method)
        check.finite_kernel(weights, method)
        check.averaging([weights], normalize)
        weighed = "means" if normalize else "sums"
        scaled = weights / weights.sum() if normalize else weights
        found = dense_operation(scaled, origin, steps, gaps, method, weighed)
        OPERATIONS.put(key, found, 2 * weights.nbytes + 512)
    return found


def dense_operation(
    weights: NDArray[np.float64],
    origin: tuple[int, int],
    stride: tuple[int, int] = (1, 1),
    dilation: tuple[int, int] = (1, 1),
    method: str = "direct",
    weighed: str = "",
    keeps_small: bool = False,
) -> Operation:
    """Return the correlation with checked weights, of which that at `origin` lies on the pixel.

    With `keeps_small`, transforms keep results that are smaller than their error.
    """
    options = method, weighed, keeps_small
    key = (weights.tobytes(), weights.shape, origin, stride, dilation, *options)
    found = OPERATIONS.get(key)
    if found is None:
        kernel = np.ascontiguousarray(weights).copy()
        if method == "direct":
            found = Correlation(kernel, origin, stride, dilation, weighed)
        else:
            found = AnyMethod(kernel, origin, stride, dilation, weighed, method, keeps_small)
        # The key, the kernel, and its separable terms once they are looked for.
        OPERATIONS.put(key, found, 3 * weights.nbytes + 512)
    return found


@filtering
def separable(
    image: ArrayLike,
    kernel_y: ArrayLike,
    kernel_x: ArrayLike,
    *,
    normalize: bool = False,
    mode: Mode = "reflect",
    cval: float = 0.0,
    nan: str = "spread",
    weights: ArrayLike | None = None,
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: Image | None = None,
) -> Call[Image]:
    """Correlate an image with one kernel down the columns and one along the rows, in one pass.

    Parameters
    ----------
    image : array_like, (H, W)
    kernel_y, kernel_x : array_like, 1-D
        Weights of any number; the weight at len // 2 lies on the pixel.
    normalize : see `correlate`.
    mode, cval, nan, weights, axes, channel_axis, dtype, out : see `imgconv`.

    Returns
    -------
    ndarray of the computing dtype

    Raises
    ------
    ValueError
        If a kernel is not 1-D or has no weight; with `normalize`, if a weight is negative or all
        are 0.

    Notes
    -----
    `correlate` with the outer product of the kernels, at kh + kw instead of kh * kw multiply-adds a
    pixel.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv import separable
    >>> print(separable(np.eye(3), [1, 2, 1], [1, 2, 1], mode="constant"))
    [[5. 4. 1.]
     [4. 6. 4.]
     [1. 4. 5.]]
    """
    column, row = check.kernel(kernel_y, 1, "kernel_y"), check.kernel(kernel_x, 1, "kernel_x")
    check.averaging([column, row], normalize)
    operation = product_operation(column, row, normalize=bool(normalize))
    common = image, mode, cval, axes, channel_axis, dtype, out
    return Call(operation, *common, nan=nan, weights=weights)


def product_operation(
    column: NDArray[np.float64], row: NDArray[np.float64], *, normalize: bool = False
) -> Operation:
    """Return the operation of a kernel down the columns and one along the rows."""
    key = (column.tobytes(), row.tobytes(), normalize)
    found: Operation | None = OPERATIONS.get(key)
    if found is None:
        factors = (column / column.sum(), row / row.sum()) if normalize else (column, row)
        y, x = map(Kernel1D.centred, factors)
        found = Separable((((y, x),),), weighed="means" if normalize else "sums")
        OPERATIONS.put(key, found, 2 * (column.nbytes + row.nbytes) + 1024)
    return found


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
    """Find stripes of one frequency and direction: convolve with a Gabor kernel.

    Parameters
    ----------
    image : array_like, (H, W)
    frequency, theta, bandwidth, sigma_x, sigma_y, n_stds, offset : see `imgconv.kernels.gabor`.
    mode, cval, axes, channel_axis, dtype : see `imgconv`.
    out : (ndarray, ndarray), optional
        As in `imgconv`, but a pair of arrays of the same dtype and strides.

    Returns
    -------
    real, imaginary : ndarray of the computing dtype
        The image convolved with the real and with the imaginary part of the kernel.

    Raises
    ------
    ValueError
        As `imgconv.kernels.gabor`, and if the kernel has more than 65536 weights.

    Notes
    -----
    Both parts of the kernel are sums of few separable kernels (two each where the Gaussian is
    round), found by singular values; all run in one pass. Source: J. G. Daugman, "Uncertainty
    relation for resolution in space, spatial frequency, and orientation", Journal of the Optical
    Society of America A 2, 1985.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv import gabor
    >>> stripes = np.cos(0.2 * 2 * np.pi * np.arange(40)) * np.ones((40, 1))
    >>> along, across = (np.hypot(*gabor(stripes, 0.2, theta))[20, 20] for theta in (0, np.pi / 2))
    >>> bool(along > 100 * across)
    True
    """
    numbers = frequency, theta, bandwidth, sigma_x, sigma_y, n_stds, offset
    operation = gabor_operation(*map(hashable, numbers))
    return Call(operation, image, mode, cval, axes, channel_axis, dtype, out)


@lru_cache(maxsize=64, typed=True)
def gabor_operation(
    frequency: Any, theta: Any, bandwidth: Any, sigma_x: Any, sigma_y: Any, n_stds: Any, offset: Any
) -> Operation:
    """Return real and imaginary part, each a sum of separable kernels."""
    kernel = kernels.flip(
        kernels.gabor(
            frequency, theta, bandwidth=bandwidth, sigma_x=sigma_x, sigma_y=sigma_y,
            n_stds=n_stds, offset=offset,
        )
    )  # fmt: skip
    check.weights_fit(kernel.size, "frequency", frequency, MOST_GABOR_WEIGHTS)
    return Separable((sum_of_products(kernel.real), sum_of_products(kernel.imag)))


def sum_of_products(kernel: NDArray[np.float64]) -> tuple[Term, ...]:
    """Return a kernel as the terms of a separable filter, found by singular values."""
    pairs = zip(*kernels.separate(kernel), strict=True)
    terms = tuple((Kernel1D.centred(column), Kernel1D.centred(row)) for column, row in pairs)
    # The imaginary part of a Gabor kernel of frequency 0 has no term.
    return terms or ((Kernel1D.centred([0.0]), IDENTITY),)
