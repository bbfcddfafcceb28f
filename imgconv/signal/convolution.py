"""Correlation and convolution of two images."""

from collections.abc import Callable
from functools import wraps

import numpy as np
from numpy.typing import ArrayLike
from scipy import signal

from imgconv.face_arguments import Axes, Image, check_size
from imgconv.fallback import FallBack, face
from imgconv.signal.translate import (
    BORDERS,
    SMALL,
    real_images,
    translate,
)

__all__ = [
    "convolve",
    "convolve2d",
    "correlate",
    "correlate2d",
    "fftconvolve",
    "oaconvolve",
]


def checked(original: Callable[..., Image]) -> Callable[..., Image]:
    """Return SciPy's function with a check for images without pixels that are wrapped or mirrored.

    Of them SciPy divides by zero, which ends the process.
    """

    @wraps(original)
    def function(
        in1: ArrayLike,
        in2: ArrayLike,
        mode: str = "full",
        boundary: str = "fill",
        fillvalue: complex = 0,
    ) -> Image:
        shape, kernel = np.shape(in1), np.shape(in2)
        wrapped = isinstance(boundary, str) and BORDERS.get(boundary, "constant") != "constant"
        images = len(shape) == len(kernel) == 2 and mode == "full" and wrapped
        if images and 0 in shape and all(n + k > 1 for n, k in zip(shape, kernel, strict=True)):
            raise ValueError(f"in1 must have pixels to wrap or mirror, got shape {shape}")
        return original(in1, in2, mode, boundary, fillvalue)

    return function


@face("scipy.signal", signal.correlate2d, checked(signal.correlate2d))
def correlate2d(
    in1: ArrayLike,
    in2: ArrayLike,
    mode: str = "full",
    boundary: str = "fill",
    fillvalue: complex = 0,
) -> Image:
    """Cross-correlate two 2-D arrays, as `scipy.signal.correlate2d`.

    Parameters
    ----------
    in1, in2 : array_like, (H, W) and (kh, kw)
        Image and kernel, of any dtype that SciPy takes.
    mode : {"full", "valid", "same"}
        "full" has all places where the kernel overlaps the image, (H + kh - 1, W + kw - 1); "valid"
        those where one of the two lies inside the other; "same" the size of `in1`.
    boundary : {"fill", "wrap", "symm"}
        What lies outside the image: `fillvalue`, the image repeated, or its mirror image.
    fillvalue : scalar
        The value outside for boundary="fill".

    Returns
    -------
    ndarray
        Of the dtype that NumPy promotes the two to; integers wrap around.

    Raises
    ------
    ValueError
        If mode or boundary is none of those above; if an input is not 2-D; if neither lies inside
        the other with mode="valid"; if an image without pixels is to be wrapped or mirrored.

    Notes
    -----
    out[y, x] = sum over i, j of in1[y + i - top, x + j - left] * conj(in2[i, j]), with top and left
    kh - 1 and kw - 1 for "full", (kh - 1) // 2 and (kw - 1) // 2 for "same", and 0 for "valid";
    kh * kw multiply-adds a pixel. Where the kernel is larger than the image in mode="valid", the
    two are exchanged and the result is flipped.

    Examples
    --------
    >>> from imgconv.signal import correlate2d
    >>> print(correlate2d([[1, 2, 3], [4, 5, 6]], [[-1, 1]], mode="valid"))
    [[1 1]
     [1 1]]
    """
    return by_sum(in1, in2, mode, boundary, fillvalue, convolution=False)


@face("scipy.signal", signal.convolve2d, checked(signal.convolve2d))
def convolve2d(
    in1: ArrayLike,
    in2: ArrayLike,
    mode: str = "full",
    boundary: str = "fill",
    fillvalue: complex = 0,
) -> Image:
    """Convolve two 2-D arrays, as `scipy.signal.convolve2d`.

    Parameters
    ----------
    in1, in2, mode, boundary, fillvalue
        As for `correlate2d`.

    Returns
    -------
    ndarray
        As for `correlate2d`, which raises the same errors, too.

    Notes
    -----
    out[y, x] = sum over i, j of in1[y + top - i, x + left - j] * in2[i, j], with top and left 0 for
    "full", (kh - 1) // 2 and (kw - 1) // 2 for "same", and kh - 1 and kw - 1 for "valid"; kh * kw
    multiply-adds a pixel. It is correlation with the kernel flipped.

    Examples
    --------
    >>> from imgconv.signal import convolve2d
    >>> print(convolve2d([[1, 2, 3], [4, 5, 6]], [[-1, 1]], mode="valid"))
    [[-1 -1]
     [-1 -1]]
    """
    return by_sum(in1, in2, mode, boundary, fillvalue, convolution=True)


@face("scipy.signal", signal.correlate)
def correlate(in1: ArrayLike, in2: ArrayLike, mode: str = "full", method: str = "auto") -> Image:
    """Cross-correlate two arrays, as `scipy.signal.correlate`.

    Parameters
    ----------
    in1, in2 : array_like
        Arrays with the same number of axes, of any dtype that SciPy takes; those of two axes
        are run by the engine.
    mode : {"full", "valid", "same"}
        "full" has all places where the two overlap; "valid" those where one lies inside the other;
        "same" the size of `in1`.
    method : {"auto", "direct", "fft"}
        By the sum itself, by transforms, or by what is expected to be faster. Unless it is
        "direct", the engine chooses its own method, and falls back to SciPy for kernels that are
        large for their image.

    Returns
    -------
    ndarray
        Of the dtype that NumPy promotes the two to; integers wrap around.

    Raises
    ------
    ValueError
        If mode or method is none of those above; if the numbers of axes differ; if neither lies
        inside the other with mode="valid".

    Notes
    -----
    out[y, x] = sum over i, j of in1[y + i - top, x + j - left] * conj(in2[i, j]), with zeros
    outside; top and left are kh - 1 and kw - 1 for "full", kh // 2 and kw // 2 for "same" (where
    `correlate2d` has (kh - 1) // 2) and 0 for "valid".

    Examples
    --------
    >>> from imgconv.signal import correlate
    >>> print(correlate([[1, 2, 3], [4, 5, 6]], [[-1, 1]], mode="valid"))
    [[1 1]
     [1 1]]
    """
    return by_any_method(in1, in2, mode, method, convolution=False)


@face("scipy.signal", signal.convolve)
def convolve(in1: ArrayLike, in2: ArrayLike, mode: str = "full", method: str = "auto") -> Image:
    """Convolve two arrays, as `scipy.signal.convolve`.

    Parameters
    ----------
    in1, in2, mode, method
        As for `correlate`.

    Returns
    -------
    ndarray
        As for `correlate`, which raises the same errors, too.

    Notes
    -----
    out[y, x] = sum over i, j of in1[y + top - i, x + left - j] * in2[i, j], with zeros outside; top
    and left are 0 for "full", (kh - 1) // 2 and (kw - 1) // 2 for "same", kh - 1 and kw - 1 for
    "valid".

    Examples
    --------
    >>> from imgconv.signal import convolve
    >>> print(convolve([[1, 2, 3], [4, 5, 6]], [[-1, 1]], mode="same"))
    [[-1 -1 -1]
     [-4 -1 -1]]
    """
    return by_any_method(in1, in2, mode, method, convolution=True)


@face("scipy.signal", signal.fftconvolve)
def fftconvolve(in1: ArrayLike, in2: ArrayLike, mode: str = "full", axes: Axes = None) -> Image:
    """Convolve two arrays, as `scipy.signal.fftconvolve`.

    Parameters
    ----------
    in1, in2 : array_like
        Arrays with the same number of axes, of any dtype that SciPy takes; those of two axes
        are run by the engine.
    mode : {"full", "valid", "same"}
        As for `correlate`.
    axes : int or sequence of int, optional
        The axes to convolve over, all by default.

    Returns
    -------
    ndarray
        float32 if both are float32, else float64; complex if one of them is complex.

    Raises
    ------
    ValueError
        If mode is none of these, or the shapes do not fit together.

    Notes
    -----
    The engine chooses the method: the sum itself, that of few outer products, or transforms of
    tiles. For kernels that are large for their image the face falls back to SciPy.

    Examples
    --------
    >>> from imgconv.signal import fftconvolve
    >>> print(fftconvolve([[1.0, 2, 3], [4, 5, 6]], [[-1, 1]], mode="same"))
    [[-1. -1. -1.]
     [-4. -1. -1.]]
    """
    return by_transforms(in1, in2, mode, axes)


@face("scipy.signal", signal.oaconvolve)
def oaconvolve(in1: ArrayLike, in2: ArrayLike, mode: str = "full", axes: Axes = None) -> Image:
    """Convolve two arrays, as `scipy.signal.oaconvolve`.

    Parameters
    ----------
    in1, in2, mode, axes
        As for `fftconvolve`.

    Returns
    -------
    ndarray
        As for `fftconvolve`, which raises the same errors, too.

    Examples
    --------
    >>> from imgconv.signal import oaconvolve
    >>> print(oaconvolve([[1.0, 2, 3], [4, 5, 6]], [[-1, 1]], mode="same"))
    [[-1. -1. -1.]
     [-4. -1. -1.]]
    """
    return by_transforms(in1, in2, mode, axes)


def by_sum(
    in1: object, in2: object, mode: object, boundary: object, fillvalue: object, convolution: bool
) -> Image:
    """Return the result of SciPy's correlate2d or convolve2d."""
    image, kernel = real_images(in1, in2)
    check_size(image.size * kernel.size, SMALL)
    return translate(image, kernel, mode, boundary, fillvalue, convolution).run()


def by_any_method(
    in1: object, in2: object, mode: object, method: object, convolution: bool
) -> Image:
    """Return the result of SciPy's correlate or convolve; the engine chooses its own method."""
    if not isinstance(method, str) or method not in ("auto", "direct", "fft"):
        raise FallBack("no such method")
    image, kernel = real_images(in1, in2)
    if method == "direct":
        return translate(image, kernel, mode, "fill", 0, convolution, any_axes=True).run()
    check_not_float16(image, kernel)
    call = translate(image, kernel, mode, "fill", 0, convolution, any_axes=True)
    if call.dtype.kind != "f" and not call.casts_safely:
        # SciPy rounds and casts what its transforms give, which does not wrap around.
        raise FallBack("integers that overflow")
    return call.by_fastest_method().run_finite()


def by_transforms(in1: object, in2: object, mode: object, axes: object) -> Image:
    """Return the result of SciPy's convolutions by transforms."""
    if axes is not None and (
        type(axes) not in (tuple, list) or axes not in ((0, 1), [0, 1], (-2, -1), [-2, -1])
    ):
        raise FallBack("axes")
    image, kernel = real_images(in1, in2)
    if all(1 in pair for pair in zip(image.shape, kernel.shape, strict=True)):
        raise FallBack("a mere product")
    check_not_float16(image, kernel)
    call = translate(image, kernel, mode, "fill", 0, convolution=True, any_axes=True, floats=True)
    return call.by_fastest_method().run_finite()


def check_not_float16(image: Image, kernel: Image) -> None:
    """Fall back for float16, which SciPy's transforms may not take."""
    if any(each.dtype.kind == "f" and each.dtype.itemsize == 2 for each in (image, kernel)):
        raise FallBack("dtype float16")
