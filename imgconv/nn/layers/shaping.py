"""Layers that change sizes and shapes."""

from __future__ import annotations

import math

import numpy as np

from imgconv.core import check
from imgconv.nn import functional as F  # noqa: N812
from imgconv.nn.core import arrays
from imgconv.nn.core.arrays import Array, Shape
from imgconv.nn.core.checks import Size
from imgconv.nn.layers.base import FunctionLayer, Layer, Window

__all__ = [
    "Flatten",
    "PixelShuffle",
    "Upsample",
]


class Upsample(FunctionLayer):
    """`imgconv.nn.interpolate`: images of another size."""

    function = F.interpolate, F.interpolate_backward

    def __init__(
        self,
        size: Size | None = None,
        scale_factor: float | tuple[float, float] | None = None,
        mode: str = "nearest",
        align_corners: bool | None = None,
    ) -> None:
        super().__init__(
            size=size, scale_factor=scale_factor, mode=mode, align_corners=align_corners
        )

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape with the requested sizes."""
        size, factor = self.options["size"], self.options["scale_factor"]
        if size is not None:
            return (*shape[:-2], *check.integers(size, "size", 1))
        factors = check.pair(factor, "scale_factor")
        return (*shape[:-2], *(int(n * f) for n, f in zip(shape[-2:], factors, strict=True)))

    @property
    def windows(self) -> tuple[Window, ...]:
        """Raise: there is none of whole pixels."""
        raise ValueError("Upsample has no window of whole pixels")


class PixelShuffle(FunctionLayer):
    """`imgconv.nn.pixel_shuffle`: (C * r * r, H, W) to (C, H * r, W * r)."""

    function = F.pixel_shuffle, F.pixel_shuffle_backward

    def __init__(self, upscale_factor: int) -> None:
        super().__init__(upscale_factor=check.at_least(upscale_factor, "upscale_factor", 1))

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape with fewer channels and more pixels."""
        r = self.options["upscale_factor"]
        return (*shape[:-3], shape[-3] // (r * r), shape[-2] * r, shape[-1] * r)

    @property
    def windows(self) -> tuple[Window, ...]:
        """Raise: there is none of whole pixels."""
        raise ValueError("PixelShuffle has no window of whole pixels: it is upsampling")


class Flatten(Layer):
    """Joins all axes from one on: (N, C, H, W) to (N, C * H * W)."""

    def __init__(self, start_dim: int = 1) -> None:
        self.start_dim = check.integer(start_dim, "start_dim")
        self._shape: Shape | None = None

    def forward(self, input: Array) -> Array:
        """Return the input in its new shape."""
        self._shape = np.shape(input)
        return np.reshape(input, self.output_shape(self._shape))

    def backward(self, grad_output: Array) -> Array:
        """Return the gradient in the input's shape."""
        if self._shape is None:
            raise ValueError("Flatten.backward must come after forward")
        return np.reshape(grad_output, self._shape)

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape with its last axes joined."""
        first = arrays.axis(self.start_dim, len(shape))
        return (*shape[:first], math.prod(shape[first:]))

    def describe(self) -> str:
        """Return the first axis."""
        return "" if self.start_dim == 1 else f"start_dim={self.start_dim}"
