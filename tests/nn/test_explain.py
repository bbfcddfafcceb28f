"""`imgconv.explain` of what `imgconv.nn` has: a plan wherever a compiled loop is called."""

import re

import numpy as np
import pytest
from gradients import as_tuple, functions
from layer_calls import calls

import imgconv
from imgconv import nn
from imgconv.core import threads
from imgconv.nn import layers


def loops_of(plan):
    return set(re.findall(r"Plan: (\w+) loop", repr(plan)))


def with_gradients(name):
    """Yield calls of a function and of its gradient, with the shapes of their first results."""
    function, backward = getattr(nn, name), getattr(nn, f"{name}_backward")
    for args, options in calls(name, np.random.default_rng(1), "float32"):
        result = np.asarray(function(*args, **options))
        yield function, args, options, result.shape
        grad_args = (np.ones_like(result), *args)
        yield backward, grad_args, options, as_tuple(backward(*grad_args, **options))[0].shape


@pytest.mark.parametrize("name", functions())
def test_every_function_that_calls_a_loop_has_a_plan(name, loops_used):
    for function, args, options, shape in with_gradients(name):
        loops = loops_used(function, *args, **options)
        if loops:
            plan = imgconv.explain(function, *args, **options)
            assert loops_of(plan) == loops
            assert plan.shape[-len(shape) :] == shape
            assert plan.dtype == np.float32
            assert plan.cost > 0
        else:
            with pytest.raises(TypeError, match="that calls a compiled loop, got <function"):
                imgconv.explain(function, *args, **options)


@pytest.mark.parametrize("name", functions())
def test_nothing_runs(name, monkeypatch):
    """A plan is made without calling a loop."""
    explained = [
        (function, args, options)
        for function, args, options, _ in with_gradients(name)
        if hasattr(function, "call")
    ]
    monkeypatch.setattr(threads, "run_parallel", None)
    monkeypatch.setattr(threads, "SERIAL_BELOW", 0)
    for function, args, options in explained:
        imgconv.explain(function, *args, **options)


def test_repr_lists_the_loops_in_order():
    images, weight = np.zeros((2, 3, 8, 8), np.float32), np.zeros((4, 3, 3, 3), np.float32)
    with imgconv.threads(1):
        grad = np.zeros((2, 4, 6, 6), np.float32)
        described = repr(imgconv.explain(nn.conv2d_backward, grad, images, weight))
        pooled = repr(imgconv.explain(nn.max_pool2d, images, 2, return_indices=True))
    assert re.fullmatch(
        r"Plan: conv2d loop, level \w+, in float32\n"
        r"  result  1 x \(2, 3, 8, 8\) float32\n"
        r"  window .*\n  image .*\n  cost .*\n  regions .*\n"
        r"Plan: conv2d_weights loop, level \w+, in float32\n"
        r"  result  1 x \(1, 4, 3, 3, 3\) float32\n"
        r"  window .*\n  image .*\n  cost .*\n  regions .*\n"
        r"Together: gradients of input, weight and bias\n"
        r"  result  \(2, 3, 8, 8\) float32\n"
        r"  cost    62\.2 operations a number, 2\.39e\+04 in all",
        described,
    )
    assert re.fullmatch(
        r"Plan: pool2d loop \(largest\), level \w+, in float32\n"
        r"  result  \(2, 3, 4, 4\) float32\n"
        r"  window  2 x 2\n"
        r"  cost    4 operations a number, 384 in all, on 1 thread",
        pooled,
    )


class TestLayers:
    def test_one_function(self):
        layer, x = layers.Conv2d(3, 4, 3, rng=1), np.zeros((2, 3, 8, 8), np.float32)
        expected = imgconv.explain(nn.conv2d, x, layer.weight.value, layer.bias.value)
        assert imgconv.explain(layer, x) is expected

    def test_state_stays(self):
        """The next backward pass is that of the latest forward pass."""
        layer = layers.DeformConv2d(1, 2, 3, padding=1, modulated=True, rng=1)
        x = np.random.default_rng(1).random((1, 1, 5, 5), np.float32)
        grad = layer(x)
        expected = layer.backward(grad)
        imgconv.explain(layer, np.zeros((3, 1, 9, 9), np.float32))
        np.testing.assert_array_equal(layer.backward(grad), expected)

    def test_without_a_loop(self):
        for layer in (layers.ReLU(), layers.Sequential(layers.Flatten(), layers.Linear(4, 2))):
            with pytest.raises(TypeError, match="calls a compiled loop, got layer"):
                imgconv.explain(layer, np.zeros((1, 1, 2, 2), np.float32))
