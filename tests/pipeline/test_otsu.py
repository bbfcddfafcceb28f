"""Otsu's threshold of integers, compared with the exact variances of all splits."""

from fractions import Fraction

import numpy as np
import pytest
from comparing import assert_same_bits
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from imgconv import Pipeline
from imgconv.filters import measures
from imgconv.pipeline import normalize, threshold
from imgconv.pipeline.executors import arrays as on_arrays

WIDE = ("int32", "uint32", "int64", "uint64")


def variance(low, high):
    """The variance between two sides, exact but for a constant factor."""
    return (
        len(low) * len(high) * (Fraction(sum(low), len(low)) - Fraction(sum(high), len(high))) ** 2
    )


def split(values, limit):
    return [v for v in values if v <= limit], [v for v in values if v > limit]


def assert_best_split(values, above):
    """No other split of the values has a larger variance, but for rounding."""
    low, high = ([v for v, side in zip(values, above, strict=True) if side == s] for s in (0, 1))
    assert low, "no pixel is at most the threshold"
    largest = max((variance(*split(values, limit)) for limit in set(values) - {max(values)}),
                  default=0)  # fmt: skip
    if not largest:
        assert not high
        return
    assert max(low) < min(high)
    assert variance(low, high) >= largest * (1 - Fraction(1, 10**9))


@given(st.sampled_from(WIDE).flatmap(lambda dtype: arrays.arrays(dtype, st.integers(1, 30))))
def test_no_other_split_is_better(values):
    """Over the whole range of the dtype, where a histogram of it would not fit any memory."""
    assert_best_split(values.tolist(), threshold(values[None])[0].tolist())


@pytest.mark.parametrize("dtype", ["uint16", *WIDE])
def test_each_value_has_its_own_bin(dtype):
    """In 256 bins between 0 and 400, 0 and 3 are neighbours of each other."""
    image = np.repeat([0, 3, 400], [50, 50, 4]).astype(dtype).reshape(8, 13)
    assert threshold(image).sum() == 4
    image = np.repeat([0, 3, 400], [50, 50, 1]).astype(dtype)[None]
    above = threshold(image)[0].tolist()
    assert_best_split(image[0].tolist(), above)


@pytest.mark.parametrize("dtype", ["int64", "uint64"])
def test_values_that_float64_does_not_hold(dtype):
    start = np.iinfo(dtype).max - 9
    image = np.array([[start, start, start + 1, start + 9]], dtype)
    assert threshold(image).tolist() == [[False, False, False, True]]
    pair = image[:, 1:3]
    assert threshold(pair).tolist() == [[False, True]]
    assert Pipeline("threshold(otsu)")(pair).tolist() == [[False, True]]
    assert threshold(pair, start).tolist() == [[False, True]]


@pytest.mark.parametrize("dtype", WIDE)
def test_images_of_one_value_and_of_none(dtype):
    for image in (np.full((3, 4), 7, dtype), np.zeros((0, 4), dtype)):
        for found in (threshold(image), Pipeline("threshold(otsu)")(image)):
            assert (found.shape, found.any()) == (image.shape, False)


def many_values(dtype, shape):
    """Noise over the whole range, dark in most places."""
    rng = np.random.default_rng(0)
    info = np.iinfo(dtype)
    noise = rng.integers(info.min, info.max, shape, dtype, endpoint=True)
    return np.where(rng.random(shape) < 0.7, noise // 4 + info.min // 2, noise)


@pytest.fixture
def few_values(monkeypatch):
    """At most 64 values are counted one by one."""
    monkeypatch.setattr(measures, "MAX_VALUES", 64)


@pytest.mark.usefixtures("few_values")
@pytest.mark.parametrize("dtype", WIDE)
def test_many_values_share_bins(dtype):
    """By the rule of `threshold`: as few neighbours share a bin as leave 64 bins."""
    image = many_values(dtype, (60, 50))
    pixels = image.ravel().tolist()
    shift = next(s for s in range(64) if len({v >> s for v in pixels}) <= 64)
    found = measures.counts_of(image)
    assert (found.shift, found.counts.sum()) == (shift, image.size)
    assert found.values.tolist() == sorted({v >> shift << shift for v in pixels})
    bins = [v >> shift for v in pixels]
    assert_best_split(bins, threshold(image).ravel().tolist())


@pytest.mark.usefixtures("few_values")
@pytest.mark.parametrize("dtype", WIDE)
def test_pieces_change_nothing(dtype, monkeypatch):
    """Bands of an array and chunks of a dask array, few or many, give the same threshold."""
    monkeypatch.setattr(on_arrays, "PIECE_BYTES", 4 * 50 * 8)
    image = many_values(dtype, (160, 50))
    image[:40] = image[0, 0]  # pieces of one value, and pieces of too many
    expected = threshold(image)
    pipeline = Pipeline("threshold(otsu)")
    assert_same_bits(pipeline(image), expected)
    assert_same_bits(pipeline(image[::-1]), expected[::-1])
    da = pytest.importorskip("dask.array")
    for chunks in ((160, 50), (7, 11), (1, 50)):
        lazy = pipeline(da.from_array(image, chunks=chunks))
        assert_same_bits(lazy.compute(scheduler="synchronous"), expected)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_many_chunks_are_measured_in_rounds(dtype):
    da = pytest.importorskip("dask.array")
    image = (many_values("uint32", (90, 50)) >> 24).astype(dtype)
    if dtype == "float32":
        image[:30] = np.nan  # chunks without a finite pixel
    for text in ("threshold(otsu)", "normalize"):
        lazy = Pipeline(text)(da.from_array(image, chunks=(5, 7)))
        assert_same_bits(lazy.compute(scheduler="synchronous"), Pipeline(text)(image))


def test_a_million_values_take_little_memory():
    """The counts of a piece are joined before the next pieces are counted."""
    image = np.arange(3 << 20, dtype=np.int64).reshape(3 << 8, 1 << 12) * 1_000_003
    found = measures.counts_of(image)
    assert len(found.values) <= measures.MAX_VALUES
    assert found.counts.sum() == image.size


def test_another_image_has_another_threshold():
    """What is measured of an image is not kept for others of its shape and dtype."""
    for dtype in ("uint8", "float32", "int64"):
        for factor in (1, 7):
            image = np.array([[1, 2, 11, 12]], dtype) * np.array(factor, dtype)
            assert threshold(image).tolist() == [[False, False, True, True]]
            assert normalize(image).max() == 1
