"""Kernels, tested against SciPy, scikit-image and published tables."""

from fractions import Fraction

import numpy as np
import pytest
from comparing import assert_close, assert_same_bits
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage
from skimage import filters, morphology

from imgconv import kernels

RNG = np.random.default_rng(7)
IMAGE = RNG.normal(size=(23, 19))
RAMP_Y, RAMP_X = np.mgrid[:15, :15].astype(np.float64)


def impulse(*shape):
    image = np.zeros(shape)
    image[tuple(n // 2 for n in shape)] = 1
    return image


class TestGaussian:
    @pytest.mark.parametrize("order", [0, 1, 2, 3, 5])
    @pytest.mark.parametrize("sigma", [0.3, 0.5, 1, 2.7, 8])
    @pytest.mark.parametrize("options", [{}, {"truncate": 2.6}, {"radius": 3}, {"radius": 0}])
    def test_same_as_ndimage(self, sigma, order, options):
        weights = kernels.gaussian(sigma, order=order, **options)
        response = ndimage.gaussian_filter1d(
            impulse(len(weights)), sigma, order=order, mode="constant", **options
        )
        assert_close(weights, response[::-1], rtol=1e-14)

    def test_reaches_no_further_than_ndimage(self):
        for sigma in np.arange(0.05, 6, 0.05):
            response = ndimage.gaussian_filter1d(impulse(99), sigma, mode="constant")
            assert len(kernels.gaussian(sigma)) >= np.count_nonzero(response)

    @pytest.mark.parametrize("order", [1, 2, 3, 4])
    def test_differentiates_powers(self, order):
        weights = kernels.gaussian(2.0, order=order, truncate=10)
        x = np.arange(len(weights)) - len(weights) // 2
        np.testing.assert_allclose(weights @ x**order, np.prod(np.arange(1, order + 1)), rtol=1e-7)

    @pytest.mark.parametrize("order", range(6))
    def test_even_and_odd_orders_mirror_exactly(self, order):
        weights = kernels.gaussian(1.7, order=order)
        assert_same_bits(weights[::-1].copy() + 0.0, (-1) ** order * weights + 0.0)

    @pytest.mark.parametrize("sigma", [0, 0.0, 1e-200, 1e-15])
    def test_no_blur(self, sigma):
        assert_same_bits(kernels.gaussian(sigma, radius=4), np.ones(1))

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"sigma": -1}, r"sigma must not be negative, got -1\.0"),
            ({"sigma": np.nan}, "sigma must be finite, got nan"),
            ({"sigma": np.inf}, "sigma must be finite, got inf"),
            ({"sigma": 0, "order": 1}, r"sigma must be positive where order is, got 0\.0 for 1"),
            ({"order": -1}, "order must not be negative, got -1"),
            ({"truncate": -1}, r"truncate must not be negative, got -1\.0"),
            ({"radius": -1}, "radius must not be negative, got -1"),
        ],
    )
    def test_wrong_values(self, arguments, message):
        with pytest.raises(ValueError, match=message):
            kernels.gaussian(**{"sigma": 1} | arguments)

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"sigma": None}, "sigma must be a number, got None"),
            ({"sigma": (1, 2)}, r"sigma must be a number, got \(1, 2\)"),
            ({"order": 0.5}, r"order must be an integer, got 0\.5"),
            ({"radius": 2.0}, r"radius must be an integer, got 2\.0"),
        ],
    )
    def test_wrong_types(self, arguments, message):
        with pytest.raises(TypeError, match=message):
            kernels.gaussian(**{"sigma": 1} | arguments)


class TestBox:
    @pytest.mark.parametrize("size", [1, 2, 3, 8, 51])
    def test_same_as_ndimage(self, size):
        line = IMAGE.ravel()
        actual = ndimage.correlate1d(line, kernels.box(size))
        assert_close(actual, ndimage.uniform_filter1d(line, size), rtol=1e-14)

    def test_wrong_size(self):
        with pytest.raises(ValueError, match="size must be positive, got 0"):
            kernels.box(0)
        with pytest.raises(TypeError, match="size must be an integer, got"):
            kernels.box((3, 3))


# Fornberg 1988, table 1: weights from the centre to the right.
FORNBERG = {
    (1, 2): "0 1/2",
    (1, 4): "0 2/3 -1/12",
    (1, 6): "0 3/4 -3/20 1/60",
    (1, 8): "0 4/5 -1/5 4/105 -1/280",
    (2, 2): "-2 1",
    (2, 4): "-5/2 4/3 -1/12",
    (2, 6): "-49/18 3/2 -3/20 1/90",
    (2, 8): "-205/72 8/5 -1/5 8/315 -1/560",
    (3, 2): "0 -1 1/2",
    (3, 4): "0 -13/8 1 -1/8",
    (3, 6): "0 -61/30 169/120 -3/10 7/240",
    (4, 2): "6 -4 1",
    (4, 4): "28/3 -13/2 2 -1/6",
    (4, 6): "91/8 -122/15 169/60 -2/5 7/240",
}


class TestDerivative:
    @pytest.mark.parametrize(("order", "accuracy"), FORNBERG)
    def test_printed_table(self, order, accuracy):
        right = [Fraction(weight) for weight in FORNBERG[order, accuracy].split()]
        left = [(-1) ** order * weight for weight in right[:0:-1]]
        expected = np.array([float(weight) for weight in left + right])
        assert_same_bits(kernels.derivative(order, accuracy), expected)

    @given(
        order=st.integers(0, 6),
        accuracy=st.sampled_from([2, 4, 6, 8]),
        coefficients=st.lists(st.integers(-9, 9), min_size=14, max_size=14),
    )
    def test_exact_on_polynomials(self, order, accuracy, coefficients):
        polynomial = np.polynomial.Polynomial(coefficients[: order + accuracy])
        weights = kernels.derivative(order, accuracy)
        pixels = polynomial(np.arange(len(weights)) - len(weights) // 2)
        scale = np.abs(weights) @ np.abs(pixels)
        assert abs(weights @ pixels - polynomial.deriv(order)(0)) <= 1e-14 * scale

    def test_falls_short_one_power_later(self):
        x = np.arange(-1, 2)
        assert kernels.derivative(1, 2) @ x**3 == 1

    def test_positive_on_a_rising_ramp(self):
        slope = ndimage.correlate1d(RAMP_Y, kernels.derivative(), axis=0)
        np.testing.assert_array_equal(slope[1:-1], 1)

    def test_order_zero_is_the_pixel(self):
        assert_same_bits(kernels.derivative(0, 6), np.ones(1))

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ((-1, 2), "order must not be negative, got -1"),
            ((1, 0), "accuracy must be positive, got 0"),
            ((1, 3), "accuracy must be even, got 3"),
        ],
    )
    def test_wrong_values(self, arguments, message):
        with pytest.raises(ValueError, match=message):
            kernels.derivative(*arguments)


EDGES = ["sobel", "scharr", "prewitt", "farid"]


class TestEdges:
    @pytest.mark.parametrize("name", EDGES)
    @pytest.mark.parametrize(("axis", "direction"), [(0, "h"), (1, "v")])
    def test_same_as_skimage(self, name, axis, direction):
        actual = ndimage.correlate(IMAGE, getattr(kernels, name)(axis))
        expected = getattr(filters, f"{name}_{direction}")(IMAGE)
        assert_close(actual, expected, rtol=1e-15)

    @pytest.mark.parametrize("name", ["sobel", "prewitt"])
    @pytest.mark.parametrize("axis", [0, 1])
    def test_bare_same_as_ndimage(self, name, axis):
        actual = ndimage.correlate(IMAGE, getattr(kernels, name)(axis, normalize=False))
        assert_close(actual, getattr(ndimage, name)(IMAGE, axis), rtol=1e-15)

    @pytest.mark.parametrize(
        ("size", "edge", "smooth"),
        [
            (3, [-1, 0, 1], [1, 2, 1]),
            (5, [-1, -2, 0, 2, 1], [1, 4, 6, 4, 1]),
            (7, [-1, -4, -5, 0, 5, 4, 1], [1, 6, 15, 20, 15, 6, 1]),
        ],
    )
    def test_larger_sobel(self, size, edge, smooth):
        """The weights that OpenCV's getDerivKernels gives."""
        factors = kernels.edge_factors("sobel", size, normalize=False)
        assert_same_bits(factors[0], np.array(edge, np.float64))
        assert_same_bits(factors[1], np.array(smooth, np.float64))
        assert_same_bits(kernels.sobel(0, size, normalize=False), np.outer(*factors))
        assert_same_bits(kernels.sobel(1, size, normalize=False), np.outer(*factors[::-1]))

    @pytest.mark.parametrize("name", EDGES)
    def test_factors(self, name):
        edge, smooth = kernels.edge_factors(name)
        assert_same_bits(getattr(kernels, name)(0), np.outer(edge, smooth))
        assert_same_bits(getattr(kernels, name)(1), np.outer(smooth, edge))
        assert abs(edge.sum()) < 1e-16
        assert abs(smooth.sum() - 1) < 1e-14

    def test_fresh_arrays(self):
        kernels.edge_factors("scharr")[1][:] = 0
        kernels.farid(0)[:] = 0
        assert kernels.edge_factors("scharr", normalize=False)[1].tolist() == [3, 10, 3]
        assert kernels.farid(0).any()

    @pytest.mark.parametrize("size", [3, 5, 7])
    def test_normalized_step_gives_one(self, size):
        step = (RAMP_X > 7).astype(np.float64)
        assert abs(ndimage.correlate(step, kernels.sobel(1, size)).max() - 1) < 1e-14

    @pytest.mark.parametrize(
        ("name", "size", "slope"),
        [
            ("sobel", 3, 2),
            ("sobel", 5, 8 / 3),
            ("sobel", 7, 16 / 5),
            ("scharr", 3, 2),
            ("prewitt", 3, 2),
            ("farid", 3, 0.99),
        ],
    )
    @pytest.mark.parametrize(("axis", "ramp"), [(0, RAMP_Y), (1, RAMP_X)])
    def test_ramp_gives_its_slope(self, name, size, slope, axis, ramp):
        edge, smooth = kernels.edge_factors(name, size)
        kernel = np.outer(edge, smooth) if axis == 0 else np.outer(smooth, edge)
        assert ndimage.correlate(ramp, kernel)[7, 7] == pytest.approx(slope, abs=0.002)

    def test_bare_farid_is_farid(self):
        assert_same_bits(kernels.farid(0, normalize=False), kernels.farid(0))

    @pytest.mark.parametrize("axis", [2, -1, None, "x"])
    @pytest.mark.parametrize("name", [*EDGES, "roberts"])
    def test_wrong_axis(self, name, axis):
        with pytest.raises(ValueError, match=r"axis must be 0 \(y\) or 1 \(x\), got"):
            getattr(kernels, name)(axis)

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (("canny",), "name must be one of .*, got 'canny'"),
            (("sobel", 4), "size must be 3, 5 or 7, got 4"),
            (("scharr", 5), "size must be left at 3 for scharr, got 5"),
        ],
    )
    def test_wrong_factors(self, arguments, message):
        with pytest.raises(ValueError, match=message):
            kernels.edge_factors(*arguments)


class TestRoberts:
    @pytest.mark.parametrize(("axis", "diagonal"), [(0, "pos"), (1, "neg")])
    @pytest.mark.parametrize("normalize", [True, False])
    def test_same_as_skimage(self, axis, diagonal, normalize):
        kernel = kernels.roberts(axis, normalize)
        expected = getattr(filters, f"roberts_{diagonal}_diag")(IMAGE)
        assert_same_bits(ndimage.convolve(IMAGE, kernels.flip(kernel)), expected)
        assert_same_bits(ndimage.correlate(IMAGE, kernel, origin=-1), expected)
        assert_same_bits(ndimage.correlate(IMAGE, kernel)[1:, 1:], expected[:-1, :-1])


class TestLaplacian:
    def test_same_as_ndimage(self):
        actual = ndimage.correlate(IMAGE, kernels.laplacian())
        assert_close(actual, ndimage.laplace(IMAGE), rtol=1e-15)

    @pytest.mark.parametrize(("neighbours", "times"), [(4, 1), (8, 3)])
    def test_quadratics(self, neighbours, times):
        bowl = ndimage.correlate(RAMP_Y**2 - 3 * RAMP_X**2 + RAMP_Y, kernels.laplacian(neighbours))
        np.testing.assert_array_equal(bowl[1:-1, 1:-1], times * (2 - 6))

    def test_wrong_neighbours(self):
        with pytest.raises(ValueError, match="neighbours must be 4 or 8, got 6"):
            kernels.laplacian(6)


class TestLog:
    @pytest.mark.parametrize("sigma", [0.6, 1.5, (1.0, 2.3)])
    @pytest.mark.parametrize("truncate", [4.0, 2.5])
    def test_same_as_ndimage(self, sigma, truncate):
        kernel = kernels.log(sigma, truncate=truncate)
        expected = ndimage.gaussian_laplace(
            impulse(*kernel.shape), sigma, mode="constant", truncate=truncate
        )
        assert_close(kernel, expected, rtol=1e-14)
        assert kernels.separable_rank(kernel) == 2

    def test_wrong_sigma(self):
        with pytest.raises(ValueError, match="sigma must be positive"):
            kernels.log(0)
        with pytest.raises(ValueError, match=r"sigma must be one number or two, got \(1, 2, 3\)"):
            kernels.log((1, 2, 3))


class TestGabor:
    @pytest.mark.parametrize("frequency", [0.08, 0.25])
    @pytest.mark.parametrize("theta", [0, 0.4, np.pi / 2, 2.5, -1])
    @pytest.mark.parametrize(
        "options",
        [
            {},
            {"bandwidth": 2.5, "offset": 0.7},
            {"sigma_x": 1.5, "n_stds": 2},
            {"sigma_x": 1, "sigma_y": 3.2},
        ],
    )
    def test_same_as_skimage(self, frequency, theta, options):
        actual = kernels.gabor(frequency, theta, **options)
        expected = filters.gabor_kernel(frequency, theta, **options)
        assert_close(actual.real.copy(), expected.real, rtol=1e-15)
        assert_close(actual.imag.copy(), expected.imag, rtol=1e-15, scale=np.abs(expected).max())

    def test_no_wave_is_a_gaussian(self):
        kernel = kernels.gabor(0, sigma_x=1, sigma_y=1, n_stds=6)
        assert kernel.sum() == pytest.approx(1)
        assert not kernel.imag.any()

    def test_flip_is_conjugate(self):
        kernel = kernels.gabor(0.2, 0.5)
        np.testing.assert_allclose(kernels.flip(kernel), kernel.conj(), rtol=1e-15)

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"frequency": 0}, r"frequency must be positive, got 0\.0"),
            ({"bandwidth": -1}, r"bandwidth must be positive, got -1\.0"),
            ({"sigma_x": 0}, r"sigma_x must be positive, got 0\.0"),
            ({"sigma_y": np.inf}, "sigma_y must be finite, got inf"),
            ({"n_stds": -3}, r"n_stds must not be negative, got -3\.0"),
            ({"theta": np.nan}, "theta must be finite, got nan"),
            ({"offset": np.inf}, "offset must be finite, got inf"),
        ],
    )
    def test_wrong_values(self, arguments, message):
        with pytest.raises(ValueError, match=message):
            kernels.gabor(**{"frequency": 0.2} | arguments)


class TestDisk:
    @pytest.mark.parametrize("radius", range(8))
    def test_same_as_skimage(self, radius):
        disk = morphology.disk(radius)
        assert_same_bits(kernels.disk(radius), disk / disk.sum())

    def test_broken_radius(self):
        assert np.count_nonzero(kernels.disk(1.5)) == 9
        assert kernels.disk(2.9).shape == (5, 5)

    def test_wrong_radius(self):
        with pytest.raises(ValueError, match=r"radius must not be negative, got -1\.0"):
            kernels.disk(-1)


class TestFlip:
    @pytest.mark.parametrize("shape", [(3, 3), (1, 5), (3, 7)])
    def test_correlation_is_convolution_of_the_flipped(self, shape):
        kernel = RNG.normal(size=shape)
        actual = ndimage.convolve(IMAGE, kernels.flip(kernel))
        assert_same_bits(actual, ndimage.correlate(IMAGE, kernel))

    def test_keeps_dtype_and_copies(self):
        kernel = np.arange(6, dtype=np.int8).reshape(2, 3)
        flipped = kernels.flip(kernel)
        assert_same_bits(flipped, np.array([[5, 4, 3], [2, 1, 0]], np.int8))
        assert not np.shares_memory(flipped, kernel)


def exact_rank(matrix):
    """Return the rank, by elimination in rational numbers."""
    rows = [[Fraction(int(value)) for value in row] for row in matrix]
    rank = 0
    for column in range(matrix.shape[1]):
        pivot = next((row for row in rows[rank:] if row[column]), None)
        if pivot is None:
            continue
        rows.remove(pivot)
        rows.insert(rank, pivot)
        for i in range(rank + 1, len(rows)):
            share = rows[i][column] / pivot[column]
            rows[i] = [a - share * b for a, b in zip(rows[i], pivot, strict=True)]
        rank += 1
    return rank


@st.composite
def sums_of_products(draw):
    """Draw small integer kernels of low rank."""
    height, width, pairs = (draw(st.integers(smallest, 7)) for smallest in (1, 1, 0))
    integers = st.integers(-9, 9)
    kernel = np.zeros((height, width), np.int64)
    for _ in range(min(pairs, 3)):
        column = draw(st.lists(integers, min_size=height, max_size=height))
        row = draw(st.lists(integers, min_size=width, max_size=width))
        kernel += np.outer(column, row)
    return kernel


class TestSeparate:
    @given(sums_of_products())
    def test_fewest_pairs_that_make_the_kernel(self, kernel):
        columns, rows = kernels.separate(kernel)
        rank = exact_rank(kernel)
        assert columns.shape == (rank, kernel.shape[0])
        assert rows.shape == (rank, kernel.shape[1])
        assert kernels.separable_rank(kernel) == rank
        assert_close(columns.T @ rows, kernel, rtol=1e-14 * max(rank, 1), dtype=np.float64)

    @given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 2**32 - 1))
    def test_products_of_any_floats(self, height, width, seed):
        rng = np.random.default_rng(seed)
        assert (
            kernels.separable_rank(np.outer(rng.normal(size=height), rng.normal(size=width))) == 1
        )

    @pytest.mark.parametrize("axis", [0, 1])
    @pytest.mark.parametrize("name", EDGES)
    def test_edges_are_separable(self, name, axis):
        assert kernels.separable_rank(getattr(kernels, name)(axis)) == 1

    def test_tolerance_is_of_the_largest_singular_value(self):
        kernel = np.diag([100.0, 1.0, 0.01])
        assert [kernels.separable_rank(kernel, tol) for tol in (0, 0.001, 0.1, 1)] == [3, 2, 1, 0]
        columns, rows = kernels.separate(kernel, tol=0.1)
        assert_close(columns.T @ rows, np.diag([100.0, 0, 0]), rtol=1e-15)

    def test_singular_values_are_shared_evenly(self):
        columns, rows = kernels.separate(RNG.normal(size=(5, 7)))
        lengths = np.linalg.norm(columns, axis=1)
        np.testing.assert_allclose(lengths, np.linalg.norm(rows, axis=1))
        assert (np.diff(lengths) <= 0).all()
        assert (rows.max(axis=1) >= -rows.min(axis=1)).all()

    def test_complex(self):
        kernel = kernels.gabor(0.2)
        columns, rows = kernels.separate(kernel)
        assert columns.shape == (1, kernel.shape[0])
        np.testing.assert_allclose(columns.T @ rows, kernel, atol=1e-15)

    @pytest.mark.parametrize("function", [kernels.separate, kernels.separable_rank, kernels.flip])
    @pytest.mark.parametrize("kernel", [1.0, [1.0, 2.0], np.ones((3, 3, 3)), np.ones((0, 3))])
    def test_wrong_shape(self, function, kernel):
        with pytest.raises(ValueError, match="kernel must be 2-D and not empty, got shape"):
            function(kernel)

    @pytest.mark.parametrize("function", [kernels.separate, kernels.separable_rank])
    def test_wrong_values(self, function):
        with pytest.raises(ValueError, match="kernel must be finite, got nan"):
            function([[1, np.nan]])
        with pytest.raises(ValueError, match="tol must not be negative, got"):
            function([[1, 2]], tol=-1)


@pytest.mark.parametrize("bandwidth", [5e-324, 1e-20, 1e-3, 1023.0, 1024.0, 1e300])
def test_gabor_of_any_bandwidth_is_a_kernel_or_refused(bandwidth):
    """2**bandwidth overflows above 1024 and is 1 close to 0."""
    try:
        assert np.isfinite(kernels.gabor(0.2, bandwidth=bandwidth)).all()
    except ValueError as error:
        refusal = str(error)
        assert bandwidth < 1, refusal
        assert refusal.startswith("n_stds * sigma must give a kernel of at most")
