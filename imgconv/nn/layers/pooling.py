"""Pooling layers."""

from __future__ import annotations

from typing import Any

from imgconv import geometry
from imgconv.core import check
from imgconv.nn import functional as F  # noqa: N812
from imgconv.nn.core.arrays import Array, Shape
from imgconv.nn.core.checks import Size
from imgconv.nn.layers.base import FunctionLayer, Padding, Window

__all__ = [
    "AdaptiveAvgPool2d",
    "AdaptiveMaxPool2d",
    "AvgPool2d",
    "LPPool2d",
    "MaxPool2d",
]


class _Pool(FunctionLayer):
    """The window of pooling layers."""

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
    """`imgconv.nn.max_pool2d`: the largest pixel of each window."""

    function = F.max_pool2d, F.max_pool2d_backward

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Padding = 0,
        dilation: Size = 1,
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

    def forward(self, input: Array) -> Array:
        """Return the largest pixels; in training, keep where they lie for `backward`."""
        if not self.training:
            return super().forward(input)
        result: Array
        result, indices = F.max_pool2d(input, **self.options, return_indices=True)
        self._latest = {**self.arguments(input), "indices": indices}
        return result

    def plan_options(self, input: Array) -> dict[str, Any]:
        """Return the options of the call that `forward` makes."""
        return {**self.options, "return_indices": self.training}


class AvgPool2d(_Pool):
    """`imgconv.nn.avg_pool2d`: the mean of each window."""

    function = F.avg_pool2d, F.avg_pool2d_backward

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
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
    """`imgconv.nn.lp_pool2d`: the p-norm of each window."""

    function = F.lp_pool2d, F.lp_pool2d_backward

    def __init__(
        self,
        norm_type: float,
        kernel_size: Size,
        stride: Size | None = None,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__(
            norm_type=norm_type, kernel_size=kernel_size, stride=stride, ceil_mode=ceil_mode
        )


class _AdaptivePool(FunctionLayer):
    """The size of adaptive pooling layers."""

    def __init__(self, output_size: int | tuple[int | None, int | None] | None) -> None:
        super().__init__(output_size=output_size)

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape with the requested sizes; None keeps a size."""
        given = check.pair(self.options["output_size"], "output_size")
        size = (n if m is None else m for m, n in zip(given, shape[-2:], strict=True))
        return (*shape[:-2], *size)

    @property
    def windows(self) -> tuple[Window, ...]:
        """Raise: windows depend on the size of the input."""
        raise ValueError(f"{type(self).__name__} has windows that depend on the input's size")


class AdaptiveAvgPool2d(_AdaptivePool):
    """`imgconv.nn.adaptive_avg_pool2d`: means of a given number of windows."""

    function = F.adaptive_avg_pool2d, F.adaptive_avg_pool2d_backward


class AdaptiveMaxPool2d(_AdaptivePool):
    """`imgconv.nn.adaptive_max_pool2d`: the largest pixels of a given number of windows."""

    function = F.adaptive_max_pool2d, F.adaptive_max_pool2d_backward
