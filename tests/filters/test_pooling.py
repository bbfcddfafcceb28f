"""Pooling against PyTorch, scikit-image and NumPy; NaN, the ends of an image, and overflow."""

import numpy as np
import pytest
from cases import DTYPES, sample
from comparing import assert_close, assert_same_bits
from hypothesis import assume, given
from hypothesis import strategies as st
from skimage.measure import block_reduce

import imgconv
from imgconv import pool
from imgconv.core import cpu

HOWS = ("max", "min", "mean", "sum", "median")


# ---- the libraries -----------------------------------------------------------------------------


@st.composite
def torch_arguments(draw):
    """Arguments that PyTorch takes, most of them."""
    size = draw(st.tuples(*[st.integers(1, 6)] * 2))
    return {
        "size": size,
        "stride": draw(st.tuples(*[st.integers(1, 5)] * 2)),
        "padding": tuple(draw(st.integers(0, k // 2)) for k in size),
        "ceil_mode": draw(st.booleans()),
    }


shapes = st.tuples(st.integers(1, 50), st.integers(1, 90))


@given(shapes, torch_arguments(), st.tuples(*[st.integers(1, 3)] * 2))
def test_max_as_pytorch(shape, arguments, dilation):
    torch = pytest.importorskip("torch")
    image = sample(shape)
    options = {"kernel_size": arguments["size"], "dilation": dilation} | arguments
    del options["size"]
    try:
        expected = torch.nn.functional.max_pool2d(torch.from_numpy(image)[None], **options)[0]
    except RuntimeError:
        with pytest.raises(ValueError, match="must"):
            pool(image, **arguments, dilation=dilation)
        return
    assert_same_bits(pool(image, **arguments, dilation=dilation), expected.numpy())


@given(shapes, torch_arguments(), st.booleans())
def test_mean_as_pytorch(shape, arguments, count_include_pad):
    torch = pytest.importorskip("torch")
    image = sample(shape, "float64")
    options = {"kernel_size": arguments["size"], "count_include_pad": count_include_pad} | arguments
    del options["size"]
    try:
        expected = torch.nn.functional.avg_pool2d(torch.from_numpy(image)[None], **options)[0]
    except RuntimeError:
        assume(False)
    actual = pool(image, how="mean", **arguments, count_include_pad=count_include_pad)
    assert_close(actual, expected.numpy(), ulps=4, scale=np.abs(image).max())


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_as_block_reduce(dtype, how):
    """Equal where blocks fill the image."""
    for size in (1, 2, 3, (4, 5), (2, 30), 60):
        height, width = np.broadcast_to(size, 2)
        image = sample((60, 60), dtype)
        wide = image.astype(np.float64) if how in ("mean", "median") else image
        if how == "sum" and image.dtype.itemsize == 8 and image.dtype.kind != "f":
            image = wide = image // 10_000
        expected = block_reduce(wide, (height, width), getattr(np, how))
        actual = pool(image, size, how=how)
        if how in ("mean", "median") and actual.dtype.kind in "bui":
            expected = np.rint(expected)
        scale = np.abs(image.astype(np.float64)).max() * (height * width if how == "sum" else 1)
        exact = actual.dtype.kind == "b" or (
            actual.dtype.kind in "iu" and (how not in ("mean", "median") or image.itemsize < 8)
        )
        if exact:
            np.testing.assert_array_equal(actual, expected)
        else:
            rtol = 64 * np.finfo(np.float32 if image.itemsize < 8 else np.float64).eps
            rtol = 1e-3 if actual.dtype == np.float16 else rtol
            assert_close(actual.astype("f8"), expected.astype("f8"), rtol=rtol, scale=scale)


def test_block_reduce_fills_up_with_zeros_that_count():
    image = np.full((3, 5), 10, np.uint8)
    filled = block_reduce(image, 2, np.mean)
    np.testing.assert_array_equal(filled, [[10, 10, 5], [5, 5, 2.5]])
    ours = pool(image, 2, how="mean", ceil_mode=True)
    assert ours.shape == filled.shape
    assert (ours == 10).all()
    assert (pool(image, 2, how="mean", padding=((0, 1), (0, 1))) == [[10, 10, 5], [5, 5, 2]]).all()


# ---- exactness ---------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["int64", "uint64"])
def test_every_bit_of_64(dtype):
    top = np.iinfo(dtype).max
    image = np.array([[top, top - 1], [top - 2, top - 5]], dtype)
    assert pool(image, 2) == top
    assert pool(image, 2, how="min") == top - 5
    assert pool(image, 2, how="median") == top - 1  # between -1 and -2, to even
    assert pool(image // 4, 2, how="sum") == int((image // 4).sum(dtype=object))


@pytest.mark.parametrize("dtype", ["int64", "uint64"])
def test_sums_saturate(dtype):
    limits = np.iinfo(dtype)
    image = np.zeros((4, 6), dtype)
    image[:2, :2] = limits.max
    image[2:, :2] = limits.min
    image[:2, 2:4] = [[limits.max, limits.min], [1, limits.max // 2]]
    image[:2, 4:] = [[limits.max, 0], [0, 0]]
    exact = [[image[y : y + 2, x : x + 2].astype(object).sum() for x in (0, 2, 4)] for y in (0, 2)]
    expected = np.clip(np.array(exact), limits.min, limits.max).astype(dtype)
    assert_same_bits(pool(image, 2, how="sum"), expected)
    out = np.empty((2, 3), dtype)
    assert_same_bits(pool(image, 2, how="sum", out=out), expected)
    assert_same_bits(pool(image, 2, how="sum", dtype="float64"), np.array(exact, np.float64))


def test_sums_of_small_integers_do_not_round():
    """Beyond 2**24, where float32 ends, and beyond 2**53."""
    image = np.full((300, 300), 65535, np.uint16)
    assert pool(image, 300, how="sum") == 300 * 300 * 65535
    image[0, 0] = 0
    assert pool(image, 300, how="sum") == (300 * 300 - 1) * 65535
    image = np.full((1500, 1500), 2**32 - 1, np.uint32)
    assert pool(image, 1500, how="sum") == 1500 * 1500 * (2**32 - 1)
    assert pool(image, 1500, how="mean") == 2**32 - 1


@pytest.mark.parametrize(
    ("image", "kept"), [("bool", "bool"), ("int8", "int8"), ("uint16", "uint16"), (">f4", "f4")]
)
def test_dtype_of_the_result(image, kept):
    image = sample((9, 9), image)
    for how in ("max", "min", "median"):
        assert pool(image, 3, how=how).dtype == kept
    assert pool(image, 3, how="sum").dtype == image.sum().dtype
    assert pool(image, 3, how="mean").dtype == (np.float32 if kept == "bool" else kept)


def test_dtype_asked_for():
    image = sample((12, 12), "uint8")
    for how in HOWS:
        exact = pool(image, 2, how=how, dtype="float64")
        mean = image.reshape(6, 2, 6, 2).astype("f8")
        np.testing.assert_array_equal(exact, getattr(np, how)(mean, axis=(1, 3)))
    assert pool(image, 2, how="sum", dtype="uint8").max() == 255


# ---- NaN, infinities, windows without pixels ---------------------------------------------------


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_nan_spoils_its_windows_only(how, dtype):
    clean = sample((40, 70), dtype)
    for place in ((0, 0), (7, 33), (39, 69)):
        image = clean.copy()
        image[place] = np.nan
        for size, stride in ((2, 2), (3, 2), (5, 1), (4, 7)):
            spoiled = pool(np.isnan(image), size, stride)
            expected = np.where(spoiled, np.nan, pool(clean, size, stride, how=how))
            actual = pool(image, size, stride, how=how)
            np.testing.assert_array_equal(actual, expected)


@pytest.mark.parametrize("how", HOWS)
def test_infinities(how):
    image = sample((12, 40), "float64")
    image[3, 5], image[4, 20], image[8:10, 30:32] = np.inf, -np.inf, np.inf
    blocks = image.reshape(6, 2, 20, 2).swapaxes(1, 2)
    expected = getattr(np, how)(blocks, axis=(2, 3))
    assert_close(pool(image, 2, how=how), expected, ulps=4, scale=1000)


def test_windows_without_a_pixel():
    """A dilated window may step over a small image."""
    options = {"size": 2, "stride": 1, "padding": 3, "dilation": 5}
    image = np.ones((1, 1), np.float32)
    holds = pool(image, how="sum", **options) > 0
    assert not holds.all()
    for how, empty in [("max", -np.inf), ("min", np.inf), ("sum", 0), ("mean", 0)]:
        assert (pool(image, how=how, **options)[~holds] == empty).all()
    assert np.isnan(pool(image, how="median", **options)[~holds]).all()
    assert np.isnan(pool(image, how="mean", count_include_pad=False, **options)[~holds]).all()
    integer = pool(image.astype(np.int16), how="max", **options)
    assert (integer[~holds] == np.iinfo(np.int16).min).all()
    assert (pool(image.astype(np.uint64), how="min", **options)[~holds] == 2**64 - 1).all()


# ---- properties --------------------------------------------------------------------------------


@given(shapes, st.integers(1, 7), st.integers(1, 4), st.sampled_from(["uint8", "float32"]))
def test_order(shape, size, stride, dtype):
    assume(min(shape) >= size)
    image = sample(shape, dtype)
    found = [pool(image, size, stride, how=how) for how in ("min", "median", "max")]
    assert (found[0] <= found[1]).all()
    assert (found[1] <= found[2]).all()
    np.testing.assert_array_equal(found[0], ~pool(~image, size, stride)) if dtype == "uint8" else (
        np.testing.assert_array_equal(found[0], -pool(-image, size, stride))
    )


@given(shapes, torch_arguments(), st.sampled_from(HOWS))
def test_constant_stays(shape, arguments, how):
    assume(how != "sum")
    image = np.full(shape, 0.1)
    try:
        result = pool(image, how=how, count_include_pad=False, **arguments)
    except ValueError:
        assume(False)
    assert_close(result, np.full(result.shape, 0.1), ulps=2)


def test_stride_is_the_dense_result_at_every_other_place():
    image = sample((30, 50), "float32")
    for how in HOWS:
        dense = pool(image, 4, 1, how=how)
        assert_same_bits(pool(image, 4, (3, 2), how=how), dense[::3, ::2].copy())


@pytest.mark.parametrize("how", HOWS)
def test_mirrored_image_gives_mirrored_result(how):
    image = sample((33, 51), "int16")
    expected = pool(image, 3, 2, how=how)[::-1, ::-1]
    np.testing.assert_array_equal(pool(image[::-1, ::-1], 3, 2, how=how), expected)


# ---- arguments ---------------------------------------------------------------------------------

IMAGE = np.zeros((6, 8))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"size": 0}, ValueError, "size must be positive, got 0"),
        ({"size": (2, -1)}, ValueError, r"size must be positive, got \(2, -1\)"),
        ({"size": 2.5}, TypeError, "size must be an integer, got 2.5"),
        ({"size": 2, "stride": 0}, ValueError, "stride must be positive, got 0"),
        ({"size": 2, "dilation": 0}, ValueError, "dilation must be positive, got 0"),
        ({"size": 2, "how": "mode"}, ValueError, "how must be one of max, min, .*, got 'mode'"),
        ({"size": 2, "padding": -1}, ValueError, "padding must be at least 0, got -1"),
        (
            {"size": 2, "padding": 2},
            ValueError,
            r"padding must be at most half the .*, got \(2, 2\)",
        ),
        ({"size": 9}, ValueError, "size must fit into the padded image, got 9 pixels for 6"),
        ({"size": 2, "axes": (0, 2)}, ValueError, "axes must lie in an image of 2 axes, got 2"),
        ({"size": 2, "dtype": complex}, TypeError, "dtype must be a real dtype"),
    ],
)
def test_errors(arguments, error, message):
    with pytest.raises(error, match=f"^{message}"):
        pool(IMAGE, **arguments)


def test_three_axes_need_a_word():
    with pytest.raises(ValueError, match="channel_axis"):
        pool(np.zeros((4, 4, 3)), 2)


def test_explain_tells_the_loop():
    for dtype, computed in [("uint8", "uint8"), ("int16", "float32"), ("uint64", "uint64")]:
        plan = imgconv.explain(pool, np.zeros((8, 8), dtype), 2)
        assert plan.operation.loop == "pool"
        assert plan.computed_in == cpu.built_for(np.dtype(computed))
