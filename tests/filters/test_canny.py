"""Canny's edges and hysteresis: equal to scikit-image in every pixel, and linear in time."""

from itertools import pairwise

import numpy as np
import pytest
from cases import DTYPES, canny_reference, sample
from comparing import assert_same_bits
from hypothesis import given
from hypothesis import strategies as st
from paths import SAMPLES
from PIL import Image
from scipy import ndimage
from skimage import feature, filters

import imgconv
from imgconv import canny, hysteresis
from imgconv.core import cpu
from imgconv.filters.canny import Smoothing, stage
from imgconv.operations import flood

PHOTOS = sorted(path for path in SAMPLES.iterdir() if path.suffix in (".png", ".jpg"))
FLOATS = ("float64", "float32", "float16")
Y, X = np.mgrid[:96, :96]
RADIUS = np.hypot(Y - 48, X - 48)

# Images on which neighbours tie: straight, symmetric, periodic, and without any edge.
PATTERNS = {
    "ring": (np.sin(RADIUS / 3) > 0).astype(float),
    "rings": 0.5 + 0.5 * np.cos(RADIUS / 2),
    "disk": (RADIUS < 32).astype(float),
    "checkerboard": ((Y // 8 + X // 8) % 2).astype(float),
    "checkerboard of pixels": ((Y + X) % 2).astype(float),
    "step": (X >= 48).astype(float),
    "steps": np.floor(X / 12) / 8,
    "diagonal": (X > Y).astype(float),
    "ramp": X / 96,
    "constant": np.full(X.shape, 0.3),
    "zero": np.zeros(X.shape),
    "noise": np.random.default_rng(0).random(X.shape),
    "coarse noise": np.random.default_rng(1).integers(0, 3, X.shape) / 2,
    "line": (Y == 40).astype(float),
    "dot": ((Y == 40) & (X == 41)).astype(float),
}


def filled(pattern, dtype):
    """Return a pattern from 0 to 1 that fills the range of a dtype."""
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return pattern > 0.5
    if dtype.kind == "f":
        return pattern.astype(dtype)
    return np.rint(pattern * float(np.iinfo(dtype).max) * 0.999).astype(dtype)


def photo(path):
    pixels = np.asarray(Image.open(path))
    return pixels if pixels.ndim == 2 else pixels[..., 1]


# ---- equal to scikit-image ---------------------------------------------------------------------


@pytest.mark.parametrize("path", PHOTOS, ids=lambda path: path.stem)
def test_photos(path):
    pixels = photo(path)
    white = np.iinfo(pixels.dtype).max
    for image in (pixels, pixels / white, (pixels / white).astype(np.float32)):
        top = 1 if image.dtype.kind == "f" else white
        for sigma in (1, 1.5, 3):
            for options in ({}, {"low_threshold": 0.05 * top, "high_threshold": 0.15 * top}):
                expected = feature.canny(image, sigma, **options)
                np.testing.assert_array_equal(canny(image, sigma, **options), expected)
                assert expected.any()


@pytest.mark.parametrize("name", PATTERNS)
def test_patterns(name):
    """Equal in every pixel and dtype where only rounding decides."""
    for dtype in DTYPES:
        image = filled(PATTERNS[name], dtype)
        for sigma in (0, 1, 1.5, 2.2):
            for mode in ("constant", "reflect"):
                expected = canny_reference(image, sigma=sigma, mode=mode)
                np.testing.assert_array_equal(canny(image, sigma, mode=mode), expected)


@given(
    st.tuples(st.integers(1, 60), st.integers(1, 90)),
    st.sampled_from([*FLOATS, "uint8", "uint16", "int32"]),
    st.sampled_from([0, 0.4, 1, 1.7, 5]),
    st.sampled_from(["constant", "reflect", "mirror", "nearest", "wrap"]),
    st.booleans(),
    st.integers(0, 9),
)
def test_every_size(shape, dtype, sigma, mode, coarse, seed):
    pattern = np.random.default_rng(seed).random(shape)
    image = filled(np.round(pattern) if coarse else pattern, dtype)
    expected = canny_reference(image, sigma=sigma, mode=mode)
    np.testing.assert_array_equal(canny(image, sigma, mode=mode), expected)


@pytest.mark.parametrize("shape", [(40, 255), (40, 256), (40, 257), (65, 1100), (5, 3000)])
def test_pieces_and_blocks_join(shape):
    for dtype in ("uint8", "float32", "float64"):
        image = filled(np.random.default_rng(3).random(shape), dtype)
        np.testing.assert_array_equal(canny(image, 1.5), canny_reference(image, sigma=1.5))


def test_thresholds_mean_what_they_mean_in_scikit_image():
    pattern = PATTERNS["noise"]
    for dtype in ("float64", "float32", "uint8", "int16"):
        image = filled(pattern, dtype)
        top = 1 if image.dtype.kind == "f" else np.iinfo(dtype).max
        pairs = [(0.3, 0.9), (0.0, 0.0), (-1.0, 0.5), (0.35, 0.35), (None, 1), (0.1, None)]
        for low, high in pairs:
            options = {
                "low_threshold": None if low is None else low * top,
                "high_threshold": None if high is None else high * top,
            }
            expected = canny_reference(image, **options)
            np.testing.assert_array_equal(canny(image, **options), expected)


def test_thresholds_next_to_a_magnitude():
    """Thresholds equal to one, just below and above it, as Python numbers and NumPy scalars."""
    for dtype in ("float32", "float64"):
        image = PATTERNS["noise"].astype(dtype)
        border = Smoothing((1.0, 1.0), ("constant", "constant"), 0.0)
        magnitude = stage("magnitude", image, border, True).run()
        for value in np.unique(magnitude[magnitude > 0.02])[::1500].astype(float):
            for high in (value, np.nextafter(value, 0), np.nextafter(value, 2)):
                for threshold in (float(high), np.float64(high)):
                    options = {"low_threshold": 0.01, "high_threshold": threshold}
                    expected = feature.canny(image, **options)
                    np.testing.assert_array_equal(canny(image, **options), expected)


@pytest.mark.parametrize("dtype", ["float64", "float32", "uint8", "bool"])
@pytest.mark.parametrize("mode", ["constant", "reflect", "nearest"])
def test_masks(dtype, mode):
    rng = np.random.default_rng(5)
    for name in ("noise", "rings", "checkerboard", "constant"):
        image = filled(PATTERNS[name], dtype)
        for mask in (rng.random(X.shape) > 0.01, RADIUS < 30, np.ones(X.shape, bool), X < 0):
            for options in (
                {},
                {"use_quantiles": True, "low_threshold": 0.5, "high_threshold": 0.9},
            ):
                options = {**options, "mask": mask, "mode": mode, "sigma": 1.3}
                expected = canny_reference(image, **options)
                np.testing.assert_array_equal(canny(image, **options), expected)


@pytest.mark.parametrize("dtype", ["float64", "float32", "uint8"])
def test_quantiles(dtype):
    image = filled(PATTERNS["noise"], dtype)
    for low, high in [(0, 0), (0.2, 0.9), (0.5, 0.5), (1, 1), (0, 1)]:
        options = {"use_quantiles": True, "low_threshold": low, "high_threshold": high}
        np.testing.assert_array_equal(canny(image, **options), canny_reference(image, **options))


def test_nan_and_infinity():
    for value in (np.nan, np.inf, 1e300):
        image = PATTERNS["noise"].copy()
        image[30, 40] = value
        with np.errstate(all="ignore"):
            expected = feature.canny(image)
        np.testing.assert_array_equal(canny(image), expected)


def test_stages_are_those_of_scikit_image():
    """The Gaussian divided by its weight inside the image, and Sobel's magnitude, to the bit."""
    for dtype in ("float64", "float32"):
        image = PATTERNS["noise"].astype(dtype)
        eps = np.finfo(dtype).eps
        options = {"mode": "constant", "cval": 0.0}
        parts = ndimage.gaussian_filter(np.ones_like(image), 1.5, **options) + eps
        smooth = ndimage.gaussian_filter(image, 1.5, **options) / parts
        down, across = (ndimage.sobel(smooth, axis=axis) for axis in (0, 1))
        magnitude = np.sqrt(down * down + across * across)
        border = Smoothing((1.5, 1.5), ("constant", "constant"), 0.0)
        assert_same_bits(stage("smooth", image, border, True).run(), smooth)
        assert_same_bits(stage("magnitude", image, border, True).run(), magnitude)


# ---- arguments ---------------------------------------------------------------------------------


def test_masks_of_stacks():
    stack = np.random.default_rng(2).random((3, 40, 50)).astype(np.float32)
    masks = np.random.default_rng(4).random(stack.shape) > 0.02
    each = np.stack([canny(image, mask=mask) for image, mask in zip(stack, masks, strict=True)])
    assert_same_bits(canny(stack, mask=masks, axes=(1, 2)), each)
    common = np.stack([canny(image, mask=masks[0]) for image in stack])
    assert_same_bits(canny(stack, mask=masks[0], axes=(1, 2)), common)
    colour, colour_masks = (np.moveaxis(a, 0, -1) for a in (stack, masks))
    joined = canny(colour, mask=colour_masks, channel_axis=-1)
    np.testing.assert_array_equal(joined, np.moveaxis(each, 0, -1))


def test_quantiles_of_stacks():
    stack = np.random.default_rng(2).random((3, 40, 50)) * np.array([1, 5, 9]).reshape(3, 1, 1)
    options = {"use_quantiles": True, "low_threshold": 0.3, "high_threshold": 0.8}
    each = np.stack([canny(image, **options) for image in stack])
    assert_same_bits(canny(stack, axes=(1, 2), **options), each)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"sigma": -1}, ValueError, "sigma must be finite and not negative, got -1"),
        ({"low_threshold": 0.3}, ValueError, "low_threshold must not be above high_threshold, got"),
        ({"low_threshold": "a"}, TypeError, "low_threshold must be a number, got 'a'"),
        ({"high_threshold": np.nan}, ValueError, "high_threshold must be finite, got nan"),
        (
            {"use_quantiles": True, "high_threshold": 2},
            ValueError,
            "high_threshold must be a quantile from 0 to 1, got 2",
        ),
        ({"mask": np.ones((2, 2))}, ValueError, r"mask must have shape \(6, 8\), got \(2, 2\)"),
        ({"mode": "edge"}, ValueError, "mode must be one of"),
        ({"cval": "0"}, TypeError, "cval must be a number"),
        ({"dtype": complex}, TypeError, "dtype must be a real dtype"),
        ({"out": np.empty((3, 3))}, ValueError, r"out must have shape \(6, 8\), got \(3, 3\)"),
    ],
)
def test_errors(arguments, error, message):
    with pytest.raises(error, match=f"^{message}"):
        canny(np.zeros((6, 8)), **arguments)


def test_hysteresis_errors():
    with pytest.raises(TypeError, match=r"^low must be a number, got 'a'"):
        hysteresis(np.zeros((6, 8)), "a", 1)
    with pytest.raises(ValueError, match="channel_axis"):
        hysteresis(np.zeros((6, 8, 3)), 0, 1)


def test_explain_tells_the_loop():
    for dtype, computed in [("uint8", "float64"), ("float32", "float32"), ("float64", "float64")]:
        plan = imgconv.explain(canny, np.zeros((8, 8), dtype))
        assert plan.plans[0].operation.loop == "canny"
        assert plan.computed_in == computed


# ---- hysteresis --------------------------------------------------------------------------------


def expected_flood(classes, corners):
    labels, count = ndimage.label(classes > 0, np.ones((3, 3)) if corners else None)
    good = np.zeros(count + 1, bool)
    good[labels[classes == 2]] = True
    return good[labels]


@given(
    st.tuples(st.integers(1, 40), st.integers(1, 200)),
    st.floats(0.1, 0.9),
    st.floats(0, 0.1),
    st.booleans(),
    st.integers(1, 5),
    st.integers(0, 99),
)
def test_flood_of_noise(shape, weak, strong, corners, threads, seed):
    noise = np.random.default_rng(seed).random(shape)
    classes = ((noise < weak).astype(np.uint8) + (noise < strong * weak)).astype(np.uint8)
    expected = expected_flood(classes, corners)
    cpu.module("flood", "uint8").connect(classes, 0, 1, corners, classes, threads)
    np.testing.assert_array_equal(classes, expected)


@pytest.mark.parametrize("dtype", DTYPES)
def test_hysteresis_as_scikit_image(dtype):
    image = sample((60, 70), dtype)
    smooth = ndimage.uniform_filter(image.astype(np.float64), 3).astype(dtype)
    for low, high in [(-5.5, 20.5), (3, 40), (0.25, 0.75), (50, 10)]:
        for each in (image, smooth):
            expected = filters.apply_hysteresis_threshold(each, low, high)
            np.testing.assert_array_equal(hysteresis(each, low, high), expected)


def test_thresholds_that_are_nan():
    """No pixel exceeds a high threshold that is NaN; a low one counts as the high one."""
    image = sample((60, 70), "float32")
    nan = float("nan")
    assert not hysteresis(image, 3, nan).any()
    assert not hysteresis(image, nan, nan).any()
    np.testing.assert_array_equal(hysteresis(image, nan, 20), image > 20)
    assert 0 < np.count_nonzero(image > 20) < image.size


def test_thresholds_between_float32():
    """The low threshold is compared as it is, the high one as a number of the image's dtype."""
    image = np.array([[0.1, 0.1, 0.2, 0.3]], np.float32)
    for low, high in [(0.1, 0.2), (0.1, 0.3), (np.float64(0.1), np.float64(0.3)), (0.05, 0.1)]:
        expected = filters.apply_hysteresis_threshold(image, low, high)
        np.testing.assert_array_equal(hysteresis(image, low, high), expected)


@pytest.mark.parametrize("make", ["spiral", "comb"])
def test_stripes_of_threads_are_joined(make):
    """One line that goes through all stripes of rows, many times."""
    classes = {"spiral": spiral, "comb": comb}[make](301)
    line = classes.astype(bool)
    classes[0, 0] = 2
    connect = cpu.module("flood", "uint8").connect
    for threads in (1, 2, 7, 50):
        found = classes.copy()
        connect(found, 0, 1, True, found, threads)
        np.testing.assert_array_equal(found, line)


def spiral(n):
    """Return one line that winds inwards, a pixel wide with a pixel between its turns."""
    image = np.zeros((n, n), np.uint8)
    top, left, bottom, right = 0, 0, n - 1, n - 1
    image[0, 0] = 1
    while top < bottom and left < right:
        image[top, max(left - 1, 0) : right + 1] = 1
        image[top : bottom + 1, right] = 1
        image[bottom, left : right + 1] = 1
        image[top + 2 : bottom + 1, left] = 1
        top, left, bottom, right = top + 2, left + 2, bottom - 2, right - 2
    return image


def comb(n):
    """Return one line that goes up and down, like teeth joined at alternating ends."""
    image = np.zeros((n, n), np.uint8)
    image[:, ::2] = 1
    image[0, 1::4] = image[-1, 3::4] = 1
    return image


WORST = {
    "spiral from outside": (spiral, (0, 0)),
    "spiral from inside": (spiral, None),
    "comb": (comb, (0, 0)),
    "comb on its side": (lambda n: np.ascontiguousarray(comb(n).T), (0, 0)),
    "all": (lambda n: np.ones((n, n), np.uint8), (5, 5)),
    "noise": (lambda n: (np.random.default_rng(0).random((n, n)) < 0.59).astype(np.uint8), None),
    "nothing strong": (lambda n: np.ones((n, n), np.uint8), ()),
}


@pytest.mark.parametrize("name", WORST)
def test_work_is_linear(name):
    """The flood reads at most two words of its bitmaps for each pixel, whatever the size."""
    make, seed = WORST[name]
    looks = []
    for n in (128, 256, 512):
        classes = make(n)
        if seed is None:
            places = np.argwhere(classes)
            seed_here = places[np.abs(places - n // 2).sum(axis=1).argmin()]
            classes[tuple(seed_here)] = 2
        elif seed:
            classes[seed] = 2
        expected = expected_flood(classes, True)
        looks.append(flood.connect(classes, 0, 1, True, classes))
        np.testing.assert_array_equal(classes, expected)
        assert looks[-1] <= 2 * n * n
    for fewer, more in pairwise(looks):
        assert more <= 5 * max(fewer, 4096)


def test_spiral_is_one_line():
    for make in (spiral, comb):
        assert ndimage.label(make(128), np.ones((3, 3)))[1] == 1
        inside = ndimage.binary_erosion(make(128), np.ones((2, 2)))
        assert not inside.any()
