"""Filters that take away noise and keep edges.

Every function takes the common keywords of `imgconv`: mode, cval, axes, channel_axis, dtype, out.
"""

from functools import lru_cache
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from imgconv.core import check
from imgconv.core.call import Call, filtering
from imgconv.filters.arguments import Image, Mode
from imgconv.operations.base import Operation
from imgconv.operations.bilateral import Bilateral
from imgconv.operations.guided import Guided

__all__ = ["bilateral", "guided", "joint_bilateral"]

# A standard deviation is worked out in pieces of this many pixels.
PIECE = 1 << 16


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
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: Image | None = None,
) -> Call[Image]:
    """Smooth an image, but not across edges: the mean of the pixels nearby that look alike.

    Parameters
    ----------
    image : array_like, (H, W)
        Any real dtype; more axes with `channel_axis` or `axes`. Channels are filtered together: a
        pixel has one weight for all of them.
    win_size : int, optional
        Height and width of the window, odd; max(5, 2 * ceil(3 * sigma_spatial) + 1) if not given.
    sigma_color : float, optional
        Standard deviation of the weights over the distance of colours, in the image's units. If not
        given, the standard deviation of the image's finite pixels (in a stack, of each image).
    sigma_spatial : float
        Standard deviation of the weights over the distance in pixels.
    window : {"square", "disk"}
        "disk" leaves out what is farther away than win_size // 2, as OpenCV does.
    metric : {"l2", "l1"}
        The distance of two colours: Euclid's, or the sum over the channels, as in OpenCV.
    mode, cval, axes, channel_axis, dtype, out
        See `imgconv`, common keywords.

    Returns
    -------
    ndarray
        Of the image's dtype (float32 for bool), rounded to nearest.

    Raises
    ------
    ValueError
        If win_size is not positive and odd, a sigma not positive and finite, or window or metric
        not one of those above.

    Notes
    -----
    out[p] = sum over q of w(p, q) image[q] / sum over q of w(p, q), where w(p, q) is
    exp(-|q - p|**2 / (2 sigma_spatial**2) - |image[q] - image[p]|**2 / (2 sigma_color**2)).

    The weights are right to 1e-7 (2e-16 where float64 is computed in). About 10 operations for each
    pair of pixels, which has one weight; window**2 / 2 pairs a pixel. A NaN or an infinity spoils
    the windows that hold it. Source: C. Tomasi, R. Manduchi, "Bilateral filtering for gray and
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
    return joint(image, None, win_size, sigma_color, sigma_spatial, window, metric, mode, cval,
                 axes, channel_axis, None, dtype, out)  # fmt: skip


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
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: Image | None = None,
) -> Call[Image]:
    """Smooth an image, but not across the edges of another, the guide.

    Parameters
    ----------
    image : array_like, (H, W)
        Any real dtype; more axes with `channel_axis` or `axes`.
    guide : array_like, (H, W)
        The image whose pixels are compared, of any real dtype: of the image's size, with channels
        of its own or none.
    win_size, sigma_color, sigma_spatial, window, metric
        See `bilateral`; sigma_color is in the guide's units, and worked out from it if not given.
    guide_channel_axis : int, optional
        The axis of the guide's channels. If not given, it is `channel_axis` where the guide has as
        many axes as the image; a guide with one axis less has no channels.
    mode, cval, axes, channel_axis, dtype, out
        See `imgconv`, common keywords; mode and cval stand for the guide, too.

    Returns
    -------
    ndarray
        Of the image's dtype (float32 for bool), rounded to nearest.

    Raises
    ------
    ValueError
        As `bilateral`, or if the guide's size is not the image's.

    Notes
    -----
    `bilateral` with |guide[q] - guide[p]| in the place of |image[q] - image[p]|. If either has a
    dtype that is computed in float64, both are. Source: G. Petschnigg et al., "Digital photography
    with flash and no-flash image pairs", ACM Transactions on Graphics 23, 2004.

    Examples
    --------
    The guide has an edge where the image has none to see:

    >>> import numpy as np
    >>> from imgconv import joint_bilateral
    >>> noise = np.array([[3.0, 5, 4, 4, 6, 5, 4, 5]])
    >>> edge = np.array([[0, 0, 0, 0, 9, 9, 9, 9]])
    >>> print(joint_bilateral(noise, edge, sigma_color=1, sigma_spatial=9).round(1))
    [[4. 4. 4. 4. 5. 5. 5. 5.]]
    """
    return joint(image, guide, win_size, sigma_color, sigma_spatial, window, metric, mode, cval,
                 axes, channel_axis, guide_channel_axis, dtype, out)  # fmt: skip


def joint(image: Any, guide: Any, win_size: Any, sigma_color: Any, sigma_spatial: Any, window: Any,
          metric: Any, mode: Any, cval: Any, axes: Any, channel_axis: Any, guide_channel_axis: Any,
          dtype: Any, out: Any) -> Any:  # fmt: skip
    """Filter an image by weights that come from it, or from a guide."""
    array = check.image(image)
    axes, channel_axis = check.axis_numbers(axes, channel_axis)
    layout = check.layout(array.ndim, axes, channel_axis)
    leader = given = check.by_channel(array, layout)
    if guide is None:
        given = given[..., :0]
    else:
        leader = given = check.guide(guide, array.shape, layout, guide_channel_axis)
    if sigma_color is None:
        spread = deviations(leader, (*check.without_channel(layout), leader.ndim - 1))
    else:
        spread = (check.positive(sigma_color, "sigma_color"),)
    operation = alike(win_size, spread, sigma_color is None, sigma_spatial, window, metric)
    return Call(operation, array, mode, cval, axes, channel_axis, dtype, out, guide=given)


# Weights of a window; an image of 4096 x 4096 takes hours with so many.
MOST_WEIGHTS = 1 << 20


@lru_cache(maxsize=64, typed=True)
def alike(
    win_size: Any, sigmas: Any, measured: bool, sigma_spatial: Any, window: Any, metric: Any
) -> Operation:
    """Return the mean of the pixels that look alike."""
    spatial = check.positive(sigma_spatial, "sigma_spatial")
    if win_size is None:
        check.weights_fit(36 * spatial**2, "sigma_spatial", spatial, MOST_WEIGHTS)
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


def deviations(stack: Image, image_axes: tuple[int, ...]) -> tuple[float, ...]:
    """Return the standard deviation of the finite pixels of each image of a stack.

    Where there is none, or it is zero, any other will do: it is 1.
    """
    count = len(image_axes)
    images = np.moveaxis(stack, image_axes, range(-count, 0))
    shape = images.shape[: images.ndim - count]
    return tuple(deviation(images[index]) or 1.0 for index in np.ndindex(shape))


def deviation(image: Image) -> float:
    """Return the standard deviation of the finite pixels.

    Piece by piece, by the update of T. F. Chan, G. H. Golub, R. J. LeVeque, 1979.
    """
    count, mean, squares = 0, 0.0, 0.0
    rows = max(1, PIECE // max(1, image[:1].size))
    with np.errstate(over="ignore", invalid="ignore"):
        for top in range(0, len(image), rows):
            piece = image[top : top + rows].astype(np.float64, order="C")
            piece = piece[np.isfinite(piece)]
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
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: Image | None = None,
) -> Call[Image]:
    """Smooth an image along the edges of a guide: in every window a straight line over the guide.

    Parameters
    ----------
    image : array_like, (H, W)
        Any real dtype; more axes with `channel_axis` or `axes`. Each channel is filtered by itself.
    guide : array_like, (H, W)
        Of the image's size and any real dtype; it may be the image itself. One channel guides all
        channels of the image; as many as the image has guide one each.
    radius : int
        The windows are squares of 2 * radius + 1 pixels.
    eps : float
        Positive: the variance of the guide, in its units, above which an edge is kept.
    guide_channel_axis : int, optional
        The axis of the guide's channels. If not given, it is `channel_axis` where the guide has as
        many axes as the image; a guide with one axis less has no channels.
    mode, cval, axes, channel_axis, dtype, out
        See `imgconv`, common keywords; mode and cval stand for the guide, too.

    Returns
    -------
    ndarray
        Of the image's dtype (float32 for bool), rounded to nearest.

    Raises
    ------
    ValueError
        If radius is negative, eps not positive and finite, or the guide's size or number of
        channels not one of those above.

    Notes
    -----
    With means over the windows, a = covariance(guide, image) / (variance(guide) + eps) and
    b = mean(image) - a * mean(guide); the result is mean(a) * guide + mean(b). It depends on
    4 * radius + 1 pixels in both directions; image and guide are extended once, before all means.

    The cost hardly grows with the radius. All is computed in float64; a variance is the mean of
    squares less the square of the mean, so that eps should not be below 1e-13 of the guide's
    largest square. Scratch grows with radius**2, to 4 MB a thread at about 64. Source: K. He,
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
    axes, channel_axis = check.axis_numbers(axes, channel_axis)
    layout = check.layout(array.ndim, axes, channel_axis)
    leader = check.guide(guide, array.shape, layout, guide_channel_axis)
    leader = check.broadcast_guide(leader, array.shape, layout)
    return Call(lines(radius, eps), array, mode, cval, (layout.y, layout.x), None, dtype, out,
                guide=leader[..., None])  # fmt: skip


@lru_cache(maxsize=64, typed=True)
def lines(radius: Any, eps: Any) -> Operation:
    """Return the guided filter."""
    return Guided(check.at_least(radius, "radius", 0), check.positive(eps, "eps"))
