"""Tensors of 2 x 2 numbers at each pixel, and what is made of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgconv.core.cache import cached_property
from imgconv.core.pixels import contiguous
from imgconv.core.run import run_entry
from imgconv.operations import base
from imgconv.operations.base import Axis, DType, Operation, Packed, Pixels, Weights
from imgconv.operations.separable import HORIZONTAL, TALL, VERTICAL, Kernel1D, Term

# In the order of `Response` in pyx/tensors.pyx.
RESPONSES = (
    *("tensor", "eigenvalues", "orientation", "coherence", "norm"),
    *("harris", "shi_tomasi", "sato", "frangi", "meijering"),
)
STACKED = {"tensor": 3, "eigenvalues": 2}

# `Tensor` in pyx/tensors.pyx.
TENSOR = base.struct("products", "response", "scales")

# The parts of a tensor: yy, yx, xx.
PARTS = 3

# The taps at both ends of a kernel that add up to less than this part of it are left out, since
# they change no bit of a sum in the computing dtype.
NEGLIGIBLE = {base.FLOAT32: 2.0**-28, base.FLOAT64: 2.0**-56}

# Tensors of an array that are combined at once.
PIECE = 1 << 18

# Rows of a block of products: each block computes those under its first windows again, and has all
# in the L2 cache. Harris at sigma 1 takes 46, 43, 55 and 52 ms with 8, 16, 24 and 32 rows.
HIGH = 16

# The terms of a scale.
Parts = tuple[Term, Term, Term]

# Operations a pixel: roots, arctangents, exponentials.
RESPONSE_COST = {"tensor": 0, "orientation": 80, "frangi": 80}


@dataclass(frozen=True, eq=False)
class Tensors(Operation):
    """Tensors at one scale or several, and the response to them; of several, the largest.

    Each scale has a term for yy, yx and xx, and a factor. With `products`, the terms smooth the
    products of Sobel's derivatives; else they are second derivatives of the image. `numbers` are
    up to two constants of the response.
    """

    scales: tuple[Parts, ...]
    products: bool
    response: str
    factors: tuple[float, ...] = (1.0,)
    numbers: tuple[float, ...] = ()
    loop = "tensors"
    takes_points = True

    @property
    def stacked(self) -> int:
        """Three parts, two eigenvalues, or one image."""
        return STACKED.get(self.response, 0)

    @property
    def block(self) -> int:
        """The rows of a tile, twice as many where kernels are high; of products, HIGH."""
        if self.products:
            return HIGH
        return 8 if max(len(column.weights) for column, _ in self.terms) >= TALL else 4

    @property
    def terms(self) -> list[Term]:
        """The terms of all scales."""
        return [term for scale in self.scales for term in scale]

    @property
    def windows(self) -> tuple[Axis, Axis]:
        """The smallest window that contains every term, and Sobel's around it."""
        more = 1 if self.products else 0
        y, x = (Axis.union([term[axis].axis for term in self.terms]) for axis in (0, 1))
        return (
            Axis(y.before + more, y.span + 2 * more),
            Axis(x.before + more, x.span + 2 * more),
        )

    @property
    def cost(self) -> float:
        """All taps, Sobel's derivatives for each row of a block, and the response."""
        taps = sum(len(kernel.weights) for term in self.terms for kernel in term)
        prepared = (12 if self.products else 1) * (1 + self.windows[0].span / self.block)
        return taps + prepared + len(self.scales) * RESPONSE_COST.get(self.response, 12)

    def resolve(
        self, size: tuple[int, int], pixels: Pixels, result: DType
    ) -> tuple[Operation, dict[str, float]]:
        """Return it with no more taps than count in float32, if it is computed in that."""
        if pixels.float_type != base.FLOAT32:
            return self, {}
        single: Operation = self.single
        if self.without_points is not None:
            single = single.followed_by(self.points, self.without_points)
        return single, {}

    @cached_property
    def single(self) -> "Tensors":
        """The operation in float32."""
        return replace(self, scales=tuple(without_tails(s, base.FLOAT32) for s in self.scales))

    def work(self, pitch: int) -> int:
        """Prepared rows, the rows of both passes, and pointers to all of them."""
        count = (PARTS if self.products else 1) * (self.windows[0].span + self.block - 1)
        rows = count + 2 * PARTS * self.block
        return rows * pitch + 16 * (rows + PARTS)

    def pack(self, step: int, computed: DType) -> Packed:
        """Return the header, the vertical and the horizontal passes; all numbers in a row."""
        top, left = (axis.before - self.products for axis in self.windows)
        header = base.record(
            TENSOR,
            products=self.products,
            response=RESPONSES.index(self.response),
            scales=len(self.scales),
        )
        weights: list[Weights] = [np.array([*padded(self.numbers), *self.factors])]
        verticals, horizontals = [], []
        for number, (column, row) in enumerate(self.terms):
            part = number % PARTS
            down, along = (
                (column, row)
                if self.products
                else (summed(column) if part < 2 else column, summed(row) if part > 0 else row)
            )
            verticals.append(
                base.record(
                    VERTICAL,
                    first=top - down.origin,
                    taps=len(down.weights),
                    weights=sum(map(len, weights)),
                )
            )
            weights.append(down.weights)
            horizontals.append(
                base.record(
                    HORIZONTAL,
                    component=part,
                    vertical=part,
                    first=(left - along.origin) * step,
                    taps=len(along.weights),
                    step=step,
                    weights=sum(map(len, weights)),
                )
            )
            weights.append(along.weights)
        return [header, *verticals, *horizontals], np.concatenate(weights)


def padded(numbers: tuple[float, ...]) -> tuple[float, float]:
    """Return the two numbers of a response, 0 for those it does not have."""
    first, second = (*numbers, 0.0, 0.0)[:2]
    return first, second


def summed(kernel: Kernel1D) -> Kernel1D:
    """Return the kernel for differences of neighbours; the weights of this one add up to 0.

    sum(w[i] * p[i]) = sum(-(w[0] + ... + w[i]) * (p[i + 1] - p[i]))
    """
    return Kernel1D(-np.cumsum(kernel.weights)[:-1], kernel.origin)


def trimmed(kernel: Kernel1D, computed: DType) -> Kernel1D:
    """Return a symmetric kernel without the taps at both ends that do not count."""
    sizes = np.abs(kernel.weights)
    tails = np.cumsum(sizes) <= NEGLIGIBLE[computed] * sizes.sum() / 2
    cut = min(int(np.count_nonzero(tails)), kernel.origin - 1)
    return kernel if cut <= 0 else Kernel1D(kernel.weights[cut:-cut], kernel.origin - cut)


def without_tails(parts: Parts, computed: DType) -> Parts:
    """Return terms without the taps that do not count in the computing dtype."""
    yy, yx, xx = ((trimmed(y, computed), trimmed(x, computed)) for y, x in parts)
    return yy, yx, xx


def combined(
    tensor: Sequence[NDArray[Any]] | NDArray[Any],
    response: str,
    computed: DType,
    numbers: tuple[float, ...] = (),
    factor: float = 1.0,
) -> NDArray[Any]:
    """Return what a response makes of the parts of tensors, in the computing dtype."""
    shape = tensor[0].shape
    results = np.empty((max(1, STACKED.get(response, 0)), *shape), computed)
    flat, parts = results.reshape(len(results), -1), [part.reshape(-1) for part in tensor]
    given = np.array([*padded(numbers), factor], computed)
    for begin in range(0, flat.shape[1], PIECE):
        piece = slice(begin, begin + PIECE)
        yy, yx, xx = (contiguous(part[piece], computed) for part in parts)
        run_entry(
            *("tensors", computed.name, "combine", yy, yx, xx, flat[:, piece]),
            *(RESPONSES.index(response), given),
            cost=RESPONSE_COST.get(response, 12) * yy.size,
        )
    return results if STACKED.get(response) else results[0]
