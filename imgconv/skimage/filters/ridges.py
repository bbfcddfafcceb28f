"""Ridges of `skimage.filters`, by the passes that it takes for second derivatives."""

from collections.abc import Iterator
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np

from imgconv.face_arguments import Image, border, real_image
from imgconv.fallback import FallBack
from imgconv.filters.canny import skimage_float
from imgconv.filters.ridges import fall_of, has_square, ridge_operation
from imgconv.skimage.arguments import boolean, number, skimage_face
from imgconv.skimage.tensors import curved

__all__ = ["frangi", "meijering", "sato"]

FILTERS = "skimage.filters"
# Meijering's weight of the other eigenvalue; scikit-image had the wrong sign before.
VERSION = tuple(map(int, import_module("skimage").__version__.split(".")[:2]))
ALPHA = 1 / 3 if VERSION < (0, 27) else -1 / 3


class Scales(NamedTuple):
    """An image whose ridges are dark, and the scales at which they are looked for."""

    array: Image
    common: dict[str, Any]
    sigmas: list[float]

    @staticmethod
    def of(image: object, sigmas: Any, black_ridges: Any, mode: str, cval: float) -> "Scales":
        """Return what the arguments of all ridges say."""
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
        return Scales(array, common, scales)

    def respond(self, sigma: float, response: str, *numbers: float, factor: float = 1.0) -> Image:
        """Return the response to second derivatives at a scale."""
        operation = ridge_operation((sigma,), response, 1.0, numbers, (factor,))
        found: Image = curved(self.array, (sigma, sigma), self.common, operation)[0]
        return found


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
    scales = Scales.of(image, sigmas, black_ridges, mode, cval)
    return largest(scales.respond(sigma, "sato", factor=sigma**2) for sigma in scales.sigmas)


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
    other = ALPHA if alpha is None else number(alpha, "alpha")
    scales = Scales.of(image, sigmas, black_ridges, mode, cval)

    def responses() -> Iterator[Image]:
        for sigma in scales.sigmas:
            response = scales.respond(sigma, "meijering", other)
            most = response.max()
            if most > 0:
                response /= most
            yield response

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
    blobness = fall(beta, "beta")
    # Of two axes, alpha has no effect.
    fall(alpha, "alpha")
    scales = Scales.of(image, sigmas, black_ridges, mode, cval)
    if gamma is None:
        gamma = float(scales.respond(scales.sigmas[0], "norm").max()) / 2 or 1.0
    structure = fall(gamma, "gamma")
    return largest(scales.respond(sigma, "frangi", blobness, structure) for sigma in scales.sigmas)


def fall(width: object, name: str) -> float:
    """Return by how much the exponent of a Gaussian falls; its width may be negative."""
    size = abs(number(width, name))
    if not has_square(size):
        raise FallBack(name)
    return fall_of(size, name)
