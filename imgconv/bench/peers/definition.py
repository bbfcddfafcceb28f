"""The definition of filters that SciPy does not have, written with NumPy."""

from __future__ import annotations

from functools import partial

import numpy as np
from scipy import ndimage, signal

from imgconv.bench.peers.base import Array, DType, Peer, PreparedCall, template_of


class Definition(Peer):
    """Sums as a filter is defined: the reference for filters that SciPy lacks, never measured."""

    name, module, package = "definition", "numpy", "numpy"

    def bilateral(self, image: Array, result: DType, size: int, sigma: float) -> PreparedCall:
        r = size // 2
        values = image if image.ndim == 3 else image[..., None]
        padded = np.pad(values, ((r, r), (r, r), (0, 0)), "symmetric")

        def run(out: Array | None) -> Array:
            total, weights = np.zeros(values.shape), np.zeros((*values.shape[:2], 1))
            for i in range(size):
                for j in range(size):
                    distance = (i - r) ** 2 + (j - r) ** 2
                    if distance <= r * r:
                        neighbours = padded[i : i + len(values), j : j + values.shape[1]]
                        apart = np.abs(neighbours - values).sum(axis=2, keepdims=True)
                        weight = np.exp(-8 * distance / size**2 - 0.5 * (apart / sigma) ** 2)
                        total += weight * neighbours
                        weights += weight
            means: Array = (total / weights).reshape(image.shape)
            return means

        return PreparedCall(run)

    def corners(self, image: Array, result: DType, method: str, sigma: float) -> PreparedCall:
        reach = int(4 * sigma + 0.5) + 1

        def run(out: Array | None) -> Array:
            padded = np.pad(image, reach, "symmetric")
            dy, dx = (ndimage.sobel(padded, axis) for axis in (0, 1))
            yy, yx, xx = (
                ndimage.gaussian_filter(part, sigma)[reach:-reach, reach:-reach]
                for part in (dy * dy, dy * dx, dx * dx)
            )
            if method == "harris":
                found: Array = yy * xx - yx * yx - 0.05 * (yy + xx) ** 2
                return found
            smaller: Array = (yy + xx) / 2 - np.hypot((yy - xx) / 2, yx)
            return smaller

        return PreparedCall(run)

    def hessian(self, image: Array, result: DType, sigma: float) -> PreparedCall:
        return PreparedCall(lambda out: np.stack(second_derivatives(image, sigma), axis=-1))

    def ridges(self, image: Array, result: DType, method: str, sigma: float) -> PreparedCall:
        def run(out: Array | None) -> Array:
            yy, yx, xx = second_derivatives(image, sigma)
            larger = (yy + xx) / 2 + np.hypot((yy - xx) / 2, yx)
            found: Array = sigma**2 * np.maximum(larger, 0)
            return found

        return PreparedCall(run)

    def match(self, image: Array, result: DType, method: str, size: int) -> PreparedCall:
        template = template_of(image, size)

        def sums(pixels: Array) -> Array:
            table = np.pad(pixels.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
            found: Array = (
                table[size:, size:] - table[:-size, size:] - table[size:, :-size]
                + table[:-size, :-size]
            )  # fmt: skip
            return found

        def run(out: Array | None) -> Array:
            centre = image.mean()
            pixels, part = (
                (image - centre, template - template.mean()) if method == "zncc"
                else (image, template)
            )  # fmt: skip
            products = signal.correlate(pixels, part, "valid")
            squares = sums(pixels * pixels)
            if method == "ssd":
                differences: Array = squares - 2 * products + np.sum(part * part)
                return differences
            if method == "zncc":
                squares -= sums(pixels) ** 2 / size**2
            found: Array = products / np.sqrt(squares * np.sum(part * part))
            return found

        return PreparedCall(run)


def second_derivatives(image: Array, sigma: float) -> list[Array]:
    """Return yy, yx and xx: each two first derivatives of narrower Gaussians."""
    narrow = sigma * np.sqrt(0.5)
    reach = 2 * int(8 * narrow + 0.5)
    padded = np.pad(image, reach, "symmetric")
    smooth = partial(ndimage.gaussian_filter, sigma=narrow, truncate=8)
    dy, dx = smooth(padded, order=(1, 0)), smooth(padded, order=(0, 1))
    return [
        smooth(slope, order=order)[reach:-reach, reach:-reach]
        for slope, order in ((dy, (1, 0)), (dy, (0, 1)), (dx, (0, 1)))
    ]
