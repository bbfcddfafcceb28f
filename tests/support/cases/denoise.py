"""Rows of the filters that smooth and keep edges: `bilateral`, `joint_bilateral`, `guided`."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import oracle
from numpy.typing import NDArray
from scipy import ndimage

import imgconv
from cases.base import Case, largest_pixel, row_id


def scaled_to_range(options: dict[str, Any], dtype: Any) -> dict[str, Any]:
    """Return options with sigma_color and eps in units of the range of `sample` images."""
    dtype = np.dtype(dtype)
    unit = {"f": 100.0, "b": 0.4}.get(dtype.kind) or 0.4 * np.iinfo(dtype).max
    units = {"sigma_color": unit, "eps": unit**2}
    return {name: units[name] * v if name in units else v for name, v in options.items()}


@dataclass(frozen=True)
class NonlinearPart:
    """What the reference implementation of such a filter makes of a window."""

    reference: Callable[..., NDArray[Any]]
    options: dict[str, Any]
    guided: bool
    window: tuple[int, int]

    @property
    def kernel(self) -> NDArray[Any]:
        """The pixels of the window, of which none is left out."""
        return np.ones(self.window)

    def __call__(self, image: Any, mode: str, cval: float) -> NDArray[Any]:
        image = np.asarray(image)
        options = scaled_to_range(self.options, image.dtype)
        image = image.astype(np.float64)
        with np.errstate(invalid="ignore"):
            return self.reference(image, *[image] * self.guided, **options, mode=mode, cval=cval)


@dataclass(frozen=True)
class EdgePreserving(Case):
    """A filter that smooths and keeps edges. An image is its own guide.

    Results may be off by a share of the largest value: `single` where they are computed in float32,
    else `double`. Channels are filtered one by one, as by other filters: `bilateral`, which has one
    weight for all channels of a pixel, gets them as a stack.
    """

    smooths: bool = True
    single: float = 0.0
    double: float = 0.0

    def call(self, image: Any, **common: Any) -> Any:
        if self.function is not imgconv.guided:
            common = channels_as_stack(np.ndim(image), common)
        return self.function(image, *self.guides(image), **self.options(image), **common)

    def explain(self, image: Any) -> Any:
        return imgconv.explain(self.function, image, *self.guides(image), **self.options(image))

    def guides(self, image: Any) -> tuple[Any, ...]:
        return (image,) * self.parts[0].guided

    def options(self, image: Any) -> dict[str, Any]:
        return scaled_to_range(self.arguments, getattr(image, "dtype", "f8"))

    def tolerances(self, exact: tuple[Any, ...], image: NDArray[Any], cval: float) -> Any:
        single = oracle.compute_dtype(image.dtype) == np.float32
        return ((self.single if single else self.double) * largest_pixel(image, cval),)


def channels_as_stack(ndim: int, common: dict[str, Any]) -> dict[str, Any]:
    """Return keywords that make a stack of the channels of an image."""
    channel, axes = common.get("channel_axis"), common.get("axes")
    if channel is None or not (axes or ndim == 3):
        return common
    images = axes or tuple(axis for axis in range(3) if axis != channel % 3)
    return {**common, "channel_axis": None, "axes": images}


def bilateral_cases() -> Iterator[Case]:
    """Yield windows and distances of both kinds.

    No library has `bilateral` as it is defined: see tests/filters/test_denoise.py.
    """
    for function, options in [
        (imgconv.bilateral, {"win_size": 5, "sigma_color": 1.0, "sigma_spatial": 1.0}),
        (imgconv.bilateral, {"win_size": 9, "sigma_color": 0.3, "sigma_spatial": 2.0}),
        (imgconv.bilateral, {"win_size": 1, "sigma_color": 1.0, "sigma_spatial": 1.0}),
        (imgconv.bilateral, {"win_size": 7, "sigma_color": 0.5, "sigma_spatial": 1.5,
                             "window": "disk", "metric": "l1"}),
        (imgconv.joint_bilateral, {"win_size": 5, "sigma_color": 0.5, "sigma_spatial": 1.5}),
    ]:  # fmt: skip
        size = options["win_size"]
        guided = function is imgconv.joint_bilateral
        yield EdgePreserving(
            id=row_id(function.__name__, *options.values()),
            function=function,
            arguments=options,
            library=None,
            parts=(NonlinearPart(oracle.bilateral, options, guided, (size, size)),),
            modes=(),
            single=1e-6,
            double=1e-14,
        )


def guided_cases() -> Iterator[Case]:
    """Yield means over small and large squares; SciPy's border is the same in three modes."""
    for radius, eps in [(0, 0.1), (1, 1.0), (3, 0.01), (8, 0.2)]:
        options = {"radius": radius, "eps": eps}
        reach = 4 * radius + 1
        yield EdgePreserving(
            id=row_id("guided", radius, eps),
            function=imgconv.guided,
            arguments=options,
            library=partial(scipy_guided, **options),
            parts=(NonlinearPart(oracle.guided, options, True, (reach, reach)),),
            modes=("reflect", "mirror", "wrap"),
            single=1e-12,
            double=1e-12,
        )


def scipy_guided(image: Any, mode: str, cval: float, radius: int, eps: float) -> NDArray[Any]:
    """Return He's filter of an image by itself, made of SciPy's means."""
    eps = scaled_to_range({"eps": eps}, image.dtype)["eps"]
    mean = partial(ndimage.uniform_filter, size=2 * radius + 1, mode=mode)
    variance = mean(image * image) - mean(image) ** 2
    a = variance / (variance + eps)
    return mean(a) * image + mean(mean(image) - a * mean(image))


CASES = [*bilateral_cases(), *guided_cases()]
