"""Local statistics: where rounding would show, and the entropy, which takes 8 bits only."""

import numpy as np
import oracle
import pytest
from cases import MODES, RANDOM_FOOTPRINT, disk, sample
from comparing import assert_same_bits, awkward_arrays
from scipy import ndimage
from skimage.filters import rank

import imgconv
from imgconv import threads

BYTES = ("bool", "uint8", "int8")


# ---- variance --------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("window", [{"size": 5}, {"size": (40, 31)}, {"footprint": disk(4)}])
def test_variance_on_a_high_plateau(dtype, window):
    """Differences of squares of 1e6 would leave nothing of a variance of 1."""
    noise = np.random.default_rng(0).normal(size=(70, 200))
    image = (1e6 + noise).astype(dtype)
    footprint = np.ones(np.broadcast_to(window["size"], 2), bool) if "size" in window else disk(4)
    expected = oracle.variance(image, footprint)
    np.testing.assert_allclose(imgconv.variance(image, **window), expected, rtol=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_variance_beside_a_step(dtype):
    """On both sides of a step of 1e4 the noise is seen alone."""
    noise = np.random.default_rng(0).normal(size=(64, 256))
    image = (noise + 1e4 * (np.arange(256) >= 100)).astype(dtype)
    expected = oracle.variance(image, np.ones((7, 7), bool))
    np.testing.assert_allclose(imgconv.variance(image, 7), expected, rtol=1e-5)


@pytest.mark.parametrize("window", [{"size": 3}, {"size": 20}, {"footprint": RANDOM_FOOTPRINT}])
def test_variance_of_one_value_is_zero(window):
    for value in (0.1, 1e30, -3):
        image = np.full((40, 90), value, np.float32)
        assert not imgconv.variance(image, **window).any()


def test_an_outlier_is_no_shift():
    """A single hot pixel at the place where the shift is taken costs no digits elsewhere."""
    image = np.random.default_rng(0).normal(size=(40, 200))
    expected = imgconv.variance(image, 5)
    for y, x in ((0, 0), (2, 2), (8, 66)):
        hot = image.copy()
        hot[y, x] = 1e8
        far = np.ones(image.shape, bool)
        far[max(y - 2, 0) : y + 3, max(x - 2, 0) : x + 3] = False
        np.testing.assert_allclose(imgconv.variance(hot, 5)[far], expected[far], rtol=1e-12)


@pytest.mark.parametrize("spoiler", [np.nan, np.inf])
@pytest.mark.parametrize("window", [{"size": (3, 5)}, {"footprint": disk(3)}])
def test_what_is_not_finite_stays_in_its_windows(spoiler, window):
    image = sample((40, 150))
    footprint = disk(3) if "footprint" in window else np.ones((3, 5), bool)
    image[7, 66] = image[20:24, 3] = spoiler
    # The window of the first result of a cell has nothing finite.
    image[:8, 60:74] = spoiler
    got = imgconv.variance(image, **window)
    with np.errstate(invalid="ignore"):
        expected = oracle.variance(image, footprint)
    np.testing.assert_array_equal(np.isnan(got), np.isnan(expected))
    fine = np.isfinite(expected)
    np.testing.assert_allclose(got[fine], expected[fine], rtol=1e-5)


def test_ddof():
    image = sample((20, 30))
    got = imgconv.variance(image, 3, ddof=1)
    np.testing.assert_allclose(got, imgconv.variance(image, 3) * 9 / 8, rtol=1e-6)
    for wrong in (-1, 9, 9.5, np.nan):
        with pytest.raises(ValueError, match=r"ddof must be at least 0 and below the window's 9"):
            imgconv.variance(image, 3, ddof=wrong)
    with pytest.raises(TypeError, match="ddof must be a number"):
        imgconv.std(image, 3, ddof="1")


def test_bad_windows():
    image = sample((20, 30))
    for function in (imgconv.variance, imgconv.std, imgconv.box):
        with pytest.raises(ValueError, match="footprint must have a pixel"):
            function(image, footprint=np.zeros((3, 3), bool))
        with pytest.raises(ValueError, match="size must be positive"):
            function(image, 0)


# ---- mean under a footprint ------------------------------------------------------------------


def test_a_filled_footprint_is_a_rectangle():
    for dtype in ("uint8", "float32"):
        image = sample((30, 70), dtype)
        assert_same_bits(imgconv.box(image, footprint=np.ones((5, 4))), imgconv.box(image, (5, 4)))


def test_a_rectangle_beside_its_pixel():
    image = sample((30, 70), np.float64)
    footprint = np.zeros((7, 9), bool)
    footprint[:2, 1:4] = True
    expected = oracle.mean(image, footprint)
    np.testing.assert_allclose(imgconv.box(image, footprint=footprint), expected, atol=1e-11)


def test_large_footprint():
    image = sample((150, 170))
    expected = ndimage.correlate(image.astype(float), disk(30) / disk(30).sum())
    np.testing.assert_allclose(imgconv.box(image, footprint=disk(30)), expected, atol=1e-4)


# ---- entropy ---------------------------------------------------------------------------------


def few_values(shape, dtype):
    """Few values, as in photos: noise has the largest entropy everywhere."""
    image = sample(shape, dtype)
    if image.dtype.kind != "b":
        image = (image // 40).astype(dtype)
    image[: shape[0] // 3] = image[0, 0]
    return image


FOOTPRINTS = [np.ones((1, 1), bool), np.ones((3, 3), bool), np.ones((8, 5), bool), disk(5),
              RANDOM_FOOTPRINT]  # fmt: skip


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", BYTES)
def test_entropy(dtype, mode):
    for shape in ((1, 1), (2, 40), (33, 70), (20, 1100)):
        image = few_values(shape, dtype)
        for footprint in FOOTPRINTS:
            got = imgconv.entropy(image, footprint=footprint, mode=mode, cval=3.6)
            expected = oracle.entropy(image, footprint, mode=mode, cval=3.6)
            assert got.dtype == np.float32
            np.testing.assert_allclose(got, expected, atol=2e-6)


def test_entropy_of_large_windows():
    image = sample((70, 300), "uint8")
    expected = oracle.entropy(image, np.ones((61, 81), bool))
    np.testing.assert_allclose(imgconv.entropy(image, (61, 81)), expected, atol=2e-6)


def test_entropy_is_that_of_scikit_image():
    """Away from borders, where it has smaller windows."""
    image = sample((60, 70), "uint8") // 16
    expected = rank.entropy(image, disk(4).astype(np.uint8))[8:-8, 8:-8]
    got = imgconv.entropy(image, footprint=disk(4))[8:-8, 8:-8]
    np.testing.assert_allclose(got, expected, atol=1e-6)


def test_entropy_in_any_layout():
    image = few_values((40, 70, 3), "uint8")
    planes = [imgconv.entropy(np.ascontiguousarray(image[..., c]), (5, 4)) for c in range(3)]
    expected = np.stack(planes, axis=-1)
    assert_same_bits(imgconv.entropy(image, (5, 4), channel_axis=-1), expected)
    stack = np.ascontiguousarray(np.moveaxis(image, -1, 0))
    assert_same_bits(imgconv.entropy(stack, (5, 4), axes=(1, 2)), np.moveaxis(expected, -1, 0))
    for _, awkward in awkward_arrays(image[..., 0]):
        assert_same_bits(np.ascontiguousarray(imgconv.entropy(awkward, (5, 4))), planes[0])
    out = np.empty((40, 70), np.float16)
    assert imgconv.entropy(image[..., 0], (5, 4), out=out) is out
    assert_same_bits(out, planes[0].astype(np.float16))


@pytest.mark.parametrize("count", [1, 2, 5])
def test_entropy_on_threads(count):
    image = few_values((300, 400), "uint8")
    with threads(1):
        expected = imgconv.entropy(image, 9)
    with threads(count):
        assert_same_bits(imgconv.entropy(image, 9), expected)


@pytest.mark.parametrize("dtype", ["uint16", "int32", "float32", "float64"])
def test_entropy_takes_8_bits(dtype):
    with pytest.raises(TypeError, match=r"image must have integers of 8 bits.*np\.uint8"):
        imgconv.entropy(np.zeros((5, 5), dtype))
    assert imgconv.entropy(np.zeros((0, 5), np.uint8)).shape == (0, 5)
