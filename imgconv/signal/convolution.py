"""Correlation and convolution of two images."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from imgconv.fallback import HandOver, face
from imgconv.signal.translate import BORDERS, LARGE, SMALL, TERMS, arrays, translate

__all__ = [
    "choose_conv_method",
    "convolve",
    "convolve2d",
    "correlate",
    "correlate2d",
    "fftconvolve",
    "oaconvolve",
]


def with_pixels(original: Callable[..., Any]) -> Callable[..., Any]:
    """Return SciPy's function, but for images without pixels that shall be wrapped or mirrored.

    There it divides by zero, and the process ends.
    """

    @wraps(original)
    def checked(in1, in2, mode="full", boundary="fill", fillvalue=0):
        shape, kernel = np.shape(in1), np.shape(in2)
        wrapped = isinstance(boundary, str) and BORDERS.get(boundary, "constant") != "constant"
        images = len(shape) == len(kernel) == 2 and mode == "full" and wrapped
        if images and 0 in shape and all(n + k > 1 for n, k in zip(shape, kernel, strict=True)):
            raise ValueError(f"in1 must have pixels to wrap or mirror, got shape {shape}")
        return original(in1, in2, mode, boundary, fillvalue)

    return checked


@face("scipy.signal", signal.correlate2d, with_pixels(signal.correlate2d))
def correlate2d(in1, in2, mode="full", boundary="fill", fillvalue=0):
    """Cross-correlate two 2-D arrays, as `scipy.signal.correlate2d`.

    Parameters
    ----------
    in1, in2 : array_like, (H, W) and (kh, kw)
        Image and kernel, of any dtype that SciPy takes.
    mode : {"full", "valid", "same"}
        "full" has all places where the kernel touches the image, (H + kh - 1, W + kw - 1); "valid"
        those where one of the two lies inside the other; "same" the size of `in1`.
    boundary : {"fill", "wrap", "symm"}
        What lies outside the image: `fillvalue`, the image over and over, or its mirror image.
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
        the other with mode="valid"; if an image without pixels shall be wrapped or mirrored.

    Notes
    -----
    out[y, x] = sum over i, j of in1[y + i - top, x + j - left] * conj(in2[i, j]), with top and left
    kh - 1 and kw - 1 for "full", half of that (rounded down) for "same" and 0 for "valid"; kh * kw
    multiply-adds a pixel. Where the kernel is larger than the image in mode="valid", the two change
    places and the result is turned around.

    Examples
    --------
    >>> from imgconv.signal import correlate2d
    >>> print(correlate2d([[1, 2, 3], [4, 5, 6]], [[-1, 1]], mode="valid"))
    [[1 1]
     [1 1]]
    """
    return by_sum(in1, in2, mode, boundary, fillvalue, turned=False)


@face("scipy.signal", signal.convolve2d, with_pixels(signal.convolve2d))
def convolve2d(in1, in2, mode="full", boundary="fill", fillvalue=0):
    """Convolve two 2-D arrays, as `scipy.signal.convolve2d`.

    Parameters
    ----------
    in1, in2 : array_like, (H, W) and (kh, kw)
        Image and kernel, of any dtype that SciPy takes.
    mode : {"full", "valid", "same"}
        "full" has all places where the kernel touches the image, (H + kh - 1, W + kw - 1); "valid"
        those where one of the two lies inside the other; "same" the size of `in1`.
    boundary : {"fill", "wrap", "symm"}
        What lies outside the image: `fillvalue`, the image over and over, or its mirror image.
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
        the other with mode="valid"; if an image without pixels shall be wrapped or mirrored.

    Notes
    -----
    out[y, x] = sum over i, j of in1[y + top - i, x + left - j] * in2[i, j], with top and left 0 for
    "full", half of kh - 1 and kw - 1 (rounded down) for "same" and all of it for "valid"; kh * kw
    multiply-adds a pixel. It is correlation with the kernel turned around.

    Examples
    --------
    >>> from imgconv.signal import convolve2d
    >>> print(convolve2d([[1, 2, 3], [4, 5, 6]], [[-1, 1]], mode="valid"))
    [[-1 -1]
     [-1 -1]]
    """
    return by_sum(in1, in2, mode, boundary, fillvalue, turned=True)


@face("scipy.signal", signal.correlate)
def correlate(in1, in2, mode="full", method="auto"):
    """Cross-correlate two arrays, as `scipy.signal.correlate`.

    Parameters
    ----------
    in1, in2 : array_like
        Arrays of as many axes, of any dtype that SciPy takes; two axes are run by the engine.
    mode : {"full", "valid", "same"}
        "full" has all places where the two touch; "valid" those where one lies inside the other;
        "same" the size of `in1`.
    method : {"auto", "direct", "fft"}
        How: by the sum itself, by transforms, or what is expected to be faster. For anything but
        "direct" the engine takes its own way, for large kernels it leaves it to SciPy.

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
    return any_method(in1, in2, mode, method, turned=False)


@face("scipy.signal", signal.convolve)
def convolve(in1, in2, mode="full", method="auto"):
    """Convolve two arrays, as `scipy.signal.convolve`.

    Parameters
    ----------
    in1, in2 : array_like
        Arrays of as many axes, of any dtype that SciPy takes; two axes are run by the engine.
    mode : {"full", "valid", "same"}
        "full" has all places where the two touch; "valid" those where one lies inside the other;
        "same" the size of `in1`.
    method : {"auto", "direct", "fft"}
        How: by the sum itself, by transforms, or what is expected to be faster. For anything but
        "direct" the engine takes its own way, for large kernels it leaves it to SciPy.

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
    return any_method(in1, in2, mode, method, turned=True)


@face("scipy.signal", signal.fftconvolve)
def fftconvolve(in1, in2, mode="full", axes=None):
    """Convolve two arrays, as `scipy.signal.fftconvolve`.

    Parameters
    ----------
    in1, in2 : array_like
        Arrays of as many axes, of any dtype that SciPy takes; two axes are run by the engine.
    mode : {"full", "valid", "same"}
        As for `convolve`.
    axes : int or sequence of int, optional
        The axes to convolve over, all by default.

    Returns
    -------
    ndarray
        float32 if both are that, else float64; complex where one of them is.

    Raises
    ------
    ValueError
        If mode is none of those above, or the shapes do not go together.

    Notes
    -----
    Small kernels, and those that are sums of few outer products, are convolved directly, which is
    faster and as exact; others are left to SciPy.

    Examples
    --------
    >>> from imgconv.signal import fftconvolve
    >>> print(fftconvolve([[1.0, 2, 3], [4, 5, 6]], [[-1, 1]], mode="same"))
    [[-1. -1. -1.]
     [-4. -1. -1.]]
    """
    return as_floats(in1, in2, mode, axes)


@face("scipy.signal", signal.oaconvolve)
def oaconvolve(in1, in2, mode="full", axes=None):
    """Convolve two arrays, as `scipy.signal.oaconvolve`.

    Parameters
    ----------
    in1, in2 : array_like
        Arrays of as many axes, of any dtype that SciPy takes; two axes are run by the engine.
    mode : {"full", "valid", "same"}
        As for `convolve`.
    axes : int or sequence of int, optional
        The axes to convolve over, all by default.

    Returns
    -------
    ndarray
        float32 if both are that, else float64; complex where one of them is.

    Raises
    ------
    ValueError
        If mode is none of those above, or the shapes do not go together.

    Notes
    -----
    Small kernels, and those that are sums of few outer products, are convolved directly, which is
    faster and as exact; others are left to SciPy.

    Examples
    --------
    >>> from imgconv.signal import oaconvolve
    >>> print(oaconvolve([[1.0, 2, 3], [4, 5, 6]], [[-1, 1]], mode="same"))
    [[-1. -1. -1.]
     [-4. -1. -1.]]
    """
    return as_floats(in1, in2, mode, axes)


def choose_conv_method(in1, in2, mode="full", measure=False):
    """Find the faster way to convolve two arrays, as `scipy.signal.choose_conv_method`.

    Parameters
    ----------
    in1, in2 : array_like
        The arrays.
    mode : {"full", "valid", "same"}
        As for `convolve`.
    measure : bool
        Whether to try both ways and take their times.

    Returns
    -------
    str or (str, dict of str to float)
        "direct" or "fft"; if measured also the seconds of each.

    Raises
    ------
    ValueError
        If mode is none of those above.

    Notes
    -----
    It is SciPy's own function and tells SciPy's ways; with method="auto" `convolve` and `correlate`
    of this package take the faster one of theirs.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv.signal import choose_conv_method
    >>> choose_conv_method(np.ones((64, 64)), np.ones((3, 3)))
    'fft'
    """
    return SCIPYS_CHOICE(in1, in2, mode, measure)


SCIPYS_CHOICE = signal.choose_conv_method


def by_sum(in1: Any, in2: Any, mode: Any, boundary: Any, fillvalue: Any, turned: bool) -> Any:
    """Return what SciPy's correlate2d or convolve2d would."""
    image, kernel = arrays(in1, in2)
    if image.size * kernel.size < SMALL:
        raise HandOver("small")
    return translate(image, kernel, mode, boundary, fillvalue, turned).run()


def any_method(in1: Any, in2: Any, mode: Any, method: Any, turned: bool) -> Any:
    """Return what SciPy's correlate or convolve would, the sum by the engine's own way."""
    if not isinstance(method, str) or method not in ("auto", "direct", "fft"):
        raise HandOver("no such method")
    image, kernel = arrays(in1, in2)
    if method == "direct":
        return translate(image, kernel, mode, "fill", 0, turned, centred=True).run()
    not_by_transforms(image, kernel)
    call = translate(image, kernel, mode, "fill", 0, turned, centred=True)
    if call.dtype.kind != "f" and not call.fits:
        # Transforms are rounded and cast, which is not what wraps around.
        raise HandOver("integers that overflow")
    return call.faster().run_finite()


def as_floats(in1: Any, in2: Any, mode: Any, axes: Any) -> Any:
    """Return what SciPy's convolutions by transforms would."""
    if axes is not None and (
        type(axes) not in (tuple, list) or axes not in ((0, 1), [0, 1], (-2, -1), [-2, -1])
    ):
        raise HandOver("axes")
    image, kernel = arrays(in1, in2)
    if all(1 in pair for pair in zip(image.shape, kernel.shape, strict=True)):
        raise HandOver("a mere product")
    not_by_transforms(image, kernel)
    call = translate(image, kernel, mode, "fill", 0, turned=True, centred=True, floats=True)
    return call.faster().run_finite()


def not_by_transforms(image: NDArray[Any], kernel: NDArray[Any]) -> None:
    """Hand over what SciPy's transforms are good at, and float16, which they may not know."""
    if any(each.dtype.kind == "f" and each.dtype.itemsize == 2 for each in (image, kernel)):
        raise HandOver("dtype")
    if min(image.size, kernel.size) > TERMS and max(image.size, kernel.size) < LARGE:
        raise HandOver("large kernel, by transforms")
