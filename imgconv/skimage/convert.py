"""What images and arguments of scikit-image mean to the engine."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, NamedTuple
from warnings import warn

import numpy as np
from numpy.typing import NDArray

from imgconv.core.border import MODES, SYNONYMS
from imgconv.fallback import HandOver, face
from imgconv.ndimage.call import each
from imgconv.operations.base import FLOAT32, FLOAT64, Pixels
from imgconv.operations.separable import Separable

Image = NDArray[Any]

# SciPy's names of modes, and the engine's.
BORDERS = {**{mode: mode for mode in MODES}, **SYNONYMS}


def as_skimage(module: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return a decorator that makes a function the face of its namesake in a module."""

    def decorate(ours: Callable[..., Any]) -> Callable[..., Any]:
        original = getattr(import_module(module), ours.__name__)
        ours.__doc__ = f"{ours.__doc__}\n\nAs `{module}.{ours.__name__}`, which see.\n"
        return face(module, original)(ours)

    return decorate


@dataclass(frozen=True, eq=False)
class InDouble(Separable):
    """A sum of separable filters that is computed in float64 for integers, too."""

    def computed_in(self, pixels: Pixels, result: np.dtype) -> np.dtype:
        """float32 for floats of that type, else float64."""
        return pixels.float_type if pixels.dtype.kind == "f" else FLOAT64


class Scaled(NamedTuple):
    """An image, and what its pixels are multiplied by to be the floats of scikit-image."""

    image: Image
    factor: float
    dtype: np.dtype  # of the floats


def image_of(image: Any, axes: int = 2) -> Image:
    """Return a real image of so many axes, as it is."""
    if type(image) is not np.ndarray:
        raise HandOver("not a NumPy array")
    if image.ndim != axes:
        raise HandOver(f"not {axes}-D")
    if image.dtype.kind not in "biuf" or image.dtype.itemsize > 8:
        raise HandOver("complex numbers" if image.dtype.kind == "c" else "dtype")
    if not image.size:
        raise HandOver("no pixels")
    return image


def scaled(image: Image, preserve_range: bool = False) -> Scaled:
    """Return what scikit-image makes floats of: of integers those from -1 or 0 to 1.

    Small unsigned integers stay as they are, with the factor that the filter's weights take in.
    """
    dtype = image.dtype
    if dtype.kind == "f":
        if dtype.itemsize == 2:
            return Scaled(image.astype(np.float32), 1.0, FLOAT32)
        return Scaled(image, 1.0, dtype.newbyteorder("="))
    if dtype.kind == "b" or preserve_range:
        return Scaled(image, 1.0, FLOAT64)
    if dtype.kind == "u" and dtype.itemsize <= 2:
        return Scaled(image, 1.0 / np.iinfo(dtype).max, FLOAT64)
    return Scaled(as_float(image), 1.0, FLOAT64)


def as_float(image: Image) -> Image:
    """Return `skimage.util.img_as_float` of an image."""
    floats: Image = import_module("skimage.util").img_as_float(image)
    return floats


def border(mode: Any) -> str:
    """Return the engine's name of a mode."""
    if not isinstance(mode, str) or mode not in BORDERS:
        raise HandOver("mode")
    return BORDERS[mode]


def number(value: Any, name: str) -> float:
    """Return a real number."""
    if type(value) is float or type(value) is int:
        return float(value)
    if not isinstance(value, (int, float, np.integer, np.floating)) or isinstance(value, bool):
        raise HandOver(name)
    return float(value)


def two(value: Any, name: str) -> tuple[float, float]:
    """Return numbers for y and x, from one or a pair."""
    if type(value) is float or type(value) is int:
        return float(value), float(value)
    y, x = each(value, 2, name)
    return number(y, name), number(x, name)


def flag(value: Any, name: str) -> bool:
    """Return whether an option is wanted."""
    if not isinstance(value, (bool, np.bool_, int)):
        raise HandOver(name)
    return bool(value)


def warn_as_original(text: str, stacklevel: int) -> None:
    """Warn the caller of a face as the original does."""
    try:
        warn(text, stacklevel=stacklevel + 1)
    except UserWarning:
        raise HandOver("a warning that is an error") from None


def channel(image: Image, channel_axis: Any) -> int | None:
    """Return the axis of channels as the engine wants it; the image must have two others."""
    if channel_axis is None:
        image_of(image)
        return None
    if type(channel_axis) is not int:
        raise HandOver("channel_axis")
    image_of(image, 3)
    return channel_axis


def float_type(dtype: np.dtype) -> np.dtype:
    """Return the float that scikit-image has for pixels of a dtype."""
    return FLOAT32 if dtype.kind == "f" and dtype.itemsize < 8 else FLOAT64


def is_finite(result: Image) -> bool:
    """Whether there is no NaN and no infinity in a result, and none in its sum."""
    with np.errstate(all="ignore"):
        return bool(np.isfinite(result.sum()))


def finite(result: Image) -> Image:
    """Return a result without NaN and infinities, which go to the original."""
    if not is_finite(result):
        raise HandOver("NaN or infinity")
    return result
