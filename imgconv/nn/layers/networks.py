"""Layers of layers: one after the other, side by side, and around a shortcut."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from imgconv import geometry
from imgconv.core import check
from imgconv.nn.core.arrays import Array, Shape
from imgconv.nn.layers.base import Layer, Window

__all__ = [
    "Parallel",
    "Residual",
    "Sequential",
    "summary",
]


class _LayerList(Layer):
    """Layers by number."""

    def __init__(self, *layers: Layer) -> None:
        for layer in layers:
            if not isinstance(layer, Layer):
                raise TypeError(f"layers must be layers, got {type(layer).__name__}")
        self.inside = layers

    def children(self) -> dict[str, Layer]:
        """Return the layers by number."""
        return {str(number): layer for number, layer in enumerate(self.inside)}

    def __len__(self) -> int:
        return len(self.inside)

    def __getitem__(self, number: int | slice) -> Layer:
        """Return one of the layers, or a layer of several of them."""
        if isinstance(number, slice):
            return type(self)(*self.inside[number])
        return self.inside[number]


class Sequential(_LayerList):
    """Layers one after the other."""

    def forward(self, input: Array) -> Array:
        """Return the last layer's result."""
        for layer in self.inside:
            input = layer(input)
        return input

    def backward(self, grad_output: Array) -> Array:
        """Go back through all layers, the last one first."""
        for layer in reversed(self.inside):
            grad_output = layer.backward(grad_output)
        return grad_output

    def loop_plans(self, input: Array) -> tuple[Any, ...]:
        """Return the plans of all layers."""
        plans: tuple[Any, ...] = ()
        for layer in self.inside:
            plans += layer.loop_plans(input)
            input = np.empty(layer.output_shape(input.shape), input.dtype)
        return plans

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape of the last layer's result."""
        for layer in self.inside:
            shape = layer.output_shape(shape)
        return shape

    @property
    def windows(self) -> tuple[Window, ...]:
        """The windows of all layers."""
        return tuple(window for layer in self.inside for window in layer.windows)


class Residual(Layer):
    """A layer's result added to its input: x + body(x), a skip connection.

    Parameters
    ----------
    body : Layer
    shortcut : Layer, optional
        Applied to the input before it is added: a 1x1 convolution, where body changes the shape.
    """

    def __init__(self, body: Layer, shortcut: Layer | None = None) -> None:
        self.body, self.shortcut = body, shortcut

    def forward(self, input: Array) -> Array:
        """Return the sum of both paths."""
        skipped = input if self.shortcut is None else self.shortcut(input)
        result = self.body(input)
        _check_sum(result.shape, skipped.shape)
        return result + skipped

    def backward(self, grad_output: Array) -> Array:
        """Return the sum of the gradients of both paths."""
        skipped = grad_output if self.shortcut is None else self.shortcut.backward(grad_output)
        return self.body.backward(grad_output) + skipped

    def loop_plans(self, input: Array) -> tuple[Any, ...]:
        """Return the plans of both paths, the shortcut first."""
        return tuple(plan for path in reversed(self._paths()) for plan in path.loop_plans(input))

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape of the sum."""
        result = self.body.output_shape(shape)
        _check_sum(result, shape if self.shortcut is None else self.shortcut.output_shape(shape))
        return result

    @property
    def windows(self) -> tuple[Window, ...]:
        """One window, as large as that of both paths together."""
        return _widest(self._paths())

    def _paths(self) -> list[Layer]:
        return [self.body] if self.shortcut is None else [self.body, self.shortcut]


class Parallel(_LayerList):
    """Layers side by side, whose channels are joined, as in Inception."""

    def forward(self, input: Array) -> Array:
        """Return the channels of all branches."""
        results = [branch(input) for branch in self.inside]
        _joined_shape([result.shape for result in results])
        self._channels = [result.shape[-3] for result in results]
        return np.concatenate(results, axis=-3)

    def backward(self, grad_output: Array) -> Array:
        """Return the sum of the gradients of all branches."""
        ends = np.cumsum(self._channels)
        parts = np.split(grad_output, ends[:-1], axis=-3)
        grads = [b.backward(part) for b, part in zip(self.inside, parts, strict=True)]
        total: Array = sum(grads[1:], start=grads[0])
        return total

    def loop_plans(self, input: Array) -> tuple[Any, ...]:
        """Return the plans of all branches."""
        return tuple(plan for branch in self.inside for plan in branch.loop_plans(input))

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape with the channels of all branches."""
        return _joined_shape([branch.output_shape(shape) for branch in self.inside])

    @property
    def windows(self) -> tuple[Window, ...]:
        """One window, as large as that of all branches together."""
        return _widest(self.inside)


def _check_sum(one: Shape, other: Shape) -> None:
    if one != other:
        raise ValueError(f"both paths of Residual must give one shape, got {one} and {other}")


def _joined_shape(shapes: list[Shape]) -> Shape:
    """Return the shape of results whose channels are joined."""
    rest = {(shape[:-3], shape[-2:]) for shape in shapes}
    if len(rest) != 1:
        raise ValueError(f"branches of Parallel must differ in channels only, got {shapes}")
    return (*shapes[0][:-3], sum(shape[-3] for shape in shapes), *shapes[0][-2:])


def _widest(branches: Sequence[Layer]) -> tuple[Window, ...]:
    """Return one window as large as those of all branches, which have one stride."""
    fields = [check.pair(geometry.receptive_field([branch]), "kernel_size") for branch in branches]
    strides = {
        tuple(
            math.prod(check.pair(stride, "stride")[axis] for _, stride, _ in branch.windows)
            for axis in (0, 1)
        )
        for branch in branches
    }
    if len(strides) != 1:
        raise ValueError(f"branches must have one stride, got {sorted(strides)}")
    return (((max(y for y, _ in fields), max(x for _, x in fields)), strides.pop(), 1),)


def summary(layer: Layer, shape: Shape) -> str:
    """Return a table of a network: each layer, the shape of its result, and its parameters.

    Parameters
    ----------
    layer : Layer
        The network.
    shape : tuple of int
        The shape of an input.

    Returns
    -------
    str
        One line for each layer of a `Sequential`; one for any other.

    Examples
    --------
    >>> from imgconv.nn import layers
    >>> net = layers.Sequential(layers.Conv2d(1, 6, 3), layers.ReLU(), layers.MaxPool2d(2))
    >>> print(layers.summary(net, (1, 32, 32)))
    layer                 result            learned
    Conv2d                6 x 30 x 30            60
    ReLU                  6 x 30 x 30             0
    MaxPool2d             6 x 15 x 15             0
    total                                        60
    """
    lines = [("layer", "result", "learned")]
    for each in layer.inside if isinstance(layer, Sequential) else [layer]:
        shape = each.output_shape(shape)
        lines.append(
            (type(each).__name__, " x ".join(map(str, shape)), f"{each.parameter_count:,}")
        )
    lines.append(("total", "", f"{layer.parameter_count:,}"))
    return "\n".join(f"{name:20}  {result:15}{count:>10}" for name, result, count in lines)
