"""Edge filters against SciPy, scikit-image, reference implementations and known answers."""

import itertools
from functools import partial

import cases
import numpy as np
import pytest
from cases import assert_right, sample
from comparing import assert_close, assert_same_bits

import imgconv
from imgconv.filters import derivatives, gradients

CASES = cases.of(gradients, derivatives)
SHAPE = (37, 150)
NAMES = ["sobel", "scharr", "prewitt", "farid"]
Y, X = np.mgrid[:12, :90].astype(np.float64)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_as_the_library(case):
    for dtype, mode in itertools.product(["float32", "float64", "uint8"], case.modes):
        image = sample(SHAPE, dtype)
        expected = case.library(image.astype(np.float64), mode, 0.0)
        assert_right(case, case.call(image, mode=mode), image, mode=mode, exact=expected)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_as_the_reference_implementation(case):
    for dtype, mode in itertools.product(["float32", "float64", "uint8"], cases.MODES):
        image = sample(SHAPE, dtype, seed=1)
        actual = case.call(image, mode=mode, cval=-7.5)
        assert_right(case, actual, image, mode=mode, cval=-7.5)


@pytest.mark.parametrize("name", ["sobel", "scharr", "prewitt"])
def test_normalized_step_gives_one(name):
    filter = getattr(imgconv, name)
    along_x = filter((X >= 40).astype(np.uint8), axis=1)
    along_y = filter((Y >= 6).astype(np.uint8), axis=0)
    assert along_x.max() == along_y.max() == 1
    assert (along_x[:, 39:41] == 1).all()
    assert (along_y[5:7] == 1).all()
    assert np.count_nonzero(along_x) == 2 * 12
    assert np.count_nonzero(along_y) == 2 * 90


@pytest.mark.parametrize("name", NAMES)
def test_growing_is_positive(name):
    filter = getattr(imgconv, name)
    assert (filter(Y, axis=0)[1:-1] > 0).all()
    assert (filter(X, axis=1)[:, 1:-1] > 0).all()
    assert (filter(-X, axis=1)[:, 1:-1] < 0).all()
    assert_close(filter(Y, axis=1), np.zeros_like(Y), rtol=1e-14, scale=12)


@pytest.mark.parametrize("name", [*NAMES, "roberts"])
@pytest.mark.parametrize("normalize", [True, False])
def test_magnitude_of_the_two_filters(name, normalize):
    filter, image = getattr(imgconv, name), sample((30, 40), "float64")
    along = [filter(image, axis=axis, normalize=normalize) for axis in (0, 1)]
    magnitude = filter(image, normalize=normalize)
    assert_close(magnitude, np.hypot(*along) / (np.sqrt(2) if normalize else 1), rtol=1e-14)


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("name", NAMES)
def test_gradient_is_the_two_filters(name, normalize):
    for dtype in ("uint8", "float32", "int32"):
        image = sample((30, 140), dtype)
        pair = imgconv.gradient(image, name, normalize=normalize)
        for axis in (0, 1):
            expected = getattr(imgconv, name)(image, axis=axis, normalize=normalize)
            assert_same_bits(pair[axis], expected)


class TestPolar:
    def test_quadrants(self):
        for dy, dx in [(1, 1), (1, -1), (-1, 1), (-1, -1), (3, 4), (0, 2), (2, 0)]:
            magnitude, angle = imgconv.gradient(dy * Y + dx * X, "prewitt", polar=True)
            inside = np.s_[1:-1, 1:-1]
            assert np.allclose(magnitude[inside], 2 * np.hypot(dy, dx), rtol=1e-13)
            assert np.allclose(angle[inside], np.arctan2(dy, dx), rtol=1e-13)

    def test_range(self):
        _, angle = imgconv.gradient(sample((90, 80), "uint8"), polar=True)
        assert angle.dtype == np.float32
        assert angle.min() >= -np.float32(np.pi)
        assert angle.max() <= np.float32(np.pi)

    def test_of_the_cartesian(self):
        image = sample((30, 150))
        gy, gx = imgconv.gradient(image)
        magnitude, angle = imgconv.gradient(image, polar=True)
        assert_close(magnitude, np.hypot(gy, gx), ulps=2)
        assert_close(angle, np.arctan2(gy, gx), ulps=2)

    def test_flat_image_has_no_direction(self):
        magnitude, angle = imgconv.gradient(np.full((9, 70), 17, np.uint8), polar=True)
        assert not magnitude.any()
        assert np.isfinite(angle).all()


# From subnormal numbers to the largest of which Sobel's sums do not overflow.
EXPONENTS = {"float32": range(-149, 125, 3), "float64": range(-1074, 1021, 11)}


class TestMagnitudeOfAnySize:
    """A magnitude overflows or vanishes only where its parts do."""

    # Around the number of pixels that the loop looks at together, and two such groups.
    WIDTHS = (1, 31, 32, 33, 63, 64, 65, 150)

    @pytest.mark.parametrize("dtype", EXPONENTS)
    def test_as_hypot(self, dtype):
        """Compared by the size of each pixel; whole images of one size, down to subnormals."""
        for width, exponent in zip(itertools.cycle(self.WIDTHS), EXPONENTS[dtype]):
            image = np.ldexp(sample((5, width), dtype, exponent & 7) / 512, exponent).astype(dtype)
            parts = imgconv.gradient(image, normalize=False)
            expected = np.hypot(*parts)
            for filter in (imgconv.sobel, partial(imgconv.gradient, polar=True)):
                magnitude = filter(image, normalize=False)
                magnitude = magnitude[0] if isinstance(magnitude, tuple) else magnitude
                assert (np.abs(magnitude - expected) <= 2 * np.spacing(expected)).all()

    @pytest.mark.parametrize("dtype", EXPONENTS)
    def test_pixels_of_different_sizes(self, dtype):
        """In one row, with zeros, subnormal numbers, infinity and NaN among them."""
        exponents = EXPONENTS[dtype]
        for width in self.WIDTHS:
            rng = np.random.default_rng(width)
            image = np.ldexp(rng.standard_normal((40, width)), rng.choice(exponents, (40, width)))
            for value in (0, np.inf, np.nan):
                image[rng.random(image.shape) < 0.02] = value
            image = image.astype(dtype)
            parts = imgconv.gradient(image, normalize=False)
            expected = np.where(np.isnan(parts).any(axis=0), np.nan, np.hypot(*parts))
            finite = np.isfinite(expected)
            actual = imgconv.sobel(image, normalize=False)
            assert np.array_equal(actual[~finite], expected[~finite], equal_nan=True)
            error = np.abs(actual[finite] - expected[finite])
            assert (error <= 2 * np.spacing(expected[finite])).all()

    @pytest.mark.parametrize(("dtype", "far"), [("float32", 90), ("float64", 900)])
    def test_powers_of_two_change_no_bit(self, dtype, far):
        """Very small and very large pixels round as ordinary ones do."""
        image = sample((30, 150), dtype)
        image[8:20, 40:120] = 0
        for name, exponent in itertools.product([*NAMES, "roberts"], (-far, far)):
            filter, factor = getattr(imgconv, name), np.array(2.0**exponent, dtype)
            assert_same_bits(filter(image * factor), filter(image) * factor)

    @pytest.mark.parametrize("dtype", EXPONENTS)
    def test_beside_others(self, dtype):
        """The bits of an ordinary pixel do not depend on the pixels beside it."""
        image, spoiled = (sample((20, 150), dtype) for _ in range(2))
        spoiled[:, 75] = [1e30, 1e-30] * 10
        far = np.abs(np.arange(150) - 75) > 1
        assert_same_bits(imgconv.sobel(spoiled)[:, far], imgconv.sobel(image)[:, far])


class TestDerivative:
    @pytest.mark.parametrize("axis", [0, 1])
    def test_order_zero_is_the_image(self, axis):
        image = sample((20, 30))
        assert_same_bits(imgconv.derivative(image, axis, order=0), image)

    @pytest.mark.parametrize("accuracy", [2, 4, 6])
    @pytest.mark.parametrize("order", [1, 2, 3, 4])
    def test_error_falls_with_the_accuracy(self, order, accuracy):
        """Halving the step divides the error by 2**accuracy."""
        errors = []
        for step in (0.2, 0.1):
            sine = np.sin(step * np.arange(200.0))[None]
            actual = imgconv.derivative(sine, 1, order=order, accuracy=accuracy) / step**order
            exact = np.sin(step * np.arange(200.0) + order * np.pi / 2)
            errors.append(np.abs(actual[0] - exact)[20:-20].max())
        assert np.log2(errors[0] / errors[1]) > accuracy - 0.2


def test_laplace_of_a_paraboloid():
    assert_same_bits(imgconv.laplace(X**2 + 3 * Y**2)[1:-1, 1:-1], np.full((10, 88), 8.0))


def test_gaussian_laplace_finds_the_size_of_a_disk():
    """Its response at the centre of a disk of radius r is strongest at sigma = r / sqrt(2)."""
    y, x = np.mgrid[-40:41, -40:41]
    disk = (y**2 + x**2 <= 12**2).astype(np.float64)
    sigmas = np.arange(5, 13, 0.5)
    answers = [s**2 * abs(imgconv.gaussian_laplace(disk, s)[40, 40]) for s in sigmas]
    assert abs(sigmas[np.argmax(answers)] - 12 / np.sqrt(2)) <= 0.5


def test_roberts_stands_at_the_upper_left():
    dot = np.zeros((5, 6))
    dot[2, 3] = 1
    found = imgconv.roberts(dot, normalize=False)
    assert set(zip(*np.nonzero(found), strict=True)) == {(1, 2), (1, 3), (2, 2), (2, 3)}
