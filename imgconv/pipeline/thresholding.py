"""The step `threshold`: by a number, by a threshold of the whole image, or by those of windows."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from imgconv.core import check
from imgconv.core.call import Runnable, filtering
from imgconv.filters.global_thresholds import threshold_of_image
from imgconv.filters.point_calls import Array, after_measuring, is_wide
from imgconv.filters.thresholds import (
    WORDS,
    above,
    is_windowed,
    local_call,
    local_formula,
)

__all__ = ["threshold"]

# What `threshold` takes besides numbers.
THRESHOLDS = tuple(dict.fromkeys(("otsu", "local", *WORDS)))


@filtering
def threshold(
    image: ArrayLike,
    value: float | str = "otsu",
    *,
    size: int | tuple[int, int] | None = None,
    k: float | None = None,
    r: float | None = None,
    p: float = 2.0,
    q: float = 10.0,
    offset: float = 0.0,
    mode: Any = None,
    channel_axis: int | None = None,
    out: Array | None = None,
) -> Runnable[Array]:
    """Return which pixels are brighter than a value.

    Parameters
    ----------
    image : array_like, (H, W)
        Any real dtype.
    value : float or {"otsu", "local", "li", "yen", "isodata", "triangle", "minimum", "mean", \
"sauvola", "niblack", "phansalkar", "gaussian", "median"}
        A number in the image's units; a threshold of the whole image, as
        `imgconv.threshold_value`, for which a pipeline needs all of it; or, from "sauvola" on, one
        for each pixel, as `imgconv.threshold_image`. "local" is "mean" with a size of 35.
    size : int or (int, int), optional
        Height and width of the window in pixels, for thresholds of windows; 15 by default. With a
        size "mean" is one of them.
    k, r, p, q : float, optional
        See `imgconv.threshold_image`.
    offset : float
        What is subtracted from the threshold of a window, in the image's units.
    mode : str or (str, str), optional
        The border of windows: see `imgconv.threshold_image`.
    channel_axis : see `imgconv`.
        For thresholds of windows.
    out : ndarray, optional
        The array to fill, with 0 and 1.

    Returns
    -------
    ndarray, bool
        The image's shape.

    Raises
    ------
    ValueError
        If value is another string, size is not positive or mode is unknown; as
        `imgconv.threshold_value`.
    TypeError
        If value is neither a number nor a string, or offset is not a number.

    Notes
    -----
    Otsu's threshold is that of `skimage.filters.threshold_otsu`: each value of integers has its own
    bin, floats have 256 bins between the extremes. Integers of 32 and 64 bits may have more than
    2**20 different values: then 2, 4, 8, ... neighbouring ones share a bin, as few as leave at most
    2**20 bins. Source: N. Otsu, "A threshold selection method from gray-level histograms", IEEE
    Transactions on Systems, Man, and Cybernetics 9, 1979.

    Examples
    --------
    >>> from imgconv.pipeline import threshold
    >>> import numpy as np
    >>> threshold(np.uint8([[10, 12, 90, 95]])).astype(int)
    array([[0, 0, 1, 1]])
    """
    array = check.image(image)
    if isinstance(value, str):
        check.choice(value, THRESHOLDS, "value")
    method, window = threshold_method(value, size)
    # Checked for every value, so that a wrong argument never waits for one that needs it.
    formula = local_formula(
        method if is_windowed(method, window) else "sauvola", k, r, p, q, offset
    )
    check.integers(1 if window is None else window, "size", 1)
    check.modes("reflect" if mode is None else mode)
    if is_windowed(method, window):
        window = 15 if window is None else window
        common = mode, 0.0, None, channel_axis
        return local_call(array, method, window, formula, True, common, None, out)
    if isinstance(value, str):
        call = above(array, threshold_of_image(array, method), out)
        return after_measuring(call, f"with the threshold by {method} measured")
    limit = check.number(value, "value")
    # float64 does not hold integers beyond 2**53, which those of 64 bits are compared with.
    exact = int(value) if isinstance(value, (int, np.integer)) else limit
    return above(array, exact if is_wide(array.dtype) else limit, out)


def threshold_method(value: Any, size: Any) -> tuple[Any, Any]:
    """Return the method and the size of a threshold; "local" is a mean."""
    if isinstance(value, str) and value == "local":
        return "mean", 35 if size is None else size
    return value, size
