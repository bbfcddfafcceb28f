"""Ridges of `skimage.filters`, by the passes that it takes for second derivatives."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from imgconv.face_arguments import Image, border, real_image
from imgconv.fallback import FallBack
from imgconv.filters.canny import skimage_float
from imgconv.operations.tensors import combined
from imgconv.skimage.arguments import boolean, number, skimage_face
from imgconv.skimage.tensors import gaussian_derivatives

__all__ = ["frangi", "meijering", "sato"]

FILTERS = "skimage.filters"


def tensors(
    image: object, sigmas: Any, black_ridges: Any, mode: str, cval: float
) -> Iterator[tuple[float, Image]]:
    """Yield each scale and the second derivatives at it."""
    array = real_image(image)
    if array.size == 0:
        raise FallBack("an image without pixels")
    array = array.astype(skimage_float(array.dtype), copy=False)
    array = array if boolean(black_ridges, "black_ridges") else -array
    common = {"mode": border(mode), "cval": number(cval, "cval")}
    if type(sigmas) not in (list, tuple, range):
        raise FallBack("sigmas")
    scales = [number(sigma, "sigmas") for sigma in sigmas]
    if not scales or not 0 < min(scales) <= max(scales) < np.inf:
        raise FallBack("sigmas")
    for sigma in scales:
        yield sigma, np.stack(gaussian_derivatives(array, (sigma, sigma), common))


def largest(responses: Iterator[Image]) -> Image:
    """Return the largest of several responses, at least 0."""
    found = np.maximum(next(responses), 0)
    for response in responses:
        np.maximum(found, response, out=found)
    return found


@skimage_face(FILTERS)
def sato(
    image: Image,
    sigmas: Any = range(1, 10, 2),
    black_ridges: bool = True,
    mode: str = "reflect",
    cval: float = 0,
) -> Image:
    """Find lines by Sato's method."""
    scales = tensors(image, sigmas, black_ridges, mode, cval)
    return largest(combined(parts, "sato", parts.dtype, factor=sigma**2) for sigma, parts in scales)


@skimage_face(FILTERS)
def meijering(
    image: Image,
    sigmas: Any = range(1, 10, 2),
    alpha: float | None = None,
    black_ridges: bool = True,
    mode: str = "reflect",
    cval: float = 0,
) -> Image:
    """Find lines by Meijering's method."""
    other = 1 / 3 if alpha is None else number(alpha, "alpha")

    def responses() -> Iterator[Image]:
        for _, parts in tensors(image, sigmas, black_ridges, mode, cval):
            response = combined(parts, "meijering", parts.dtype, (other,))
            most = response.max()
            yield response / most if most > 0 else response

    return largest(responses())


@skimage_face(FILTERS)
def frangi(
    image: Image,
    sigmas: Any = range(1, 10, 2),
    scale_range: Any = None,
    scale_step: Any = None,
    alpha: float = 0.5,
    beta: float = 0.5,
    gamma: float | None = None,
    black_ridges: bool = True,
    mode: str = "reflect",
    cval: float = 0,
) -> Image:
    """Find lines by Frangi's method."""
    if scale_range is not None or scale_step is not None:
        raise FallBack("scale_range and scale_step")
    blobness = 1 / (2 * number(beta, "beta") ** 2)
    # Of two axes, alpha has no effect.
    number(alpha, "alpha")

    def responses() -> Iterator[Image]:
        width = None if gamma is None else number(gamma, "gamma")
        if width == 0:
            raise FallBack("gamma")
        for _, parts in tensors(image, sigmas, black_ridges, mode, cval):
            if width is None:
                width = float(combined(parts, "norm", parts.dtype).max()) / 2 or 1.0
            numbers = blobness, 1 / (2 * width * width)
            yield combined(parts, "frangi", parts.dtype, numbers)

    return largest(responses())
