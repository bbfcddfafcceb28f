"""Morphology with flat elements against SciPy and scikit-image, and its laws."""

import itertools

import cases
import numpy as np
import pytest
from cases import sample
from comparing import assert_same_bits
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage import morphology as skimage_morphology

import imgconv
from imgconv.filters import morphology

CASES = cases.of(morphology)
SIMPLE = (imgconv.erode, imgconv.dilate, imgconv.opening, imgconv.closing)
ODD = [cases.disk(1), cases.disk(4), np.ones((3, 5), bool), np.eye(5, dtype=bool)]
seeds = st.integers(0, 2**32 - 1)
elements = st.sampled_from([options for options, _ in cases.WINDOWS.values()])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_as_scipy(case):
    """SciPy has no gradient of bool images."""
    for mode, dtype in itertools.product(cases.MODES, ("uint8", "float32", "bool")):
        image = sample((23, 77), dtype)
        if "gradient" in case.id and dtype == "bool":
            continue
        expected = case.library(image, mode, 1)
        actual = case.call(image, mode=mode, cval=1)
        cases.assert_right(case, actual, image, exact=expected, dtype=image.dtype)


@pytest.mark.parametrize("footprint", ODD, ids=lambda footprint: f"{footprint.shape}")
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64"])
def test_as_skimage(dtype, footprint):
    image = sample((40, 61), dtype)
    for name, theirs in (
        ("erode", "erosion"),
        ("dilate", "dilation"),
        ("opening", "opening"),
        ("closing", "closing"),
        ("white_tophat", "white_tophat"),
        ("black_tophat", "black_tophat"),
    ):
        # SciPy extends the image again between two passes; an image extended before hides that.
        expected = getattr(skimage_morphology, theirs)(np.pad(image, 20, "symmetric"), footprint)
        expected = np.ascontiguousarray(expected[20:-20, 20:-20])
        assert_same_bits(getattr(imgconv, name)(image, footprint=footprint), expected)


@pytest.mark.parametrize("footprint", ODD, ids=lambda footprint: f"{footprint.shape}")
def test_binary(footprint):
    """Filters of bool images are binary morphology."""
    image = sample((40, 61), "bool")
    for name in ("erosion", "dilation"):
        function = {"erosion": imgconv.erode, "dilation": imgconv.dilate}[name]
        expected = getattr(ndimage, f"binary_{name}")(image, footprint)
        assert_same_bits(function(image, footprint=footprint, mode="constant"), expected)


def test_dilation_of_a_pixel_is_the_element():
    image = np.zeros((11, 12), np.uint8)
    image[5, 6] = 1
    for footprint in (cases.RANDOM_FOOTPRINT, cases.EMPTY_ROWS, np.eye(3, 4)):
        height, width = footprint.shape
        top, left = 5 - height // 2, 6 - width // 2
        dilated = imgconv.dilate(image, footprint=footprint)
        assert (dilated[top : top + height, left : left + width] == (footprint != 0)).all()
        assert dilated.sum() == np.count_nonzero(footprint)


@settings(max_examples=25)
@given(elements, st.sampled_from(cases.DTYPES), seeds)
def test_dual(options, dtype, seed):
    """Erosion of an image is dilation of its negative by the flipped element."""
    image = sample((20, 66), dtype, seed)
    if image.dtype.kind in "iub":
        negative = ~image
        back = np.invert
    else:
        negative, back = -image, np.negative
    footprint = np.array(
        options.get("footprint", np.ones(np.broadcast_to(options.get("size", 1), 2)))
    )
    odd_sized = np.pad(footprint, [(0, 1 - n % 2) for n in footprint.shape])
    dilated = imgconv.dilate(negative, footprint=odd_sized[::-1, ::-1])
    assert_same_bits(imgconv.erode(image, footprint=odd_sized), back(dilated))


@settings(max_examples=25)
@given(elements, st.sampled_from(["uint8", "int16", "float32"]), seeds)
def test_idempotent(options, dtype, seed):
    """Away from the border, a second opening or closing changes nothing."""
    image = np.pad(sample((20, 66), dtype, seed), 90)
    for function in (imgconv.opening, imgconv.closing):
        once = function(image, **options)
        assert_same_bits(function(once, **options), once)


@settings(max_examples=25)
@given(st.sampled_from([1, 3, 5, 15, (3, 7)]), st.sampled_from(cases.DTYPES), seeds)
def test_order(size, dtype, seed):
    """erosion <= opening <= image <= closing <= dilation, for windows about their pixel."""
    image = sample((20, 66), dtype, seed)
    eroded, dilated, opened, closed = (function(image, size) for function in SIMPLE)
    for low, high in itertools.pairwise((eroded, opened, image, closed, dilated)):
        assert (low <= high).all()


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int64", "uint64"])
def test_differences_saturate(dtype):
    limits = np.iinfo(dtype)
    image = np.full((3, 9), limits.min, dtype)
    image[1, 4] = limits.max
    gradient = imgconv.morphological_gradient(image)
    assert gradient[0, 3] == limits.max
    wide = imgconv.morphological_gradient(image, dtype=np.float64)
    assert wide[0, 3] == float(int(limits.max) - int(limits.min))


@pytest.mark.parametrize("mode", cases.MODES)
@pytest.mark.parametrize(
    "options", [options for options, _ in cases.WINDOWS.values()], ids=cases.WINDOWS
)
def test_order_at_the_border(mode, options):
    """Whatever the element and the border, opening <= image <= closing."""
    image = sample((9, 30), "uint8")
    opened, closed = (f(image, mode=mode, cval=90, **options) for f in SIMPLE[2:])
    assert (opened <= image).all()
    assert (image <= closed).all()


@pytest.mark.parametrize("dtype", cases.DTYPES)
def test_differences_of_other_dtypes_are_the_same(dtype):
    """Whether the loop subtracts or two results are subtracted."""
    image = sample((40, 70), dtype)
    for options in ({"size": 3}, {"size": (4, 6)}, {"footprint": cases.EMPTY_ROWS}):
        for f in (imgconv.morphological_gradient, imgconv.white_tophat, imgconv.black_tophat):
            one = f(image, mode="nearest", **options)
            assert_same_bits(f(image, mode="nearest", dtype=dtype, **options), one)


@pytest.mark.parametrize(
    "function",
    [imgconv.opening, imgconv.morphological_gradient, imgconv.white_tophat, imgconv.black_tophat],
)
def test_nothing_is_written_if_an_argument_is_wrong(function):
    image = sample((9, 30), "uint8")
    for options in ({"mode": "edge"}, {"dtype": "c8"}, {"axes": (0, 0)}):
        out = np.full((9, 30), 7, np.uint8)
        with pytest.raises((ValueError, TypeError)):
            function(image, out=out, **options)
        assert (out == 7).all()
    with pytest.raises(ValueError, match="out must have shape"):
        function(image, out=np.empty((9, 29), np.uint8))
