"""Tensors and ridges: closed forms, borders, symmetries, and scikit-image."""

import numpy as np
import pytest
from cases import MODES, sample
from cases import tensors as reference
from comparing import assert_same_bits
from skimage import feature, filters

import imgconv

SIGMAS = (1, 2)
Y, X = np.mgrid[:61, :67]


def wave(angle: float, period: float = 9.0):
    """Return a plane wave whose gradient has an angle from x towards y."""
    along = X * np.cos(angle) + Y * np.sin(angle)
    return np.sin(2 * np.pi * along / period)


class TestClosedForms:
    def test_quadratic_surface(self):
        surface = 1.5 * Y**2 - 0.5 * Y * X + 2.0 * X**2 + 3 * X - 7
        found = imgconv.hessian(surface.astype(float), 2)[:, 30, 30]
        np.testing.assert_allclose(found, [3, -0.5, 4], rtol=1e-6)

    @pytest.mark.parametrize("degrees", [-80, -45, -10, 0, 30, 45, 60, 90])
    def test_plane_wave(self, degrees):
        """It has one direction, and a second derivative along it alone."""
        image = wave(np.radians(degrees))
        angle = np.degrees(imgconv.structure_tensor(image, 3, of="orientation"))[20:40, 20:40]
        assert np.abs((angle - degrees + 90) % 180 - 90).max() < 0.7
        clear = imgconv.structure_tensor(image, 3, of="coherence")[20:40, 20:40]
        assert clear.min() > 0.99
        large, small = imgconv.hessian(image, 1, of="eigenvalues")
        damped = (2 * np.pi / 9) ** 2 * np.exp(-((2 * np.pi / 9) ** 2) / 2)
        inner = np.s_[20:40, 20:40]
        bent = np.where(image > 0, small, large)[inner]
        np.testing.assert_allclose(bent, -damped * image[inner], atol=0.01 * damped)

    def test_rotated_step(self):
        distance = X * np.cos(0.5) + Y * np.sin(0.5) - 40
        step = 100 / (1 + np.exp(-distance / 2))
        on_edge = np.abs(distance) < 1
        found = imgconv.structure_tensor(step, 3, of="orientation")[on_edge]
        inner = found[10:-10]
        assert np.abs(inner - 0.5).max() < 0.05

    @pytest.mark.parametrize("method", ["frangi", "sato", "meijering"])
    def test_ring(self, method):
        """The answer is largest on the ring, all around."""
        distance = np.hypot(Y - 30, X - 33)
        ring = np.exp(-((distance - 18) ** 2) / (2 * 2.0**2)) * 200
        found = imgconv.ridges(ring, (2, 3), method, black_ridges=False)
        on, off = found[np.abs(distance - 18) < 0.5], found[np.abs(distance - 18) > 8]
        assert on.min() > 0.8 * on.max()
        assert off.max() < 0.1 * on.max()
        assert imgconv.ridges(-ring, (2, 3), method).max() == found.max()

    def test_the_best_scale_is_the_width(self):
        line = np.exp(-((X - 33.0) ** 2) / (2 * 3.0**2)) * 100
        answers = [
            imgconv.ridges(line, [sigma], "sato", black_ridges=False)[30, 33]
            for sigma in (1, 2, 3, 4, 5, 8)
        ]
        assert np.argmax(answers) in (3, 4)  # sqrt(2) times the width


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_constant_images_give_exactly_0(dtype):
    image = np.full((50, 70), 77.7).astype(dtype)
    for function in (imgconv.hessian, imgconv.structure_tensor):
        for of in ("tensor", "eigenvalues"):
            assert not function(image, 2, of=of).any()
    for method in ("frangi", "sato", "meijering"):
        assert not imgconv.ridges(image, method=method).any()
    assert not imgconv.structure_tensor(image, of="coherence").any()


def test_constant_along_an_axis():
    """Derivatives along y of an image of columns are exactly 0, whatever its brightness."""
    image = np.random.default_rng(0).random((1, 90)).repeat(50, axis=0) + 1000
    yy, yx, xx = imgconv.hessian(image, 2)
    assert not yy.any()
    assert not yx.any()
    assert xx.any()


@pytest.mark.parametrize("mode", [*MODES, ("wrap", "constant")])
@pytest.mark.parametrize("shape", [(40, 60), (3, 5), (1, 1), (2, 90)])
def test_borders(mode, shape):
    image = sample(shape, np.float64)
    for function, expected in (
        (imgconv.hessian, reference.hessian),
        (imgconv.structure_tensor, reference.structure),
    ):
        found = function(image, 1.3, mode=mode, cval=20)
        exact = expected(image, 1.3, mode, 20)
        np.testing.assert_allclose(found, exact, atol=1e-12 * np.abs(exact).max() + 1e-12)


class TestScikitImage:
    """Away from borders, which scikit-image extends again between its passes."""

    IMAGE = sample((150, 170), np.float64)
    INNER = np.s_[..., 40:-40, 40:-40]

    def assert_equal_inside(self, found, expected):
        expected = np.asarray(expected)
        scale = np.abs(expected).max()
        np.testing.assert_allclose(
            found[self.INNER], expected[self.INNER], rtol=0, atol=1e-12 * scale
        )

    def test_tensors(self):
        parts = feature.hessian_matrix(self.IMAGE, 2, use_gaussian_derivatives=True)
        self.assert_equal_inside(imgconv.hessian(self.IMAGE, 2), parts)
        self.assert_equal_inside(
            imgconv.hessian(self.IMAGE, 2, of="eigenvalues"), feature.hessian_matrix_eigvals(parts)
        )
        parts = feature.structure_tensor(self.IMAGE, 1.5)
        self.assert_equal_inside(imgconv.structure_tensor(self.IMAGE, 1.5), parts)
        found = imgconv.structure_tensor(self.IMAGE, (1, 3), of="eigenvalues")
        parts = feature.structure_tensor(self.IMAGE, (1, 3))
        self.assert_equal_inside(found, feature.structure_tensor_eigenvalues(parts))

    @pytest.mark.parametrize("black", [True, False])
    @pytest.mark.parametrize("method", ["frangi", "sato"])
    def test_ridges(self, method, black):
        options = {"gamma": 12.0, "beta": 0.7} if method == "frangi" else {}
        expected = getattr(filters, method)(self.IMAGE, SIGMAS, black_ridges=black, **options)
        found = imgconv.ridges(self.IMAGE, SIGMAS, method, black_ridges=black, **options)
        self.assert_equal_inside(found, expected)

    @pytest.mark.parametrize("method", ["frangi", "meijering"])
    def test_what_is_measured_of_the_image(self, method):
        """Both find the same maximum where that is inside."""
        image = np.where(np.hypot(*(np.mgrid[:150, :170] - 75)) < 40, self.IMAGE, 0)
        # scikit-image before 0.27 has another alpha.
        options = {"alpha": -1 / 3} if method == "meijering" else {}
        found = imgconv.ridges(image, SIGMAS, method)
        self.assert_equal_inside(found, getattr(filters, method)(image, SIGMAS, **options))


class TestSymmetries:
    IMAGE = sample((33, 70), np.float64, seed=8)

    def test_transposed(self):
        yy, yx, xx = imgconv.hessian(self.IMAGE)
        other = imgconv.hessian(self.IMAGE.T)
        for one, swapped in ((yy, other[2]), (yx, other[1]), (xx, other[0])):
            np.testing.assert_allclose(one, swapped.T, atol=1e-11)

    @pytest.mark.parametrize("method", ["frangi", "sato", "meijering"])
    def test_flips_and_turns(self, method):
        found = imgconv.ridges(self.IMAGE, (1, 2), method)
        for turn in (np.flipud, np.fliplr, np.rot90, np.transpose):
            rotated = imgconv.ridges(turn(self.IMAGE).copy(), (1, 2), method)
            np.testing.assert_allclose(rotated, turn(found), atol=1e-10 * found.max())


class TestOfTensors:
    def test_same_as_in_the_pass(self):
        tensor = imgconv.structure_tensor(sample((30, 300), np.float64))
        for function in (imgconv.eigenvalues, imgconv.orientation, imgconv.coherence):
            made = imgconv.structure_tensor(sample((30, 300), np.float64), of=function.__name__)
            assert_same_bits(function(tensor), made)

    def test_close_eigenvalues_of_large_numbers(self):
        """The difference is taken before the square: 1e8 does not hide 1e-4."""
        large, small = imgconv.eigenvalues(np.array([1e8 + 1e-4, 0.0, 1e8]))
        np.testing.assert_allclose(large - small, 1e-4, rtol=2e-4)

    def test_numbers_whose_squares_are_no_floats(self):
        for scale in (1e-30, 1e30):
            tensor = np.array([3 * scale, 4 * scale, -3 * scale], np.float32)
            np.testing.assert_allclose(imgconv.eigenvalues(tensor), [5 * scale, -5 * scale], 1e-6)

    def test_angles(self):
        for angle in np.radians([-89, -45, -1, 0, 30, 90]):
            y, x = np.sin(angle), np.cos(angle)
            tensor = np.array([y * y, y * x, x * x])
            np.testing.assert_allclose(imgconv.orientation(tensor), angle, atol=1e-12)
        assert imgconv.orientation([1.0, -0.0, 0.0]) == np.pi / 2
        assert imgconv.orientation([1.0, 0.0, 1.0]) == 0

    def test_any_array(self):
        tensor = sample((3, 4, 5, 6), np.float32)
        expected = np.stack(reference.eigenvalues(tensor.astype(float)))
        np.testing.assert_allclose(imgconv.eigenvalues(tensor), expected, rtol=1e-4, atol=1e-3)
        assert imgconv.eigenvalues(tensor[:, ::2, ::-1].astype(">i2")).shape == (2, 2, 5, 6)
        assert imgconv.coherence(np.zeros((3, 0, 4), np.uint8)).shape == (0, 4)


def test_nan_spoils_its_window_alone():
    image = sample((60, 60), np.float64)
    spoiled = image.copy()
    spoiled[30, 20] = np.nan
    for function in (
        lambda image: imgconv.structure_tensor(image, of="eigenvalues")[0],
        lambda image: imgconv.ridges(image, (1,), "sato"),
        lambda image: imgconv.ridges(image, (1,), "frangi", gamma=3),
    ):
        plain, found = function(image), function(spoiled)
        outside = np.maximum(*np.abs(np.mgrid[:60, :60] - np.array([30, 20])[:, None, None])) > 17
        assert np.isnan(found[30, 20])
        assert_same_bits(found[outside], plain[outside])


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda a: imgconv.hessian(a, 0), "sigma must be positive, got 0"),
        (lambda a: imgconv.structure_tensor(a, (1, 0)), r"sigma must be positive, got \(1, 0\)"),
        (lambda a: imgconv.hessian(a, of="all"), "of must be one of tensor, eigenvalues, got"),
        (lambda a: imgconv.ridges(a, ()), "sigmas must be one number at least"),
        (lambda a: imgconv.ridges(a, (1, -2)), "sigmas must be finite and not negative, got -2"),
        (lambda a: imgconv.ridges(a, method="x"), "method must be one of frangi, sato, meijering"),
        (lambda a: imgconv.ridges(a, beta=0), "beta must be positive and finite, got 0"),
        (lambda a: imgconv.ridges(a, gamma=-1), "gamma must be positive and finite, got -1"),
        (lambda a: imgconv.ridges(a, beta=1e-200), "beta must have a square that is a float, got"),
        (lambda a: imgconv.ridges(a, gamma=1e200), "gamma must have a square that is a float, got"),
        (lambda a: imgconv.eigenvalues(a), r"tensor must have shape \(3, ...\), got \(5, 6\)"),
    ],
)  # fmt: skip
def test_errors(call, text):
    with pytest.raises(ValueError, match=text):
        call(np.zeros((5, 6)))
