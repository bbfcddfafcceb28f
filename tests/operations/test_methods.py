"""Separable sums and transforms of tiles: as right as the direct sum, and chosen if faster."""

import tracemalloc

import cases
import numpy as np
import oracle
import pytest
from cases import MODES, assert_right, low_rank_kernel, random_kernel, sample
from comparing import assert_close, assert_same_bits, awkward_arrays
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

import imgconv
from imgconv import kernels
from imgconv.core import cpu, plan
from imgconv.operations import fourier, methods
from imgconv.operations.methods import AnyMethod

MEGABYTE = 1 << 20
EPS = {dtype: np.finfo(dtype).eps for dtype in ("float32", "float64")}
LARGE = (2048, 2048)


@pytest.fixture(scope="module")
def _small_tiles():
    """Tiles as small as the kernels allow, so that a small image has many."""
    before = fourier.TILE_PIXELS, fourier.AREA, fourier.START
    fourier.TILE_PIXELS, fourier.AREA, fourier.START = 1 << 10, 4, 0
    plan.PLANS.clear()
    yield
    fourier.TILE_PIXELS, fourier.AREA, fourier.START = before
    plan.PLANS.clear()


small_tiles = pytest.mark.usefixtures("_small_tiles")


def explain(kernel, pixels="float32", shape=LARGE, **options):
    """Return the plan for an image of any size; it has only one pixel in memory."""
    return imgconv.explain(
        imgconv.correlate, np.broadcast_to(np.zeros((), pixels), shape), kernel, **options
    )


def wide_range(shape, dtype, seed=0):
    """Return an image whose pixels are anything from 1e-6 to 1e6, of both signs."""
    rng = np.random.default_rng(seed)
    return (rng.choice([-1, 1], shape) * 10.0 ** rng.uniform(-6, 6, shape)).astype(dtype)


def tiles_of(kernel, image, **options):
    """Return how many tiles an image takes."""
    explained = imgconv.explain(imgconv.correlate, image, kernel, **options)
    (height, width), (rows, columns) = explained.shape[-2:], explained.operation.step
    return explained.planes * -(-height // rows) * -(-width // columns)


# ---- the choice ------------------------------------------------------------------------------


class TestChoice:
    @pytest.mark.parametrize("dtype", ["float32", "float64", "uint8", "uint16", "float16"])
    @pytest.mark.parametrize(("size", "rank"), [(15, 1), (15, 2), (31, 1)])
    def test_low_rank_is_separable(self, size, rank, dtype):
        assert explain(low_rank_kernel(rank, size, size), dtype).method == "separable"

    @pytest.mark.parametrize("rank", [1, 2])
    def test_kernels_of_float32_are_of_low_rank_too(self, rank):
        """Their weights are rounded, as those of the sums of float32 are."""
        kernel = low_rank_kernel(rank, 15, 15).astype(np.float32)
        assert explain(kernel, "float32").method == "separable"
        assert explain(kernel, "float64").method != "separable"

    @pytest.mark.parametrize(
        "kernel",
        [
            np.outer(kernels.gaussian(3), kernels.gaussian(3)),
            np.outer(kernels.gaussian(2), kernels.gaussian(2))
            - np.outer(kernels.gaussian(1.6, radius=8), kernels.gaussian(1.6, radius=8)),
            kernels.log(2.0),
            np.full((21, 21), 1 / 441),
            kernels.gabor(0.2, 0.7).real,
        ],
        ids=["gaussian", "dog", "log", "box", "gabor"],
    )
    def test_well_known_kernels_are_separable(self, kernel):
        assert explain(kernel, "float32").method == "separable"
        assert explain(kernel, "float64").method == "separable"

    def test_terms_of_large_kernels_are_not_looked_for(self, monkeypatch):
        """It would take seconds to find many, and transforms are faster."""
        asked = []
        factor = methods.factor

        def recorded(kernel, tolerance, maximum):
            asked.append(maximum)
            return factor(kernel, tolerance, maximum)

        monkeypatch.setattr(methods, "factor", recorded)
        assert explain(random_kernel(401, 399)).method == "fft"
        assert explain(low_rank_kernel(1, 399, 401)).method == "fft"
        assert max(asked) <= 2
        assert explain(low_rank_kernel(3, 30, 30), shape=(30, 30)).method == "separable"
        assert max(asked) >= 3

    def test_small_kernels_are_direct(self):
        for kernel in (random_kernel(3, 3), random_kernel(1, 9), np.ones((1, 9)), np.ones((5, 1))):
            assert explain(kernel).method == "direct"

    def test_large_kernels_go_by_transforms(self):
        assert explain(random_kernel(127, 127)).method == "fft"
        assert explain(random_kernel(127, 127), "uint16", dtype="uint16").method == "fft"
        assert explain(random_kernel(9, 9)).method == "direct"

    def test_takes_the_fastest_sum_unless_transforms_are_much_faster(self):
        for kernel in (random_kernel(3, 4), low_rank_kernel(2, 9, 9), random_kernel(99, 99)):
            explained = explain(kernel)
            times = explained.times
            assert all(time > 0 for time in times.values())
            sums = {name: time for name, time in times.items() if name != "fft"}
            fastest = min(sums, key=sums.get)
            much_faster = methods.GAIN * times["fft"] < sums[fastest]
            assert explained.method == ("fft" if much_faster else fastest)

    def test_tells_the_times(self):
        explained = explain(low_rank_kernel(1, 31, 31))
        assert list(explained.times) == ["direct", "separable", "fft"]
        times = ", ".join(f"{name} {time:.3g}" for name, time in explained.times.items())
        assert f"\n  method  separable; nanoseconds a pixel: {times}" in repr(explained)
        explained = explain(random_kernel(5, 5), method="fft")
        assert repr(explained).startswith(f"Plan: fourier loop, level {cpu.LEVEL}, in float32\n")
        assert list(explained.times) == ["fft"]
        tile = "{} x {}".format(*explained.operation.tile)
        assert f"\n  method  fft of {tile} tiles in float32; nanoseconds" in repr(explained)
        assert explain(random_kernel(5, 5), method="direct").times == {}

    @pytest.mark.parametrize("method", ["direct", "separable", "fft"])
    def test_is_what_was_asked_for(self, method):
        for size in (1, 2, 5, 40):
            assert explain(low_rank_kernel(1, size, size), method=method).method == method

    def test_not_finite_kernels_are_direct(self):
        kernel = np.ones((99, 99))
        kernel[3, 3] = np.inf
        assert explain(kernel).method == "direct"

    def test_methods_do_not_share_a_plan(self):
        kernel = low_rank_kernel(1, 9, 9)
        explained = [explain(kernel, method=method) for method in methods.METHODS]
        assert len({id(each) for each in explained}) == 4

    def test_error_tells_the_rank(self):
        with pytest.raises(ValueError, match=r"of rank 3 or less .*, got \(6, 8\) of rank 6"):
            explain(random_kernel(6, 8), method="separable")


class TestExactIntegers:
    """If direct sums of integers are exact, those of "auto" are exact."""

    @pytest.mark.parametrize("dtype", ["bool", "uint8", "int16", "int32", "float32"])
    @pytest.mark.parametrize("unit", [1, 0.25])
    def test_products_of_whole_numbers(self, dtype, unit):
        rng = np.random.default_rng(3)
        kernel = np.outer(rng.integers(-3, 4, 17), rng.integers(0, 5, 13)) * unit
        image = (sample((40, 50), "uint8") % 100).astype(dtype)
        assert imgconv.explain(imgconv.correlate, image, kernel).method == "separable"
        expected = imgconv.correlate(image, kernel, method="direct")
        assert_same_bits(imgconv.correlate(image, kernel), expected)

    def test_no_sum_of_terms_spoils_whole_weights(self):
        rng = np.random.default_rng(4)
        kernel = rng.integers(-9, 9, (13, 2)) @ rng.integers(-9, 9, (2, 13))
        assert "separable" not in explain(kernel, "uint8").times
        assert "separable" in explain(kernel / 7, "uint8").times

    def test_transforms_only_where_rounding_makes_whole_results(self):
        kernel = np.random.default_rng(4).integers(-9, 9, (127, 127))
        assert explain(kernel, "uint8").method == "fft"
        assert explain(kernel * 2.0**20, "int64").method == "direct"
        assert explain(kernel * 2.0**20 / 7, "int64").method == "fft"

    @pytest.mark.parametrize("dtype", ["bool", "uint8", "int8", "uint16", "int32", "float32"])
    @pytest.mark.parametrize("unit", [1, 0.25, 8])
    def test_transforms_of_whole_numbers(self, dtype, unit):
        """Float images, too, in tiles that hold whole numbers only."""
        rng = np.random.default_rng(5)
        kernel = rng.integers(-3, 4, (29, 31)) * unit
        image = (sample((90, 100), "uint8") % 100).astype(dtype)
        image[20:60, 30:70] = 0
        result = imgconv.correlate(image, kernel, method="fft", dtype="float64")
        exact = imgconv.correlate(image.astype("float64"), kernel, method="direct")
        assert (result == exact).all()

    @pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16"])
    @pytest.mark.parametrize("method", ["separable", "fft"])
    def test_integer_results(self, dtype, method):
        """At most half a level and a 32nd off, also where the image is all steps."""
        limits = np.iinfo(dtype)
        steps = np.where(np.tri(150, 170, 20), limits.min, limits.max).astype(dtype)
        for image in (sample((150, 170), dtype), steps):
            rng = np.random.default_rng(0)
            kernel = rng.random((41, 2)) @ rng.random((2, 35))
            kernel += rng.random((41, 35)) if method == "fft" else 0
            kernel /= kernel.sum()
            exact = imgconv.correlate(image.astype(np.float64), kernel, method="direct")
            result = imgconv.correlate(image, kernel, method=method, dtype=dtype)
            assert np.abs(result - exact).max() <= 0.5 + 1 / 32


# ---- separable -------------------------------------------------------------------------------


def product(terms):
    return sum(np.outer(column, row) for column, row in terms)


class TestFactor:
    @pytest.mark.parametrize("rank", [1, 2, 3, 5])
    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_finds_the_rank(self, rank, dtype):
        for seed in range(20):
            rng = np.random.default_rng(seed)
            height, width = rng.integers(2 * rank, 40, 2)
            columns, rows = rng.normal(size=(height, rank)), rng.normal(size=(rank, width))
            kernel = (columns @ rows).astype(dtype).astype(np.float64)
            terms = methods.factor(kernel, methods.ROUNDING[dtype], min(height, width) // 2)
            assert len(terms) == rank == kernels.separable_rank(kernel, tol=1e-5)
            error = np.abs(product(terms) - kernel).max()
            assert error <= methods.ROUNDING[dtype] * np.abs(kernel).max()

    def test_small_weights_are_as_sure_as_large_ones(self):
        """Rank one: each weight to its own rounding, where singular values give a share of 1."""
        column, row = 10.0 ** np.linspace(-12, 3, 21), 10.0 ** np.linspace(9, -9, 25)
        kernel = np.outer(column, row)
        [(down, across)] = methods.factor(kernel, methods.ROUNDING["float64"], 1)
        np.testing.assert_allclose(np.outer(down, across), kernel, rtol=1e-15)

    def test_a_peak_on_a_plain(self):
        """Weights next to one a million times their size."""
        kernel = np.outer(kernels.gaussian(3), kernels.gaussian(3))
        kernel[12, 12] += 1e6
        terms = methods.factor(kernel, methods.ROUNDING["float64"], 12)
        assert len(terms) == 2
        off_cross = np.ones(kernel.shape, bool)
        off_cross[12] = off_cross[:, 12] = False
        error = np.abs(product(terms) - kernel)[off_cross]
        assert (error <= 1e-14 * kernel[off_cross].max()).all()

    def test_zeros_stay_zeros(self):
        kernel = np.zeros((9, 11))
        kernel[2:7, 3:5] = np.outer(np.random.default_rng(0).normal(size=5), [0.1, 0.7])
        [(column, row)] = methods.factor(kernel, methods.ROUNDING["float64"], 1)
        assert ((column != 0) == kernel.any(axis=1)).all()
        assert ((row != 0) == kernel.any(axis=0)).all()

    def test_whole_numbers_stay_whole(self):
        column, row = np.array([6, 0, -15, 9]) / 8, np.array([4, 10, -2.0])
        [(down, across)] = methods.factor(np.outer(column, row), 1e-15, 1)
        assert (np.outer(down, across) == np.outer(column, row)).all()
        assert methods.is_exact(down)
        assert methods.is_exact(across)

    def test_nothing(self):
        [(column, row)] = methods.factor(np.zeros((3, 4)), 1e-15, 1)
        assert (column.shape, row.shape) == ((3,), (4,))
        assert not column.any()
        assert not row.any()

    def test_refuses_what_is_only_nearly_of_low_rank(self):
        kernel = low_rank_kernel(1, 15, 15)
        kernel[4, 4] *= 1 + 1e-5
        assert methods.factor(kernel, methods.ROUNDING["float32"], 1) is None
        kernel = low_rank_kernel(1, 15, 15)
        kernel[4, 4] *= 1 + 1e-13
        assert methods.factor(kernel, methods.ROUNDING["float64"], 1) is None

    def test_refuses_what_is_not_finite(self):
        assert methods.factor(np.full((3, 3), np.inf), 1e-15, 1) is None


class TestSeparable:
    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    @pytest.mark.parametrize("rank", [1, 2, 4])
    def test_is_off_by_rounding_only(self, rank, dtype):
        """Each result by a share of what its own window holds, times the terms' weights."""
        for seed in range(4):
            rng = np.random.default_rng(seed)
            height, width = rng.integers(2 * rank, 32, 2)
            kernel = low_rank_kernel(rank, height, width)
            image = wide_range((60, 70), dtype, seed)
            operation = AnyMethod(kernel, (height // 2, width // 2), method="separable")
            terms = methods.separable(operation, np.dtype(dtype), rank).terms
            sizes = sum(np.outer(*(abs(each.weights) for each in term)) for term in terms)
            exact = oracle.correlate(image, kernel)
            total = oracle.correlate(np.abs(image), sizes)
            result = imgconv.correlate(image, kernel, method="separable")
            bound = (height + width + 40) * EPS[dtype] * total
            assert (np.abs(result - exact) <= bound).all()

    @pytest.mark.parametrize("stride", [2, (3, 1), (1, 4), (5, 3)])
    @pytest.mark.parametrize("shape", ["same", "valid", "full"])
    def test_stride_leaves_results_out(self, stride, shape):
        kernel, image = low_rank_kernel(2, 6, 7), sample((41, 90))
        options = {"method": "separable", "shape": shape}
        sy, sx = np.broadcast_to(stride, 2)
        expected = imgconv.correlate(image, kernel, **options)[::sy, ::sx].copy()
        result = imgconv.correlate(image, kernel, stride=stride, **options)
        assert_same_bits(result, expected)

    def test_zero_weights_count_as_windows(self):
        kernel = np.zeros((9, 9))
        kernel[4, 3:6] = 1 / 3
        image = np.zeros((30, 30), np.float32)
        image[15, 15] = np.nan
        spoilt = np.isnan(imgconv.correlate(image, kernel, method="separable"))
        expected = np.zeros((30, 30), bool)
        expected[11:20, 11:20] = True
        assert (spoilt == expected).all()

    def test_infinity_as_in_the_direct_sum(self):
        """Of one term, signs and zeros are those of the kernel."""
        kernel = np.outer([0, 0.3, -1.1, 2, 0.7, 0, 0.1], [1.3, -0.4, 0, 0.6, 0.2, -2, 1])
        image = sample((30, 40))
        image[10, 20], image[12, 5] = np.inf, -np.inf
        sums = imgconv.correlate(image, kernel, method="separable")
        direct = imgconv.correlate(image, kernel, method="direct")
        assert_close(sums, direct, ulps=16, scale=500 * np.abs(kernel).sum())


# ---- fft -------------------------------------------------------------------------------------


@small_tiles
class TestTiles:
    KERNEL = random_kernel(9, 7)

    @pytest.mark.parametrize("method", ["correlate", "convolve"])
    @pytest.mark.parametrize("mode", MODES)
    def test_as_the_reference_implementation(self, method, mode):
        for shape, dtype, kernel in [
            ((70, 95), "float32", random_kernel(9, 7)),
            ((33, 130), "float64", random_kernel(1, 12)),
            ((64, 64), "uint8", random_kernel(8, 8)),
            ((5, 7), "float32", random_kernel(12, 30)),
            ((1, 200), "int16", random_kernel(3, 31)),
        ]:
            image = sample(shape, dtype)
            part = cases.Part(kernel, flipped=method == "convolve")
            case = cases.Case("tiles", None, {}, None, (part,))
            function = getattr(imgconv, method)
            result = function(image, kernel, method="fft", mode=mode, cval=3)
            assert_right(case, result, image, mode=mode, cval=3)
        assert tiles_of(self.KERNEL, np.zeros((70, 95)), method="fft") > 4

    @given(
        st.tuples(st.integers(1, 90), st.integers(1, 90)),
        st.tuples(st.integers(1, 20), st.integers(1, 20)),
        st.sampled_from(MODES),
        st.sampled_from(["same", "full"]),
        st.tuples(st.integers(1, 4), st.integers(1, 4)),
        st.tuples(st.integers(1, 3), st.integers(1, 3)),
        st.sampled_from(["float32", "float64", "uint8", "float16", "bool"]),
        st.integers(0, 99),
    )
    def test_any_size(self, shape, size, mode, fit, stride, dilation, dtype, seed):
        """Sizes that no tile divides, strides and dilations, kernels larger than the image."""
        image, kernel = sample(shape, dtype, seed), np.random.default_rng(seed).normal(size=size)
        options = {"shape": fit, "stride": stride, "dilation": dilation, "mode": mode, "cval": 1}
        result = imgconv.correlate(image, kernel, method="fft", **options)
        exact = oracle.correlate(image, kernel, **options)
        scale = np.abs(kernel).sum() * max(1, np.abs(np.asarray(image, np.float64)).max())
        assert_close(result, exact.astype(result.dtype), ulps=8, scale=scale)

    @given(
        st.sampled_from(["float32", "float64"]),
        st.tuples(st.integers(2, 24), st.integers(2, 24)),
        st.integers(0, 99),
    )
    def test_error_is_a_share_of_the_range(self, dtype, size, seed):
        """For any image: by the largest difference of two pixels, not by what a window holds."""
        rng = np.random.default_rng(seed)
        image, kernel = wide_range((80, 70), dtype, seed), rng.normal(size=size)
        exact = oracle.correlate(image, kernel)
        result = imgconv.correlate(image, kernel, method="fft")
        bound = fourier.ERROR * EPS[dtype] * np.abs(kernel).sum() * np.ptp(image.astype(float))
        assert (np.abs(result - exact) <= np.where(result == 0, 2 * bound, bound)).all()

    @pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
    def test_flat_stays_flat(self, dtype):
        """However large the pixels; what is left is the rounding of the sum of the weights."""
        kernel = np.abs(self.KERNEL) / np.abs(self.KERNEL).sum()
        image = np.full((90, 80), 200, dtype)
        result = imgconv.correlate(image, kernel, method="fft", mode="nearest")
        assert_close(result, np.full_like(result, 200), ulps=4)
        assert len(np.unique(result)) == 1

    @pytest.mark.parametrize("dtype", ["bool", "uint8", "float32", "float64"])
    @pytest.mark.parametrize("signed", [False, True])
    def test_zeros_stay_zeros(self, dtype, signed):
        """Windows of zeros, also beside bright pixels of their tile, and no negative sums."""
        y, x = np.ogrid[-9:10, -9:10]
        rng = np.random.default_rng(2)
        kernel = (y**2 + x**2 <= 81) * rng.normal(size=(19, 19)) * 1e3
        kernel = kernel if signed else np.abs(kernel)
        image = rng.random((130, 150)) * 200 * (rng.random((130, 150)) < 0.002)
        image = image.astype(dtype)
        result = imgconv.correlate(image, kernel, method="fft", dtype="float64")
        empty = ~ndimage.binary_dilation(image != 0, kernel[::-1, ::-1] != 0)
        assert 0.1 < empty.mean() < 0.9
        assert not result[empty].any()
        assert signed or (result >= 0).all()

    def test_a_mask_and_a_disk(self):
        """Where they do not meet, "auto" gives 0, whatever the disk is divided by."""
        y, x = np.ogrid[-30:31, -30:31]
        disk = y**2 + x**2 <= 900
        image = np.zeros((300, 280))
        image[90:110, 60:90] = 1
        near = ndimage.binary_dilation(image, disk)
        for dtype in ("bool", "uint8", "float32", "float64"):
            for kernel in (disk, disk / disk.sum()):
                assert explain(kernel, dtype, image.shape).method == "fft"
                result = imgconv.correlate(image.astype(dtype), kernel)
                assert ((result > 0) == near).all()
                assert ((result == 0) == ~near).all()

    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38])
    def test_odd_tiles_are_direct(self, value):
        """All their results are those of the direct sum, the others stay as they were."""
        image = sample((120, 110))
        plain = imgconv.correlate(image, self.KERNEL, method="fft")
        image[60, 50] = value
        result = imgconv.correlate(image, self.KERNEL, method="fft")
        direct = imgconv.correlate(image, self.KERNEL, method="direct")
        windows = np.zeros(image.shape, bool)
        windows[56:65, 47:54] = True
        assert_same_bits(result[windows], direct[windows])
        assert (np.isfinite(result) | windows).all()
        far = np.ones(image.shape, bool)
        far[30:90, 20:80] = False
        assert_same_bits(result[far], plain[far])
        assert not (result[far] == direct[far]).all()

    def test_tiny_numbers_are_direct(self):
        """Transforms would lose them among the subnormal ones."""
        image = sample((60, 70)) * np.float32(1e-36)
        result = imgconv.correlate(image, self.KERNEL, method="fft")
        assert_same_bits(result, imgconv.correlate(image, self.KERNEL, method="direct"))

    @pytest.mark.parametrize("cval", [np.nan, np.inf])
    def test_odd_borders(self, cval):
        image = sample((80, 85))
        options = {"mode": "constant", "cval": cval}
        result = imgconv.correlate(image, self.KERNEL, method="fft", **options)
        direct = imgconv.correlate(image, self.KERNEL, method="direct", **options)
        assert_close(result, direct, ulps=8, scale=500 * np.abs(self.KERNEL).sum())

    def test_odd_borders_of_integers(self):
        """Tiles in float64, and a direct sum where the border spoils them."""
        kernel = np.abs(random_kernel(9, 7)) / np.abs(random_kernel(9, 7)).sum()
        for width in range(60, 92):
            image = sample((50, width), "uint16")
            options = {"mode": "constant", "cval": np.nan, "dtype": "uint16"}
            explained = imgconv.explain(imgconv.correlate, image, kernel, method="fft", **options)
            assert explained.computed_in == np.float64
            result = imgconv.correlate(image, kernel, method="fft", **options)
            direct = imgconv.correlate(image, kernel, method="direct", **options)
            assert_close(result, direct, ulps=1)

    @pytest.mark.usefixtures("always_parallel")
    def test_number_of_threads_changes_no_bit(self):
        image = sample((3, 75, 90))
        image[1, 30, 20], image[2, 50, 80] = np.nan, np.inf
        options = {"method": "fft", "axes": (1, 2)}
        assert tiles_of(self.KERNEL, image, **options) > 12
        with imgconv.threads(1):
            expected = imgconv.correlate(image, self.KERNEL, **options)
        for n in (2, 5, 64):
            with imgconv.threads(n):
                assert_same_bits(imgconv.correlate(image, self.KERNEL, **options), expected)

    @pytest.mark.parametrize("dtype", ["uint8", "float32", "float64", "int32", "float16"])
    def test_any_image_and_any_out(self, dtype):
        image = sample((60, 70), dtype)
        expected = imgconv.correlate(image, self.KERNEL, method="fft", dtype=dtype)
        for _, awkward in awkward_arrays(image):
            result = imgconv.correlate(awkward, self.KERNEL, method="fft", dtype=dtype)
            assert_same_bits(result, expected)
        for name, out in awkward_arrays(np.zeros_like(image)):
            if name != "read-only":
                imgconv.correlate(image, self.KERNEL, method="fft", out=out)
                assert (out == expected).all()

    def test_out_is_the_image(self):
        image = sample((60, 70))
        expected = imgconv.correlate(image, self.KERNEL, method="fft")
        part = image[:40, :50]
        inside = imgconv.correlate(part, self.KERNEL, method="fft")
        assert imgconv.correlate(image, self.KERNEL, method="fft", out=image) is image
        assert_same_bits(image, expected)
        image = sample((60, 70))
        imgconv.correlate(image[:40, :50], self.KERNEL, method="fft", out=image[20:, 20:])
        assert_same_bits(image[20:, 20:].copy(), inside)

    @pytest.mark.parametrize("channel_axis", [0, 1, 2])
    def test_channels(self, channel_axis):
        planes = sample((3, 60, 50), "uint8")
        image = np.ascontiguousarray(np.moveaxis(planes, 0, channel_axis))
        options = {"method": "fft", "dtype": "uint8"}
        result = imgconv.correlate(image, self.KERNEL, channel_axis=channel_axis, **options)
        for plane, one in zip(planes, np.moveaxis(result, channel_axis, 0), strict=True):
            assert_same_bits(one.copy(), imgconv.correlate(plane, self.KERNEL, **options))

    def test_what_numpy_raises_for_changes_nothing(self):
        image = sample((60, 50))
        image[:30] *= np.float32(1e-18)
        expected = imgconv.correlate(image, self.KERNEL, method="fft")
        with np.errstate(all="raise"):
            assert_same_bits(imgconv.correlate(image, self.KERNEL, method="fft"), expected)

    def test_sides(self):
        """A tile holds its kernel, and steps over the whole result without a gap."""
        for size in [(1, 1), (1, 300), (40, 3), (31, 31), (200, 200)]:
            for shape in [(1, 1), (20, 500), (300, 300)]:
                explained = explain(random_kernel(*size), "float32", shape, method="fft")
                (height, width), (rows, columns) = (
                    explained.operation.tile,
                    explained.operation.step,
                )
                span_y, span_x = (axis.span for axis in explained.windows)
                assert (height, width) == (rows + span_y - 1, columns + span_x - 1)
                assert rows >= 1
                assert columns >= 1


def test_tiles_of_a_usual_size():
    """A megabyte at most, unless the kernel alone fills a good part of that."""
    for size in (31, 63, 127):
        explained = explain(random_kernel(size, size), method="fft")
        assert explained.computed_in == np.float32
        assert np.prod(explained.operation.tile) * 4 <= MEGABYTE
    explained = explain(random_kernel(300, 300), method="fft")
    assert np.prod(explained.operation.tile) <= fourier.AREA * 300 * 300


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_memory_beside_the_result(dtype, threads):
    """At most 4 MB for each thread, whatever the size of the image."""
    image, out = np.zeros((1024, 2048), dtype), np.zeros((1024, 2048), dtype)
    kernel = random_kernel(63, 63)
    call = lambda: imgconv.correlate(image, kernel, method="fft", out=out)  # noqa: E731
    call()
    with imgconv.threads(threads):
        tracemalloc.start()
        try:
            call()
            assert tracemalloc.get_traced_memory()[1] <= threads * 4 * MEGABYTE
        finally:
            tracemalloc.stop()
