"""Rows of `minimum`, `maximum`, `median`, `percentile` and `rank`."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import oracle
from numpy.typing import NDArray
from scipy import ndimage

import imgconv
from cases.base import Filter, Part, Selection, row_id

# ---- windows: arguments and footprint, by name ---------------------------------------------------


def disk(radius: int) -> NDArray[np.bool_]:
    """Return a round footprint."""
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    return y * y + x * x <= radius * radius + 1


RANDOM_FOOTPRINT = np.random.default_rng(3).random((6, 7)) < 0.4
EMPTY_ROWS = np.zeros((5, 6), bool)
EMPTY_ROWS[1, 2:4] = EMPTY_ROWS[3, 0] = True
# On both sides of the sizes at which another algorithm begins: registers, networks, histograms.
SIZES = (1, 2, 3, 5, (4, 6), (1, 9), (8, 1), 7, 15, 23, (40, 3))
FOOTPRINTS: dict[str, Any] = {
    "cross": [[0, 1, 0], [1, 1, 1], [0, 1, 0]],
    "random": RANDOM_FOOTPRINT,
    "empty_rows": EMPTY_ROWS,
    "disk2": disk(2),
    "disk9": disk(9),
}
WINDOWS: dict[str, tuple[dict[str, Any], NDArray[np.bool_]]] = {
    **{row_id(size): ({"size": size}, np.ones(np.broadcast_to(size, 2), bool)) for size in SIZES},
    **{name: ({"footprint": f}, np.array(f, bool)) for name, f in FOOTPRINTS.items()},
}


def selection(
    name: str,
    function: Any,
    arguments: dict[str, Any],
    footprint: NDArray[np.bool_],
    library: Filter | None,
    select: Filter,
    stacked: int = 0,
) -> Selection:
    """Return the row of a filter whose results are pixels under a footprint."""
    return Selection(
        id=name,
        function=function,
        arguments=arguments,
        library=library,
        parts=(Part(footprint.astype(float)),),
        smooths=True,
        select=select,
        stacked=stacked,
    )


def scipy_filter(
    name: str,
    footprint: NDArray[np.bool_],
    image: NDArray[Any],
    mode: str,
    cval: float,
    *arguments: Any,
) -> NDArray[Any]:
    """Return the result of scipy.ndimage's filter, which takes no float16."""
    wide = image.astype(np.float32) if image.dtype == np.float16 else image
    library = getattr(ndimage, name)
    return library(wide, *arguments, footprint=footprint, mode=mode, cval=cval).astype(image.dtype)


def scipy_percentiles(
    footprint: NDArray[np.bool_], percentiles: Any, image: NDArray[Any], mode: str, cval: float
) -> NDArray[Any]:
    """Return SciPy's pixels of one percentile, or of several along a new axis."""
    one = partial(scipy_filter, "percentile_filter", footprint, image, mode, cval)
    return np.stack([one(p) for p in percentiles]) if np.ndim(percentiles) else one(percentiles)


def ranked(
    footprint: NDArray[np.bool_], places: Any, image: NDArray[Any], mode: str, cval: float
) -> NDArray[Any]:
    """Return the pixels of one place in the order by definition, or of several places stacked."""
    before = tuple(n // 2 for n in footprint.shape)
    if np.ndim(places):
        return np.stack([ranked(footprint, place, image, mode, cval) for place in places])
    return oracle.rank(image, footprint, before, places, mode, cval)


# ---- rows ----------------------------------------------------------------------------------------


def extremum_and_median_cases() -> Iterator[Selection]:
    """Yield minimum, maximum and median of all windows."""
    for label, (arguments, footprint) in WINDOWS.items():
        n = np.count_nonzero(footprint)
        for name, place in (("minimum", 0), ("maximum", n - 1), ("median", n // 2)):
            yield selection(
                f"{name}-{label}",
                getattr(imgconv, name),
                arguments,
                footprint,
                partial(scipy_filter, f"{name}_filter", footprint),
                partial(ranked, footprint, place),
            )


def percentile_cases() -> Iterator[Selection]:
    """Yield single percentiles and several at once."""
    for label, percentiles in [("5", 25), ("(4,6)", [10, 50, 90]), ("23", (5, 95)),
                               ("random", 100), ("disk9", [0, 70, 100])]:  # fmt: skip
        arguments, footprint = WINDOWS[label]
        n = np.count_nonzero(footprint)
        places = np.minimum(n - 1, n * np.array(percentiles) // 100).tolist()
        yield selection(
            row_id("percentile", label, percentiles),
            imgconv.percentile,
            arguments | {"percentiles": percentiles},
            footprint,
            partial(scipy_percentiles, footprint, percentiles),
            partial(ranked, footprint, places),
            stacked=np.size(percentiles) if np.ndim(percentiles) else 0,
        )


def rank_cases() -> Iterator[Selection]:
    """Yield places counted from the smallest and from the largest pixel."""
    for label, place in (("3", 1), ("(4,6)", -3), ("23", 100), ("disk2", 0), ("disk9", -1)):
        arguments, footprint = WINDOWS[label]
        yield selection(
            f"rank-{label}-{place}",
            imgconv.rank,
            arguments | {"rank": place},
            footprint,
            lambda image, mode, cval, footprint=footprint, place=place: scipy_filter(
                "rank_filter", footprint, image, mode, cval, place
            ),
            partial(ranked, footprint, place % np.count_nonzero(footprint)),
        )


CASES = [*extremum_and_median_cases(), *percentile_cases(), *rank_cases()]
