"""Memory of large results: where they begin, and what is kept for the next ones."""

import gc

import numpy as np
import pytest

import imgconv
from imgconv.core import memory

SHAPE = (2100, 4097)
MEGABYTE = 1 << 20


@pytest.fixture
def image():
    return np.random.default_rng(0).random(SHAPE, np.float32)


@pytest.fixture(autouse=True)
def restored():
    yield
    imgconv.reuse_memory(0)


def distance(result, image):
    """Bytes in a page from where a result begins to where its image does."""
    return (memory.address(image) - memory.address(result)) % memory.PAGE


@pytest.mark.parametrize("kept", [0, 100 * MEGABYTE])
@pytest.mark.parametrize("start", [0, 1, 2, 517, 1023])
def test_rows_of_result_and_image_lie_apart(start, kept):
    imgconv.reuse_memory(kept)
    image = np.zeros(2100 * 4096 + 1023, np.float32)[start:][: 2100 * 4096].reshape(2100, 4096)
    pair = imgconv.gradient(image)
    chained = imgconv.Pipeline("gaussian(sigma=1) | sobel")(image)
    for result in (imgconv.box(image, 3), *pair, chained):
        assert memory.AHEAD <= distance(result, image) < memory.AHEAD + memory.CACHE_LINE
        assert memory.address(result) % memory.CACHE_LINE == 0
        assert result.flags.carray


def test_nothing_is_kept_unless_asked_for(image):
    imgconv.box(image, 3)
    assert not memory.FREED.blocks


def test_a_freed_result_is_used_again(image):
    imgconv.reuse_memory(100 * MEGABYTE)
    result = imgconv.box(image, 3)
    where, expected = memory.address(result), result.copy()
    del result
    again = imgconv.box(image, 3)
    assert memory.address(again) == where
    assert (again.shape, again.dtype, again.flags.writeable) == (SHAPE, np.float32, True)
    np.testing.assert_array_equal(again, expected)


def test_a_result_in_use_is_not(image):
    imgconv.reuse_memory(200 * MEGABYTE)
    first = imgconv.box(image, 3)
    view = first[10:20, ::7].T
    kept = view.copy()
    del first
    assert not np.may_share_memory(imgconv.box(image, 5), view)
    np.testing.assert_array_equal(view, kept)


def test_two_results_have_memory_of_their_own(image):
    imgconv.reuse_memory(200 * MEGABYTE)
    gy, gx = imgconv.gradient(image)
    assert not np.may_share_memory(gy, gx)


def test_the_limit_holds(image):
    imgconv.reuse_memory(50 * MEGABYTE)
    results = [imgconv.box(image, size) for size in (3, 5, 7)]
    del results
    gc.collect()
    kept = [block for blocks in memory.FREED.blocks.values() for block in blocks]
    assert len(kept) == 1
    imgconv.reuse_memory(MEGABYTE)
    assert not memory.FREED.blocks
    imgconv.box(image, 3)
    assert not memory.FREED.blocks


def test_another_size_takes_the_place(image):
    imgconv.reuse_memory(50 * MEGABYTE)
    imgconv.box(image, 3)
    imgconv.box(image[:-1], 3)
    assert list(memory.FREED.blocks) == [image[:-1].nbytes + memory.PAGE]


def test_small_results_are_numpys_own():
    imgconv.reuse_memory(MEGABYTE)
    assert imgconv.box(np.zeros((5, 5)), 3).base is None


@pytest.mark.parametrize("limit", [-1, 2.5, True, "1 GB", None])
def test_refuses(limit):
    with pytest.raises((TypeError, ValueError), match=r"limit must be .*, got"):
        imgconv.reuse_memory(limit)
