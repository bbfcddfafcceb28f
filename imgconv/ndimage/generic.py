"""The filters of `scipy.ndimage` that call a Python function for each window.

SciPy runs them, but for some functions of NumPy that imgconv computes itself.
"""

from functools import lru_cache
from typing import Any
from warnings import warn

import numpy as np
from scipy import ndimage

from imgconv.core.run import Call, run
from imgconv.face_arguments import Image, border, each, integer, real_image
from imgconv.fallback import FallBack
from imgconv.filters.order import extremum_operation, rank_operation, rectangle, window_of
from imgconv.ndimage.arguments import scalar
from imgconv.ndimage.memory_safe import scipy_face
from imgconv.operations.base import Operation
from imgconv.operations.moments import Moments
from imgconv.operations.rank import MEDIAN, Footprint

__all__ = [
    "generic_filter",
    "generic_filter1d",
    "generic_gradient_magnitude",
    "generic_laplace",
]

REASON = "calls back into Python"
# Functions that are not called: those of NumPy, and what they compute. Those of a name that begins
# with "nan" leave NaN out.
STATISTICS = tuple(
    (getattr(np, prefix + name), name, prefix == "nan")
    for name in ("mean", "var", "std", "median", "min", "max")
    for prefix in ("", "nan")
)
# What NumPy warns of where a window holds NaN alone.
EMPTY = {
    "mean": "Mean of empty slice",
    "var": "Degrees of freedom <= 0 for slice.",
    "std": "Degrees of freedom <= 0 for slice.",
    "median": "All-NaN slice encountered",
    "min": "All-NaN slice encountered",
    "max": "All-NaN slice encountered",
}


@scipy_face
def generic_filter1d(*args: Any, **options: Any) -> Image:
    """Call a function for each line, as SciPy does.

    Examples
    --------
    >>> from imgconv.ndimage import generic_filter1d
    >>> def steps(line, result):
    ...     result[:] = line[2:] - line[:-2]
    >>> print(generic_filter1d([1.0, 2.0, 4.0, 7.0], steps, 3))
    [1. 3. 5. 3.]
    """
    raise FallBack(REASON)


@scipy_face
def generic_filter(
    input: Any,
    function: Any,
    size: Any = None,
    footprint: Any = None,
    output: Any = None,
    mode: Any = "reflect",
    cval: float = 0.0,
    origin: Any = 0,
    extra_arguments: Any = (),
    extra_keywords: Any = None,
    *,
    axes: Any = None,
) -> Image:
    """Call a function for each window, as SciPy does; some functions of NumPy are not called.

    `numpy.mean`, `median`, `var`, `std`, `min` and `max`, and those whose names begin with nan, are
    computed by imgconv: no window is copied for them.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv.ndimage import generic_filter
    >>> print(generic_filter([1.0, 2.0, 4.0, 7.0], np.ptp, size=3))
    [1. 3. 5. 3.]
    """
    plain = output is None and type(origin) is int and origin == 0 and axes is None
    if not plain or tuple(extra_arguments) or extra_keywords:
        raise FallBack(REASON)
    return statistic(input, function, size, footprint, mode, cval)


def statistic(image: Any, function: Any, size: Any, footprint: Any, mode: Any, cval: Any) -> Image:
    """Return what a function of NumPy gives for each window of an image of floats.

    Functions are told by identity.
    """
    known = next(((name, nan) for each, name, nan in STATISTICS if function is each), None)
    if known is None:
        raise FallBack(REASON)
    name, nan = known
    pixels, outside = real_image(image), scalar(cval, "cval")
    if pixels.dtype not in (np.float32, np.float64):
        raise FallBack("integers")
    window, edges = window_of_arguments(size, footprint), border(mode)
    finite = bool(np.isfinite(pixels.sum()) and np.isfinite(outside))
    if not finite and (np.isinf(pixels).any() or np.isinf(outside)):
        raise FallBack("infinity")
    omit = nan and not finite
    if name == "median" and (omit or window.count % 2 == 0):
        found = middle_median(pixels, window, edges, outside, "omit" if omit else "spread")
    else:
        operation = operation_of(name, window)
        dtype = pixels.dtype.newbyteorder("=")
        call: Call[Image] = Call(operation, pixels, edges, outside, dtype=dtype)
        found = run(call._replace(nan="omit") if omit else call)
    if omit and np.isnan(found).any():
        try:
            warn(EMPTY[name], RuntimeWarning, stacklevel=4)
        except RuntimeWarning:
            raise FallBack("a warning that is an error") from None
    return found


def operation_of(name: str, window: Footprint) -> Operation:
    """Return the operation of a function of NumPy."""
    if name in {"min", "max"}:
        return extremum_operation(window, name == "max")
    if name == "median":
        return rank_operation(window, (window.count // 2,), 0, (MEDIAN,))
    return moments_operation(window, {"var": "variance"}.get(name, name))


def window_of_arguments(size: Any, footprint: Any) -> Footprint:
    """Return the window of a size or of a footprint."""
    if footprint is None:
        sizes = tuple(integer(n, "size") for n in each(size, 2, "size"))
        if min(sizes) < 1:
            raise FallBack("size")
        return rectangle(sizes)
    if size is None and isinstance(footprint, np.ndarray):
        return window_of(None, footprint)
    raise FallBack("size or footprint")


def middle_median(pixels: Image, window: Footprint, edges: Any, outside: float, nan: str) -> Image:
    """Return medians, of an even number of pixels the mean of the two in the middle.

    That below the middle is the median from the other end, which is that of negative pixels.
    """
    operation, dtype = operation_of("median", window), pixels.dtype.newbyteorder("=")
    upper, lower = (
        run(Call[Image](operation, each, edges, limit, dtype=dtype, nan=nan))
        for each, limit in ((pixels, outside), (-pixels, -outside))
    )
    middle: Image = lower
    np.subtract(upper, lower, out=middle, dtype=np.float64, casting="same_kind")
    np.multiply(middle, 0.5, out=middle)
    return middle


@lru_cache(maxsize=64)
def moments_operation(window: Footprint, what: str) -> Operation:
    """Return a statistic of a window, always the same object for the same window."""
    return Moments(window, what)


@scipy_face
def generic_laplace(*args: Any, **options: Any) -> Image:
    """Add up second derivatives, each by a function, as SciPy does.

    Examples
    --------
    >>> from imgconv.ndimage import correlate1d, generic_laplace
    >>> def second(signal, axis, output, mode, cval):
    ...     return correlate1d(signal, [1, -2, 1], axis, output, mode, cval)
    >>> print(generic_laplace([0.0, 0.0, 1.0, 0.0], second))
    [ 0.  1. -2.  1.]
    """
    raise FallBack(REASON)


@scipy_face
def generic_gradient_magnitude(*args: Any, **options: Any) -> Image:
    """Take the magnitude of derivatives, each by a function, as SciPy does.

    Examples
    --------
    >>> from imgconv.ndimage import generic_gradient_magnitude, sobel
    >>> print(generic_gradient_magnitude([[0.0, 0.0, 1.0], [0.0, 0.0, 1.0]], sobel))
    [[0. 4. 4.]
     [0. 4. 4.]]
    """
    raise FallBack(REASON)


if hasattr(ndimage, "vectorized_filter"):  # SciPy 1.16
    __all__ += ["vectorized_filter"]

    @scipy_face
    def vectorized_filter(
        input: Any,
        function: Any,
        *,
        size: Any = None,
        footprint: Any = None,
        output: Any = None,
        mode: Any = "reflect",
        cval: Any = None,
        origin: Any = None,
        axes: Any = None,
        batch_memory: int = 1 << 30,
    ) -> Image:
        """Call a function once for many windows, as SciPy does; some are not called.

        As for `generic_filter`.

        Examples
        --------
        >>> import numpy as np
        >>> from imgconv.ndimage import vectorized_filter
        >>> print(vectorized_filter([1.0, 2.0, 4.0, 7.0], np.ptp, size=3))
        [1. 3. 5. 3.]
        """
        if any(each is not None for each in (footprint, output, origin, axes)):
            raise FallBack(REASON)
        if real_image(input).dtype != np.float64:
            raise FallBack(REASON)
        if any(integer(n, "size") % 2 == 0 for n in each(size, 2, "size")) or mode == "valid":
            raise FallBack("size or mode")
        return statistic(input, function, size, None, mode, 0.0 if cval is None else cval)
