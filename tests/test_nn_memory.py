"""Arrays that lie in memory in any way: what compiled loops are given, and the results."""

import numpy as np
import pytest
from comparing import assert_same_bits, awkward_arrays
from gradients import as_tuple, functions

import imgconv
from imgconv import nn
from imgconv.core import cpu

# Loops that read arrays as they lie; those of filters are told strides and byte order, and look at
# the alignment themselves.
PLAIN = {"conv2d", "deform", "interpolate", "pool2d"}
# In these, numbers follow one another as in a fresh array, and sums are of the same bits.
IN_ORDER = {"fresh", "read-only", "byte-swapped", "unaligned"}
LAYOUTS = [*sorted(IN_ORDER), "unaligned", "strided", "offset", "reversed", "fortran", "transposed"]
DRAWS = 12


def calls(name, rng, dtype):
    """Return calls of a function: its arrays and its other arguments."""

    def x(*shape):
        return rng.standard_normal(shape).astype(dtype)

    images, share = x(2, 4, 6, 8), rng.uniform(0.1, 0.9, (2, 3, 5)).astype(dtype)
    losses = [((x(2, 3, 5), x(2, 3, 5)), {})]
    table = {
        "adaptive_avg_pool2d": [((images, (2, 3)), {})],
        "adaptive_max_pool2d": [((images, (4, 3)), {})],
        "avg_pool2d": [
            ((images, 3), {"padding": 1}),
            ((images[0], 2), {"divisor_override": 3}),
        ],
        "batch_norm": [
            ((images, None, None, x(4), x(4)), {"training": True}),
            ((images, x(4), share[0, 0, :4].copy(), x(4), None), {}),
        ],
        "binary_cross_entropy": [((share, share[::-1].copy()), {})],
        "channel_shuffle": [((images, 2), {})],
        "conv2d": [
            ((images, x(6, 4, 3, 3), x(6)), {"padding": 1}),
            ((images, x(4, 2, 2, 3)), {"groups": 2, "stride": 2}),
            ((images[0], x(3, 4, 1, 1), x(3)), {}),
            ((images, x(3, 4, 3, 3)), {"padding": 2, "padding_mode": "reflect"}),
        ],
        "conv_transpose2d": [((images, x(4, 3, 3, 2), x(3)), {"stride": 2, "padding": 1})],
        "cross_entropy": [
            ((x(5, 7), rng.integers(0, 7, 5)), {}),
            ((x(5, 7), x(5, 7)), {"label_smoothing": 0.1}),
        ],
        "deform_conv2d": [
            ((images, x(2, 18, 4, 6), x(3, 4, 3, 3), x(3)), {"mask": x(2, 9, 4, 6)}),
            ((images, x(2, 18, 4, 6), x(3, 4, 3, 3)), {}),
        ],
        "dropout": [((images,), {"mask": images > 0})],
        "fold": [((x(2, 12, 20), (5, 6), 2), {})],
        "interpolate": [
            ((images, (9, 5)), {"mode": mode})
            for mode in ("nearest", "nearest-exact", "bilinear", "bicubic")
        ],
        "l1_loss": losses,
        "linear": [((x(5, 4), x(3, 4), x(3)), {})],
        "log_softmax": [((images, 1), {})],
        "lp_pool2d": [((images, 2, 2), {})],
        "max_pool2d": [((images, 3), {"stride": 2, "padding": 1})],
        "max_unpool2d": [((images[:, :, :3, :4], rng.permutation(48)[:12].reshape(3, 4)
                           + np.zeros((2, 4, 1, 1), np.int64), 2), {})],
        "mse_loss": losses,
        "pad": [((images, (1, 2, 0, 1)), {"mode": mode}) for mode in ("constant", "reflect")],
        "pixel_shuffle": [((images, 2), {})],
        "pixel_unshuffle": [((images, 2), {})],
        "prelu": [((images, x(4)), {})],
        "smooth_l1_loss": losses,
        "softmax": [((images, -1), {})],
        "unfold": [((images, (2, 3)), {"padding": 1})],
    }  # fmt: skip
    return table.get(name, [((images,), {})])


def laid(value, layout):
    """Return an array in another layout, where it can have that; other arguments as they are."""
    if not isinstance(value, np.ndarray) or value.ndim == 0:
        return value
    return dict(awkward_arrays(value)).get(layout, value)


class Watched:
    """A loop that refuses arrays that C does not let it read as they lie."""

    def __init__(self, loop):
        self.loop = loop

    def __getattr__(self, name):
        found = getattr(self.loop, name)

        def watched(*args):
            for each in args:
                if isinstance(each, np.ndarray):
                    assert each.flags.aligned
                    assert each.flags.c_contiguous
                    assert each.dtype.isnative
            return found(*args)

        return watched if callable(found) else found


@pytest.fixture
def watched_loops(monkeypatch):
    """The loops that read arrays as they lie look at what they are given."""
    loop, seen = cpu.loop, []

    def watched(name, real):
        found = loop(name, real)
        if name not in PLAIN:
            return found
        seen.append(name)
        return Watched(found)

    monkeypatch.setattr(cpu, "loop", watched)
    return seen


@pytest.mark.usefixtures("always_parallel", "watched_loops")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", functions())
def test_any_layout(name, dtype):
    function, backward = getattr(nn, name), getattr(nn, f"{name}_backward")
    rng = np.random.default_rng(sum(map(ord, name)))
    for args, words in calls(name, rng, dtype):
        expected = np.asarray(function(*args, **words))
        grad = np.asarray(rng.standard_normal(expected.shape).astype(dtype))
        gradients = as_tuple(backward(grad, *args, **words))
        for _ in range(DRAWS):
            drawn = [str(each) for each in rng.choice(LAYOUTS, 1 + len(args) + len(words))]
            layouts = list(drawn)
            given = [laid(value, layouts.pop()) for value in args]
            options = {key: laid(value, layouts.pop()) for key, value in words.items()}
            same = IN_ORDER.issuperset(drawn)
            with imgconv.threads(int(rng.integers(1, 4))):
                found = function(*given, **options)
                back = as_tuple(backward(laid(grad, layouts.pop()), *given, **options))
            for one, other in zip([found, *back], [expected, *gradients], strict=True):
                assert_alike(one, other, same)


def assert_alike(actual, expected, same):
    """The same bits, or nearly where sums may be added up in another order."""
    if expected is None:
        assert actual is None
        return
    assert actual.dtype == expected.dtype
    assert actual.dtype.isnative
    if same:
        assert_same_bits(np.asarray(actual), expected)
    tolerance = 1e3 * np.finfo(expected.dtype).eps
    np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int64", "uint64", "float16", "float32"])
def test_places_in_any_layout(dtype, watched_loops):
    """Pooling that compares takes integers, too."""
    images = (100 * np.random.default_rng(0).random((2, 3, 7, 9))).astype(dtype)
    expected = nn.max_pool2d(images, 3, return_indices=True)
    for _, awkward in awkward_arrays(images):
        for one, other in zip(
            nn.max_pool2d(awkward, 3, return_indices=True), expected, strict=True
        ):
            assert_same_bits(one, other)
    assert "pool2d" in watched_loops
