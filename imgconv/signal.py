"""The face of `scipy.signal`: its 2-D correlation and convolution, run by the engine.

Signatures, shapes, dtypes, values and errors are SciPy's; write `from imgconv import signal` in
place of `from scipy import signal` and nothing but the time changes. What the engine cannot do
exactly is handed to SciPy as it came: complex numbers, long doubles, integers whose sums may not
be exact in float64, and whatever SciPy refuses.

The house functions `imgconv.correlate` and `imgconv.convolve` do more: colour, stacks, strides,
dilation, other borders, `out=`.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from imgconv.core.operation import pixels
from imgconv.core.plan import Fit
from imgconv.core.run import apply
from imgconv.linear import dense

__all__ = ["convolve2d", "correlate2d"]

# SciPy's words for what lies outside an image, and the engine's.
BORDERS = {
    "fill": "constant",
    "pad": "constant",
    "wrap": "wrap",
    "circular": "wrap",
    "symm": "reflect",
    "symmetric": "reflect",
}

FLOAT32, FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)

# Integers below these are exact, and so are all sums that stay below them, in any order.
EXACT_IN_FLOAT32, EXACT_IN_FLOAT64 = 2.0**24, 2.0**53


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
    call = translate(in1, in2, mode, boundary, fillvalue, turned=False)
    return call.run() if call else signal.correlate2d(in1, in2, mode, boundary, fillvalue)


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
    call = translate(in1, in2, mode, boundary, fillvalue, turned=True)
    return call.run() if call else signal.convolve2d(in1, in2, mode, boundary, fillvalue)


class Call(NamedTuple):
    """A call of SciPy in the engine's words."""

    image: NDArray[Any]
    weights: NDArray[np.float64]
    border: str
    fill: float
    fit: Fit
    stored: np.dtype  # holds every sum
    dtype: np.dtype  # SciPy's, in which integers wrap around
    flipped: bool

    def run(self) -> NDArray[Any]:
        """Return what SciPy would."""
        operation = dense(self.weights, (0, 0))
        sums = apply(
            operation, self.image, self.border, self.fill, None, None, self.stored, None, self.fit
        )
        result = sums.astype(self.dtype, copy=False)
        return result[::-1, ::-1] if self.flipped else result


def translate(
    in1: Any, in2: Any, mode: Any, boundary: Any, fillvalue: Any, turned: bool
) -> Call | None:
    """Return the engine's call, or None where SciPy is to do it; `turned` means convolution."""
    # Masked arrays, matrices and the arrays of other libraries have rules of their own.
    if not all(type(each) in {np.ndarray, list, tuple} for each in (in1, in2)):
        return None
    image, kernel = np.asarray(in1), np.asarray(in2)
    known = all(a.dtype.kind in "biuf" and a.dtype.itemsize <= 8 for a in (image, kernel))
    border = BORDERS.get(boundary) if isinstance(boundary, str) else None
    if not (image.ndim == kernel.ndim == 2 and known and border):
        return None
    swapped = mode == "valid" and any(n < k for n, k in zip(image.shape, kernel.shape, strict=True))
    if swapped:
        image, kernel = kernel, image
    fit = place(image.shape, kernel.shape, mode, border, turned)
    dtype = np.promote_types(image.dtype, kernel.dtype)
    fill = constant(fillvalue, dtype) if border == "constant" else 0.0
    if fit is None or fill is None:
        return None
    weights = kernel.astype(np.float64)
    found = exact_types(image, weights, fill, dtype)
    if found is None:
        return None
    computed, stored = found
    if computed == FLOAT64 and pixels(image.dtype, 0).float_type == FLOAT32:
        image = image.astype(FLOAT64)
    weights = weights[::-1, ::-1] if turned else weights
    return Call(image, weights, border, fill, fit, stored, dtype, swapped and not turned)


def place(
    image: tuple[int, ...], kernel: tuple[int, ...], mode: Any, border: str, turned: bool
) -> Fit | None:
    """Return where the first window begins and how many there are, or None if SciPy must say."""
    (h, w), (kh, kw) = image, kernel
    if min(h, w) == 0 and min(kh, kw) > 0 and mode == "full" and border != "constant":
        # SciPy divides by zero here, and the process ends.
        raise ValueError(f"in1 must have pixels to wrap or mirror, got shape {image}")
    if min(h, w, kh, kw) == 0:
        return None
    if mode == "full":
        return Fit((kh - 1, kw - 1), (h + kh - 1, w + kw - 1))
    if mode == "same":
        # The centre of an even kernel lies on its other side once it is turned around.
        before = (kh // 2, kw // 2) if turned else ((kh - 1) // 2, (kw - 1) // 2)
        return Fit(before, (h, w))
    if mode == "valid" and kh <= h and kw <= w:
        return Fit((0, 0), (h - kh + 1, w - kw + 1))
    return None


def constant(fillvalue: Any, dtype: np.dtype) -> float | None:
    """Return the value outside the image, or None where SciPy must say what it becomes."""
    value = np.asarray(fillvalue)
    if value.ndim or value.dtype.kind not in "biuf" or value.dtype.itemsize > 8:
        return None
    fill = float(value)
    if dtype.kind in "iu" and not (fill.is_integer() and in_range(fill, dtype)):
        return None
    return fill


def exact_types(
    image: NDArray[Any], weights: NDArray[np.float64], fill: float, dtype: np.dtype
) -> tuple[np.dtype, np.dtype] | None:
    """Return the dtypes to compute and to store in for SciPy's `dtype`, None where there is none.

    Integers wrap around in SciPy and saturate in the engine. So they are computed exactly, stored
    in a dtype that holds every sum, and wrapped afterwards.
    """
    if dtype in (FLOAT32, FLOAT64):
        return dtype, dtype
    if dtype.kind not in "iu":
        return None
    bound = max(largest(image), abs(fill)) * float(np.abs(weights).sum())
    if not bound < EXACT_IN_FLOAT64:
        return None
    computed = FLOAT32 if bound < EXACT_IN_FLOAT32 else FLOAT64
    wider = (dtype, np.dtype(np.int32), np.dtype(np.int64))
    return computed, next(each for each in wider if in_range(bound, each))


def in_range(value: float, dtype: np.dtype) -> bool:
    """Whether an integer dtype holds a number."""
    limits = np.iinfo(dtype)
    return limits.min <= value <= limits.max


def largest(image: NDArray[Any]) -> int:
    """Return a bound of a bool or integer image: that of its dtype, or of its pixels if 64-bit."""
    if image.dtype.kind == "b":
        return 1
    if image.dtype.itemsize < 8:
        limits = np.iinfo(image.dtype)
        return max(-limits.min, limits.max)
    return max(-int(image.min()), int(image.max()))
