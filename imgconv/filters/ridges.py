"""Ridges at several scales, by the eigenvalues of second derivatives."""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from imgconv.core import check
from imgconv.core.call import Several, filtering
from imgconv.core.run import Call
from imgconv.filters.arguments import Image, Mode
from imgconv.filters.planes import by_plane, in_stripes
from imgconv.filters.tensors import positive_scales, second_derivatives
from imgconv.operations.base import pixels
from imgconv.operations.tensors import Tensors

__all__ = ["ridges"]

METHODS = ("frangi", "sato", "meijering")
MEASURES = "it measures the whole image"

# Pixels that are measured at once.
STRIPE = 1 << 18


@filtering
def ridges(
    image: ArrayLike,
    sigmas: float | Sequence[float] = (1, 3, 5, 7, 9),
    method: str = "frangi",
    *,
    black_ridges: bool = True,
    alpha: float | None = None,
    beta: float = 0.5,
    gamma: float | None = None,
    mode: Mode = "reflect",
    cval: float = 0.0,
    axes: tuple[int, int] | None = None,
    channel_axis: int | None = None,
    dtype: DTypeLike | None = None,
    out: Image | None = None,
) -> Several[Image] | Call[Image]:
    """Find lines, such as vessels, of any of several widths.

    Parameters
    ----------
    image : array_like, (H, W)
    sigmas : float or sequence of float
        Standard deviations of the Gaussians in pixels, positive; the largest response counts.
    method : {"frangi", "sato", "meijering"}
        What is made of the eigenvalues l1 and l2 of the second derivatives, |l1| <= |l2|.
    black_ridges : bool
        Whether lines are darker than what is beside them, rather than lighter.
    alpha : float, optional
        Meijering's weight of the other eigenvalue; by default -1/3, which the paper finds best for
        images of two axes. scikit-image has had 1/3 before 0.27. Frangi's alpha has no effect on
        such images.
    beta : float
        Frangi's tolerance of round shapes; positive.
    gamma : float, optional
        Frangi's tolerance of noise, in units of second derivatives; positive. By default half of
        the largest norm at the first of the sigmas, measured in each plane.
    mode, cval, axes, channel_axis, dtype, out : see `imgconv`.

    Returns
    -------
    ndarray of the computing dtype
        Frangi's and Meijering's responses are from 0 to 1, Sato's is in the image's units.

    Raises
    ------
    ValueError
        If there are no sigmas, one is not positive, or beta, gamma or their square is not.

    Notes
    -----
    Frangi: exp(-(l1 / l2)**2 / (2 * beta**2)) * (1 - exp(-(l1**2 + l2**2) / (2 * gamma**2))), 0
    where l2 has the sign of the other kind of line. Sato: sigma**2 * max(l, 0) of the larger l.
    Meijering: max(l2 + alpha * l1, 0), divided by its maximum at each scale. All scales run in one
    pass, after one that measures: the first scale, or with Meijering all of them.

    Away from borders equal to `skimage.filters.frangi`, `sato` and `meijering`. Sources: A. F.
    Frangi and others, "Multiscale vessel enhancement filtering", MICCAI, 1998. Y. Sato and others,
    "Three-dimensional multi-scale line filter", Medical Image Analysis 2, 1998. E. Meijering and
    others, "Design and validation of a tool for neurite tracing and analysis in fluorescence
    microscopy images", Cytometry 58A, 2004.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv import ridges
    >>> image = np.full((9, 9), 100.0)
    >>> image[:, 4] = 0
    >>> print(ridges(image, [1], "sato")[4].round(1))
    [ 0.   0.   0.   3.4 34.8  3.4  0.   0.   0. ]
    """
    array = check.image(image)
    layout = check.layout(array.ndim, axes, channel_axis)
    checked = check.choice(method, METHODS, "method")
    scales = scales_of(sigmas)
    sign = 1.0 if black_ridges else -1.0
    blobness = fall_of(beta, "beta")
    structure = None if gamma is None else fall_of(gamma, "gamma")
    alpha = -1 / 3 if alpha is None else check.finite(alpha, "alpha")
    if checked == "sato":
        sato = ridge_operation(scales, "sato", sign, (), tuple(scale**2 for scale in scales))
        return Call(sato, image, mode, cval, axes, channel_axis, dtype, out)
    if checked == "frangi" and structure is not None:
        known = ridge_operation(scales, "frangi", sign, (blobness, structure))
        return Call(known, image, mode, cval, axes, channel_axis, dtype, out)
    number = blobness if checked == "frangi" else alpha
    unmeasured = ridge_operation(scales, checked, sign, (number,))

    def fill(plane: Image, target: Image) -> None:
        call = Call[Image](unmeasured, plane, mode, cval, out=target)
        call._replace(operation=measured(call)).run()

    wanted = Call[Image](unmeasured, image, mode, cval, axes, channel_axis, dtype, out)
    planned = wanted.plan()
    computed = pixels(array.dtype, 0).float_type

    def runs(image: Image) -> Image:
        size = image.shape[layout.y], image.shape[layout.x]
        return by_plane(image, layout, size, computed, planned.dtype, out, fill)

    note = f"{checked}, by the largest response of each plane"
    return Several(
        array, runs, (wanted._replace(dtype=None, out=None),), array.shape, planned.dtype, note,
        MEASURES, repeatable=out is None,
    )  # fmt: skip


def scales_of(sigmas: Any) -> tuple[float, ...]:
    """Return the standard deviations, at least one, all positive."""
    given = tuple(np.ravel(np.asarray(sigmas, object)))
    if not given:
        raise check.value_error(f"sigmas must be one number at least, got {sigmas!r}")
    return tuple(positive_scales(one, "sigmas")[0] for one in given)


def fall_of(width: Any, name: str) -> float:
    """Return 1 / (2 * width**2), by which the exponent of a Gaussian of this width falls."""
    checked = check.positive(width, name)
    if not has_square(checked):
        raise check.value_error(f"{name} must have a square that is a float, got {width!r}")
    return 0.5 / checked**2


def has_square(width: float) -> bool:
    """Whether the square of a number, and what it divides, is a positive float."""
    return bool(1 / np.finfo(float).max < width * width < np.inf)


def measured(call: Call[Image]) -> Tensors:
    """Return Frangi's or Meijering's operation for a plane, by the largest responses in it."""
    wanted = call.operation
    assert isinstance(wanted, Tensors)

    def largest(number: int, response: str) -> float:
        """Return the largest response at a scale that is a number; 0 if there is none."""
        alone = call._replace(operation=at_scale(wanted, number, response), out=None)
        found = [0.0]
        for _, part in in_stripes(alone, STRIPE):
            found.append(float(np.fmax.reduce(part, axis=None, initial=0)))
        return max(found)

    if wanted.response == "frangi":
        norm = largest(0, "norm")
        structure = 2 / (norm * norm) if norm * norm > 0 else 0.0
        return replace(wanted, numbers=(*wanted.numbers, structure))
    sizes = [largest(number, "meijering") for number in range(len(wanted.scales))]
    return replace(wanted, factors=tuple(1 / size if size > 0 else 1.0 for size in sizes))


@lru_cache(maxsize=64)
def at_scale(operation: Tensors, number: int, response: str) -> Tensors:
    """Return the response at one of the scales of an operation."""
    return replace(operation, scales=(operation.scales[number],), response=response)


@lru_cache(maxsize=64)
def ridge_operation(
    sigmas: tuple[float, ...],
    response: str,
    sign: float,
    numbers: tuple[float, ...],
    factors: tuple[float, ...] | None = None,
) -> Tensors:
    """Return the largest response at some scales, each times its factor.

    A sign of -1 turns light lines into dark ones.
    """
    return Tensors(
        tuple(second_derivatives((sigma, sigma), sign) for sigma in sigmas),
        products=False,
        response=response,
        factors=(1.0,) * len(sigmas) if factors is None else factors,
        numbers=numbers,
    )
