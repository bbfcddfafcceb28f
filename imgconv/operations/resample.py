"""A Gaussian by resampling: decimate, filter the few pixels that are left, interpolate.

A wide Gaussian leaves so little detail that it can be computed on a coarse grid. A B-spline
averages the pixels around every factor-th one; a short kernel smooths these averages; the same
B-spline interpolates between them. The variances of the three add up, so that of the short kernel
is sigma**2 minus those of the two splines.

Source: the application gaussian_blur of Halide (github.com/halide/Halide), which explains the
variances. The factors here are smaller, so that the error stays below that of truncating a Gaussian
at 4 sigma.
"""

from dataclasses import dataclass

import numpy as np

from imgconv import kernels
from imgconv.core.cache import cached_property
from imgconv.operations import base
from imgconv.operations.base import Axis, DType, Operation, Packed, Records, Weights

# A spline of four boxes reaches four cells. With factors up to a quarter of sigma, the difference
# to the direct result is at most 1e-4 of the range of the pixels, for any image. Three boxes would
# need factors that are a third smaller, which costs more than the fourth box.
ORDER = 4
LARGEST_FACTOR = 1 / 4

# The time of a multiply-add, relative to one of the direct method: sums go through memory, and
# pixels are picked from rows. Measured from 16x16 to 2048x2048 pixels, with one and three channels.
# With this factor the chosen method is never the slower one, except for some microseconds on the
# smallest images.
RELATIVE_COST = 3

# The error is computed for at most this number of pixels of a cell.
SAMPLED = 256

# `Side` and `Grid` in pyx/resample.pyx.
SIDE = base.struct("factor", "order", "taps", "weights")
GRID = np.dtype([("y", SIDE), ("x", SIDE), ("step", "p")], align=True)


@dataclass(frozen=True, eq=False)
class Side:
    """The Gaussian along one axis, on a grid of every factor-th pixel.

    Attributes
    ----------
    sigma : float
        Standard deviation in pixels.
    factor, order : int
        Pixels of a cell; boxes of the spline that averages and interpolates. Both are 1 for an axis
        that is not resampled.
    spline : ndarray, (order * factor,)
        The weights of the pixels that are averaged.
    kernel : ndarray, (2 * r + 1,)
        The weights of the grid points.
    """

    sigma: float
    factor: int
    order: int
    spline: Weights
    kernel: Weights

    @staticmethod
    def of(sigma: float) -> "Side":
        """Return the side for sigma, with the largest factor for which the error is small."""
        factor = max(1, int(sigma * LARGEST_FACTOR))
        order = ORDER if factor > 1 else 1
        spline = b_spline(factor, order)
        rest = np.sqrt(sigma**2 - 2 * variance(spline)) / factor
        return Side(sigma, factor, order, spline, kernels.gaussian(rest))

    @cached_property
    def up(self) -> Weights:
        """The weights by which grid points are added to the pixels of a cell: (factor, order)."""
        return np.ascontiguousarray(self.factor * self.spline.reshape(self.order, -1)[::-1].T)

    @property
    def reach(self) -> int:
        """The number of pixels on either side that a result may depend on."""
        return (self.order + len(self.kernel) // 2) * self.factor - 1

    @cached_property
    def point(self) -> Weights:
        """The weights of the pixels that a smoothed grid point depends on."""
        found = np.zeros((len(self.kernel) - 1) * self.factor + len(self.spline))
        for k, weight in enumerate(self.kernel):
            first = k * self.factor
            found[first : first + len(self.spline)] += weight * self.spline
        return found

    def response(self, p: int) -> Weights:
        """Return the kernel that pixel p of a cell is filtered with, all steps together.

        It has 2 * reach + 1 weights, with the pixel in the middle, as the window of the operation.
        """
        found = np.zeros(2 * self.reach + 1)
        for j, weight in enumerate(self.up[p]):
            first = self.factor * (1 + j) - 1 - p
            found[first : first + len(self.point)] += weight * self.point
        return found

    @cached_property
    def error(self) -> float:
        """The sum of absolute differences to the direct kernel, for the worst pixel of a cell.

        In a large cell only some pixels are tested, since neighbours hardly differ.
        """
        exact = kernels.gaussian(self.sigma)
        inside = slice(self.reach - len(exact) // 2, self.reach + len(exact) // 2 + 1)
        worst = 0.0
        for p in range(0, self.factor, -(-self.factor // SAMPLED)):
            difference = self.response(p)
            difference[inside] -= exact
            worst = max(worst, float(np.abs(difference).sum()))
        return worst


def b_spline(factor: int, order: int) -> Weights:
    """Return `order` boxes of `factor` pixels and `order` - 1 of two, convolved with each other."""
    spline = np.ones(1)
    for size in [factor] * order + [2] * (order - 1):
        spline = np.convolve(spline, np.full(size, 1 / size))
    return spline


def variance(kernel: Weights) -> float:
    """Return the variance of a symmetric kernel."""
    x = np.arange(len(kernel)) - (len(kernel) - 1) / 2
    return float(kernel @ x**2)


@dataclass(frozen=True, eq=False)
class Resample(Operation):
    """A Gaussian of order 0 on a coarse grid, along y and along x."""

    sides: tuple[Side, Side]
    loop = "resample"
    smooths = True
    placeable = False

    @property
    def error(self) -> float:
        """A bound of the difference to the direct result, relative to the range of the pixels.

        It is half the sum of absolute differences of the 2-D kernels, which the errors of the two
        axes bound.
        """
        y, x = (side.error for side in self.sides)
        return (y + x + y * x) / 2

    @property
    def windows(self) -> tuple[Axis, Axis]:
        """All that any pixel of a cell depends on."""
        y, x = (Axis(side.reach, 2 * side.reach + 1) for side in self.sides)
        return y, x

    @property
    def cost(self) -> float:
        """To decimate, to filter and to interpolate, for each pixel."""
        y, x = self.sides
        decimate = y.order + x.order * x.factor / y.factor
        smooth = (len(y.kernel) + len(x.kernel)) / (y.factor * x.factor)
        return RELATIVE_COST * (decimate + smooth + x.order / y.factor + y.order)

    @property
    def block(self) -> int:
        """The rows of a cell, since bands must begin with a cell."""
        return self.sides[0].factor

    @property
    def grid(self) -> tuple[int, int]:
        """The cells."""
        return self.sides[0].factor, self.sides[1].factor

    @property
    def kept_rows(self) -> float:
        """The wide rows and the low rows that the loop keeps."""
        y, x = self.sides
        return 2 * y.order + x.order + 11 + (len(y.kernel) + 8) / x.factor

    @property
    def note(self) -> str:
        """Factors, taps and error."""
        y, x = self.sides
        return (
            f"resample to every {y.factor} x {x.factor} pixels, smooth these with {len(y.kernel)} "
            f"x {len(x.kernel)} taps; off by up to {self.error:.1e} of the pixels' range"
        )

    def pack(self, step: int, computed: DType) -> Packed:
        """Return both sides and the step; the weights of both sides."""
        sides: Records = []
        weights: list[Weights] = []
        for side in self.sides:
            first = sum(map(len, weights))
            sides.append(
                base.record(
                    SIDE,
                    factor=side.factor,
                    order=side.order,
                    taps=len(side.kernel),
                    weights=first,
                )
            )
            weights += [side.spline, side.up.ravel(), side.kernel]
        y, x = sides
        return [base.record(GRID, y=y, x=x, step=step)], np.concatenate(weights)


def resampled_gaussian(sigma: tuple[float, float]) -> Resample | None:
    """Return the Gaussian on a coarse grid, or None where no axis is smooth enough for one."""
    y, x = (Side.of(one) for one in sigma)
    return Resample((y, x)) if max(y.factor, x.factor) > 1 else None
