"""Thresholds: numbers for a whole image, or for each pixel from its window, and what is above."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from imgconv.core import check
from imgconv.core.call import Runnable, Several, filtering
from imgconv.core.pixels import limits, native
from imgconv.core.run import Call, hashable
from imgconv.filters import measures
from imgconv.filters.arguments import Image, Mode
from imgconv.filters.global_thresholds import METHODS, several_splits, threshold_of_image
from imgconv.filters.measures import Histogram
from imgconv.filters.order import median, rectangle
from imgconv.filters.point_calls import (
    call_points,
    computing_dtype,
    converted,
    in_numpy,
    is_wide,
    nearest_limit,
)
from imgconv.filters.smoothing import gaussian_term
from imgconv.operations.base import FLOAT32, Operation, Pixels, Point
from imgconv.operations.moments import Formula, Moments
from imgconv.operations.separable import IDENTITY, Separable

__all__ = ["binarize", "multi_otsu", "threshold_image", "threshold_value"]

# Methods of `threshold_image`, with k and the border by default.
LOCAL = {
    "sauvola": (0.2, "mirror"),
    "niblack": (0.2, "mirror"),
    "phansalkar": (0.25, "mirror"),
    "mean": (0.0, "reflect"),
    "gaussian": (0.0, "reflect"),
    "median": (0.0, "reflect"),
}
WORDS = tuple(dict.fromkeys((*METHODS, *LOCAL)))
BOOL = np.dtype(np.bool_)
# mode, cval, axes and channel_axis.
Common = tuple[Any, Any, Any, Any]


def threshold_value(image: ArrayLike, method: str = "otsu") -> float:
    """Return a threshold for a whole image: its pixels above it are the bright side.

    Parameters
    ----------
    image : array_like
        Of any shape and real dtype. All pixels are taken together.
    method : {"otsu", "li", "yen", "isodata", "triangle", "minimum", "mean"}
        "otsu": the variance between both sides is largest. "li": the loss is smallest when each
        side is replaced by its mean. "yen": both sides hold most of the histogram's information.
        "isodata": the middle of the means of both sides. "triangle": the bin farthest below a line
        from the peak of the histogram to its far end. "minimum": the valley between the two peaks
        of the smoothed histogram. "mean": the mean.

    Returns
    -------
    float
        In the image's units; 0 for an image without pixels.

    Raises
    ------
    ValueError
        If method is not one of these; with "minimum", if there are not two peaks; if integers of 32
        or 64 bits span more than 2**20 values, but for "otsu" and "mean".

    Notes
    -----
    Equal to `skimage.filters.threshold_*` of the same image: each value of integers has its own
    bin, floats have 256 bins between the finite extremes. Histograms are counted on all threads, at
    about the time in which the image is read. Sources: N. Otsu 1979; C. H. Li, P. K. S. Tam 1998;
    J. C. Yen, F. J. Chang, S. Chang 1995; T. W. Ridler, S. Calvard 1978; G. W. Zack, W. E. Rogers,
    S. A. Latt 1977; J. M. S. Prewitt, M. L. Mendelsohn 1966.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv import threshold_value
    >>> image = np.uint8([10, 11, 12, 12, 13, 80, 90, 95])
    >>> threshold_value(image), threshold_value(image, "mean")
    (13.0, 40.375)
    """
    check.choice(method, METHODS, "method")
    return threshold_of_image(check.image(image), method)


def multi_otsu(image: ArrayLike, classes: int = 3) -> Image:
    """Return the thresholds that part the pixels of an image into several classes.

    Parameters
    ----------
    image : array_like
        Of any shape and real dtype. All pixels are taken together.
    classes : int
        How many; at least 2.

    Returns
    -------
    ndarray, (classes - 1,)
        Ascending, in the image's units; `numpy.digitize(image, thresholds, right=True)` has the
        class of each pixel.

    Raises
    ------
    ValueError
        If classes is less than 2 or more than the filled bins of the histogram, or integers of 32
        or 64 bits span more than 2**20 values.

    Notes
    -----
    Equal to `skimage.filters.threshold_multiotsu` with the histogram of `threshold_value`, also for
    16 bits. The cost is about n log(n) for each class, for n bins: the best parting into k classes
    is that of a part of the histogram into k - 1 and one class more. Source: P. S. Liao, T. S.
    Chen, P. C. Chung, "A fast algorithm for multilevel thresholding", Journal of Information
    Science and Engineering 17, 2001.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv import multi_otsu
    >>> multi_otsu(np.uint8([10, 12, 12, 60, 61, 63, 200, 210]), 3)
    array([12, 63])
    """
    count = check.at_least(classes, "classes", 2)
    array = check.image(image)
    found = measures.measure(measures.for_histogram(array.dtype), [array])
    counts, centres = Histogram.of(found, array.dtype)
    filled = np.flatnonzero(counts)
    if len(filled) < count:
        raise check.value_error(
            f"classes must be at most the image's {len(filled)} filled bins, got {count}"
        )
    if len(filled) == count:
        return centres[filled[:-1]]
    return centres[several_splits(counts, centres, count)]


@filtering
def threshold_image(
    image: ArrayLike,
    method: str = "sauvola",
    size: int | tuple[int, int] = 15,
    *,
    k: float | None = None,
    r: float | None = None,
    p: float = 2.0,
    q: float = 10.0,
    offset: float = 0.0,
    mode: Mode | None = None,
    cval: float = 0.0,
    nan: str = "spread",
    weights: ArrayLike | None = None,
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: Image | None = None,
) -> Runnable[Image]:
    """Return a threshold for each pixel, from the window around it.

    Parameters
    ----------
    image : array_like, (H, W)
    method : {"sauvola", "niblack", "phansalkar", "mean", "gaussian", "median"}
        With mean m and standard deviation s of the window: "niblack" is m - k s, "sauvola"
        m (1 + k (s / r - 1)), "phansalkar" m (1 + p exp(-q m / white) + k (s / r - 1)). "mean",
        "gaussian" and "median" are that of the window minus `offset`.
    size : int or (int, int)
        Height and width of the window in pixels, its pixel at (h // 2, w // 2). A Gaussian has a
        standard deviation of (size - 1) / 6.
    k : float, optional
        How much a deviation counts; 0.2 by default, 0.25 for "phansalkar".
    r : float, optional
        A large deviation, in the image's units; by default half the range of the image's dtype, of
        floats 1.
    p, q : float
        How much "phansalkar" raises the threshold of dark windows.
    offset : float
        What is subtracted from the threshold, in the image's units.
    mode : str or (str, str), optional
        "mirror" by default for the first three methods, as in scikit-image, "reflect" for the rest.
    cval, nan, weights, axes, channel_axis, dtype, out : see `imgconv`.

    Returns
    -------
    ndarray of the computing dtype

    Raises
    ------
    ValueError
        If method is not one of these, size is not positive, or r is not positive and finite.

    Notes
    -----
    One pass; mean and deviation are those of `std`. White is the largest integer of the image's
    dtype, and 1 for floats. Equal to `skimage.filters.threshold_sauvola`, `threshold_niblack` and
    `threshold_local`, of the image's own numbers. Sources: J. Sauvola, M. Pietikainen, "Adaptive
    document image binarization", Pattern Recognition 33, 2000; W. Niblack, "An introduction to
    digital image processing", 1986; N. Phansalkar et al., "Adaptive local thresholding for
    detection of nuclei in diversity stained cytology images", 2011.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv import threshold_image
    >>> ink = np.uint8([[90, 92, 40, 91, 90, 88, 87, 30, 85]])
    >>> threshold_image(ink, "mean", (1, 3), offset=5).astype(int)
    array([[85, 69, 69, 68, 84, 83, 63, 62, 61]])
    """
    formula = local_formula(method, k, r, p, q, offset)
    common = mode, cval, axes, channel_axis
    return local_call(image, method, size, formula, False, common, dtype, out, nan, weights)


@filtering
def binarize(
    image: ArrayLike,
    method: str = "otsu",
    size: int | tuple[int, int] | None = None,
    *,
    k: float | None = None,
    r: float | None = None,
    p: float = 2.0,
    q: float = 10.0,
    offset: float = 0.0,
    mode: Mode | None = None,
    cval: float = 0.0,
    nan: str = "spread",
    weights: ArrayLike | None = None,
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    out: Image | None = None,
) -> Runnable[Image]:
    """Return which pixels are above a threshold, of the whole image or of the window around each.

    Parameters
    ----------
    image : array_like, (H, W)
    method : {"otsu", "li", "yen", "isodata", "triangle", "minimum", "mean", "sauvola", "niblack", \
"phansalkar", "gaussian", "median"}
        One of `threshold_value` or, from "sauvola" on, of `threshold_image`. "mean" is that of the
        window if a size is given, else of the image.
    size : int or (int, int), optional
        Height and width of the window in pixels; 15 by default for the methods that need one.
    k, r, p, q, offset, mode : see `threshold_image`.
        For the thresholds of windows.
    cval, nan, weights, axes, channel_axis, out : see `imgconv`.
        All pixels of a stack, and all channels, have the same threshold of a whole image, which is
        that of the pixels whose weight is above 0. NaN is never counted there.

    Returns
    -------
    ndarray of dtype bool
        False where a pixel does not count.

    Raises
    ------
    ValueError
        As `threshold_value` and `threshold_image`.

    Notes
    -----
    With a threshold for each pixel, the comparison is part of the pass that computes it. With one
    for the image, there are two passes: one that counts and one that compares.

    Examples
    --------
    Ink on a page with a shadow: no threshold of the whole page finds it, that of a window does.

    >>> import numpy as np
    >>> from imgconv import binarize
    >>> page = np.uint8([[90, 92, 40, 91, 90, 48, 47, 12, 45]])
    >>> print((~binarize(page)).astype(int))
    [[0 0 1 0 0 1 1 1 1]]
    >>> print((~binarize(page, "mean", (1, 3), offset=9)).astype(int))
    [[0 0 1 0 0 1 0 1 0]]
    """
    check.choice(method, WORDS, "method")
    windowed = is_windowed(method, size)
    # Checked for every method, so that a wrong argument never waits for one that needs it.
    check.integers(15 if size is None else size, "size", 1)
    check.modes("reflect" if mode is None else mode, ignores=True)
    check.number(cval, "cval")
    formula = local_formula(method if windowed else "niblack", k, r, p, q, offset)
    if windowed:
        window, common = 15 if size is None else size, (mode, cval, axes, channel_axis)
        return local_call(image, method, window, formula, True, common, None, out, nan, weights)
    array = check.image(image)
    layout = check.layout(array.ndim, axes, channel_axis)
    check.choice(nan, ("spread", "omit"), "nan")
    given = None if weights is None else check.weights(weights, array.shape, layout) > 0

    def run(pixels: Image) -> Image:
        if given is None:
            return above(pixels, threshold_of_image(pixels, method), out).run()
        found = above(pixels, threshold_of_image(pixels[given], method), None).run()
        return converted(found & given, BOOL, out)

    return Several(
        array, run, (), array.shape, BOOL, f"above the threshold by {method}",
        "its threshold depends on all pixels",
    )  # fmt: skip


def is_windowed(method: str, size: Any) -> bool:
    """Whether a method takes the window around each pixel; "mean" does if it has a size."""
    return method in LOCAL and (method not in METHODS or size is not None)


def above(image: Image, limit: float, out: Image | None) -> Runnable[Image]:
    """Return the call that compares pixels with a number."""
    if not is_wide(image.dtype):
        return call_points(image, [Point("above", nearest_limit(limit, image.dtype))], BOOL, out)
    # float64 does not hold integers beyond 2**53, which those of 64 bits are compared with.
    return in_numpy(lambda: converted(np.greater(image, limit), BOOL, out), image, BOOL)


# ---- thresholds of windows -----------------------------------------------------------------------


def local_formula(method: Any, k: Any, r: Any, p: Any, q: Any, offset: Any) -> Formula:
    """Return the checked numbers of a local threshold; r is 0 if it depends on the image."""
    check.choice(method, tuple(LOCAL), "method")
    return Formula(
        k=LOCAL[method][0] if k is None else check.number(k, "k"),
        r=0.0 if r is None else check.positive(r, "r"),
        p=check.number(p, "p"),
        q=check.number(q, "q"),
        offset=check.number(offset, "offset"),
    )


def local_call(
    image: Any, method: str, size: Any, formula: Formula, compare: bool, common: Common,
    dtype: Any, out: Any, nan: str = "spread", weights: Any = None,
) -> Runnable[Image]:  # fmt: skip
    """Return the call of thresholds of windows, or of the comparison with them."""
    array = check.image(image)
    check.integers(size, "size", 1)
    mode, *others = common
    common = LOCAL[method][1] if mode is None else mode, *others
    if out is None and dtype is None:
        dtype = BOOL if compare else computing_dtype(native(array.dtype))
    weighing: Any = {"nan": nan, "weights": weights}
    differs = compare and not check.weighs("means", array, common[0], nan, weights)
    if method == "median" or (method == "gaussian" and compare and not differs):
        return smoothed(array, method, size, formula.offset, compare, common, dtype, out, weighing)
    if method == "gaussian":
        operation = gaussian_operation(hashable(size), formula.offset, differs)
        return Call(operation, array, *common, dtype, out, **({} if differs else weighing))
    low, white = limits(native(array.dtype)) if array.dtype.kind in "iu" else (-1, 1)
    formula = formula._replace(r=formula.r or (white - low) / 2, white=float(white))
    operation = moments_operation(hashable(size), method, formula, compare)
    return Call(operation, array, *common, dtype, out, **weighing)


@lru_cache(maxsize=128, typed=True)
def moments_operation(size: Any, method: str, formula: Formula, compare: bool) -> Operation:
    """Return the threshold by mean and deviation."""
    return Moments(rectangle(size), method, formula, compare)


@lru_cache(maxsize=64, typed=True)
def gaussian_operation(size: Any, offset: float, compare: bool) -> Operation:
    """Return the threshold by a Gaussian; a pixel is compared as its difference to that."""
    height, width = check.integers(size, "size", 1)
    y, x = gaussian_term(((height - 1) / 6, (width - 1) / 6))
    if compare:
        difference = InFloats((((IDENTITY, IDENTITY), (y, x * -1)),))
        return difference.followed_by((Point("above", -offset),), FLOAT32)
    return InFloats((((y, x),),), weighed="means").followed_by(
        (Point("scale", 1.0, -offset),), FLOAT32
    )


@dataclass(frozen=True, eq=False)
class InFloats(Separable):
    """A sum of separable filters that never computes in short integers."""

    def computed_in(self, pixels: Pixels, result: np.dtype[Any]) -> np.dtype[Any]:
        """The float dtype of the image."""
        return pixels.float_type


def smoothed(
    array: Image, method: str, size: Any, offset: float, compare: bool, common: Common,
    dtype: Any, out: Any, weighing: Any,
) -> Runnable[Image]:  # fmt: skip
    """Return the threshold by a smoothed image minus an offset, which are two passes."""
    mode, cval, axes, channel_axis = common
    places: Any = {"mode": mode, "cval": cval, "axes": axes, "channel_axis": channel_axis}
    real, weights = computing_dtype(native(array.dtype)), weighing["weights"]
    result = native(out.dtype if out is not None else check.result_dtype(dtype))
    layout = check.layout(array.ndim, axes, channel_axis)

    def smooth(image: Image) -> Any:
        if method == "gaussian":
            operation = gaussian_operation(hashable(size), 0.0, False)
            return Call[Image](operation, image, *common, real, **weighing)
        # Where nothing counts, a median of floats is NaN.
        counted = image if weights is None else image.astype(real)
        return median.call(counted, size, **places, **weighing)

    def run(image: Image) -> Image:
        values = smooth(image).run().astype(real) - real.type(offset)
        if not compare:
            return converted(values, result, out)
        found = np.greater(image, values)
        if weights is not None:
            found &= check.weights(weights, image.shape, layout) > 0
        return converted(found, result, out)

    note = f"compared with the {method}" if compare else f"the {method} minus the offset"
    return Several(array, run, (smooth(array),), array.shape, result, note)
