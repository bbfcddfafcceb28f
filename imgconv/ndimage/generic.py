"""The filters of `scipy.ndimage` that call a Python function for each window: SciPy runs them."""

from typing import Any

from scipy import ndimage

from imgconv.face_arguments import Image
from imgconv.fallback import FallBack
from imgconv.ndimage.memory_safe import scipy_face

__all__ = [
    "generic_filter",
    "generic_filter1d",
    "generic_gradient_magnitude",
    "generic_laplace",
]

REASON = "calls back into Python"


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
def generic_filter(*args: Any, **options: Any) -> Image:
    """Call a function for each window, as SciPy does.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv.ndimage import generic_filter
    >>> print(generic_filter([1.0, 2.0, 4.0, 7.0], np.ptp, size=3))
    [1. 3. 5. 3.]
    """
    raise FallBack(REASON)


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
    def vectorized_filter(*args: Any, **options: Any) -> Image:
        """Call a function once for many windows, as SciPy does.

        Examples
        --------
        >>> import numpy as np
        >>> from imgconv.ndimage import vectorized_filter
        >>> print(vectorized_filter([1.0, 2.0, 4.0, 7.0], np.ptp, size=3))
        [1. 3. 5. 3.]
        """
        raise FallBack(REASON)
