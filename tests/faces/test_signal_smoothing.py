"""The other filters of imgconv.signal against scipy.signal: any method, medians, Wiener's."""

import inspect
import warnings
from itertools import product

import numpy as np
import pytest
import scipy.signal
from comparing import assert_close, assert_same_bits, awkward_arrays

from imgconv import face_arguments, signal
from imgconv.fallback import FACES

SUMS = ["correlate", "convolve", "fftconvolve", "oaconvolve"]
OTHERS = [
    "correlate2d",
    "convolve2d",
    "medfilt",
    "medfilt2d",
    "sepfir2d",
    "wiener",
]
INTEGERS = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"]
DTYPES = ["bool", *INTEGERS, "float16", "float32", "float64", "complex64"]
SHAPES = [
    ((9, 13), (3, 3)),
    ((9, 13), (4, 2)),
    ((9, 13), (1, 6)),
    ((3, 4), (9, 6)),
    ((5, 2), (2, 7)),
]

rng = np.random.default_rng(4)


@pytest.fixture(autouse=True)
def _by_the_engine(monkeypatch):
    """Small calls, too, are computed by the engine."""
    monkeypatch.setattr(face_arguments, "SMALL_CALLS_FALL_BACK", False)


def pixels(shape, dtype):
    dtype = np.dtype(dtype)
    if dtype.kind in "biu":
        return rng.integers(-9 if dtype.kind == "i" else 0, 10, shape).astype(dtype)
    return rng.standard_normal(shape).astype(dtype)


def answers(name, *args, **options):
    """Our result and SciPy's, or the exception of each."""
    found = []
    for module in (signal, scipy.signal):
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
                found.append(getattr(module, name)(*args, **options))
            except Exception as error:
                found.append(error)
    return found


def assert_as_scipy(name, *args, scale=None, **options):
    """The same result, to the bit for integers, or the same error."""
    ours, theirs = answers(name, *args, **options)
    if isinstance(theirs, Exception):
        assert type(ours) is type(theirs)
        assert str(ours) == str(theirs)
    elif theirs.dtype.kind != "f" or not theirs.size:
        assert_same_bits(ours, theirs)
    else:
        if scale is None and np.isfinite(theirs).any():
            scale = 4 * np.abs(theirs[np.isfinite(theirs)]).max()
        # SciPy transforms what is float32 in float32, whatever the result is.
        narrow = any(getattr(each, "dtype", None) in (np.float16, np.float32) for each in args)
        eps = np.finfo(np.float32 if narrow else theirs.dtype).eps
        assert_close(ours, theirs, rtol=16 * eps, scale=scale or 1)


def fallbacks(name):
    return sum(FACES[f"scipy.signal.{name}"].fallbacks.values())


@pytest.mark.parametrize("name", [*SUMS, *OTHERS])
def test_signature(name):
    original = getattr(scipy.signal, name)
    ours = inspect.signature(getattr(signal, name))
    if name == "sepfir2d":
        assert list(ours.parameters) == ["input", "hrow", "hcol"]  # the built-in has no signature
    else:
        assert ours == inspect.signature(original)


class TestSums:
    @pytest.mark.parametrize("name", SUMS)
    @pytest.mark.parametrize("mode", ["full", "same", "valid"])
    @pytest.mark.parametrize("shapes", SHAPES, ids=str)
    @pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
    def test_shapes(self, name, mode, shapes, dtype):
        in1, in2 = (pixels(shape, dtype) for shape in shapes)
        before = fallbacks(name)
        assert_as_scipy(name, in1, in2, mode, scale=200)
        if mode != "valid" or shapes[0][0] > shapes[1][0]:
            assert fallbacks(name) == before or shapes == ((5, 2), (2, 7))

    @pytest.mark.parametrize(("first", "second"), list(product(DTYPES, repeat=2)))
    def test_dtypes(self, first, second):
        in1, in2 = pixels((5, 7), first), pixels((2, 3), second)
        for name in SUMS:
            assert_as_scipy(name, in1, in2, scale=200)
        for method in ("direct", "fft"):
            assert_as_scipy("convolve", in1, in2, "same", method, scale=200)
            assert_as_scipy("correlate", in1, in2, "same", method, scale=200)

    @pytest.mark.parametrize("dtype", INTEGERS)
    def test_integers_wrap_around(self, dtype):
        limits = np.iinfo(dtype)
        in1 = rng.integers(limits.min, limits.max, (6, 7), dtype, endpoint=True)
        for name in ("convolve", "correlate"):
            assert_as_scipy(name, in1, in1[:3, :3], method="direct")
            if np.dtype(dtype).itemsize <= 4:
                assert_as_scipy(name, in1, in1[:3, :3])

    @pytest.mark.parametrize("name", SUMS)
    @pytest.mark.parametrize("odd", [np.nan, np.inf])
    def test_nan(self, name, odd):
        """Transforms spread it over everything, sums do not."""
        image = pixels((20, 30), "float64")
        image[3, 4] = odd
        assert_as_scipy(name, image, pixels((3, 3), "float64"), scale=20)
        if name in ("convolve", "correlate"):
            kernel = pixels((3, 3), "float64")
            before = fallbacks(name)
            assert_as_scipy(name, image, kernel, method="direct", scale=20)
            assert fallbacks(name) == before

    @pytest.mark.parametrize("name", SUMS)
    def test_large_kernels(self, name):
        before = fallbacks(name)
        for dtype in ("float32", "float64"):
            image, kernel = pixels((300, 300), dtype), pixels((70, 70), dtype)
            assert_as_scipy(name, image, kernel, scale=2e3)
            assert_as_scipy(name, image, kernel, "valid", scale=2e3)
        product = np.outer(np.hanning(71), np.hanning(65))
        assert_as_scipy(name, image, product, "same", scale=1e3)
        assert fallbacks(name) == before
        assert_as_scipy(name, image, pixels((90, 90), "float64"), scale=4e3)
        assert fallbacks(name) > before

    @pytest.mark.parametrize("name", SUMS)
    def test_layouts(self, name):
        image, kernel = pixels((9, 11), "float64"), pixels((3, 4), "float64")
        for _, awkward in awkward_arrays(image):
            assert_as_scipy(name, awkward, kernel, scale=30)
        assert_as_scipy(name, image.tolist(), kernel.tolist(), scale=30)

    @pytest.mark.parametrize("name", SUMS)
    def test_what_scipy_alone_does(self, name):
        for in1, in2 in (
            (pixels(9, "float64"), pixels(3, "float64")),
            (pixels((3, 4, 5), "float64"), pixels((2, 2, 2), "float64")),
            (pixels((3, 4), "float64"), pixels(3, "float64")),
            (np.zeros((0, 4)), np.ones((2, 2))),
        ):
            assert_as_scipy(name, in1, in2, scale=30)
        assert_as_scipy(name, np.ones((4, 4)), np.ones((2, 2)), "no mode")
        assert getattr(signal, name)(3.0, 2.0) == 6

    @pytest.mark.parametrize("axes", [None, (0, 1), [0, 1], 0, (1,), (1, 0), (0, 0), ()])
    def test_axes(self, axes):
        for name in ("fftconvolve", "oaconvolve"):
            image = pixels((6, 8), "float64")
            assert_as_scipy(name, image, pixels((3, 8), "float64"), axes=axes, scale=60)

    @pytest.mark.parametrize("kind", ["noise", "both signs", "a bright spot"])
    def test_transforms_of_float32_err_like_scipys(self, kind):
        """So does what is much smaller than the brightest pixel."""
        random = np.random.default_rng(5)
        image, kernel = random.random((300, 260), np.float32), random.random((41, 33), np.float32)
        if kind == "both signs":
            image = image - np.float32(0.5)
        elif kind == "a bright spot":
            image = image * np.float32(1e-3)
            image[7, 9] = 1e4
        exact = scipy.signal.fftconvolve(image.astype(float), kernel.astype(float), "same")
        before = fallbacks("fftconvolve")
        errors = [
            np.sqrt(np.mean((module.fftconvolve(image, kernel, "same") - exact) ** 2))
            for module in (signal, scipy.signal)
        ]
        assert fallbacks("fftconvolve") == before
        assert errors[0] <= 1.5 * errors[1]

    def test_choice_is_scipys(self):
        assert signal.choose_conv_method is scipy.signal.choose_conv_method

    @pytest.mark.parametrize("name", ["correlate2d", "convolve2d"])
    def test_images_without_pixels(self, name):
        """SciPy divides by zero where one of them is wrapped, and the process ends."""
        for shape, kernel in (((0, 4), (2, 2)), ((3, 0), (2, 2)), ((0, 3), (3, 0))):
            for boundary in ("wrap", "symm"):
                with pytest.raises(ValueError, match="in1 must have pixels"):
                    getattr(signal, name)(np.ones(shape), np.ones(kernel), boundary=boundary)


class TestMedians:
    def test_integers_beyond_doubles(self):
        """SciPy compares doubles."""
        for dtype in ("int64", "uint64"):
            image = pixels((30, 40), dtype) + np.array(2**53, dtype)
            for name in ("medfilt2d", "medfilt"):
                assert_as_scipy(name, image, 3)

    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("name", ["medfilt2d", "medfilt"])
    def test_dtypes(self, name, dtype):
        for size in (3, 5, (3, 1), [1, 7], np.array([5, 3]), 4, (3, 3, 3), 2.5, 0):
            assert_as_scipy(name, pixels((9, 13), dtype), size)
        assert_as_scipy(name, pixels((9, 13), dtype))

    @pytest.mark.parametrize("name", ["medfilt2d", "medfilt"])
    def test_engine_does_it(self, name):
        before = fallbacks(name)
        for dtype in ("uint8", "int16", "float32", "float64"):
            assert_as_scipy(name, pixels((40, 50), dtype), 5)
        assert fallbacks(name) == before

    def test_what_scipy_alone_does(self):
        assert_as_scipy("medfilt", pixels(9, "float64"), 3)
        assert_as_scipy("medfilt", pixels((4, 5, 6), "uint8"), 3)
        assert_as_scipy("medfilt", 3.0)
        for name in ("medfilt2d", "medfilt"):
            assert_as_scipy(name, np.zeros((0, 3)), 3)
            assert_as_scipy(name, pixels((3, 3), "float64"), 7)
        with pytest.warns(UserWarning, match="exceeds volume extent"):
            signal.medfilt(np.ones((3, 3)), 5)


class TestWiener:
    @pytest.mark.parametrize("dtype", DTYPES)
    def test_dtypes(self, dtype):
        image = np.abs(pixels((12, 17), dtype)) * 5
        if image.dtype.kind == "b":
            image = image.astype(bool)
        for size, noise in ((None, None), (3, None), (5, 4.0), ((2, 3), None), ([4, 1], 1)):
            assert_as_scipy("wiener", image, size, noise, scale=1e4)

    def test_engine_does_it(self):
        before = fallbacks("wiener")
        for dtype in ("uint8", "float32", "float64"):
            assert_as_scipy("wiener", np.abs(pixels((70, 2000), dtype)), 5, scale=1e3)
        assert fallbacks("wiener") == before

    def test_nan_and_flat(self):
        image = np.ones((8, 9))
        assert_as_scipy("wiener", image * 0, 3, scale=1)
        image[2, 3] = np.nan
        assert_as_scipy("wiener", image, 3, scale=1)
        assert_as_scipy("wiener", pixels(9, "float64"), 3, scale=100)


class TestSepfir2d:
    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("filters", ["float32", "float64", "int64"])
    def test_dtypes(self, dtype, filters):
        rows, columns = pixels(5, filters), pixels(3, filters)
        assert_as_scipy("sepfir2d", pixels((9, 13), dtype), rows, columns, scale=2e3)

    def test_errors(self):
        image = pixels((9, 13), "float64")
        for rows, columns in (([1.0, 2], [1.0]), ([[1.0]], [1.0]), ([1.0], [])):
            assert_as_scipy("sepfir2d", image, rows, columns)
        assert_as_scipy("sepfir2d", image[0], [1.0], [1.0])

    def test_filter_longer_than_the_image(self):
        """SciPy writes outside its arrays there."""
        result = signal.sepfir2d(np.array([[1.0, 2.0]]), np.ones(9), [1.0])
        assert_same_bits(result, np.array([[13.0, 14.0]]))

    @pytest.mark.parametrize("n", [1, 2, 3, 5])
    def test_fallbacks_stay_inside_their_arrays(self, n):
        """Complex images, in parts; and images without pixels."""
        image = pixels((n, 40), "float64") + 1j * pixels((n, 40), "float64")
        for rows, columns in ((3, 65), (65, 3), (33, 33)):
            filters = pixels(rows, "float64"), pixels(columns, "float64")
            found = signal.sepfir2d(image, *filters)
            assert_close(found.real, signal.sepfir2d(image.real.copy(), *filters), rtol=1e-12)
            assert_close(found.imag, signal.sepfir2d(image.imag.copy(), *filters), rtol=1e-12)
        for shape in ((n, 0), (0, n)):
            assert signal.sepfir2d(np.zeros(shape, "float32"), np.ones(3, "float32"),
                                   np.ones(3, "float32")).shape == shape  # fmt: skip
