"""Layers of networks compared with PyTorch: forward and backward, on NCHW arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.box import SIMPLE_HEAD
from rich.table import Table

import imgconv
from imgconv import nn
from imgconv.bench.measure import interleave

Array = NDArray[Any]
# A call of the function, and a call of its gradients.
ForwardBackward = tuple[Callable[[], Any], Callable[[], Any]]
Shape = tuple[int, ...]


@dataclass(frozen=True)
class LayerCase:
    """A function of both libraries, on arrays of these shapes."""

    title: str
    function: str
    image: Shape
    weight: Shape = ()
    options: dict[str, Any] = field(default_factory=dict)

    def arrays(self) -> list[Array]:
        """Return image and weights: noise, the same in every run."""
        rng = np.random.default_rng(1)
        shapes = [shape for shape in (self.image, self.weight) if shape]
        return [rng.standard_normal(shape, np.float32) for shape in shapes]


def convolution_case(title: str, image: Shape, weight: Shape, **options: Any) -> LayerCase:
    """Return a convolution."""
    return LayerCase(title, "conv2d", image, weight, options)


def pooling_case(how: str, size: int, stride: int) -> LayerCase:
    """Return a pooling of a batch of 8 x 64 x 112 x 112.

    That of maxima keeps for its gradient where they lie, which PyTorch does always.
    """
    options = {"kernel_size": size, "stride": stride}
    if how == "max":
        options["return_indices"] = True
    return LayerCase(
        f"{how} pool {size}x{size}/{stride}", f"{how}_pool2d", (8, 64, 112, 112), (), options
    )


CASES = (
    convolution_case("3x3 64-64 @56", (1, 64, 56, 56), (64, 64, 3, 3), padding=1),
    convolution_case("3x3 128-128 @28 x8", (8, 128, 28, 28), (128, 128, 3, 3), padding=1),
    convolution_case("3x3 256-256 @14", (1, 256, 14, 14), (256, 256, 3, 3), padding=1),
    convolution_case("1x1 256-64 @56", (1, 256, 56, 56), (64, 256, 1, 1)),
    convolution_case("1x1 64-256 @56", (1, 64, 56, 56), (256, 64, 1, 1)),
    convolution_case("1x1 512-128 @28", (1, 512, 28, 28), (128, 512, 1, 1)),
    convolution_case("1x1/2 256-512 @56", (1, 256, 56, 56), (512, 256, 1, 1), stride=2),
    convolution_case("7x7/2 3-64 @224", (1, 3, 224, 224), (64, 3, 7, 7), stride=2, padding=3),
    convolution_case(
        "3x3 dilated 64-64 @56", (1, 64, 56, 56), (64, 64, 3, 3), padding=2, dilation=2
    ),
    convolution_case(
        "3x3 4 groups 128-128 @56", (1, 128, 56, 56), (128, 32, 3, 3), padding=1, groups=4
    ),
    convolution_case(
        "3x3 depthwise 128 @56", (1, 128, 56, 56), (128, 1, 3, 3), padding=1, groups=128
    ),
    convolution_case(
        "3x3/2 depthwise 128 @56",
        (1, 128, 56, 56),
        (128, 1, 3, 3),
        stride=2,
        padding=1,
        groups=128,
    ),
    convolution_case(
        "5x5 depthwise 256 @28", (1, 256, 28, 28), (256, 1, 5, 5), padding=2, groups=256
    ),
    convolution_case(
        "7x7 depthwise 128 @56", (1, 128, 56, 56), (128, 1, 7, 7), padding=3, groups=128
    ),
    convolution_case("7x7 1-16 @1024", (1, 1, 1024, 1024), (16, 1, 7, 7), padding=3),
    convolution_case("3x3 3-3 @1024", (1, 3, 1024, 1024), (3, 3, 3, 3), padding=1),
    convolution_case("3x3 1-6 @32 x256", (256, 1, 32, 32), (6, 1, 3, 3)),
    LayerCase(
        "4x4/2 transposed 64-32 @56",
        "conv_transpose2d",
        (1, 64, 56, 56),
        (64, 32, 4, 4),
        {"stride": 2, "padding": 1},
    ),
    *(
        pooling_case(how, size, stride)
        for how in ("max", "avg")
        for size, stride in ((2, 2), (3, 2), (3, 1), (7, 7))
    ),
    LayerCase("unfold 3x3", "unfold", (4, 64, 56, 56), (), {"kernel_size": 3, "padding": 1}),
    LayerCase(
        "fold 3x3",
        "fold",
        (4, 576, 3136),
        (),
        {"output_size": (56, 56), "kernel_size": 3, "padding": 1},
    ),
    *(
        LayerCase(
            f"{mode} x2", "interpolate", (4, 64, 56, 56), (), {"scale_factor": 2, "mode": mode}
        )
        for mode in ("nearest", "bilinear", "bicubic")
    ),
)


# The names of what is timed: forward, then backward.
IMGCONV, PYTORCH = ("imgconv", "imgconv backward"), ("torch", "torch backward")


def imgconv_calls(case: LayerCase) -> ForwardBackward:
    """Return the calls of imgconv."""
    arrays, options = case.arrays(), case.options
    forward, backward = (getattr(nn, case.function + end) for end in ("", "_backward"))
    result, known = forward(*arrays, **options), dict(options)
    if known.pop("return_indices", False):
        result, known["indices"] = result
    grad = np.ones_like(result)
    return lambda: forward(*arrays, **options), lambda: backward(grad, *arrays, **known)


def pytorch_calls(case: LayerCase) -> ForwardBackward:
    """Return the calls of PyTorch."""
    torch = import_module("torch")
    function = getattr(torch.nn.functional, case.function)
    tensors = [torch.from_numpy(array) for array in case.arrays()]
    differentiated = [tensor.clone().requires_grad_() for tensor in tensors]
    result = function(*differentiated, **case.options)
    if "return_indices" in case.options:
        result, _ = result
    grad = torch.ones_like(result)
    return (
        lambda: function(*tensors, **case.options),
        lambda: torch.autograd.grad(result, differentiated, grad, retain_graph=True),
    )


def measure(
    cases: Sequence[LayerCase], threads: Sequence[int], budget: float
) -> Iterator[tuple[LayerCase, int, dict[str, float]]]:
    """Yield case, threads, and the median seconds of both libraries, forward and backward."""
    torch = import_module("torch") if find_spec("torch") else None
    for case in cases:
        for count in threads:
            calls = dict(zip(IMGCONV, imgconv_calls(case), strict=True))
            if torch:
                torch.set_num_threads(count)
                calls |= dict(zip(PYTORCH, pytorch_calls(case), strict=True))
            with imgconv.threads(count):
                found = interleave(calls, budget, pause=1e-3 * (count > 1))
            yield case, count, {name: timing.median for name, timing in found.items()}


def table(found: Sequence[tuple[LayerCase, int, dict[str, float]]]) -> Table:
    """Return a table of milliseconds, and of PyTorch's time divided by imgconv's."""
    grid = Table(title="layers, float32, ms", title_justify="left", box=SIMPLE_HEAD)
    grid.add_column("layer", no_wrap=True)
    for name in ("threads", "imgconv", "torch", "times", "backward", "torch", "times"):
        grid.add_column(name, justify="right", no_wrap=True)
    for case, count, medians in found:
        cells = []
        for name, peer in zip(IMGCONV, PYTORCH, strict=True):
            theirs = medians.get(peer)
            cells.append(f"{1e3 * medians[name]:.2f}")
            cells.append(f"{1e3 * theirs:.2f}" if theirs else "")
            cells.append(f"{theirs / medians[name]:.2f}" if theirs else "")
        grid.add_row(case.title, str(count), *cells)
    return grid
