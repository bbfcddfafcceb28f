"""imgconv.signal against scipy.signal: signatures, shapes, dtypes, values and errors."""

import inspect
import subprocess
import sys
import warnings
from itertools import product

import numpy as np
import pytest
import scipy.signal
from comparing import assert_close, assert_same_bits, awkward_arrays
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import imgconv
from imgconv import face_arguments
from imgconv.core.run import run

NAMES = ["correlate2d", "convolve2d"]
MODES = ["full", "valid", "same"]
BOUNDARIES = ["fill", "pad", "wrap", "circular", "symm", "symmetric"]
INTEGERS = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"]
FLOATS = ["float32", "float64"]
# Image and kernel: even, odd, one row, one column, one pixel, larger kernels, larger in one axis.
SHAPES = [
    ((6, 8), (3, 3)),
    ((6, 8), (2, 4)),
    ((6, 8), (1, 5)),
    ((6, 8), (4, 1)),
    ((6, 8), (1, 1)),
    ((6, 8), (6, 8)),
    ((1, 9), (1, 4)),
    ((1, 1), (3, 2)),
    ((3, 4), (11, 13)),
    ((3, 2), (4, 19)),
    ((5, 3), (2, 6)),
    ((35, 67), (7, 4)),
]

rng = np.random.default_rng(7)


def pixels(shape, dtype):
    """Random pixels; small integers, for which the engine is exact."""
    dtype = np.dtype(dtype)
    if dtype.kind in "biu":
        return rng.integers(-9 if dtype.kind == "i" else 0, 10, shape).astype(dtype)
    return rng.standard_normal(shape).astype(dtype)


def answers(name, *args, **options):
    """Our result and SciPy's, or the exception of each."""
    found = []
    for module in (imgconv.signal, scipy.signal):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", np.exceptions.ComplexWarning)
            try:
                found.append(getattr(module, name)(*args, **options))
            except Exception as error:
                found.append(error)
    return found


def assert_as_scipy(name, in1, in2, *args, ulps=4, **options):
    """The same result, to the bit for integers, or the same error."""
    ours, theirs = answers(name, in1, in2, *args, **options)
    if isinstance(theirs, Exception):
        assert type(ours) is type(theirs)
        assert str(ours) == str(theirs)
    elif theirs.dtype not in FLOATS or not theirs.size:
        assert_same_bits(ours, theirs)
    else:
        outside = options.get("fillvalue", 0)
        image, kernel = (np.abs(np.asarray(each, np.float64)) for each in (in1, in2))
        image = np.append(image, np.abs(theirs.dtype.type(float(outside))))
        scale = image[np.isfinite(image)].max() * kernel[np.isfinite(kernel)].sum()
        assert_close(ours, theirs, ulps=ulps, scale=scale)


@pytest.fixture(autouse=True)
def _by_the_engine(monkeypatch):
    """Small calls, too, are computed by the engine."""
    monkeypatch.setattr(face_arguments, "SMALL_CALLS_FALL_BACK", False)


@pytest.fixture
def engine_calls(monkeypatch):
    """The calls that reach the engine."""
    calls = []

    def counted(call):
        calls.append(call)
        return run(call)

    monkeypatch.setattr(imgconv.signal.translate, "run", counted)
    return calls


@pytest.mark.parametrize("name", NAMES)
class TestAsScipy:
    def test_signature(self, name):
        ours, theirs = (getattr(module, name) for module in (imgconv.signal, scipy.signal))
        assert inspect.signature(ours) == inspect.signature(theirs)

    @pytest.mark.parametrize("boundary", BOUNDARIES)
    @pytest.mark.parametrize("mode", MODES)
    @pytest.mark.parametrize("shapes", SHAPES, ids=str)
    @pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
    def test_shapes(self, name, dtype, shapes, mode, boundary):
        in1, in2 = (pixels(shape, dtype) for shape in shapes)
        assert_as_scipy(name, in1, in2, mode, boundary)
        assert_as_scipy(name, in2, in1, mode, boundary)

    @pytest.mark.parametrize(
        ("image", "kernel"), list(product(["bool", *INTEGERS, "float16", *FLOATS], repeat=2))
    )
    def test_dtypes(self, name, image, kernel):
        for mode, boundary in (("full", "fill"), ("same", "symm"), ("valid", "wrap")):
            assert_as_scipy(name, pixels((5, 7), image), pixels((2, 3), kernel), mode, boundary)

    @pytest.mark.parametrize("dtype", [*INTEGERS, *FLOATS])
    @pytest.mark.parametrize("fill", [0, 1, -1, 3, 200, 70000, 2.5, -0.75, True, np.int64(3)])
    def test_fillvalue(self, name, dtype, fill):
        assert_as_scipy(name, pixels((4, 5), dtype), pixels((3, 2), dtype), fillvalue=fill)

    @pytest.mark.parametrize("fill", [np.nan, np.inf, 1e300, np.float32(0.1), 10**30])
    def test_large_fillvalue(self, name, fill):
        for dtype in FLOATS:
            with np.errstate(over="ignore"):
                assert_as_scipy(name, pixels((4, 5), dtype), pixels((3, 2), dtype), fillvalue=fill)

    def test_fillvalue_is_ignored_where_nothing_is_filled(self, name):
        for fill in ("none", None, 1j, 2.5):
            ours, theirs = answers(
                name, [[1, 2, 3]], [[1, 2]], "full", boundary="symm", fillvalue=fill
            )
            assert_same_bits(ours, theirs)

    @pytest.mark.parametrize("dtype", INTEGERS)
    def test_integers_wrap_around(self, name, dtype):
        limits = np.iinfo(dtype)
        for high in (limits.max, limits.max // 2, limits.max // 50):
            image = rng.integers(max(limits.min, -high), high, (9, 11), dtype, endpoint=True)
            for kernel in (pixels((3, 4), dtype), image[:2, :3]):
                assert_as_scipy(name, image, kernel, "same", "symm")
                assert_as_scipy(name, image, kernel, "valid")

    def test_a_kernel_of_larger_integers_than_the_image(self, name):
        image = rng.integers(0, 256, (9, 11), np.uint8)
        for most in (10, 2**12, 2**30, 2**50, 2**62):
            assert_as_scipy(name, image, rng.integers(-most, most, (3, 4)), boundary="wrap")

    @pytest.mark.parametrize("dtype", ["uint8", "int16", "int64", *FLOATS])
    def test_layouts(self, name, dtype):
        image, kernel = pixels((9, 11), dtype), pixels((3, 4), dtype)
        for _, awkward in awkward_arrays(image):
            assert_as_scipy(name, awkward, kernel, "same", "symm")
        for _, awkward in awkward_arrays(kernel):
            assert_as_scipy(name, image, awkward, "same", "symm")

    def test_lists(self, name):
        assert_as_scipy(name, [[1, 2, 3], [4, 5, 6]], ((1, 2), (3, 4)))
        assert_as_scipy(name, [[1, 2.5, 3], [4, 5, 6]], [[True, False]])

    def test_nan_and_infinity(self, name):
        image = pixels((9, 12), "float32")
        image[2, 3], image[7, 8] = np.nan, np.inf
        kernel = pixels((3, 4), "float32")
        kernel[0, 1] = 0
        for boundary in ("fill", "wrap", "symm"):
            assert_as_scipy(name, image, kernel, "same", boundary)
        kernel[1, 2] = np.inf
        assert_as_scipy(name, image, kernel, "full", "fill")

    @pytest.mark.parametrize("mode", MODES)
    @pytest.mark.parametrize("boundary", ["fill", "wrap", "symm"])
    @pytest.mark.parametrize(
        ("image", "kernel"),
        [((0, 3), (2, 2)), ((3, 3), (0, 2)), ((0, 0), (0, 0)), ((3, 0), (2, 2))],
    )
    def test_empty(self, name, image, kernel, mode, boundary):
        in1, in2 = np.ones(image), np.ones(kernel)
        if 0 in image and 0 not in kernel and mode == "full" and boundary != "fill":
            with pytest.raises(ValueError, match=r"in1 must have pixels .* got shape \(\d, \d\)"):
                getattr(imgconv.signal, name)(in1, in2, mode, boundary)
        else:
            assert_as_scipy(name, in1, in2, mode, boundary)

    def test_what_scipy_alone_can_do(self, name, engine_calls):
        real, whole = pixels((5, 6), "float64"), pixels((5, 6), "int64")
        for other in (real + 1j, real.astype(np.longdouble), np.ma.array(real)):
            for mode in MODES:
                assert_as_scipy(name, other, real[:2, :3], mode)
                assert_as_scipy(name, real[:2, :3], other, mode)
        assert_as_scipy(name, whole * 2**50, whole)
        assert_as_scipy(name, whole.astype(np.uint64) * 2**60, whole.astype(np.uint64))
        assert not engine_calls

    def test_what_the_engine_does(self, name, engine_calls):
        for dtype in [*INTEGERS, *FLOATS]:
            assert_as_scipy(name, pixels((5, 6), dtype), pixels((2, 3), dtype))
        assert len(engine_calls) == len(INTEGERS + FLOATS)

    @pytest.mark.parametrize(
        "args",
        [
            ([1, 2], [[1]]),
            (np.ones((2, 2, 2)), [[1]]),
            (5, [[1]]),
            ([["a"]], [[1]]),
            ([[None]], [[1]]),
            (np.ones((2, 2), bool), np.ones((2, 2), bool)),
            (np.ones((2, 2), np.float16), np.ones((2, 2), np.float16)),
            (np.ones((2, 3)), np.ones((3, 2)), "valid"),
            (np.ones((3, 3)), np.ones((3, 3)), "most"),
            (np.ones((3, 3)), np.ones((3, 3)), ["same"]),
            (np.ones((3, 3)), np.ones((3, 3)), "same", "reflect"),
            (np.ones((3, 3)), np.ones((3, 3)), "same", "mirror"),
            (np.ones((3, 3)), np.ones((3, 3)), "same", None),
            (np.ones((3, 3)), np.ones((3, 3)), "same", "fill", [1, 2]),
            (np.ones((3, 3)), np.ones((3, 3)), "same", "fill", "none"),
        ],
    )
    def test_errors(self, name, args):
        _, theirs = answers(name, *args)
        assert isinstance(theirs, Exception)
        assert_as_scipy(name, *args)


sides = st.integers(1, 9)


@st.composite
def calls(draw):
    """Arguments of any shapes, dtypes, modes and boundaries."""
    args = []
    for _ in range(2):
        dtype = np.dtype(draw(st.sampled_from([*INTEGERS, *FLOATS])))
        elements = {}
        if dtype.kind == "f":
            elements = {"elements": st.floats(-100, 100, width=32)}
        args.append(draw(arrays(dtype, draw(st.tuples(sides, sides)), **elements)))
    boundary = draw(st.sampled_from(BOUNDARIES))
    return (*args, draw(st.sampled_from(MODES)), boundary, draw(st.integers(-300, 300)))


@given(st.sampled_from(NAMES), calls())
def test_any_call(name, call):
    # Each tap may round by half a unit, always in the same direction, on both sides.
    in1, in2, mode, boundary, fill = call
    taps = max(in1.size, in2.size)
    assert_as_scipy(name, in1, in2, mode, boundary, fillvalue=fill, ulps=max(4, taps))


@given(calls())
def test_convolution_is_correlation_with_the_kernel_flipped(call):
    in1, in2, _, boundary, _ = call
    convolved = imgconv.signal.convolve2d(in1, in2, "full", boundary)
    correlated = imgconv.signal.correlate2d(in1, in2[::-1, ::-1], "full", boundary)
    assert_same_bits(convolved, correlated)


class TestFace:
    def test_is_loaded_when_it_is_touched(self):
        program = (
            "import sys, imgconv\n"
            "assert 'scipy.signal' not in sys.modules\n"
            "assert 'signal' in dir(imgconv) and 'signal' in imgconv.__all__\n"
            "assert imgconv.signal.correlate2d([[2]], [[3]]).tolist() == [[6]]\n"
        )
        subprocess.run([sys.executable, "-c", program], check=True)

    def test_what_is_not_there_is_an_attribute_error(self):
        with pytest.raises(AttributeError, match="module 'imgconv' has no attribute 'sing'"):
            _ = imgconv.sing
