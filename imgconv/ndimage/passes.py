"""Filters along axes, one after the other, as `scipy.ndimage` runs them.

A step is a kernel along an axis. The engine sees planes of two axes: two steps run as one where
the second cannot tell, and all others one by one, the result of each in the place of the last.
"""

from collections.abc import Sequence
from functools import lru_cache
from math import prod
from typing import Any, NamedTuple

import numpy as np

from imgconv.core.call import apply
from imgconv.fallback import HandOver
from imgconv.ndimage.call import UINT8, UINT64, Image, Target, as_bytes, as_image
from imgconv.operations.base import Operation, Weights
from imgconv.operations.inorder import InOrder, Pass
from imgconv.operations.running import RunningMean

# Rows shorter than this are no work for a vector: the axis to filter along becomes the row.
NARROW = 32
# Images of so few columns are filtered line by line as fast.
NARROWEST = 16
# A second step down so few rows may share the pass of a first along the rows.
LOW = 9


class Line:
    """A 1-D kernel and where its pixel is; equal kernels are the same object."""

    def __init__(self, weights: Weights, before: int) -> None:
        self.weights = weights
        self.before = before
        self.size = len(weights)
        self.gain = float(np.abs(weights).sum())
        self.negative = bool((weights < 0).any())


class Mean(NamedTuple):
    """The mean of `size` pixels by running sums, `before` of them ahead of its pixel."""

    size: int
    before: int
    gain: float = 1.0
    negative: bool = False


class Step(NamedTuple):
    """One step: the axis, what runs along it, and the border there."""

    axis: int
    line: Line | Mean
    mode: str


# Along y (0) or x (1) of a plane.
Directed = tuple[int, Line]


@lru_cache(maxsize=512)
def line(weights: bytes, before: int) -> Line:
    """Return the 1-D kernel of these float64 weights."""
    return Line(np.frombuffer(weights), before)


@lru_cache(maxsize=512)
def in_order(terms: tuple[tuple[Directed, ...], ...], combine: str = "sum") -> Operation:
    """Return the operation of terms of one or two kernels each."""
    return InOrder(
        tuple(
            tuple(Pass.along(axis, each.weights, each.before) for axis, each in term)
            for term in terms
        ),
        combine,
    )


@lru_cache(maxsize=128)
def means(down: Mean | None, along: Mean | None) -> Operation:
    """Return the operation of running means along y, then x."""
    sizes, places = (
        [0 if each is None else getattr(each, name) for each in (down, along)]
        for name in ("size", "before")
    )
    return RunningMean((sizes[0], sizes[1]), (places[0], places[1]))


class Group(NamedTuple):
    """What one call of the engine does: an operation on planes, for so many steps."""

    operation: Operation
    axes: tuple[int, int]
    modes: tuple[str, str]
    steps: int
    channel: int | None = None


def run(image: Image, steps: Sequence[Step], cval: float, target: Target) -> Image:
    """Return the result of steps one after the other."""
    if target.dtype == UINT64:
        check_unsigned(image, steps, cval)
    if image.ndim == 2 and image.shape[1] < NARROWEST < image.shape[0] // 16:
        raise HandOver("narrow image")
    source = as_bytes(image)
    out = None if target.out is None else as_bytes(target.out)
    dtype = UINT8 if target.dtype.kind == "b" else target.dtype
    if image.ndim == 1:
        source, out = source[None], None if out is None else out[None]
        steps = [each._replace(axis=1) for each in steps]
    while steps:
        group = next_group(source, steps, cval)
        source = out = filtered(group, source, cval, dtype, out)
        steps = steps[group.steps :]
    if target.out is not None:
        return target.out
    return as_image(source[0] if image.ndim == 1 else source, target.dtype)


def filtered(group: Group, image: Image, cval: float, dtype: np.dtype, out: Any) -> Image:
    """Return what one operation gives."""
    axes = None if image.ndim == 2 and group.axes == (0, 1) else group.axes
    asked = dtype if out is None else None
    return apply(group.operation, image, group.modes, cval, axes, group.channel, asked, out)


def next_group(image: Image, steps: Sequence[Step], cval: float) -> Group:
    """Return the first step, with the second where both can run at once.

    SciPy extends what the first step gives before it takes the second. That is the first step of
    the extended image, unless a number stands outside that is not 0.
    """
    fast = fastest(image)
    first = steps[0]
    if isinstance(first.line, Mean):
        return next_means(image, steps, fast)
    x, channel = row_axis(image, first.axis, fast)
    second = steps[1] if len(steps) > 1 else None
    if second is not None and (second.mode != "constant" or cval == 0):
        assert isinstance(second.line, Line)
        if second.axis == x:
            both = in_order((((0, first.line), (1, second.line)),))
            return Group(both, (first.axis, x), (first.mode, second.mode), 2, channel)
        if first.axis == x and second.line.size <= LOW and second.axis != channel:
            both = in_order((((1, first.line), (0, second.line)),))
            return Group(both, (second.axis, x), (second.mode, first.mode), 2, channel)
    y, x = plane(image, first.axis, x, channel)
    operation = in_order((((0 if first.axis == y else 1, first.line),),))
    return Group(operation, (y, x), (first.mode, first.mode), 1, channel)


def next_means(image: Image, steps: Sequence[Step], fast: int) -> Group:
    """Return the first running mean, with the second where that runs along the rows."""
    first = steps[0]
    assert isinstance(first.line, Mean)
    if len(steps) > 1 and steps[1].axis == fast:
        second = steps[1]
        assert isinstance(second.line, Mean)
        both = means(first.line, second.line)
        return Group(both, (first.axis, fast), (first.mode, second.mode), 2)
    y, x = plane(image, first.axis, fast)
    one = means(first.line, None) if first.axis == y else means(None, first.line)
    return Group(one, (y, x), (first.mode, first.mode), 1)


def fastest(image: Image) -> int:
    """Return the axis along which pixels lie closest, the axis x of planes."""
    if image.flags.c_contiguous:
        return image.ndim - 1
    lies = [
        (abs(stride), -axis)
        for axis, (stride, n) in enumerate(zip(image.strides, image.shape, strict=True))
        if n > 1
    ]
    return -min(lies)[1] if lies else image.ndim - 1


def row_axis(image: Image, axis: int, fast: int) -> tuple[int, int | None]:
    """Return the axis x of planes, and that of channels that lie side by side along it.

    So the few colours of an image, which are not filtered among each other, make one long row.
    """
    count = image.shape[fast]
    if image.ndim < 3 or count >= NARROW or axis == fast or image.strides[fast] < 0:
        return fast, None
    beside = count * image.strides[fast]
    rows = [i for i in range(image.ndim) if i != fast and image.strides[i] == beside]
    return (rows[0], fast) if rows else (fast, None)


def plane(image: Image, axis: int, fast: int, channel: int | None = None) -> tuple[int, int]:
    """Return the axes y and x of the planes in which to filter along one axis."""
    shape = image.shape
    if axis == fast:
        others = [other for other in range(image.ndim) if other not in (axis, channel)]
        return max(others, key=shape.__getitem__), axis
    if channel is None and shape[fast] < NARROW and shape[axis] > shape[fast]:
        return fast, axis
    return axis, fast


def check_unsigned(image: Image, steps: Sequence[Step], cval: float) -> None:
    """Check that all sums are below 2**63 and above 0; SciPy knows how others wrap."""
    largest = max(float(image.max()), cval) * prod(step.line.gain for step in steps)
    negative = any(step.line.negative for step in steps) or image.min() < 0
    if negative or not cval >= 0 or not largest < 2.0**62:
        raise HandOver("uint64 that may wrap around")


# ---- several terms ---------------------------------------------------------------------------


def combined(
    image: Image, terms: Sequence[Sequence[Step]], cval: float, target: Target, combine: str
) -> Image:
    """Return the sum of several terms of steps, or the root of the sum of their squares.

    Each is added in the result's dtype, as SciPy does, in one pass over an image where that can be.
    """
    if target.out is not None and np.may_share_memory(image, target.out):
        raise HandOver("output overlaps input")
    if not all(terms):
        raise HandOver("nothing to filter along an axis")
    group = joint(image, terms, cval, target.dtype, combine)
    if group is not None:
        return filtered(group, image, cval, target.dtype, target.out)
    result = run(image, terms[0], cval, target)
    if combine == "root":
        np.multiply(result, result, result)
    for term in terms[1:]:
        other = run(image, term, cval, Target(result.dtype, None))
        if combine == "root":
            np.multiply(other, other, other)
        result += other
    if combine == "root":
        np.sqrt(result, result, casting="unsafe")
    return result


def joint(
    image: Image, terms: Sequence[Sequence[Step]], cval: float, dtype: np.dtype, combine: str
) -> Group | None:
    """Return all terms as one operation, None where there is none."""
    simple = dtype.kind == "f" or (dtype.kind in "iu" and dtype.itemsize <= 4 and combine == "sum")
    if image.ndim != 2 or image.dtype.kind == "b" or not simple or fastest(image) != 1:
        return None
    modes: dict[int, str] = {}
    directed = []
    for term in terms:
        ordered = [step.axis for step in term] in ([0], [1], [0, 1])
        if not ordered or any(modes.setdefault(each.axis, each.mode) != each.mode for each in term):
            return None
        if len(term) == 2 and term[1].mode == "constant" and cval != 0:
            return None
        directed.append(tuple((each.axis, each.line) for each in term))
    pair = modes.get(0, modes.get(1, "")), modes.get(1, modes.get(0, ""))
    return Group(in_order(tuple(directed), combine), (0, 1), pair, 0)
