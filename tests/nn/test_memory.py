"""Arrays that lie in memory in any way: what compiled loops are given, and the results."""

import numpy as np
import pytest
from comparing import assert_same_bits, awkward_arrays
from gradients import as_tuple, functions
from layer_calls import calls

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
    module, seen = cpu.module, []

    def watched(name, real):
        found = module(name, real)
        if name not in PLAIN:
            return found
        seen.append(name)
        return Watched(found)

    monkeypatch.setattr(cpu, "module", watched)
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
