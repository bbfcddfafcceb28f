"""The table of filters: each row a call, the library it is held against, and its slow twin.

Tests and benchmarks sweep all rows of CASES. A new filter needs a row here and is then tested with
every dtype, border, memory layout, instruction set and number of threads.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import oracle
from comparing import assert_close, assert_same_bits
from scipy import ndimage, signal
from skimage import feature, filters

import imgconv

MODES = ("reflect", "mirror", "nearest", "wrap", "constant")
DTYPES = (*oracle.SINGLE, *oracle.DOUBLE)

# A computed value may be off by so many units in the last place of the largest sum of
# |weight * pixel| that can occur.
ULPS = 8


@dataclass(frozen=True)
class Part:
    """A linear part of a filter: a dense kernel, correlated or (`turned`) convolved."""

    kernel: np.ndarray
    turned: bool = False
    options: dict = field(default_factory=dict)

    def __call__(self, image, mode, cval):
        slide = oracle.convolve if self.turned else oracle.correlate
        return slide(image, self.kernel, mode=mode, cval=cval, **self.options)

    @property
    def gain(self):
        """The largest value that pixels of at most 1 can give."""
        return np.abs(self.kernel).sum()

    @property
    def window(self):
        """Height and width of what a result depends on."""
        dilation = np.broadcast_to(self.options.get("dilation", 1), 2)
        return tuple(int(d * (k - 1) + 1) for d, k in zip(dilation, self.kernel.shape, strict=True))


@dataclass(frozen=True)
class Case:
    """A filter with arguments.

    `reference` is called with (image, mode, cval), knows `modes` only, and answers as `function`
    does. `parts` are what the slow twin computes; `combine` makes "magnitude" or "polar" of two.
    `error` is how far off an approximation may be, as a share of the range of the pixels; of images
    that are `approximated`.
    """

    id: str
    function: Callable
    arguments: dict
    reference: Callable
    parts: tuple[Part, ...]
    combine: str = "each"
    smooths: bool = False
    modes: tuple[str, ...] = MODES
    error: float = 0.0
    approximated: tuple[str, ...] = DTYPES
    ordered = False

    def call(self, image, **common):
        """Filter an image; `common` are the keywords that every filter has."""
        return self.function(image, **self.arguments, **common)

    def explain(self, image):
        """Return the plan of a call."""
        return imgconv.explain(self.function, image, **self.arguments)

    def results(self, image, **common):
        """Filter an image and return a tuple, of one result or of two."""
        return as_tuple(self.call(image, **common))

    def twin(self, image, mode="reflect", cval=0.0):
        """Return the results in float64 by the definition, a tuple as well."""
        parts = [part(image, mode, cval) for part in self.parts]
        if self.combine == "each":
            return tuple(parts)
        magnitude = np.hypot(*parts)
        return (magnitude,) if self.combine == "magnitude" else (magnitude, np.arctan2(*parts))

    def result_dtype(self, dtype):
        """Return the dtype of the result of an image."""
        return oracle.result_dtype(dtype, self.smooths)

    @property
    def count(self):
        """Number of results."""
        return 1 if self.combine == "magnitude" else len(self.parts)

    @property
    def keeps_size(self):
        """Whether results have the size of the image."""
        return not self.arguments.keys() & {"stride", "shape"}

    @property
    def by_tiles(self):
        """Whether pixels of a tile share their rounding, because it is transformed as a whole."""
        return self.arguments.get("method") == "fft"

    def fits(self, shape):
        """Whether the filter takes images of this size: shape="valid" wants one for the kernel."""
        valid = self.arguments.get("shape") == "valid"
        return not valid or all(k <= n for k, n in zip(self.parts[0].window, shape, strict=True))

    def tolerances(self, exact, image, cval):
        """Return for each result how far off it may be, rounding to its dtype aside."""
        pixels = np.abs(np.append(np.asarray(image, np.float64), cval))
        largest = pixels[np.isfinite(pixels)].max()
        eps = np.finfo(oracle.compute_dtype(image.dtype)).eps
        gain = np.hypot.reduce([part.gain for part in self.parts])
        tolerance = ULPS * eps * gain * largest
        if image.dtype.name in self.approximated:
            tolerance += self.error * 2 * largest
        if self.combine != "polar":
            return (tolerance,) * len(exact)
        # An angle is as sure as the vector is long, and not at all where that is 0 (0 / 0, too).
        with np.errstate(divide="ignore", invalid="ignore"):
            turn = tolerance / exact[0] + ULPS * eps * np.pi
        return tolerance, np.fmin(turn, 2 * np.pi)


@dataclass(frozen=True)
class Choice(Case):
    """A filter that chooses pixels: exact in every dtype, in the dtype of the image.

    `chosen` is the slow twin: called with (image, mode, cval), it returns the result in the image's
    dtype. `parts` is one kernel of ones, where a result depends on the image.
    """

    chosen: Callable | None = None
    layers: int = 0
    ordered: bool = True

    def twin(self, image, mode="reflect", cval=0.0):
        """Return the result by the definition, in the image's dtype, in a tuple."""
        return (self.chosen(np.asarray(image), mode, cval),)

    @property
    def count(self):
        """All layers are in one result."""
        return 1

    @property
    def keeps_size(self):
        """Whether results have the size of the image."""
        return not self.layers

    def result_dtype(self, dtype):
        """Return the image's dtype, bool too."""
        return np.dtype(dtype).newbyteorder("=")

    def tolerances(self, exact, image, cval):
        """Nothing may be off."""
        return (0,) * len(exact)


def as_tuple(results):
    return (results,) if isinstance(results, np.ndarray) else tuple(results)


def assert_right(case, actual, image, *, mode="reflect", cval=0.0, dtype=None, exact=None):
    """What a filter gave is, in every pixel, the exact value rounded to the dtype of the result.

    Rounding is monotone. So a result that was off by at most the tolerance before it was rounded
    lies between the rounded ends of that interval: integers are equal unless the exact value comes
    near a tie.

    `exact` is what to compare with in place of the slow twin. `dtype` is what was asked for.
    """
    actual = as_tuple(actual)
    exact = case.twin(image, mode, cval) if exact is None else as_tuple(exact)
    assert len(actual) == len(exact), f"{len(actual)} results, expected {len(exact)}"
    dtype = case.result_dtype(image.dtype) if dtype is None else np.dtype(dtype)
    tolerances = case.tolerances(exact, image, cval)
    pi = oracle.compute_dtype(image.dtype).type(np.pi)
    try:
        for one, value, tolerance in zip(actual, exact, tolerances, strict=True):
            if case.ordered:
                assert_chosen(one, value, dtype)
            elif case.combine == "polar" and value is exact[1]:
                assert_rounded(one, unwrapped(value, tolerance, one), tolerance, dtype, bound=pi)
            else:
                assert_rounded(one, value, tolerance, dtype)
    except AssertionError as error:
        error.add_note(f"{case.id}, {image.dtype} image {image.shape}, {mode=}, {cval=}")
        raise


def assert_untouched(case, actual, expected):
    """What other pixels of an image `sample` hold changes no bit; by tiles, their rounding only."""
    if case.by_tiles:
        largest = case.parts[0].gain * 100 * 5
        assert_close(actual, expected, ulps=ULPS, scale=largest)
    else:
        assert_same_bits(actual, expected)


def assert_chosen(actual, exact, dtype):
    """The values are those of `exact`, converted to `dtype`; -0.0 is 0.0."""
    assert type(actual) is np.ndarray, f"actual must be an ndarray, got {type(actual).__name__}"
    assert actual.shape == exact.shape, f"shape {actual.shape}, expected {exact.shape}"
    assert actual.dtype == dtype, f"dtype {actual.dtype.str}, expected {dtype.str}"
    wanted = oracle.convert(exact, dtype)
    right = actual == wanted
    if actual.dtype.kind == "f":
        right |= np.isnan(actual) & np.isnan(wanted)
    if not right.all():
        place = tuple(map(int, np.argwhere(~right)[0]))
        raise AssertionError(
            f"{np.count_nonzero(~right)} of {actual.size} values are wrong; the first at {place}: "
            f"{actual[place]!r}, expected {wanted[place]!r} exactly"
        )


def unwrapped(angle, tolerance, actual):
    """Return the angles, those that may as well be pi as -pi on the side of `actual`."""
    either = np.abs(angle) + tolerance >= np.pi
    return np.where(either, np.where(actual > 0, np.abs(angle), -np.abs(angle)), angle)


def assert_rounded(actual, exact, tolerance, dtype, bound=np.inf):
    """The values are those of `exact` +- tolerance (within +- bound), rounded to `dtype`."""
    assert type(actual) is np.ndarray, f"actual must be an ndarray, got {type(actual).__name__}"
    assert actual.shape == exact.shape, f"shape {actual.shape}, expected {exact.shape}"
    assert actual.dtype == dtype, f"dtype {actual.dtype.str}, expected {dtype.str}"
    low = oracle.round_to(np.maximum(exact - tolerance, -bound), dtype)
    high = oracle.round_to(np.minimum(exact + tolerance, bound), dtype)
    right = (low <= actual) & (actual <= high)
    if actual.dtype.kind == "f":
        right |= np.isnan(actual) & np.isnan(exact)
    if not right.all():
        place = tuple(map(int, np.argwhere(~right)[0]))
        raise AssertionError(
            f"{np.count_nonzero(~right)} of {actual.size} values are wrong; the first at {place}: "
            f"{actual[place]!r}, expected {exact[place]!r} within {np.max(tolerance):.3g}"
        )


def sample(shape, dtype=np.float32, seed=0):
    """Return a random image that uses the range of its dtype."""
    dtype, rng = np.dtype(dtype), np.random.default_rng(seed)
    if dtype.kind == "b":
        return rng.random(shape) < 0.5
    if dtype.kind in "iu":
        limits, native = np.iinfo(dtype), dtype.newbyteorder("=")
        return rng.integers(limits.min, limits.max, shape, native, endpoint=True).astype(dtype)
    return (100 * rng.normal(size=shape)).astype(dtype)


# ---- correlate, convolve ---------------------------------------------------------------------

SIGNAL_BOUNDARY = {"reflect": "symm", "wrap": "wrap", "constant": "fill"}


def scipy_dense(name, kernel, shape="same", stride=1, dilation=1):
    """Return scipy.ndimage or scipy.signal with a kernel whose taps are moved apart."""
    dilation, (sy, sx) = np.broadcast_to(dilation, 2), np.broadcast_to(stride, 2)
    spread = np.zeros(dilation * (np.array(kernel.shape) - 1) + 1)
    spread[:: dilation[0], :: dilation[1]] = kernel

    def reference(image, mode, cval):
        if shape == "same":
            whole = getattr(ndimage, name)(image, spread, mode=mode, cval=cval)
        else:
            boundary = SIGNAL_BOUNDARY[mode]
            whole = getattr(signal, name + "2d")(image, spread, shape, boundary, cval)
        return whole[::sy, ::sx]

    return reference


def random_kernel(*shape):
    return np.random.default_rng(shape).normal(size=shape)


def dense_cases():
    """Yield correlate and convolve with kernels of many shapes, strides and dilations."""
    rows = [
        ((1, 1), {}),
        ((1, 5), {}),
        ((6, 1), {}),
        ((2, 2), {}),
        ((3, 3), {}),
        ((4, 3), {}),
        ((5, 5), {}),
        ((7, 9), {}),
        ((21, 21), {}),
        ((3, 3), {"stride": 2}),
        ((4, 5), {"stride": (1, 3)}),
        ((5, 2), {"stride": (4, 1)}),
        ((3, 3), {"dilation": 2}),
        ((5, 3), {"dilation": (1, 4)}),
        ((1, 3), {"dilation": (5, 2)}),
        ((3, 5), {"stride": (3, 2), "dilation": (2, 3)}),
        ((3, 4), {"shape": "full"}),
        ((5, 5), {"shape": "full", "stride": (2, 3), "dilation": (1, 2)}),
        ((3, 4), {"shape": "valid"}),
        ((5, 5), {"shape": "valid", "stride": (3, 2), "dilation": (2, 1)}),
    ]
    for (size, options), function in [
        (row, f) for row in rows for f in (imgconv.correlate, imgconv.convolve)
    ]:
        name, kernel = function.__name__, random_kernel(*size)
        words = [f"{k}{v}".replace(" ", "") for k, v in options.items()]
        yield Case(
            id="-".join([name, "x".join(map(str, size)), *words]),
            function=function,
            arguments={"kernel": kernel, **options},
            reference=scipy_dense(name, kernel, **options),
            parts=(Part(kernel, turned=function is imgconv.convolve, options=options),),
            modes=tuple(SIGNAL_BOUNDARY) if options.get("shape") else MODES,
        )


def low_rank_kernel(rank, *shape):
    rng = np.random.default_rng(shape)
    return rng.normal(size=(shape[0], rank)) @ rng.normal(size=(rank, shape[1]))


def method_cases():
    """Yield the ways to correlate with one kernel; "auto" takes the terms of the last rows."""
    rows = [
        ("fft", random_kernel(5, 7), {}),
        ("fft", random_kernel(4, 1), {"stride": (2, 3)}),
        ("fft", random_kernel(3, 5), {"dilation": (2, 3)}),
        ("fft", random_kernel(5, 6), {"shape": "full"}),
        ("fft", random_kernel(6, 5), {"shape": "valid", "stride": 2}),
        ("separable", low_rank_kernel(2, 5, 6), {}),
        ("separable", low_rank_kernel(3, 7, 8), {"shape": "full", "stride": (2, 1)}),
        ("separable", low_rank_kernel(1, 4, 3), {"shape": "valid", "stride": (1, 3)}),
        ("auto", low_rank_kernel(1, 8, 9), {}),
        ("auto", low_rank_kernel(2, 15, 13), {}),
    ]
    for (method, kernel, options), function in [
        (row, f) for row in rows for f in (imgconv.correlate, imgconv.convolve)
    ]:
        name = function.__name__
        words = [f"{k}{v}".replace(" ", "") for k, v in options.items()]
        yield Case(
            id="-".join([name, method, "x".join(map(str, kernel.shape)), *words]),
            function=function,
            arguments={"kernel": kernel, "method": method, **options},
            reference=scipy_dense(name, kernel, **options),
            parts=(Part(kernel, turned=function is imgconv.convolve, options=options),),
            modes=tuple(SIGNAL_BOUNDARY) if options.get("shape") else MODES,
        )


# ---- separable filters -----------------------------------------------------------------------


def scipy_separable(image, mode, cval, kernel_y, kernel_x):
    columns = ndimage.correlate1d(image, kernel_y, 0, mode=mode, cval=cval)
    return ndimage.correlate1d(columns, kernel_x, 1, mode=mode, cval=cval)


def separable_cases():
    """Yield kernels of few, many, odd and even taps, with zeros among them."""
    for ny, nx in [(3, 3), (1, 7), (4, 2), (13, 1), (5, 11)]:
        kernels = {
            "kernel_y": np.random.default_rng(ny).normal(size=ny),
            "kernel_x": np.random.default_rng(nx).integers(-2, 3, nx),
        }
        yield Case(
            id=f"separable-{ny}x{nx}",
            function=imgconv.separable,
            arguments=kernels,
            reference=partial(scipy_separable, **kernels),
            parts=(Part(np.outer(*kernels.values())),),
        )


# ---- Gaussians -------------------------------------------------------------------------------


def gaussian_kernel(sigma, order=0, truncate=4.0, radius=None):
    """Return SciPy's 2-D kernel, from what its filter makes of a single pixel."""
    arguments = (np.broadcast_to(argument, 2) for argument in (sigma, order, radius))
    factors = []
    for s, o, r in zip(*arguments, strict=True):
        reach = int(truncate * s + 0.5) if r is None else int(r)
        dot = np.zeros(2 * reach + 1)
        dot[reach] = 1
        options = {"mode": "constant", "truncate": truncate, "radius": r}
        factors.append(ndimage.gaussian_filter1d(dot, s, order=o, **options)[::-1] if s else dot)
    return np.outer(*factors)


def larger(kernel, size):
    """Return the kernel in the middle of zeros."""
    (top, left) = ((n - k) // 2 for n, k in zip(size, kernel.shape, strict=True))
    return np.pad(kernel, ((top, top), (left, left)))


def sum_of(*kernels):
    """Return the sum of kernels of several odd sizes."""
    size = np.max([kernel.shape for kernel in kernels], axis=0)
    return sum(larger(kernel, size) for kernel in kernels)


def gaussian_cases():
    """Yield Gaussians and their derivatives."""
    for words in [
        {"sigma": 0.8},
        {"sigma": 1.5},
        {"sigma": 4},
        {"sigma": (0.6, 2.5)},
        {"sigma": 0},
        {"sigma": (0, 1.2)},
        {"sigma": 2, "truncate": 1.5},
        {"sigma": (1, 3), "radius": (2, 4)},
        {"sigma": 1, "order": 1},
        {"sigma": (1, 2), "order": (0, 2)},
        {"sigma": 1.5, "order": (3, 1)},
    ]:
        smooths = not np.any(words.get("order", 0))
        yield Case(
            id="gaussian-" + "-".join(f"{k}{v}".replace(" ", "") for k, v in words.items()),
            function=imgconv.gaussian,
            arguments=words,
            reference=lambda image, mode, cval, words=words: ndimage.gaussian_filter(
                image, mode=mode, cval=cval, **words
            ),
            parts=(Part(gaussian_kernel(**words)),),
            smooths=smooths,
        )


def resampled_cases():
    """Yield Gaussians on a coarse grid: asked for, and where integers hide it."""
    for words, approximated in [
        ({"sigma": (8, 0.6), "method": "resample"}, DTYPES),
        ({"sigma": (0, 12.5), "method": "resample"}, DTYPES),
        ({"sigma": (9, 0)}, ("bool", "int8", "uint8")),
        ({"sigma": (9, 0), "method": "direct"}, ()),
    ]:
        sigma = words["sigma"]
        yield Case(
            id="gaussian-" + "-".join(f"{k}{v}".replace(" ", "") for k, v in words.items()),
            function=imgconv.gaussian,
            arguments=words,
            reference=lambda image, mode, cval, sigma=sigma: ndimage.gaussian_filter(
                image, sigma, mode=mode, cval=cval
            ),
            parts=(Part(gaussian_kernel(sigma)),),
            smooths=True,
            error=1e-4 if approximated else 0.0,
            approximated=approximated,
        )


def second_derivatives(sigma):
    return sum_of(gaussian_kernel(sigma, (2, 0)), gaussian_kernel(sigma, (0, 2)))


def difference(low, high):
    return sum_of(gaussian_kernel(low), -gaussian_kernel(high))


def unsharp(radius, amount):
    return sum_of([[1 + amount]] * np.ones((1, 1)), -amount * gaussian_kernel(radius))


def sigma_cases():
    """Yield the filters that are made of Gaussians."""
    for sigma in (1, (0.7, 2)):
        yield Case(
            id=f"gaussian_laplace-{sigma}".replace(" ", ""),
            function=imgconv.gaussian_laplace,
            arguments={"sigma": sigma},
            reference=lambda image, mode, cval, sigma=sigma: ndimage.gaussian_laplace(
                image, sigma, mode=mode, cval=cval
            ),
            parts=(Part(second_derivatives(sigma)),),
        )
        yield Case(
            id=f"gaussian_gradient_magnitude-{sigma}".replace(" ", ""),
            function=imgconv.gaussian_gradient_magnitude,
            arguments={"sigma": sigma},
            reference=lambda image, mode, cval, s=sigma: ndimage.gaussian_gradient_magnitude(
                image, s, mode=mode, cval=cval
            ),
            parts=tuple(Part(gaussian_kernel(sigma, order)) for order in ((1, 0), (0, 1))),
            combine="magnitude",
        )
    for low, high in ((1, None), (0.5, 2), ((0, 1), (1, 3))):
        yield Case(
            id=f"difference_of_gaussians-{low}-{high}".replace(" ", ""),
            function=imgconv.difference_of_gaussians,
            arguments={"low_sigma": low, "high_sigma": high},
            reference=lambda image, mode, cval, low=low, high=high: filters.difference_of_gaussians(
                image, low, high, mode=mode, cval=cval
            ),
            parts=(Part(difference(low, 1.6 * low if high is None else high)),),
        )
    for radius, amount in ((1.0, 1.0), (2.5, 0.5), (1.5, -0.75)):
        yield Case(
            id=f"unsharp_mask-{radius}-{amount}",
            function=imgconv.unsharp_mask,
            arguments={"radius": radius, "amount": amount},
            reference=lambda image, mode, cval, radius=radius, amount=amount: filters.unsharp_mask(
                image, radius, amount, preserve_range=True
            ),
            parts=(Part(unsharp(radius, amount)),),
            smooths=True,
            modes=("reflect",),
        )


# ---- box -------------------------------------------------------------------------------------


def box_cases():
    """Yield rectangles on both sides of the widths and heights that take other ways."""
    for size in (1, 2, 3, (4, 6), (1, 5), (7, 1), 9, (16, 17), 31):
        height, width = np.broadcast_to(size, 2)
        yield Case(
            id=f"box-{size}".replace(" ", ""),
            function=imgconv.box,
            arguments={"size": size},
            reference=lambda image, mode, cval, size=size: ndimage.uniform_filter(
                image, size, mode=mode, cval=cval
            ),
            parts=(Part(np.full((height, width), 1 / (height * width))),),
            smooths=True,
        )


# ---- edges -----------------------------------------------------------------------------------

# One-dimensional factors as published: the difference, and the smoothing across it.
FARID_EDGE = [-0.109603762960254, -0.276690988455557, 0, 0.276690988455557, 0.109603762960254]
FARID_SMOOTH = [
    0.0376593171958126, 0.249153396177344, 0.426374573253687, 0.249153396177344, 0.0376593171958126
]  # fmt: skip
EDGE_FACTORS = {
    "sobel": ([-1, 0, 1], [1, 2, 1]),
    "sobel5": ([-1, -2, 0, 2, 1], [1, 4, 6, 4, 1]),
    "sobel7": ([-1, -4, -5, 0, 5, 4, 1], [1, 6, 15, 20, 15, 6, 1]),
    "scharr": ([-1, 0, 1], [3, 10, 3]),
    "prewitt": ([-1, 0, 1], [1, 1, 1]),
    "farid": (FARID_EDGE, FARID_SMOOTH),
}
ROBERTS = (np.array([[1.0, 0], [0, -1]]), np.array([[0, 1.0], [-1, 0]]))


def edge_kernels(name, normalize=True):
    """Return the kernels along y and x."""
    edge, smooth = (np.array(factor, np.float64) for factor in EDGE_FACTORS[name])
    if normalize and name != "farid":
        edge, smooth = edge / edge[edge > 0].sum(), smooth / smooth.sum()
    return np.outer(edge, smooth), np.outer(smooth, edge)


def two_filters(library, image, scale=1.0, **options):
    """Return what a library's filter gives along y and along x."""
    return tuple(scale * library(image, axis=axis, **options) for axis in (0, 1))


def edge_reference(name, axis, normalize):
    """Return scikit-image's filter, or SciPy's where the weights are bare integers."""

    def skimage(image, mode, cval):
        return getattr(filters, name)(image, axis=axis, mode=mode, cval=cval)

    def scipy(image, mode, cval):
        bare = getattr(ndimage, name, None) or scaled_scharr
        if axis is not None:
            return bare(image, axis=axis, mode=mode, cval=cval)
        return np.hypot(*two_filters(bare, image, mode=mode, cval=cval))

    def scaled_scharr(image, **options):
        return 16 * filters.scharr(image, **options)

    def scaled_farid(image, mode, cval):
        return skimage(image, mode, cval) * (np.sqrt(2) if axis is None else 1)

    if normalize:
        return skimage
    return scaled_farid if name == "farid" else scipy


def edge_cases():
    """Yield the edge filters along both axes and their magnitude."""
    for name in ("sobel", "scharr", "prewitt", "farid"):
        for normalize in (True, False):
            kernels = edge_kernels(name, normalize)
            for axis in (None, 0, 1):
                scale = np.sqrt(0.5) if axis is None and normalize else 1.0
                wanted = kernels if axis is None else (kernels[axis],)
                yield Case(
                    id=f"{name}-{axis}" + ("" if normalize else "-bare"),
                    function=getattr(imgconv, name),
                    arguments={"axis": axis, "normalize": normalize},
                    reference=edge_reference(name, axis, normalize),
                    parts=tuple(Part(scale * kernel) for kernel in wanted),
                    combine="magnitude" if axis is None else "each",
                )
    for size in (5, 7):
        kernels = edge_kernels(f"sobel{size}")
        for axis in (None, 0, 1):
            scale = np.sqrt(0.5) if axis is None else 1.0
            wanted = tuple(scale * k for k in (kernels if axis is None else (kernels[axis],)))
            yield Case(
                id=f"sobel{size}-{axis}",
                function=imgconv.sobel,
                arguments={"axis": axis, "size": size},
                reference=lambda image, mode, cval, kernels=wanted: (
                    np.abs(magnitude_of(image, kernels, mode, cval))
                    if len(kernels) == 2
                    else ndimage.correlate(image, kernels[0], mode=mode, cval=cval)
                ),
                parts=tuple(map(Part, wanted)),
                combine="magnitude" if axis is None else "each",
            )


def magnitude_of(image, kernels, mode, cval):
    return np.hypot(*(ndimage.correlate(image, k, mode=mode, cval=cval) for k in kernels))


def roberts_cases():
    """Yield Roberts' diagonals, which scikit-image has with mirrored borders only."""
    functions = (filters.roberts_pos_diag, filters.roberts_neg_diag)
    for normalize in (True, False):
        for axis in (None, 0, 1):
            scale = np.sqrt(0.5) if axis is None and normalize else 1.0
            library = filters.roberts if axis is None else functions[axis]
            factor = np.sqrt(2) if axis is None and not normalize else 1.0
            wanted = ROBERTS if axis is None else (ROBERTS[axis],)
            yield Case(
                id=f"roberts-{axis}" + ("" if normalize else "-bare"),
                function=imgconv.roberts,
                arguments={"axis": axis, "normalize": normalize},
                reference=lambda image, mode, cval, library=library, factor=factor: (
                    factor * library(image)
                ),
                parts=tuple(Part(scale * kernel, turned=True) for kernel in wanted),
                combine="magnitude" if axis is None else "each",
                modes=("reflect",),
            )


def gradient_cases():
    """Yield both derivatives at once, held against the library's two filters one by one."""
    for name in ("sobel", "scharr", "prewitt", "farid"):
        for polar in (False, True):

            def reference(image, mode, cval, name=name, polar=polar):
                library = getattr(filters, name)
                gy, gx = two_filters(library, image, mode=mode, cval=cval)
                return (np.hypot(gy, gx), np.arctan2(gy, gx)) if polar else (gy, gx)

            yield Case(
                id=f"gradient-{name}" + ("-polar" if polar else ""),
                function=imgconv.gradient,
                arguments={"kernel": name, "polar": polar},
                reference=reference,
                parts=tuple(map(Part, edge_kernels(name))),
                combine="polar" if polar else "each",
            )


# Central differences by order and accuracy, from Fornberg's tables.
DIFFERENCES = {
    (0, 2): [1.0],
    (1, 2): [-1 / 2, 0, 1 / 2],
    (1, 4): [1 / 12, -2 / 3, 0, 2 / 3, -1 / 12],
    (2, 2): [1, -2, 1],
    (2, 6): [1 / 90, -3 / 20, 3 / 2, -49 / 18, 3 / 2, -3 / 20, 1 / 90],
    (3, 2): [-1 / 2, 1, 0, -1, 1 / 2],
    (4, 2): [1, -4, 6, -4, 1],
}


def derivative_cases():
    """Yield finite differences along both axes."""
    for (order, accuracy), weights in DIFFERENCES.items():
        for axis in (0, 1):
            kernel = np.array([weights], np.float64)
            yield Case(
                id=f"derivative-{axis}-order{order}-accuracy{accuracy}",
                function=imgconv.derivative,
                arguments={"axis": axis, "order": order, "accuracy": accuracy},
                reference=lambda image, mode, cval, weights=weights, axis=axis: ndimage.correlate1d(
                    image, weights, axis, mode=mode, cval=cval
                ),
                parts=(Part(kernel.T if axis == 0 else kernel),),
            )


def laplace_cases():
    """Yield the Laplacian."""
    yield Case(
        id="laplace",
        function=imgconv.laplace,
        arguments={},
        reference=lambda image, mode, cval: ndimage.laplace(image, mode=mode, cval=cval),
        parts=(Part(np.array([[0.0, 1, 0], [1, -4, 1], [0, 1, 0]])),),
    )


# ---- gabor -----------------------------------------------------------------------------------


def gabor_cases():
    """Yield round and long Gabor kernels in several directions."""
    for words in [
        {"frequency": 0.25},
        {"frequency": 0.2, "theta": 0.6, "offset": 0.4},
        {"frequency": 0.3, "theta": -1.1, "sigma_x": 1.5, "sigma_y": 3.0},
        {"frequency": 0.4, "theta": np.pi / 2, "bandwidth": 1.5, "n_stds": 2},
    ]:
        kernel = filters.gabor_kernel(**words)
        yield Case(
            id="gabor-" + "-".join(f"{k}{v:.3g}" for k, v in words.items()),
            function=imgconv.gabor,
            arguments=words,
            reference=lambda image, mode, cval, words=words: tuple(
                filters.gabor(image, mode=mode, cval=cval, **words)
            ),
            parts=(Part(kernel.real, turned=True), Part(kernel.imag, turned=True)),
        )


# ---- filters that keep edges -------------------------------------------------------------------


def in_colours(words, dtype):
    """Return arguments whose units are those of `sample` images: sigma_color, eps."""
    dtype = np.dtype(dtype)
    unit = {"f": 100.0, "b": 0.4}.get(dtype.kind) or 0.4 * np.iinfo(dtype).max
    units = {"sigma_color": unit, "eps": unit**2}
    return {name: units[name] * value if name in units else value for name, value in words.items()}


@dataclass(frozen=True)
class Weighing:
    """A part that is no sum of products: what a filter that keeps edges makes of its window."""

    slow: Callable
    words: dict
    guided: bool
    window: tuple[int, int]

    @property
    def kernel(self):
        """The pixels of the window, of which none is left out."""
        return np.ones(self.window)

    def __call__(self, image, mode, cval):
        image, words = np.asarray(image), in_colours(self.words, np.asarray(image).dtype)
        image = image.astype(np.float64)
        with np.errstate(invalid="ignore"):
            return self.slow(image, *[image] * self.guided, **words, mode=mode, cval=cval)


@dataclass(frozen=True)
class KeepsEdges(Case):
    """A filter that keeps edges. An image is its own guide.

    Results may be off by a share of the largest value: `single` where float32 is computed in, else
    `double`. Channels are filtered one by one, as by other filters. To `bilateral`, which has one
    weight for all channels of a pixel, they are given as a stack.
    """

    smooths: bool = True
    single: float = 0.0
    double: float = 0.0

    def call(self, image, **common):
        if self.function is not imgconv.guided:
            common = as_stack(np.ndim(image), common)
        return self.function(image, *self.given(image), **self.words(image), **common)

    def explain(self, image):
        return imgconv.explain(self.function, image, *self.given(image), **self.words(image))

    def given(self, image):
        return (image,) * self.parts[0].guided

    def words(self, image):
        return in_colours(self.arguments, getattr(image, "dtype", "f8"))

    def tolerances(self, exact, image, cval):
        pixels = np.abs(np.append(np.asarray(image, np.float64), cval))
        single = oracle.compute_dtype(image.dtype) == np.float32
        return ((self.single if single else self.double) * pixels[np.isfinite(pixels)].max(),)


def as_stack(ndim, common):
    """Return keywords that make the channels of an image a stack."""
    channel, axes = common.get("channel_axis"), common.get("axes")
    if channel is None or not (axes or ndim == 3):
        return common
    images = axes or tuple(axis for axis in range(3) if axis != channel % 3)
    return {**common, "channel_axis": None, "axes": images}


def keeps_edges_cases():
    """Yield windows of both kinds, distances of both kinds, and means over small and large squares.

    No library has `bilateral` as it is defined: see test_denoise.py.
    """
    for function, words in [
        (imgconv.bilateral, {"win_size": 5, "sigma_color": 1.0, "sigma_spatial": 1.0}),
        (imgconv.bilateral, {"win_size": 9, "sigma_color": 0.3, "sigma_spatial": 2.0}),
        (imgconv.bilateral, {"win_size": 1, "sigma_color": 1.0, "sigma_spatial": 1.0}),
        (imgconv.bilateral, {"win_size": 7, "sigma_color": 0.5, "sigma_spatial": 1.5,
                             "window": "disk", "metric": "l1"}),
        (imgconv.joint_bilateral, {"win_size": 5, "sigma_color": 0.5, "sigma_spatial": 1.5}),
    ]:  # fmt: skip
        size = words["win_size"]
        guided = function is imgconv.joint_bilateral
        yield KeepsEdges(
            id="-".join([function.__name__, *map(str, words.values())]),
            function=function,
            arguments=words,
            reference=None,
            parts=(Weighing(oracle.bilateral, words, guided, (size, size)),),
            modes=(),
            single=1e-6,
            double=1e-14,
        )
    for words in [
        {"radius": 0, "eps": 0.1},
        {"radius": 1, "eps": 1.0},
        {"radius": 3, "eps": 0.01},
        {"radius": 8, "eps": 0.2},
    ]:
        reach = 4 * words["radius"] + 1
        yield KeepsEdges(
            id="guided-{radius}-{eps}".format(**words),
            function=imgconv.guided,
            arguments=words,
            reference=partial(scipy_guided, **words),
            parts=(Weighing(oracle.guided, words, True, (reach, reach)),),
            modes=("reflect", "mirror", "wrap"),
            single=1e-12,
            double=1e-12,
        )


def scipy_guided(image, mode, cval, radius, eps):
    """He's filter of an image by itself, by SciPy's means: with borders that agree in both."""
    eps = in_colours({"eps": eps}, image.dtype)["eps"]
    mean = partial(ndimage.uniform_filter, size=2 * radius + 1, mode=mode)
    variance = mean(image * image) - mean(image) ** 2
    a = variance / (variance + eps)
    return mean(a) * image + mean(mean(image) - a * mean(image))


# ---- minimum, maximum, median, percentile, rank; morphology ----------------------------------


def disk(radius):
    """Return a round footprint."""
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    return y * y + x * x <= radius * radius + 1


RANDOM_FOOTPRINT = np.random.default_rng(3).random((6, 7)) < 0.4
EMPTY_ROWS = np.zeros((5, 6), bool)
EMPTY_ROWS[1, 2:4] = EMPTY_ROWS[3, 0] = True
# On both sides of the sizes that take other ways: registers, networks, histograms.
SIZES = (1, 2, 3, 5, (4, 6), (1, 9), (8, 1), 7, 15, 23, (40, 3))
FOOTPRINTS = {
    "cross": [[0, 1, 0], [1, 1, 1], [0, 1, 0]],
    "random": RANDOM_FOOTPRINT,
    "empty rows": EMPTY_ROWS,
    "disk2": disk(2),
    "disk9": disk(9),
}
SHAPES = [({"size": size}, np.ones(np.broadcast_to(size, 2), bool)) for size in SIZES]
SHAPES += [({"footprint": f}, np.array(f, bool)) for f in FOOTPRINTS.values()]
SHAPE_IDS = [str(size).replace(" ", "") for size in SIZES] + [
    n.replace(" ", "_") for n in FOOTPRINTS
]


def as_scipy(name, footprint, image, mode, cval, *arguments):
    """Return scipy.ndimage's filter, which takes no float16."""
    wide = image.astype(np.float32) if image.dtype == np.float16 else image
    library = getattr(ndimage, name)
    return library(wide, *arguments, footprint=footprint, mode=mode, cval=cval).astype(image.dtype)


def choice(name, function, words, footprint, reference, chosen, layers=0):
    """Return the row of a filter that chooses pixels of a footprint."""
    return Choice(
        id=name,
        function=function,
        arguments=words,
        reference=reference,
        parts=(Part(footprint.astype(float)),),
        smooths=True,
        chosen=chosen,
        layers=layers,
    )


def ranked(footprint, places, image, mode, cval):
    """Return the slow twin's pixels of one place, or of several along a new axis."""
    before = tuple(n // 2 for n in footprint.shape)
    if np.ndim(places):
        return np.stack([ranked(footprint, place, image, mode, cval) for place in places])
    return oracle.rank(image, footprint, before, places, mode, cval)


def order_cases():
    """Yield rank filters of all shapes, by every name."""
    for label, (words, footprint) in zip(SHAPE_IDS, SHAPES, strict=True):
        n = np.count_nonzero(footprint)
        for name, place in (("minimum", 0), ("maximum", n - 1), ("median", n // 2)):
            yield choice(
                f"{name}-{label}",
                getattr(imgconv, name),
                words,
                footprint,
                partial(as_scipy, f"{name}_filter", footprint),
                partial(ranked, footprint, place),
            )
    for label, percentiles in [("5", 25), ("(4,6)", [10, 50, 90]), ("23", (5, 95)),
                               ("random", 100), ("disk9", [0, 70, 100])]:  # fmt: skip
        words, footprint = SHAPES[SHAPE_IDS.index(label)]
        n = np.count_nonzero(footprint)
        many = np.ndim(percentiles) > 0

        def reference(image, mode, cval, footprint=footprint, percentiles=percentiles, many=many):
            one = partial(as_scipy, "percentile_filter", footprint, image, mode, cval)
            return np.stack([one(p) for p in percentiles]) if many else one(percentiles)

        places = np.minimum(n - 1, n * np.array(percentiles) // 100).tolist()
        yield choice(
            f"percentile-{label}-{percentiles}".replace(" ", ""),
            imgconv.percentile,
            words | {"percentiles": percentiles},
            footprint,
            reference,
            partial(ranked, footprint, places),
            layers=len(percentiles) if many else 0,
        )
    for label, place in (("3", 1), ("(4,6)", -3), ("23", 100), ("disk2", 0), ("disk9", -1)):
        words, footprint = SHAPES[SHAPE_IDS.index(label)]
        yield choice(
            f"rank-{label}-{place}",
            imgconv.rank,
            words | {"rank": place},
            footprint,
            lambda image, mode, cval, footprint=footprint, place=place: as_scipy(
                "rank_filter", footprint, image, mode, cval, place
            ),
            partial(ranked, footprint, place % np.count_nonzero(footprint)),
        )


def once_extended(function, footprint, image, mode, cval):
    """Return a filter of an image that is extended before it, by all that two passes may see."""
    margin = tuple(2 * n for n in footprint.shape)
    extended = oracle.extend_pixels(image, margin, margin, mode, cval)
    result = function(extended)
    return result[margin[0] : -margin[0], margin[1] : -margin[1]]


def morphed(name, footprint, image, mode, cval):
    """Return the slow twin of a morphological filter; the border extends the image once."""
    centre = tuple(n // 2 for n in footprint.shape)
    turned = tuple((n - 1) // 2 for n in footprint.shape)

    def erode(image):
        return oracle.rank(image, footprint, centre, 0)

    def dilate(image):
        return oracle.rank(image, footprint[::-1, ::-1], turned, -1)

    twin = {
        "erode": erode,
        "dilate": dilate,
        "opening": lambda image: dilate(erode(image)),
        "closing": lambda image: erode(dilate(image)),
        "morphological_gradient": lambda image: oracle.difference(dilate(image), erode(image)),
        "white_tophat": lambda image: oracle.difference(image, dilate(erode(image))),
        "black_tophat": lambda image: oracle.difference(erode(dilate(image)), image),
    }[name]
    return once_extended(twin, footprint, image, mode, cval)


SCIPY_MORPHOLOGY = {
    "erode": "grey_erosion",
    "dilate": "grey_dilation",
    "opening": "grey_opening",
    "closing": "grey_closing",
    "morphological_gradient": "morphological_gradient",
    "white_tophat": "white_tophat",
    "black_tophat": "black_tophat",
}


def as_scipy_once_extended(name, footprint, image, mode, cval):
    """Return scipy.ndimage's filter, which extends the image again between two passes."""
    library = partial(as_scipy, name, footprint, mode="reflect", cval=0)
    return once_extended(library, footprint, image, mode, cval)


def morphology_cases():
    """Yield morphology with symmetric, even and lopsided elements."""
    for label in ("3", "2", "(4,6)", "15", "cross", "random", "disk9"):
        words, footprint = SHAPES[SHAPE_IDS.index(label)]
        ones = footprint.astype(float)
        reach = {
            "erode": Part(ones),
            "dilate": Part(ones, turned=True),
            "morphological_gradient": Part(larger_by_turning(ones)),
        }
        for name, library in SCIPY_MORPHOLOGY.items():
            yield replace(
                choice(
                    f"{name}-{label}",
                    getattr(imgconv, name),
                    words,
                    footprint,
                    partial(as_scipy_once_extended, library, footprint),
                    partial(morphed, name, footprint),
                ),
                parts=(reach.get(name, Part(signal.convolve2d(ones, ones[::-1, ::-1]))),),
            )


def larger_by_turning(ones):
    """Return where a footprint or its turned self has a pixel, both about their centres."""
    height, width = (2 * n + 1 for n in ones.shape)
    both = np.zeros((height, width))
    for pixels, (top, left) in (
        (ones, (height // 2 - ones.shape[0] // 2, width // 2 - ones.shape[1] // 2)),
        (ones[::-1, ::-1], (height // 2 - (ones.shape[0] - 1) // 2,
                            width // 2 - (ones.shape[1] - 1) // 2)),
    ):  # fmt: skip
        both[top : top + ones.shape[0], left : left + ones.shape[1]] += pixels
    return both


CASES = [
    *order_cases(),
    *morphology_cases(),
    *dense_cases(),
    *method_cases(),
    *separable_cases(),
    *gaussian_cases(),
    *resampled_cases(),
    *sigma_cases(),
    *box_cases(),
    *edge_cases(),
    *roberts_cases(),
    *gradient_cases(),
    *derivative_cases(),
    *laplace_cases(),
    *gabor_cases(),
    *keeps_edges_cases(),
]

BY_ID = {case.id: case for case in CASES}


# ---- filters that are no sums of products ------------------------------------------------------


@dataclass(frozen=True)
class Other:
    """A filter that is known by its results alone.

    `expected` is called with an image and gives what `function` gives, of the same dtype; where
    that is a float, or `via_float` an integer of 64 bits, they may be `ulps` of the largest value
    apart.
    """

    id: str
    function: Callable
    arguments: dict
    expected: Callable
    ulps: float = 0
    via_float: bool = False

    def call(self, image, **common):
        """Filter an image; `common` are the keywords that every filter has."""
        return self.function(image, **self.arguments, **common)

    def assert_right(self, actual, image):
        """What the filter gave is what it should have."""
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


def pool_dtype(dtype, how):
    """Return the dtype of what is pooled."""
    dtype = np.dtype(dtype).newbyteorder("=")
    if how == "mean":
        return oracle.result_dtype(dtype, True)
    return np.zeros(0, dtype).sum().dtype if how == "sum" else dtype


def exact_integers(values, dtype):
    """Return Python's numbers in a dtype: floats rounded, integers saturated."""
    if dtype.kind == "f" or (values.size and isinstance(values.flat[0], float)):
        return oracle.round_to(values, dtype)
    low, high = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    return np.minimum(np.maximum(values, low), high).astype(dtype)


def pool_cases():
    """Yield windows side by side, overlapping, padded, dilated and beyond the end, of each kind."""
    for how in ("max", "min", "sum", "mean", "median"):
        for words in [
            {"size": 2},
            {"size": 3, "stride": 2},
            {"size": 3, "stride": 2, "padding": 1},
            {"size": (5, 4), "stride": (1, 3), "ceil_mode": True},
            {"size": (1, 7), "stride": 1, "padding": ((0, 0), (3, 2))},
            {"size": (3, 2), "stride": (4, 1), "dilation": (2, 3)},
            {"size": 4, "padding": 2, "count_include_pad": False, "ceil_mode": True},
            {"size": 1},
            {"size": (9, 13), "stride": 8, "ceil_mode": True},
        ]:
            arguments = {**words, "how": how}

            def expected(image, arguments=arguments, how=how):
                values = oracle.pool(image, **arguments)
                return exact_integers(values, pool_dtype(image.dtype, how))

            yield Other(
                id=f"pool-{how}-" + "-".join(f"{k}{v}".replace(" ", "") for k, v in words.items()),
                function=imgconv.pool,
                arguments=arguments,
                expected=expected,
                ulps=64 if how in ("sum", "mean") else 1,
                via_float=how == "mean",
            )


def canny_reference(image, **arguments):
    """Return scikit-image's edges; it refuses 64-bit integers, which are scaled for it."""
    if image.dtype.kind in "iu" and image.dtype.itemsize == 8:
        image = np.maximum(np.multiply(image, 1.0 / np.iinfo(image.dtype).max), -1.0)
    # A warning where the Gaussian of few pixels overflows or divides nothing by nothing.
    with np.errstate(all="ignore"):
        return feature.canny(image.astype(image.dtype.newbyteorder("=")), **arguments)


def canny_cases():
    """Yield each border, several scales and quantiles."""
    for words in [
        {},
        {"sigma": 1.5},
        {"sigma": 0},
        {"sigma": (0.6, 2.5)},
        {"sigma": 4},
        {"mode": "reflect"},
        {"mode": "mirror", "sigma": 2},
        {"mode": "nearest"},
        {"mode": "wrap", "sigma": 0.7},
        {"sigma": 2, "cval": 0.5},
        {"use_quantiles": True, "low_threshold": 0.4, "high_threshold": 0.8},
    ]:
        yield Other(
            id="canny-" + "-".join(f"{k}{v}".replace(" ", "") for k, v in words.items()),
            function=imgconv.canny,
            arguments=words,
            expected=partial(canny_reference, **words),
        )


def hysteresis_cases():
    """Yield thresholds in and out of order."""
    for low, high in [(20.5, 110.5), (10, 120), (100.0, 30.0), (-1e30, 0.1), (0.1, np.inf)]:
        yield Other(
            id=f"hysteresis-{low}-{high}",
            function=imgconv.hysteresis,
            arguments={"low": low, "high": high},
            expected=partial(filters.apply_hysteresis_threshold, low=low, high=high),
        )


OTHERS = [*pool_cases(), *canny_cases(), *hysteresis_cases()]

# One row for each way through the loops: for sweeps that multiply.
CORE = [
    BY_ID[name]
    for name in [
        "correlate-1x5",
        "correlate-3x3",
        "convolve-4x3",
        "correlate-7x9",
        "correlate-3x5-stride(3,2)-dilation(2,3)",
        "convolve-5x5-shapefull-stride(2,3)-dilation(1,2)",
        "correlate-fft-5x7",
        "convolve-fft-4x1-stride(2,3)",
        "correlate-separable-7x8-shapefull-stride(2,1)",
        "separable-4x2",
        "gaussian-sigma1.5",
        "gaussian-sigma(8,0.6)-methodresample",
        "unsharp_mask-1.0-1.0",
        "box-(4,6)",
        "box-(16,17)",
        "sobel-None",
        "roberts-None",
        "gradient-sobel",
        "gradient-farid-polar",
        "bilateral-5-1.0-1.0",
        "joint_bilateral-5-0.5-1.5",
        "guided-3-0.01",
        "minimum-(4,6)",
        "maximum-random",
        "median-3",
        "median-5",
        "median-7",
        "median-23",
        "median-disk9",
        "percentile-5-25",
        "rank-23-100",
        "opening-random",
        "white_tophat-3",
    ]
]

# Rows whose results are what the definition says, but for rounding: an approximation depends on
# where the image begins, and spreads a NaN beyond its window.
EXACT = [case for case in CASES if case.error == 0 or "float32" not in case.approximated]


def of(*modules):
    """Return the rows of the filters that these modules define."""
    names = {module.__name__ for module in modules}
    return [case for case in CASES if case.function.__module__ in names]
