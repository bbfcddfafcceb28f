"""Corners, peaks and blobs: where an image is unlike what is around it."""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from imgconv.core import check
from imgconv.core.call import Filter, filtering
from imgconv.core.run import Call, hashable
from imgconv.filters.arguments import Image, Mode
from imgconv.filters.derivatives import gaussian_laplace
from imgconv.filters.order import maximum
from imgconv.filters.planes import in_stripes, rows_of, single_call
from imgconv.filters.smoothing import gaussian
from imgconv.filters.tensors import structure_operation
from imgconv.operations.base import DType, pixels
from imgconv.operations.blobs import BoxDeterminants, maxima
from imgconv.operations.separable import Separable
from imgconv.operations.spacing import sorted_by_key, spaced

__all__ = ["blobs", "corners", "peaks"]

METHODS = ("harris", "shi_tomasi")
SCALE_SPACES = ("log", "dog", "doh")

# Pixels whose neighbourhoods are compared at once: they and their maxima stay in the L2 cache.
STRIPE = 1 << 16
# Pixels whose answers at three scales are kept at once.
BLOB_STRIPE = 1 << 18

# The ratio of the scales whose differences "dog" takes.
RATIO = 1.6


@filtering
def corners(
    image: ArrayLike,
    method: str = "harris",
    sigma: float | tuple[float, float] = 1.0,
    *,
    k: float = 0.05,
    mode: Mode = "reflect",
    cval: float = 0.0,
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: Image | None = None,
) -> Call[Image]:
    """Measure how much each pixel is a corner, by its structure tensor.

    Parameters
    ----------
    image : array_like, (H, W)
    method : {"harris", "shi_tomasi"}
        det - k * trace**2 of the tensor, or its smaller eigenvalue.
    sigma : float or (float, float)
        Standard deviation of the tensor's Gaussian in pixels, along y and x; positive.
    k : float
        Harris' weight of the trace.
    mode, cval, axes, channel_axis, dtype, out : see `imgconv`.

    Returns
    -------
    ndarray of the computing dtype

    Raises
    ------
    ValueError
        If sigma is not positive.

    Notes
    -----
    In one pass. Away from borders equal to `skimage.feature.corner_harris` and
    `corner_shi_tomasi` of the same numbers: pixels are not rescaled. Sources: C. Harris, M.
    Stephens, "A combined corner and edge detector", Alvey Vision Conference, 1988. J. Shi, C.
    Tomasi, "Good features to track", Computer Vision and Pattern Recognition, 1994.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv import corners, peaks
    >>> square = np.zeros((20, 20))
    >>> square[5:15, 5:15] = 1
    >>> print(sorted(peaks(corners(square), 3).tolist()))
    [[5, 5], [5, 14], [14, 5], [14, 14]]
    """
    checked = check.choice(method, METHODS, "method")
    numbers = (check.finite(k, "k"),)
    operation = structure_operation(hashable(sigma), checked, numbers)
    return Call(operation, image, mode, cval, axes, channel_axis, dtype, out)


def peaks(
    image: ArrayLike,
    min_distance: int = 1,
    *,
    threshold: float | None = None,
    border: int | None = None,
    count: int | None = None,
) -> NDArray[np.intp]:
    """Find the pixels that are largest around themselves.

    Parameters
    ----------
    image : array_like, (H, W)
    min_distance : int
        Peaks are maxima of squares of 2 * min_distance + 1 pixels, and of two that are nearer to
        each other than this, along y and along x, the brighter one remains; positive.
    threshold : float, optional
        Peaks are above it; by default, above the smallest pixel.
    border : int, optional
        Peaks are so many pixels away from the border; by default min_distance.
    count : int, optional
        The number of peaks to return at most, the brightest ones; positive.

    Returns
    -------
    ndarray of intp, (N, 2)
        y and x of each peak, the brightest first; of equal ones, in the order of rows.

    Raises
    ------
    ValueError
        If min_distance or count is not positive, border negative, or the image not 2-D.

    Notes
    -----
    Beyond its border the image continues with its outermost pixels. A constant image has no peak,
    and a NaN is none and hides those beside it. Equal to `skimage.feature.peak_local_max`.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv import peaks
    >>> image = np.zeros((7, 9), np.uint8)
    >>> image[2, 2], image[4, 6] = 5, 9
    >>> print(peaks(image).tolist())
    [[4, 6], [2, 2]]
    """
    array = plane(image)
    distance = check.at_least(min_distance, "min_distance", 1)
    rim = distance if border is None else check.at_least(border, "border", 0)
    most = None if count is None else check.at_least(count, "count", 1)
    lowest = None if threshold is None else check.number(threshold, "threshold")
    if array.size == 0:
        return np.empty((0, 2), np.intp)
    lowest = np.fmin.reduce(array, axis=None) if lowest is None else lowest
    found, values = candidates(array, distance, rim, lowest)
    ordered = brightest_first(found, values)
    y = ordered // array.shape[1]
    points = np.column_stack([y, ordered - y * array.shape[1]])
    if distance > 1:
        points = points[spaced(points, distance, array.shape, most)]
    return points[:most]


def plane(image: ArrayLike) -> Image:
    """Return a single image."""
    array = check.image(image)
    if array.ndim != 2:
        raise check.value_error(f"image must have two axes, got shape {array.shape}")
    return array


def candidates(
    image: Image, distance: int, rim: int, threshold: Any
) -> tuple[NDArray[np.intp], Image]:
    """Return the pixels above a threshold that are the maximum of a square around them.

    They are numbered in the order of rows, and are not on the rim; their values come with them.
    """
    call = single_call(maximum, image, 2 * distance + 1, mode="nearest")
    height, width = image.shape
    found, values, alike = [], [], 0
    for top, largest in in_stripes(call, STRIPE):
        rows = image[top : top + len(largest)]
        is_largest = rows == largest
        alike += int(np.count_nonzero(is_largest))
        is_largest &= rows > threshold
        is_largest[:, :rim] = is_largest[:, max(0, width - rim) :] = False
        is_largest[: max(0, rim - top)] = is_largest[max(0, height - rim - top) :] = False
        places = np.flatnonzero(is_largest)
        found.append(places + top * width)
        values.append(largest.ravel()[places])
    last = 0 if alike == image.size > 1 else None  # a constant image has none
    return np.concatenate(found)[:last], np.concatenate(values)[:last]


def brightest_first(places: NDArray[np.intp], values: Image) -> NDArray[np.intp]:
    """Return ascending places in the order of their values; of equal ones, as they are."""
    keys = falling_keys(values)
    if keys is not None and (len(places) == 0 or places[-1] >> 32 == 0):
        return sorted_by_key(keys, places)
    order = np.argsort(values[::-1], kind="stable")[::-1]
    return places[len(places) - 1 - order]


def falling_keys(values: Image) -> NDArray[np.uint32] | None:
    """Return integers of 32 bits that fall where values rise; None for wider values."""
    if values.dtype.itemsize > 4 or values.dtype.char == "e":
        return None
    if values.dtype.kind != "f":
        largest = np.iinfo(np.uint32 if values.dtype.kind == "u" else np.int32).max
        return (largest - values.astype(np.int64)).astype(np.uint32)
    bits = (values + np.float32(0)).view(np.uint32)  # +0 for -0
    return bits ^ np.where(bits >> 31, np.uint32(0), np.uint32(0x7FFFFFFF))


# ---- blobs ---------------------------------------------------------------------------------------


def blobs(
    image: ArrayLike,
    min_sigma: float = 1,
    max_sigma: float = 50,
    *,
    method: str = "log",
    steps: int = 10,
    threshold: float | None = None,
    overlap: float = 0.5,
) -> NDArray[np.float64]:
    """Find round light areas, and how large they are.

    Parameters
    ----------
    image : array_like, (H, W)
    min_sigma, max_sigma : float
        The smallest and the largest scale in pixels; positive, for "doh" at least 1. A disk of
        radius r answers most at r / sqrt(2), for "doh" at about r * sqrt(2).
    method : {"log", "dog", "doh"}
        Laplacians of Gaussians at `steps` scales; differences of Gaussians whose scales grow by
        1.6; or determinants of second derivatives at `steps` scales, by sums over boxes.
    steps : int
        The number of scales of "log" and "doh"; positive.
    threshold : float, optional
        Of the answer, in the image's units, which "doh" squares; by default 0.2 ("log"), 0.5
        ("dog") or 0.01 ("doh") for pixels up to 1, of integers up to the largest of their dtype.
    overlap : float
        Of two blobs that share more than this part of the smaller one's area, the smaller one is
        left out; from 0 to 1.

    Returns
    -------
    ndarray of float64, (N, 3)
        y, x and sigma of each blob, the clearest first.

    Raises
    ------
    ValueError
        If a sigma or steps is not positive, min_sigma above max_sigma or for "doh" below 1, overlap
        outside [0, 1], or the image not 2-D.

    Notes
    -----
    The answers at all scales are a volume, whose maxima in cubes of 3 x 3 x 3 are the blobs; only
    some rows of three scales are in memory at a time. Equal to `skimage.feature.blob_log`,
    `blob_dog` and `blob_doh` of the same numbers: pixels are not rescaled. But a constant image has
    no blob. "doh" finds dark areas, too, costs the same at every scale, and finds nothing below or
    right of a NaN. Sources: T. Lindeberg, "Feature detection with automatic scale selection",
    International Journal of Computer Vision 30, 1998. H. Bay, T. Tuytelaars, L. Van Gool, "SURF:
    Speeded up robust features", European Conference on Computer Vision, 2006.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv import blobs
    >>> y, x = np.mgrid[:60, :80]
    >>> disk = (np.hypot(y - 30, x - 50) <= 10).astype(float)
    >>> print(blobs(disk, 2, 12, steps=11).tolist())
    [[30.0, 50.0, 7.0]]
    """
    array = plane(image)
    low, high = check.positive(min_sigma, "min_sigma"), check.positive(max_sigma, "max_sigma")
    if low > high:
        raise check.value_error(
            f"min_sigma must not be above max_sigma, got {min_sigma!r} and {max_sigma!r}"
        )
    checked = check.choice(method, SCALE_SPACES, "method")
    if checked == "doh" and low < 1:
        raise check.value_error(f"min_sigma must be at least 1 for 'doh', got {min_sigma!r}")
    number = check.at_least(steps, "steps", 1)
    limit = default_threshold(checked, array.dtype) if threshold is None else threshold
    limit = check.number(limit, "threshold")
    part = check.number(overlap, "overlap")
    if not 0 <= part <= 1:
        raise check.value_error(f"overlap must be from 0 to 1, got {overlap!r}")
    if array.size and array.min() == array.max():
        return np.empty((0, 3))  # "doh" answers at the border of any image
    if checked == "dog":
        space = differences(array, low, high)
    else:
        sigmas = np.linspace(low, high, number).tolist()
        space = (laplacians if checked == "log" else determinants)(array, sigmas)
    return blobs_in(array, space, limit, part)


class Scale(NamedTuple):
    """One layer of the scale space of an image, and what computes rows of it."""

    sigma: float
    rows: Callable[[int, int], Image]


def default_threshold(method: str, dtype: np.dtype[Any]) -> float:
    """Return scikit-image's threshold, in the units of pixels that it would rescale to 1."""
    largest = float(np.iinfo(dtype).max) if dtype.kind in "iu" else 1.0
    return {"log": 0.2 * largest, "dog": 0.5 * largest, "doh": 0.01 * largest**2}[method]


def laplacians(image: Image, sigmas: list[float]) -> list[Scale]:
    """Return Laplacians of Gaussians, positive where it is light."""

    def rows(first: int, last: int, sigma: float) -> Image:
        call = computed(gaussian_laplace, image, sigma)
        assert isinstance(call.operation, Separable)
        # Transforms would take the whole image.
        call = call._replace(operation=replace(call.operation, method="direct"))
        found = rows_of(call, first, last)
        found *= -(sigma**2)
        return found

    return [Scale(sigma, partial(rows, sigma=sigma)) for sigma in sigmas]


def differences(image: Image, low: float, high: float, ratio: float = RATIO) -> list[Scale]:
    """Return differences of Gaussians whose scales grow by a ratio."""
    count = int(math.log(high / low) / math.log(ratio) + 1)
    sigmas = [low * ratio**i for i in range(count + 1)]
    kept: dict[tuple[float, int, int], Image] = {}

    def rows(first: int, last: int, number: int) -> Image:
        wide, narrow = sigmas[number + 1], sigmas[number]
        # The wider Gaussian of a layer is the narrower one of the next.
        smoothed = kept.pop((narrow, first, last), None)
        if smoothed is None:
            kept.clear()
            smoothed = rows_of(computed(gaussian, image, narrow, method="direct"), first, last)
        other = rows_of(computed(gaussian, image, wide, method="direct"), first, last)
        kept[wide, first, last] = other
        smoothed -= other
        smoothed *= 1 / (ratio - 1)
        return smoothed

    return [Scale(sigma, partial(rows, number=i)) for i, sigma in enumerate(sigmas[:-1])]


def computed(
    filter: Filter[..., Image], image: Image, *arguments: Any, **options: Any
) -> Call[Image]:
    """Return the call of a filter whose results are of the computing dtype."""
    return single_call(filter, image, *arguments, **options)._replace(dtype=computing_dtype(image))


def determinants(image: Image, sigmas: list[float]) -> list[Scale]:
    """Return determinants of second derivatives, positive where it is lighter or darker."""
    found = BoxDeterminants(image, max(sigmas), computing_dtype(image))
    return [Scale(sigma, partial(found.rows, sigma=sigma)) for sigma in sigmas]


def computing_dtype(image: Image) -> DType:
    """Return the dtype of the answers."""
    return pixels(image.dtype, 0).float_type


def blobs_in(
    image: Image, space: list[Scale], threshold: float, overlap: float
) -> NDArray[np.float64]:
    """Return the maxima of a scale space that do not overlap."""
    if not image.size:
        return np.empty((0, 3))
    places, values = maxima_of(image, space, threshold)
    places = places[np.argsort(-values, kind="stable")]
    sigmas = np.array([scale.sigma for scale in space])
    found = np.column_stack([places[:, :2], sigmas[places[:, 2]]]).astype(np.float64)
    return pruned(found, overlap)


def maxima_of(
    image: Image, space: list[Scale], threshold: float
) -> tuple[NDArray[np.intp], NDArray[Any]]:
    """Return the maxima in cubes of 3 x 3 x 3 of a scale space, (y, x, scale), and their values."""
    places, values = [], []
    height, width = image.shape
    rows = max(8, BLOB_STRIPE // width // 8 * 8)
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        # A row more on both sides, if there is one: the image of answers ends where the image does.
        first, last = max(0, top - 1), min(height, bottom + 1)
        inner = slice(top - first, bottom - first)
        layers = (scale.rows(first, last) for scale in space)
        for number, (before, layer, after) in enumerate(neighbours(layers)):
            found = maxima(before, layer, after, inner, threshold)
            y, x = np.divmod(found, width)
            places.append(np.column_stack([y + top, x, np.full(len(y), number)]))
            values.append(layer[inner][y, x])
    found = np.concatenate(places)
    order = np.lexsort(found.T[::-1])
    return found[order], np.concatenate(values)[order]


def neighbours(layers: Iterator[Image]) -> Iterator[tuple[Image, Image, Image]]:
    """Yield each layer between those beside it; the outermost ones stand for what is missing."""
    before = here = next(layers)
    for after in layers:
        yield before, here, after
        before, here = here, after
    yield before, here, here


def pruned(found: NDArray[np.float64], overlap: float) -> NDArray[np.float64]:
    """Return the blobs that share no more than a part of their area with a larger one."""
    from scipy.spatial import cKDTree  # SciPy takes a while to import

    if not len(found):
        return found
    tree = cKDTree(found[:, :2])
    # In this order, which decides where three overlap, scikit-image goes through them, too.
    pairs = np.array(list(tree.query_pairs(2 * math.sqrt(2) * found[:, 2].max())), np.intp)
    pairs = pairs.reshape(-1, 2)
    share = shared_area(found[pairs[:, 0]], found[pairs[:, 1]])
    sigmas = found[:, 2].tolist()
    for i, j in pairs[share > overlap].tolist():
        if sigmas[i] > 0 and sigmas[j] > 0:
            sigmas[j if sigmas[i] > sigmas[j] else i] = 0
    return found[np.array(sigmas) > 0]


def shared_area(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the part of the smaller disk that two disks share; radii are sqrt(2) * sigma."""
    large = np.maximum(one[:, 2], other[:, 2])
    r = np.minimum(one[:, 2], other[:, 2]) / large
    d = np.hypot(*(one[:, :2] - other[:, :2]).T) / (large * math.sqrt(2))
    with np.errstate(divide="ignore", invalid="ignore"):
        first = np.arccos(np.clip((d**2 + 1 - r**2) / (2 * d), -1, 1))
        second = np.arccos(np.clip((d**2 + r**2 - 1) / (2 * d * r), -1, 1))
        kite = np.sqrt(np.abs((-d + r + 1) * (d - r + 1) * (d + r - 1) * (d + r + 1)))
        share = (first + r**2 * second - kite / 2) / (math.pi * r**2)
    return np.where(d > 1 + r, 0.0, np.where(d <= 1 - r, 1.0, share))
