"""Convolution layers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from imgconv import geometry
from imgconv.core import check
from imgconv.nn import functional as F  # noqa: N812
from imgconv.nn.core.arrays import Array, Seed, Shape
from imgconv.nn.core.checks import Size
from imgconv.nn.functional import activation
from imgconv.nn.layers.base import (
    FunctionLayer,
    Padding,
    Parameter,
    Window,
    first_weights,
)

__all__ = [
    "Conv2d",
    "ConvTranspose2d",
    "DeformConv2d",
]


class _Convolution(FunctionLayer):
    """The weights, window and channels of convolution layers."""

    transposed = False
    bias: Parameter | None

    def __init__(
        self,
        channels: tuple[int, int],
        kernel_size: Size,
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
        self.weight = first_weights(shape, fan_in, rng, dtype)
        self.bias = first_weights((outs,), fan_in, rng, dtype) if bias else None

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
        """Return the options as arguments of `imgconv.geometry.output_size`."""
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
        return ", ".join(filter(None, given)) + (", bias=False" if self.bias is None else "")


class Conv2d(_Convolution):
    """Convolution, as `torch.nn.Conv2d`; see `imgconv.nn.conv2d`."""

    function = F.conv2d, F.conv2d_backward

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Padding = 0,
        dilation: Size = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        *,
        winograd: bool | None = None,
        rng: Seed = None,
        dtype: DTypeLike = np.float32,
    ) -> None:
        super().__init__(
            (in_channels, out_channels), kernel_size, groups, bias, rng, dtype,
            stride=stride, padding=padding, dilation=dilation, padding_mode=padding_mode,
            winograd=winograd,
        )  # fmt: skip


class ConvTranspose2d(_Convolution):
    """Transposed convolution, which makes images larger; see `imgconv.nn.conv_transpose2d`."""

    function = F.conv_transpose2d, F.conv_transpose2d_backward
    transposed = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size = 0,
        output_padding: Size = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Size = 1,
        *,
        rng: Seed = None,
        dtype: DTypeLike = np.float32,
    ) -> None:
        super().__init__(
            (in_channels, out_channels), kernel_size, groups, bias, rng, dtype,
            stride=stride, padding=padding, output_padding=output_padding, dilation=dilation,
        )  # fmt: skip


class DeformConv2d(_Convolution):
    """Convolution whose taps are moved; how far is computed by a convolution of the input.

    That layer, `offset`, begins with zeros, so that at first no tap moves. With `modulated` it
    gives a factor for each tap, too, between 0 and 2 and 1 at first (J. Dai et al., "Deformable
    convolutional networks", 2017; X. Zhu et al., "Deformable ConvNets v2", 2019). For offsets from
    elsewhere, see `imgconv.nn.deform_conv2d`.
    """

    function = F.deform_conv2d, F.deform_conv2d_backward

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size = 0,
        dilation: Size = 1,
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
        """Return the options with the offsets for this input."""
        return self._offset_options(self.offset(input))

    def plan_options(self, input: Array) -> dict[str, Any]:
        """Return the options with offsets of 0."""
        shape = self.offset.output_shape(input.shape)
        return self._offset_options(np.zeros(shape, self.weight.value.dtype))

    def loop_plans(self, input: Array) -> tuple[Any, ...]:
        """Return the plans of both convolutions."""
        return self.offset.loop_plans(input) + super().loop_plans(input)

    def _offset_options(self, moves: Array) -> dict[str, Any]:
        options = {name: value for name, value in self.options.items() if name != "groups"}
        offsets = 2 * math.prod(self.kernel_size)
        options["offset"] = np.ascontiguousarray(moves[..., :offsets, :, :])
        if self.modulated:
            options["mask"] = 2 * activation.sigmoid(moves[..., offsets:, :, :])
        return options

    def backward(self, grad_output: Array) -> Array:
        """Return the input's gradient: that of the pixels and that of the offsets, added."""
        if self._latest is None:
            raise ValueError("DeformConv2d.backward must come after forward")
        g_input, g_offset, g_weight, g_bias, g_mask = self.function[1](grad_output, **self._latest)
        self.weight.grad += g_weight
        if self.bias is not None:
            self.bias.grad += g_bias
        moves = g_offset
        if self.modulated:
            mask = self._latest["mask"]
            moves = np.concatenate([g_offset, g_mask * mask * (1 - mask / 2)], axis=-3)
        g_both: Array = g_input + self.offset.backward(moves)
        return g_both
