"""What images and arguments of scikit-image mean to the engine."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, NamedTuple, ParamSpec, TypeVar
from warnings import warn

import numpy as np

from imgconv.face_arguments import Image, each, real, real_image
from imgconv.fallback import FallBack, face
from imgconv.operations.base import FLOAT32, FLOAT64, Pixels
from imgconv.operations.separable import Separable

P = ParamSpec("P")
Result = TypeVar("Result")


def skimage_face(module: str) -> Callable[[Callable[P, Result]], Callable[P, Result]]:
    """Return a decorator that makes a function the face of its namesake in a module."""

    def decorate(ours: Callable[P, Result]) -> Callable[P, Result]:
        original = getattr(import_module(module), ours.__name__)
        ours.__doc__ = f"{ours.__doc__}\n\nAs `{module}.{ours.__name__}`, which see.\n"
        return face(module, original)(ours)

    return decorate


@dataclass(frozen=True, eq=False)
class InDouble(Separable):
    """A sum of separable filters that computes integers, too, in float64."""

    def computed_in(self, pixels: Pixels, result: np.dtype[Any]) -> np.dtype[Any]:
        """float32 for images of float16 and float32, else float64."""
        return pixels.float_type if pixels.dtype.kind == "f" else FLOAT64


class ScaledImage(NamedTuple):
    """An image, and the factor by which its pixels become the floats of scikit-image."""

    image: Image
    factor: float
    dtype: np.dtype[Any]  # of the floats


def scaled_image(image: Image, preserve_range: bool = False) -> ScaledImage:
    """Return an image for a filter of the floats of scikit-image: integers from -1 or 0 to 1.

    Small unsigned integers stay as they are: the weights of the filter are multiplied by the
    factor, and no image of floats is made.
    """
    dtype = image.dtype
    if dtype.kind == "f":
        if dtype.itemsize == 2:
            return ScaledImage(image.astype(np.float32), 1.0, FLOAT32)
        return ScaledImage(image, 1.0, dtype.newbyteorder("="))
    if dtype.kind == "b" or preserve_range:
        return ScaledImage(image, 1.0, FLOAT64)
    if dtype.kind == "u" and dtype.itemsize <= 2:
        return ScaledImage(image, 1.0 / np.iinfo(dtype).max, FLOAT64)
    return ScaledImage(as_float(image), 1.0, FLOAT64)


def as_float(image: Image) -> Image:
    """Return `skimage.util.img_as_float` of an image."""
    floats: Image = import_module("skimage.util").img_as_float(image)
    return floats


def real_array(image: object) -> Image:
    """Return an array of real numbers with any number of axes, of any size."""
    if type(image) is not np.ndarray or image.dtype.kind not in "biuf":
        raise FallBack("not a NumPy array of real numbers")
    return image


def number(value: Any, name: str) -> float:
    """Return a real number; other than in SciPy's functions, no bool and no array is one."""
    if type(value) is float or type(value) is int:
        return real(value, name)
    if not isinstance(value, (int, float, np.integer, np.floating)) or isinstance(value, bool):
        raise FallBack(name)
    return real(value, name)


def pair_yx(value: object, name: str) -> tuple[float, float]:
    """Return numbers for y and x, from one or a pair."""
    if type(value) is float or type(value) is int:
        return real(value, name), real(value, name)
    y, x = each(value, 2, name)
    return number(y, name), number(x, name)


def boolean(value: object, name: str) -> bool:
    """Return an option that is True or False; scikit-image accepts any integer."""
    if not isinstance(value, (bool, np.bool_, int)):
        raise FallBack(name)
    return bool(value)


def channel_of(image: object, channel_axis: object) -> int | None:
    """Return the axis of channels of an image that has two other axes."""
    if channel_axis is None:
        real_image(image)
        return None
    if type(channel_axis) is not int:
        raise FallBack("channel_axis")
    real_image(image, 3)
    return channel_axis


def warn_caller(text: str, stacklevel: int) -> None:
    """Warn the caller of a face with the text of the original; fall back if that is an error."""
    try:
        warn(text, stacklevel=stacklevel + 1)
    except UserWarning:
        raise FallBack("a warning that is an error") from None


def is_finite(result: Image) -> bool:
    """Whether a result contains no NaN and no infinity, and its sum is finite."""
    with np.errstate(all="ignore"):
        return bool(np.isfinite(result.sum()))


def check_finite(result: Image) -> Image:
    """Return a finite result; fall back for others."""
    if not is_finite(result):
        raise FallBack("NaN or infinity")
    return result
