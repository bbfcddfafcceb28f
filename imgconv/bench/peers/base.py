"""What all libraries have in common: the class of a peer, and the kernels that they are given.

A peer is a class whose methods are named after the works of `suite`. A method takes the image
((H, W), or (H, W, C) if colour), the dtype of the result and the numbers of the work, prepares what
a user would prepare once (kernels, sizes), and returns a `PreparedCall`. All use SciPy's border
"reflect" (d c b a | a b c d | d c b a) and Gaussians truncated at 4 sigma, unless the call's note
states a difference. Where a library does not have a work, the class has no such method, or the
method returns None.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
DType = np.dtype[Any]
SOBEL_SMOOTH, SOBEL_EDGE = np.array([1.0, 2.0, 1.0]), np.array([-1.0, 0.0, 1.0])
SCHARR_SMOOTH = np.array([3.0, 10.0, 3.0])
FARID_SMOOTH = np.array(
    [
        0.0376593171958126,
        0.249153396177344,
        0.426374573253687,
        0.249153396177344,
        0.0376593171958126,
    ]
)
FARID_EDGE = np.array(
    [-0.109603762960254, -0.276690988455557, 0.0, 0.276690988455557, 0.109603762960254]
)


class PreparedCall(NamedTuple):
    """One work, ready to run: `run(None)` allocates its result, `run(out)` fills one."""

    run: Callable[[Array | None], Any]
    note: str = ""  # where the work is not equal: "8-bit weights", "zero border", ...
    method: str = ""  # where the same sum is computed in another way: "DFT"
    fills_out: bool = True
    same_border: bool = True
    slow: bool = False  # takes many seconds: a reference, but not measured


# Above so many pixels in all windows together, a library without a fast algorithm is not measured.
MANY = 250_000_000


class UnequalWorkError(Exception):
    """A call does not do the work: it says why."""


class Peer:
    """A library that is measured."""

    name = ""
    module = ""
    package = ""

    def __init__(self) -> None:
        self.library = import_module(self.module)

    def describe(self) -> str:
        """Return the version, and what else decides the speed."""
        return version(self.package)

    def set_threads(self, count: int) -> None:
        """Use count threads; most of the libraries always use one."""

    def prepare(
        self, work: str, image: Array, result: DType, numbers: tuple[Any, ...]
    ) -> PreparedCall | None:
        """Return the library's call that does a work, or None where it has none."""
        method = getattr(self, work, None)
        prepared: PreparedCall | None = method(image, result, *numbers) if method else None
        return prepared

    def stacked(
        self, images: Array, result: DType, work: str, *numbers: Any
    ) -> PreparedCall | None:
        """Return a call that does a work for each image of a stack."""
        first = self.prepare(work, images[0], result, numbers)
        if first is None or not first.same_border:
            return None
        calls = [self.prepare(work, image, result, numbers) or first for image in images]
        return first._replace(
            run=lambda out: [
                call.run(None if out is None else out[i]) for i, call in enumerate(calls)
            ]
        )

    def gaussian_resampled(self, image: Array, result: DType, sigma: float) -> PreparedCall | None:
        return self.prepare("gaussian", image, result, (sigma,))


def full_scale(dtype: DType) -> float:
    """Return the largest integer of a dtype, 1 for floats."""
    return 1.0 if dtype.kind == "f" else float(np.iinfo(dtype).max)


def kernel_of(size: int) -> Array:
    """Return a dense kernel without symmetry, zeros or separable factors, whose sum is 1."""
    kernel = np.random.default_rng(size).uniform(0.1, 1.0, (size, size))
    normalized: Array = kernel / kernel.sum()
    return normalized


def windows(image: Array, size: int) -> int:
    """Return the number of pixels in the square windows about all pixels."""
    return image.size * size * size


def pixels_under_taps(image: Array, sigma: float) -> int:
    """Return the number of pixels under the row and the column of a Gaussian about all pixels."""
    return 2 * taps_of(sigma).size * image.size


def taps_of(sigma: float) -> Array:
    """Return the weights of a Gaussian cut at 4 sigma, whose sum is 1."""
    radius = int(4 * sigma + 0.5)
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    normalized: Array = weights / weights.sum()
    return normalized


def low_rank_kernel(size: int, rank: int) -> Array:
    """Return a dense kernel that is a sum of `rank` outer products."""
    rng = np.random.default_rng(size)
    kernel: Array = rng.uniform(0.1, 1.0, (size, rank)) @ rng.uniform(0.1, 1.0, (rank, size))
    kernel /= kernel.sum()
    return kernel


def marked(image: Array, points: Array) -> Array:
    """Return a mask of the pixels (y, x) that are the first numbers of points."""
    mask = np.zeros(image.shape, np.bool_)
    y, x = points[:, :2].T.astype(np.intp)
    mask[y, x] = True
    return mask


def blob_threshold(image: Array, method: str) -> float:
    """Return an answer that some blobs of noise exceed, in the image's units."""
    part, power = {"log": (0.1, 1), "dog": (0.05, 1), "doh": (0.01, 2)}[method]
    return part * full_scale(image.dtype) ** power


def template_of(image: Array, size: int) -> Array:
    """Return the part of an image that is looked for in it."""
    return image[:size, :size].copy()


def disk_of(size: int) -> Array:
    """Return a round footprint."""
    y, x = np.mgrid[:size, :size] - size // 2
    disk: Array = y * y + x * x <= (size // 2) ** 2
    return disk
