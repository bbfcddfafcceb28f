"""Rows of `variance`, `std` and of `box` with a footprint."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import oracle
from numpy.typing import NDArray
from scipy import ndimage

import imgconv
from cases.base import ULPS, Case, largest_pixel, row_id
from cases.order import FOOTPRINTS, disk

ROUND = {name: FOOTPRINTS[name] for name in ("cross", "random", "empty_rows", "disk2")}
ROUND["disk9"] = disk(9)


@dataclass(frozen=True)
class StatisticPart:
    """What the reference implementation makes of the pixels of a window."""

    reference: Callable[..., NDArray[Any]]
    footprint: NDArray[np.bool_]
    options: dict[str, Any]
    gain: float = 1.0

    @property
    def kernel(self) -> NDArray[Any]:
        """The pixels of the window."""
        return self.footprint.astype(float)

    @property
    def window(self) -> tuple[int, ...]:
        return self.footprint.shape

    def __call__(self, image: Any, mode: str, cval: float) -> NDArray[Any]:
        return self.reference(image, self.footprint, **self.options, mode=mode, cval=cval)


# Variances are as large as squares of pixels, which are up to so many times a pixel.
LARGEST = 500.0


@dataclass(frozen=True)
class Spread(Case):
    """A variance, or its root, of sums in float64.

    The pixels of a cell share the number that is subtracted from all, and so some rounding.
    """

    @property
    def by_tiles(self) -> bool:
        return True

    def tolerances(self, exact: tuple[Any, ...], image: NDArray[Any], cval: float) -> Any:
        eps = np.finfo(np.float64).eps
        squared = ULPS * eps * (2 * largest_pixel(image, cval)) ** 2
        if self.function is imgconv.variance:
            return (squared,)
        # How far the root of a variance is off that is itself off by so much.
        low, high = (np.sqrt(np.maximum(exact[0] ** 2 + d, 0)) for d in (-squared, squared))
        return (np.maximum(exact[0] - low, high - exact[0]),)


def generic(
    function: Callable[[Any], Any], footprint: NDArray[np.bool_]
) -> Callable[[Any, str, float], NDArray[Any]]:
    """Return SciPy's filter that calls a function for each window, in float64."""

    def call(image: Any, mode: str, cval: float) -> NDArray[Any]:
        wide = image.astype(np.float64)
        found: NDArray[Any] = ndimage.generic_filter(
            wide, function, footprint=footprint, mode=mode, cval=cval
        )
        return found

    return call


def spread_cases() -> Iterator[Case]:
    """Yield rectangles on both sides of the heights of a group, and footprints."""
    windows: dict[str, tuple[dict[str, Any], NDArray[np.bool_]]] = {
        row_id(size): ({"size": size}, np.ones(np.broadcast_to(size, 2), bool))
        for size in (1, 2, 3, (4, 6), (1, 9), (8, 1), 15, (33, 5), (40, 70))
    }
    windows |= {name: ({"footprint": f}, np.array(f, bool)) for name, f in ROUND.items()}
    for label, (arguments, footprint) in windows.items():
        for function, ddof in ((imgconv.variance, 0), (imgconv.std, 0), (imgconv.variance, 0.5)):
            library = None
            if footprint.size < 40:
                statistic = np.std if function is imgconv.std else np.var
                library = generic(partial(statistic, ddof=ddof), footprint)
            yield Spread(
                id=row_id(function.__name__, label, *([ddof] if ddof else [])),
                function=function,
                arguments=arguments | ({"ddof": ddof} if ddof else {}),
                library=library,
                parts=(
                    StatisticPart(
                        getattr(oracle, function.__name__), footprint, {"ddof": ddof}, LARGEST
                    ),
                ),
            )


def mean_cases() -> Iterator[Case]:
    """Yield means over footprints."""
    for label, pixels in ROUND.items():
        footprint = np.array(pixels, bool)
        yield Case(
            id=row_id("box", label),
            function=imgconv.box,
            arguments={"footprint": footprint},
            library=generic(np.mean, footprint) if footprint.size < 40 else None,
            parts=(StatisticPart(oracle.mean, footprint, {}),),
            smooths=True,
        )


CASES = [*spread_cases(), *mean_cases()]
