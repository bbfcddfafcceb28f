"""What all families of the table share: the classes of its rows, and random images."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import oracle
from comparing import assert_close
from numpy.typing import NDArray

import imgconv

# What a row calls with (image, mode, cval): a library's filter, or the definition.
Filter = Callable[[Any, str, float], Any]

MODES = ("reflect", "mirror", "nearest", "wrap", "constant")
DTYPES = (*oracle.SINGLE, *oracle.DOUBLE)

# A computed value may be off by so many units in the last place of the largest sum of
# |weight * pixel| that can occur.
ULPS = 8


@dataclass(frozen=True)
class Part:
    """A linear part of a filter: a dense kernel to correlate with or, `flipped`, to convolve with.

    `options` are shape, stride and dilation.
    """

    kernel: NDArray[Any]
    flipped: bool = False
    options: dict[str, Any] = field(default_factory=dict)

    def __call__(self, image: Any, mode: str, cval: float) -> NDArray[Any]:
        slide = oracle.convolve if self.flipped else oracle.correlate
        return slide(image, self.kernel, mode=mode, cval=cval, **self.options)

    @property
    def gain(self) -> float:
        """The largest value that pixels of at most 1 can give."""
        return np.abs(self.kernel).sum()

    @property
    def window(self) -> tuple[int, ...]:
        """Height and width of what a result depends on."""
        dilation = np.broadcast_to(self.options.get("dilation", 1), 2)
        return tuple(int(d * (k - 1) + 1) for d, k in zip(dilation, self.kernel.shape, strict=True))


@dataclass(frozen=True)
class Case:
    """A row of the table: a filter with arguments, and two answers to compare its results with.

    `library` answers as `function` does; it knows `modes` only, and is None where no library has
    the filter. `parts` are what the reference implementation computes; `combine` makes "magnitude"
    or "polar" of two. `error` is how far off an approximation may be, as a share of the range of
    the pixels; images of the dtypes in `approximated` are approximated.
    """

    id: str
    function: Callable[..., Any]
    arguments: dict[str, Any]
    library: Filter | None
    parts: tuple[Any, ...]
    combine: str = "each"
    smooths: bool = False
    modes: tuple[str, ...] = MODES
    error: float = 0.0
    approximated: tuple[str, ...] = DTYPES

    # Whether results are pixels of the image, and so exact.
    selects: ClassVar[bool] = False

    def call(self, image: Any, **common: Any) -> Any:
        """Filter an image; `common` are the keywords that every filter has."""
        return self.function(image, **self.arguments, **common)

    def explain(self, image: Any) -> Any:
        """Return the plan of a call."""
        return imgconv.explain(self.function, image, **self.arguments)

    def results(self, image: Any, **common: Any) -> tuple[Any, ...]:
        """Filter an image and return a tuple, of one result or of two."""
        return as_tuple(self.call(image, **common))

    def exact(self, image: Any, mode: str = "reflect", cval: float = 0.0) -> tuple[Any, ...]:
        """Return the results of the reference implementation in float64, a tuple as well."""
        parts = [part(image, mode, cval) for part in self.parts]
        if self.combine == "each":
            return tuple(parts)
        magnitude = np.hypot(*parts)
        return (magnitude,) if self.combine == "magnitude" else (magnitude, np.arctan2(*parts))

    def result_dtype(self, dtype: Any) -> np.dtype[Any]:
        """Return the dtype of the result of an image."""
        return oracle.result_dtype(dtype, self.smooths)

    @property
    def count(self) -> int:
        """Number of results."""
        return 1 if self.combine == "magnitude" else len(self.parts)

    @property
    def keeps_size(self) -> bool:
        """Whether results have the size of the image."""
        return not self.arguments.keys() & {"stride", "shape"}

    @property
    def by_tiles(self) -> bool:
        """Whether pixels of a tile share their rounding, because it is transformed as a whole."""
        return self.arguments.get("method") == "fft"

    def fits(self, shape: tuple[int, ...]) -> bool:
        """Whether the filter takes images of this size: shape="valid" needs room for the kernel."""
        valid = self.arguments.get("shape") == "valid"
        return not valid or all(k <= n for k, n in zip(self.parts[0].window, shape, strict=True))

    def tolerances(self, exact: tuple[Any, ...], image: NDArray[Any], cval: float) -> Any:
        """Return for each result how far off it may be, rounding to its dtype aside."""
        largest = largest_pixel(image, cval)
        eps = np.finfo(oracle.compute_dtype(image.dtype)).eps
        gain = np.hypot.reduce([part.gain for part in self.parts])
        tolerance = ULPS * eps * gain * largest
        if image.dtype.name in self.approximated:
            tolerance += self.error * 2 * largest
        if self.combine != "polar":
            return (tolerance,) * len(exact)
        # An angle is as certain as the vector is long, and not at all where that is 0 (0 / 0, too).
        with np.errstate(divide="ignore", invalid="ignore"):
            angle = tolerance / exact[0] + ULPS * eps * np.pi
        return tolerance, np.fmin(angle, 2 * np.pi)


@dataclass(frozen=True)
class Selection(Case):
    """A filter whose results are pixels: exact in every dtype, in the dtype of the image.

    `select` is the reference implementation; it returns the result in the image's dtype. `parts` is
    one kernel of ones, where a result depends on the image. `stacked` is the number of
    results along a new first axis, 0 without one.
    """

    select: Filter | None = None
    stacked: int = 0

    selects: ClassVar[bool] = True

    def exact(self, image: Any, mode: str = "reflect", cval: float = 0.0) -> tuple[Any, ...]:
        """Return the result of the reference implementation, in the image's dtype, in a tuple."""
        assert self.select is not None
        return (self.select(np.asarray(image), mode, cval),)

    @property
    def count(self) -> int:
        """All stacked results are in one array."""
        return 1

    @property
    def keeps_size(self) -> bool:
        """Whether results have the size of the image."""
        return not self.stacked

    def result_dtype(self, dtype: Any) -> np.dtype[Any]:
        """Return the image's dtype, bool too."""
        return np.dtype(dtype).newbyteorder("=")

    def tolerances(self, exact: tuple[Any, ...], image: NDArray[Any], cval: float) -> Any:
        """Nothing may be off."""
        return (0,) * len(exact)


@dataclass(frozen=True)
class Other:
    """A filter whose results are compared as a whole, since they are no sums of products.

    `expected` is called with an image and returns what `function` does, of the same dtype. Floats
    may be off by `ulps` of the largest value; so may integers of 64 bits, if `via_float`. `stacked`
    is the number of results along a new first axis, 0 without one.
    """

    id: str
    function: Callable[..., Any]
    arguments: dict[str, Any]
    expected: Callable[[Any], Any]
    ulps: float = 0
    via_float: bool = False
    stacked: int = 0

    @property
    def keeps_size(self) -> bool:
        """Whether results have the size of the image."""
        resized = self.function is imgconv.pool or self.arguments.get("shape") == "full"
        return not resized and not self.stacked

    def fits(self, shape: tuple[int, ...]) -> bool:
        """Whether the filter takes images of this size: a pool needs room for a window.

        With `ceil_mode` the first window may end beyond the image, by less than a stride.
        """
        if self.function is not imgconv.pool:
            return True
        sides = np.broadcast_to(self.arguments["size"], 2)
        spans = (sides - 1) * self.arguments.get("dilation", 1) + 1
        padding = np.broadcast_to(self.arguments.get("padding", 0), (2, 2)).sum(axis=1)
        beyond = (np.asarray(self.arguments.get("stride", sides)) - 1) * self.arguments.get(
            "ceil_mode", False
        )
        return bool((spans <= shape + padding + beyond).all())

    def call(self, image: Any, **common: Any) -> Any:
        """Filter an image; `common` are the keywords that every filter has."""
        return self.function(image, **self.arguments, **common)

    def assert_right(self, actual: Any, image: NDArray[Any]) -> None:
        """What the filter returned is what it should return."""
        expected = self.expected(image)
        try:
            if expected.dtype.kind == "f":
                assert_close(actual, expected, ulps=self.ulps, scale=np.nanmax(np.abs(image)))
            elif self.via_float and expected.dtype.itemsize == 8:
                assert actual.dtype == expected.dtype
                assert_close(*(a.astype(float) for a in (actual, expected)), ulps=self.ulps)
            else:
                np.testing.assert_array_equal(actual, expected, strict=True)
        except AssertionError as error:
            error.add_note(f"{self.id}, {image.dtype} image {image.shape}")
            raise


def as_tuple(results: Any) -> tuple[Any, ...]:
    return (results,) if isinstance(results, np.ndarray) else tuple(results)


def largest_pixel(image: Any, cval: float) -> float:
    """Return the largest magnitude of a pixel, inside the image or beyond its border."""
    pixels = np.abs(np.append(np.asarray(image, np.float64), cval))
    return pixels[np.isfinite(pixels)].max()


def sample(shape: Any, dtype: Any = np.float32, seed: int = 0) -> NDArray[Any]:
    """Return a random image that uses the range of its dtype."""
    dtype, rng = np.dtype(dtype), np.random.default_rng(seed)
    if dtype.kind == "b":
        return rng.random(shape) < 0.5
    if dtype.kind in "iu":
        limits, native = np.iinfo(dtype), dtype.newbyteorder("=")
        return rng.integers(limits.min, limits.max, shape, native, endpoint=True).astype(dtype)
    return (100 * rng.normal(size=shape)).astype(dtype)


# ---- to write rows shortly -----------------------------------------------------------------------


def row_id(*parts: Any, **options: Any) -> str:
    """Return the name of a row: a filter, and how it differs from the filter's other rows.

    >>> row_id("correlate", "3x5", stride=(3, 2))
    'correlate-3x5-stride(3,2)'
    """
    named = [f"{name}{value}" for name, value in options.items()]
    return "-".join([*map(str, parts), *named]).replace(" ", "")


def library_filter(function: Callable[..., Any], *arguments: Any, **options: Any) -> Filter:
    """Return a filter of a library that takes mode and cval as keywords."""
    return lambda image, mode, cval: function(image, *arguments, **options, mode=mode, cval=cval)


def library_filter_of_one_border(
    function: Callable[..., Any], *arguments: Any, **options: Any
) -> Filter:
    """Return a filter of a library that takes no mode: its row has the one mode it extends by."""
    return lambda image, mode, cval: function(image, *arguments, **options)
