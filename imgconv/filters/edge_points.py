"""Edges as thin lines: maxima of a gradient, zero crossings, and chains of points.

Axis 0 is y, down the rows, and axis 1 is x.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from imgconv.core import check
from imgconv.core.call import Several, filtering
from imgconv.filters.arguments import Image, Mode
from imgconv.filters.canny import canny
from imgconv.filters.derivatives import gaussian_laplace
from imgconv.filters.planes import by_plane, row_reader, single_call
from imgconv.filters.smoothing import gaussian
from imgconv.operations.base import pixels
from imgconv.operations.chains import EdgePoints
from imgconv.operations.separable import Separable

__all__ = ["edge_points", "nonmaximum_suppression", "zero_crossings"]

# Pixels that are looked at at once: they and what is computed of them stay in the L2 cache.
STRIPE = 1 << 15
# Pixels whose Laplacians are computed at once.
READ = 1 << 19
# Windows up to this are summed up as they are, so that a piece of an image has the Laplacians of
# the whole. Above, transforms may be faster.
SHORT = 80
# Rows beside a pixel from which its magnitude is interpolated.
NEAR = 3

# The eight neighbours of a pixel, (y, x).
NEIGHBOURS = [(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1) if (y, x) != (0, 0)]


@filtering
def zero_crossings(
    image: ArrayLike,
    sigma: float | tuple[float, float] = 2.0,
    threshold: float = 0.0,
    *,
    mode: Mode = "reflect",
    cval: float = 0.0,
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: Image | None = None,
) -> Several[Image]:
    """Find edges where the Laplacian of the smoothed image changes its sign.

    Parameters
    ----------
    image : array_like, (H, W)
    sigma : float or (float, float)
        Standard deviation of the Gaussian in pixels, along y and x; positive.
    threshold : float
        By how much the Laplacians of two neighbours must differ, in the image's units; not
        negative.
    mode, cval, axes, channel_axis, dtype, out : see `imgconv`.

    Returns
    -------
    ndarray of dtype bool

    Raises
    ------
    ValueError
        If sigma is not positive, or threshold negative.

    Notes
    -----
    Of two neighbours along y or x whose Laplacians have different signs, the one that is nearer to
    0 is an edge; if both are as near, the positive one. A 0 is no sign. Source: D. Marr, E.
    Hildreth, "Theory of edge detection", Proceedings of the Royal Society of London B 207, 1980.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv import zero_crossings
    >>> image = np.zeros((7, 9))
    >>> image[:, 4:] = 255
    >>> print(zero_crossings(image, 1).astype(int)[2])
    [0 0 0 1 0 0 0 0 0]
    """
    array = check.image(image)
    layout = check.layout(array.ndim, axes, channel_axis)
    lowest = check.finite(threshold, "threshold")
    if lowest < 0:
        raise check.value_error(f"threshold must not be negative, got {threshold!r}")
    result_dtype = check.mask_target(array.shape, dtype, out)
    laplacian = single_call(
        gaussian_laplace, array, sigma, mode=mode, cval=cval, axes=axes, channel_axis=channel_axis
    )
    laplacian.plan()
    operation = laplacian.operation
    assert isinstance(operation, Separable)
    whole = "its Laplacians may take transforms"
    if max(axis.span for axis in operation.windows) <= SHORT:
        laplacian = laplacian._replace(operation=replace(operation, method="direct"))
        # A pixel at the end of the image is no neighbour of that at the other end.
        whole = "its neighbours do not wrap around" if "wrap" in check.modes(mode) else ""

    def runs(image: Image) -> Image:
        size = image.shape[layout.y], image.shape[layout.x]

        def fill(plane: Image, target: Image) -> None:
            rows = row_reader(laplacian._replace(image=plane, axes=None, channel_axis=None))
            target[...] = False
            height = max(8, READ // plane.shape[1])
            for top in range(0, len(plane), height):
                # The last row belongs to the next stripe, too.
                stripe = slice(top, min(top + height + 1, len(plane)))
                mark_crossings(rows(stripe.start, stripe.stop), lowest, target[stripe])

        return by_plane(image, layout, size, np.dtype(np.bool_), result_dtype, out, fill)

    return Several(
        array, runs, (laplacian,), array.shape, result_dtype, "signs of neighbours",
        whole, repeatable=out is None, beside=1,
    )  # fmt: skip


def mark_crossings(values: Image, threshold: float, found: NDArray[np.bool_]) -> None:
    """Mark the pixels whose neighbour below or to the right has the other sign, or that one."""
    width = max(1, values.shape[1])
    rows = max(1, STRIPE // width)
    for top in range(0, len(values), rows):
        # Neighbours to the right, then below: the last row of a stripe looks at the next one.
        stripe = slice(top, min(top + rows, len(values)))
        mark_pairs(values[stripe, :-1], values[stripe, 1:], threshold,
                   found[stripe, :-1], found[stripe, 1:])  # fmt: skip
        upper = slice(top, min(top + rows, len(values) - 1))
        lower = slice(upper.start + 1, upper.stop + 1)
        mark_pairs(values[upper], values[lower], threshold, found[upper], found[lower])


def mark_pairs(
    one: Image, other: Image, threshold: float, first: NDArray[np.bool_], second: NDArray[np.bool_]
) -> None:
    """Mark the nearer to 0 of each pair with different signs."""
    crosses = (np.sign(one) * np.sign(other) < 0) & (np.abs(one - other) > threshold)
    total = one + other
    # The nearer one is that whose sign the sum has not; of equal ones the positive.
    of_first = np.where(total == 0, one > 0, (total > 0) != (one > 0))
    first |= crosses & of_first
    second |= crosses & ~of_first


def nonmaximum_suppression(magnitude: ArrayLike, orientation: ArrayLike) -> Image:
    """Keep the magnitudes that are largest across the edge, and set all others to 0.

    Parameters
    ----------
    magnitude, orientation : array_like, (H, W)
        Of a gradient, as `gradient` gives them with polar=True: the orientation in radians, from x
        towards y.

    Returns
    -------
    ndarray of the computing dtype of magnitude

    Raises
    ------
    ValueError
        If the arrays are not 2-D or not of the same shape.

    Notes
    -----
    A magnitude is kept if it is not below those on both sides of it along the gradient, each
    interpolated between two of the eight neighbours, as in `canny`. The outermost pixels have no
    such neighbours and are 0. Source: J. Canny, "A computational approach to edge detection", IEEE
    Transactions on Pattern Analysis and Machine Intelligence 8, 1986.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv import gaussian, gradient, nonmaximum_suppression
    >>> image = np.zeros((5, 9))
    >>> image[:, 4:] = 100
    >>> magnitude, orientation = gradient(gaussian(image, 1), polar=True)
    >>> print(nonmaximum_suppression(magnitude, orientation)[2].round(1))
    [ 0.   0.   0.  64.1 64.1  0.   0.   0.   0. ]
    """
    values, angles = check.image(magnitude, "magnitude"), check.image(orientation, "orientation")
    if values.ndim != 2 or angles.shape != values.shape:
        raise check.value_error(
            "magnitude and orientation must be 2-D and of the same shape, "
            f"got {values.shape} and {angles.shape}"
        )
    computed = pixels(values.dtype, 0).float_type
    kept = np.zeros(values.shape, computed)
    height, width = values.shape
    rows = max(1, STRIPE // max(1, width))
    for top in range(1, height - 1 if width > 2 else 0, rows):
        bottom = min(top + rows, height - 1)
        around = values[top - 1 : bottom + 1].astype(computed, copy=False)
        inner = angles[top:bottom, 1:-1]
        before, after = across(around, np.sin(inner), np.cos(inner))
        here = around[1:-1, 1:-1]
        largest = (here >= before) & (here >= after)
        np.copyto(kept[top:bottom, 1:-1], here, where=largest)
    return kept


def across(around: Image, dy: Image, dx: Image) -> tuple[Image, Image]:
    """Return the values on both sides of the inner pixels, along (dy, dx), interpolated.

    The line leaves the square of neighbours between one beside the pixel and one at a corner.
    """
    height, width = around.shape
    at = {(y, x): around[1 + y : height - 1 + y, 1 + x : width - 1 + x] for y, x in NEIGHBOURS}
    steep = np.abs(dy) > np.abs(dx)
    part = np.minimum(np.abs(dy), np.abs(dx)) / np.maximum(np.abs(dy), np.abs(dx))
    rising = (dy > 0) == (dx > 0)
    sides = []
    for sign in (1, -1):
        beside = np.where(steep, at[sign, 0], at[0, sign])
        # With steps of the same sign the corner is (s, s); else it depends on the larger step.
        other = np.where(steep, at[sign, -sign], at[-sign, sign])
        corner = np.where(rising, at[sign, sign], other)
        sides.append(beside + (corner - beside) * part)
    return sides[0], sides[1]


def edge_points(
    image: ArrayLike,
    sigma: float = 1.0,
    low_threshold: float | None = None,
    high_threshold: float | None = None,
) -> list[NDArray[np.float64]]:
    """Find edges as chains of points between the pixels.

    Parameters
    ----------
    image : array_like, (H, W)
    sigma : float
        Standard deviation of the Gaussian in pixels; positive.
    low_threshold, high_threshold : see `canny`.

    Returns
    -------
    list of ndarray of float64, (N, 2)
        y and x of the points of each chain, with the lighter side to the right of the way along
        it, as the image is seen; a closed chain repeats its first point. Longer chains come first.

    Raises
    ------
    ValueError
        If the image is not 2-D, sigma not positive, or as `canny`.

    Notes
    -----
    The pixels are those of `canny`. Each is moved along the gradient to the top of the parabola
    through three magnitudes (Devernay's correction), those beside the pixel interpolated. It is the
    parabola of their logarithms: across a straight edge magnitudes are a Gaussian. Two points are
    neighbours in a chain if each is the other's nearest of the eight around it, ahead and behind,
    and their gradients agree.

    Blur moves the edge of a disk of radius r inwards by about sigma**2 / (2 * r) pixels, which is
    not corrected. Sources: F. Devernay, "A non-maxima suppression method for edge detection with
    sub-pixel accuracy", INRIA RR-2724, 1995. R. Grompone von Gioi, G. Randall, "A sub-pixel edge
    detector: an implementation of the Canny/Devernay algorithm", Image Processing On Line 7, 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv import edge_points
    >>> image = np.zeros((6, 9), np.uint8)
    >>> image[:, 4:] = 255
    >>> image[:, 4] = 128
    >>> for chain in edge_points(image):
    ...     print(chain.round(2).tolist())
    [[4.0, 4.0], [3.0, 4.0], [2.0, 4.0], [1.0, 4.0]]
    """
    array = check.image(image)
    check.positive(sigma, "sigma")
    if array.ndim != 2:
        raise check.value_error(f"image must have two axes, got shape {array.shape}")
    found = EdgePoints(canny(array, sigma, low_threshold, high_threshold, mode="reflect"))
    if not len(found.points):
        return []
    computed = pixels(array.dtype, 0).float_type
    down, right = (
        row_reader(single_call(gaussian, array, sigma, order=order, dtype=computed))
        for order in ((1, 0), (0, 1))
    )
    height = max(8, READ // array.shape[1])
    for top in range(0, len(array), height):
        bottom = min(top + height, len(array))
        first, last = max(0, top - NEAR), min(bottom + NEAR, len(array))
        found.place(top, bottom, first, down(first, last), right(first, last))
    return found.chains()
