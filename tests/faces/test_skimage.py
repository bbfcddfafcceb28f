"""imgconv.skimage against scikit-image: signatures, dtypes, values, errors, fallbacks."""

import inspect
import warnings
from importlib import import_module

import numpy as np
import pytest
import skimage
from comparing import assert_close, assert_same_bits, awkward_arrays
from hypothesis import given
from hypothesis import strategies as st
from skimage.morphology import disk

import imgconv
from imgconv import face_arguments
from imgconv.fallback import FACES
from imgconv.skimage import exposure, feature, filters, measure, restoration
from imgconv.skimage.filters import rank

MODULES = {
    "exposure": exposure,
    "feature": feature,
    "filters": filters,
    "filters.rank": rank,
    "measure": measure,
    "restoration": restoration,
}
NAMES = [
    (module, name.removeprefix(f"skimage.{module}."))
    for module in MODULES
    for name in sorted(FACES)
    if name.rpartition(".")[0] == f"skimage.{module}"
]
# Those that give pixels.
RANKS = [
    name
    for module, name in NAMES
    if module == "filters.rank" and name not in {"entropy", "windowed_histogram"}
]
# Windows that do not lie around their pixel, and shifts.
ASIDE = [
    (np.ones((4, 4)), {}),
    (np.ones((3, 2)), {"shift_x": -1}),
    (disk(3), {"shift_x": 2, "shift_y": -3}),
    (1 - np.pad([[1]], 1), {}),
    (np.eye(5)[:, ::-1] * 7, {"shift_y": 1}),
    (np.tri(4, 7), {"shift_x": 3}),
]
DTYPES = ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"]
DTYPES += ["float16", "float32", "float64"]
EDGES = ["sobel", "scharr", "prewitt", "farid"]
ONE_EDGE = [f"{name}_{direction}" for name in EDGES for direction in "hv"]
ROBERTS = ["roberts", "roberts_pos_diag", "roberts_neg_diag", "laplace"]
SHAPE = (31, 43)

rng = np.random.default_rng(8)
MASK = rng.random(SHAPE) > 0.1

# Function, arguments, keywords; and what the largest weights add up to, if that is more than 1.
CALLS = [
    *((name, (), {}) for name in (*EDGES, *ONE_EDGE, *ROBERTS)),
    *((name, (), {"mask": MASK}) for name in (*EDGES, *ONE_EDGE, *ROBERTS)),
    *((name, (), {"axis": 0, "mode": "constant", "cval": 0.3}) for name in EDGES),
    *((name, (), {"axis": 1, "mode": "wrap"}) for name in EDGES),
    ("gaussian", (2.0,), {}),
    ("gaussian", ((1.0, 3.0),), {"mode": "constant", "cval": 0.5, "preserve_range": True}),
    ("gaussian", (1.0,), {"mode": "mirror", "truncate": 2.5}),
    ("difference_of_gaussians", (1.0,), {}),
    ("difference_of_gaussians", (1.0, (2.0, 3.0)), {"mode": "constant", "cval": 0.5}),
    ("unsharp_mask", (2.0, 1.5), {}),
    ("unsharp_mask", ((0.0, 1.0), -0.5), {}),
    ("unsharp_mask", (2.0, 1.5, True), {}),
    ("median", (), {}),
    ("median", (np.ones((5, 3)),), {"mode": "reflect"}),
    ("gabor", (0.2, 0.3), {}),
    ("gabor", (0.1,), {"sigma_x": 1.5, "mode": "constant", "cval": 0.2}),
    ("threshold_local", (5,), {}),
    ("threshold_local", ((3, 7), "mean", 0.1), {"mode": "constant", "cval": 3}),
    ("threshold_local", (5, "median"), {}),
    ("apply_hysteresis_threshold", (0.3, 0.8), {}),
    ("apply_hysteresis_threshold", (100, 20.5), {}),
    ("correlate_sparse", (np.eye(5),), {}),
    ("correlate_sparse", (np.arange(9.0).reshape(3, 3),), {"mode": "wrap"}),
    ("correlate_sparse", (np.eye(7)[:, :5],), {"mode": "valid"}),
    ("correlate_sparse", (np.fliplr(np.eye(9)),), {"mode": "mirror"}),
]


@pytest.fixture(autouse=True)
def _by_the_engine(monkeypatch):
    """Small images, too, are filtered by the engine."""
    monkeypatch.setattr(face_arguments, "SMALL_CALLS_FALL_BACK", False)


def image(shape, dtype, seed=0):
    """Random pixels: floats from 0 to 1, integers of both signs below 128."""
    some, dtype = np.random.default_rng(seed), np.dtype(dtype)
    if dtype.kind == "b":
        return some.random(shape) > 0.4
    if dtype.kind in "iu":
        return some.integers(-90 if dtype.kind == "i" else 0, 120, shape).astype(dtype)
    return some.random(shape).astype(dtype)


def record(module, name):
    return FACES[f"skimage.{module}.{name}"]


def answer(module, name, *args, **options):
    """The result, or the exception."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return getattr(module, name)(*args, **options)
        except Exception as error:
            return error


def assert_as_skimage(module, name, *args, scale=None, eps=16, falls_back=None, **options):
    """The same result or error; `falls_back`: whether scikit-image is to compute it."""
    theirs = answer(import_module(f"skimage.{module}"), name, *args, **options)
    before = sum(record(module, name).fallbacks.values())
    ours = answer(MODULES[module], name, *args, **options)
    if falls_back is not None:
        reasons = record(module, name).fallbacks
        assert (sum(reasons.values()) > before) == falls_back, reasons
    if isinstance(theirs, Exception):
        assert type(ours) is type(theirs)
        assert str(ours) == str(theirs)
        return
    assert type(ours) is type(theirs)
    pairs = [(ours, theirs)] if isinstance(ours, np.ndarray) else zip(ours, theirs, strict=True)
    for mine, other in pairs:
        if other.dtype.kind != "f":
            assert_same_bits(mine, other)
        else:
            largest = np.nanmax(np.abs(other)) if other.size else 0
            assert_close(mine, other, rtol=eps * np.finfo(other.dtype).eps,
                         scale=max(scale or 0, largest) or 1)  # fmt: skip


# ---- what is there ---------------------------------------------------------------------------


@pytest.mark.parametrize(("module", "name"), NAMES)
def test_signature(module, name):
    original = getattr(import_module(f"skimage.{module}"), name)
    assert inspect.signature(getattr(MODULES[module], name)) == inspect.signature(original)


@pytest.mark.parametrize(("module", "name"), NAMES)
def test_documented(module, name):
    summary, _, rest = inspect.getdoc(getattr(MODULES[module], name)).partition("\n\n")
    assert summary.endswith(".")
    assert f"As `skimage.{module}.{name}`" in rest


def test_package():
    assert imgconv.skimage.data is skimage.data
    assert imgconv.skimage.filters is filters
    assert {"filters", "data"} <= set(dir(imgconv.skimage))


# ---- filters ---------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("name", "args", "options"), CALLS)
def test_dtypes(name, args, options, dtype):
    array = image(SHAPE, dtype)
    outer = not np.issubdtype(dtype, np.floating) and name in ("unsharp_mask", "gaussian")
    falls_back = name == "median" and dtype == "float16"
    assert_as_skimage(
        "filters", name, array, *args, scale=8 if outer else 4, falls_back=falls_back, **options
    )


@pytest.mark.parametrize("name", [*EDGES, *ONE_EDGE, *ROBERTS])
@pytest.mark.parametrize("value", [0, 1, 77, 255])
def test_flat_is_zero(name, value):
    for dtype in ("uint8", "uint16", "float32", "float64"):
        result = getattr(filters, name)(np.full((9, 11), value, dtype))
        assert "farid" in name or not result.any()


@pytest.mark.parametrize("name", ["gaussian", "difference_of_gaussians", "unsharp_mask"])
@pytest.mark.parametrize("axis", [-1, 0, 1])
def test_channels(name, axis):
    if (name, axis) == ("unsharp_mask", -1):
        axis = 2  # scikit-image treats -1 as the first axis there, and leaves pixels uninitialized
    for dtype in ("uint8", "float32", "int16"):
        array = np.moveaxis(image((*SHAPE, 3), dtype), -1, axis)
        for sigma in (1.0, (1.0, 2.0)):
            assert_as_skimage(
                "filters", name, array, sigma, channel_axis=axis, scale=4, falls_back=False
            )


@pytest.mark.parametrize(
    "name", ["sobel", "farid_v", "gaussian", "unsharp_mask", "median", "gabor"]
)
def test_layouts(name):
    args = (1.0,) if name in ("gaussian", "unsharp_mask") else (0.2,) if name == "gabor" else ()
    for dtype in ("uint8", "float32"):
        for _, awkward in awkward_arrays(image((12, 14), dtype)):
            assert_as_skimage("filters", name, awkward, *args, scale=4)


@pytest.mark.parametrize(
    "name",
    [
        *("sobel", "farid", "laplace", "gaussian", "difference_of_gaussians", "unsharp_mask"),
        *("correlate_sparse", "threshold_local", "gabor"),
    ],
)
@pytest.mark.parametrize("odd", [[np.nan], [np.inf], [-np.inf], [np.inf, -np.inf, np.nan]])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_not_finite(name, odd, dtype):
    array = image(SHAPE, dtype)
    array[4, 5 : 5 + len(odd)] = odd
    args = {"difference_of_gaussians": (1.0,), "correlate_sparse": (np.eye(3),), "gabor": (0.2,)}
    with np.errstate(invalid="ignore"):
        theirs, ours = (
            np.asarray(answer(m, name, array, *args.get(name, ())))
            for m in (skimage.filters, filters)
        )
    for of in (np.isnan, np.isposinf, np.isneginf):
        assert_same_bits(of(ours), of(theirs))


def test_kernels_many_times_the_image():
    """SciPy, which scikit-image calls, reads outside its arrays there."""
    inner = (slice(100, 102), slice(100, 105))
    for name, args, dtype in (
        ("laplace", (39,), "float64"),
        ("gabor", (0.04,), "int16"),
        ("threshold_local", (27, "generic", 0, "reflect", np.max), "float64"),
    ):
        # The pixel before the array would show in any result.
        array = np.full(11, 1e4, dtype)[1:].reshape(2, 5)
        array[...] = image((2, 5), dtype)
        far = np.pad(array, 100, "symmetric")
        ours = np.asarray(getattr(filters, name)(array, *args))
        theirs = np.asarray(getattr(skimage.filters, name)(far, *args))[(..., *inner)]
        assert_close(ours, theirs, rtol=1e-12)
    assert not filters.laplace(array, 39, np.eye(2, 5) == 0).any()


def test_thresholds_that_are_nan():
    array = image(SHAPE, "float64")
    for low, high in ((np.nan, 0.8), (0.2, np.nan), (np.nan, np.nan)):
        assert_as_skimage("filters", "apply_hysteresis_threshold", array, low, high)


def test_gaussian_into_out():
    array = image(SHAPE, "float64")
    for dtype in ("float32", "float64"):
        out = np.zeros(SHAPE, dtype)
        assert filters.gaussian(array, 2, out=out) is out
        assert_same_bits(out, skimage.filters.gaussian(array, 2, out=np.zeros(SHAPE, dtype)))
    assert_as_skimage("filters", "gaussian", array, 2, out=np.zeros(SHAPE, int))


@pytest.mark.parametrize("name", sorted({name for name, _, _ in CALLS}))
def test_what_scikit_image_alone_does(name):
    """Other numbers of axes, no array, no pixels; the same text where it is an error."""
    args = {
        "difference_of_gaussians": (1.0,), "gabor": (0.2,),
        "apply_hysteresis_threshold": (0.2, 0.6), "correlate_sparse": (np.ones((3, 3)),),
    }.get(name, ())  # fmt: skip
    for array in (
        image((9,), "float64"), image((5, 6, 7), "float64"), [[1.0, 2.0]], np.zeros((0, 3)),
        image((6, 7), "float64") + 1j, np.ma.masked_array(np.ones((4, 4))),
        image((6, 7), "longdouble"),
    ):  # fmt: skip
        if name == "median" and np.iscomplexobj(array):
            continue  # SciPy's C code takes the real part, or crashes
        assert_as_skimage("filters", name, array, *args, scale=4)


def test_errors():
    array = image(SHAPE, "uint8")
    for name, args, options in (
        ("gaussian", (-1.0,), {}),
        ("gaussian", ((1.0, 2.0, 3.0),), {}),
        ("gaussian", (1.0,), {"mode": "no mode"}),
        ("difference_of_gaussians", (3.0, 2.0), {}),
        ("difference_of_gaussians", ((1.0, 2.0, 3.0),), {}),
        ("unsharp_mask", (-1.0,), {}),
        ("threshold_local", (4,), {}),
        ("threshold_local", (3, "no method"), {}),
        ("correlate_sparse", (np.ones((4, 4)),), {}),
        ("sobel", (np.ones((3, 3)),), {}),
        ("sobel", (), {"axis": 2}),
        ("sobel", (), {"mode": "no mode"}),
    ):
        assert_as_skimage("filters", name, array, *args, falls_back=True, **options)


def test_median_as_rank_filter():
    array = image(SHAPE, "uint8")
    window = np.ones((3, 3), np.uint8)
    assert_as_skimage("filters", "median", array, window, behavior="rank", falls_back=False)
    with pytest.warns(UserWarning, match="Change 'behavior'"):
        filters.median(array, window, behavior="rank", cval=1)


@given(st.data())
def test_any_call(data):
    """Random shapes, dtypes, modes and windows."""
    shape = data.draw(st.tuples(st.integers(1, 20), st.integers(1, 20)))
    array = image(shape, data.draw(st.sampled_from(DTYPES)), data.draw(st.integers(0, 9)))
    mode = data.draw(st.sampled_from(["reflect", "constant", "nearest", "mirror", "wrap"]))
    cval = data.draw(st.sampled_from([0, 0.5, -1]))
    sigma = data.draw(st.sampled_from([0.0, 0.6, 1.5, (0.5, 2.0)]))
    name = data.draw(st.sampled_from([*EDGES, "gaussian", "difference_of_gaussians", "gabor"]))
    args = {"gaussian": (sigma,), "difference_of_gaussians": (sigma,), "gabor": (0.3,)}
    assert_as_skimage(
        "filters", name, array, *args.get(name, ()), mode=mode, cval=cval, scale=8, eps=32
    )


# ---- rank filters ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", RANKS)
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("window", ["3x3", "5x3", "disk", "1x7", "21x21"])
def test_rank(name, dtype, window):
    footprint = disk(4) if window == "disk" else np.ones([int(n) for n in window.split("x")])
    for shape in (SHAPE, (60, 70), (2, 3)):
        array = image(shape, dtype, 3) * np.array(1 if dtype == "uint8" else 8, dtype)
        assert_as_skimage("filters.rank", name, array, footprint)
        out = np.zeros(shape, dtype)
        assert_same_bits(getattr(rank, name)(array, footprint, out=out), out)
        assert_same_bits(out, getattr(skimage.filters.rank, name)(array, footprint))


@pytest.mark.parametrize("name", RANKS)
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_rank_with_a_mask(name, dtype):
    """Windows without a pixel, and pixels that the mask leaves out."""
    for shape, window in ((SHAPE, np.ones((3, 5))), ((24, 30), disk(4)), ((2, 3), disk(1))):
        array = image(shape, dtype, 3) * np.array(1 if dtype == "uint8" else 8, dtype)
        mask = np.random.default_rng(0).random(shape) < 0.25
        mask[: shape[0] // 2, : shape[1] // 2] = False
        for one in (mask, mask.astype(np.uint8) * 3):
            assert_as_skimage("filters.rank", name, array, window, mask=one, falls_back=False)
        out = np.zeros(shape, dtype)
        expected = getattr(skimage.filters.rank, name)(array, window, mask=mask)
        assert_same_bits(getattr(rank, name)(array, window, out=out, mask=mask), expected)
        assert_same_bits(out, expected)


@pytest.mark.parametrize("name", RANKS)
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_rank_aside(name, dtype):
    """Windows around another place than their pixel, of which some are empty at the rim."""
    array = image((9, 13), dtype, 3)
    mask = np.random.default_rng(0).random(array.shape) < 0.4
    for window, shifts in ASIDE:
        for one in (None, mask):
            assert_as_skimage(
                "filters.rank", name, array, window, mask=one, falls_back=False, **shifts
            )


@pytest.mark.parametrize("name", [name for name in RANKS if "percentile" in name])
@pytest.mark.parametrize("share", [-0.5, 0, 0.1, 0.29, 0.5, 0.99, 1, 1.5])
def test_rank_of_percentiles(name, share):
    for dtype in ("uint8", "uint16"):
        array = image(SHAPE, dtype) // np.array(1 if dtype == "uint8" else 300, dtype)
        for window in (np.ones((3, 5)), disk(3), 1 - np.pad([[1]], 1)):
            for mask in (None, MASK):
                shares = [{"p0": share}]
                if "p1" in inspect.signature(getattr(rank, name)).parameters:
                    shares += [{"p0": share, "p1": 0.8}, {"p0": 0.1, "p1": share}]
                for options in shares:
                    assert_as_skimage(
                        "filters.rank", name, array, window, mask=mask, falls_back=False, **options
                    )


@pytest.mark.parametrize("name", [name for name in RANKS if "bilateral" in name])
def test_rank_of_similar_pixels(name):
    for dtype in ("uint8", "uint16"):
        array = image(SHAPE, dtype)
        for s0, s1 in ((0, 0), (1, 1), (5, 40), (300, 3), (-2, 9), (10**6, 10**6)):
            for mask in (None, MASK):
                options = {"mask": mask, "s0": s0, "s1": s1}
                args = (array, disk(3))
                assert_as_skimage("filters.rank", name, *args, falls_back=False, **options)
        assert_as_skimage("filters.rank", name, array, disk(3), s0=2.0, falls_back=True)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_rank_windowed_histogram(dtype):
    array = image((20, 30), dtype) % np.array(90, dtype)
    for window, shifts in ((disk(2), {}), *ASIDE):
        for options in ({}, {"mask": np.indices(array.shape).sum(0) % 3 == 0}, {"n_bins": 7}):
            args = ("windowed_histogram", array, window)
            assert_as_skimage("filters.rank", *args, eps=0, falls_back=False, **shifts, **options)
    args = ("windowed_histogram", array, disk(2))
    assert_as_skimage("filters.rank", *args, out=np.zeros((20, 30, 90)), falls_back=True)
    assert_as_skimage("filters.rank", *args, n_bins=0, falls_back=True)


@pytest.mark.parametrize("name", RANKS)
def test_rank_falls_back(name):
    array = image((60, 70), "uint8")
    window = np.ones((3, 3), np.uint8)
    assert_as_skimage("filters.rank", name, array, window, falls_back=False)
    for args, options in (
        ((array, np.zeros((3, 3))), {}),
        ((array, window), {"mask": (array > 50).astype(int)}),
        ((array, window), {"shift_x": 2}),
        ((array, window), {"shift_y": 1.0}),
        ((array.astype(float) / 200, window), {}),
        ((array.astype(bool), window), {}),
        ((image((5, 6, 7), "uint8"), np.ones((3, 3, 3))), {}),
    ):
        assert_as_skimage("filters.rank", name, *args, falls_back=True, **options)
    assert_as_skimage("filters.rank", name, array, window, out=array, falls_back=True)


@pytest.mark.parametrize("name", RANKS)
def test_rank_warns_of_shifts_that_are_bool(name):
    array, window = image((9, 8), "uint8"), np.ones((3, 3), np.uint8)
    with pytest.warns(UserWarning, match="is boolean and will be interpreted as int") as warned:
        shifted = getattr(rank, name)(array, window, shift_x=True)
    assert [each.filename for each in warned] == [__file__]
    assert_same_bits(shifted, getattr(rank, name)(array, window, shift_x=1))


@pytest.mark.parametrize("name", RANKS)
def test_rank_warns_of_many_levels(name):
    array = image((40, 50), "uint16") * np.uint16(99)
    with pytest.warns(UserWarning, match="Bad rank filter performance") as theirs:
        getattr(skimage.filters.rank, name)(array, np.ones((3, 3)))
    with pytest.warns(UserWarning, match="Bad rank filter performance") as ours:
        getattr(rank, name)(array, np.ones((3, 3)))
    assert str(ours[0].message) == str(theirs[0].message)
    assert ours[0].filename == __file__


# ---- canny, block_reduce, denoise_bilateral --------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
def test_canny(dtype):
    array = image((60, 70), dtype)
    wide = dtype in ("int64", "uint64")
    for options in (
        {},
        {"sigma": 2.0, "low_threshold": 0.05, "high_threshold": 0.1},
        {"sigma": (1.0, 2.0), "mode": "reflect"},
        {"use_quantiles": True, "low_threshold": 0.5, "high_threshold": 0.8},
        {"mask": np.arange(60 * 70).reshape(60, 70) % 97 > 2},
        {"mode": "constant", "cval": 0.5},
    ):
        assert_as_skimage("feature", "canny", array, falls_back=wide, **options)
    assert_as_skimage("feature", "canny", array, 1.0, 0.5, 0.1, falls_back=True)
    assert_as_skimage("feature", "canny", np.zeros((0, 3), dtype), falls_back=True)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("func", [np.sum, np.max, np.min, np.mean, np.median, np.std, np.amax])
def test_block_reduce(func, dtype):
    for shape, size in (
        ((30, 42), 2), ((31, 43), (3, 4)), ((31, 43, 3), (2, 3, 1)), ((3, 30, 44), (1, 5, 4)),
        ((5, 7), (9, 2)), ((24,), 5), ((4, 6, 8), 2),
    ):  # fmt: skip
        assert_as_skimage("measure", "block_reduce", image(shape, dtype), size, func, cval=3)
    known = func is not np.std and dtype not in ("uint64", "int64", "float16")
    array = image((30, 42), dtype)
    assert_as_skimage("measure", "block_reduce", array, 3, func, falls_back=not known and None)


def test_block_reduce_errors():
    array = image(SHAPE, "uint8")
    for size in (0, (2, 2, 2), (2.0, 2.0), -1):
        assert_as_skimage("measure", "block_reduce", array, size, falls_back=True)
    for options in ({"func_kwargs": {"dtype": np.float32}}, {"func": lambda x, axis: x.sum(axis)}):
        assert_as_skimage("measure", "block_reduce", array, 2, falls_back=True, **options)


@pytest.mark.parametrize(
    "dtype", ["uint8", "uint16", "int16", "int32", "uint64", "float32", "float64"]
)
def test_denoise_bilateral(dtype):
    """To the bit, table and all."""
    array = image((23, 34), dtype)
    for options in (
        {},
        {"sigma_color": 0.1, "sigma_spatial": 0.7},
        {"win_size": 3, "mode": "edge"},
        {"win_size": 7, "mode": "reflect", "bins": 50},
        {"mode": "symmetric", "sigma_color": 0.05},
        {"mode": "wrap", "win_size": 1},
        {"cval": 0.5},
    ):
        for each in (array, array - np.array(0.5, dtype) if array.dtype.kind == "f" else array):
            assert_as_skimage(
                "restoration", "denoise_bilateral", each, eps=0, falls_back=False, **options
            )


def test_denoise_bilateral_falls_back():
    array = image((12, 14), "float64")
    for each, options in (
        (image((12, 14, 3), "float64"), {"channel_axis": -1}),
        (array, {"win_size": 4}),
        (array, {"win_size": 13}),
        (array, {"mode": "no mode"}),
        (array * 0, {}),
        (image((5, 6, 7), "float64"), {}),
    ):
        assert_as_skimage("restoration", "denoise_bilateral", each, falls_back=True, **options)
