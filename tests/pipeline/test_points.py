"""Point operations, each compared with its definition or with scikit-image."""

import numpy as np
import pytest
from comparing import assert_same_bits
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from skimage import color, data, exposure, filters

from imgconv.io import picture
from imgconv.pipeline import (
    Pipeline,
    absolute,
    astype,
    clip,
    gamma,
    grey,
    invert,
    magnitude,
    normalize,
    points,
    scale,
    threshold,
)

DTYPES = ("uint8", "int8", "uint16", "int16", "int32", "uint64", "float16", "float32", "float64")
ramps = st.sampled_from(DTYPES).flatmap(
    lambda dtype: arrays.arrays(
        dtype, (7, 5),
        elements=st.floats(-100, 100, width=16) if "float" in dtype else None,
    )
)  # fmt: skip
OPERATIONS = (
    lambda image, **out: scale(image, 1.7, -3, **out),
    lambda image, **out: clip(image, -2.5, 60, **out),
    lambda image, **out: gamma(image, 0.45, **out),
    lambda image, **out: invert(image, **out),
    lambda image, **out: absolute(image, **out),
)


def rounded(values, dtype):
    dtype = np.dtype(dtype)
    if dtype.kind == "f":
        return values.astype(dtype)
    info = np.iinfo(dtype)
    return np.clip(np.rint(values), float(info.min), float(info.max))


def test_grey_is_that_of_pictures():
    """`imgconv.io` imports nothing of the package, so it has these weights, too."""
    assert points.LUMINANCE == picture.LUMINANCE


@given(ramps)
def test_scale_and_clip(image):
    exact = image.astype(np.float64)
    for got, expected in (
        (scale(image, 1.7, -3), exact * 1.7 - 3),
        (clip(image, -2.5, 60), np.clip(exact, -2.5, 60)),
    ):
        assert got.dtype == image.dtype
        tolerance = 1e-3 if image.dtype == "float16" else 1e-6
        near = np.isclose(got.astype(np.float64), rounded(expected, image.dtype), tolerance, 1.0)
        assert near.all()


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_gamma_is_that_of_scikit_image(dtype):
    image = (data.camera().astype(dtype)) * (257 if dtype == "uint16" else 1)
    expected = exposure.adjust_gamma(image / np.iinfo(dtype).max, 0.45) * np.iinfo(dtype).max
    assert np.abs(gamma(image, 0.45) - expected).max() <= 0.51


def test_table_and_formula_agree():
    image = np.arange(256, dtype=np.uint8)
    large = np.tile(image, 3)
    for operation in OPERATIONS:
        assert_same_bits(operation(large)[:256], operation(image))
    signed = np.arange(-128, 128).astype(np.int8)
    for operation in OPERATIONS:
        assert_same_bits(operation(np.tile(signed, 3))[:256], operation(signed))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("number", range(len(OPERATIONS)))
def test_out(dtype, number):
    image = np.linspace(-50, 90, 40).reshape(5, 8).clip(0 if dtype[0] == "u" else -50).astype(dtype)
    expected = OPERATIONS[number](image)
    assert expected.dtype == dtype
    out = np.empty_like(image)
    assert OPERATIONS[number](image, out=out) is out
    assert_same_bits(out, expected)
    wide = np.empty((5, 8), np.float64)
    OPERATIONS[number](image, out=wide)
    assert np.allclose(wide, expected.astype(np.float64), atol=0.5)
    alias = image.copy()
    assert_same_bits(OPERATIONS[number](alias, out=alias), expected)


DEFINITIONS = (
    (lambda image: scale(image, 2, -3), lambda values: values * 2 - 3),
    (lambda image: clip(image, -2.5, 60), lambda values: np.clip(values, -2.5, 60)),
    (absolute, np.abs),
    (lambda image: astype(image, image.dtype), lambda values: values),
)


@pytest.mark.parametrize("dtype", [d for d in DTYPES if d != "uint64"])
@pytest.mark.parametrize("number", range(len(DEFINITIONS)))
@pytest.mark.parametrize("shape", [(), (7,), (40,), (5, 8), (5, 2, 4), (2, 2, 5, 2), (0,), (3, 0)])
def test_any_shape_and_memory(dtype, number, shape):
    """The definition in float64, which holds all of these numbers; then rounded."""
    operation, definition = DEFINITIONS[number]
    image = np.linspace(-50, 90, int(np.prod(shape))).reshape(shape)
    image = image.clip(0 if dtype[0] == "u" else -50).astype(dtype)
    expected = rounded(definition(image.astype(np.float64)), dtype).astype(dtype)
    assert_same_bits(operation(image), expected)
    strange = np.asarray(image.T, order="C").T.astype(image.dtype.newbyteorder("S"))
    assert_same_bits(operation(strange), expected)
    assert_same_bits(operation(np.repeat(image[..., None], 2, -1)[..., 1]), expected)


@pytest.mark.parametrize("dtype", ["int64", "uint64"])
def test_integers_that_float64_does_not_hold(dtype):
    info = np.iinfo(dtype)
    image = np.array([[info.min, info.max, info.max - 1, (1 << 53) + 1]], dtype)
    lowest = info.max if info.min else 0
    assert absolute(image).tolist() == [[lowest, info.max, info.max - 1, (1 << 53) + 1]]
    assert astype(image, dtype).tolist() == image.tolist()
    assert invert(image).tolist() == (~image).tolist()
    assert threshold(image, 1 << 53).tolist() == [[False, True, True, True]]
    assert threshold(image, info.max - 1).tolist() == [[False, True, False, False]]


def test_a_threshold_between_integers():
    image = np.uint8([[4, 5, 6]])
    assert threshold(image, np.nextafter(5.0, 0)).tolist() == [[False, True, True]]
    assert threshold(image, 5.0).tolist() == [[False, False, True]]
    for value in (np.inf, np.nan, 1e300):
        assert not threshold(image, value).any()
    assert threshold(image, -np.inf).all()


def test_invert():
    assert invert(np.uint16([0, 65535, 5])).tolist() == [65535, 0, 65530]
    assert invert(np.int8([-128, 0, 127])).tolist() == [127, -1, -128]
    assert invert(np.float32([0, 0.25])).tolist() == [1, 0.75]
    assert invert(np.array([True, False])).tolist() == [False, True]


def test_absolute():
    assert absolute(np.int16([-32768, -5, 7])).tolist() == [32767, 5, 7]
    assert np.isnan(absolute(np.float32([np.nan]))[0])


def test_astype():
    assert astype(np.float64([np.nan, -4, 2.5, 3.5, 1e9]), np.uint8).tolist() == [0, 0, 2, 4, 255]
    assert astype(np.int16([-5, 300]), np.uint8).tolist() == [0, 255]


def test_grey_is_that_of_scikit_image():
    image = data.astronaut()
    assert np.abs(grey(image, channel_axis=-1) / 255 - color.rgb2gray(image)).max() < 0.51 / 255
    exact = grey(image.astype(np.float64), channel_axis=-1)
    assert np.allclose(exact, color.rgb2gray(image.astype(np.float64)), rtol=1e-14)
    assert_same_bits(grey(image[..., :1], channel_axis=2), image[..., 0].copy())
    assert_same_bits(grey(image[..., 0]), image[..., 0].copy())
    assert grey(image > 3, channel_axis=2).dtype == np.float32


def test_normalize():
    image = np.float64([[3, np.nan, 5], [np.inf, 4, -np.inf]])
    with np.errstate(invalid="ignore"):
        got = normalize(image)
    assert np.array_equal(got, [[0, np.nan, 1], [np.inf, 0.5, -np.inf]], equal_nan=True)
    assert normalize(np.full((2, 2), 7, np.uint8)).tolist() == [[0, 0], [0, 0]]
    assert normalize(np.uint8([10, 20]), low=0).tolist() == [0.5, 1]
    assert normalize(np.uint8([10, 20]), 0, 40).tolist() == [0.25, 0.5]
    assert normalize(np.full(3, np.nan)).dtype == np.float64
    with pytest.raises(ValueError, match="low must not be above high"):
        normalize(np.uint8([1]), 5, 2)


@pytest.mark.parametrize("name", ["camera", "coins", "page", "text", "moon"])
@pytest.mark.parametrize(
    "dtype",
    ["uint8", "uint16", "int16", "int32", "uint32", "int64", "uint64", "float32", "float64"],
)
def test_otsu_is_that_of_scikit_image(name, dtype):
    image = getattr(data, name)()
    image = image.astype(dtype) * np.dtype(dtype).type(3)
    got = threshold(image)
    assert_same_bits(got, image > filters.threshold_otsu(image))


def test_otsu_of_few_values():
    assert threshold(np.full((3, 3), 9, np.uint8)).sum() == 0
    assert threshold(np.uint8([[1, 1, 200]])).tolist() == [[False, False, True]]
    assert threshold(np.array([[True, False]])).tolist() == [[True, False]]
    assert threshold(np.float32([[np.nan, 1, 2, np.inf]])).tolist() == [[False, False, True, True]]
    assert threshold(np.zeros((0, 4))).shape == (0, 4)


@pytest.mark.parametrize("dtype", ["uint8", "float64"])
def test_local_threshold_is_that_of_scikit_image(dtype):
    image = data.page().astype(dtype)
    expected = image > filters.threshold_local(image.astype(float), 35, "mean", offset=10)
    assert np.mean(threshold(image, "local", size=35, offset=10) != expected) < 1e-4


def test_threshold_by_number():
    image = np.uint8([[3, 4, 5]])
    assert threshold(image, 4).tolist() == [[False, False, True]]
    assert threshold(image, 3.5, out=np.empty((1, 3), np.float32)).tolist() == [[0, 1, 1]]
    with pytest.raises(ValueError, match="value must be one of otsu, local"):
        threshold(image, "average")
    with pytest.raises(TypeError, match="value must be a number"):
        threshold(image, None)


def test_magnitude():
    a, b = np.float32([3, 0, -5]), np.float32([4, 2, 12])
    assert magnitude(a, b).tolist() == [5, 2, 13]
    assert magnitude(np.uint8([200]), np.uint8([200]), np.uint8([100])).tolist() == [300]
    assert magnitude(a.astype(np.float64), b).dtype == np.float64


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_magnitude_of_any_size(dtype):
    """It overflows or vanishes only where an image does; NaN is NaN beside infinity, too."""
    info = np.finfo(dtype)
    sizes = [0, info.smallest_subnormal, info.tiny, 1e-30, 1, 1e30, info.max / 4, np.inf, np.nan]
    a, b = (each.astype(dtype) for each in np.meshgrid(sizes, np.negative(sizes)))
    expected = np.where(np.isnan(a) | np.isnan(b), np.nan, np.hypot(a, b))
    np.testing.assert_array_max_ulp(magnitude(a, b), expected, 1)
    np.testing.assert_array_equal(magnitude(b), np.abs(b))


class TestWhite:
    """Integers may use fewer bits than their dtype has."""

    VALUES = np.arange(1024, dtype=np.uint16).reshape(32, 32)

    def test_invert(self):
        np.testing.assert_array_equal(invert(self.VALUES, white=1023), 1023 - self.VALUES)
        np.testing.assert_array_equal(invert(self.VALUES + 9, white=1023)[-1, -9:], 0)
        np.testing.assert_array_equal(invert(np.uint8([3]), white=1023), [252])

    def test_gamma(self):
        expected = np.rint(1023 * (self.VALUES / 1023) ** 0.5)
        np.testing.assert_array_equal(gamma(self.VALUES, 0.5, white=1023), expected)

    @pytest.mark.parametrize("dtype", ["bool", "int16", "float32"])
    def test_other_dtypes_have_their_own(self, dtype):
        values = np.array([0, 1], dtype)
        np.testing.assert_array_equal(invert(values, white=3), invert(values))

    @pytest.mark.parametrize(
        "function", [invert, lambda image, white: gamma(image, 1, white=white)]
    )
    def test_it_is_positive(self, function):
        with pytest.raises(ValueError, match="white must be positive"):
            function(self.VALUES, white=0)

    def test_a_chain_for_such_images(self):
        chain = Pipeline("box(3) | (invert, gamma(0.5) | invert(white=9)) | magnitude")
        given = chain.with_white(1023)
        assert given.text == (
            "box(size=3) | invert(white=1023), gamma(exponent=0.5, white=1023) | invert(white=9) "
            "| magnitude"
        )
        assert Pipeline(given.text) == given
        difference = Pipeline("image - invert").with_white(1023)(self.VALUES)
        np.testing.assert_array_equal(difference, 2.0 * self.VALUES - 1023)
