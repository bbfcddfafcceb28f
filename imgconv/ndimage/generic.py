"""The filters of `scipy.ndimage` that call back into Python: SciPy runs them."""

from scipy import ndimage

from imgconv.fallback import HandOver
from imgconv.ndimage.sound import as_scipy

__all__ = [
    "generic_filter",
    "generic_filter1d",
    "generic_gradient_magnitude",
    "generic_laplace",
]

CALLS_BACK = "calls back into Python"


@as_scipy
def generic_filter1d(*args, **options):
    """Call a function for each line, as SciPy does.

    Examples
    --------
    >>> from imgconv.ndimage import generic_filter1d
    >>> def steps(line, result):
    ...     result[:] = line[2:] - line[:-2]
    >>> print(generic_filter1d([1.0, 2.0, 4.0, 7.0], steps, 3))
    [1. 3. 5. 3.]
    """
    raise HandOver(CALLS_BACK)


@as_scipy
def generic_filter(*args, **options):
    """Call a function for each window, as SciPy does.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv.ndimage import generic_filter
    >>> print(generic_filter([1.0, 2.0, 4.0, 7.0], np.ptp, size=3))
    [1. 3. 5. 3.]
    """
    raise HandOver(CALLS_BACK)


@as_scipy
def generic_laplace(*args, **options):
    """Add up second derivatives, each by a function, as SciPy does.

    Examples
    --------
    >>> from imgconv.ndimage import correlate1d, generic_laplace
    >>> def second(signal, axis, output, mode, cval):
    ...     return correlate1d(signal, [1, -2, 1], axis, output, mode, cval)
    >>> print(generic_laplace([0.0, 0.0, 1.0, 0.0], second))
    [ 0.  1. -2.  1.]
    """
    raise HandOver(CALLS_BACK)


@as_scipy
def generic_gradient_magnitude(*args, **options):
    """Take the magnitude of derivatives, each by a function, as SciPy does.

    Examples
    --------
    >>> from imgconv.ndimage import generic_gradient_magnitude, sobel
    >>> print(generic_gradient_magnitude([[0.0, 0.0, 1.0], [0.0, 0.0, 1.0]], sobel))
    [[0. 4. 4.]
     [0. 4. 4.]]
    """
    raise HandOver(CALLS_BACK)


if hasattr(ndimage, "vectorized_filter"):  # SciPy 1.16
    __all__ += ["vectorized_filter"]

    @as_scipy
    def vectorized_filter(*args, **options):
        """Call a function once for many windows, as SciPy does.

        Examples
        --------
        >>> import numpy as np
        >>> from imgconv.ndimage import vectorized_filter
        >>> print(vectorized_filter([1.0, 2.0, 4.0, 7.0], np.ptp, size=3))
        [1. 3. 5. 3.]
        """
        raise HandOver(CALLS_BACK)
