"""The definition of filters that SciPy does not have, written with NumPy."""

from __future__ import annotations

import numpy as np

from imgconv.bench.peers.base import Array, DType, Peer, PreparedCall


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
