"""Arrays of any memory layout: what compiled loops get, and the results."""

import numpy as np
import pytest
from comparing import assert_same_bits, awkward_arrays
from gradients import as_tuple, functions
from layer_calls import calls

import imgconv
from imgconv import nn
from imgconv.core import cpu

# Loops that read arrays as they are; those of filters get strides and byte order, and check the
# alignment themselves.
AS_THEY_ARE = {"channels", "conv2d", "conv2d_weights", "deform", "interpolate", "pool2d"}
# In these, numbers follow one another as in a fresh array, and sums are of the same bits.
IN_ORDER = {"fresh", "read-only", "byte-swapped", "unaligned"}
LAYOUTS = [*sorted(IN_ORDER), "unaligned", "strided", "offset", "reversed", "fortran", "transposed"]
DRAWS = 12


def with_layout(value, layout):
    """Return an array in another layout, where it can have that; other arguments as they are."""
    if not isinstance(value, np.ndarray) or value.ndim == 0:
        return value
    return dict(awkward_arrays(value)).get(layout, value)


class CheckingLoop:
    """A loop that refuses arrays that it cannot read as they are."""

    def __init__(self, loop):
        self.loop = loop

    def __getattr__(self, name):
        found = getattr(self.loop, name)

        def checked(*args):
            for each in args:
                if isinstance(each, np.ndarray):
                    assert each.flags.aligned
                    assert each.flags.c_contiguous
                    assert each.dtype.isnative
            return found(*args)

        return checked if callable(found) else found


@pytest.fixture
def checked_loops(monkeypatch):
    """The loops that read arrays as they are check what they get; returns their names."""
    module, seen = cpu.module, []

    def checking(name, real):
        found = module(name, real)
        if name not in AS_THEY_ARE:
            return found
        seen.append(name)
        return CheckingLoop(found)

    monkeypatch.setattr(cpu, "module", checking)
    return seen


@pytest.mark.usefixtures("always_parallel", "checked_loops")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", functions())
def test_any_layout(name, dtype):
    function, backward = getattr(nn, name), getattr(nn, f"{name}_backward")
    rng = np.random.default_rng(sum(map(ord, name)))
    for args, options in calls(name, rng, dtype):
        expected = np.asarray(function(*args, **options))
        grad = np.asarray(rng.standard_normal(expected.shape).astype(dtype))
        gradients = as_tuple(backward(grad, *args, **options))
        for _ in range(DRAWS):
            drawn = [str(each) for each in rng.choice(LAYOUTS, 1 + len(args) + len(options))]
            layouts = list(drawn)
            given = [with_layout(value, layouts.pop()) for value in args]
            in_layout = {key: with_layout(value, layouts.pop()) for key, value in options.items()}
            same = IN_ORDER.issuperset(drawn)
            with imgconv.threads(int(rng.integers(1, 4))):
                found = function(*given, **in_layout)
                back = as_tuple(backward(with_layout(grad, layouts.pop()), *given, **in_layout))
            for one, other in zip([found, *back], [expected, *gradients], strict=True):
                assert_close_or_same(one, other, same)


def assert_close_or_same(actual, expected, same):
    """The same bits if `same`, else nearly: sums may run in another order."""
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
def test_places_in_any_layout(dtype, checked_loops):
    """Pooling that compares takes integers, too."""
    images = (100 * np.random.default_rng(0).random((2, 3, 7, 9))).astype(dtype)
    expected = nn.max_pool2d(images, 3, return_indices=True)
    for _, awkward in awkward_arrays(images):
        for one, other in zip(
            nn.max_pool2d(awkward, 3, return_indices=True), expected, strict=True
        ):
            assert_same_bits(one, other)
    assert "pool2d" in checked_loops
