"""Resampled Gaussians: their kernels, their error, and when they are chosen."""

import itertools
from functools import partial

import cases
import numpy as np
import pytest
from cases import MODES, gaussian_kernel, sample
from comparing import assert_same_bits
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

import imgconv
from imgconv.core import params, plan
from imgconv.operations.resample import Side, resampled_gaussian

# What SciPy's float64 result may be off by, before and after rounding to an integer.
SHARE = 1e-4
GREY_LEVELS = 0.5 + 1 / 32

sigmas = st.floats(8, 60) | st.sampled_from([8, 11.999, 12, 50, 199.9, 200])


RESAMPLE = partial(imgconv.gaussian, method="resample")


def resample(image, sigma, **common):
    return RESAMPLE(image, sigma, **common)


def direct(image, sigma, **common):
    return imgconv.gaussian(image, sigma, method="direct", **common)


def responses(side):
    """Return the kernels of all pixels of a cell."""
    return np.stack([side.response(p) for p in range(side.factor)])


def chosen(image, sigma, **common):
    """Return the loop that runs by default."""
    return imgconv.explain(imgconv.gaussian, image, sigma, **common).operation.loop


# ---- the kernels -----------------------------------------------------------------------------


class TestKernels:
    @pytest.mark.parametrize("sigma", [0, 0.7, 7.99, 8, 12, 21.5, 50])
    def test_sum_is_one(self, sigma):
        kernels = responses(Side.of(sigma))
        assert np.allclose(kernels.sum(axis=1), 1, rtol=1e-14)
        assert kernels.min() >= 0

    @pytest.mark.parametrize("sigma", [8, 12, 21.5, 50])
    def test_mean_and_variance_are_those_of_the_gaussian(self, sigma):
        side = Side.of(sigma)
        x = np.arange(-side.reach, side.reach + 1)
        means = responses(side) @ x
        assert np.allclose(means, 0, atol=1e-10)
        # Both Gaussians are cut at 4 sigma, which takes a thousandth off their variance.
        assert np.allclose(responses(side) @ x**2, sigma**2, rtol=2e-3)

    @pytest.mark.parametrize("sigma", [8, 12, 21.5])
    def test_pixels_of_a_cell_mirror_each_other(self, sigma):
        kernels = responses(Side.of(sigma))
        assert np.allclose(kernels, kernels[::-1, ::-1], atol=1e-15)

    @pytest.mark.parametrize("sigma", [0, 0.7, 4, 7.99])
    def test_small_sigma_is_direct(self, sigma):
        side = Side.of(sigma)
        assert side.factor == 1
        assert side.error == 0
        assert resampled_gaussian((sigma, sigma)) is None
        image = sample((20, 31), "uint8")
        assert_same_bits(resample(image, sigma), direct(image, sigma))

    @pytest.mark.parametrize("sigma", [(8, 8), (9, 0), (0.7, 13), (12, 17)])
    def test_loop_has_these_kernels(self, sigma):
        """A single pixel, anywhere in a cell, becomes what the kernels make of it."""
        y, x = resampled_gaussian(sigma).sides
        shape = 3 * y.factor + 2 * y.reach, 2 * x.factor + 2 * x.reach
        ky, kx = (along(side, n) for side, n in zip((y, x), shape, strict=True))
        for at in itertools.product(range(y.factor), range(x.factor)):
            place = y.reach + at[0], x.reach + at[1]
            image = np.zeros(shape)
            image[place] = 1
            expected = np.outer(ky[:, place[0]], kx[:, place[1]])
            actual = resample(image, sigma, mode="constant")
            assert np.abs(actual - expected).max() < 1e-14


def along(side, n):
    """Return the matrix of what an axis of n pixels becomes, nothing around it."""
    matrix = np.zeros((n, n + 2 * side.reach))
    for x, row in enumerate(matrix):
        row[x : x + 2 * side.reach + 1] = responses(side)[x % side.factor]
    return matrix[:, side.reach : n + side.reach]


# ---- the error -------------------------------------------------------------------------------


class TestError:
    @given(sigmas)
    def test_is_small_for_every_sigma(self, sigma):
        assert Side.of(sigma).error <= SHARE

    @given(sigmas, sigmas)
    def test_of_two_axes(self, one, other):
        error = resampled_gaussian((one, other)).error
        assert error <= SHARE
        assert error == resampled_gaussian((other, one)).error

    @pytest.mark.parametrize("sigma", [8, 12, 20])
    def test_is_that_of_the_worst_image(self, sigma):
        """White where the kernel is too large, black where it is too small."""
        side = Side.of(sigma)
        n, reach = side.factor, side.reach
        exact = gaussian_kernel(sigma)
        expected = np.pad(exact, reach - len(exact) // 2)
        worst = 0.0
        for p, q in itertools.product(range(n), range(n)):
            kernel = np.outer(responses(side)[p], responses(side)[q])
            image = np.zeros((n + 2 * reach, n + 2 * reach))
            image[p : p + 2 * reach + 1, q : q + 2 * reach + 1] = 255.0 * (kernel > expected)
            place = p + reach, q + reach
            grid = -reach % n
            image = np.pad(image, ((grid, 0), (grid, 0)))
            place = place[0] + grid, place[1] + grid
            off = resample(image, sigma)[place] - direct(image, sigma)[place]
            assert np.isclose(off, 255 * np.abs(kernel - expected).sum() / 2, rtol=1e-6)
            worst = max(worst, off)
        bound = 255 * resampled_gaussian((sigma, sigma)).error
        assert 0.7 * bound < worst <= bound


# ---- against SciPy ---------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("sigma", [8, (20, 9.5), (0, 30), (1.2, 13), (50, 0.8)])
def test_as_scipy(sigma, mode):
    for dtype, shape in itertools.product(cases.DTYPES, [(70, 141), (33, 5), (1, 90)]):
        image = sample(shape, dtype)
        exact = ndimage.gaussian_filter(image.astype(np.float64), sigma, mode=mode)
        dtypes = [np.float64] if dtype in ("bool", "float16") else [np.float64, dtype]
        pixels = np.append(image.astype(np.float64), 0.0)
        tolerance = SHARE * (pixels.max() - pixels.min()) + 8 * 6e-8 * np.abs(pixels).max()
        for result in dtypes:
            actual = resample(image, sigma, mode=mode, dtype=result)
            cases.assert_rounded(actual, exact, tolerance, np.dtype(result))


@pytest.mark.parametrize("dtype", ["uint8", "int8"])
@pytest.mark.parametrize("sigma", [8, 11.9, (16, 30), 50])
def test_integers_are_hardly_off(sigma, dtype):
    """Whatever is chosen, on images that are as far off as noise, stripes and edges can be."""
    limits, y, x = np.iinfo(dtype), *np.ogrid[:150, :170]
    noise = sample((150, 170), dtype)
    stripes = np.where((y // 31 + x // 31) % 2, limits.max, limits.min).astype(dtype)
    edge = np.where(x + y < 160, limits.max, limits.min).astype(dtype)
    for image, mode in itertools.product([noise, stripes, edge], MODES):
        exact = ndimage.gaussian_filter(image.astype(np.float64), sigma, mode=mode)
        assert np.abs(imgconv.gaussian(image, sigma, mode=mode) - exact).max() <= GREY_LEVELS


@given(
    st.integers(1, 90),
    st.integers(1, 200),
    st.tuples(*[st.just(0) | st.floats(0.3, 70)] * 2),
    st.tuples(*[st.sampled_from(MODES)] * 2),
    st.sampled_from(["uint8", "int16", "float32", "float64"]),
)
def test_any_size(height, width, sigma, mode, dtype):
    image = sample((height, width), dtype)
    actual = resample(image, sigma, mode=mode, dtype=np.float64)
    exact = direct(image.astype(np.float64), sigma, mode=mode)
    pixels = np.append(image.astype(np.float64), 0.0)
    tolerance = SHARE * (pixels.max() - pixels.min()) + 8 * 6e-8 * np.abs(pixels).max()
    assert np.abs(actual - exact).max() <= tolerance


@given(sigmas, st.integers(1, 60), st.integers(1, 60), st.data())
def test_constant_stays(sigma, height, width, data):
    for dtype in ("uint8", "int8", "uint16", "int16", "int32"):
        limits = np.iinfo(dtype)
        value = data.draw(st.integers(limits.min, limits.max))
        image = np.full((height, width), value, dtype)
        assert (resample(image, sigma) == value).all()
        assert (imgconv.gaussian(image, sigma) == value).all()


# ---- strips, bands and windows -----------------------------------------------------------------


@pytest.mark.parametrize("sigma", [(8, 8), (1, 12.5), (13, 0)])
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_strips_meet_without_a_seam(monkeypatch, dtype, sigma):
    """The same bits in strips as in one, for all modes but a cval that is rounded in sums."""
    for shape, mode in itertools.product([(25, 700), (25, 411, 3)], MODES):
        common = {"channel_axis": 2} if len(shape) == 3 else {}
        image = sample(shape, dtype)
        whole = resample(image, sigma, mode=mode, **common)
        with monkeypatch.context() as patch:
            plan.PLANS.clear()
            patch.setattr(params, "STRIP_BYTES", 1)
            explained = imgconv.explain(RESAMPLE, image, sigma, mode=mode, **common)
            assert explained.params["strip"] < explained.params["result_width"]
            strips = resample(image, sigma, mode=mode, **common)
            plan.PLANS.clear()
        assert_same_bits(strips, whole)


def test_bands_begin_with_a_cell():
    image = np.zeros((1000, 64), np.uint8)
    for sigma, threads in itertools.product([8, 13, 50, 199], [2, 5]):
        explained = imgconv.explain(RESAMPLE, image, sigma)
        assert explained.band_rows(threads) % explained.operation.sides[0].factor == 0


def test_windows_larger_than_the_image():
    for shape, mode in itertools.product([(1, 1), (2, 5), (7, 3)], MODES):
        image = sample(shape, "float64")
        actual = resample(image, 50, mode=mode, cval=3.5)
        pixels = np.append(image, 3.5)
        assert np.abs(actual - direct(image, 50, mode=mode, cval=3.5)).max() <= SHARE * np.ptp(
            pixels
        )


# ---- the choice ------------------------------------------------------------------------------


class TestChoice:
    IMAGE = sample((40, 50), "uint8")
    # Larger than the windows.
    LARGE = sample((200, 250), "uint8")

    def test_by_dtype(self):
        for dtype in cases.DTYPES:
            expected = "resample" if dtype in ("uint8", "int8") else "separable"
            assert chosen(sample((40, 50), dtype), 9) == expected

    def test_by_dtype_of_the_result(self):
        for dtype, expected in [("uint16", "resample"), ("int32", "resample"), ("float32", None)]:
            assert chosen(self.IMAGE, 9, dtype=dtype) == (expected or "separable")
        assert chosen(sample((40, 50), "uint16"), 9, dtype="uint8") == "separable"
        assert chosen(self.IMAGE, 9, out=np.empty((40, 50))) == "separable"

    def test_by_arguments(self):
        assert chosen(self.IMAGE, 7.9) == "separable"
        assert chosen(self.IMAGE, (2, 7)) == "separable"
        assert chosen(self.LARGE, (20, 0)) == "resample"
        assert chosen(self.IMAGE, 9, truncate=3) == "separable"
        assert chosen(self.IMAGE, 9, radius=36) == "separable"
        assert chosen(self.IMAGE, 9, order=1, dtype="uint8") == "separable"
        assert chosen(self.IMAGE, 9, method="direct") == "separable"
        assert chosen(self.IMAGE, 9, method="resample") == "resample"

    def test_by_cval(self):
        for cval in (0, 255, -1):
            assert chosen(self.IMAGE, 9, mode="constant", cval=cval) == "resample"
        for cval in (0.5, 1000, np.nan, np.inf):
            assert chosen(self.IMAGE, 9, mode="constant", cval=cval) == "separable"
            assert chosen(self.LARGE, 9, mode="wrap", cval=cval) == "resample"

    def test_by_the_size_of_the_image(self):
        """In a small image a folded kernel costs less than the border of a coarse grid."""
        assert chosen(self.LARGE, 100) == "resample"
        assert chosen(self.LARGE, 1000) != "resample"
        assert chosen(self.LARGE[:20], 100) != "resample"

    def test_auto_is_one_of_the_two(self):
        for sigma in (5, 9):
            expected = direct(self.IMAGE, sigma) if sigma < 8 else resample(self.IMAGE, sigma)
            assert_same_bits(imgconv.gaussian(self.IMAGE, sigma), expected)

    def test_plan_tells(self):
        explained = repr(imgconv.explain(imgconv.gaussian, self.IMAGE, (20, 9)))
        assert explained.startswith("Plan: resample loop")
        assert "every 5 x 2 pixels, smooth these with 33 x 37 taps; off by up to" in explained

    @pytest.mark.parametrize(
        ("arguments", "reason"),
        [
            ({"method": "fast"}, "method must be one of auto, direct, fft, resample, got 'fast'"),
            ({"method": None}, "method must be one of auto, direct, fft, resample, got None"),
            ({"order": 1}, r"needs order 0, .* got order \(1, 1\), truncate 4.0 and radius None"),
            ({"truncate": 3}, "needs .*truncate 4 .* got .* truncate 3 and radius None"),
            ({"radius": 36}, "needs .* and no radius, got .* and radius 36"),
        ],
    )
    def test_refuses(self, arguments, reason):
        with pytest.raises(ValueError, match=reason):
            imgconv.gaussian(self.IMAGE, 9, **({"method": "resample"} | arguments))
