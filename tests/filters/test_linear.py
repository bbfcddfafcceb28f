"""Linear filters against SciPy, scikit-image, reference implementations and known answers."""

import itertools

import cases
import numpy as np
import pytest
from cases import assert_right, sample
from comparing import assert_close, assert_same_bits
from processes import SANITIZED
from scipy import ndimage

import imgconv
from imgconv.filters import linear, smoothing

CASES = cases.of(linear, smoothing)
# Wide enough that the loops read rows in place, between columns that they extend.
SHAPE = (37, 150)


@pytest.mark.parametrize("case", [case for case in CASES if case.library], ids=lambda case: case.id)
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


class TestCorrelate:
    IMAGE = sample((24, 90), "uint8")

    def test_integers_are_exact(self):
        rng = np.random.default_rng(0)
        for dtype, bits in [("uint8", 8), ("int16", 4), ("int32", 20), ("int64", 9)]:
            image = rng.integers(0, 2**bits, (24, 90)).astype(dtype)
            kernel = rng.integers(-99, 100, (5, 7))
            expected = ndimage.correlate(image.astype(np.int64), kernel)
            assert (imgconv.correlate(image, kernel) == expected).all()

    # Computed in int16, float32 and float64.
    @pytest.mark.parametrize("dtype", ["uint8", "int16", "int32"])
    @pytest.mark.parametrize("height", range(1, 11))
    def test_tiles_of_every_height(self, height, dtype):
        rng = np.random.default_rng(height)
        # From less than a vector to several tiles of every level, and one column around each.
        for columns in (1, 7, *range(31, 34), *range(47, 50), *range(63, 66), *range(95, 98), 150):
            image = rng.integers(0, 100, (rng.integers(1, 14), columns)).astype(dtype)
            kernel = rng.integers(-2, 3, (height, rng.integers(1, 8)))
            expected = ndimage.correlate(image.astype(np.int64), kernel)
            assert (imgconv.correlate(image, kernel, method="direct") == expected).all()

    @pytest.mark.parametrize("height", range(1, 11))
    def test_nan_stays_in_its_windows(self, height):
        kernel = cases.random_kernel(height, 3)
        for y, x in ((0, 0), (5, 16), (7, 47), (11, 89)):
            image = sample((12, 90), "float32")
            image[y, x] = np.nan
            touched = ndimage.correlate(np.isnan(image).astype(int), np.ones(kernel.shape)) > 0
            actual = imgconv.correlate(image, kernel, method="direct")
            assert (np.isnan(actual) == touched).all()

    @pytest.mark.parametrize("dtype", [*cases.DTYPES, ">f8", ">i2"])
    def test_dtype_of_the_kernel_changes_nothing(self, dtype):
        kernel = np.array([[1, 0, 1], [0, 1, 1]])
        expected = imgconv.correlate(self.IMAGE, kernel.tolist())
        assert expected.dtype == np.float32
        assert_same_bits(imgconv.correlate(self.IMAGE, kernel.astype(dtype)), expected)

    def test_layout_of_the_kernel_changes_nothing(self):
        kernel = cases.random_kernel(5, 4)
        expected = imgconv.correlate(self.IMAGE, kernel)
        around = np.full((12, 10), np.nan)
        around[1:11:2, 2:10:2] = kernel
        for same in (np.asfortranarray(kernel), kernel[::-1, ::-1].copy()[::-1, ::-1],
                     around[1:11:2, 2:10:2]):  # fmt: skip
            assert_same_bits(imgconv.correlate(self.IMAGE, same), expected)

    @pytest.mark.parametrize("function", [imgconv.correlate, imgconv.convolve])
    def test_kernel_may_be_changed_after_the_call(self, function):
        kernel = np.ones((3, 3))
        before = function(self.IMAGE, kernel)
        kernel[1, 1] = 5
        after = function(self.IMAGE, kernel)
        assert_same_bits(after, function(self.IMAGE, kernel.copy()))
        assert (after != before).any()
        kernel[1, 1] = 1
        assert_same_bits(function(self.IMAGE, kernel), before)

    @pytest.mark.parametrize("size", [(1, 1), (2, 3), (4, 4), (5, 6), (1, 8)])
    def test_centre(self, size):
        kernel = np.arange(1.0, 1 + np.prod(size)).reshape(size)
        dot = np.zeros((15, 17))
        dot[7, 8] = 1
        y, x = 7 - size[0] // 2, 8 - size[1] // 2
        convolved = imgconv.convolve(dot, kernel)
        assert (convolved[y + 1 - size[0] % 2 :, x + 1 - size[1] % 2 :].ravel() != 0).any()
        assert_same_bits(convolved, ndimage.convolve(dot, kernel))
        assert_same_bits(imgconv.correlate(dot, kernel), ndimage.correlate(dot, kernel))

    @pytest.mark.parametrize("shape", ["same", "valid", "full"])
    @pytest.mark.parametrize("stride", [2, 3, (1, 2), (5, 1), (40, 100)])
    @pytest.mark.parametrize("function", [imgconv.correlate, imgconv.convolve])
    def test_stride_leaves_results_out(self, function, stride, shape):
        kernel, (sy, sx) = cases.random_kernel(4, 5), np.broadcast_to(stride, 2)
        for image in (self.IMAGE, sample((24, 90), "float64")):
            every = function(image, kernel, shape=shape)
            some = function(image, kernel, shape=shape, stride=stride)
            assert_close(some, every[::sy, ::sx], ulps=8, scale=np.abs(every).max())

    @pytest.mark.parametrize("dilation", [2, (3, 1), (1, 4)])
    def test_dilation_moves_taps_apart(self, dilation):
        kernel, (dy, dx) = cases.random_kernel(3, 5), np.broadcast_to(dilation, 2)
        spread = np.zeros((2 * dy + 1, 4 * dx + 1))
        spread[::dy, ::dx] = kernel
        for function in (imgconv.correlate, imgconv.convolve):
            for shape in ("same", "valid", "full"):
                actual = function(self.IMAGE, kernel, shape=shape, dilation=dilation)
                expected = function(self.IMAGE, spread, shape=shape)
                assert_close(actual, expected, ulps=8, scale=255 * np.abs(kernel).sum())

    def test_zero_weights_count_as_windows(self):
        image = np.ones((5, 7))
        image[2, 3] = np.nan
        spoilt = np.isnan(imgconv.correlate(image, np.zeros((3, 3))))
        assert spoilt.sum() == 9
        assert spoilt[1:4, 2:5].all()


class TestGaussian:
    def test_no_sigma_leaves_the_image_alone(self):
        for dtype in ("float32", "uint16", "float16", "float64"):
            image = sample((9, 70), dtype)
            assert_same_bits(imgconv.gaussian(image, 0), image)
            assert_same_bits(imgconv.gaussian(image, (0.0, 0)), image)

    def test_one_pair_for_two_axes(self):
        image = sample((30, 20))
        transposed = imgconv.gaussian(image.T, (3, 1), order=(0, 2)).T
        expected = imgconv.gaussian(image, (1, 3), order=(2, 0))
        assert_close(np.ascontiguousarray(transposed), expected, rtol=1e-6)

    @pytest.mark.skipif(SANITIZED, reason="products and sums are not fused there")
    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    @pytest.mark.parametrize("sigma", [0.7, 2, 4, 5, 6, 9, 11.5, 16])
    def test_a_constant_keeps_its_value(self, sigma, dtype):
        """Within 8 units in the last place, whatever it is: docs/numerics.md."""
        values = np.random.default_rng(0).uniform(1, 2, 100).astype(dtype)
        size = int(8 * sigma) + 9
        images = np.broadcast_to(values[:, None, None], (100, size, size))
        off = (imgconv.gaussian(images, sigma, axes=(1, 2)) - images) / np.finfo(dtype).eps
        assert np.abs(off).max() <= 8

    @pytest.mark.parametrize("pair", [(1, 2), [1, 2], np.array([1, 2]), np.array([1.0, 2.0])])
    def test_takes_pairs_of_any_kind(self, pair):
        image = sample((12, 13))
        assert_same_bits(imgconv.gaussian(image, pair), imgconv.gaussian(image, (1, 2)))


class TestBox:
    def test_does_not_drift(self):
        """In a running sum the rounding of the large pixels would stay to the end of the row."""
        image = np.full((70, 4000), 0.25, np.float32)
        image[30:33, 100:110] = 1e30
        smooth = imgconv.box(image, 11)
        assert np.allclose(smooth[:, 200:], 0.25, rtol=1e-6)
        assert np.allclose(smooth[50:], 0.25, rtol=1e-6)

    @pytest.mark.parametrize("dtype", cases.DTYPES)
    def test_constant_stays_exactly(self, dtype):
        image = np.full((40, 41), 1, dtype)
        for size in (1, 2, 4, 8, (1, 16), (32, 2)):
            assert (imgconv.box(image, size) == 1).all()

    @pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "float32", "int32"])
    @pytest.mark.parametrize("height", [1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 48, 49, 182, 257])
    def test_groups_of_rows(self, height, dtype):
        """Heights around whole groups, in images of less and of more than a block and a chunk."""
        for shape, width in (((1, 40), 3), ((15, 300), 64), ((50, 1100), 17), ((33, 9), 85)):
            image = sample(shape, dtype)
            for mode in ("reflect", "wrap", "constant"):
                options = {"mode": mode, "cval": 3}
                sums = image.astype(np.float64)
                sums = ndimage.correlate1d(sums, np.ones(height), 0, **options)
                options["cval"] *= height
                sums = ndimage.correlate1d(sums, np.ones(width), 1, **options)
                box = imgconv.box(image, (height, width), **options | {"cval": 3})
                if dtype == "float32":
                    means = (sums / (height * width)).astype(dtype)
                    assert_close(box, means, rtol=1e-6, scale=np.abs(image).max())
                else:
                    # A float64 holds these sums, and divides them to the nearest.
                    assert_same_bits(box, np.rint(sums / (height * width)).astype(dtype))

    def test_runs_of_bands_and_strips(self):
        """The same bits from bands of any height, and from strips of a wide image."""
        for dtype in ("uint8", "uint16", "float32"):
            image = sample((70, 9000), dtype)
            for size in ((19, 40), (40, 1), (33, 301)):
                whole = imgconv.box(image, size, mode="constant", cval=0.1)
                for pieces in (2, 5):
                    with imgconv.threads(pieces):
                        again = imgconv.box(image, size, mode="constant", cval=0.1)
                    assert_same_bits(again, whole)
                narrow = imgconv.box(image[:, :4000], size, mode="constant", cval=0.1)
                inside = slice(size[1], 4000 - size[1])
                assert_same_bits(narrow[:, inside].copy(), whole[:, inside].copy())

    def test_interleaved_channels(self):
        for dtype, channels in (("uint8", 3), ("uint16", 2), ("float32", 4), ("int8", 5)):
            image = sample((40, 57, channels), dtype)
            for size in (9, (33, 18), 41):
                together = imgconv.box(image, size, channel_axis=-1)
                for k in range(channels):
                    alone = imgconv.box(image[..., k].copy(), size)
                    assert_same_bits(together[..., k].copy(), alone)

    def test_extremes_do_not_overflow(self):
        for dtype in ("uint8", "int16", "uint16", "float16"):
            limits = np.finfo(dtype) if dtype == "float16" else np.iinfo(dtype)
            image = np.full((40, 41), limits.max, dtype)
            assert_same_bits(imgconv.box(image, 31), image)


class TestUnsharpMask:
    def test_keeps_the_range_of_integers(self):
        image = np.zeros((9, 40), np.uint8)
        image[:, 20:] = 255
        sharp = imgconv.unsharp_mask(image, 2, 3)
        assert_same_bits(sharp, image)
        soft = imgconv.unsharp_mask(image, 2, 3, dtype=np.float32)
        assert soft.min() < -100
        assert soft.max() > 355

    def test_nothing_added(self):
        image = sample((20, 30), "uint16")
        assert_same_bits(imgconv.unsharp_mask(image, 2, 0), image)


class TestGabor:
    def test_parts_of_the_complex_filter(self):
        image = sample((30, 31), "float64")
        real, imaginary = imgconv.gabor(image, 0.2, 0.3)
        kernel = imgconv.kernels.gabor(0.2, 0.3)
        assert_close(real, ndimage.convolve(image, kernel.real), rtol=1e-13)
        assert_close(imaginary, ndimage.convolve(image, kernel.imag), rtol=1e-13)

    def test_parts_without_weights(self):
        """At frequency 0 the imaginary part of the kernel is zero."""
        image = sample((30, 31))
        real, imaginary = imgconv.gabor(image, 1e-300, sigma_x=1.0, sigma_y=1.0)
        assert np.isfinite(real).all()
        assert np.abs(imaginary).max() < 1e-6
