"""The base of all layers: parameters by name, a forward and a backward pass, files, plans."""

from __future__ import annotations

import inspect
import math
import os
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from imgconv.nn.core import arrays
from imgconv.nn.core.arrays import Array, Shape
from imgconv.nn.core.calls import LayerCall, LayerPlan
from imgconv.nn.core.checks import Around, Size

__all__ = ["FunctionLayer", "Layer", "Parameter"]

Padding = Size | Around | str
# Kernel, stride and dilation, each a number or a pair.
Window = tuple[Any, Any, Any]


class Parameter:
    """An array that is learned.

    Attributes
    ----------
    value : ndarray
        The numbers. Optimizers change them in place.
    grad : ndarray
        The gradient of the loss with respect to them; `Layer.backward` adds to it.
    """

    __slots__ = ("grad", "value")

    def __init__(self, value: Array) -> None:
        self.value = value
        self.grad = np.zeros_like(value)

    def __repr__(self) -> str:
        return f"Parameter{self.value.shape}"


def first_weights(
    shape: Shape, fan_in: int, rng: np.random.Generator, dtype: DTypeLike
) -> Parameter:
    """Return numbers between -1 / sqrt(fan_in) and 1 / sqrt(fan_in), PyTorch's first weights."""
    bound = 1 / math.sqrt(fan_in) if fan_in else 0.0
    return Parameter(rng.uniform(-bound, bound, shape).astype(arrays.float_dtype(dtype)))


class Layer:
    """Base of all layers.

    A subclass defines `forward` and `backward`, and keeps what `backward` needs of the latest
    `forward`. Attributes that are parameters or layers are found by their names. Arrays that are
    not learned but belong into files, such as a running mean, are named in `buffers`.

    Attributes
    ----------
    training : bool
        Whether layers that behave differently in training (dropout, batch norm) do so. `train` and
        `eval` set it, for this layer and all layers inside.
    windows : tuple of (kernel, stride, dilation)
        The windows, one after another, that a pixel of the result is computed from; empty where it
        depends on its own pixel only.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv.nn.layers import Layer, Parameter
    >>> class Scale(Layer):
    ...     def __init__(self, factor):
    ...         self.factor = Parameter(np.array(factor))
    ...     def forward(self, input):
    ...         self.input = input
    ...         return input * self.factor.value
    ...     def backward(self, grad_output):
    ...         self.factor.grad += (grad_output * self.input).sum()
    ...         return grad_output * self.factor.value
    >>> scale = Scale(3.0)
    >>> scale(np.array([1.0, 2.0]))
    array([3., 6.])
    >>> scale.backward(np.ones(2)), scale.factor.grad
    (array([3., 3.]), array(3.))
    """

    training = True
    # Names of the arrays that files contain besides the parameters.
    buffers: ClassVar[tuple[str, ...]] = ()

    def forward(self, input: Array) -> Array:
        """Return the result for an input."""
        raise NotImplementedError(f"{type(self).__name__} has no forward")

    def backward(self, grad_output: Array) -> Array:
        """Return the input's gradient from that of the result; add to those of the parameters."""
        raise NotImplementedError(f"{type(self).__name__} has no backward")

    def __call__(self, input: Array) -> Array:
        """Return the result for an input."""
        return self.forward(input)

    def output_shape(self, shape: Shape) -> Shape:
        """Return the result's shape for an input of this shape, without computing it."""
        return shape

    @property
    def windows(self) -> tuple[Window, ...]:
        """The windows of a result pixel, for `imgconv.geometry.receptive_field`."""
        return ()

    # ---- plans

    def call(self, input: ArrayLike) -> LayerCall[Array]:
        """Return what `forward` runs, for `imgconv.explain`.

        Raises
        ------
        TypeError
            If no function in this layer calls a compiled loop.
        """
        array = np.asarray(input)
        plans = self.loop_plans(array)
        if not plans:
            raise TypeError(
                f"function must be one of imgconv that calls a compiled loop, got layer {self!r}"
            )

        def plan() -> Any:
            if len(plans) == 1 and not self.children():
                return plans[0]  # that of the function
            shape = self.output_shape(array.shape)
            return LayerPlan(plans, shape, array.dtype, type(self).__name__)

        return LayerCall(lambda: self(array), plan)

    def loop_plans(self, input: Array) -> tuple[Any, ...]:
        """Return the plans of the compiled loops that `forward` calls, in their order.

        Only the input's shape, dtype and memory layout count, not its numbers.
        """
        return ()

    # ---- what is inside

    def children(self) -> dict[str, Layer]:
        """Return the layers inside this one by name."""
        return {name: value for name, value in vars(self).items() if isinstance(value, Layer)}

    def own_parameters(self) -> dict[str, Parameter]:
        """Return the parameters of this layer itself by name."""
        return {name: value for name, value in vars(self).items() if isinstance(value, Parameter)}

    def layers(self, prefix: str = "") -> Iterator[tuple[str, Layer]]:
        """Yield this layer and all layers inside it, each with the prefix of its names."""
        yield prefix, self
        for name, child in self.children().items():
            yield from child.layers(f"{prefix}{name}.")

    def parameters(self) -> dict[str, Parameter]:
        """Return all parameters by name: "weight", "0.weight" in a `Sequential`."""
        return {
            prefix + name: parameter
            for prefix, layer in self.layers()
            for name, parameter in layer.own_parameters().items()
        }

    @property
    def parameter_count(self) -> int:
        """How many numbers are learned."""
        return sum(parameter.value.size for parameter in self.parameters().values())

    def zero_grad(self) -> None:
        """Set all gradients to 0."""
        for parameter in self.parameters().values():
            parameter.grad[...] = 0

    def train(self, training: bool = True) -> Self:
        """Set `training` of this layer and all layers inside."""
        for _, layer in self.layers():
            layer.training = training
        return self

    def eval(self) -> Self:
        """Set `training` of this layer and all layers inside to False."""
        return self.train(False)

    # ---- to and from files

    def state(self) -> dict[str, Array]:
        """Return all arrays by name, under PyTorch's names; they are not copied."""
        state = {name: parameter.value for name, parameter in self.parameters().items()}
        for prefix, layer in self.layers():
            state |= {prefix + name: getattr(layer, name) for name in layer.buffers}
        return state

    def load_state(self, state: dict[str, ArrayLike]) -> Self:
        """Copy arrays into those of this layer that have the same names.

        Raises
        ------
        ValueError
            If a name is missing or unknown, or a shape is another.
        """
        own = self.state()
        if own.keys() != state.keys():
            missing, unknown = sorted(own.keys() - state.keys()), sorted(state.keys() - own.keys())
            raise ValueError(
                f"state must have the names of the layer; missing: {missing}, unknown: {unknown}"
            )
        new = {name: np.asarray(value) for name, value in state.items()}
        for name, array in own.items():
            arrays.check_shape(new[name], array.shape, name)
        for name, array in own.items():
            array[...] = new[name]
        return self

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write all arrays to a file in NumPy's format .npz."""
        with open(path, "wb") as file:
            np.savez(file, **self.state())  # type: ignore[arg-type]

    def load(self, path: str | os.PathLike[str]) -> Self:
        """Read all arrays from a file that `save` has written."""
        with np.load(path, allow_pickle=False) as file:
            return self.load_state(dict(file))

    # ---- for readers

    def describe(self) -> str:
        """Return the layer's arguments as they are written in a call."""
        return ""

    def __repr__(self) -> str:
        inside = self.children()
        if not inside:
            return f"{type(self).__name__}({self.describe()})"
        lines = [f"({name}): {child!r}" for name, child in inside.items()]
        body = "\n".join(lines).replace("\n", "\n  ")
        return f"{type(self).__name__}(\n  {body}\n)"


class FunctionLayer(Layer):
    """A layer that is one function, with the layer's parameters and options as its arguments.

    Attributes
    ----------
    function : (callable, callable)
        The function and its gradient, which take the input, the layer's parameters and the options
        by their names.
    options : dict
        The function's other arguments.
    """

    function: ClassVar[tuple[Callable[..., Any], Callable[..., Any]]]

    def __init__(self, **options: Any) -> None:
        self.options = options
        # The arguments of the latest call, for `backward`.
        self._latest: dict[str, Any] | None = None

    def call_options(self, input: Array) -> dict[str, Any]:
        """Return the options for one call."""
        return self.options

    def arguments(self, input: Array) -> dict[str, Any]:
        """Return all arguments of the function for one call, by name."""
        return self._arguments(input, self.call_options(input))

    def _arguments(self, input: Array, options: dict[str, Any]) -> dict[str, Any]:
        values = {name: parameter.value for name, parameter in self.own_parameters().items()}
        return {"input": input, **values, **options}

    def loop_plans(self, input: Array) -> tuple[Any, ...]:
        """Return the plan of the function, if it calls a compiled loop."""
        make = getattr(self.function[0], "call", None)
        if make is None:
            return ()
        return (make(**self._arguments(input, self.plan_options(input))).plan(),)

    def plan_options(self, input: Array) -> dict[str, Any]:
        """Return options that have the same plan as those of a call, without computing any."""
        return self.options

    def forward(self, input: Array) -> Array:
        """Return the function's result."""
        self._latest = self.arguments(input)
        result: Array = self.function[0](**self._latest)
        return result

    def backward(self, grad_output: Array) -> Array:
        """Return the input's gradient, for the latest call; add to those of the parameters."""
        if self._latest is None:
            raise ValueError(f"{type(self).__name__}.backward must come after forward")
        gradients = self.function[1](grad_output, **self._latest)
        parameters = self.own_parameters().values()
        if not isinstance(gradients, tuple):
            gradients = (gradients,)
        for parameter, gradient in zip(parameters, gradients[1:], strict=False):
            parameter.grad += gradient
        grad_input: Array = gradients[0]
        return grad_input

    def describe(self) -> str:
        """Return the options that are not the default."""
        known = inspect.signature(type(self)).parameters
        return ", ".join(
            f"{name}={value!r}"
            for name, value in self.options.items()
            if name not in known or known[name].default != value
        )
