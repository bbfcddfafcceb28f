"""Separable kernels by transforms of lines: as right as the sums, and chosen if faster."""

from dataclasses import replace

import cases
import numpy as np
import pytest
from cases import MODES, gaussian_kernel, sample
from comparing import assert_close, assert_same_bits
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

import imgconv
from imgconv import kernels
from imgconv.core import plan
from imgconv.core.run import Call
from imgconv.filters.derivatives import gaussian_laplace_operation
from imgconv.filters.smoothing import difference_operation
from imgconv.operations import fourier, lines
from imgconv.operations.lines import LineSide
from imgconv.operations.separable import Kernel1D, Separable

EPS = {dtype: np.finfo(dtype).eps for dtype in ("float32", "float64")}
# Of a Gaussian in both dtypes, as a share of the range of the pixels.
SHARE = {"float32": 1e-6, "float64": 1e-12}


@pytest.fixture(params=["one piece", "many pieces"])
def _pieces(request, monkeypatch):
    """Pieces as long as the image, or as short as kernels allow and slabs of a few rows."""
    if request.param == "many pieces":
        monkeypatch.setattr(lines, "LONGEST", 1)
        monkeypatch.setattr(lines, "SLAB_BYTES", 1)
        monkeypatch.setattr(lines, "UNCHANGED", 1)
    plan.PLANS.clear()
    yield
    plan.PLANS.clear()


any_pieces = pytest.mark.usefixtures("_pieces")


def transformed(image, sigma, **options):
    return imgconv.gaussian(image, sigma, method="fft", **options)


def chosen(pixels, sigma, shape=(2048, 2048), **options):
    """Return the plan for an image of any size; it has only one pixel in memory."""
    stub = np.broadcast_to(np.zeros((), pixels), shape)
    return imgconv.explain(imgconv.gaussian, stub, sigma, **options)


def exact(image, sigma, mode="reflect", cval=0.0, **options):
    """Return SciPy's result in float64, of an image that is extended once."""
    wide, cval = np.asarray(image, np.float64), cval if mode == "constant" else 0.0
    return cval + ndimage.gaussian_filter(wide - cval, sigma, mode=mode, **options)


# ---- the choice ------------------------------------------------------------------------------


class TestChoice:
    @pytest.mark.parametrize("dtype", ["float32", "float64", "uint16", "int32", "float16"])
    def test_wide_gaussians_go_by_transforms(self, dtype):
        for sigma in (30, 50, 100, (0, 40), (60, 1)):
            assert chosen(dtype, sigma).method == "fft"
        for sigma in (1, 4, (0, 5)):
            assert chosen(dtype, sigma).method == "separable"

    def test_time_hardly_grows_with_sigma(self):
        times = [chosen("float32", sigma).times["fft"] for sigma in (16, 20, 50, 100, 200)]
        assert max(times) < 2 * min(times)

    def test_only_if_much_faster(self):
        for sigma in range(6, 40):
            explained = chosen("float32", sigma)
            times = explained.times
            much_faster = fourier.GAIN * times["fft"] < times["separable"]
            assert explained.method == ("fft" if much_faster else "separable")

    def test_by_method(self):
        for method, expected in [("fft", "fft"), ("direct", "separable"), ("resample", "resample")]:
            assert chosen("float32", 30, method=method).method == expected
        assert chosen("uint8", 30).method == "resample"
        assert chosen("uint8", 30, method="fft").method == "fft"

    def test_exact_sums_stay_sums(self):
        """Whole numbers under weights that are whole."""
        stub = np.broadcast_to(np.float32(0), (2048, 2048))
        wide = np.ones(301)
        assert imgconv.explain(imgconv.separable, stub, wide, wide).method == "separable"
        wide = wide / 301
        assert imgconv.explain(imgconv.separable, stub, wide, wide).method == "fft"

    def test_not_finite_kernels_are_sums(self):
        stub = np.broadcast_to(np.float32(0), (2048, 2048))
        wide = np.full(301, 1e-3)
        wide[3] = np.inf
        assert imgconv.explain(imgconv.separable, stub, wide, wide).method == "separable"

    def test_plan_tells(self):
        explained = chosen("float32", 50)
        y, x = explained.operation.y.length, explained.operation.x.length
        assert f"fft of columns by {y} and of rows by {x} in float32; nanoseconds" in repr(
            explained
        )


@given(st.integers(2, 3000), st.integers(1, 5000), st.sampled_from(["float32", "float64"]))
def test_pieces_hold_their_windows(taps, n, dtype):
    side = LineSide.of(np.full((1, taps), 1 / taps), n, np.dtype(dtype), np.inf)
    assert side.results + taps - 1 <= side.length
    assert side.results > 0
    assert side.length <= max(lines.LONGEST, 4 * taps, 64)


# ---- results ---------------------------------------------------------------------------------


@any_pieces
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("sigma", [16, (20, 9.5), (0, 30), (1.2, 13), (70, 0)])
def test_as_scipy(sigma, mode):
    for shape in [(70, 141), (333, 5), (1, 190), (130, 97)]:
        for dtype in SHARE:
            image = np.random.default_rng(0).random(shape).astype(dtype)
            result = transformed(image, sigma, mode=mode, cval=0.7)
            off = np.abs(result - exact(image, sigma, mode, 0.7)).max()
            assert off <= SHARE[dtype]


@pytest.mark.parametrize("sigma", [20, 60, 150])
@pytest.mark.parametrize("dtype", SHARE)
def test_error_of_any_image(dtype, sigma):
    """Noise, stripes, edges, a dot and a slope, each with the largest range."""
    y, x = np.ogrid[:500, :420]
    images = [
        np.random.default_rng(3).integers(0, 2, (500, 420)),
        (y // 31 + x // 31) % 2,
        x + y < 470,
        (y == 200) & (x == 100),
        (x + y) / 918,
    ]
    for image in images:
        pixels = np.asarray(image, dtype)
        result = imgconv.gaussian(pixels, sigma, method="fft").astype(np.float64)
        assert np.abs(result - exact(pixels, sigma)).max() <= SHARE[dtype]
        assert (result >= 0).all()
        assert (result <= 1 + SHARE[dtype]).all()


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16"])
def test_integers_are_rounded_once(dtype):
    for sigma in (12, (40, 25), (0, 18)):
        image = sample((150, 170), dtype)
        off = np.abs(transformed(image, sigma) - exact(image, sigma)).max()
        assert off <= 0.5 + fourier.INTEGER_ERROR


@given(
    st.tuples(st.integers(1, 90), st.integers(1, 140)),
    st.tuples(*[st.just(0) | st.floats(0.3, 30)] * 2),
    st.tuples(*[st.sampled_from(MODES)] * 2),
    st.sampled_from(["uint8", "int16", "float32", "float64"]),
)
def test_any_size(shape, sigma, mode, dtype):
    image = sample(shape, dtype)
    result = transformed(image, sigma, mode=mode, cval=2.5, dtype=np.float64)
    direct = imgconv.gaussian(image.astype(np.float64), sigma, method="direct", mode=mode, cval=2.5)
    scale = np.ptp(np.append(image.astype(np.float64), 2.5))
    precise = "float64" if dtype == "float64" else "float32"
    assert np.abs(result - direct).max() <= 2 * SHARE[precise] * scale


@given(
    st.tuples(st.integers(1, 50), st.integers(1, 50)),
    st.tuples(st.integers(1, 60), st.integers(1, 60)),
    st.sampled_from(["same", "valid", "full"]),
    st.sampled_from(["float32", "float64"]),
    st.integers(0, 99),
)
def test_error_is_a_share_of_the_range(size, shape, fit, dtype, seed):
    """For any kernels: by the largest difference of two pixels, and of two sums of a column."""
    rng = np.random.default_rng(seed)
    image = (rng.choice([-1, 1], shape) * 10.0 ** rng.uniform(-6, 6, shape)).astype(dtype)
    column, row = (rng.normal(size=k) for k in size)
    term = Kernel1D.centred(column), Kernel1D.centred(row)
    operation = Separable(((term,),), method="fft")
    if fit == "valid" and (size[0] > shape[0] or size[1] > shape[1]):
        return
    result = Call(operation, image, placement=fit).run()
    direct = imgconv.correlate(
        image.astype(np.float64), np.outer(column, row), shape=fit, method="direct"
    )
    gain = np.abs(column).sum() * np.abs(row).sum()
    bound = lines.ERROR * EPS[dtype] * gain * np.ptp(np.append(image.astype(float), 0))
    assert (np.abs(result - direct) <= np.where(result == 0, 4, 2) * bound).all()


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint16", "float16"])
def test_a_constant_keeps_its_value(dtype):
    """However wide the kernel."""
    for sigma in (3, 12, 20, 50, 117.3, 200, (3, 80)):
        for value in (200, 0.1, 7):
            image = np.full((90, 480), value).astype(dtype)
            for mode in ("reflect", "nearest"):
                assert_close(transformed(image, sigma, mode=mode), image, ulps=5)


@any_pieces
def test_windows_of_zeros_give_zero():
    """Also beside bright pixels, and sums of what is not negative are not negative."""
    rng = np.random.default_rng(2)
    for dtype in ("float32", "float64", "uint16"):
        image = (rng.random((230, 250)) * 2e3 * (rng.random((230, 250)) < 0.0003)).astype(dtype)
        reached = ndimage.binary_dilation(image != 0, np.ones((2 * 21 + 1, 2 * 13 + 1)))
        result = transformed(image, (5.3, 3.2), dtype="float64")
        assert 0.1 < reached.mean() < 0.9
        assert not result[~reached].any()
        assert (result >= 0).all()


# ---- odd pixels ------------------------------------------------------------------------------


@any_pieces
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", SHARE)
def test_odd_pixels_spoil_their_windows(dtype, value):
    """And change hardly anything else."""
    image = np.random.default_rng(0).random((130, 120)).astype(dtype)
    plain = transformed(image, (5, 4))
    image[60, 50] = value
    result = transformed(image, (5, 4))
    windows = np.zeros(image.shape, bool)
    windows[40:81, 34:67] = True
    np.testing.assert_array_equal(result[windows], np.full((41 * 33), value, dtype))
    assert np.abs(result - plain)[~windows].max() < 2 * SHARE[dtype]


def test_an_odd_pixel_leaves_other_columns_alone():
    """In the first pass each lane is a column of its own."""
    image = np.random.default_rng(0).random((130, 120)).astype("float32")
    plain = transformed(image, (5, 0))
    image[60, 50] = np.nan
    others = np.arange(120) != 50
    assert_same_bits(transformed(image, (5, 0))[:, others], plain[:, others])


@pytest.mark.parametrize("factor", [1e-38, 1e-36, 1e37])
def test_tiny_and_huge_numbers_are_sums(factor):
    """Transforms would lose them among subnormal numbers, or overflow."""
    image = (np.random.default_rng(0).random((90, 100)) * factor).astype("float32")
    result = transformed(image, 6) / factor
    expected = exact(image.astype(np.float64) / factor, 6)
    assert np.abs(result - expected).max() < 1e-5


@pytest.mark.parametrize("cval", [np.nan, np.inf])
def test_odd_borders(cval):
    image = np.random.default_rng(0).random((80, 185)).astype("float32")
    options = {"mode": "constant", "cval": cval}
    result = transformed(image, (4, 6), **options)
    direct = imgconv.gaussian(image, (4, 6), method="direct", **options)
    np.testing.assert_array_equal(np.isfinite(result), np.isfinite(direct))
    inside = (slice(16, -16), slice(24, -24))
    assert_close(result[inside], direct[inside], ulps=16)


# ---- the same bits ---------------------------------------------------------------------------


@any_pieces
@pytest.mark.usefixtures("always_parallel")
def test_number_of_threads_changes_no_bit():
    image = sample((3, 75, 190))
    image[1, 30, 20], image[2, 50, 80] = np.nan, np.inf
    for sigma in (5, (0, 9), (11, 0)):
        with imgconv.threads(1):
            expected = transformed(image, sigma, axes=(1, 2))
        for n in (2, 5, 64):
            with imgconv.threads(n):
                assert_same_bits(transformed(image, sigma, axes=(1, 2)), expected)


@pytest.mark.parametrize("dtype", cases.DTYPES)
def test_channels_and_out(dtype):
    image = sample((60, 70, 3), dtype)
    expected = np.stack(
        [transformed(np.ascontiguousarray(image[..., c]), 5) for c in range(3)], axis=-1
    )
    assert_same_bits(transformed(image, 5, channel_axis=2), expected)
    out = np.zeros((140, 60, 3), expected.dtype)[::2].transpose(1, 0, 2)
    transformed(image, 5, channel_axis=2, out=out)
    assert_same_bits(np.ascontiguousarray(out), expected)
    if dtype != "bool":
        transformed(image, 5, channel_axis=2, out=image)
        assert_same_bits(image, expected)


def test_kernel_is_the_gaussian():
    dot = np.zeros((161, 161))
    dot[80, 80] = 1
    assert np.abs(transformed(dot, 12) - np.pad(gaussian_kernel(12), 32)).max() < 1e-16
    assert len(kernels.gaussian(12)) == 97


# ---- sums of several terms -------------------------------------------------------------------

SUMS = {
    "dog": (
        difference_operation((5, 3), (9, 14), 4.0),
        lambda image, **options: (
            ndimage.gaussian_filter(image, (5, 3), **options)
            - ndimage.gaussian_filter(image, (9, 14), **options)
        ),
    ),
    "log": (
        gaussian_laplace_operation((6, 9), 4.0),
        lambda image, **options: sum(
            ndimage.gaussian_filter(image, (6, 9), order, **options) for order in ((2, 0), (0, 2))
        ),
    ),
}


def by_transforms(name, image, mode="reflect", cval=0.0, **options):
    operation = replace(SUMS[name][0], method="fft")
    return Call(operation, image, mode, cval, **options).run()


class TestSums:
    def test_wide_ones_go_by_transforms(self):
        stub = np.broadcast_to(np.float32(0), (2048, 2048))
        for function in (imgconv.difference_of_gaussians, imgconv.gaussian_laplace):
            assert imgconv.explain(function, stub, 30).method == "fft"
            assert imgconv.explain(function, stub, 3).method == "separable"

    @any_pieces
    @pytest.mark.parametrize("mode", MODES)
    @pytest.mark.parametrize("name", SUMS)
    def test_as_scipy(self, name, mode):
        for shape in [(70, 141), (1, 190), (130, 97)]:
            for dtype in SHARE:
                image = np.random.default_rng(0).random(shape).astype(dtype)
                outside = 0.7 if mode == "constant" else 0.0
                level = outside * SUMS[name][1](np.ones((3, 3)))[1, 1]  # The tails are cut.
                expected = level + SUMS[name][1](image.astype(float) - outside, mode=mode)
                off = np.abs(by_transforms(name, image, mode, 0.7) - expected).max()
                assert off <= 2 * SHARE[dtype]

    @any_pieces
    @pytest.mark.parametrize("name", SUMS)
    def test_odd_pixels_spoil_the_window_of_all_terms(self, name):
        image = np.random.default_rng(0).random((150, 190)).astype("float32")
        plain = by_transforms(name, image)
        image[70, 80] = np.nan
        result = by_transforms(name, image)
        y, x = (axis.before for axis in SUMS[name][0].windows)
        windows = np.zeros(image.shape, bool)
        windows[max(0, 70 - y) : 71 + y, max(0, 80 - x) : 81 + x] = True
        assert np.isnan(result[windows]).all()
        assert np.abs(result - plain)[~windows].max() < 2 * SHARE["float32"]

    @any_pieces
    @pytest.mark.usefixtures("always_parallel")
    @pytest.mark.parametrize("name", SUMS)
    def test_number_of_threads_changes_no_bit(self, name):
        image = sample((3, 75, 190))
        with imgconv.threads(1):
            expected = by_transforms(name, image, axes=(1, 2))
        with imgconv.threads(5):
            assert_same_bits(by_transforms(name, image, axes=(1, 2)), expected)
