"""Rows of tensors and of what is made of them: ridges and corners.

The library is scikit-image, on an image that is extended before: it extends again between its
passes, which no pixel here sees.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import oracle
from comparing import assert_close
from numpy.typing import NDArray
from skimage import feature

import imgconv
from cases.base import Other, row_id

SIGMAS = (1, 2.5)


@dataclass(frozen=True)
class Relative(Other):
    """A row whose results may be off by `ulps` of the largest result, in the computing dtype."""

    def assert_right(self, actual: Any, image: NDArray[Any]) -> None:
        """What the filter returned is what it should return."""
        expected = self.expected(image)
        computed = oracle.compute_dtype(image.dtype)
        try:
            assert actual.dtype == computed
            largest = np.abs(expected).max(initial=float(np.finfo("f").tiny))
            assert_close(actual, expected.astype(computed), ulps=self.ulps, scale=largest)
        except AssertionError as error:
            error.add_note(f"{self.id}, {image.dtype} image {image.shape}")
            raise


def beyond(image: Any, reach: int, mode: str, cval: float) -> NDArray[np.float64]:
    """Return the image in float64, extended on all sides."""
    return oracle.extend(image, (reach, reach), (reach, reach), mode, cval)


def hessian(image: Any, sigma: float, mode: str = "reflect", cval: float = 0.0) -> Any:
    """Return yy, yx and xx by scikit-image."""
    if not np.size(image):
        return np.zeros((3, *np.shape(image)))
    reach = int(25 * sigma) + 2
    parts = feature.hessian_matrix(
        beyond(image, reach, mode, cval), sigma, mode="nearest", use_gaussian_derivatives=True
    )
    return np.stack(parts)[:, reach:-reach, reach:-reach]


def structure(image: Any, sigma: float, mode: str = "reflect", cval: float = 0.0) -> Any:
    """Return yy, yx and xx by scikit-image."""
    if not np.size(image):
        return np.zeros((3, *np.shape(image)))
    reach = int(10 * sigma) + 2
    parts = feature.structure_tensor(beyond(image, reach, mode, cval), sigma)
    return np.stack(parts)[:, reach:-reach, reach:-reach]


def eigenvalues(parts: Any) -> tuple[Any, Any]:
    """Return the eigenvalues by LAPACK, the larger first."""
    yy, yx, xx = parts
    found = np.linalg.eigvalsh(np.stack([np.stack([yy, yx], -1), np.stack([yx, xx], -1)], -1))
    return found[..., 1], found[..., 0]


def coherence(parts: Any) -> Any:
    """Return how clear the direction is, by the definition."""
    one, other = eigenvalues(parts)
    total = np.where(one + other == 0, 1, one + other)
    return ((one - other) / total) ** 2


def harris(parts: Any, k: float = 0.05) -> Any:
    """Return Harris' response."""
    yy, yx, xx = parts
    return yy * xx - yx**2 - k * (yy + xx) ** 2


def ridge(image: Any, method: str, sigmas: Any = SIGMAS, sign: float = 1, **options: Any) -> Any:
    """Return the largest response at several scales, by the definitions."""
    found = np.zeros(np.shape(image))
    gamma = options.get("gamma")
    for sigma in sigmas:
        high, low = eigenvalues(sign * hessian(image, sigma))
        small = np.where(abs(high) <= abs(low), high, low)
        large = np.where(abs(high) <= abs(low), low, high)
        norm = np.hypot(high, low)
        if method == "sato":
            response = sigma**2 * np.maximum(high, 0)
        elif method == "meijering":
            alpha = options.get("alpha", -1 / 3)
            one, other = high + alpha * low, low + alpha * high
            response = np.maximum(np.where(abs(other) > abs(one), other, one), 0)
            response = response / (response.max(initial=0) or 1)
        else:
            gamma = gamma or norm.max(initial=0) / 2 or 1
            ratio = small / np.maximum(large, 1e-10)
            response = np.exp(-(ratio**2) / (2 * options.get("beta", 0.5) ** 2))
            response = response * (1 - np.exp(-(norm**2) / (2 * gamma**2)))
        found = np.maximum(found, response)
    return found


def tensor_cases() -> Iterator[Other]:
    """Yield both tensors, and what is made of them in the same pass."""
    made: dict[str, Callable[[Any], Any]] = {
        "tensor": np.asarray,
        "eigenvalues": lambda parts: np.stack(eigenvalues(parts)),
        "coherence": coherence,
    }
    for sigma in (1, 2.5):
        for of in ("tensor", "eigenvalues"):
            yield Relative(
                row_id("hessian", of, sigma=sigma), imgconv.hessian, {"sigma": sigma, "of": of},
                lambda image, sigma=sigma, of=of: made[of](hessian(image, sigma)), 500,
                stacked=3 if of == "tensor" else 2,
            )  # fmt: skip
    for of, ulps in (("tensor", 100), ("eigenvalues", 100), ("coherence", 1000)):
        yield Relative(
            row_id("structure_tensor", of), imgconv.structure_tensor, {"sigma": 1.5, "of": of},
            lambda image, of=of: made[of](structure(image, 1.5)), ulps,
            stacked={"tensor": 3, "eigenvalues": 2}.get(of, 0),
        )  # fmt: skip


def ridge_cases() -> Iterator[Other]:
    """Yield every method, both kinds of lines."""
    for method, options in (
        ("frangi", {}), ("frangi", {"beta": 0.8}), ("sato", {}), ("meijering", {}),
        ("meijering", {"alpha": 0.1}),
    ):  # fmt: skip
        for black in (True, False):
            yield Relative(
                row_id("ridges", method, **options) + ("" if black else "-light"),
                imgconv.ridges,
                {"sigmas": SIGMAS, "method": method, "black_ridges": black, **options},
                lambda image, method=method, black=black, options=options: ridge(
                    image, method, sign=1 if black else -1, **options
                ),
                3000,
            )


OTHERS = [*tensor_cases(), *ridge_cases()]
