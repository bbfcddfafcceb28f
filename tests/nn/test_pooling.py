"""Pooling layers against PyTorch or the reference implementations."""

import numpy as np
import oracle_nn
import pytest
from comparing import assert_same_bits
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from nn_reference import EXAMPLES, assert_gradients, assert_near, random, reference
from processes import SANITIZED

import imgconv
from imgconv.nn import (
    adaptive_avg_pool2d,
    adaptive_avg_pool2d_backward,
    adaptive_max_pool2d,
    adaptive_max_pool2d_backward,
    avg_pool2d,
    avg_pool2d_backward,
    interpolate,
    lp_pool2d,
    lp_pool2d_backward,
    max_pool2d,
    max_pool2d_backward,
    max_unpool2d,
    max_unpool2d_backward,
)


@st.composite
def pools(draw):
    kernel = draw(st.tuples(st.integers(1, 5), st.integers(1, 5)))
    return {
        "size": draw(st.tuples(st.integers(1, 20), st.integers(1, 40))),
        "kernel_size": kernel,
        "stride": draw(st.none() | st.tuples(st.integers(1, 4), st.integers(1, 4))),
        "padding": tuple(draw(st.integers(0, k // 2)) for k in kernel),
        "ceil_mode": draw(st.booleans()),
        "dtype": draw(st.sampled_from(["float32", "float64"])),
        "seed": draw(st.integers(0, 1 << 20)),
    }


def fits(pool, dilation=(1, 1)):
    return all(
        n + 2 * p > (k - 1) * d
        for n, p, k, d in zip(
            pool["size"], pool["padding"], pool["kernel_size"], dilation, strict=True
        )
    )


@given(pools(), st.tuples(st.integers(1, 3), st.integers(1, 3)), st.booleans())
@settings(max_examples=EXAMPLES)
def test_max_pool2d(pool, dilation, nans):
    """With ties, and NaN that beats all."""
    assume(fits(pool, dilation))
    x = np.rint(3 * random(pool["seed"], 2, 3, *pool["size"], dtype=pool["dtype"])) + 0
    if nans:
        x.flat[:: max(1, x.size // 5)] = np.nan
    arguments = (
        pool["kernel_size"], pool["stride"], pool["padding"], dilation, pool["ceil_mode"]
    )  # fmt: skip
    expected, back = reference("max_pool2d", [x], *arguments)
    assert_same_bits(max_pool2d(x, *arguments), expected)
    best, places = max_pool2d(x, *arguments, return_indices=True)
    assert_same_bits(best, expected)
    np.testing.assert_array_equal(places, oracle_nn.max_pool2d(x, *arguments, True)[1])
    # The gradient of a window without a pixel: PyTorch adds it to a pixel of the next plane.
    grad = random(1, *expected.shape, dtype=x.dtype) * (places >= 0).astype(x.dtype)
    (slopes,) = back(grad)
    assert_near(max_pool2d_backward(grad, x, *arguments), slopes, 25)
    assert_near(max_pool2d_backward(grad, x, *arguments, indices=places), slopes, 25)


@given(pools(), st.booleans(), st.sampled_from([None, 3, -2]))
@settings(max_examples=EXAMPLES)
def test_avg_pool2d(pool, count_include_pad, divisor):
    assume(fits(pool))
    x = random(pool["seed"], 2, 3, *pool["size"], dtype=pool["dtype"])
    arguments = (
        pool["kernel_size"], pool["stride"], pool["padding"], pool["ceil_mode"],
        count_include_pad, divisor,
    )  # fmt: skip
    expected, back = reference("avg_pool2d", [x], *arguments)
    assert_near(avg_pool2d(x, *arguments), expected, 4)
    grad = random(1, *expected.shape, dtype=x.dtype)
    assert_near(avg_pool2d_backward(grad, x, *arguments), back(grad)[0], 25)


@pytest.mark.filterwarnings("ignore:.*:UserWarning")
@given(pools(), st.sampled_from([1, 2, 3, 2.5, 5, 0.5]), st.booleans())
@settings(max_examples=EXAMPLES // 2)
def test_lp_pool2d(pool, power, signed):
    """Where PyTorch's numbers are finite."""
    pytest.importorskip("torch")
    pool["padding"] = (0, 0)
    assume(fits(pool))
    x = random(pool["seed"], 2, 3, *pool["size"], dtype=pool["dtype"])
    if not signed:
        x = np.abs(x) + 0.1
    x = x.astype(pool["dtype"])
    arguments = power, pool["kernel_size"], pool["stride"], pool["ceil_mode"]
    try:
        expected, back = reference("lp_pool2d", [x], *arguments)
    except RuntimeError:
        assume(False)
    actual, finite = lp_pool2d(x, *arguments), np.isfinite(expected)
    # Where the signs of powers cancel, their sum is known less well than its terms.
    sums = np.abs(expected) ** power
    finite &= sums > 1e-2 * lp_pool2d(np.abs(x), *arguments) ** power
    assert_near(actual[finite], expected[finite], 200)
    grad = np.where(finite, random(1, *expected.shape, dtype=x.dtype), 0).astype(x.dtype)
    if np.isfinite(expected).all():
        found, slopes = lp_pool2d_backward(grad, x, *arguments), back(grad)[0]
        finite = np.isfinite(slopes)
        assert_near(found[finite], slopes[finite], 20_000)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("power", [1, 3, 5])
def test_odd_norms_keep_the_sign_of_the_sum(power, dtype):
    """Pixels are integers, so sums of powers are exact."""
    pixels = np.random.default_rng(0).integers(-9, 10, (2, 3, 8, 6))
    windows = pixels.reshape(2, 3, 4, 2, 3, 2).swapaxes(3, 4)
    sums = (windows**power).sum(axis=(-2, -1))
    assert (sums < 0).any()
    assert (sums > 0).any()
    x = pixels.astype(dtype)
    expected = np.sign(sums) * np.abs(sums) ** (1 / power)
    found = lp_pool2d(x, power, 2)
    assert_near(found, expected.astype(dtype), 4)
    slopes = lp_pool2d_backward(np.ones_like(found), x, power, 2)
    with np.errstate(divide="ignore"):
        of_sums = np.where(sums == 0, 0, np.abs(sums) ** (1 / power - 1))
    expected = np.kron(of_sums, np.ones((2, 2))) * x ** (power - 1)
    assert_near(slopes, expected.astype(dtype), 16)
    cubes = np.array([[[-3, -4, -5, 3, 4, 5]]], dtype)
    np.testing.assert_allclose(lp_pool2d(cubes, 3, (1, 3)), [[[-6, 6]]], rtol=1e-6)


def test_norms_without_a_number():
    """They are NaN or infinite, without a warning, and leave other windows alone."""
    x = np.float32([[[4, 9, -4, 9, 0, 0, 1e30, 1e30]]])
    norms = lp_pool2d(x, 2.5, (1, 2))
    np.testing.assert_allclose(norms[0, 0, 0], (4**2.5 + 9**2.5) ** 0.4, rtol=1e-6)
    assert np.isnan(norms[0, 0, 1])
    assert norms[0, 0, 2:].tolist() == [0, np.inf]
    slopes = lp_pool2d_backward(np.ones_like(norms), x, 2.5, (1, 2))[0, 0]
    expected = (np.float64([4, 9]) / norms[0, 0, 0]) ** 1.5
    np.testing.assert_allclose(slopes[:2], expected, rtol=1e-5)
    assert np.isnan(slopes[2])
    assert slopes[4:6].tolist() == [0, 0]


@given(pools())
@settings(max_examples=EXAMPLES // 2)
def test_the_norm_of_infinity_is_the_largest_absolute_value(pool):
    pool["padding"] = (0, 0)
    assume(fits(pool))
    x = np.rint(3 * random(pool["seed"], 2, 3, *pool["size"], dtype=pool["dtype"])) + 0
    arguments = pool["kernel_size"], pool["stride"]
    options = {"ceil_mode": pool["ceil_mode"]}
    expected = oracle_nn.max_pool2d(np.abs(x), *arguments, **options)
    assert_same_bits(lp_pool2d(x, np.inf, *arguments, **options), expected)
    grad = random(1, *expected.shape, dtype=x.dtype)
    slopes = oracle_nn.max_pool2d_backward(grad, np.abs(x), *arguments, **options) * np.sign(x)
    found = lp_pool2d_backward(grad, x, np.inf, *arguments, **options)
    assert_near(found, slopes, 25)


@given(
    st.tuples(st.integers(1, 20), st.integers(1, 20)),
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    st.sampled_from(["float32", "float64"]),
)
@settings(max_examples=EXAMPLES // 2)
def test_adaptive(size, output_size, dtype):
    pytest.importorskip("torch")
    x = random(0, 2, 3, *size, dtype=dtype)
    for name, function, backward in [
        ("adaptive_avg_pool2d", adaptive_avg_pool2d, adaptive_avg_pool2d_backward),
        ("adaptive_max_pool2d", adaptive_max_pool2d, adaptive_max_pool2d_backward),
    ]:
        expected, back = reference(name, [x], output_size)
        assert_near(function(x, output_size), expected, 20)
        grad = random(1, *expected.shape, dtype=dtype)
        assert_near(backward(grad, x, output_size), back(grad)[0], 64)


def untouched(*shape):
    """Zeros of a large array: until they are written, they are addresses without memory."""
    if SANITIZED:
        pytest.skip("a sanitizer writes all memory")
    try:
        return np.zeros(shape, np.float32)
    except MemoryError:
        pytest.skip("this system gives no addresses without memory")


@pytest.mark.parametrize("kernel", [1, 2])
def test_planes_of_more_than_31_bits(kernel):
    """Indices, and the gradients that follow them, where a place exceeds an int32."""
    n = 46_342
    x = untouched(2, n, n)
    last = n * n - 1
    assert last > np.iinfo(np.int32).max
    # Four windows, in the corners of the plane; only their pixels are read.
    x[1, -1, -1], x[1, -1, 0] = 5, -3
    best, places = max_pool2d(x, kernel, n - kernel, return_indices=True)
    assert places[1, 1, 1] == last
    assert best[1, 1, 1] == 5
    # With two rows, the first of the equal pixels above the -3.
    assert places[1, 1, 0] == n * (n - kernel)
    grad = np.arange(8, dtype=np.float32).reshape(2, 2, 2)
    slopes = max_pool2d_backward(grad, x, kernel, n - kernel)
    for plane in range(2):
        for window in np.ndindex(2, 2):
            assert slopes[plane].flat[places[plane][window]] == grad[plane][window]
    del slopes
    size = {"kernel_size": kernel, "stride": n - kernel, "output_size": (n, n)}
    spread = max_unpool2d(best, places, **size)
    assert spread[1, -1, -1] == 5
    assert_same_bits(max_unpool2d_backward(spread, best, places, **size), best)
    x[1, n // 2, n // 2] = 7
    assert interpolate(x, 2)[1].tolist() == [[0, 0], [0, 7]]


def test_adaptive_indices():
    x = random(0, 3, 7, 5)
    best, places = adaptive_max_pool2d(x, (3, None), return_indices=True)
    assert best.shape == (3, 3, 5)
    assert_same_bits(
        np.take_along_axis(x.reshape(3, -1), places.reshape(3, -1), 1), best.reshape(3, -1)
    )


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "int64", "uint64", "float16"])
def test_max_of_other_dtypes(dtype):
    x = np.random.default_rng(0).integers(0, 100, (2, 3, 9, 11)).astype(dtype)
    if dtype in ("int64", "uint64"):
        x += np.iinfo(dtype).max - 100  # beyond the integers of float64
    expected, places = oracle_nn.max_pool2d(x, 3, 2, 1, 1, False, True)
    assert_same_bits(max_pool2d(x, 3, 2, 1), expected)
    best, found = max_pool2d(x, 3, 2, 1, return_indices=True)
    assert_same_bits(best, expected)
    np.testing.assert_array_equal(found, places)


def test_padding_of_two_sides_may_be_any():
    """As ONNX allows; a window without a pixel has none to choose."""
    x = random(0, 2, 3, 6, 7)
    padding = ((3, 0), (1, 5))
    expected, _ = oracle_nn.max_pool2d(x, (3, 2), 1, padding, 1, False, True)
    best, places = max_pool2d(x, (3, 2), 1, padding, return_indices=True)
    assert_same_bits(best, expected)
    assert (places[:, :, 0] == -1).all()
    assert_same_bits(max_pool2d(x, (3, 2), 1, padding), expected)
    grad = np.ones_like(best)
    # Every window that has a pixel gives its share to one.
    assert max_pool2d_backward(grad, x, (3, 2), 1, padding).sum() == (places >= 0).sum()
    known = max_pool2d_backward(grad, x, (3, 2), 1, padding, indices=places)
    assert known.sum() == (places >= 0).sum()
    expected = oracle_nn.avg_pool2d(x, (3, 2), 1, padding)
    assert_near(avg_pool2d(x, (3, 2), 1, padding), expected, 4)
    expected = oracle_nn.avg_pool2d_backward(grad, x, (3, 2), 1, padding)
    assert_near(avg_pool2d_backward(grad, x, (3, 2), 1, padding), expected, 25)


def test_unpooling_takes_back():
    x = random(0, 2, 3, 8, 9)
    best, places = max_pool2d(x, 2, return_indices=True)
    result = max_unpool2d(best, places, 2, output_size=(8, 9))
    assert result.shape == x.shape
    assert_same_bits(max_pool2d(np.where(result == 0, -9, result), 2), best)
    assert_same_bits(result[result != 0], x[result != 0])
    assert max_unpool2d(best, places, 2, output_size=(8, 9)).dtype == x.dtype
    grad = random(1, *x.shape)
    back = max_unpool2d_backward(grad, best, places, 2, output_size=(8, 9))
    assert_same_bits(
        back,
        np.take_along_axis(grad.reshape(2, 3, -1), places.reshape(2, 3, -1), -1).reshape(
            best.shape
        ),
    )


def test_gradients_are_slopes():
    x = [random(0, 2, 3, 8, 9)]
    for function, backward, options in [
        (max_pool2d, max_pool2d_backward, {"kernel_size": 3, "stride": 2, "padding": 1}),
        (avg_pool2d, avg_pool2d_backward, {"kernel_size": (3, 2), "padding": (1, 0)}),
        (lp_pool2d, lp_pool2d_backward, {"norm_type": 2, "kernel_size": 3, "stride": 1}),
        (lp_pool2d, lp_pool2d_backward, {"norm_type": 1, "kernel_size": (2, 3)}),
        (lp_pool2d, lp_pool2d_backward, {"norm_type": 3, "kernel_size": 2, "ceil_mode": True}),
        (lp_pool2d, lp_pool2d_backward, {"norm_type": np.inf, "kernel_size": 3, "stride": 2}),
        (adaptive_avg_pool2d, adaptive_avg_pool2d_backward, {"output_size": (3, 4)}),
        (adaptive_max_pool2d, adaptive_max_pool2d_backward, {"output_size": 3}),
    ]:
        assert_gradients(
            lambda a, f=function, options=options: f(a, **options),
            lambda g, a, f=backward, options=options: f(g, a, **options),
            x,
        )


@pytest.mark.parametrize("stride", [1, 2, 3, 5, 20, 40])
def test_places_for_every_stride(stride):
    """Rows and windows around the lanes of a vector, ties, a NaN, and the gradient's places."""
    for width in (*range(7, 20), 31, 33, 64, 67, 131, 340):
        x = np.round(4 * random(width, 2, 3, 9, width, dtype="float32"))
        x[0, 1, 4, width // 2] = np.nan
        best, places = max_pool2d(x, 3, stride, 1, return_indices=True)
        wide = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=-np.inf)
        expected, gradient = np.empty_like(places), np.zeros_like(x)
        for n, c, y, o in np.ndindex(places.shape):
            window = wide[n, c, y * stride :, o * stride :][:3, :3]
            lost = np.flatnonzero(np.isnan(window))
            i, j = divmod(int(lost[-1] if lost.size else window.argmax()), 3)
            row, column = y * stride + i - 1, o * stride + j - 1
            expected[n, c, y, o] = row * width + column
            gradient[n, c, row, column] += 1
        assert_same_bits(places, expected)
        assert_same_bits(
            best,
            np.take_along_axis(x.reshape(2, 3, -1), places.reshape(2, 3, -1), 2).reshape(
                best.shape
            ),
        )
        ones = np.ones_like(best)
        assert_same_bits(max_pool2d_backward(ones, x, 3, stride, 1), gradient)
        assert_same_bits(max_pool2d_backward(ones, x, 3, stride, 1, indices=places), gradient)


def test_places_beyond_32_bits():
    """In a window that counts more, float32 is compared in float64."""
    for n, computed in ((46_340, "float32"), (46_341, "float64")):
        x = np.broadcast_to(np.float32(0), (1, 1, n, n))
        plan = imgconv.explain(max_pool2d, x, n, return_indices=True)
        assert plan.computing_dtype == computed


def test_threads_change_no_bit(always_parallel):
    x = random(0, 3, 4, 21, 33, dtype="float32")
    results = []
    for count in (1, 2, 5):
        with imgconv.threads(count):
            best, places = max_pool2d(x, 3, 2, 1, return_indices=True)
            results.append(
                (
                    best,
                    places,
                    max_pool2d_backward(best, x, 3, 2, 1),
                    max_pool2d_backward(best, x, 3, 2, 1, indices=places),
                    avg_pool2d(x, 3, 2, 1),
                    avg_pool2d_backward(best, x, 3, 2, 1),
                )
            )
    for result in results[1:]:
        for actual, expected in zip(result, results[0], strict=True):
            assert_same_bits(actual, expected)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda x: max_pool2d(x, 3, padding=2),
            "padding must be at most half the window, 1, got 2",
        ),
        (lambda x: avg_pool2d(x, 2, padding=(0, 2)), "padding must be at most half the window"),
        (lambda x: max_pool2d(x, 9), "kernel_size must fit into the padded input"),
        (lambda x: max_pool2d(x, 0), "kernel_size must be positive, got 0"),
        (lambda x: max_pool2d(x, 2, stride=0), "stride must be positive, got 0"),
        (lambda x: avg_pool2d(x, 2, divisor_override=0), "divisor_override must not be 0"),
        (lambda x: adaptive_avg_pool2d(x, 0), "output_size must be positive"),
        (lambda x: max_pool2d(x[0, 0], 2), "input must have shape"),
        (lambda x: max_pool2d(x[:, :0], 2), "input must not be empty"),
        (lambda x: lp_pool2d(x, 0, 2), "norm_type must be positive"),
        (lambda x: lp_pool2d(x, np.nan, 2), "norm_type must be positive, got nan"),
        (
            lambda x: max_unpool2d(x, np.full(x.shape, 99), 1),
            "indices must lie in a plane of 64 pixels, got 99",
        ),
        (
            lambda x: max_unpool2d(x, np.zeros((1, 2), int), 1),
            "indices must have the input's shape",
        ),
        (
            lambda x: max_unpool2d(x, np.zeros(x.shape, int), 2, output_size=(30, 30)),
            "output_size must lie between 14 and 18, got 30",
        ),
        (lambda x: max_pool2d_backward(x, x, 2), r"grad_output must have shape \(1, 2, 4, 4\)"),
        (
            lambda x: max_pool2d_backward(x, x, 1, indices=np.full(x.shape, 64)),
            "indices must lie in a plane of 64 pixels, got 64",
        ),
        (
            lambda x: max_pool2d_backward(x, x, 1, indices=np.full(x.shape, -2)),
            "indices must lie in a plane of 64 pixels, got -2",
        ),
        (
            lambda x: max_pool2d_backward(x, x, 1, indices=np.zeros(3, int)),
            "indices must have the result's shape",
        ),
    ],
)
def test_refusals(call, message):
    with pytest.raises(ValueError, match=message):
        call(np.zeros((1, 2, 8, 8)))


def test_refused_dtypes():
    for function in (avg_pool2d, lambda x, k: lp_pool2d(x, 2, k), adaptive_avg_pool2d):
        with pytest.raises(TypeError, match="int64"):
            function(np.zeros((1, 4, 4), np.int64), 2)
    with pytest.raises(TypeError, match="bool"):
        max_pool2d(np.zeros((1, 4, 4), bool), 2)
