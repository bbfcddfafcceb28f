"""What layers are compared with: PyTorch where it is installed, else the reference."""

import os

import numpy as np
import oracle_nn

try:
    import torch
except ImportError:
    torch = None

# Draws of each property; IMGCONV_EXAMPLES=5000 for a long run.
EXAMPLES = int(os.environ.get("IMGCONV_EXAMPLES", "60"))


def reference(name, arrays, *arguments, **options):
    """Return the result of a function and its vector-Jacobian product.

    The product is a function of grad_output, which returns one gradient for each array.
    """
    if torch is None:
        result = getattr(oracle_nn, name)(*arrays, *arguments, **options)

        def back(grad):
            found = getattr(oracle_nn, f"{name}_backward")(grad, *arrays, *arguments, **options)
            return found if isinstance(found, tuple) else (found,)

        return result, back
    function = getattr(torch.nn.functional, name)
    given = [None if each is None else torch.tensor(each, requires_grad=True) for each in arrays]
    output = function(*given, *arguments, **options)

    def back(grad):
        known = [each for each in given if each is not None]
        found = iter(torch.autograd.grad(output, known, torch.tensor(grad)))
        return tuple(None if each is None else next(found).numpy() for each in given)

    return output.detach().numpy(), back


def random(seed, *shape, dtype=np.float64):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def assert_near(actual, expected, terms=1):
    """Equal but for the rounding of sums of so many terms near 1."""
    expected = np.asarray(expected)
    assert actual.shape == expected.shape
    assert actual.dtype == expected.dtype
    tolerance = 16 * np.finfo(actual.dtype).eps * max(terms, 1)
    np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance)


def assert_gradients(function, backward, arrays, seed=0):
    """Gradients are slopes along a random direction, by central differences in float64."""
    result = function(*arrays)
    grad = random(seed, *result.shape)
    found = backward(grad, *arrays)
    found = found if isinstance(found, tuple) else (found,)
    for k, (array, slope) in enumerate(zip(arrays, found, strict=True)):
        assert slope.shape == array.shape
        direction = random(seed + 1 + k, *array.shape)
        step = 1e-6
        ends = [
            function(*arrays[:k], array + sign * step * direction, *arrays[k + 1 :])
            for sign in (1, -1)
        ]
        expected = ((ends[0] - ends[1]) * grad).sum() / (2 * step)
        scale = np.abs(slope * direction).sum() + 1
        np.testing.assert_allclose((slope * direction).sum(), expected, rtol=0, atol=1e-7 * scale)
