"""Layers: the functions of `imgconv.nn` with parameters, a way back, and names to be kept under.

Names, arguments and first weights are those of `torch.nn`, and so are the names in a file: a state
can come from PyTorch, array by array. Layers take (N, C, H, W), and (C, H, W) where the function
does.

>>> import numpy as np
>>> from imgconv.nn import layers
>>> rng = np.random.default_rng(1)
>>> net = layers.Sequential(
...     layers.Conv2d(1, 6, 3, rng=rng), layers.ReLU(), layers.MaxPool2d(2),
...     layers.Flatten(), layers.Linear(6 * 15 * 15, 10, rng=rng),
... )
>>> scores = net(np.zeros((8, 1, 32, 32), np.float32))
>>> scores.shape, net.parameter_count
((8, 10), 13570)
>>> net.backward(np.ones_like(scores)).shape
(8, 1, 32, 32)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from imgconv import geometry
from imgconv.core import check
from imgconv.nn import activation, arrays
from imgconv.nn import functional as F  # noqa: N812
from imgconv.nn.layer import Array, FunctionLayer, Layer, Parameter, Shape, Window

__all__ = [
    "ELU",
    "AdaptiveAvgPool2d",
    "AdaptiveMaxPool2d",
    "AvgPool2d",
    "BatchNorm2d",
    "Conv2d",
    "ConvTranspose2d",
    "DeformConv2d",
    "Dropout",
    "Flatten",
    "FunctionLayer",
    "LPPool2d",
    "Layer",
    "LeakyReLU",
    "Linear",
    "LogSoftmax",
    "MaxPool2d",
    "PReLU",
    "Parallel",
    "Parameter",
    "PixelShuffle",
    "RReLU",
    "ReLU",
    "Residual",
    "Sequential",
    "Sigmoid",
    "Softmax",
    "Tanh",
    "Upsample",
    "summary",
]

Pair = int | tuple[int, int]
Padding = Pair | tuple[tuple[int, int], tuple[int, int]] | str
Seed = np.random.Generator | int | None


# ---- layers that are learned -----------------------------------------------------------------


def _uniform(shape: Shape, fan_in: int, rng: np.random.Generator, dtype: DTypeLike) -> Parameter:
    """Return numbers between -1 / sqrt(fan_in) and 1 / sqrt(fan_in), PyTorch's first weights."""
    bound = 1 / math.sqrt(fan_in) if fan_in else 0.0
    return Parameter(rng.uniform(-bound, bound, shape).astype(arrays.float_dtype(dtype)))


class Linear(FunctionLayer):
    """A matrix product and a bias: (..., in_features) to (..., out_features)."""

    function = F.linear, F.linear_backward

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        rng: Seed = None,
        dtype: DTypeLike = np.float32,
    ) -> None:
        super().__init__()
        ins = check.at_least(in_features, "in_features", 1)
        outs = check.at_least(out_features, "out_features", 1)
        rng = np.random.default_rng(rng)
        self.weight = _uniform((outs, ins), ins, rng, dtype)
        self.bias = _uniform((outs,), ins, rng, dtype) if bias else None

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape with another last axis."""
        outs, ins = self.weight.value.shape
        if not shape or shape[-1] != ins:
            raise ValueError(f"input must have shape (..., {ins}), got {shape}")
        return (*shape[:-1], outs)

    @property
    def windows(self) -> tuple[Window, ...]:
        """There are none: a result sees everything."""
        raise ValueError("Linear has no window: each result sees the whole input")

    def describe(self) -> str:
        """Return the sizes."""
        outs, ins = self.weight.value.shape
        return f"{ins}, {outs}" + _without_bias(self.bias)


class _Convolution(FunctionLayer):
    """What convolution layers share: weights, a window, and channels."""

    transposed = False
    bias: Parameter | None

    def __init__(
        self,
        channels: tuple[int, int],
        kernel_size: Pair,
        groups: int,
        bias: bool,
        rng: Seed,
        dtype: DTypeLike,
        **options: Any,
    ) -> None:
        super().__init__(groups=groups, **options)
        ins = check.at_least(channels[0], "in_channels", 1)
        outs = check.at_least(channels[1], "out_channels", 1)
        kernel = check.integers(kernel_size, "kernel_size", 1)
        check.at_least(groups, "groups", 1)
        if ins % groups or outs % groups:
            raise ValueError(
                f"groups must divide in_channels and out_channels, got {groups} for {channels}"
            )
        self.channels, self.kernel_size = channels, kernel
        first, second = (ins, outs) if self.transposed else (outs, ins)
        shape = (first, second // groups, *kernel)
        fan_in = math.prod(shape[1:])
        rng = np.random.default_rng(rng)
        self.weight = _uniform(shape, fan_in, rng, dtype)
        self.bias = _uniform((outs,), fan_in, rng, dtype) if bias else None

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape with other channels and sizes."""
        ins, outs = self.channels
        if len(shape) not in {3, 4} or shape[-3] != ins:
            raise ValueError(
                f"input must have shape ({ins}, H, W) or (N, {ins}, H, W), got {shape}"
            )
        size = geometry.output_size(shape[-2:], self.kernel_size, **self._geometry())
        return (*shape[:-3], outs, *size)

    def _geometry(self) -> dict[str, Any]:
        """Return the options as `imgconv.geometry` knows them."""
        named = {name: self.options[name] for name in ("stride", "dilation")}
        if self.transposed:
            named |= {"transposed": True, "output_padding": self.options["output_padding"]}
        padding = self.options["padding"]
        return named | {"shape" if isinstance(padding, str) else "padding": padding}

    @property
    def windows(self) -> tuple[Window, ...]:
        """The kernel, with its stride and dilation."""
        if self.transposed:
            raise ValueError("ConvTranspose2d has no window of whole pixels: it is upsampling")
        return ((self.kernel_size, self.options["stride"], self.options["dilation"]),)

    def describe(self) -> str:
        """Return channels, kernel, and what is not the default."""
        given = [*map(str, self.channels), str(self.kernel_size), super().describe()]
        return ", ".join(filter(None, given)) + _without_bias(self.bias)


def _without_bias(bias: Parameter | None) -> str:
    return ", bias=False" if bias is None else ""


class Conv2d(_Convolution):
    """Convolution, as `torch.nn.Conv2d`; see `imgconv.nn.conv2d`."""

    function = F.conv2d, F.conv2d_backward

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Pair,
        stride: Pair = 1,
        padding: Padding = 0,
        dilation: Pair = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        *,
        rng: Seed = None,
        dtype: DTypeLike = np.float32,
    ) -> None:
        super().__init__(
            (in_channels, out_channels), kernel_size, groups, bias, rng, dtype,
            stride=stride, padding=padding, dilation=dilation, padding_mode=padding_mode,
        )  # fmt: skip


class ConvTranspose2d(_Convolution):
    """Transposed convolution, which makes images larger; see `imgconv.nn.conv_transpose2d`."""

    function = F.conv_transpose2d, F.conv_transpose2d_backward
    transposed = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Pair,
        stride: Pair = 1,
        padding: Pair = 0,
        output_padding: Pair = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Pair = 1,
        *,
        rng: Seed = None,
        dtype: DTypeLike = np.float32,
    ) -> None:
        super().__init__(
            (in_channels, out_channels), kernel_size, groups, bias, rng, dtype,
            stride=stride, padding=padding, output_padding=output_padding, dilation=dilation,
        )  # fmt: skip


class DeformConv2d(_Convolution):
    """Convolution whose taps move; a convolution of the input says by how much.

    That layer, `offset`, begins with zeros, so that at first no tap moves. With `modulated` it
    gives a weight for each tap, too, between 0 and 2 and 1 at first (J. Dai et al., "Deformable
    convolutional networks", 2017; X. Zhu et al., "Deformable ConvNets v2", 2019).
    `imgconv.nn.deform_conv2d` takes offsets from anywhere.
    """

    function = F.deform_conv2d, F.deform_conv2d_backward

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Pair,
        stride: Pair = 1,
        padding: Pair = 0,
        dilation: Pair = 1,
        groups: int = 1,
        bias: bool = True,
        *,
        modulated: bool = False,
        rng: Seed = None,
        dtype: DTypeLike = np.float32,
    ) -> None:
        super().__init__(
            (in_channels, out_channels), kernel_size, groups, bias, rng, dtype,
            stride=stride, padding=padding, dilation=dilation,
        )  # fmt: skip
        self.modulated = modulated
        taps = math.prod(self.kernel_size)
        self.offset = Conv2d(
            in_channels, (3 if modulated else 2) * taps, kernel_size, stride, padding, dilation,
            dtype=dtype,
        )  # fmt: skip
        for parameter in self.offset.parameters().values():
            parameter.value[...] = 0

    def call_options(self, input: Array) -> dict[str, Any]:
        """Return the options with the offsets that this input asks for."""
        moves = self.offset(input)
        options = {name: value for name, value in self.options.items() if name != "groups"}
        taps = 2 * math.prod(self.kernel_size)
        options["offset"] = np.ascontiguousarray(moves[..., :taps, :, :])
        if self.modulated:
            options["mask"] = 2 * activation.sigmoid(moves[..., taps:, :, :])
        return options

    def backward(self, grad_output: Array) -> Array:
        """Return the input's gradient, by way of the pixels and by way of the offsets."""
        if self._call is None:
            raise ValueError("DeformConv2d.backward must come after forward")
        g_input, g_offset, g_weight, g_bias, g_mask = self.function[1](grad_output, **self._call)
        self.weight.grad += g_weight
        if self.bias is not None:
            self.bias.grad += g_bias
        moves = g_offset
        if self.modulated:
            mask = self._call["mask"]
            moves = np.concatenate([g_offset, g_mask * mask * (1 - mask / 2)], axis=-3)
        back: Array = g_input + self.offset.backward(moves)
        return back


class BatchNorm2d(FunctionLayer):
    """Each channel brought to mean 0 and variance 1, as `torch.nn.BatchNorm2d`."""

    function = F.batch_norm, F.batch_norm_backward
    buffers = ("running_mean", "running_var", "num_batches_tracked")

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        *,
        dtype: DTypeLike = np.float32,
    ) -> None:
        super().__init__(eps=eps, momentum=momentum)
        channels, kind = check.at_least(num_features, "num_features", 1), arrays.float_dtype(dtype)
        self.weight, self.bias = (
            Parameter(np.ones(channels, kind)),
            Parameter(np.zeros(channels, kind)),
        )
        self.running_mean, self.running_var = np.zeros(channels, kind), np.ones(channels, kind)
        self.num_batches_tracked = np.zeros((), np.int64)

    def call_options(self, input: Array) -> dict[str, Any]:
        """Return the options with what has been seen so far."""
        if np.ndim(input) != 4:
            raise ValueError(f"input must have shape (N, C, H, W), got {np.shape(input)}")
        self.num_batches_tracked += self.training
        seen = {"running_mean": self.running_mean, "running_var": self.running_var}
        return {**self.options, **seen, "training": self.training}

    def describe(self) -> str:
        """Return the channels and the options."""
        return ", ".join(filter(None, [str(self.running_mean.size), super().describe()]))


class PReLU(FunctionLayer):
    """`imgconv.nn.prelu`: what is negative, times a factor that is learned."""

    function = F.prelu, F.prelu_backward

    def __init__(
        self, num_parameters: int = 1, init: float = 0.25, *, dtype: DTypeLike = np.float32
    ) -> None:
        super().__init__()
        count = check.at_least(num_parameters, "num_parameters", 1)
        self.weight = Parameter(np.full(count, init, arrays.float_dtype(dtype)))


# ---- layers without parameters ---------------------------------------------------------------


class ReLU(FunctionLayer):
    """`imgconv.nn.relu`: what is negative becomes 0."""

    function = F.relu, F.relu_backward

    def __init__(self) -> None:
        super().__init__()


class LeakyReLU(FunctionLayer):
    """`imgconv.nn.leaky_relu`: what is negative, times a factor."""

    function = F.leaky_relu, F.leaky_relu_backward

    def __init__(self, negative_slope: float = 0.01) -> None:
        super().__init__(negative_slope=negative_slope)


class RReLU(FunctionLayer):
    """`imgconv.nn.rrelu`: what is negative, times factors that are random in training."""

    function = F.rrelu, F.rrelu_backward

    def __init__(self, lower: float = 1 / 8, upper: float = 1 / 3, *, rng: Seed = None) -> None:
        super().__init__(lower=lower, upper=upper)
        self.rng = np.random.default_rng(rng)

    def call_options(self, input: Array) -> dict[str, Any]:
        """Return the options, with factors drawn anew."""
        options = {**self.options, "training": self.training}
        if self.training:
            options["slopes"] = activation.draw_slopes(
                np.shape(input), **self.options, rng=self.rng
            )
        return options


class ELU(FunctionLayer):
    """`imgconv.nn.elu`: what is negative, bent towards a limit."""

    function = F.elu, F.elu_backward

    def __init__(self, alpha: float = 1.0) -> None:
        super().__init__(alpha=alpha)


class Sigmoid(FunctionLayer):
    """`imgconv.nn.sigmoid`: between 0 and 1."""

    function = F.sigmoid, F.sigmoid_backward

    def __init__(self) -> None:
        super().__init__()


class Tanh(FunctionLayer):
    """`imgconv.nn.tanh`: between -1 and 1."""

    function = F.tanh, F.tanh_backward

    def __init__(self) -> None:
        super().__init__()


class Softmax(FunctionLayer):
    """`imgconv.nn.softmax`: probabilities along an axis."""

    function = F.softmax, F.softmax_backward

    def __init__(self, dim: int) -> None:
        super().__init__(dim=dim)


class LogSoftmax(FunctionLayer):
    """`imgconv.nn.log_softmax`: logarithms of probabilities along an axis."""

    function = F.log_softmax, F.log_softmax_backward

    def __init__(self, dim: int) -> None:
        super().__init__(dim=dim)


class Dropout(FunctionLayer):
    """`imgconv.nn.dropout`: zeros in random places, in training."""

    function = F.dropout, F.dropout_backward

    def __init__(self, p: float = 0.5, *, rng: Seed = None) -> None:
        super().__init__(p=arrays.probability(p, "p"))
        self.rng = np.random.default_rng(rng)

    def call_options(self, input: Array) -> dict[str, Any]:
        """Return the options, with a mask drawn anew."""
        options = {**self.options, "training": self.training}
        if self.training:
            options["mask"] = activation.draw_mask(np.shape(input), **self.options, rng=self.rng)
        return options


class _Pool(FunctionLayer):
    """What pooling layers share: a window."""

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape with other sizes."""
        names = {"stride", "dilation", "padding", "ceil_mode"} & self.options.keys()
        named = {name: self.options[name] for name in names}
        if named["stride"] is None:
            named["stride"] = self.options["kernel_size"]
        named.setdefault("padding", 0)
        size = geometry.output_size(shape[-2:], self.options["kernel_size"], **named)
        return (*shape[:-2], *size)

    @property
    def windows(self) -> tuple[Window, ...]:
        """The pooling window, with its stride and dilation."""
        kernel, stride = self.options["kernel_size"], self.options["stride"]
        return ((kernel, kernel if stride is None else stride, self.options.get("dilation", 1)),)


class MaxPool2d(_Pool):
    """The largest of each window, as `torch.nn.MaxPool2d`."""

    function = F.max_pool2d, F.max_pool2d_backward

    def __init__(
        self,
        kernel_size: Pair,
        stride: Pair | None = None,
        padding: Padding = 0,
        dilation: Pair = 1,
        *,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__(
            kernel_size=kernel_size,
            stride=stride,
            padding=padding,
            dilation=dilation,
            ceil_mode=ceil_mode,
        )


class AvgPool2d(_Pool):
    """The mean of each window, as `torch.nn.AvgPool2d`."""

    function = F.avg_pool2d, F.avg_pool2d_backward

    def __init__(
        self,
        kernel_size: Pair,
        stride: Pair | None = None,
        padding: Padding = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__(
            kernel_size=kernel_size,
            stride=stride,
            padding=padding,
            ceil_mode=ceil_mode,
            count_include_pad=count_include_pad,
            divisor_override=divisor_override,
        )


class LPPool2d(_Pool):
    """The p-norm of each window, as `torch.nn.LPPool2d`."""

    function = F.lp_pool2d, F.lp_pool2d_backward

    def __init__(
        self,
        norm_type: float,
        kernel_size: Pair,
        stride: Pair | None = None,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__(
            norm_type=norm_type, kernel_size=kernel_size, stride=stride, ceil_mode=ceil_mode
        )


class _AdaptivePool(FunctionLayer):
    """What pooling to a given size shares."""

    def __init__(self, output_size: int | tuple[int | None, int | None] | None) -> None:
        super().__init__(output_size=output_size)

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape with the sizes asked for; None keeps a size."""
        wanted = check.pair(self.options["output_size"], "output_size")
        size = (n if want is None else want for want, n in zip(wanted, shape[-2:], strict=True))
        return (*shape[:-2], *size)

    @property
    def windows(self) -> tuple[Window, ...]:
        """There are none that do not depend on the input."""
        raise ValueError(f"{type(self).__name__} has windows that depend on the input's size")


class AdaptiveAvgPool2d(_AdaptivePool):
    """Means of as many windows as are asked for."""

    function = F.adaptive_avg_pool2d, F.adaptive_avg_pool2d_backward


class AdaptiveMaxPool2d(_AdaptivePool):
    """The largest of as many windows as are asked for."""

    function = F.adaptive_max_pool2d, F.adaptive_max_pool2d_backward


class Upsample(FunctionLayer):
    """An image of another size, as `torch.nn.Upsample`; see `imgconv.nn.interpolate`."""

    function = F.interpolate, F.interpolate_backward

    def __init__(
        self,
        size: Pair | None = None,
        scale_factor: float | tuple[float, float] | None = None,
        mode: str = "nearest",
        align_corners: bool | None = None,
    ) -> None:
        super().__init__(
            size=size, scale_factor=scale_factor, mode=mode, align_corners=align_corners
        )

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape with the sizes asked for."""
        size, factor = self.options["size"], self.options["scale_factor"]
        if size is not None:
            return (*shape[:-2], *check.integers(size, "size", 1))
        factors = check.pair(factor, "scale_factor")
        return (*shape[:-2], *(int(n * f) for n, f in zip(shape[-2:], factors, strict=True)))

    @property
    def windows(self) -> tuple[Window, ...]:
        """There are none of whole pixels."""
        raise ValueError("Upsample has no window of whole pixels")


class PixelShuffle(FunctionLayer):
    """Channels become pixels: (C * r * r, H, W) to (C, H * r, W * r)."""

    function = F.pixel_shuffle, F.pixel_shuffle_backward

    def __init__(self, upscale_factor: int) -> None:
        super().__init__(upscale_factor=check.at_least(upscale_factor, "upscale_factor", 1))

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape with fewer channels and more pixels."""
        r = self.options["upscale_factor"]
        return (*shape[:-3], shape[-3] // (r * r), shape[-2] * r, shape[-1] * r)

    @property
    def windows(self) -> tuple[Window, ...]:
        """There are none of whole pixels."""
        raise ValueError("PixelShuffle has no window of whole pixels: it is upsampling")


class Flatten(Layer):
    """All axes from one on made one: (N, C, H, W) to (N, C * H * W)."""

    def __init__(self, start_dim: int = 1) -> None:
        self.start_dim = check.integer(start_dim, "start_dim")
        self._shape: Shape | None = None

    def forward(self, input: Array) -> Array:
        """Return the numbers in fewer axes."""
        self._shape = np.shape(input)
        return np.reshape(input, self.output_shape(self._shape))

    def backward(self, grad_output: Array) -> Array:
        """Return the gradient in the input's axes."""
        if self._shape is None:
            raise ValueError("Flatten.backward must come after forward")
        return np.reshape(grad_output, self._shape)

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape with its last axes as one."""
        first = arrays.axis(self.start_dim, len(shape))
        return (*shape[:first], math.prod(shape[first:]))

    def describe(self) -> str:
        """Return the first axis."""
        return "" if self.start_dim == 1 else f"start_dim={self.start_dim}"


# ---- layers of layers ------------------------------------------------------------------------


class _Several(Layer):
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

    def __getitem__(self, number: int) -> Layer:
        return self.inside[number]


class Sequential(_Several):
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

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape of the last layer's result."""
        for layer in self.inside:
            shape = layer.output_shape(shape)
        return shape

    @property
    def windows(self) -> tuple[Window, ...]:
        """Those of all layers."""
        return tuple(window for layer in self.inside for window in layer.windows)


class Residual(Layer):
    """A layer's result added to its input: x + body(x), a skip connection.

    Parameters
    ----------
    body : Layer
        What is learned besides the identity.
    shortcut : Layer, optional
        What the input goes through (a 1x1 convolution, where body changes the shape).
    """

    def __init__(self, body: Layer, shortcut: Layer | None = None) -> None:
        self.body, self.shortcut = body, shortcut

    def forward(self, input: Array) -> Array:
        """Return the sum of both ways."""
        way = input if self.shortcut is None else self.shortcut(input)
        result = self.body(input)
        _check_sum(result.shape, way.shape)
        return result + way

    def backward(self, grad_output: Array) -> Array:
        """Go back both ways."""
        way = grad_output if self.shortcut is None else self.shortcut.backward(grad_output)
        return self.body.backward(grad_output) + way

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape of the sum."""
        result = self.body.output_shape(shape)
        _check_sum(result, shape if self.shortcut is None else self.shortcut.output_shape(shape))
        return result

    @property
    def windows(self) -> tuple[Window, ...]:
        """One that sees what both ways see."""
        return _widest([self.body] if self.shortcut is None else [self.body, self.shortcut])


class Parallel(_Several):
    """Layers side by side, their channels behind one another: the inception shape."""

    def forward(self, input: Array) -> Array:
        """Return the channels of all branches."""
        results = [branch(input) for branch in self.inside]
        _joined([result.shape for result in results])
        self._channels = [result.shape[-3] for result in results]
        return np.concatenate(results, axis=-3)

    def backward(self, grad_output: Array) -> Array:
        """Go back each way with its channels."""
        ends = np.cumsum(self._channels)
        parts = np.split(grad_output, ends[:-1], axis=-3)
        back = [b.backward(part) for b, part in zip(self.inside, parts, strict=True)]
        total: Array = sum(back[1:], start=back[0])
        return total

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape with the channels of all branches."""
        return _joined([branch.output_shape(shape) for branch in self.inside])

    @property
    def windows(self) -> tuple[Window, ...]:
        """One that sees what all branches see."""
        return _widest(self.inside)


def _check_sum(one: Shape, other: Shape) -> None:
    if one != other:
        raise ValueError(f"both ways of Residual must give one shape, got {one} and {other}")


def _joined(shapes: list[Shape]) -> Shape:
    """Return the shape of channels behind one another."""
    rest = {(shape[:-3], shape[-2:]) for shape in shapes}
    if len(rest) != 1:
        raise ValueError(f"branches of Parallel must differ in channels only, got {shapes}")
    return (*shapes[0][:-3], sum(shape[-3] for shape in shapes), *shapes[0][-2:])


def _widest(branches: Sequence[Layer]) -> tuple[Window, ...]:
    """Return the one window that sees what several see together."""
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
    """Return a table of a network: each layer, the shape of its result, and what it learns.

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
