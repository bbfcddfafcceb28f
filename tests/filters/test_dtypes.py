"""Every dtype of image and of result: the rule of the result, rounding and saturation."""

import numpy as np
import oracle
import pytest
from cases import BY_ID, CASES, CORE, DTYPES, assert_right, sample
from comparing import assert_same_bits
from scipy import ndimage

import imgconv

SHAPE = (19, 83)
SPECIAL = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1e300, -1e300, 3e38, 1e-300, 1e-42, 65504.0, 65520.0]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_result(case):
    for dtype in DTYPES:
        image = sample(SHAPE, dtype)
        assert_right(case, case.call(image, mode="mirror"), image, mode="mirror")


@pytest.mark.parametrize("name", ["sobel-None", "gaussian-sigma1.5", "correlate-3x3", "box-9"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_dtype_requested(dtype, name):
    """By dtype= or by out=, which give the same bits."""
    case, image = BY_ID[name], sample(SHAPE, dtype)
    for target in DTYPES:
        actual = case.call(image, dtype=target)
        assert_right(case, actual, image, dtype=target)
        out = np.empty(SHAPE, target)
        assert case.call(image, out=out) is out
        assert_same_bits(out, actual)
        assert_same_bits(case.call(image, dtype=target, out=out), actual)


@pytest.mark.parametrize("name", ["gradient-sobel", "gradient-farid-polar", "gabor-frequency0.25"])
@pytest.mark.parametrize("target", ["bool", "uint8", "int16", "int64", "float16", "float64"])
def test_dtype_of_two_results(target, name):
    case = BY_ID[name]
    for dtype in ("uint8", "float32", "int32"):
        image = sample(SHAPE, dtype)
        assert_right(case, case.call(image, dtype=target), image, dtype=target)


@pytest.mark.parametrize("case", CORE, ids=lambda case: case.id)
def test_byte_order_of_results_is_native(case):
    for dtype in (">u2", ">i4", ">f2", ">f4", ">f8", "<f4"):
        image = sample(SHAPE, dtype)
        results = case.results(image)
        assert_right(case, results, image)
        for target in (">i2", ">f8"):
            native = np.dtype(target).newbyteorder("=")
            assert_right(case, case.call(image, dtype=target), image, dtype=native)


@pytest.mark.parametrize(
    "spelling", ["f4", "single", np.float32, np.dtype("float32"), np.dtype(">f4")]
)
def test_spellings_of_a_dtype(spelling):
    image = sample(SHAPE, "uint8")
    expected = imgconv.gaussian(image, 1, dtype="float32")
    assert expected.dtype == np.float32
    assert_same_bits(imgconv.gaussian(image, 1, dtype=spelling), expected)


@pytest.mark.parametrize("code", "bBhHiIlLqQefd?")
def test_all_of_numpys_names_of_a_type(code):
    image = sample(SHAPE, np.dtype(code))
    named = image.astype(image.dtype.name)
    assert_same_bits(imgconv.sobel(image), imgconv.sobel(named))
    assert_same_bits(imgconv.box(image, 3).astype("f8"), imgconv.box(named, 3).astype("f8"))
    requested = imgconv.sobel(image, dtype=code)
    assert_same_bits(requested.astype(image.dtype.name), imgconv.sobel(named, dtype=named.dtype))


def test_lists_are_images():
    rows = [[1, 2, 4], [8, 16, 32]]
    assert_same_bits(imgconv.laplace(rows), imgconv.laplace(np.array(rows)))
    assert imgconv.laplace(rows).dtype == np.float64


# ---- one pixel, one weight: conversion only ----------------------------------------------------


def multiplied(image, weight):
    """Return the products as the filters compute them, in float64."""
    computing = oracle.compute_dtype(image.dtype).type
    with np.errstate(over="ignore", invalid="ignore"):
        return (image.astype(computing) * computing(weight)).astype(np.float64)


def interesting(dtype):
    """Return the ends of a dtype, powers of two and their neighbours, halves and specials."""
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return np.array([False, True])
    powers = [sign * 2**k + d for k in range(65) for d in (-1, 0, 1) for sign in (1, -1)]
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        inside = [v for v in {*range(-9, 10), *powers, limits.min, limits.max}
                  if limits.min <= v <= limits.max]  # fmt: skip
        return np.array(sorted(inside), dtype)
    with np.errstate(over="ignore"):
        halves = np.arange(-9, 9, 0.25)
        powers = np.array([float(power) for power in powers])
        tiny = [sign * 2.0**-k for k in range(1, 150) for sign in (1, -1)]
        values = np.concatenate([SPECIAL, halves, powers, powers - 0.5, tiny]).astype(dtype)
        return np.concatenate([values, np.nextafter(values, dtype.type(np.inf))])


@pytest.mark.parametrize("target", DTYPES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_rounds_to_nearest_and_saturates(dtype, target):
    image = np.tile(interesting(dtype), (3, 1))
    for weight in (1, -1, 0.5, 2, 3):
        expected = oracle.round_to(multiplied(image, weight), target)
        assert_same_bits(imgconv.correlate(image, [[weight]], dtype=target) + 0, expected + 0)


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint8", "int16", "uint16"])
def test_every_small_integer_survives(dtype):
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        image = np.array([[False, True]])
    else:
        limits = np.iinfo(dtype)
        image = np.arange(limits.min, limits.max + 1, dtype=dtype).reshape(-1, 256)
    for target in (dtype, np.int32, np.float32):
        actual = imgconv.correlate(image, [[1]], dtype=target)
        assert_same_bits(actual, image.astype(target))


class TestFloat16:
    EVERY = np.arange(65536, dtype=np.uint16).view(np.float16).reshape(256, 256)

    def test_every_value_survives(self):
        for target in (np.float16, np.float32, np.float64):
            actual = imgconv.correlate(self.EVERY, [[1]], dtype=target)
            with np.errstate(invalid="ignore"):
                expected = self.EVERY.astype(target)
            np.testing.assert_array_equal(actual, expected, strict=True)

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_rounds_at_every_tie(self, dtype):
        """Halfway between any two neighbours, and just beside it."""
        halves = np.sort(self.EVERY[np.isfinite(self.EVERY)].astype(dtype))
        ties = np.append((halves[1:] + halves[:-1]) / 2, [65520, -65520]).astype(dtype)
        below, above = (np.nextafter(ties, dtype(end)) for end in (-np.inf, np.inf))
        image = np.stack([below, ties, above])
        with np.errstate(over="ignore"):
            expected = image.astype(np.float16)
        assert_same_bits(imgconv.correlate(image, [[1]], dtype=np.float16), expected)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_nan_and_infinity_in_integers(dtype):
    image = np.full((3, 70), np.nan, dtype)
    image[1], image[2] = np.inf, -np.inf
    for target in [d for d in DTYPES if not d.startswith("float")]:
        expected = oracle.round_to(image, target)
        assert_same_bits(imgconv.correlate(image, [[1]], dtype=target), expected)
        assert not expected[0].any()


class TestExactIntegers:
    """Integer weights on small integers, and means of them, to the last bit."""

    SIZES = (
        *((1, 1), (2, 2), (3, 3), (1, 6), (5, 7), (13, 19)),
        *((15, 17), (16, 16), (31, 3), (21, 40), (257, 258)),
    )
    SHAPES = ((1, 1), (5, 7), (9, 33), (40, 131))

    @staticmethod
    def extremes(shape, dtype):
        """Return an image of the smallest and the largest values."""
        draw = np.random.default_rng(0).integers(0, 2, shape)
        low, high = (0, 1) if dtype == "bool" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
        return np.where(draw, high, low).astype(dtype)

    @pytest.mark.parametrize("dtype", ["bool", "uint8", "int8", "uint16", "int16"])
    @pytest.mark.parametrize("shape", SHAPES, ids=str)
    def test_correlate(self, shape, dtype):
        image = self.extremes(shape, dtype)
        for size, largest in [
            ((3, 3), 14),
            ((1, 2), 64),
            ((2, 1), 128),
            ((5, 4), 6),
            ((33, 33), 1),
        ]:
            kernel = np.random.default_rng(1).integers(-largest, largest + 1, size)
            target = ndimage.correlate(image.astype(np.int64), kernel)
            np.testing.assert_array_equal(imgconv.correlate(image, kernel), target)

    @pytest.mark.parametrize("dtype", ["bool", "uint8", "int8", "uint16"])
    @pytest.mark.parametrize("shape", SHAPES, ids=str)
    def test_edges(self, shape, dtype):
        image = self.extremes(shape, dtype)
        wide = image.astype(np.int64)
        for axis in (0, 1):
            target = ndimage.sobel(wide, axis)
            edges = imgconv.sobel(image, axis=axis, normalize=False)
            np.testing.assert_array_equal(edges, target)
            edges = imgconv.sobel(image, axis=axis, normalize=False, dtype=np.int8)
            np.testing.assert_array_equal(edges, np.clip(target, -128, 127))
        np.testing.assert_array_equal(imgconv.laplace(image), ndimage.laplace(wide))

    @pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16"])
    @pytest.mark.parametrize("size", SIZES, ids=str)
    def test_box(self, size, dtype):
        draw = np.random.default_rng(2).integers(0, np.iinfo(dtype).max, (37, 83), endpoint=True)
        for image in (draw.astype(dtype), self.extremes((37, 83), dtype)):
            sums = image.astype(np.int64)
            for axis, n in enumerate(size):
                sums = ndimage.correlate1d(sums, np.ones(n), axis)
            area = size[0] * size[1]
            low, rest = sums // area, sums % area
            up = (2 * rest > area) | ((2 * rest == area) & (low % 2 == 1))
            np.testing.assert_array_equal(imgconv.box(image, size), low + up)

    def test_border_of_integers(self):
        image = self.extremes((9, 33), "uint8")
        for cval in (-7, 255, 300):
            given = {"mode": "constant", "cval": cval}
            target = ndimage.laplace(image.astype(np.int64), **given)
            np.testing.assert_array_equal(imgconv.laplace(image, **given), target)
            target = np.rint(ndimage.uniform_filter(image.astype(float), 3, **given))
            np.testing.assert_array_equal(imgconv.box(image, 3, **given), np.clip(target, 0, 255))
