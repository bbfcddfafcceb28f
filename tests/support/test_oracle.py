"""The reference implementations are right: they agree with SciPy, where SciPy has the filter."""

import numpy as np
import oracle
import pytest
from comparing import assert_close, assert_same_bits
from scipy import ndimage, signal

MODES = ["reflect", "mirror", "nearest", "wrap", "constant"]
SYNONYMS = ["grid-mirror", "grid-wrap", "grid-constant"]
KERNEL_SHAPES = [(1, 1), (3, 3), (2, 2), (4, 3), (1, 5), (6, 1), (7, 9)]
RNG = np.random.default_rng(5)
IMAGE = RNG.normal(size=(11, 13))


@pytest.mark.parametrize("n", [1, 2, 3, 7])
@pytest.mark.parametrize(
    ("mode", "numpy_mode"),
    [("reflect", "symmetric"), ("mirror", "reflect"), ("nearest", "edge"), ("wrap", "wrap")],
)
def test_fold_far_outside(mode, numpy_mode, n):
    far = 100
    sources = [oracle.fold(index, n, mode) for index in range(-far, n + far)]
    assert sources == np.pad(np.arange(n), far, mode=numpy_mode).tolist()


def test_fold_knows_its_modes():
    with pytest.raises(ValueError, match="mode must be"):
        oracle.fold(-1, 3, "symmetric")


def test_extend_with_a_mode_for_each_axis():
    extended = oracle.extend([[1, 2], [3, 4]], (1, 2), (0, 1), ("nearest", "constant"), 0.5)
    assert_same_bits(
        extended,
        np.array([[0.5, 0.5, 1, 2, 0.5], [0.5, 0.5, 1, 2, 0.5], [0.5, 0.5, 3, 4, 0.5]]),
    )


@pytest.mark.parametrize("kernel_shape", KERNEL_SHAPES)
@pytest.mark.parametrize("mode", MODES + SYNONYMS)
@pytest.mark.parametrize("function", ["correlate", "convolve"])
def test_same_as_ndimage(function, mode, kernel_shape):
    kernel = RNG.normal(size=kernel_shape)
    for image in (IMAGE, IMAGE[:3, :2], IMAGE[:1, :1]):
        actual = getattr(oracle, function)(image, kernel, mode=mode, cval=0.7)
        expected = getattr(ndimage, function)(image, kernel, mode=mode, cval=0.7)
        assert_close(actual, expected, rtol=1e-14, scale=np.abs(kernel).sum() * 3)


@pytest.mark.parametrize("kernel_shape", KERNEL_SHAPES)
@pytest.mark.parametrize(
    ("mode", "boundary"), [("reflect", "symm"), ("wrap", "wrap"), ("constant", "fill")]
)
@pytest.mark.parametrize("shape", ["full", "valid"])
@pytest.mark.parametrize("function", ["correlate", "convolve"])
def test_shapes_of_signal(function, shape, mode, boundary, kernel_shape):
    kernel = RNG.normal(size=kernel_shape)
    actual = getattr(oracle, function)(IMAGE, kernel, shape=shape, mode=mode, cval=0.7)
    expected = getattr(signal, function + "2d")(IMAGE, kernel, shape, boundary, 0.7)
    assert_close(actual, expected, rtol=1e-14, scale=np.abs(kernel).sum() * 3)


@pytest.mark.parametrize("kernel_shape", [(3, 3), (2, 4)])
@pytest.mark.parametrize("shape", ["same", "full", "valid"])
def test_dilation_puts_zeros_between_the_weights(shape, kernel_shape):
    kernel = RNG.normal(size=kernel_shape)
    dilated = np.zeros((2 * kernel_shape[0] - 1, 3 * kernel_shape[1] - 2))
    dilated[::2, ::3] = kernel
    actual = oracle.correlate(IMAGE, kernel, shape=shape, dilation=(2, 3))
    if shape == "same":
        # The dilated kernel keeps its centre on weight k // 2, which zeros between may move.
        centre = (2 * (kernel_shape[0] // 2), 3 * (kernel_shape[1] // 2))
        origin = [centre[axis] - dilated.shape[axis] // 2 for axis in (0, 1)]
        expected = ndimage.correlate(IMAGE, dilated, origin=origin)
    else:
        expected = signal.correlate2d(IMAGE, dilated, shape, "symm")
    assert_close(actual, expected, rtol=1e-14, scale=np.abs(kernel).sum() * 3)


def test_stride_keeps_every_so_many():
    kernel = RNG.normal(size=(3, 4))
    for shape in ("same", "full", "valid"):
        every = oracle.correlate(IMAGE, kernel, shape=shape)
        assert_same_bits(
            oracle.correlate(IMAGE, kernel, shape=shape, stride=(2, 3)), every[::2, ::3]
        )


def test_separable_is_two_passes():
    ky, kx = RNG.normal(size=4), RNG.normal(size=3)
    two_passes = ndimage.correlate1d(ndimage.correlate1d(IMAGE, ky, axis=0), kx, axis=1)
    assert_close(oracle.separable(IMAGE, ky, kx), two_passes, rtol=1e-14)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", [(0, 5), (5, 0), (0, 0)])
def test_no_pixels_give_no_pixels(size, mode):
    for shape in ("same", "valid", "full"):
        out = oracle.correlate(np.zeros(size), np.ones((3, 3)), shape=shape, mode=mode)
        assert [n == 0 for n in out.shape] == [n == 0 for n in size]


def test_nan_spoils_its_windows_only():
    image = IMAGE.copy()
    image[5, 5] = np.nan
    spoilt = np.isnan(oracle.correlate(image, np.zeros((3, 4))))
    expected = np.zeros_like(spoilt)
    expected[4:7, 4:8] = True
    assert_same_bits(spoilt, expected)


@pytest.mark.parametrize(
    ("dtype", "values", "expected"),
    [
        (np.uint8, [-1, 0.5, 1.5, 2.5, 254.6, 300, np.inf, np.nan], [0, 0, 2, 2, 255, 255, 255, 0]),
        (np.int8, [-129, -128.4, -0.5, 127.4, -np.inf], [-128, -128, 0, 127, -128]),
        (np.int64, [2.0**63, -(2.0**63), 2.0**62], [2**63 - 1, -(2**63), 2**62]),
        (np.uint64, [2.0**64, -1, 2.0**63], [2**64 - 1, 0, 2**63]),
        (np.bool_, [-3, 0.5, 0.6, 7, np.nan], [False, False, True, True, False]),
        (np.float16, [1e6, 1 + 2.0**-11, np.nan], [np.inf, 1, np.nan]),
        (np.float64, [0.1], [0.1]),
    ],
)
def test_round_to(dtype, values, expected):
    assert_same_bits(oracle.round_to(values, dtype), np.array(expected, dtype))


@pytest.mark.parametrize(
    ("dtype", "computing", "smooth"),
    [
        ("?", "f4", "f4"),
        ("u1", "f4", "u1"),
        ("i1", "f4", "i1"),
        (">u2", "f4", "u2"),
        ("i2", "f4", "i2"),
        ("i4", "f8", "i4"),
        ("u8", "f8", "u8"),
        ("f2", "f4", "f2"),
        (">f4", "f4", "f4"),
        ("f8", "f8", "f8"),
    ],
)
def test_dtype_rule(dtype, computing, smooth):
    assert oracle.compute_dtype(dtype) == computing
    assert oracle.result_dtype(dtype, smoothing=False) == computing
    assert oracle.result_dtype(dtype, smoothing=True) == smooth
    assert oracle.result_dtype(dtype, smoothing=True).isnative


@pytest.mark.parametrize("dtype", ["c8", "O", "U3", "M8[s]", "g"])
def test_no_pixels_of_other_dtypes(dtype):
    with pytest.raises(TypeError, match="not a pixel's dtype"):
        oracle.result_dtype(dtype, smoothing=True)
