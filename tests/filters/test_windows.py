"""Windows that do not hold their own pixel, and windows far apart; all drawn at random.

A footprint is cut to the rectangle of its pixels, so its window may lie beside the pixel that it
belongs to, by more than the width or height of the image.
"""

import itertools
from functools import partial

import cases
import numpy as np
import oracle
import pytest
from chains import assert_pieces_are_stepwise
from comparing import assert_same_bits
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

import imgconv
from imgconv import Pipeline, threads
from imgconv.ndimage import (
    grey_dilation,
    grey_erosion,
    maximum_filter,
    median_filter,
    minimum_filter,
    percentile_filter,
    rank_filter,
)

ORDER = {
    "minimum": (imgconv.minimum, lambda count: 0),
    "maximum": (imgconv.maximum, lambda count: count - 1),
    "median": (imgconv.median, lambda count: count // 2),
    "percentile": (partial(imgconv.percentile, percentiles=30), lambda count: int(count * 0.3)),
    "rank": (partial(imgconv.rank, rank=-1), lambda count: count - 1),
}
MORPHOLOGY = [
    imgconv.erode,
    imgconv.dilate,
    imgconv.opening,
    imgconv.closing,
    imgconv.morphological_gradient,
    imgconv.white_tophat,
    imgconv.black_tophat,
]


@st.composite
def footprints(draw):
    """A few pixels somewhere in a frame that is otherwise empty, or a dense block of them."""
    frame = np.zeros((draw(st.integers(1, 45)), draw(st.integers(1, 45))), bool)
    top, left = (draw(st.integers(0, n - 1)) for n in frame.shape)
    height, width = (draw(st.integers(1, most)) for most in (6, 6))
    block = frame[top : top + height, left : left + width]
    seed = draw(st.integers(0, 2**32 - 1))
    block[...] = np.random.default_rng(seed).random(block.shape) < draw(st.sampled_from([0.3, 1]))
    frame[top, left] = True
    return frame


@st.composite
def images(draw):
    shape = draw(st.integers(1, 70)), draw(st.integers(1, 40))
    image = cases.sample(shape, draw(st.sampled_from(cases.DTYPES)), draw(st.integers(0, 99)))
    return image[:: draw(st.sampled_from([1, -1]))]


modes = st.sampled_from(cases.MODES)


def into(call, image, where):
    """Return the result of a call into a fresh array, the image, or its memory a row lower."""
    if where == "fresh":
        return call(image)
    memory = np.zeros((len(image) + 1, image.shape[1]), image.dtype)
    memory[:-1] = image
    out = memory[:-1] if where == "in place" else memory[1:]
    assert call(memory[:-1], out=out) is out
    return out


@pytest.mark.usefixtures("always_parallel")
@settings(max_examples=400)
@given(
    images(),
    footprints(),
    modes,
    st.sampled_from(list(ORDER)),
    st.sampled_from(["fresh", "in place", "below"]),
    st.sampled_from([1, 2, 5]),
)
def test_order(image, footprint, mode, name, where, count):
    function, place = ORDER[name]
    call = partial(function, footprint=footprint, mode=mode, cval=3)
    with threads(count):
        actual = into(call, image, where)
    before = [n // 2 for n in footprint.shape]
    pixels = np.count_nonzero(footprint)
    assert_same_bits(actual, oracle.rank(image, footprint, before, place(pixels), mode, 3))


@pytest.mark.usefixtures("always_parallel")
@settings(max_examples=300)
@given(
    images(),
    footprints(),
    modes,
    st.sampled_from(MORPHOLOGY),
    st.sampled_from(["fresh", "in place", "below"]),
    st.sampled_from([1, 2, 5]),
)
def test_morphology(image, footprint, mode, function, where, count):
    call = partial(function, footprint=footprint, mode=mode, cval=3)
    with threads(count):
        actual = into(call, image, where)
    assert_same_bits(actual, oracle.morphology(function.__name__, image, footprint, mode, 3))


@st.composite
def placed_footprints(draw):
    """Draw a footprint, and any origin that SciPy takes."""
    footprint = draw(footprints())
    origin = tuple(draw(st.integers(-(n // 2), (n - 1) // 2)) for n in footprint.shape)
    return footprint, origin


FACES = {
    "minimum_filter": (minimum_filter, {}),
    "maximum_filter": (maximum_filter, {}),
    "median_filter": (median_filter, {}),
    "rank_filter": (rank_filter, {"rank": -1}),
    "percentile_filter": (percentile_filter, {"percentile": 70}),
    "grey_erosion": (grey_erosion, {}),
    "grey_dilation": (grey_dilation, {}),
}


@pytest.mark.usefixtures("always_parallel")
@settings(max_examples=300)
@given(
    images(), placed_footprints(), modes, st.sampled_from(list(FACES)), st.booleans(),
    st.sampled_from([1, 2, 5]),
)  # fmt: skip
def test_faces(image, placed, mode, name, in_place, count):
    function, more = FACES[name]
    footprint, origin = placed
    options = {**more, "footprint": footprint, "origin": origin, "mode": mode, "cval": 3}
    if image.dtype == bool or image.dtype == np.float16:
        image = image.astype(np.uint8)
    expected = getattr(ndimage, name)(image, **options)
    with threads(count):
        given = image.copy()
        actual = function(given, output=given if in_place else None, **options)
    assert_same_bits(given if in_place else actual, expected)


@settings(max_examples=150)
@given(
    images(), footprints(), modes, st.sampled_from([*ORDER, "dilate", "opening", "white_tophat"]),
    st.integers(0, 3), st.sampled_from([1, 2, 3]), st.integers(5, 40), st.data(),
)  # fmt: skip
def test_pipelines(image, footprint, mode, name, chain, count, rows, data):
    """Bands and dask chunks give the bits of the steps one by one."""
    function = ORDER[name][0] if name in ORDER else getattr(imgconv, name)
    step = partial(function, footprint=footprint, mode=mode)
    pipeline = [
        Pipeline(step, "sobel"),
        Pipeline("box(size=3)", step),
        Pipeline(step, step, "box(size=(2, 3))"),
        Pipeline(step, "image - laplace"),
    ][chain]
    chunks = tuple(data.draw(st.integers(3, n + 2)) for n in image.shape)
    assert_pieces_are_stepwise(pipeline, image, rows, count, chunks)


def test_further_away_than_the_image_is_wide():
    image = np.arange(8, dtype="u1").reshape(4, 2)
    far = np.eye(1, 7, 6, dtype=bool)
    assert imgconv.maximum(image, footprint=far).tolist() == [[0, 0], [2, 2], [4, 4], [6, 6]]
    for mode, dtype in itertools.product(cases.MODES, ("u1", "f4", "f8")):
        given = image.astype(dtype)
        expected = oracle.rank(given, far, (0, 3), 0, mode, 5)
        assert_same_bits(imgconv.median(given, footprint=far, mode=mode, cval=5), expected)


@pytest.mark.usefixtures("always_parallel")
@settings(max_examples=150)
@given(
    st.integers(1, 5000), st.integers(1, 3), st.integers(1, 9), st.integers(1, 700),
    st.integers(1000, 3000), modes, st.sampled_from(["same", "valid", "full"]),
    st.sampled_from(["uint8", "float32", "float64"]), st.sampled_from([1, 3]),
)  # fmt: skip
def test_windows_far_apart(width, kh, kw, dilation, stride, mode, shape, dtype, count):
    """Pixels that no window holds are not read; channels lie side by side, or apart."""
    kernel = cases.sample((kh, kw), "float32", seed=width)
    image = cases.sample((5, width, 2), dtype)
    options = {"shape": shape, "stride": (2, stride), "dilation": (1, dilation), "mode": mode}
    if shape == "valid" and ((kw - 1) * dilation >= width or kh > 5):
        return
    for axis in (-1, 0):
        channels = np.moveaxis(image, -1, axis)
        with threads(count):
            actual = imgconv.correlate(channels, kernel, channel_axis=axis, cval=3, **options)
        actual = np.moveaxis(actual, axis, -1)
        for channel in range(2):
            expected = oracle.correlate(image[..., channel], kernel, cval=3, **options)
            np.testing.assert_allclose(actual[..., channel], expected, rtol=1e-5, atol=1e-2)


@pytest.mark.usefixtures("always_parallel")
@settings(max_examples=100)
@given(
    st.integers(1, 5000), st.integers(1, 9), st.integers(1, 300), st.integers(1000, 3000),
    st.sampled_from(["max", "min", "sum", "mean", "median"]), st.booleans(),
    st.sampled_from(["uint8", "float32", "int16"]),
)  # fmt: skip
def test_pools_far_apart(width, k, dilation, stride, how, ceil_mode, dtype):
    image = cases.sample((4, width), dtype)
    around = ((1, 0), (((k - 1) * dilation + 1) // 2, 0))
    options = {"stride": (2, stride), "dilation": (1, dilation), "padding": around}
    if (k - 1) * dilation >= width + around[1][0]:
        return
    actual = imgconv.pool(image, (3, k), how=how, ceil_mode=ceil_mode, **options)
    expected = oracle.pool(image, (3, k), how=how, ceil_mode=ceil_mode, **options)
    if dtype == "float32" or how == "sum":
        np.testing.assert_allclose(actual, expected.astype(float), rtol=1e-5)
    else:
        assert_same_bits(actual, oracle.convert(expected, dtype))
