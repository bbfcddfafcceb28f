"""Thresholds of images and of windows, compared with scikit-image and with their formulas."""

import numpy as np
import oracle
import pytest
from cases import MODES, sample
from comparing import assert_same_bits, awkward_arrays
from skimage import data, filters

import imgconv
from imgconv import Pipeline, threads
from imgconv.filters import global_thresholds, measures
from imgconv.operations import histogram

METHODS = global_thresholds.METHODS
CAMERA = data.camera()
RNG = np.random.default_rng(0)


def two_peaks(dtype, shape=(120, 133)):
    """A dark and a bright side, with noise."""
    values = np.where(RNG.random(shape) < 0.6, 60, 170) + RNG.normal(0, 15, shape)
    if np.dtype(dtype).kind == "f":
        return (values / 255).astype(dtype)
    if dtype == "int8":
        return (values - 128).astype(dtype)
    return (values if np.dtype(dtype).itemsize == 1 else values * 20).astype(dtype)


# ---- of an image -----------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "int32", "float32", "float64"])
def test_value_is_that_of_scikit_image(method, dtype):
    for image in (two_peaks(dtype), two_peaks(dtype, (7, 2000))):
        expected = float(getattr(filters, f"threshold_{method}")(image))
        got = imgconv.threshold_value(image, method)
        assert got == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_values_of_photos(method):
    for image in (CAMERA, data.page(), CAMERA.astype(np.float32) / 255):
        expected = float(getattr(filters, f"threshold_{method}")(image))
        assert imgconv.threshold_value(image, method) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", ["bool", "int8", "uint16", "int64", "float32"])
def test_images_of_one_value_and_of_none(method, dtype):
    one = np.ones((5, 7), dtype)
    assert imgconv.threshold_value(one, method) == 1
    assert imgconv.threshold_value(one[:0], method) == 0
    assert not imgconv.binarize(one, method).any()
    assert imgconv.binarize(one[:0], method).shape == (0, 7)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_value_in_any_layout(method, dtype):
    image = two_peaks(dtype)
    expected = imgconv.threshold_value(image, method)
    for _, awkward in awkward_arrays(image):
        assert imgconv.threshold_value(awkward, method) == pytest.approx(expected, rel=1e-12)
    for count in (1, 2, 5):
        with threads(count):
            assert imgconv.threshold_value(image, method) == expected


def test_few_float_values():
    """Li's method stops at half the smallest difference of two pixels."""
    image = (two_peaks("uint8") // 16 / 16).astype(np.float32)
    assert imgconv.threshold_value(image, "li") == pytest.approx(filters.threshold_li(image))


def test_what_is_not_finite_is_not_counted():
    image = two_peaks("float32")
    spoiled = np.concatenate([image, np.full((1, 133), np.nan), np.full((1, 133), np.inf)])
    for method in ("otsu", "li", "yen"):
        assert imgconv.threshold_value(spoiled, method) == pytest.approx(
            imgconv.threshold_value(image, method), rel=1e-6
        )


def test_no_two_peaks():
    with pytest.raises(ValueError, match="image must have two peaks"):
        imgconv.threshold_value(np.uint8([[1, 2, 2, 3]]), "minimum")


def test_wide_integers_that_span_too_much():
    image = np.array([[0, 1, 1 << 40]])
    assert imgconv.threshold_value(image, "otsu") == 1
    for method in ("yen", "li", "triangle"):
        with pytest.raises(ValueError, match=r"image must span at most 1048576 values"):
            imgconv.threshold_value(image, method)


@pytest.mark.parametrize("classes", [2, 3, 4])
def test_multi_otsu(classes):
    for image in (CAMERA, two_peaks("float32"), two_peaks("int16") // 16):
        expected = filters.threshold_multiotsu(image, classes)
        np.testing.assert_allclose(imgconv.multi_otsu(image, classes), expected, rtol=1e-6)


def test_multi_otsu_of_sixteen_bits():
    """The best of all partings, of which scikit-image would need a table of 65536**2."""
    image = np.array([0, 1, 2, 3000, 3001, 40_000, 40_001, 65_535], np.uint16)
    spread = {}
    for low in range(7):
        for high in range(low + 1, 7):
            parts = image[: low + 1], image[low + 1 : high + 1], image[high + 1 :]
            spread[low, high] = sum(len(p) * (p.mean() - image.mean()) ** 2 for p in parts)
    low, high = max(spread, key=spread.get)
    assert imgconv.multi_otsu(image, 3).tolist() == [image[low], image[high]]


def test_multi_otsu_of_few_values():
    assert imgconv.multi_otsu(np.uint8([[3, 5, 9]]), 3).tolist() == [3, 5]
    with pytest.raises(ValueError, match="classes must be at most the image's 2 filled bins"):
        imgconv.multi_otsu(np.uint8([[3, 9]]), 3)
    with pytest.raises(ValueError, match="classes must be at least 2"):
        imgconv.multi_otsu(CAMERA, 1)


# ---- histograms ------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int8", "uint16", "int16"])
def test_value_counts(dtype):
    image = sample((301, 219), dtype)
    low = 0 if dtype == "bool" else np.iinfo(dtype).min
    expected = np.bincount(image.ravel().astype(np.int64) - low, minlength=1)
    for count in (1, 2, 5):
        with threads(count):
            got = histogram.value_counts(image)
        np.testing.assert_array_equal(got[: len(expected)], expected)
        assert got.sum() == image.size


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_bin_counts(dtype):
    """Values on edges, too, and far from zero, where edges are rounded to parts of a bin."""
    image = np.concatenate([sample((99, 101), dtype).ravel(), np.arange(-50, 50).astype(dtype)])
    edges = measures.edges_of(measures.extremes_of(image), image.dtype)
    np.testing.assert_array_equal(edges, np.histogram_bin_edges(image, 256))
    assert_counted(image)
    assert_counted((image / 100 + 1000).astype(dtype))
    assert_counted((image.astype(float) / 100 + 1e6).astype("float32"))


def assert_counted(image):
    """Each pixel is in the bin between whose edges it lies."""
    extremes = measures.extremes_of(image)
    edges = measures.edges_of(extremes, image.dtype)
    expected, _ = np.histogram(image.astype(np.float64), edges.astype(np.float64))
    np.testing.assert_array_equal(measures.bin_counts(image, extremes), expected)


# ---- of windows ------------------------------------------------------------------------------


def by_formula(image, method, size, mode, k, r, p=2.0, q=10.0):
    """The definition, in float64."""
    footprint = np.ones(np.broadcast_to(size, 2), bool)
    m = oracle.mean(image, footprint, mode=mode)
    s = oracle.std(image, footprint, mode=mode)
    white = np.iinfo(image.dtype).max if image.dtype.kind in "iu" else 1.0
    if method == "niblack":
        return m - k * s
    raised = p * np.exp(-q * m / white) if method == "phansalkar" else 0
    return m * (1 + raised + k * (s / r - 1))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("method", ["sauvola", "niblack", "phansalkar"])
def test_formula(method, mode):
    for dtype in ("uint8", "int16", "float32", "float64"):
        image = two_peaks(dtype, (37, 150))
        half = (
            1.0
            if image.dtype.kind == "f"
            else (float(np.iinfo(dtype).max) - np.iinfo(dtype).min) / 2
        )
        for size in (1, 5, (4, 7)):
            k = 0.25 if method == "phansalkar" else 0.2
            expected = by_formula(image, method, size, mode, k, half)
            got = imgconv.threshold_image(image, method, size, mode=mode)
            scale = np.abs(expected).max()
            np.testing.assert_allclose(got, expected, atol=2e-7 * scale, rtol=0)
            above = imgconv.binarize(image, method, size, mode=mode)
            sure = np.abs(image - expected) > 1e-6 * scale
            np.testing.assert_array_equal(above[sure], (image > expected)[sure])
            assert above.dtype == bool


@pytest.mark.parametrize("method", ["sauvola", "niblack"])
def test_windows_are_those_of_scikit_image(method):
    image = CAMERA[:200, :210].astype(float)
    for size in (3, 15, (5, 31)):
        for options in ({}, {"k": 0.7}, {"k": -0.1}):
            expected = getattr(filters, f"threshold_{method}")(image, size, **options)
            got = imgconv.threshold_image(image, method, size, **options)
            np.testing.assert_allclose(got, expected, rtol=1e-9)


@pytest.mark.parametrize("method", ["mean", "gaussian", "median"])
def test_local_thresholds_of_scikit_image(method):
    image = CAMERA[:200, :210]
    for size in (3, 15, (5, 31)):
        expected = filters.threshold_local(image, size, method, offset=4)
        got = imgconv.threshold_image(image, method, size, offset=4)
        np.testing.assert_allclose(got, expected, atol=2e-4)
        sure = np.abs(image - expected) > 1e-3
        above = imgconv.binarize(image, method, size, offset=4)
        np.testing.assert_array_equal(above[sure], (image > expected)[sure])


@pytest.mark.parametrize("method", ["sauvola", "gaussian", "median", "otsu", "mean"])
def test_layouts(method):
    image = two_peaks("uint8", (40, 60, 3))
    size = None if method == "otsu" else 5
    out = np.full(image.shape, 7, np.uint8)
    assert imgconv.binarize(image, method, size, channel_axis=-1, out=out) is out
    assert_same_bits(out.astype(bool), imgconv.binarize(image, method, size, channel_axis=-1))
    if size:
        planes = [imgconv.binarize(image[..., c].copy(), method, size) for c in range(3)]
        assert_same_bits(out.astype(bool), np.stack(planes, axis=-1))
    with pytest.raises(ValueError, match="channel_axis"):
        imgconv.binarize(image, method, size)


def limits_by_parts(image, method, size, options):
    """The thresholds of windows from filters that weigh pixels themselves."""
    floats = image.astype(np.float64)
    if method == "median":
        return imgconv.median(floats, size, **options)
    if method == "gaussian":
        sigma = tuple((n - 1) / 6 for n in size)
        return imgconv.gaussian(floats, sigma, **options)
    mean = imgconv.box(floats, size, **options)
    if method == "mean":
        return mean
    deviation = imgconv.std(floats, size, **options)
    if method == "niblack":
        return mean - 0.2 * deviation
    half = 1 if image.dtype.kind == "f" else 127.5
    return mean * (1 + 0.2 * (deviation / half - 1))


@pytest.mark.parametrize("method", ["sauvola", "niblack", "mean", "gaussian", "median"])
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
@pytest.mark.parametrize("mode", ["mirror", "ignore"])
def test_missing_pixels(method, dtype, mode):
    """Weights and NaN; a pixel that does not count is not above, whatever it holds."""
    image = two_peaks(dtype, (40, 53))
    weights = RNG.random(image.shape) * (RNG.random(image.shape) < 0.7)
    weights[:20, :20] = 0
    counts = weights > 0
    if image.dtype.kind == "f":
        image[RNG.random(image.shape) < 0.05] = np.nan
        counts = counts & ~np.isnan(image)
    size, options = (5, 7), {"weights": weights, "nan": "omit", "mode": mode}
    expected = limits_by_parts(image, method, size, options)
    got = imgconv.threshold_image(image, method, size, **options)
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5 * np.nanmax(expected))
    sure = ~(np.abs(image - expected) < 1e-4 * np.nanmax(expected))
    above = imgconv.binarize(image, method, size, **options)
    np.testing.assert_array_equal(above[sure], ((image > expected) & counts)[sure])
    other = np.where(weights > 0, image, np.array(99, image.dtype))
    assert_same_bits(imgconv.binarize(other, method, size, **options), above)
    chain = Pipeline(f"binarize(method={method}, size=(5, 7), nan=omit, mode={mode})")
    assert_same_bits(chain.with_weights(weights)(image).astype(bool), above)


@pytest.mark.parametrize("method", METHODS)
def test_thresholds_of_the_pixels_that_count(method):
    for dtype in ("uint8", "float32"):
        image = two_peaks(dtype)
        weights = np.indices(image.shape).sum(0) % 3
        limit = imgconv.threshold_value(image[weights > 0], method)
        expected = (image > limit) & (weights > 0)
        assert_same_bits(imgconv.binarize(image, method, weights=weights), expected)
        stack = np.stack([image, image], -1)
        got = imgconv.binarize(stack, method, weights=weights, channel_axis=-1)
        assert_same_bits(np.ascontiguousarray(got[..., 1]), expected)
        assert not imgconv.binarize(image, method, weights=np.zeros(image.shape)).any()


def test_the_mean_has_two_meanings():
    image = two_peaks("uint8")
    assert_same_bits(imgconv.binarize(image, "mean"), image > image.mean())
    assert_same_bits(
        imgconv.binarize(image, "mean", 5), image > imgconv.threshold_image(image, "mean", 5)
    )


def test_pipeline_takes_the_same_words():
    image = two_peaks("uint8")
    for text, arguments in (
        ("threshold(yen)", ("yen",)),
        ("threshold(li)", ("li",)),
        ("threshold(mean)", ("mean",)),
        ("threshold(mean, size=7)", ("mean", 7)),
        ("threshold(local)", ("mean", 35)),
        ("threshold(sauvola)", ("sauvola",)),
        ("threshold(median, size=5)", ("median", 5)),
        ("binarize(triangle)", ("triangle",)),
    ):
        assert_same_bits(Pipeline(text)(image), imgconv.binarize(image, *arguments))
    floats = two_peaks("float32")
    assert_same_bits(Pipeline("threshold(li)")(floats), imgconv.binarize(floats, "li"))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"method": "otsoo"}, ValueError, "method must be one of otsu, li"),
        ({"method": "sauvola", "size": 0}, ValueError, "size must be positive"),
        ({"method": "sauvola", "r": 0}, ValueError, "r must be positive"),
        ({"method": "otsu", "r": -1}, ValueError, "r must be positive"),
        ({"method": "niblack", "k": "x"}, TypeError, "k must be a number"),
        ({"method": "mean", "size": 3, "offset": None}, TypeError, "offset must be a number"),
        ({"method": "gaussian", "mode": "odd"}, ValueError, "mode must be one of"),
        ({"method": "median", "mode": "odd"}, ValueError, "mode must be one of"),
    ],
)
def test_errors(options, error, message):
    with pytest.raises(error, match=message):
        imgconv.binarize(CAMERA, **options)
