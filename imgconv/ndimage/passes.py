"""Filters along axes, one after the other, as `scipy.ndimage` runs them.

An operation of the engine filters planes of two axes. So filters along two axes run at once where
the result is the same, and all others one by one, each in place of the last result.
"""

from collections.abc import Sequence
from functools import lru_cache
from math import prod
from typing import Any, NamedTuple

import numpy as np

from imgconv.face_arguments import Image
from imgconv.fallback import FallBack
from imgconv.ndimage.arguments import UINT8, UINT64, Output, as_bytes
from imgconv.ndimage.planes import PlaneCall, as_planes, fastest_axis, plane_axes, row_axis
from imgconv.operations.base import Operation, Weights
from imgconv.operations.inorder import InOrder, Pass
from imgconv.operations.running import RunningMean

# Images of so few columns SciPy filters line by line as fast.
NARROWEST = 16
# A filter over so few rows may run at once with a filter along the rows before it.
LOW = 9


class LineKernel:
    """A 1-D kernel and how far ahead of its pixel it begins; equal kernels are the same object."""

    def __init__(self, weights: Weights, before: int) -> None:
        self.weights = weights
        self.before = before
        self.size = len(weights)
        self.gain = float(np.abs(weights).sum())
        self.negative = bool((weights < 0).any())


class MeanWindow(NamedTuple):
    """The mean of `size` pixels by running sums, from `before` pixels ahead of its pixel."""

    size: int
    before: int
    gain: float = 1.0
    negative: bool = False


class AxisFilter(NamedTuple):
    """A filter along one axis, and the border mode there."""

    axis: int
    kernel: LineKernel | MeanWindow
    mode: str


# A kernel along y (0) or x (1) of a plane.
PlaneKernel = tuple[int, LineKernel]


@lru_cache(maxsize=512)
def line_kernel(weights: bytes, before: int) -> LineKernel:
    """Return the 1-D kernel of these float64 weights."""
    return LineKernel(np.frombuffer(weights), before)


@lru_cache(maxsize=512)
def ordered_sum(terms: tuple[tuple[PlaneKernel, ...], ...], combine: str = "sum") -> Operation:
    """Return the operation of terms of one or two kernels each, added in SciPy's order."""
    return InOrder(
        tuple(
            tuple(Pass.along(axis, each.weights, each.before) for axis, each in term)
            for term in terms
        ),
        combine,
    )


@lru_cache(maxsize=128)
def running_mean(along_y: MeanWindow | None, along_x: MeanWindow | None) -> Operation:
    """Return the operation of running means along y, then x."""
    y, x = (MeanWindow(0, 0) if each is None else each for each in (along_y, along_x))
    return RunningMean((y.size, x.size), (y.before, x.before))


def run_filters(image: Image, filters: Sequence[AxisFilter], cval: float, output: Output) -> Image:
    """Return the result of some filters, one after the other."""
    if output.dtype == UINT64:
        check_unsigned(image, filters, cval)
    if image.ndim == 2 and image.shape[1] < NARROWEST < image.shape[0] // 16:
        raise FallBack("narrow image")
    source = as_planes(as_bytes(image))
    out = None if output.array is None else as_planes(as_bytes(output.array))
    dtype = UINT8 if output.dtype.kind == "b" else output.dtype
    signal = image.ndim == 1
    if signal:
        filters = [each._replace(axis=1) for each in filters]
    while filters:
        call = next_call(source, filters, cval)
        source = out = call.run(source, cval, dtype, out)
        filters = filters[call.filters :]
    return output.result(source, signal)


def next_call(image: Image, filters: Sequence[AxisFilter], cval: float) -> PlaneCall:
    """Return the call for the first filter, with the second where both can run at once.

    SciPy extends what the first filter gives before it applies the second. That is the same as the
    first filter of the extended image, unless the border is a constant other than 0. With a kernel
    longer than a row, the first filter would run over more border than image.
    """
    fast = fastest_axis(image)
    first = filters[0]
    if isinstance(first.kernel, MeanWindow):
        return next_means(image, filters, fast)
    x, channel = row_axis(image, first.axis, fast)
    second = filters[1] if len(filters) > 1 else None
    if second is not None and (second.mode != "constant" or cval == 0):
        assert isinstance(second.kernel, LineKernel)
        if second.axis == x and second.kernel.size <= image.shape[x]:
            operation = ordered_sum((((0, first.kernel), (1, second.kernel)),))
            return PlaneCall(operation, (first.axis, x), (first.mode, second.mode), 2, channel)
        if first.axis == x and second.kernel.size <= LOW and second.axis != channel:
            operation = ordered_sum((((1, first.kernel), (0, second.kernel)),))
            return PlaneCall(operation, (second.axis, x), (second.mode, first.mode), 2, channel)
    y, x = plane_axes(image, first.axis, x, channel)
    operation = ordered_sum((((0 if first.axis == y else 1, first.kernel),),))
    return PlaneCall(operation, (y, x), first.mode, channel=channel)


def next_means(image: Image, filters: Sequence[AxisFilter], fast: int) -> PlaneCall:
    """Return the call for the first running mean, with the second where that is along the rows."""
    first = filters[0]
    assert isinstance(first.kernel, MeanWindow)
    if len(filters) > 1 and filters[1].axis == fast:
        second = filters[1]
        assert isinstance(second.kernel, MeanWindow)
        operation = running_mean(first.kernel, second.kernel)
        return PlaneCall(operation, (first.axis, fast), (first.mode, second.mode), 2)
    y, x = plane_axes(image, first.axis, fast)
    down = first.axis == y
    operation = running_mean(first.kernel if down else None, None if down else first.kernel)
    return PlaneCall(operation, (y, x), first.mode)


def check_unsigned(image: Image, filters: Sequence[AxisFilter], cval: float) -> None:
    """Fall back unless all sums are from 0 to 2**63: only SciPy knows how others wrap around."""
    largest = max(float(image.max()), cval) * prod(each.kernel.gain for each in filters)
    negative = any(each.kernel.negative for each in filters) or image.min() < 0
    if negative or not cval >= 0 or not largest < 2.0**62:
        raise FallBack("uint64 that may wrap around")


# ---- several terms ---------------------------------------------------------------------------


def run_terms(
    image: Image,
    terms: Sequence[Sequence[AxisFilter]],
    cval: float,
    output: Output,
    combine: str,
) -> Image:
    """Return the sum of terms ("sum"), or the root of the sum of their squares ("root").

    A term is some filters one after the other. Terms are added in the result's dtype, as SciPy
    does, in one pass over the image where possible.
    """
    if output.array is not None and np.may_share_memory(image, output.array):
        raise FallBack("output overlaps input")
    if not all(terms):
        raise FallBack("nothing to filter along an axis")
    call = terms_at_once(image, terms, cval, output.dtype, combine)
    if call is not None:
        return call.run(image, cval, output.dtype, output.array)
    result = run_filters(image, terms[0], cval, output)
    if combine == "root":
        np.multiply(result, result, result)
    for term in terms[1:]:
        other = run_filters(image, term, cval, Output(result.dtype, None))
        if combine == "root":
            np.multiply(other, other, other)
        result += other
    if combine == "root":
        np.sqrt(result, result, casting="unsafe")
    return result


def terms_at_once(
    image: Image,
    terms: Sequence[Sequence[AxisFilter]],
    cval: float,
    dtype: np.dtype[Any],
    combine: str,
) -> PlaneCall | None:
    """Return one call for all terms, None if there is none that rounds as SciPy does."""
    exact = dtype.kind == "f" or (dtype.kind in "iu" and dtype.itemsize <= 4 and combine == "sum")
    if image.ndim != 2 or image.dtype.kind == "b" or not exact or fastest_axis(image) != 1:
        return None
    modes: dict[int, str] = {}
    kernels = []
    for term in terms:
        ordered = [each.axis for each in term] in ([0], [1], [0, 1])
        if not ordered or any(modes.setdefault(each.axis, each.mode) != each.mode for each in term):
            return None
        if len(term) == 2 and term[1].mode == "constant" and cval != 0:
            return None
        kernels.append(tuple((each.axis, each.kernel) for each in term))
    pair = modes.get(0, modes.get(1, "")), modes.get(1, modes.get(0, ""))
    return PlaneCall(ordered_sum(tuple(kernels), combine), (0, 1), pair)
