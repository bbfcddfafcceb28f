"""Filters that remove noise and keep edges: bilateral and guided."""

from functools import lru_cache
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from imgconv.core import check
from imgconv.core.call import filtering
from imgconv.core.run import Call
from imgconv.filters.arguments import Image, Mode
from imgconv.operations.base import Operation
from imgconv.operations.bilateral import Bilateral
from imgconv.operations.guided import Guided

__all__ = ["bilateral", "guided", "joint_bilateral"]

# Standard deviations are computed over pieces of this many pixels, which stay in a cache.
PIECE = 1 << 16
# Weights of a window: an image of 4096 x 4096 takes hours with so many.
MOST_WEIGHTS = 1 << 20


@filtering
def bilateral(
    image: ArrayLike,
    *,
    win_size: int | None = None,
    sigma_color: float | None = None,
    sigma_spatial: float = 1.0,
    window: str = "square",
    metric: str = "l2",
    mode: Mode = "reflect",
    cval: float = 0.0,
    nan: str = "spread",
    weights: ArrayLike | None = None,
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: Image | None = None,
) -> Call[Image]:
    """Smooth an image, but not across edges: a mean over nearby pixels of similar value.

    Parameters
    ----------
    image : array_like, (H, W)
        Channels are filtered together: a pixel has one weight for all of them.
    win_size : int, optional
        Height and width of the window in pixels, odd; by default
        max(5, 2 * ceil(3 * sigma_spatial) + 1).
    sigma_color : float, optional
        Standard deviation of the weights over the distance of values, in the image's units; by
        default the standard deviation of the image's finite pixels (in a stack, of each image).
    sigma_spatial : float
        Standard deviation of the weights over the distance in pixels.
    window : {"square", "disk"}
        "disk" leaves out the pixels farther away than win_size // 2, as OpenCV does.
    metric : {"l2", "l1"}
        The distance of two colours: Euclidean, or the sum of the absolute differences over the
        channels, as in OpenCV.
    mode, cval, nan, weights, axes, channel_axis, dtype, out : see `imgconv`.

    Returns
    -------
    ndarray of the image's dtype, float32 for bool

    Raises
    ------
    ValueError
        If win_size is not positive and odd, or a sigma is not positive and finite.

    Notes
    -----
    out[p] = sum over q of w(p, q) image[q] / sum over q of w(p, q), where w(p, q) is
    exp(-|q - p|**2 / (2 sigma_spatial**2) - |image[q] - image[p]|**2 / (2 sigma_color**2)).
    Where pixels are missing, w(p, q) is multiplied by the weight of q, and only the distance in the
    image counts around a missing p. All channels of a pixel have one weight, and a NaN in one of
    them makes the pixel missing.

    The relative error of a weight is at most 1e-7, or 2e-16 where the computing dtype is float64.
    The cost is about 10 operations for each pair of pixels, which has one weight; there are
    win_size**2 / 2 pairs a pixel. Source: C. Tomasi, R. Manduchi, "Bilateral filtering for gray and
    color images", International Conference on Computer Vision, 1998.

    Examples
    --------
    Noise is smoothed, a step stays:

    >>> import numpy as np
    >>> from imgconv import bilateral
    >>> step = np.array([[11, 9, 10, 12, 91, 88, 90, 89]], np.uint8)
    >>> print(bilateral(step, sigma_color=10, sigma_spatial=2))
    [[10 10 10 11 90 89 89 89]]
    """
    return bilateral_call(
        image, None, win_size, sigma_color, sigma_spatial, window, metric,
        mode, cval, nan, weights, axes, channel_axis, None, dtype, out,
    )  # fmt: skip


@filtering
def joint_bilateral(
    image: ArrayLike,
    guide: ArrayLike,
    *,
    win_size: int | None = None,
    sigma_color: float | None = None,
    sigma_spatial: float = 1.0,
    window: str = "square",
    metric: str = "l2",
    guide_channel_axis: int | None = None,
    mode: Mode = "reflect",
    cval: float = 0.0,
    nan: str = "spread",
    weights: ArrayLike | None = None,
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: Image | None = None,
) -> Call[Image]:
    """Smooth an image, but not across the edges of another image, the guide.

    Parameters
    ----------
    image : array_like, (H, W)
        Channels are filtered together.
    guide : array_like, (H, W)
        The image whose values are compared: of the image's size, with channels of its own or none.
    win_size, sigma_color, sigma_spatial, window, metric : see `bilateral`.
        sigma_color is in the guide's units, and measured in the guide by default.
    guide_channel_axis : int, optional
        The axis of the guide's channels; by default `channel_axis` if the guide has as many axes as
        the image. A guide with one axis less has no channels.
    mode, cval, nan, weights, axes, channel_axis, dtype, out : see `imgconv`.
        mode and cval also extend the guide.

    Returns
    -------
    ndarray of the image's dtype, float32 for bool

    Raises
    ------
    ValueError
        As `bilateral`, or if the guide does not have the image's size.

    Notes
    -----
    `bilateral` with |guide[q] - guide[p]| instead of |image[q] - image[p]|, also where image[p] is
    missing: so holes are filled from pixels that look alike in the guide. The computing dtype is
    float64 if it is for the image or for the guide. Source: G. Petschnigg et al., "Digital
    photography with flash and no-flash image pairs", ACM Transactions on Graphics 23, 2004.

    Examples
    --------
    The guide has an edge that the image does not show:

    >>> import numpy as np
    >>> from imgconv import joint_bilateral
    >>> noise = np.array([[3.0, 5, 4, 4, 6, 5, 4, 5]])
    >>> edge = np.array([[0, 0, 0, 0, 9, 9, 9, 9]])
    >>> print(joint_bilateral(noise, edge, sigma_color=1, sigma_spatial=9).round(1))
    [[4. 4. 4. 4. 5. 5. 5. 5.]]
    """
    return bilateral_call(
        image, guide, win_size, sigma_color, sigma_spatial, window, metric,
        mode, cval, nan, weights, axes, channel_axis, guide_channel_axis, dtype, out,
    )  # fmt: skip


def bilateral_call(
    image: Any, guide: Any, win_size: Any, sigma_color: Any, sigma_spatial: Any, window: Any,
    metric: Any, mode: Any, cval: Any, nan: Any, weights: Any, axes: Any, channel_axis: Any,
    guide_channel_axis: Any, dtype: Any, out: Any,
) -> Call[Image]:  # fmt: skip
    """Return the call of either bilateral filter; without a guide the image guides itself."""
    array = check.image(image)
    layout = check.layout(array.ndim, axes, channel_axis)
    if guide is None:
        compared = check.by_channel(array, layout)
        # A guide without channels: the loop then compares the pixels of the image.
        passed = compared[..., :0]
    else:
        compared = passed = check.guide(guide, array.shape, layout, guide_channel_axis)
    counts = None
    if weights is not None:
        weights = check.weights_of_colours(weights, array.shape, layout)
        counts = check.by_channel(weights, layout)[..., :1] > 0
    if sigma_color is None:
        image_axes = (*check.without_channel(layout), compared.ndim - 1)
        sigmas = standard_deviations(compared, image_axes, counts)
    else:
        sigmas = (check.positive(sigma_color, "sigma_color"),)
    operation = bilateral_operation(
        win_size, sigmas, sigma_color is None, sigma_spatial, window, metric
    )
    common = array, mode, cval, axes, channel_axis, dtype, out
    return Call(operation, *common, guide=passed, nan=nan, weights=weights)


@lru_cache(maxsize=64, typed=True)
def bilateral_operation(
    win_size: Any, sigmas: Any, measured: bool, sigma_spatial: Any, window: Any, metric: Any
) -> Operation:
    """Return the operation; `sigmas` are of the image's values, one or one for each of a stack."""
    spatial = check.positive(sigma_spatial, "sigma_spatial")
    if win_size is None:
        check.weights_fit(36 * spatial * spatial, "sigma_spatial", spatial, MOST_WEIGHTS)
    size = max(5, 2 * ceil(3 * spatial) + 1)
    if win_size is not None:
        size = check.odd_integer(win_size, "win_size")
        check.weights_fit(size**2, "win_size", size, MOST_WEIGHTS)
    offsets = np.arange(size) - size // 2
    squares = offsets[:, None] ** 2 + offsets**2
    with np.errstate(over="ignore"):
        # Beyond a thousand standard deviations a weight is zero in any dtype.
        nearness = -0.5 * np.minimum(np.sqrt(squares) / spatial, 1000) ** 2
    if check.choice(window, ("square", "disk"), "window") == "disk":
        nearness[squares > (size // 2) ** 2] = -np.inf
    manhattan = check.choice(metric, ("l2", "l1"), "metric") == "l1"
    return Bilateral(nearness, sigmas, manhattan, measured)


def standard_deviations(
    stack: Image, image_axes: tuple[int, ...], counts: Image | None
) -> tuple[float, ...]:
    """Return the standard deviation of the finite pixels of each image of a stack, that count.

    It is 1 where it would be 0: where all pixels are equal, any value gives the same weights.
    """
    number = len(image_axes)
    images = np.moveaxis(stack, image_axes, range(-number, 0))
    shape = images.shape[: images.ndim - number]
    if counts is None:
        return tuple(standard_deviation(images[index]) or 1.0 for index in np.ndindex(shape))
    masks = np.moveaxis(np.broadcast_to(counts, stack.shape), image_axes, range(-number, 0))
    return tuple(
        standard_deviation(images[index], masks[index]) or 1.0 for index in np.ndindex(shape)
    )


def standard_deviation(image: Image, counts: Image | None = None) -> float:
    """Return the standard deviation of the finite pixels, 0 if there are none or it overflows.

    Computed piece by piece with the update of T. F. Chan, G. H. Golub, R. J. LeVeque, 1979: one
    pass, and nothing cancels.
    """
    count, mean, squares = 0, 0.0, 0.0
    rows = max(1, PIECE // max(1, image[:1].size))
    with np.errstate(over="ignore", invalid="ignore"):
        for top in range(0, len(image), rows):
            piece = image[top : top + rows].astype(np.float64, order="C")
            chosen = np.isfinite(piece)
            if counts is not None:
                chosen &= counts[top : top + rows]
            piece = piece[chosen]
            if piece.size:
                centre = piece.mean()
                total = count + piece.size
                squares += np.square(piece - centre).sum()
                squares += (centre - mean) ** 2 * count * piece.size / total
                mean += (centre - mean) * piece.size / total
                count = total
    return float(np.sqrt(squares / count)) if count and np.isfinite(squares) else 0.0


@filtering
def guided(
    image: ArrayLike,
    guide: ArrayLike,
    radius: int,
    eps: float,
    *,
    guide_channel_axis: int | None = None,
    mode: Mode = "reflect",
    cval: float = 0.0,
    nan: str = "spread",
    weights: ArrayLike | None = None,
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: Image | None = None,
) -> Call[Image]:
    """Smooth an image along the edges of a guide: a linear function of the guide in every window.

    Parameters
    ----------
    image : array_like, (H, W)
    guide : array_like, (H, W)
        Of the image's size; it may be the image itself. One channel guides all channels of the
        image; as many channels as the image has guide one channel each.
    radius : int
        In pixels: the windows are squares of 2 * radius + 1.
    eps : float
        Positive: the variance of the guide, in its units squared, above which an edge is kept.
    guide_channel_axis : see `joint_bilateral`.
    mode, cval, nan, weights, axes, channel_axis, dtype, out : see `imgconv`.
        mode and cval also extend the guide.

    Returns
    -------
    ndarray of the image's dtype, float32 for bool

    Raises
    ------
    ValueError
        If radius is negative, eps is not positive and finite, or the guide's size or number of
        channels does not fit.

    Notes
    -----
    With means over the windows, a = covariance(guide, image) / (variance(guide) + eps) and
    b = mean(image) - a * mean(guide); the result is mean(a) * guide + mean(b). It depends on
    4 * radius + 1 pixels in both directions; image and guide are extended once, before all means.
    Where pixels are missing, the means that give a and b are weighted, and a line counts if its
    window has a pixel that counts, but not outside the image with mode="ignore". So holes of the
    image are filled by lines over the guide; where the guide is NaN, so is the result.

    The cost hardly grows with the radius. Everything is computed in float64; a variance is the mean
    of squares minus the square of the mean, so eps should be at least 1e-13 of the guide's largest
    square. Scratch grows with radius**2, to 4 MB a thread at a radius of about 64. Source: K. He,
    J. Sun, X. Tang, "Guided image filtering", IEEE Transactions on Pattern Analysis and Machine
    Intelligence 35, 2013.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv import guided
    >>> step = np.array([[11, 9, 10, 12, 91, 88, 90, 89]], np.uint8)
    >>> print(guided(step, step, 1, 100))
    [[10 10 11 13 89 88 89 89]]
    """
    array = check.image(image)
    layout = check.layout(array.ndim, axes, channel_axis)
    by_channel = check.guide(guide, array.shape, layout, guide_channel_axis)
    planes = check.broadcast_guide(by_channel, array.shape, layout)
    return Call(
        guided_operation(radius, eps), array, mode, cval, (layout.y, layout.x), None, dtype, out,
        guide=planes[..., None], nan=nan, weights=weights,
    )  # fmt: skip


@lru_cache(maxsize=64, typed=True)
def guided_operation(radius: Any, eps: Any) -> Operation:
    """Return the operation of the guided filter."""
    return Guided(check.at_least(radius, "radius", 0), check.positive(eps, "eps"))
