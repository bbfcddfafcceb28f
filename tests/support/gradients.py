"""Gradients to compare those of a layer with: finite differences, and PyTorch if installed."""

import inspect

import numpy as np
import pytest

from imgconv import nn

try:
    import torch
except ImportError:
    torch = None

needs_torch = pytest.mark.skipif(torch is None, reason="PyTorch is not installed")

STEP = 1e-6


def differences(function, array, grad_output):
    """Gradient of sum(function(array) * grad_output) with respect to a float64 array."""
    array = np.asarray(array)
    gradient = np.empty_like(array)
    for place in np.ndindex(array.shape):
        sides = []
        for step in (STEP, -STEP):
            moved = np.array(array)
            moved[place] += step
            sides.append(np.sum(function(moved) * grad_output))
        gradient[place] = (sides[0] - sides[1]) / (2 * STEP)
    return gradient


def as_tuple(gradients):
    return gradients if isinstance(gradients, tuple) else (gradients,)


def check_differences(name, arrays, rng, tol=1e-6, **options):
    """Compare `name_backward` with finite differences with respect to each array."""
    function, backward = getattr(nn, name), getattr(nn, f"{name}_backward")
    grad_output = np.asarray(rng.standard_normal(np.shape(function(*arrays, **options))))
    gradients = as_tuple(backward(grad_output, *arrays, **options))
    for k, gradient in enumerate(gradients):
        if gradient is None:
            assert arrays[k] is None
            continue

        def of_one(array, k=k):
            return function(*arrays[:k], array, *arrays[k + 1 :], **options)

        expected = differences(of_one, arrays[k], grad_output)
        np.testing.assert_allclose(gradient, expected, rtol=tol, atol=tol)


def check_torch(name, arrays, rng, *, reference=None, constants=(), tol=None, **options):
    """Compare a function and its gradients with those of `torch.nn.functional`."""
    reference = reference or getattr(torch.nn.functional, name)
    tensors = [None if a is None else torch.tensor(a, requires_grad=True) for a in arrays]
    expected = reference(*tensors, *map(torch.tensor, constants), **_tensors(options))
    result = getattr(nn, name)(*arrays, *constants, **options)
    dtype = np.asarray(arrays[0]).dtype
    tol = tol or {"float32": 2e-5, "float64": 1e-10}[dtype.name]
    assert np.asarray(result).dtype == dtype
    np.testing.assert_allclose(result, expected.detach().numpy(), rtol=tol, atol=tol)
    grad_output = np.asarray(rng.standard_normal(np.shape(result))).astype(dtype)
    expected.backward(torch.tensor(grad_output))
    gradients = getattr(nn, f"{name}_backward")(grad_output, *arrays, *constants, **options)
    for tensor, gradient in zip(tensors, as_tuple(gradients), strict=True):
        if tensor is None:
            assert gradient is None
            continue
        assert gradient.dtype == dtype
        scale = tol * max(1.0, float(np.abs(tensor.grad.numpy()).max(initial=0)))
        np.testing.assert_allclose(gradient, tensor.grad.numpy(), rtol=tol, atol=scale)


def _tensors(options):
    return {
        name: torch.tensor(value) if isinstance(value, np.ndarray) else value
        for name, value in options.items()
    }


def functions():
    """Return all functions of `imgconv.nn` that have a gradient."""
    names = {name for name in nn.__all__ if inspect.isfunction(getattr(nn, name))}
    return sorted(name for name in names if f"{name}_backward" in names)
