"""imgconv.ndimage against scipy.ndimage: signatures, shapes, dtypes, values, errors, fallbacks."""

import doctest
import inspect
import itertools
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import face_calls
import fuzz_calls
import fuzz_faces
import numpy as np
import pytest
import scipy.ndimage
from comparing import awkward_arrays

import imgconv
from imgconv import face_arguments, ndimage
from imgconv.core import cpu
from imgconv.fallback import FACES
from imgconv.ndimage import memory_safe

NAMES = [
    *("correlate", "correlate1d", "convolve", "convolve1d", "gaussian_filter"),
    *("gaussian_filter1d", "gaussian_laplace", "gaussian_gradient_magnitude"),
    *("generic_gradient_magnitude", "generic_laplace", "laplace", "sobel", "prewitt"),
    *("uniform_filter", "uniform_filter1d", "minimum_filter", "maximum_filter"),
    *("minimum_filter1d", "maximum_filter1d", "median_filter", "percentile_filter"),
    *("rank_filter", "generic_filter", "generic_filter1d", "vectorized_filter"),
    *("grey_erosion", "grey_dilation", "grey_opening", "grey_closing"),
    *("morphological_gradient", "white_tophat", "black_tophat", "binary_erosion"),
    *("binary_dilation", "binary_opening", "binary_closing"),
]
HERE = sorted(name for name in NAMES if hasattr(scipy.ndimage, name))
CALLBACKS = [name for name in NAMES if name.startswith(("generic", "vectorized"))]
MODES = ["reflect", "constant", "nearest", "mirror", "wrap"]
DTYPES = ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"]
DTYPES += ["float32", "float64"]
SHAPES = [(41,), (23, 37), (5, 9, 7), (1, 6), (200, 3)]

rng = np.random.default_rng(6)
KERNEL = np.array([[1.5, 0.0, -2.0], [0.25, 3.0, 1.0], [0.0, 1.0, 0.5]])
CROSS = scipy.ndimage.generate_binary_structure(2, 1)

# For each function the arguments that it is tried with; windows of two axes need an image.
CALLS = {
    "correlate": [(KERNEL,), (KERNEL[:2, :2],)],
    "convolve": [(KERNEL,), (KERNEL[:2, :2],)],
    "correlate1d": [([1.0, 2.5, -3.0, 4.0],), ([1, 2, 1], 0)],
    "convolve1d": [([1.0, 2.5, -3.0, 4.0],), ([1, 0, -1], 0)],
    "gaussian_filter": [(1.3,), (0.8, 1), (9.0,)],
    "gaussian_filter1d": [(1.3,), (2.0, 0), (1.0, 0, 2)],
    "gaussian_laplace": [(1.1,)],
    "gaussian_gradient_magnitude": [(1.1,)],
    "laplace": [()],
    "sobel": [(), (0,)],
    "prewitt": [(), (0,)],
    "uniform_filter": [(), (4,), (21,)],
    "uniform_filter1d": [(5,), (30, 0)],
    "minimum_filter": [(3,), (None, CROSS)],
    "maximum_filter": [(4,), (None, CROSS)],
    "minimum_filter1d": [(5,), (4, 0)],
    "maximum_filter1d": [(5,), (4, 0)],
    "median_filter": [(3,), (None, CROSS)],
    "percentile_filter": [(20, 3), (-20, None, CROSS)],
    "rank_filter": [(1, 3), (-2, None, CROSS)],
    "grey_erosion": [(3,), (None, CROSS)],
    "grey_dilation": [(4,), (None, CROSS[:2])],
    "grey_opening": [(3,), (None, CROSS)],
    "grey_closing": [(4,), (None, CROSS[:2])],
    "morphological_gradient": [(3,)],
    "white_tophat": [(3,), (None, CROSS)],
    "black_tophat": [(3,), (None, CROSS)],
    "binary_erosion": [(), (None, 3), (CROSS[:2],)],
    "binary_dilation": [(), (None, 3), (CROSS[:2],)],
    "binary_opening": [(), (None, 2)],
    "binary_closing": [(), (None, 2)],
}
WITH_MODE = [name for name in CALLS if not name.startswith("binary")]


def image(shape, dtype):
    """Random pixels of both signs that fit in 8 bits."""
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return rng.random(shape) < 0.6
    return rng.integers(0 if dtype.kind == "u" else -100, 100, shape).astype(dtype)


def answers(name, *args, **options):
    """Our result and SciPy's, or the exception of each."""
    one = face_calls.FaceCall(ndimage, scipy.ndimage, name, args, options)
    return [face_calls.answer(module, one)[0] for module in (ndimage, scipy.ndimage)]


def assert_as_scipy(name, *args, **options):
    """The same dtype and bits, or the same error; and the same arguments after the call."""
    one = face_calls.FaceCall(ndimage, scipy.ndimage, name, args, options)
    assert not face_calls.difference(one), str(one)


def reasons(name):
    """How many calls of a face fell back, by reason."""
    return dict(FACES[f"scipy.ndimage.{name}"].fallbacks)


def calls(*names):
    """Name and arguments of calls."""
    return [(name, args) for name in names or CALLS for args in CALLS[name]]


def shown(value):
    """The name of a parameter set."""
    return value if isinstance(value, str) else None


@pytest.fixture(autouse=True)
def _few_pixels(monkeypatch):
    """Images of few pixels are filtered by the engine, too."""
    monkeypatch.setattr(face_arguments, "SMALL_CALLS_FALL_BACK", False)


# ---- what is there ---------------------------------------------------------------------------


def test_names():
    prefix = "scipy.ndimage."
    faces = {name.removeprefix(prefix) for name in FACES if name.startswith(prefix)}
    assert faces == set(HERE)
    assert set(CALLS) | set(CALLBACKS) == set(NAMES)


@pytest.mark.parametrize("name", HERE)
def test_signature(name):
    ours, theirs = getattr(ndimage, name), getattr(scipy.ndimage, name)
    assert inspect.signature(ours) == inspect.signature(theirs)
    assert (ours.__name__, ours.__qualname__) == (name, name)


@pytest.mark.parametrize("name", HERE)
def test_examples(name):
    """Those of the whole docstring, which is put together when the face is made."""
    function = getattr(ndimage, name)
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    (test,) = doctest.DocTestFinder(recurse=False).find(function, name, module=False, globs={})
    assert runner.run(test).attempted > 0
    assert runner.failures == 0


# ---- values ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "args"), calls(), ids=shown)
def test_dtypes_and_shapes(name, args):
    for dtype, shape in itertools.product(DTYPES, SHAPES):
        assert_as_scipy(name, image(shape, dtype), *args)


@pytest.mark.parametrize(("name", "args"), calls(*WITH_MODE), ids=shown)
def test_modes(name, args):
    for mode, cval, dtype in itertools.product(MODES, (0.0, 7.0), ("uint8", "float32")):
        assert_as_scipy(name, image((13, 9), dtype), *args, mode=mode, cval=cval)


@pytest.mark.parametrize(("name", "args"), calls(), ids=shown)
def test_layouts(name, args):
    for dtype in ("uint8", "float64"):
        for _, array in awkward_arrays(image((12, 15), dtype)):
            assert_as_scipy(name, array, *args)


@pytest.mark.parametrize("name", CALLS)
def test_outputs(name):
    args = CALLS[name][0]
    for dtype in ("uint8", "float32"):
        array = image((12, 15), dtype)
        for output in ("float64", np.float32, np.dtype("int16"), array,
                       np.ones((12, 15)), np.ones((12, 30), np.int32)[:, ::2],
                       np.ones((12, 15), dtype, order="F"), np.ones((3, 3))):  # fmt: skip
            assert_as_scipy(name, array, *args, output=output)


def test_output_is_returned():
    array = image((9, 9), "float32")
    for name, args in calls():
        output = np.zeros((9, 9), bool if name.startswith("binary") else np.float32)
        assert getattr(ndimage, name)(array, *args, output=output) is output


@pytest.mark.parametrize("dtype", ["uint8", "int32", "float32", "float64"])
def test_flat_hundred(dtype):
    """SciPy's sums of a flat image are not exact, and fractions are cut off."""
    flat = np.full((20, 20), 100, dtype)
    for sigma in (0.6, 1.0, 1.4, 2.0, 3.1):
        assert_as_scipy("gaussian_filter", flat, sigma)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_large_and_small_numbers_side_by_side(dtype):
    """SciPy rounds between two passes, and so does the face."""
    array = (1e6 + rng.random((40, 50)) / 100).astype(dtype)
    for name in ("sobel", "laplace", "prewitt"):
        assert_as_scipy(name, array)
    assert_as_scipy("gaussian_laplace", array, 2.0)
    assert_as_scipy("gaussian_gradient_magnitude", array, 2.0)


def test_running_sums_keep_what_they_have_rounded():
    line = np.zeros(500)
    line[3], line[100:] = 1e17, 0.1
    assert_as_scipy("uniform_filter1d", line, 5)
    assert_as_scipy("uniform_filter", np.tile(line, (17, 1)), 5)
    assert_as_scipy("uniform_filter", np.tile(line, (17, 1)).T, 5)
    line[250] = np.nan
    assert_as_scipy("uniform_filter", np.tile(line, (17, 1)), 5)


def test_not_finite():
    array = image((15, 20), "float64")
    array[7, 8], array[2, 3], array[12, 1] = np.nan, np.inf, -np.inf
    for name, args in calls():
        assert_as_scipy(name, array, *args)
    assert_as_scipy("gaussian_filter", array, 1.0, output="int32")


@pytest.mark.parametrize("axes", [(0, 2), (2, 0), (1,), (-1, 0), (1, 2), (2, 1), 1, -1, (0, 1, 2)])
def test_axes(axes):
    volume = image((6, 7, 8), "int16")
    for name in ("gaussian_filter", "uniform_filter", "minimum_filter"):
        assert_as_scipy(name, volume, [1.5, 2.5, 3.5][: np.size(axes)], axes=axes)
    for name in ("laplace", "grey_closing"):
        assert_as_scipy(name, volume, *CALLS[name][0], axes=axes)
    window = np.arange(1, 25.0).reshape(2, 3, 4)[(0,) * (3 - np.size(axes))]
    origin = [1, 0, -1][: np.size(axes)]
    assert_as_scipy("correlate", volume, window, axes=axes, origin=origin)
    assert_as_scipy("convolve", volume, window, axes=axes, origin=origin)
    footprint = window % 3 > 0
    assert_as_scipy("median_filter", volume, footprint=footprint, axes=axes, origin=origin)
    assert_as_scipy("grey_dilation", volume, footprint=footprint, axes=axes)


def test_sequences_of_modes():
    volume = image((6, 7, 8), "float32")
    for modes in itertools.product(["reflect", "constant", "wrap"], repeat=3):
        for cval in (0, 2):
            for name in ("gaussian_filter", "gaussian_laplace", "uniform_filter"):
                assert_as_scipy(name, volume, 2, mode=list(modes), cval=cval)
            assert_as_scipy("sobel", volume, 1, mode=modes, cval=cval)
            assert_as_scipy("laplace", volume, mode=modes, cval=cval)
            assert_as_scipy("maximum_filter", volume, (2, 3, 4), mode=modes, cval=cval)


def test_any_number_of_axes():
    array = image((3, 4, 5, 2, 6), "float32")
    for name, args in [("gaussian_filter", (1,)), ("sobel", (1,)), ("maximum_filter", (3,)),
                       ("uniform_filter", (3,)), ("laplace", ())]:  # fmt: skip
        assert_as_scipy(name, array, *args)


def test_wide_range():
    """Sums beyond the integers of a dtype wrap as SciPy's do."""
    for dtype in DTYPES[1:9]:
        info = np.iinfo(dtype)
        array = rng.integers(info.min, info.max, (20, 30), dtype, endpoint=True)
        for name, args in calls("sobel", "laplace", "correlate", "gaussian_filter", "white_tophat"):
            assert_as_scipy(name, array, *args)
        assert_as_scipy("maximum_filter", array, 3)
        assert_as_scipy("median_filter", array, 3)


def test_kernels_larger_than_the_image():
    for mode in MODES:
        assert_as_scipy("gaussian_filter", image((3, 2), "float64"), 6, mode=mode, cval=1)
        assert_as_scipy("uniform_filter", image((3, 2), "float64"), 40, mode=mode, cval=1)
        assert_as_scipy("maximum_filter", image((3, 2), "float64"), 40, mode=mode, cval=1)


def test_threads_change_no_bit(always_parallel):
    array = image((70, 90), "float32")
    for name, args in calls():
        with imgconv.threads(1):
            alone = getattr(ndimage, name)(array, *args)
        with imgconv.threads(3):
            assert np.array_equal(getattr(ndimage, name)(array, *args), alone), name


# ---- errors and fallbacks -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "args", "options"),
    [
        ("gaussian_filter", (), {}),
        ("gaussian_filter", ([1, 2, 3],), {}),
        ("gaussian_filter", (1,), {"mode": "nothing"}),
        ("gaussian_filter", (1,), {"order": -1}),
        ("gaussian_filter", (1,), {"axes": (0, 0)}),
        ("gaussian_filter", (1,), {"axes": (0, 5)}),
        ("gaussian_filter", (1,), {"radius": -1}),
        ("gaussian_filter", (1,), {"nonsense": 1}),
        ("correlate1d", ([],), {}),
        ("correlate1d", ([1, 2, 3],), {"origin": 2}),
        ("correlate1d", ([1, 2, 3],), {"axis": 7}),
        ("correlate", ([1, 2, 3],), {}),
        ("correlate", (KERNEL,), {"mode": ["reflect", "wrap"]}),
        ("correlate", (KERNEL,), {"output": np.zeros((1, 1))}),
        ("uniform_filter1d", (0,), {}),
        ("minimum_filter", (), {}),
        ("minimum_filter", (3,), {"origin": 5}),
        ("median_filter", (), {}),
        ("median_filter", (3,), {"mode": ["reflect", "wrap"]}),
        ("percentile_filter", (101, 3), {}),
        ("rank_filter", (9, 3), {}),
        ("rank_filter", (1.5, 3), {}),
        ("grey_erosion", (), {}),
        ("binary_erosion", (), {"iterations": 1.5}),
        ("binary_erosion", (np.ones(3),), {}),
    ],
    ids=shown,
)
def test_errors(name, args, options):
    ours, theirs = answers(name, image((6, 7), "float64"), *args, **options)
    assert isinstance(theirs, Exception)
    assert (type(ours), str(ours)) == (type(theirs), str(theirs))


UNUSUAL = {
    "complex numbers": lambda: image((6, 7), "float64") * (1 + 2j),
    "dtype float16": lambda: image((6, 7), "float16"),
    f"dtype {np.dtype(np.longdouble).name}": lambda: image((6, 7), np.longdouble),
    "dtype object": lambda: image((6, 7), "float64").astype(object),
    "no pixels": lambda: np.zeros((0, 7)),
    "not a NumPy array": lambda: np.ma.masked_array(image((6, 7), "float64")),
}


@pytest.mark.parametrize("reason", UNUSUAL)
def test_unusual_inputs_fall_back(reason):
    array = UNUSUAL[reason]()
    before = reasons("sobel").get(reason, 0)
    ours, theirs = answers("sobel", array)
    assert type(ours) is type(theirs)
    assert reasons("sobel").get(reason, 0) == before + 1
    if not isinstance(theirs, Exception):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("name", "args", "options", "reason"),
    [
        ("correlate", (np.ones((3, 3, 3)),), {}, "window of more than two axes"),
        ("median_filter", (3,), {}, "window of more than two axes"),
        ("grey_erosion", (), {"structure": np.ones((3, 3, 3))}, "structure that is not flat"),
        ("binary_erosion", (), {"iterations": 0}, "iterations"),
        ("binary_erosion", (), {"mask": np.ones((4, 5, 6))}, "mask"),
        ("maximum_filter", (3,), {"mode": "constant", "cval": 0.5}, "cval"),
        ("generic_filter", (np.ptp, 3), {}, "calls back into Python"),
    ],
    ids=shown,
)
def test_fallbacks(name, args, options, reason):
    volume = image((4, 5, 6), "int16")
    before = reasons(name).get(reason, 0)
    assert np.array_equal(*answers(name, volume, *args, **options))
    assert reasons(name).get(reason, 0) == before + 1


def test_few_pixels_fall_back(monkeypatch):
    """There a call of the engine takes as long as SciPy's filter."""
    monkeypatch.undo()
    before = reasons("laplace").get("small", 0)
    assert_as_scipy("laplace", image((31, 33), "float32"))
    assert reasons("laplace").get("small", 0) == before + 1
    assert_as_scipy("laplace", image((32, 32), "float32"))
    assert reasons("laplace").get("small", 0) == before + 1


def test_rank_filters_fall_back_for_nan():
    """There SciPy's result depends on the order in which it compares."""
    array = image((8, 9), "float32")
    array[3, 3] = np.nan
    for name in ("median_filter", "maximum_filter", "grey_opening"):
        before = reasons(name).get("NaN", 0)
        assert_as_scipy(name, array, 3)
        assert reasons(name).get("NaN", 0) == before + 1


@pytest.mark.parametrize(("name", "args"), calls(), ids=shown)
def test_images_do_not_fall_back(name, args):
    """Those of ordinary dtypes; stacks, too, where the window has two axes."""
    before = reasons(name)
    for dtype in ("uint8", "int32", "float32", "float64"):
        for mode in MODES:
            options = {} if name.startswith("binary") else {"mode": mode}
            getattr(ndimage, name)(image((12, 15), dtype), *args, **options)
    known = inspect.signature(getattr(scipy.ndimage, name)).parameters
    if "axes" in known and isinstance(args[0] if args else None, np.ndarray):
        getattr(ndimage, name)(image((4, 12, 15), "uint8"), *args, axes=(1, 2))
    assert reasons(name) == before


@pytest.mark.parametrize(
    ("name", "args", "shape", "reason"),
    [
        ("gaussian_filter", (1,), (300, 3), "narrow image"),
        ("median_filter", (99,), (400,), "long window of a signal"),
        ("maximum_filter1d", (9,), (400,), "extremes of a signal of 64 bits"),
    ],
    ids=shown,
)
def test_what_scipy_does_faster(name, args, shape, reason):
    before = reasons(name).get(reason, 0)
    assert_as_scipy(name, image(shape, "float64"), *args)
    assert reasons(name).get(reason, 0) == before + 1


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_colours_side_by_side(dtype):
    """The few values of a pixel make one long row, where only y and x are filtered."""
    photo = image((37, 53, 3), dtype)
    for mode in MODES:
        options = {"mode": mode, "cval": 3}
        assert_as_scipy("gaussian_filter", photo, (1.5, 2, 0), **options)
        assert_as_scipy("gaussian_filter", photo, (0, 2, 0), **options)
        assert_as_scipy("gaussian_filter", photo, (2, 0, 0), order=1, **options)
        assert_as_scipy("gaussian_filter", photo[:, ::2], (1, 2, 0), **options)
        assert_as_scipy("gaussian_filter", photo[..., ::-1], (1, 2, 0), **options)
        assert_as_scipy("gaussian_filter", photo[..., :2], (1, 2, 0), **options)
        assert_as_scipy("uniform_filter", photo, (3, 5, 1), **options)
        assert_as_scipy("maximum_filter", photo, (3, 5, 1), **options)


def test_iterators_are_not_read():
    volume = image((5, 6, 7), "float32")
    for name in ("gaussian_filter", "median_filter"):
        ours, theirs = (
            getattr(module, name)(volume, (n for n in (1, 3, 1)))
            for module in (ndimage, scipy.ndimage)
        )
        assert np.array_equal(ours, theirs)


def test_warning_of_size_and_footprint():
    with pytest.warns(UserWarning, match="ignoring size because footprint is set"):
        ndimage.median_filter(image((6, 7), "float64"), 3, footprint=CROSS)


# ---- where SciPy leaves its arrays ---------------------------------------------------------------

GAPS = np.array([True, False, True, True, False])
LONG = np.ones((50, 2), bool)
LONG[3, 1] = False
OFF = np.ones((4, 1), bool)


@pytest.mark.parametrize(
    ("name", "shape", "args", "options"),
    [
        ("median_filter", (600,), (9,), {"output": np.float32}),
        ("median_filter", (600,), (9,), {"output": np.float64}),
        ("rank_filter", (600,), (30, 99), {"output": "int8"}),
        ("median_filter", (600,), (None, GAPS), {}),
        ("median_filter", (600,), (None, np.tile(GAPS, 9)), {}),
        *[("median_filter", (7,), (k,), {"mode": m, "origin": k // 2 - 1})
          for k in (7, 9, 60) for m in ("reflect", "mirror", "wrap")],
        ("minimum_filter", (5, 6), (None, LONG), {}),
        ("percentile_filter", (5, 6), (30, None, LONG), {"mode": "grid-mirror"}),
        ("grey_opening", (5, 6), (None, LONG), {"output": np.float64}),
        ("morphological_gradient", (5, 6), (None, LONG), {}),
        ("white_tophat", (5, 6), (None, LONG), {}),
        ("grey_erosion", (5, 6), (), {"structure": LONG.astype(float)}),
        ("grey_erosion", (5, 6), (None, LONG & False), {"structure": LONG.astype(float)}),
        ("correlate", (2, 3, 4), (np.ones((20, 1, 1)),), {}),
        ("convolve", (5, 6), (LONG * 1.5,), {"origin": (-25, 0)}),
        *[(f"binary_{what}", (5, 6, 7), (OFF,), {"axes": (2, 1), "iterations": n})
          for what in ("dilation", "erosion", "opening", "closing") for n in (1, 2, 20, 0)],
        ("binary_erosion", (5, 6), (OFF,), {"origin": (-3, 0)}),
        ("binary_dilation", (5, 6), (OFF,), {"origin": (2, 0), "border_value": 1}),
        ("binary_dilation", (5, 2), (np.ones((3, 3)),), {"iterations": 0, "origin": -1}),
        ("binary_closing", (6, 2, 8), (np.ones((3, 3, 2)),), {"iterations": 2, "origin": -1}),
    ],
    ids=shown,
)  # fmt: skip
@pytest.mark.parametrize("dtype", ["float64", "int16"])
def test_results_where_scipy_leaves_its_arrays(name, shape, args, options, dtype):
    assert_as_scipy(name, image(shape, dtype), *args, **options)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_signals_into_outputs_of_any_dtype(dtype):
    """SciPy writes pixels of the signal's dtype into them."""
    signal = image((300,), dtype)
    for size in (3, 40):
        expected = scipy.ndimage.median_filter(signal, size)
        for other in ("float32", "float64", "int64", "int8", ">f8", ">i2"):
            found = ndimage.median_filter(signal, size, output=np.empty(300, other))
            np.testing.assert_array_equal(found, expected.astype(other))


def test_gaps_of_footprints_of_signals():
    """SciPy ignores them, but not in an image of one row."""
    signal, footprint = image((90,), "float64"), np.tile(GAPS, 3)
    row = scipy.ndimage.percentile_filter(signal[None], 30, footprint=footprint[None])[0]
    for output in (np.float64, np.float32):
        found = ndimage.percentile_filter(signal, 30, footprint=footprint, output=output)
        np.testing.assert_array_equal(found, row.astype(output))


def test_heights_for_all_pixels():
    with pytest.raises(ValueError, match=r"structure must be as large as footprint, got \(2, 2\)"):
        ndimage.grey_erosion(np.ones((9, 9)), footprint=np.ones((5, 5)), structure=np.ones((2, 2)))


# NumPy warns where a call that ends in an error leaves a copy of its output behind.
FUZZ = Path(__file__).parents[1] / "fuzz.py"
UNRAISABLE = "ignore::pytest.PytestUnraisableExceptionWarning"


@pytest.mark.filterwarnings(UNRAISABLE)
@pytest.mark.parametrize("seed", range(3))
def test_originals_stay_inside_their_arrays(seed):
    """What a face falls back to, against the reference, which makes other safe calls."""
    names = [name for name in memory_safe.SAFE_CALLS if name != "generic_filter"]
    originals = SimpleNamespace(
        **{name: memory_safe.memory_safe(getattr(scipy.ndimage, name)) for name in names}
    )
    for number in range(1500):
        one = fuzz_faces.draw(1000 + seed, number, names[number % len(names)])
        what = face_calls.difference(one._replace(module=originals))
        assert not what, f"{number}: {one}\n{what}"


# ---- the fuzzer ------------------------------------------------------------------------------


@pytest.mark.filterwarnings(UNRAISABLE)
@pytest.mark.parametrize("seed", range(4))
def test_fuzz(seed):
    """Random calls; `python tests/fuzz.py --only face` runs more of them."""
    for number in range(800):
        fuzz_calls.face(seed, number)


@pytest.mark.parametrize("level", cpu.available())
def test_levels(level):
    """Each instruction set gives SciPy's bits."""
    paths = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run(
        [sys.executable, FUZZ, "--only", "face", "--calls", "300", "--seed", "9"],
        env=os.environ | paths | {"IMGCONV_ISA": level},
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert done.stdout == "300 calls with seed 9, 0 failed\n"
