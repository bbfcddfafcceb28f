"""Rows of averages, orders and statistics of pixels that do not count alike."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import oracle
import oracle_missing
from comparing import assert_close
from numpy.typing import NDArray

import imgconv
from cases.base import Other, row_id
from cases.order import RANDOM_FOOTPRINT, disk

Reference = Callable[..., NDArray[Any]]


@lru_cache(maxsize=64)
def weights_of(size: tuple[int, int]) -> NDArray[np.float32]:
    """Return weights for an image of this size: quarters, many of them 0, and all of a corner."""
    y, x = np.ogrid[: size[0], : size[1]]
    weights = ((5 * y + 3 * x + y * x // 4) % 6 / 4).astype(np.float32)
    weights[:6, :7] = 0
    weights.setflags(write=False)
    return weights


@dataclass(frozen=True)
class Weighed(Other):
    """A filter of pixels with weights, which depend on the size of the image alone.

    `expected` is called with an image in float64 and its weights. An order gives pixels exactly.
    """

    selects: bool = False

    def call(self, image: Any, **common: Any) -> Any:
        weights = weights_of(image_size(np.shape(image), **common))
        return self.function(image, **self.arguments, weights=weights, **common)

    def assert_right(self, actual: Any, image: NDArray[Any]) -> None:
        exact = self.expected(image.astype(np.float64), weights=weights_of(image.shape))
        smooths = self.function in (imgconv.gaussian, imgconv.box)
        dtype = np.dtype(image.dtype).newbyteorder("=")
        if not self.selects:
            dtype = oracle.result_dtype(image.dtype, smooths)
        assert actual.dtype == dtype
        if dtype.kind != "f":
            exact = np.nan_to_num(exact)
        scale = float(np.abs(image.astype(float)).max(initial=0))
        if self.selects:
            np.testing.assert_array_equal(actual.astype(np.float64), exact)
        elif dtype.kind == "f":
            rtol = self.ulps * np.finfo(dtype).eps
            assert_close(actual, exact, rtol=rtol, scale=scale, dtype=dtype)
        else:
            # Rounded to nearest, but for ties that rounding decides.
            near = self.ulps * np.finfo(oracle.compute_dtype(image.dtype)).eps * scale
            assert np.abs(actual.astype(float) - exact).max(initial=0) <= 0.5 + near


def image_size(
    shape: tuple[int, ...], axes: Any = None, channel_axis: Any = None, **_: Any
) -> tuple[int, int]:
    """Return the size of the images of an array."""
    if axes is None:
        others = set() if channel_axis is None else {channel_axis % len(shape)}
        axes = [axis for axis in range(len(shape)) if axis not in others]
    y, x = axes
    return shape[y], shape[x]


def correlated(kernel: Any, normalize: bool = True) -> Reference:
    """Return the reference of a mean or a sum under a kernel."""

    def run(image: Any, **how: Any) -> NDArray[Any]:
        found: NDArray[Any] = oracle_missing.correlate(image, kernel, normalize=normalize, **how)
        return found

    return run


def ordered(footprint: Any, place: Callable[[int], int]) -> Reference:
    """Return the reference of an order."""

    def run(image: Any, **how: Any) -> NDArray[Any]:
        found: NDArray[Any] = oracle_missing.order(image, footprint, place, **how)
        return found

    return run


def averages() -> Iterator[Other]:
    """Yield means by each loop that averages, and a sum."""
    kernel = np.array([[1.0, 2, 0], [3, 1, 4]])
    column, row = np.hanning(11)[1:-1], np.array([1.0, 2, 1])
    gaussian = imgconv.kernels.gaussian(1.5)
    for label, function, arguments, reference in (
        ("gaussian", imgconv.gaussian, {"sigma": 1.5}, correlated(np.outer(gaussian, gaussian))),
        ("box", imgconv.box, {"size": (3, 5)}, correlated(np.ones((3, 5)))),
        ("wide-box", imgconv.box, {"size": (19, 4)}, correlated(np.ones((19, 4)))),
        ("correlate", imgconv.correlate, {"kernel": kernel, "normalize": True}, correlated(kernel)),
        ("sum", imgconv.correlate, {"kernel": kernel}, correlated(kernel, False)),
        (
            "separable",
            imgconv.separable,
            {"kernel_y": column, "kernel_x": row, "normalize": True},
            correlated(np.outer(column, row)),
        ),
    ):
        yield Weighed(row_id("missing", label), function, arguments, reference, 64)


def orders() -> Iterator[Other]:
    """Yield orders by networks, histograms, chords, and extremes."""
    full, wide = np.ones((3, 3)), np.ones((15, 13))
    for label, function, arguments, reference in (
        ("median", imgconv.median, {"size": 3}, ordered(full, lambda n: n // 2)),
        ("wide-median", imgconv.median, {"size": (15, 13)}, ordered(wide, lambda n: n // 2)),
        (
            "percentile",
            imgconv.percentile,
            {"percentiles": 30, "footprint": RANDOM_FOOTPRINT},
            ordered(RANDOM_FOOTPRINT, lambda n: min(int(n * 0.3), n - 1)),
        ),
        ("minimum", imgconv.minimum, {"size": 3}, ordered(full, lambda n: 0)),
        (
            "maximum",
            imgconv.maximum,
            {"footprint": disk(4)},
            ordered(disk(4), lambda n: n - 1),
        ),
    ):
        yield Weighed(row_id("missing", label), function, arguments, reference, selects=True)


OTHERS = [*averages(), *orders()]
