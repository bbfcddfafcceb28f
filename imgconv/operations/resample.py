"""A Gaussian by resampling: decimate, filter the few pixels that are left, interpolate.

A Gaussian of many pixels leaves so little detail that it can be computed on a coarse grid. Pixels
are averaged down to every factor-th one, with a B-spline; a short kernel smooths what is left; and
the same B-spline interpolates between. All three widen: their variances add up, so the short kernel
has what the two splines leave of sigma**2.

Source: the application gaussian_blur of Halide (github.com/halide/Halide), which explains where the
variances go. Here the factors are smaller, so that the error stays below that of cutting a Gaussian
at 4 sigma.
"""

from dataclasses import dataclass

import numpy as np

from imgconv import kernels
from imgconv.core.cache import cached_property
from imgconv.operations.base import Axis, Operation, Records, Weights, record, struct

# A spline of four boxes reaches four cells. With factors up to a quarter of sigma the result is
# within 1e-4 of the pixels' range of the direct one, whatever the image. Three boxes would need
# factors a third smaller, which costs more than the fourth box does.
ORDER = 4
LARGEST_FACTOR = 1 / 4

# What a multiply-add takes, in those of the direct way: sums that go through memory, rows that are
# converted and picked apart. Measured from 16x16 to 2048x2048 pixels, one channel and three: never
# slower than the direct way where this says so, but for some microseconds on the smallest images.
DEARER = 3

# Pixels of a cell whose error is computed.
PHASES = 256

# `Side` and `Grid` in pyx/resample.pyx.
SIDE = struct("factor", "order", "taps", "weights")
GRID = np.dtype([("y", SIDE), ("x", SIDE), ("step", "p")], align=True)


@dataclass(frozen=True, eq=False)
class Side:
    """The Gaussian along one axis, on a grid of every factor-th pixel.

    Attributes
    ----------
    sigma : float
        Standard deviation in pixels.
    factor, order : int
        Pixels of a cell, and the boxes of the spline that averages and interpolates them; 1 and 1
        for an axis that is not resampled.
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
        """Return the largest factor that keeps the error small."""
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
        """Pixels that a result may depend on, at either side."""
        return (self.order + len(self.kernel) // 2) * self.factor - 1

    @cached_property
    def point(self) -> Weights:
        """The weights of the pixels from which a grid point is made, smoothing included."""
        found = np.zeros((len(self.kernel) - 1) * self.factor + len(self.spline))
        for k, weight in enumerate(self.kernel):
            first = k * self.factor
            found[first : first + len(self.spline)] += weight * self.spline
        return found

    def response(self, p: int) -> Weights:
        """Return the kernel that all of this comes to for pixel p of a cell.

        It is as wide as the pixel's window in the Job, 2 * reach + 1, the pixel in the middle.
        """
        found = np.zeros(2 * self.reach + 1)
        for j, weight in enumerate(self.up[p]):
            first = self.factor * (1 + j) - 1 - p
            found[first : first + len(self.point)] += weight * self.point
        return found

    def responses(self) -> Weights:
        """Return the kernels of all pixels of a cell."""
        return np.stack([self.response(p) for p in range(self.factor)])

    @cached_property
    def error(self) -> float:
        """The sum of |differences| to the kernel of the direct way, for the worst pixel.

        Neighbours in a large cell hardly differ: of these some are looked at.
        """
        exact = kernels.gaussian(self.sigma)
        inside = slice(self.reach - len(exact) // 2, self.reach + len(exact) // 2 + 1)
        worst = 0.0
        for p in range(0, self.factor, -(-self.factor // PHASES)):
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
    """Return the variance of a kernel that is symmetric."""
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
        """The largest difference to the direct result, as a share of the pixels' range.

        A bound: half the sum of |differences| of the two-dimensional kernels, which is at most what
        those of the two axes add up to.
        """
        y, x = (side.error for side in self.sides)
        return (y + x + y * x) / 2

    @property
    def windows(self) -> tuple[Axis, Axis]:
        """What the worst pixel of a cell depends on, at both sides."""
        y, x = (Axis(side.reach, 2 * side.reach + 1) for side in self.sides)
        return y, x

    @property
    def cost(self) -> float:
        """What it takes for each pixel to decimate, to filter and to interpolate."""
        y, x = self.sides
        decimate = y.order + x.order * x.factor / y.factor
        smooth = (len(y.kernel) + len(x.kernel)) / (y.factor * x.factor)
        return DEARER * (decimate + smooth + x.order / y.factor + y.order)

    @property
    def block(self) -> int:
        """A cell: bands begin with one."""
        return self.sides[0].factor

    @property
    def grid(self) -> tuple[int, int]:
        """The cells."""
        return self.sides[0].factor, self.sides[1].factor

    @property
    def held(self) -> float:
        """Rows of a strip that the loop keeps: wide ones, and low ones."""
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

    def pack(self, step: int, computed: np.dtype) -> tuple[Records, Weights]:
        """Return factor, order, taps and first weight of both sides, and the step; the weights."""
        sides: Records = []
        weights: list[Weights] = []
        for side in self.sides:
            first = sum(map(len, weights))
            sides.append(
                record(
                    SIDE,
                    factor=side.factor,
                    order=side.order,
                    taps=len(side.kernel),
                    weights=first,
                )
            )
            weights += [side.spline, side.up.ravel(), side.kernel]
        y, x = sides
        return [record(GRID, y=y, x=x, step=step)], np.concatenate(weights)


def resampled_gaussian(sigma: tuple[float, float]) -> Resample | None:
    """Return the Gaussian on a coarse grid, or None where no axis is smooth enough for one."""
    y, x = (Side.of(one) for one in sigma)
    return Resample((y, x)) if max(y.factor, x.factor) > 1 else None
