"""Layers that learn nothing: activations, pooling, other sizes and shapes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from imgconv import geometry
from imgconv.core import check
from imgconv.nn import functional as F  # noqa: N812
from imgconv.nn.core import arrays
from imgconv.nn.functional import activation
from imgconv.nn.layers.base import Array, FunctionLayer, Layer, Shape, Window

__all__ = [
    "ELU",
    "AdaptiveAvgPool2d",
    "AdaptiveMaxPool2d",
    "AvgPool2d",
    "Dropout",
    "Flatten",
    "LPPool2d",
    "LeakyReLU",
    "LogSoftmax",
    "MaxPool2d",
    "PixelShuffle",
    "RReLU",
    "ReLU",
    "Sigmoid",
    "Softmax",
    "Tanh",
    "Upsample",
]

Pair = int | tuple[int, int]
Padding = Pair | tuple[tuple[int, int], tuple[int, int]]
Seed = np.random.Generator | int | None


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
