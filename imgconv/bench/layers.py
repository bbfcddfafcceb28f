"""Layers of networks compared with PyTorch: forward and backward, on NCHW arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

import imgconv
from imgconv import nn
from imgconv.bench.conditions import Watch
from imgconv.bench.measure import LibraryResult, RowResult, interleave
from imgconv.bench.peers import Peer, PyTorch
from imgconv.bench.peers import installed as installed_peers
from imgconv.bench.results import Run, machine
from imgconv.bench.suite import LAYERS, Row

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

    def arrays(self, dtype: str = "float32") -> list[Array]:
        """Return image and weights: noise, the same in every run and dtype."""
        rng = np.random.default_rng(1)
        shapes = [shape for shape in (self.image, self.weight) if shape]
        return [rng.standard_normal(shape, np.float32).astype(dtype) for shape in shapes]


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


def imgconv_calls(case: LayerCase, dtype: str = "float32") -> ForwardBackward:
    """Return the calls of imgconv."""
    arrays, options = case.arrays(dtype), case.options
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


# Whether a call is the backward pass, and the library.
Pass = tuple[bool, str]


def row_of(case: LayerCase, backward: bool) -> Row:
    """Return the row of a pass."""
    title = case.title + backward * ", backward"
    return Row(LAYERS, title, "layer", (), 0, shape=case.image[-2:])


def calls_of(case: LayerCase, dtype: str, peers: Sequence[Peer]) -> dict[Pass, Callable[[], Any]]:
    """Return the passes of imgconv and, if it is among the peers, of PyTorch."""
    both = {"imgconv": imgconv_calls(case, dtype)}
    both |= {peer.name: pytorch_calls(case) for peer in peers}
    return {
        (backward, name): calls[backward]
        for name, calls in both.items()
        for backward in (False, True)
    }


def results_of(call: Callable[[], Any]) -> list[Array]:
    """Return the results of a pass as arrays."""
    found = call()
    found = found if isinstance(found, tuple) else (found,)
    return [np.asarray(each) for each in found if each is not None]


def apart(found: Sequence[Array], exact: Sequence[Array]) -> float:
    """Return the largest difference of any result."""
    return max(float(np.abs(a - b).max()) for a, b in zip(found, exact, strict=True))


def measure(
    cases: Sequence[LayerCase], threads: Sequence[int], budget: float, peers: Sequence[Peer]
) -> Iterator[RowResult]:
    """Yield the results of each case, number of threads and pass.

    Differences are those from imgconv's results in float64.
    """
    watch = Watch()
    for case in cases:
        exact = {each: results_of(call) for each, call in calls_of(case, "float64", ()).items()}
        calls = calls_of(case, "float32", peers)
        off = {
            (backward, name): apart(results_of(call), exact[backward, "imgconv"])
            for (backward, name), call in calls.items()
        }
        for count in threads:
            for peer in peers:
                peer.set_threads(count)
            watch.read()
            with imgconv.threads(count):
                timings = interleave(calls, budget, pause=1e-3 * (count > 1))
            conditions = watch.read()
            for backward in (False, True):
                found = {
                    name: LibraryResult(timing, off[back, name])
                    for (back, name), timing in timings.items()
                    if back == backward
                }
                ours = found.pop("imgconv")
                row = row_of(case, backward)
                yield RowResult(row, count, True, ours, found, conditions=conditions)


def run(threads: Sequence[int], budget: float, only: str | None = None) -> Run:
    """Measure all layers, or those whose title contains a text."""
    installed, missing = installed_peers([PyTorch])
    cases = [case for case in CASES if only is None or only in case.title]
    found = list(measure(cases, threads, budget, installed))
    return Run(machine(installed, missing, threads), found)
