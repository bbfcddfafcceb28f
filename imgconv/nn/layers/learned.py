"""Layers with parameters: matrix products, convolutions, normalization."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from imgconv import geometry
from imgconv.core import check
from imgconv.nn import functional as F  # noqa: N812
from imgconv.nn.core import arrays
from imgconv.nn.functional import activation
from imgconv.nn.layers.base import Array, FunctionLayer, Parameter, Shape, Window

Pair = int | tuple[int, int]
Padding = Pair | tuple[tuple[int, int], tuple[int, int]] | str
Seed = np.random.Generator | int | None


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
