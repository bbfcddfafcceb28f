"""Layers of networks beside PyTorch: forward and backward, on plain NCHW arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.table import Table

import imgconv
from imgconv import nn
from imgconv.bench.measure import interleave

Array = np.ndarray
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Layer:
    """One work: a function of both libraries, on arrays of these shapes."""

    title: str
    function: str
    image: Shape
    weight: Shape = ()
    words: dict[str, Any] = field(default_factory=dict)

    def arrays(self) -> list[Array]:
        """Return image and weights: noise, the same in every run."""
        rng = np.random.default_rng(1)
        shapes = [shape for shape in (self.image, self.weight) if shape]
        return [rng.standard_normal(shape, np.float32) for shape in shapes]


def convolution_layer(title: str, image: Shape, weight: Shape, **words: Any) -> Layer:
    """Return a convolution."""
    return Layer(title, "conv2d", image, weight, words)


def pooling_layer(how: str, size: int, stride: int) -> Layer:
    """Return a pooling of a batch of 8 x 64 x 112 x 112."""
    words = {"kernel_size": size, "stride": stride}
    return Layer(
        f"{how} pool {size}x{size}/{stride}", f"{how}_pool2d", (8, 64, 112, 112), (), words
    )


LAYERS = (
    convolution_layer("3x3 64-64 @56", (1, 64, 56, 56), (64, 64, 3, 3), padding=1),
    convolution_layer("3x3 128-128 @28 x8", (8, 128, 28, 28), (128, 128, 3, 3), padding=1),
    convolution_layer("1x1 256-64 @56", (1, 256, 56, 56), (64, 256, 1, 1)),
    convolution_layer("7x7/2 3-64 @224", (1, 3, 224, 224), (64, 3, 7, 7), stride=2, padding=3),
    convolution_layer(
        "3x3 dilated 64-64 @56", (1, 64, 56, 56), (64, 64, 3, 3), padding=2, dilation=2
    ),
    convolution_layer(
        "3x3 4 groups 128-128 @56", (1, 128, 56, 56), (128, 32, 3, 3), padding=1, groups=4
    ),
    convolution_layer(
        "3x3 depthwise 128 @56", (1, 128, 56, 56), (128, 1, 3, 3), padding=1, groups=128
    ),
    convolution_layer("7x7 1-16 @1024", (1, 1, 1024, 1024), (16, 1, 7, 7), padding=3),
    convolution_layer("3x3 3-3 @1024", (1, 3, 1024, 1024), (3, 3, 3, 3), padding=1),
    convolution_layer("3x3 1-6 @32 x256", (256, 1, 32, 32), (6, 1, 3, 3)),
    Layer(
        "4x4/2 transposed 64-32 @56",
        "conv_transpose2d",
        (1, 64, 56, 56),
        (64, 32, 4, 4),
        {"stride": 2, "padding": 1},
    ),
    *(
        pooling_layer(how, size, stride)
        for how in ("max", "avg")
        for size, stride in ((2, 2), (3, 2), (3, 1), (7, 7))
    ),
    Layer("unfold 3x3", "unfold", (4, 64, 56, 56), (), {"kernel_size": 3, "padding": 1}),
    *(
        Layer(f"{mode} x2", "interpolate", (4, 64, 56, 56), (), {"scale_factor": 2, "mode": mode})
        for mode in ("nearest", "bilinear", "bicubic")
    ),
)


def ours(layer: Layer) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """Return the layer's call and that of its gradients."""
    arrays, words = layer.arrays(), layer.words
    forward, backward = (getattr(nn, layer.function + end) for end in ("", "_backward"))
    grad = np.ones_like(forward(*arrays, **words))
    return lambda: forward(*arrays, **words), lambda: backward(grad, *arrays, **words)


def pytorch(layer: Layer) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """Return PyTorch's."""
    torch = import_module("torch")
    function = getattr(torch.nn.functional, layer.function)
    given = [torch.from_numpy(each) for each in layer.arrays()]
    known = [each.clone().requires_grad_() for each in given]
    result = function(*known, **layer.words)
    grad = torch.ones_like(result)
    return (
        lambda: function(*given, **layer.words),
        lambda: torch.autograd.grad(result, known, grad, retain_graph=True),
    )


def measure(
    layers: Sequence[Layer], threads: Sequence[int], budget: float
) -> Iterator[tuple[Layer, int, dict[str, float]]]:
    """Yield layer, threads, and the median seconds of "ours", "backward" and PyTorch's two."""
    torch = import_module("torch") if find_spec("torch") else None
    for layer in layers:
        for count in threads:
            calls = dict(zip(("ours", "backward"), ours(layer), strict=True))
            if torch:
                torch.set_num_threads(count)
                calls |= dict(zip(("torch", "torch backward"), pytorch(layer), strict=True))
            with imgconv.threads(count):
                found = interleave(calls, budget, pause=1e-3 * (count > 1))
            yield layer, count, {name: timing.median for name, timing in found.items()}


def table(found: Sequence[tuple[Layer, int, dict[str, float]]]) -> Table:
    """Return what was measured: milliseconds, and how many times PyTorch takes as long."""
    grid = Table(title="layers, float32, ms", title_justify="left", box=SIMPLE_HEAD)
    grid.add_column("layer", no_wrap=True)
    for name in ("threads", "imgconv", "torch", "times", "backward", "torch", "times"):
        grid.add_column(name, justify="right", no_wrap=True)
    for layer, count, medians in found:
        cells = []
        for name, peer in (("ours", "torch"), ("backward", "torch backward")):
            theirs = medians.get(peer)
            cells.append(f"{1e3 * medians[name]:.2f}")
            cells.append(f"{1e3 * theirs:.2f}" if theirs else "")
            cells.append(f"{theirs / medians[name]:.2f}" if theirs else "")
        grid.add_row(layer.title, str(count), *cells)
    return grid
