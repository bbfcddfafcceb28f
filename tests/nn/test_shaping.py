"""Functions that move pixels, against PyTorch and against their definitions."""

from fractions import Fraction
from math import floor

import numpy as np
import pytest
from comparing import assert_same_bits
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from nn_reference import EXAMPLES, assert_gradients, assert_near, random, reference

import imgconv
from imgconv import nn

PAIRS = st.tuples(st.integers(1, 3), st.integers(1, 3))
SIZES = st.tuples(st.integers(2, 16), st.integers(2, 30))
DTYPES = st.sampled_from(["float32", "float64"])


def assert_as_pytorch(name, x, *arguments, terms=8, **options):
    """Result and gradient are those of PyTorch; returns the result."""
    pytest.importorskip("torch")
    expected, back = reference(name, [x], *arguments, **options)
    actual = getattr(nn, name)(x, *arguments, **options)
    assert_near(actual, expected, terms)
    grad = random(1, *expected.shape, dtype=x.dtype)
    found = getattr(nn, f"{name}_backward")(grad, x, *arguments, **options)
    assert_near(found, back(grad)[0], 64)
    return actual


@given(SIZES, PAIRS, PAIRS, st.tuples(st.integers(0, 3), st.integers(0, 3)), PAIRS, DTYPES)
@settings(max_examples=EXAMPLES // 2)
def test_unfold_and_fold(size, kernel, dilation, padding, stride, dtype):
    assume(
        all(
            n + 2 * p > (k - 1) * d
            for n, p, k, d in zip(size, padding, kernel, dilation, strict=True)
        )
    )
    arguments = kernel, dilation, padding, stride
    columns = assert_as_pytorch("unfold", random(0, 2, 3, *size, dtype=dtype), *arguments)
    assert_as_pytorch("fold", columns, size, *arguments, terms=16)


def test_a_layer_is_a_matrix_product():
    x, weight = random(0, 2, 3, 9, 8), random(1, 5, 3, 3, 2)
    options = {"stride": (2, 1), "padding": ((1, 2), (0, 3)), "dilation": (1, 2)}
    columns = nn.unfold(x, (3, 2), **options)
    result = nn.conv2d(x, weight, **options)
    assert_near((weight.reshape(5, -1) @ columns).reshape(result.shape), result, 32)


def test_fold_is_the_transpose():
    x = random(0, 3, 7, 8)
    options = {"kernel_size": (3, 2), "padding": ((1, 0), (2, 1)), "stride": 2, "dilation": (1, 2)}
    columns = nn.unfold(x, **options)
    other = random(1, *columns.shape)
    np.testing.assert_allclose(
        (columns * other).sum(), (x * nn.fold(other, (7, 8), **options)).sum()
    )


@given(
    st.tuples(*[st.integers(-1, 4)] * 4),
    st.sampled_from(["constant", "reflect", "replicate", "circular"]),
    DTYPES,
)
@settings(max_examples=EXAMPLES)
def test_pad(pad, mode, dtype):
    assert_as_pytorch("pad", random(0, 2, 3, 5, 6, dtype=dtype), pad, mode)


def test_pad_of_any_axis():
    x = np.arange(24).reshape(2, 3, 4)
    padded = nn.pad(x, (1, 0, 0, 2, -1, 1), value=7)
    expected = np.pad(x[1:], ((0, 1), (0, 2), (1, 0)), constant_values=7)
    assert_same_bits(padded, expected)


@pytest.mark.parametrize(
    ("dtype", "value", "fits"),
    [
        ("uint8", 255, True), ("uint8", 256, False), ("uint8", -1, False), ("uint8", 2.5, True),
        ("uint8", np.nan, False), ("int16", np.inf, False), ("int16", -32768, True),
        ("int64", 2**63 - 1, True), ("int64", 2**63, False), ("uint64", 2**64 - 1, True),
        ("uint64", 2**64, False), ("uint64", -1, False),
        ("float16", 1e5, False), ("float32", 1e39, False), ("float32", -np.inf, True),
        ("float32", np.nan, True), ("bool", 2, True),
    ],
)  # fmt: skip
def test_pad_value(dtype, value, fits):
    x = np.ones((1, 1), dtype)
    if fits:
        expected = np.array(int(value) if np.dtype(dtype).kind in "iu" else value).astype(dtype)
        assert_same_bits(nn.pad(x, (0, 1), value=value)[0, 1:], expected[None])
    else:
        with pytest.raises(ValueError, match=f"value must be a number that {dtype} can hold, got"):
            nn.pad(x, (0, 1), value=value)


@given(
    SIZES,
    st.sampled_from(["nearest", "nearest-exact", "bilinear", "bicubic"]),
    st.sampled_from([None, False, True]),
    st.tuples(st.integers(1, 30), st.integers(1, 30)),
    st.tuples(st.floats(0.6, 3), st.floats(0.6, 3)),
    st.sampled_from(["size", "scale_factor", "recomputed"]),
)
@settings(max_examples=EXAMPLES * 2)
def test_interpolate(size, mode, align_corners, target, factors, how):
    x = random(0, 2, 3, *size)
    options = {"size": target} if how == "size" else {"scale_factor": factors}
    if how == "recomputed":
        options["recompute_scale_factor"] = True
    if not mode.startswith("nearest"):
        options["align_corners"] = align_corners
    if mode.startswith("nearest"):
        results = [max(1, int(n * f)) for n, f in zip(size, factors, strict=True)]
        for n, m, f in zip(size, target if how == "size" else results, factors, strict=True):
            copies = mode == "nearest" and m in (n, 2 * n)
            ratio = 1 / Fraction(f) if how == "scale_factor" and not copies else Fraction(n, m)
            assume(float32_is_exact(n, m, ratio, mode))
    # There PyTorch's gradient is another function's: it copies.
    same = all(int(n * f) == n for n, f in zip(size, factors, strict=True))
    assume(not (mode == "bicubic" and how == "scale_factor" and same))
    assert_as_pytorch("interpolate", x, mode=mode, terms=256, **options)


def nearest(n, m, ratio, mode):
    """The pixels of n that m take, `ratio` apart, by exact fractions."""
    half = Fraction(mode == "nearest-exact", 2)
    return [min(floor((o + half) * ratio), n - 1) for o in range(m)]


def float32_is_exact(n, m, ratio, mode):
    """Whether PyTorch, which rounds a product in float32, finds the same pixels."""
    o = np.arange(m, dtype=np.float32) + np.float32(mode == "nearest-exact") / 2
    rounded = np.minimum(np.floor(o * np.float32(ratio)), n - 1)
    return rounded.tolist() == nearest(n, m, ratio, mode)


def pixels_taken(n, dtype="float32", **options):
    """The pixels that an axis of n becomes, as `interpolate` takes them."""
    return nn.interpolate(np.arange(n, dtype=dtype)[None, None], **options)[0, 0].tolist()


NEAREST = pytest.mark.parametrize("mode", ["nearest", "nearest-exact"])


@NEAREST
@given(st.integers(1, 4096), st.integers(1, 4096), DTYPES)
@settings(max_examples=EXAMPLES)
def test_nearest_pixels_of_two_sizes_are_exact(mode, n, m, dtype):
    assert pixels_taken(n, dtype, size=(1, m), mode=mode) == nearest(n, m, Fraction(n, m), mode)


@NEAREST
def test_nearest_pixels_of_all_small_sizes_are_exact(mode):
    """Where float64 is wrong, too: 2 pixels to 49 and 30 to 13 are among them."""
    for n in range(1, 50):
        for m in range(1, 50):
            expected = nearest(n, m, Fraction(n, m), mode)
            assert pixels_taken(n, size=(1, m), mode=mode) == expected, (n, m)
    assert pixels_taken(2, size=(1, 49), mode="nearest-exact")[24] == 1
    assert pixels_taken(30, size=(1, 13), mode="nearest-exact")[6] == 15


def simple(number):
    """Return the fraction of small numbers that a float is nearest to, if there is one."""
    fraction = Fraction(number).limit_denominator(1 << 16)
    return fraction if float(fraction) == number else Fraction(number)


@NEAREST
@given(
    st.integers(1, 600),
    st.fractions(Fraction(1, 20), 20, max_denominator=100) | st.floats(0.05, 20).map(simple),
    DTYPES,
)
@settings(max_examples=EXAMPLES)
def test_nearest_pixels_of_a_factor_are_exact(mode, n, factor, dtype):
    """A float counts as the simple fraction that it stands nearest to, where there is one."""
    m = floor(n * float(factor))
    assume(m > 0)
    copies = mode == "nearest" and m in (n, 2 * n)
    expected = nearest(n, m, Fraction(n, m) if copies else 1 / factor, mode)
    factors = 1.0, float(factor)
    assert pixels_taken(n, dtype, scale_factor=factors, mode=mode) == expected
    recomputed = {"scale_factor": factors, "recompute_scale_factor": True}
    found = pixels_taken(n, dtype, mode=mode, **recomputed)
    assert found == nearest(n, m, Fraction(n, m), mode)


@NEAREST
def test_nearest_pixels_of_an_odd_factor(mode):
    """A float with more digits than 64 bits can multiply is exact, too."""
    for factor in (np.pi, np.nextafter(2 / 3, 1), 1e-3 + 1e-17):
        m = int(4096 * factor)
        expected = nearest(4096, m, 1 / Fraction(factor), mode)
        assert pixels_taken(4096, scale_factor=(1.0, factor), mode=mode) == expected


def test_interpolate_float32():
    """Where no place is nearly a whole number, float32 finds the same pixels."""
    x = random(0, 1, 3, 8, 8, dtype="float32")
    for mode in ("nearest", "bilinear", "bicubic"):
        result = nn.interpolate(x, scale_factor=2, mode=mode)
        assert result.dtype == np.float32
        wide = nn.interpolate(x.astype("float64"), scale_factor=2, mode=mode)
        np.testing.assert_allclose(result, wide, atol=1e-5)


@pytest.mark.parametrize("size", [(3, 4), (5, 7), (10, 14), (13, 31)])
def test_gradients_of_interpolation_reach_their_pixels(size):
    """A gradient that is not a number spoils the one pixel that its result is."""
    x = random(0, 1, 1, 5, 7)
    taken = nn.interpolate(np.arange(35.0).reshape(x.shape), size)[0, 0].astype(int)
    for y, o in np.ndindex(size):
        grad = random(1, 1, 1, *size)
        grad[0, 0, y, o] = np.nan
        expected = np.bincount(taken.ravel(), grad.ravel(), minlength=35).reshape(x.shape)
        np.testing.assert_allclose(nn.interpolate_backward(grad, x, size), expected, atol=1e-12)


def test_shuffles():
    x = random(0, 2, 12, 4, 6)
    shuffled = nn.pixel_shuffle(x, 2)
    assert shuffled.shape == (2, 3, 8, 12)
    assert_same_bits(shuffled[:, 1, 1::2, 0::2], x[:, 6])
    assert_same_bits(nn.pixel_unshuffle(shuffled, 2), x)
    dealt = nn.channel_shuffle(x, 3)
    assert_same_bits(dealt[:, 1], x[:, 4])
    assert_same_bits(nn.channel_shuffle_backward(dealt, x, 3), x)
    assert_same_bits(nn.pixel_shuffle_backward(shuffled, x, 2), x)
    assert_same_bits(nn.pixel_unshuffle_backward(x, shuffled, 2), shuffled)


def test_gradients_are_slopes():
    x = [random(0, 2, 4, 6, 8)]
    for name, options in [
        ("unfold", {"kernel_size": 3, "padding": ((1, 0), (2, 1)), "stride": (2, 1)}),
        ("pad", {"pad": (2, 3, -1, 1), "mode": "replicate"}),
        ("pad", {"pad": (2, 3, 1, 1), "mode": "circular"}),
        ("pad", {"pad": (2, 3, 1, 1), "mode": "reflect"}),
        ("interpolate", {"size": (9, 5), "mode": "bicubic"}),
        ("interpolate", {"scale_factor": 0.7, "mode": "bilinear"}),
        ("interpolate", {"scale_factor": 2, "mode": "nearest"}),
        ("pixel_shuffle", {"upscale_factor": 2}),
        ("channel_shuffle", {"groups": 2}),
    ]:
        assert_gradients(
            lambda a, name=name, options=options: getattr(nn, name)(a, **options),
            lambda g, a, name=name, options=options: getattr(nn, f"{name}_backward")(
                g, a, **options
            ),
            x,
        )


def test_threads_change_no_bit(always_parallel):
    x = random(0, 3, 4, 21, 33, dtype="float32")
    options = {"size": (40, 17), "mode": "bicubic"}
    results = []
    for count in (1, 2, 5):
        with imgconv.threads(count):
            result = nn.interpolate(x, **options)
            results.append((result, nn.interpolate_backward(result, x, **options)))
    for result in results[1:]:
        for actual, expected in zip(result, results[0], strict=True):
            assert_same_bits(actual, expected)


X = np.zeros((1, 4, 6, 6))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nn.unfold(X, 9), "must fit into the padded input, got 9 pixels for 6"),
        (lambda: nn.fold(np.zeros((9, 6)), 6, 3), "a column for each of 4 x 4 windows, got 6"),
        (lambda: nn.fold(X, 6, 3), "input must have shape"),
        (lambda: nn.fold(np.zeros((10, 16)), 6, 3), "rows divisible by the window, 9, got 10"),
        (lambda: nn.pad(X, (1, 2, 3)), "pad must be pairs"),
        (lambda: nn.pad(X, (6, 0), "reflect"), "pad must be 2 numbers for 2 or 3 axes"),
        (lambda: nn.pad(X, (6, 0, 0, 0), "reflect"), "pad must be at most 5 for 'reflect'"),
        (lambda: nn.pad(X, (-3, -3)), "pad must leave a pixel of 6"),
        (lambda: nn.pad(X, (1, 1), "mirror"), "mode must be one of constant"),
        (lambda: nn.interpolate(X), "one of size and scale_factor must be given"),
        (lambda: nn.interpolate(X, 0), "size must be at least 1, got 0"),
        (lambda: nn.interpolate(X, scale_factor=0.1), "size must be at least 1, got 0"),
        (lambda: nn.interpolate(X, 3, mode="cubic"), "mode must be one of nearest"),
        (lambda: nn.interpolate(X, 3, align_corners=True), "align_corners needs mode"),
        (lambda: nn.pixel_shuffle(X, 3), "channels divisible by 9, got 4"),
        (lambda: nn.pixel_unshuffle(X, 4), r"size divisible by 4, got \(6, 6\)"),
        (lambda: nn.channel_shuffle(X, 3), "input must be divisible by groups"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(ValueError, match=message):
        call()
