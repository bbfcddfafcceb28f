"""Windows larger than the image, which are folded to its size: the same sums and extrema."""

from functools import partial

import cases
import numpy as np
import oracle
import pytest
from chains import assert_pieces_are_stepwise
from comparing import assert_close, assert_same_bits
from hypothesis import given, settings
from hypothesis import strategies as st

import imgconv
from imgconv import Pipeline, threads
from imgconv.core import border

pairs_of_modes = st.tuples(st.sampled_from(cases.MODES), st.sampled_from(cases.MODES))
shapes = st.tuples(st.integers(1, 8), st.integers(1, 8))
sizes = st.tuples(st.integers(1, 40), st.integers(1, 40))
seeds = st.integers(0, 2**32 - 1)
MORPHOLOGY = [
    *("erode", "dilate", "opening", "closing"),
    *("morphological_gradient", "white_tophat", "black_tophat"),
]


def integers(shape, seed, largest=50):
    """Whole numbers, of which all sums are exact."""
    return np.random.default_rng(seed).integers(-largest, largest + 1, shape).astype(np.float64)


@settings(max_examples=300)
@given(
    st.integers(1, 9), st.integers(1, 40), st.integers(-12, 50), st.integers(1, 12),
    st.sampled_from(border.MODES),
)  # fmt: skip
def test_moved_taps_see_the_same_sources(n, taps, before, dilation, mode):
    fold = border.fold(taps, before, n, mode, dilation)
    if fold is None:
        assert taps <= 2 * n + 1 or before < 0 or before >= taps
        return
    assert fold.size <= 2 * n + 1
    assert sorted({*fold.shared}) == list(range(fold.size))
    np.testing.assert_array_equal(fold.counts, np.bincount(fold.shared))
    for pixel in range(n):
        for tap, shared in enumerate(fold.shared):
            one, other = (tap - before) * dilation, (fold.first + int(shared)) * dilation
            assert oracle.fold(pixel + one, n, mode) == oracle.fold(pixel + other, n, mode)


@pytest.mark.usefixtures("always_parallel")
@settings(max_examples=100)
@given(
    shapes, sizes, seeds, pairs_of_modes, st.booleans(), st.booleans(),
    st.tuples(st.integers(1, 5), st.integers(1, 5)), st.sampled_from([1, 2, 5]),
)  # fmt: skip
def test_sums(shape, size, seed, mode, flips, product, dilation, count):
    """Dense kernels and outer products of whole numbers, with one NaN: exact."""
    image, kernel = integers(shape, seed), integers(size, seed + 1, 9)
    if product:
        kernel = np.outer(kernel[:, 0], kernel[0])
    image[seed % shape[0], seed % shape[1]] = [np.nan, 7][seed % 2]
    name = "convolve" if flips else "correlate"
    options = {"mode": mode, "cval": -3, "dilation": dilation}
    with threads(count):
        actual = getattr(imgconv, name)(image, kernel, stride=(1, 2), method="direct", **options)
    assert_same_bits(actual, getattr(oracle, name)(image, kernel, **options)[:, ::2])


@settings(max_examples=100)
@given(shapes, st.floats(0.5, 9), seeds, pairs_of_modes, st.sampled_from(["uint8", "float64"]))
def test_gaussians(shape, sigma, seed, mode, dtype):
    image, weights = cases.sample(shape, dtype, seed), imgconv.kernels.gaussian(sigma)
    expected = oracle.separable(image, weights, weights, mode=mode, cval=30)
    actual = imgconv.gaussian(image, sigma, mode=mode, cval=30)
    if dtype == "uint8":
        # Half a level by rounding, and what resampling may add.
        assert np.abs(actual - np.clip(expected, 0, 255)).max() <= 0.5 + 1 / 32
    else:
        assert_close(actual, expected, rtol=1e-13, scale=np.abs(image).max() + 30)


@settings(max_examples=100)
@given(shapes, sizes, seeds, pairs_of_modes, st.sampled_from(["uint8", "int16", "float64"]))
def test_means(shape, size, seed, mode, dtype):
    """Means of integers are those of exact sums, with ties to even."""
    image = cases.sample(shape, dtype, seed)
    expected = oracle.correlate(image, np.ones(size), mode=mode, cval=9) / (size[0] * size[1])
    actual = imgconv.box(image, size, mode=mode, cval=9)
    if dtype == "float64":
        assert_close(actual, expected, rtol=1e-13, scale=np.abs(image).max() + 9)
    else:
        assert_same_bits(actual, oracle.convert(expected, np.dtype(dtype)))


@pytest.mark.parametrize("mode", border.MODES)
@pytest.mark.parametrize("size", [(301, 20_001), (60_001, 60_001), (10**6, 1), (1, 10**6)])
def test_means_of_huge_windows(size, mode):
    """No window is too large: each number of taps has the sum of its axis alone."""
    image = cases.sample((6, 7), "float64", 1)
    expected = image
    for axis, taps in enumerate(size):
        n = image.shape[axis]
        places = np.arange(n)[:, None] + np.arange(taps) - taps // 2
        found = border.sources(places.ravel(), n, mode).reshape(places.shape)
        weights = np.array([np.bincount(row[row >= 0], minlength=n) for row in found]) / taps
        outside = (found < 0).mean(axis=1) * 9
        along = np.moveaxis(expected, axis, 0)
        expected = np.moveaxis(np.tensordot(weights, along, 1) + outside[:, None], 0, axis)
    actual = imgconv.box(image, size, mode=mode, cval=9)
    assert_close(actual, expected, rtol=1e-12, scale=np.abs(image).max() + 9)


@settings(max_examples=40)
@given(
    shapes, st.integers(0, 20), seeds, pairs_of_modes, st.sampled_from(["square", "disk"]),
    st.sampled_from(["uint8", "float32", "float64"]),
)  # fmt: skip
def test_bilateral(shape, radius, seed, mode, window, dtype):
    """Taps that see the same pixel have the same colour, so that their nearness is added up."""
    image, guide = cases.sample(shape, dtype, seed), cases.sample(shape, "float64", seed + 1)
    options = {
        "win_size": 2 * radius + 1, "sigma_color": 30, "sigma_spatial": 4, "window": window,
        "mode": mode, "cval": 3,
    }  # fmt: skip
    for also, digits in ((), 1e-6), ((guide,), 1e-12):
        filtered = imgconv.joint_bilateral if also else imgconv.bilateral
        actual = filtered(image, *also, **options, dtype=np.float64)
        expected = oracle.bilateral(image, *also, **options)
        assert_close(actual, expected, rtol=digits, scale=np.abs(image.astype(float)).max() + 3)


@st.composite
def footprints(draw):
    """A full rectangle, or some of its pixels."""
    # The definition takes as many pixels as the square of the window.
    full = np.ones(draw(st.tuples(st.integers(1, 17), st.integers(1, 17))), bool)
    if draw(st.booleans()):
        return full
    share = draw(st.sampled_from([0.02, 0.5]))
    some = np.random.default_rng(draw(seeds)).random(full.shape) < share
    some[-1, 0] = True
    return some


@pytest.mark.usefixtures("always_parallel")
@settings(max_examples=100)
@given(
    st.tuples(st.integers(1, 5), st.integers(1, 5)), footprints(), seeds, pairs_of_modes,
    st.sampled_from(MORPHOLOGY),
    st.sampled_from(cases.DTYPES), st.sampled_from([1, 2, 5]),
)  # fmt: skip
def test_morphology(shape, footprint, seed, mode, name, dtype, count):
    image = cases.sample(shape, dtype, seed)
    with threads(count):
        actual = getattr(imgconv, name)(image, footprint=footprint, mode=mode, cval=3)
    assert_same_bits(actual, oracle.morphology(name, image, footprint, mode, 3))


@settings(max_examples=100)
@given(shapes, footprints(), seeds, pairs_of_modes, st.sampled_from([0, -1]))
def test_ranks_that_are_extremes(shape, footprint, seed, mode, rank):
    image = cases.sample(shape, "float32", seed)
    image[0, -1] = np.nan
    before = [n // 2 for n in footprint.shape]
    place = rank % np.count_nonzero(footprint)
    actual = imgconv.rank(image, rank, footprint=footprint, mode=mode, cval=3)
    assert_same_bits(actual, oracle.rank(image, footprint, before, place, mode, 3))


STEPS = [
    partial(imgconv.gaussian, sigma=5),
    partial(imgconv.box, size=(41, 30)),
    partial(imgconv.correlate, kernel=integers((33, 50), 0)),
    partial(imgconv.bilateral, win_size=31, sigma_color=20, sigma_spatial=4),
    partial(imgconv.minimum, size=51),
    partial(imgconv.opening, size=45),
    partial(imgconv.morphological_gradient, size=45, dtype=np.float64),
    partial(imgconv.pipeline.threshold, value="local", size=41),
]


@settings(max_examples=60)
@given(
    st.tuples(st.integers(1, 30), st.integers(1, 30)), st.sampled_from(STEPS), seeds,
    pairs_of_modes, st.sampled_from(["uint8", "float32", "int64"]), st.sampled_from([1, 2, 3]),
    st.integers(1, 12), st.data(),
)  # fmt: skip
def test_pipelines(shape, step, seed, mode, dtype, count, rows, data):
    """Bands and dask chunks give the bits of the steps one by one, also where windows wrap."""
    image = cases.sample(shape, dtype, seed)
    pipeline = Pipeline(partial(step, mode=mode), "box(size=3)")
    chunks = tuple(data.draw(st.integers(1, n + 2)) for n in image.shape)
    assert_pieces_are_stepwise(pipeline, image, rows, count, chunks)
