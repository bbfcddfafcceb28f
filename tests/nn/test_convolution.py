"""Convolution: against PyTorch or the reference, and bits, memory layouts, plans and errors."""

import re

import numpy as np
import oracle_nn
import pytest
from comparing import assert_same_bits
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from nn_reference import EXAMPLES, assert_gradients, assert_near, random, reference

import imgconv
from imgconv import explain, threads
from imgconv.nn import (
    conv2d,
    conv2d_backward,
    conv_transpose2d,
    conv_transpose2d_backward,
    deform_conv2d,
    deform_conv2d_backward,
)

DTYPES = ("float32", "float64")


def pairs(low, high):
    return st.tuples(st.integers(low, high), st.integers(low, high))


layers = st.fixed_dictionaries(
    {
        "images": st.integers(1, 3),
        "groups": st.integers(1, 3),
        "inputs": st.integers(1, 5),
        "outputs": st.integers(1, 12),
        "size": st.tuples(st.integers(1, 40), st.integers(1, 70)),
        "kernel": pairs(1, 4),
        "stride": pairs(1, 4),
        "dilation": pairs(1, 3),
        "padding": pairs(0, 5),
        "dtype": st.sampled_from(DTYPES),
        "bias": st.booleans(),
        "seed": st.integers(0, 1 << 20),
    }
)


def arrays(layer, transposed=False):
    """Input, weight, bias."""
    groups, inputs, outputs = layer["groups"], layer["inputs"], layer["outputs"]
    first, second = (inputs, outputs) if transposed else (outputs, inputs)
    dtype, seed = layer["dtype"], layer["seed"]
    return (
        random(seed, layer["images"], groups * inputs, *layer["size"], dtype=dtype),
        random(seed + 1, groups * first, second, *layer["kernel"], dtype=dtype),
        random(seed + 2, groups * outputs, dtype=dtype) if layer["bias"] else None,
    )


def fits(layer):
    return all(
        n + 2 * p > (k - 1) * d
        for n, p, k, d in zip(
            layer["size"], layer["padding"], layer["kernel"], layer["dilation"], strict=True
        )
    )


def assert_gradients_as(backward, grad, given, arguments, expected, terms):
    found = backward(grad, *given, *arguments)
    for one, other in zip(found, expected, strict=True):
        assert (one is None) == (other is None)
        if one is not None:
            assert_near(one, other, terms)


@given(layers)
@settings(max_examples=EXAMPLES)
def test_conv2d(layer):
    assume(fits(layer))
    given_arrays = arrays(layer)
    arguments = tuple(layer[name] for name in ("stride", "padding", "dilation", "groups"))
    expected, back = reference("conv2d", given_arrays, *arguments)
    assert_near(conv2d(*given_arrays, *arguments), expected, given_arrays[1][0].size)
    grad = random(layer["seed"] + 3, *expected.shape, dtype=layer["dtype"])
    assert_gradients_as(conv2d_backward, grad, given_arrays, arguments, back(grad), expected.size)


@given(layers, st.data())
@settings(max_examples=EXAMPLES)
def test_conv_transpose2d(layer, data):
    layer["size"] = tuple(min(n, 20) for n in layer["size"])
    most = [max(s, d) for s, d in zip(layer["stride"], layer["dilation"], strict=True)]
    more = tuple(data.draw(st.integers(0, m - 1)) for m in most)
    for n, s, d, k, p, m in zip(
        layer["size"], layer["stride"], layer["dilation"], layer["kernel"], layer["padding"], more,
        strict=True,
    ):  # fmt: skip
        assume((n - 1) * s + d * (k - 1) + 1 + m > 2 * p)
    given_arrays = arrays(layer, transposed=True)
    arguments = layer["stride"], layer["padding"], more, layer["groups"], layer["dilation"]
    terms = given_arrays[1][:, 0].size
    actual = conv_transpose2d(*given_arrays, *arguments)
    assert_near(actual, oracle_nn.conv_transpose2d(*given_arrays, *arguments), terms)
    grad = random(layer["seed"] + 3, *actual.shape, dtype=layer["dtype"])
    _, back = reference("conv_transpose2d", given_arrays, *arguments)
    assert_gradients_as(
        conv_transpose2d_backward, grad, given_arrays, arguments, back(grad), actual.size
    )


@given(layers, pairs(0, 6), st.sampled_from(["zeros", "reflect", "replicate", "circular"]))
@settings(max_examples=EXAMPLES)
def test_borders_of_two_sides(layer, after, mode):
    """((top, bottom), (left, right)) and padding modes, which PyTorch's function does not have."""
    padding = tuple(zip(layer["padding"], after, strict=True))
    assume(all(max(p) < n for p, n in zip(padding, layer["size"], strict=True)))
    assume(
        all(
            n + sum(p) > (k - 1) * d
            for n, p, k, d in zip(
                layer["size"], padding, layer["kernel"], layer["dilation"], strict=True
            )
        )
    )
    given_arrays = arrays(layer)
    arguments = layer["stride"], padding, layer["dilation"], layer["groups"], mode
    expected = oracle_nn.conv2d(*given_arrays, *arguments)
    assert_near(conv2d(*given_arrays, *arguments), expected, given_arrays[1][0].size)
    grad = random(layer["seed"] + 3, *expected.shape, dtype=layer["dtype"])
    gradients = oracle_nn.conv2d_backward(grad, *given_arrays, *arguments)
    assert_gradients_as(conv2d_backward, grad, given_arrays, arguments, gradients, expected.size)


@pytest.mark.parametrize(
    ("images", "weight", "options"),
    [
        ((2, 64, 30, 56), (64, 64, 3, 3), {"padding": 1}),
        ((1, 3, 60, 224), (64, 3, 7, 7), {"padding": 3, "stride": 2}),
        ((1, 256, 28, 28), (64, 256, 1, 1), {}),
        ((1, 200, 9, 9), (520, 200, 3, 3), {"padding": 1}),
        ((1, 1, 200, 512), (16, 1, 7, 7), {"padding": 3}),
        ((3, 12, 40, 40), (12, 1, 3, 3), {"padding": 1, "groups": 12}),
        ((1, 2, 5, 9000), (3, 2, 3, 5), {"padding": 2}),
    ],
)
def test_deep_and_wide_layers(images, weight, options):
    """Several regions, parts of the inputs, columns of regions, results written in place."""
    for dtype in DTYPES:
        given_arrays = random(0, *images, dtype=dtype), random(1, *weight, dtype=dtype)
        expected, back = reference("conv2d", (*given_arrays, None), **options)
        actual = conv2d(*given_arrays, **options)
        assert_near(actual, expected, given_arrays[1][0].size)
        grad = random(2, *expected.shape, dtype=dtype)
        found = conv2d_backward(grad, *given_arrays, **options)
        for one, other in zip(found[:2], back(grad)[:2], strict=True):
            assert_near(one, other, expected.size // 8)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("outputs", [*range(1, 15), 17, 64])
def test_any_number_of_outputs(outputs, dtype):
    """The last tile has the outputs that remain; each output is the same as alone."""
    x, weight, bias = random(0, 2, 5, 7, 40), random(1, outputs, 5, 3, 3), random(2, outputs)
    x, weight, bias = (each.astype(dtype) for each in (x, weight, bias))
    result = conv2d(x, weight, bias, padding=1)
    for o in range(outputs):
        alone = conv2d(x, weight[o : o + 1], bias[o : o + 1], padding=1)
        assert_same_bits(result[:, o : o + 1], alone)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("dilation", [(1, 1), (1, 3), (2, 1)])
@pytest.mark.parametrize("stride", [1, 2, (1, 2), (3, 1)])
@pytest.mark.parametrize("kernel", [(1, 1), (1, 3), (2, 3), (3, 3), (5, 2), (5, 5), (3, 7)])
def test_depthwise(kernel, stride, dilation, dtype):
    """Rows in fours and pairs, and an odd one; columns around the edges of tiles; a NaN."""
    for height, width in ((1, 16), (2, 17), (3, 31), (8, 33), (9, 63), (4, 65), (5, 130), (6, 12)):
        x, weight, bias = random(0, 2, 3, height, width), random(1, 3, 1, *kernel), random(2, 3)
        x, weight, bias = (each.astype(dtype) for each in (x, weight, bias))
        options = {"stride": stride, "dilation": dilation, "groups": 3,
                   "padding": (kernel[0], kernel[1] // 2 * dilation[1])}  # fmt: skip
        expected, _ = reference("conv2d", (x, weight, bias), **options)
        assert_near(conv2d(x, weight, bias, **options), expected, weight[0].size)
        x[1, 1, height // 2, width // 2] = np.nan
        expected = oracle_nn.conv2d(x, weight, bias, **options)
        assert_same_bits(np.isnan(conv2d(x, weight, bias, **options)), np.isnan(expected))


def test_gradients_are_slopes():
    given_arrays = random(0, 2, 4, 7, 6), random(1, 6, 2, 3, 2), random(2, 6)
    options = {"stride": (2, 1), "padding": ((1, 2), (0, 3)), "dilation": (1, 2), "groups": 2}
    for mode in ("zeros", "reflect", "replicate", "circular"):
        assert_gradients(
            lambda *a, mode=mode: conv2d(*a, **options, padding_mode=mode),
            lambda *a, mode=mode: conv2d_backward(*a, **options, padding_mode=mode),
            given_arrays,
        )
    given_arrays = random(0, 2, 4, 7, 6), random(1, 4, 3, 3, 2), random(2, 6)
    options = {"stride": (3, 2), "padding": 1, "output_padding": 1, "groups": 2}
    assert_gradients(
        lambda *a: conv_transpose2d(*a, **options),
        lambda *a: conv_transpose2d_backward(*a, **options),
        given_arrays,
    )


# ---- deformable --------------------------------------------------------------------------------


def deformed(x, offset, weight, bias, stride, padding, dilation, mask):
    """The definition, pixel by pixel."""
    outputs, inputs, kh, kw = weight.shape
    taps, (oh, ow) = kh * kw, offset.shape[2:]
    shares = offset.shape[1] // (2 * taps)
    wide = np.pad(x, ((0, 0), (0, 0), (1, 2), (1, 2)))
    columns = np.zeros((*x.shape[:2], taps, oh, ow))
    for n, c, t, y, o in np.ndindex(columns.shape):
        g = c // (x.shape[1] // shares)
        dy, dx = offset[n, 2 * (g * taps + t) : 2 * (g * taps + t) + 2, y, o]
        at_y = y * stride[0] - padding[0] + t // kw * dilation[0] + dy
        at_x = o * stride[1] - padding[1] + t % kw * dilation[1] + dx
        if -1 < at_y < x.shape[2] and -1 < at_x < x.shape[3]:
            top, left = int(np.floor(at_y)), int(np.floor(at_x))
            down, right = at_y - top, at_x - left
            four = wide[n, c, top + 1 : top + 3, left + 1 : left + 3]
            value = np.array([1 - down, down]) @ four @ np.array([1 - right, right])
            columns[n, c, t, y, o] = value * (1 if mask is None else mask[n, g * taps + t, y, o])
    groups = x.shape[1] // inputs
    parts = columns.reshape(len(x), groups, inputs, taps, oh, ow)
    kernel = weight.reshape(groups, -1, inputs, taps)
    result = np.einsum("goit,ngithw->ngohw", kernel, parts).reshape(len(x), outputs, oh, ow)
    return result + bias[:, None, None]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(("groups", "shares"), [(1, 1), (2, 1), (1, 2), (2, 4)])
def test_deform_conv2d(dtype, masked, groups, shares):
    stride, padding, dilation = (2, 1), (1, 2), (1, 2)
    given_arrays = [
        random(0, 2, 4, 8, 7),
        2 * random(1, 2, 2 * shares * 6, 4, 9),
        random(2, 4, 4 // groups, 3, 2),
        random(3, 4),
    ]
    mask = np.abs(random(4, 2, shares * 6, 4, 9)) if masked else None
    given_arrays = [each.astype(dtype) for each in given_arrays]
    options = {"stride": stride, "padding": padding, "dilation": dilation}
    expected = deformed(*given_arrays, stride, padding, dilation, mask)
    given_mask = None if mask is None else mask.astype(dtype)
    actual = deform_conv2d(*given_arrays, **options, mask=given_mask)
    assert_near(actual, expected.astype(dtype), 64)
    if dtype == "float64":
        more = [] if mask is None else [mask]

        def function(x, offset, weight, bias, mask=None):
            return deform_conv2d(x, offset, weight, bias, **options, mask=mask)

        def backward(grad, x, offset, weight, bias, mask=None):
            found = deform_conv2d_backward(grad, x, offset, weight, bias, **options, mask=mask)
            return found if mask is not None else found[:4]

        assert_gradients(function, backward, [*given_arrays, *more])


def test_deformed_by_nothing():
    x, weight = random(0, 1, 3, 9, 8), random(1, 5, 3, 3, 3)
    offset = np.zeros((1, 18, 9, 8))
    assert_near(deform_conv2d(x, offset, weight, padding=1), conv2d(x, weight, padding=1), 32)


def test_deformed_planes_have_less_than_31_bits():
    x = np.broadcast_to(np.float32(0), (1, 1, 1, 1 << 31))
    with pytest.raises(ValueError, match="at most 2147483647 pixels in a plane"):
        deform_conv2d(x, x, np.zeros((1, 1, 1, 1), np.float32))


# ---- beyond numbers ----------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
def test_threads_change_no_bit(dtype, always_parallel):
    x, weight, bias = (
        random(k, *shape, dtype=dtype)
        for k, shape in enumerate([(3, 6, 31, 45), (16, 3, 3, 3), (16,)])
    )
    grad = random(3, 3, 16, 16, 23, dtype=dtype)
    options = {"stride": 2, "padding": 1, "groups": 2}
    results = []
    for count in (1, 2, 5):
        with imgconv.threads(count):
            results.append(
                (
                    conv2d(x, weight, bias, **options),
                    *conv2d_backward(grad, x, weight, bias, **options),
                    conv_transpose2d(grad, weight, stride=2, padding=1),
                )
            )
    for result in results[1:]:
        for actual, expected in zip(result, results[0], strict=True):
            assert_same_bits(actual, expected)


@pytest.mark.parametrize("dtype", DTYPES)
def test_memory_layouts(dtype):
    x, weight = random(0, 2, 4, 12, 20, dtype=dtype), random(1, 8, 4, 3, 3, dtype=dtype)
    expected = conv2d(x, weight, padding=1)
    swapped = x.astype(x.dtype.newbyteorder())
    wide = np.repeat(x, 2, axis=3)[..., ::2]
    last = np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    x.setflags(write=False)
    for each in (swapped, wide, last, x):
        result = conv2d(each, weight, padding=1)
        assert_same_bits(result, expected)
        assert result.dtype.isnative
    for kernel in (np.asfortranarray(weight), weight[::-1][::-1], weight.astype(swapped.dtype)):
        assert_same_bits(conv2d(x, kernel, padding=1), expected)
    assert_same_bits(conv2d(x[1], weight, padding=1), expected[1])


def test_weights_may_change_in_place():
    x, weight = random(0, 1, 3, 9, 9), random(1, 4, 3, 3, 3)
    conv2d(x, weight)
    weight[2] *= 2
    assert_same_bits(conv2d(x, weight), conv2d(x, weight.copy()))


class TestPlan:
    IMAGES, WEIGHT = np.zeros((2, 6, 20, 30), np.float32), np.zeros((8, 3, 3, 2), np.float32)

    def test_repr_shows_what_runs(self):
        with threads(1):
            described = repr(explain(conv2d, self.IMAGES, self.WEIGHT, None, 2, 1, 2, groups=2))
        assert re.fullmatch(
            r"Plan: conv2d loop, level \w+, in float32\n"
            r"  result  1 x \(2, 8, 9, 15\) float32\n"
            r"  window  5 x 3, pixel at \(1, 1\), every 2 x 2 pixels\n"
            r"  image   2 images, 2 groups of 3 inputs, 4 outputs\n"
            r"  cost    44.7 operations a number, 9.65e\+04 in all\n"
            r"  regions 1 of 9 x 15 pixels and 4 outputs, on 1 thread",
            described,
        )

    @pytest.mark.usefixtures("always_parallel")
    def test_repr_shows_the_regions_of_each_thread(self):
        images, weight = np.zeros((1, 8, 64, 64)), np.zeros((8, 8, 3, 3))
        made = explain(conv_transpose2d, images, weight, stride=2)
        assert "in 2 x 2 phases" in repr(made)
        for count in (1, 2, 5):
            with threads(count):
                regions, rest = re.search(r"regions (\d+) of (.*)", repr(made)).groups()
                assert int(regions) >= 2 * count or count == 1
                assert rest.endswith(f"on {count} thread{'s' if count > 1 else ''}")

    def test_made_once_for_any_number_of_threads(self):
        first = explain(conv2d, self.IMAGES, self.WEIGHT, groups=2)
        with threads(3):
            assert explain(conv2d, self.IMAGES + 1, self.WEIGHT + 1, groups=2) is first
        assert first.regions(3) is first.regions(3)
        assert first.regions(3) is not first.regions(2)
        assert explain(conv2d, self.IMAGES[:1], self.WEIGHT, groups=2) is not first

    def test_shape_is_that_of_the_result(self):
        offset = np.zeros((2, 2 * 6, 18, 29), np.float32)
        image = self.IMAGES[:, :3]
        for function, *args in (
            (conv2d, image, self.WEIGHT),
            (conv_transpose2d, image, self.WEIGHT.swapaxes(0, 1).copy()),
            (deform_conv2d, image, offset, self.WEIGHT),
        ):
            assert explain(function, *args).shape[1:] == function(*args).shape[1:]


def test_nan_spoils_its_windows_only():
    x, weight = random(0, 1, 5, 30, 33, dtype="float32"), random(1, 7, 5, 3, 3, dtype="float32")
    x[0, 2, 11, 32] = np.nan
    spoiled = np.isnan(conv2d(x, weight, padding=1))
    expected = np.zeros((30, 33), bool)
    expected[10:13, 31:] = True
    assert (spoiled == expected).all()


def test_same_and_valid():
    x, weight = random(0, 1, 2, 9, 10), random(1, 3, 2, 4, 3)
    same = conv2d(x, weight, padding="same", dilation=(1, 2))
    assert same.shape == (1, 3, 9, 10)
    assert_same_bits(same, conv2d(x, weight, padding=((1, 2), (2, 2)), dilation=(1, 2)))
    assert_same_bits(conv2d(x, weight, padding="valid"), conv2d(x, weight))


def test_no_images():
    x, weight = np.zeros((0, 2, 9, 9)), random(1, 3, 2, 3, 3)
    assert conv2d(x, weight).shape == (0, 3, 7, 7)
    grads = conv2d_backward(np.zeros((0, 3, 7, 7)), x, weight)
    assert grads[0].shape == x.shape
    assert (grads[1] == 0).all()


X, W = np.zeros((1, 4, 8, 8)), np.zeros((6, 2, 3, 3))


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((X, W), {}, "input must have 2 channels, got 4"),
        ((X, W), {"groups": 4}, "weight must be divisible by groups, got 6 channels, 4"),
        ((X, W), {"groups": 0}, "groups must be at least 1, got 0"),
        ((X, W, np.zeros(5)), {"groups": 2}, r"bias must have shape \(6,\), got \(5,\)"),
        ((X, W), {"groups": 2, "stride": 0}, "stride must be positive, got 0"),
        ((X, W), {"groups": 2, "dilation": (1, 0)}, r"dilation must be positive, got \(1, 0\)"),
        ((X, W), {"groups": 2, "padding": -1}, "padding must be at least 0, got -1"),
        (
            (X, W),
            {"groups": 2, "dilation": 4},
            "must fit into the padded input, got 9 pixels for 8",
        ),
        ((X, W), {"groups": 2, "padding": "same", "stride": 2}, "stride must be 1 for padding="),
        ((X, W), {"groups": 2, "padding": "full"}, "padding must be one of same, valid"),
        ((X, W), {"groups": 2, "padding": 8, "padding_mode": "reflect"}, "at most 7 for 'reflect'"),
        ((X, W), {"groups": 2, "padding_mode": "wrap"}, "padding_mode must be one of zeros"),
        ((X[0, 0], W), {}, "input must have shape"),
        ((X[:, :, :0], W), {"groups": 2}, "input must not be empty"),
        ((X, W[0]), {}, "weight must have 4 axes, got 3"),
        ((X, W[:0]), {}, "weight must not be empty"),
    ],
)
def test_refusals(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        conv2d(*arguments, **options)


def test_refusals_of_the_transpose():
    weight = np.zeros((4, 2, 3, 3))
    for options, message in [
        ({"output_padding": 1}, "output_padding must be less than stride or dilation, 1, got 1"),
        ({"padding": 5}, r"padding must leave a pixel of 10, got \(5, 5\)"),
        ({"groups": 3}, "weight must be divisible by groups"),
    ]:
        if "groups" in options:
            with pytest.raises(ValueError, match="divisible"):
                conv2d(X, weight, **options)
        else:
            with pytest.raises(ValueError, match=message):
                conv_transpose2d(X, weight, **options)
    with pytest.raises(ValueError, match=r"grad_output must have shape \(1, 6, 6, 6\)"):
        conv2d_backward(X, X, W, groups=2)


def test_refused_dtypes():
    for dtype in ("int32", "float16", "complex128", "bool"):
        with pytest.raises(TypeError, match=dtype):
            conv2d(X.astype(dtype), W, groups=2)
    with pytest.raises(TypeError, match="float32"):
        conv2d(X, W.astype("float32"), groups=2)


def test_refusals_of_deformed():
    x, weight = np.zeros((1, 4, 5, 5)), np.zeros((2, 4, 3, 3))
    with pytest.raises(ValueError, match="offset must have shape"):
        deform_conv2d(x, np.zeros((1, 18, 5, 5)), weight)
    with pytest.raises(ValueError, match="offset must have 18 channels for each group"):
        deform_conv2d(x, np.zeros((1, 54, 3, 3)), weight)
    with pytest.raises(ValueError, match="mask must have shape"):
        deform_conv2d(x, np.zeros((1, 18, 3, 3)), weight, mask=np.zeros((1, 8, 3, 3)))
