"""Convolutions that are sums over channels alone: 1x1, and 3x3 by Winograd's algorithm."""

import re

import numpy as np
import oracle_nn
import pytest
from comparing import assert_same_bits
from hypothesis import given, settings
from hypothesis import strategies as st
from nn_reference import EXAMPLES, random

import imgconv
from imgconv import explain, threads
from imgconv.core import cpu
from imgconv.nn import conv2d, conv2d_backward, layers

DTYPES = ("float32", "float64")
# Up to so many times the rounding of the largest sum of magnitudes, for sums of any length.
ROUNDINGS = 16


def assert_accurate(actual, x, weight, bias=None, **options):
    """Off by the rounding of a random walk; the scale is that of a typical window."""
    wide = [None if each is None else each.astype(float) for each in (x, weight, bias)]
    expected = oracle_nn.conv2d(*wide, **options)
    assert actual.shape == expected.shape
    assert actual.dtype == x.dtype
    scale = np.sqrt(weight[0].size) * np.abs(x).max() * np.abs(weight).max()
    error = np.abs(actual - expected).max() / scale
    assert error < ROUNDINGS * np.finfo(x.dtype).eps


def assert_gradients_accurate(grad, x, weight, bias, winograd=None, **options):
    """Those of the input and of the weights, by this loop."""
    found = conv2d_backward(grad, x, weight, bias, **options, winograd=winograd)
    plan = explain(conv2d_backward, grad, x, weight, bias, **options, winograd=winograd)
    assert "Plan: channels_weights loop" in repr(plan)
    wide = [None if each is None else each.astype(float) for each in (grad, x, weight, bias)]
    expected = oracle_nn.conv2d_backward(*wide, **options)
    of_input = 9 * len(weight) / options.get("groups", 1), weight
    of_weights = grad[:, 0].size, x
    for actual, exact, (terms, factor) in zip(
        found, expected, (of_input, of_weights), strict=False
    ):
        scale = np.sqrt(terms) * np.abs(grad).max() * np.abs(factor).max()
        assert actual.dtype == x.dtype
        assert np.abs(actual - exact).max() / scale < ROUNDINGS * np.finfo(x.dtype).eps


def by_channels(function, *args, **options):
    """Whether a call takes this loop."""
    return "Plan: channels loop" in repr(explain(function, *args, **options))


any_layer = st.fixed_dictionaries(
    {
        "images": st.integers(1, 4),
        "groups": st.integers(1, 3),
        "inputs": st.integers(1, 20),
        "outputs": st.integers(1, 20),
        "size": st.tuples(st.integers(1, 30), st.integers(1, 45)),
        "padding": st.tuples(*[st.tuples(st.integers(0, 5), st.integers(0, 5))] * 2),
        "dtype": st.sampled_from(DTYPES),
        "bias": st.booleans(),
        "seed": st.integers(0, 1 << 20),
    }
)


def arrays(layer, kernel):
    groups, dtype, seed = layer["groups"], layer["dtype"], layer["seed"]
    outputs = groups * layer["outputs"]
    return (
        random(seed, layer["images"], groups * layer["inputs"], *layer["size"], dtype=dtype),
        random(seed + 1, outputs, layer["inputs"], *kernel, dtype=dtype),
        random(seed + 2, outputs, dtype=dtype) if layer["bias"] else None,
    )


@given(any_layer, st.tuples(st.integers(1, 5), st.integers(1, 5)))
@settings(max_examples=EXAMPLES)
def test_winograd(layer, dilation):
    """Any number of channels, groups and cells, cut cells, images smaller than the kernel."""
    options = {"groups": layer["groups"], "padding": layer["padding"], "dilation": dilation}
    sizes = zip(layer["size"], layer["padding"], dilation, strict=True)
    if any(n + sum(p) < 2 * d + 1 for n, p, d in sizes):
        return
    given_arrays = arrays(layer, (3, 3))
    actual = conv2d(*given_arrays, **options, winograd=True)
    assert_accurate(actual, *given_arrays, **options)
    grad = random(layer["seed"] + 3, *actual.shape, dtype=layer["dtype"])
    assert_gradients_accurate(grad, *given_arrays, **options, winograd=True)


@given(any_layer, st.tuples(st.integers(1, 4), st.integers(1, 4)))
@settings(max_examples=EXAMPLES)
def test_one_by_one(layer, stride):
    layer["inputs"] += 16
    layer["outputs"] += 16
    given_arrays = arrays(layer, (1, 1))
    options = {"groups": layer["groups"], "padding": layer["padding"], "stride": stride}
    assert by_channels(conv2d, *given_arrays, **options)
    actual = conv2d(*given_arrays, **options)
    assert_accurate(actual, *given_arrays, **options)
    grad = random(layer["seed"] + 3, *actual.shape, dtype=layer["dtype"])
    assert_gradients_accurate(grad, *given_arrays, **options)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("inputs", [16, 17, 255, 257, 600])
def test_several_panels_of_inputs(inputs, dtype):
    for kernel, options in ((1, {}), (3, {"padding": 1, "winograd": True})):
        x, weight = random(0, 2, inputs, 9, 13, dtype=dtype), random(1, 18, inputs, kernel, kernel)
        weight = weight.astype(dtype)
        actual = conv2d(x, weight, **options)
        options.pop("winograd", None)
        assert_accurate(actual, x, weight, **options)


@pytest.mark.parametrize("outputs", [*range(1, 20)])
def test_any_number_of_outputs(outputs):
    """The last tile has the outputs that remain; each output is the same as alone."""
    x, weight, bias = random(0, 2, 8, 7, 40), random(1, outputs, 8, 3, 3), random(2, outputs)
    result = conv2d(x, weight, bias, padding=1, winograd=True)
    for o in range(outputs):
        alone = conv2d(x, weight[o : o + 1], bias[o : o + 1], padding=1, winograd=True)
        np.testing.assert_allclose(result[:, o : o + 1], alone, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize(("kernel", "winograd"), [(1, None), (3, True)])
def test_an_image_is_the_same_alone(kernel, winograd):
    """Runs of cells begin and end within images."""
    x, weight = random(0, 5, 16, 11, 13), random(1, 20, 16, kernel, kernel)
    x, weight = x.astype("float32"), weight.astype("float32")
    result = conv2d(x, weight, winograd=winograd)
    for n in range(5):
        assert_same_bits(result[n : n + 1], conv2d(x[n : n + 1], weight, winograd=winograd))


@pytest.mark.parametrize("dtype", DTYPES)
def test_panels_of_any_width(dtype):
    """One vector and several, the last of which is cut."""
    found = set()
    for width in range(16, 70):
        x, weight = random(0, 1, 16, 1, width, dtype=dtype), random(1, 17, 16, 1, 1, dtype=dtype)
        found.add(explain(conv2d, x, weight).wide)
        assert_accurate(conv2d(x, weight), x, weight)
    assert len(found) >= 2


@pytest.mark.parametrize("kernel", [1, 3])
@pytest.mark.parametrize("dtype", DTYPES)
def test_threads_change_no_bit(kernel, dtype, always_parallel):
    results = []
    for count in (1, 2, 5):
        with imgconv.threads(count):
            x, weight, bias = random(0, 3, 40, 17, 23), random(1, 36, 20, kernel, kernel), None
            x, weight = x.astype(dtype), weight.astype(dtype)
            options = {"groups": 2, "padding": kernel // 2}
            assert by_channels(conv2d, x, weight, bias, **options)
            result = conv2d(x, weight, bias, **options)
            gradients = conv2d_backward(result, x, weight, **options)[:2]
            results.append((result, conv2d(x[:1], weight, **options), *gradients))
    for result in results[1:]:
        for actual, expected in zip(result, results[0], strict=True):
            assert_same_bits(actual, expected)


@pytest.mark.parametrize("inputs", [8, 16, 64, 256])
@pytest.mark.parametrize("positive", [False, True])
def test_error_of_winograd_beside_the_direct_one(inputs, positive):
    """docs/numerics.md: at most four times the direct one, in the mean and at its largest."""
    x, weight = random(0, 1, inputs, 64, 64), random(1, 16, inputs, 3, 3)
    x, weight = (np.abs(x) if positive else x).astype("float32"), weight.astype("float32")
    expected = oracle_nn.conv2d(x.astype(float), weight.astype(float))
    errors = [conv2d(x, weight, winograd=choice) - expected for choice in (True, False)]
    mean, largest = (
        np.divide(*[measure(error) for error in errors])
        for measure in (lambda e: np.sqrt(np.mean(e * e)), lambda e: np.abs(e).max())
    )
    assert mean < 4
    assert largest < 4


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38])
def test_what_is_not_finite_stays_in_its_windows(value):
    """Its image is computed directly, the others as without it."""
    x, weight = random(0, 3, 16, 18, 21, dtype="float32"), random(1, 16, 16, 3, 3, dtype="float32")
    clean = conv2d(x, weight, padding=1)
    x[1, 5, 7, 20] = value
    assert by_channels(conv2d, x, weight, padding=1)
    result = conv2d(x, weight, padding=1)
    assert_same_bits(result[::2], clean[::2])
    assert_same_bits(result[1:2], conv2d(x[1:2], weight, padding=1, winograd=False))


@pytest.mark.parametrize("value", [np.nan, np.inf, 3e38])
def test_gradients_that_are_not_finite(value):
    """They are those of the direct sums: only weights that meet the pixel are spoiled."""
    x, weight = random(0, 3, 16, 18, 21, dtype="float32"), random(1, 16, 16, 3, 3, dtype="float32")
    grad = random(2, 3, 16, 16, 19, dtype="float32")
    x[1, 5, 0, 20] = value
    found, expected = (
        conv2d_backward(grad, x, weight, winograd=choice)[1] for choice in (True, False)
    )
    assert 0.9 < np.isfinite(expected).mean() < 1
    assert_same_bits(found, expected)


def test_chunks_of_many_cells():
    """What chunks give is added."""
    x, weight = random(0, 3, 16, 41, 37, dtype="float32"), random(1, 18, 16, 1, 1, dtype="float32")
    assert_gradients_accurate(random(2, 3, 18, 41, 37, dtype="float32"), x, weight, None)
    plan = explain(conv2d_backward, np.ones((3, 18, 41, 37), "float32"), x, weight).plans[1]
    assert plan.params.chunks > 2


@pytest.mark.parametrize(("images", "size"), [(1, 14), (1, 56), (8, 28)])
@pytest.mark.parametrize("positive", [False, True])
def test_error_of_gradients_by_winograd(images, size, positive):
    """docs/numerics.md, in units of 2**-23 of the root mean square."""
    x, weight = random(0, images, 16, size, size), random(1, 16, 16, 3, 3)
    grad, x = random(2, images, 16, size, size), np.abs(x) if positive else x
    arrays = [each.astype("float32") for each in (grad, x, weight)]
    wide = [each.astype("float64") for each in arrays]
    exact = conv2d_backward(*wide, padding=1, winograd=False)[1]
    found = conv2d_backward(*arrays, padding=1, winograd=True)[1]
    error = (found - exact) / np.sqrt((exact**2).mean()) * 2.0**23
    assert np.sqrt((error**2).mean()) < 12
    assert np.abs(error).max() < 80


def test_numbers_that_overflow_on_the_way():
    x = np.full((1, 16, 8, 8), 1e37, "float32")
    weight = np.full((16, 16, 3, 3), 1e-3, "float32")
    result = conv2d(x, weight, winograd=True)
    np.testing.assert_allclose(result, 16 * 9 * 1e34, rtol=1e-5)


def test_bias_that_is_not_finite():
    x, weight = random(0, 2, 16, 8, 8), random(1, 16, 16, 3, 3)
    bias = np.zeros(16)
    bias[3] = np.inf
    assert (np.isinf(conv2d(x, weight, bias)).nonzero()[1] == 3).all()


def test_where_winograd_is_chosen():
    def chosen(images, inputs, outputs, size, kernel=3, **options):
        x = np.zeros((images, inputs, size, size), np.float32)
        weight = np.zeros((outputs, inputs // options.get("groups", 1), kernel, kernel), np.float32)
        return "Winograd" in repr(explain(conv2d, x, weight, **options))

    assert chosen(1, 64, 64, 56, padding=1)
    assert chosen(1, 128, 128, 56, padding=1, groups=4)
    assert not chosen(1, 64, 64, 56, padding=1, winograd=False)
    assert not chosen(1, 3, 64, 56)  # few inputs: the transforms cost more than they save
    assert not chosen(1, 64, 64, 4)  # one cell in a panel
    assert not chosen(1, 64, 64, 56, stride=2)
    assert chosen(1, 64, 64, 56, dilation=2)
    assert not chosen(1, 64, 64, 60, dilation=(15, 29))  # most cells would have one pixel
    assert not chosen(1, 64, 64, 56, kernel=5)
    assert not chosen(1, 1024, 1024, 56)  # weights of 150 MB


def test_plan():
    with threads(1):
        plan = explain(conv2d, np.zeros((2, 64, 9, 9)), np.zeros((20, 64, 3, 3)), winograd=True)
        described = repr(plan)
    widths = [cells for cells, _ in cpu.constant("channels", "float64", "PANELS")]
    assert plan.panel in widths
    assert re.fullmatch(
        r"Plan: channels loop, level \w+, in float64, by Winograd's algorithm for 4 x 4 results\n"
        r"  result  1 x \(2, 20, 7, 7\) float64\n"
        r"  window  3 x 3, pixel at \(0, 0\)\n"
        r"  image   2 images, 1 group of 64 inputs, 20 outputs\n"
        r"  cost    .* operations a number, .* in all\n"
        rf"  regions 1 of {-(-8 // plan.panel) * plan.panel} cells and 20 outputs, on 1 thread",
        described,
    )


def test_layers_take_the_option():
    x = random(0, 1, 8, 9, 9, dtype="float32")
    layer = layers.Conv2d(8, 8, 3, winograd=True, rng=1)
    assert "Winograd" in repr(explain(layer, x))
    assert_same_bits(layer(x), conv2d(x, layer.weight.value, layer.bias.value, winograd=True))


def test_refusals():
    x, weight = np.zeros((1, 8, 9, 9)), np.zeros((8, 8, 3, 3))
    with pytest.raises(ValueError, match="winograd must not be True but for a kernel"):
        conv2d(x, weight, stride=2, winograd=True)
    with pytest.raises(ValueError, match=r"of \(3, 3\) with stride 1, got \(3, 2\), \(1, 1\)"):
        conv2d(x, weight[..., :2], winograd=True)
    with pytest.raises(TypeError, match="winograd must be True, False or None, got 4"):
        conv2d(x, weight, winograd=4)
