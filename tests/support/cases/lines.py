"""Rows of corners, templates and zero crossings."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import oracle
from numpy.typing import NDArray
from scipy import ndimage

import imgconv
from cases.base import Other, row_id
from cases.tensors import Relative, eigenvalues, harris, structure

TEMPLATE = np.random.default_rng(3).normal(size=(4, 5)) * 50
MASK = np.random.default_rng(4).random((4, 5)) < 0.6


def windows(image: Any, shape: str) -> NDArray[np.float64]:
    """Return the pixels of each window of the template's size, as the two last axes."""
    (height, width), (h, w) = np.shape(image), TEMPLATE.shape
    before, after = {
        "valid": ((0, 0), (0, 0)),
        "same": ((h // 2, w // 2), (h - 1 - h // 2, w - 1 - w // 2)),
        "full": ((h - 1, w - 1), (h - 1, w - 1)),
    }[shape]
    if 0 in (height, width):
        return np.empty((height, width, h, w))
    extended = oracle.extend(image, before, after)
    return np.lib.stride_tricks.sliding_window_view(extended, TEMPLATE.shape)


def matched(image: Any, method: str, shape: str, mask: Any = None) -> NDArray[np.float64]:
    """Return how much all windows are like the template, by the definitions."""
    counts = np.ones(TEMPLATE.shape, bool) if mask is None else mask
    pixels, template = windows(image, shape)[..., counts], TEMPLATE[counts]
    if method == "ssd":
        return ((pixels - template) ** 2).sum(-1)
    largest = np.abs(pixels).max(initial=0)
    if method == "zncc":
        pixels = pixels - pixels.mean(-1, keepdims=True)
        template = template - template.mean()
    products = (pixels * template).sum(-1)
    if method == "correlation":
        return products
    norm = np.sqrt((pixels**2).sum(-1) * (template**2).sum())
    flat = norm <= 1e-12 * largest * np.abs(TEMPLATE).max()
    return np.where(flat, 0, products / np.where(flat, 1, norm))


class Similarities(Other):
    """A row of zncc: a window's sums lose what its pixels share, but for the image's middle."""

    def assert_right(self, actual: Any, image: NDArray[Any]) -> None:
        """Errors are `ulps` times the square of a window about that middle, over its variance."""
        expected = self.expected(image)
        assert actual.dtype == oracle.compute_dtype(image.dtype)
        assert actual.shape == expected.shape
        if actual.size == 0:
            return
        counts = self.arguments["mask"]
        pixels = windows(image, self.arguments["shape"])
        pixels = pixels.reshape(*pixels.shape[:2], -1) if counts is None else pixels[..., counts]
        middle = float(image.min()) / 2 + float(image.max()) / 2
        square, flat = ((pixels - middle) ** 2).mean(-1), np.ptp(pixels, axis=-1) == 0
        lost = np.where(flat, 0, square) / np.where(flat, 1, pixels.var(-1))
        # A NaN is off, too.
        off = ~(np.abs(actual - expected) <= self.ulps * np.finfo(actual.dtype).eps * (1 + lost))
        assert not off.any(), (
            f"{self.id}, {image.dtype} image {image.shape}, at {np.argwhere(off)[0]}"
        )


def undecided(image: Any, sigma: float) -> NDArray[np.bool_]:
    """Return where rounding decides: a Laplacian is near 0, or as large as its neighbour's."""
    computed = oracle.compute_dtype(image.dtype)
    pixels = np.asarray(image, np.float64)
    values = ndimage.gaussian_laplace(pixels, sigma)
    error = 30 * np.finfo(computed).eps * np.abs(pixels).max(initial=0)
    found = np.zeros(values.shape, bool)
    for axis in (0, 1):
        one, other = (np.moveaxis(array, axis, 0) for array in (np.abs(values), found))
        near = np.minimum(np.abs(one[1:] - one[:-1]), np.minimum(one[1:], one[:-1])) <= error
        other[1:] |= near
        other[:-1] |= near
    return found


def crossings(image: Any, sigma: float) -> NDArray[np.bool_]:
    """Return where the Laplacian changes its sign, pixel by pixel."""
    if 0 in np.shape(image):
        return np.zeros(np.shape(image), bool)
    values = ndimage.gaussian_laplace(np.asarray(image, np.float64), sigma)
    found = np.zeros(values.shape, bool)
    for axis in (0, 1):
        one, other = (np.moveaxis(array, axis, 0) for array in (values, found))
        for i in range(len(one) - 1):
            a, b = one[i], one[i + 1]
            crosses = a * b < 0
            first = (abs(a) < abs(b)) | ((abs(a) == abs(b)) & (a > 0))
            other[i] |= crosses & first
            other[i + 1] |= crosses & ~first
    return found


class Crossings(Other):
    """A row of signs, but for pixels where rounding decides."""

    def assert_right(self, actual: Any, image: NDArray[Any]) -> None:
        """All other pixels are equal."""
        expected = self.expected(image)
        assert actual.dtype == np.bool_
        assert actual.shape == expected.shape
        if not image.size:
            return
        wrong = (actual != expected) & ~undecided(image, self.arguments["sigma"])
        assert not wrong.any(), f"{self.id}, {image.dtype}, at {np.argwhere(wrong)[0]}"


def corner_cases() -> Iterator[Other]:
    """Yield both measures."""
    for method, sigma in (("harris", 1), ("harris", 2), ("shi_tomasi", 1)):
        yield Relative(
            row_id("corners", method, sigma=sigma), imgconv.corners,
            {"method": method, "sigma": sigma},
            lambda image, method=method, sigma=sigma: (
                harris(structure(image, sigma)) if method == "harris"
                else eigenvalues(structure(image, sigma))[1]
            ), 200,
        )  # fmt: skip


def template_cases() -> Iterator[Other]:
    """Yield each method, each shape, and a mask."""
    for method in ("zncc", "ncc", "ssd", "correlation"):
        for shape, mask in (("same", None), ("full", MASK)):
            arguments = {"template": TEMPLATE, "method": method, "shape": shape, "mask": mask}
            kind = Similarities if method == "zncc" else Relative
            yield kind(
                row_id("match", method, shape) + ("" if mask is None else "-mask"),
                imgconv.match, arguments,
                lambda image, method=method, shape=shape, mask=mask: matched(
                    image, method, shape, mask
                ), 100,
            )  # fmt: skip


def crossing_cases() -> Iterator[Other]:
    """Yield two scales."""
    for sigma in (1, 2.5):
        yield Crossings(
            row_id("zero_crossings", sigma=sigma), imgconv.zero_crossings, {"sigma": sigma},
            lambda image, sigma=sigma: crossings(image, sigma),
        )  # fmt: skip


OTHERS = [*corner_cases(), *template_cases(), *crossing_cases()]
