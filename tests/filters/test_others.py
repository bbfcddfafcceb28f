"""All filters that are not linear: every dtype, layout, size and number of threads."""

import numpy as np
import pytest
from cases import DTYPES, OTHERS, sample
from comparing import assert_same_bits, awkward_arrays

import imgconv

each = pytest.mark.parametrize("case", OTHERS, ids=lambda case: case.id)
# One row for each algorithm: for sweeps whose sizes multiply.
CORE = [
    case
    for case in OTHERS
    if case.id.startswith(("canny", "corners", "hysteresis", "missing", "ridges", "zero_crossings"))
    or (case.id.startswith("match") and "-same" in case.id)
    or "-size3-stride2-padding1" in case.id
]
each_core = pytest.mark.parametrize("case", CORE, ids=lambda case: case.id)


@each
def test_every_dtype(case):
    for dtype in DTYPES:
        image = sample((19, 47), dtype)
        case.assert_right(case.call(image), image)


@each
def test_wide_images(case):
    """Wider than a chunk, so that rows are read in place and copied."""
    for dtype in ("uint8", "float32", "float64", "int64"):
        image = sample((7, 1500), dtype)
        case.assert_right(case.call(image), image)


@each_core
def test_every_size(case):
    for shape in [(1, 1), (1, 40), (33, 1), (2, 2), (3, 5), (17, 16), (40, 130), (65, 67)]:
        for dtype in ("uint8", "float64"):
            image = sample(shape, dtype)
            case.assert_right(case.call(image), image)


@each
def test_a_window_needs_room(case):
    """Rows say themselves which images are too small."""
    for shape in [(1, 1), (1, 40), (5, 3)]:
        image = sample(shape, "uint8")
        if case.fits(shape):
            case.assert_right(case.call(image), image)
        else:
            with pytest.raises(ValueError, match="size must fit into the padded image"):
                case.call(image)


@each_core
def test_images_without_pixels(case):
    for shape in ((0, 5), (5, 0), (0, 0)):
        result = case.call(np.zeros(shape, np.uint8))
        assert result.size == 0
        assert (np.array(result.shape) == 0).tolist() == (np.array(shape) == 0).tolist()


@each_core
@pytest.mark.parametrize("dtype", ["bool", "uint8", "int16", "float16", "float32", "int64"])
def test_awkward_images(case, dtype):
    image = sample((21, 149), dtype)
    expected = case.call(image)
    for _, awkward in awkward_arrays(image):
        assert_same_bits(case.call(awkward), expected)


@each
def test_threads_change_no_bit(case, always_parallel):
    for dtype in ("uint8", "float32", "int64"):
        image = sample((150, 70), dtype)
        with imgconv.threads(1):
            expected = case.call(image)
        for n in (2, 5):
            with imgconv.threads(n):
                assert_same_bits(case.call(image), expected)


@each
def test_channels(case):
    """Interleaved and planar channels, each filtered as by itself."""
    for dtype in ("uint8", "float64"):
        image = sample((29, 80, 3), dtype)
        expected = np.stack([case.call(image[..., c].copy()) for c in range(3)], axis=-1)
        assert_same_bits(case.call(image, channel_axis=-1), expected)
        planar = np.ascontiguousarray(np.moveaxis(image, -1, 0))
        # Parts of a tensor are along an axis in front.
        expected = np.moveaxis(expected, -1, -3).copy()
        assert_same_bits(case.call(planar, channel_axis=0), expected)


@each_core
def test_stacks(case):
    stack = sample((2, 23, 3, 31), "float32")
    expected = np.stack(
        [np.stack([case.call(stack[i, :, j].copy()) for j in range(3)], 1) for i in range(2)]
    )
    assert_same_bits(case.call(stack, axes=(1, 3)), expected)


@each_core
def test_out(case):
    """`out` of the result's dtype, of any other, strided, byte-swapped, and the image itself."""
    for dtype in ("uint8", "float32", "int64"):
        image = sample((30, 60), dtype)
        expected = case.call(image)
        out = np.empty_like(expected)
        assert case.call(image, out=out) is out
        assert_same_bits(out, expected)
        strided = np.zeros((2 * out.shape[0], 3 * out.shape[1]), out.dtype)[::2, ::3]
        case.call(image, out=strided)
        assert_same_bits(strided.copy(), expected)
        for target in ("bool", "int16", ">f4", "float64", "uint64"):
            out = np.empty(expected.shape, target)
            case.call(image, out=out)
            native = np.dtype(target).newbyteorder("=")
            assert_same_bits(out.astype(native), case.call(image, dtype=target))


@each_core
def test_out_over_the_image(case):
    for dtype in ("uint8", "float32"):
        image = sample((40, 60), dtype)
        expected = case.call(image, dtype=dtype)
        height, width = expected.shape
        for top in (0, 1):
            memory = np.vstack([image, image[:3]])
            case.call(memory[:40], out=memory[top : top + height, :width])
            assert_same_bits(memory[top : top + height, :width].copy(), expected)


@each_core
def test_image_is_left_alone(case):
    image = sample((21, 80))
    before = image.copy()
    case.call(image)
    assert_same_bits(image, before)
