"""Rows of erosion, dilation and what is made of them."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import oracle
from numpy.typing import NDArray
from scipy import signal

import imgconv
from cases.base import Part, Selection
from cases.order import WINDOWS, scipy_filter, selection

SCIPY_MORPHOLOGY = {
    "erode": "grey_erosion",
    "dilate": "grey_dilation",
    "opening": "grey_opening",
    "closing": "grey_closing",
    "morphological_gradient": "morphological_gradient",
    "white_tophat": "white_tophat",
    "black_tophat": "black_tophat",
}


def extended_once(
    function: Callable[[NDArray[Any]], Any],
    footprint: NDArray[np.bool_],
    image: NDArray[Any],
    mode: str,
    cval: float,
) -> Any:
    """Return a filter of an image that is extended first, by all that two passes may look at."""
    margin = tuple(2 * n for n in footprint.shape)
    extended = oracle.extend_pixels(image, margin, margin, mode, cval)
    result = function(extended)
    return result[margin[0] : -margin[0], margin[1] : -margin[1]]


def morphology(
    name: str, footprint: NDArray[np.bool_], image: NDArray[Any], mode: str, cval: float
) -> Any:
    """Return the result by definition; the border extends the image once."""
    centre = tuple(n // 2 for n in footprint.shape)
    flipped_centre = tuple((n - 1) // 2 for n in footprint.shape)

    def erode(image: NDArray[Any]) -> NDArray[Any]:
        return oracle.rank(image, footprint, centre, 0)

    def dilate(image: NDArray[Any]) -> NDArray[Any]:
        return oracle.rank(image, footprint[::-1, ::-1], flipped_centre, -1)

    definition = {
        "erode": erode,
        "dilate": dilate,
        "opening": lambda image: dilate(erode(image)),
        "closing": lambda image: erode(dilate(image)),
        "morphological_gradient": lambda image: oracle.difference(dilate(image), erode(image)),
        "white_tophat": lambda image: oracle.difference(image, dilate(erode(image))),
        "black_tophat": lambda image: oracle.difference(erode(dilate(image)), image),
    }[name]
    return extended_once(definition, footprint, image, mode, cval)


def scipy_morphology(
    name: str, footprint: NDArray[np.bool_], image: NDArray[Any], mode: str, cval: float
) -> Any:
    """Return SciPy's result for an extended image; SciPy itself extends between two passes."""
    library = partial(scipy_filter, SCIPY_MORPHOLOGY[name], footprint, mode="reflect", cval=0)
    return extended_once(library, footprint, image, mode, cval)


def reach(name: str, footprint: NDArray[np.bool_]) -> Part:
    """Return the part that shows where a result depends on the image."""
    ones = footprint.astype(float)
    if name in ("erode", "dilate"):
        return Part(ones, flipped=name == "dilate")
    if name == "morphological_gradient":
        return Part(with_flipped(ones))
    return Part(signal.convolve2d(ones, ones[::-1, ::-1]))


def with_flipped(ones: NDArray[Any]) -> NDArray[Any]:
    """Return where a footprint or the flipped footprint has a pixel, both about their centres."""
    result = np.zeros([2 * n + 1 for n in ones.shape])
    middle = [n // 2 for n in result.shape]
    for pixels, centre in (
        (ones, [n // 2 for n in ones.shape]),
        (ones[::-1, ::-1], [(n - 1) // 2 for n in ones.shape]),
    ):
        top, left = (m - c for m, c in zip(middle, centre, strict=True))
        result[top : top + ones.shape[0], left : left + ones.shape[1]] += pixels
    return result


def morphology_cases() -> Iterator[Selection]:
    """Yield morphology with symmetric, even and asymmetric elements."""
    for label in ("3", "2", "(4,6)", "15", "cross", "random", "disk9"):
        arguments, footprint = WINDOWS[label]
        for name in SCIPY_MORPHOLOGY:
            row = selection(
                f"{name}-{label}",
                getattr(imgconv, name),
                arguments,
                footprint,
                partial(scipy_morphology, name, footprint),
                partial(morphology, name, footprint),
            )
            yield replace(row, parts=(reach(name, footprint),))


CASES = [*morphology_cases()]
