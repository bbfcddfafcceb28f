"""The result of a chain on a piece of the picture: the pixels that the whole would have there.

A plan whose stages all look at the neighbourhood of a pixel gives any piece by itself. Where a
stage measures the image, its values come from a walk over all strips, or, until that has been made,
from samples. A plan with a step that needs the whole image is run as a whole.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgconv.filters.measures import Measured
from imgconv.pipeline import Pipeline, describe
from imgconv.pipeline.chain import node_of
from imgconv.pipeline.plan import make_plan
from imgconv.pipeline.registry import STEPS, named_step
from imgconv.pipeline.specs import ImageSpec, as_tuple
from imgconv.pipeline.stages import Group, PipelinePlan
from imgconv.pipeline.steps import (
    Arithmetic,
    Branches,
    Chain,
    Node,
    PipelineError,
    Step,
    chain_of,
)
from imgconv.pipeline.tiles import PixelArrays, Region, Tile, in_tuple

__all__ = ["Cancelled", "Pieces", "shrunk"]

# Pixels of a strip: some milliseconds, after which a newer change is noticed.
STRIP_PIXELS = 1 << 19
# Samples of a picture, from which values are estimated that a stage measures of the whole.
SAMPLES, SAMPLE_SIDE = 3, 192

Images = tuple[NDArray[Any], ...]


class Cancelled(Exception):  # noqa: N818, it is no error
    """A newer change made this work needless."""


class Pieces:
    """A chain and an image, of whose result any piece can be had."""

    def __init__(self, pipeline: Pipeline, image: NDArray[Any]) -> None:
        self.pipeline, self.image = pipeline, image
        channels = image.shape[2] if image.ndim > 2 else None
        self.spec = ImageSpec(image.shape[:2], channels, image.dtype)
        self.plan: PipelinePlan = make_plan(node_of(pipeline), self.spec)
        self.whole: Images | None = None  # of a plan that gives no pieces
        self._exact: dict[int, Group] = {}
        self._estimated: dict[int, Group] = {}

    @property
    def result(self) -> ImageSpec:
        """What the chain gives: of several images, the first."""
        return as_tuple(self.plan.result)[0]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the result."""
        return self.result.size

    @property
    def in_pieces(self) -> bool:
        """Whether every stage gives pieces by itself, and none wraps around."""
        return all(
            isinstance(stage, Group)
            and not any(halo.mode == "wrap" for node in stage.step_nodes for halo in node.halos)
            for stage in self.plan.stages
        )

    @property
    def is_exact(self) -> bool:
        """Whether a piece has the pixels of the whole without more work."""
        if not self.in_pieces:
            return self.whole is not None
        return all(
            number in self._exact
            for number, stage in enumerate(self.plan.stages)
            if stage.is_measured
        )

    @property
    def bytes(self) -> int:
        """Of the whole result, where it is kept."""
        return sum(each.nbytes for each in self.whole or ())

    # ---- pieces ----------------------------------------------------------------------------------

    def piece(self, region: Region) -> NDArray[Any]:
        """Return a region of the result, exact or with values that are estimated."""
        if self.whole is not None:
            rows, columns = (slice(*span) for span in region)
            return self.whole[0][rows, columns]
        if not self.in_pieces:
            return self._alone(region)
        if not self.is_exact:
            self._estimate()
        return in_tuple(self._run(region, len(self.plan.stages), self._estimated | self._exact))[0]

    def _run(self, region: Region, count: int, groups: Mapping[int, Group]) -> PixelArrays:
        """Return a region of what the first stages give."""
        stages = [groups.get(n, stage) for n, stage in enumerate(self.plan.stages[:count])]
        wanted: list[tuple[Group, Region]] = []
        for stage in reversed(stages):
            assert isinstance(stage, Group)
            wanted.insert(0, (stage, region))
            region = stage.input_region(region)
        pixels: PixelArrays = Tile(self.image, 0, 0).cut(region)
        for stage, target in wanted:
            pixels = stage.run(Tile(pixels, region[0][0], region[1][0]), target, {})
            region = target
        return pixels

    def _alone(self, region: Region) -> NDArray[Any]:
        """Return a region as if the picture ended a little around it: an estimate."""
        (top, bottom), (left, right) = region
        height, width = self.spec.size
        margin = 32
        y0, x0 = max(0, top - margin), max(0, left - margin)
        y1, x1 = min(height, bottom + margin), min(width, right + margin)
        part = np.ascontiguousarray(self.image[y0:y1, x0:x1])
        found = self._call(part)[0]
        if found.shape[:2] != part.shape[:2]:
            raise PipelineError("the chain changes the size")
        return found[top - y0 : bottom - y0, left - x0 : right - x0]

    def _call(self, image: NDArray[Any]) -> Images:
        channel_axis = -1 if image.ndim > 2 else None
        return in_tuple(self.pipeline(image, channel_axis=channel_axis))

    def _estimate(self) -> None:
        """Measure samples of the image where a stage needs what the whole has."""
        for number, stage in enumerate(self.plan.stages):
            if not stage.is_measured or number in self._exact or number in self._estimated:
                continue
            assert isinstance(stage, Group)
            groups = self._estimated | self._exact
            samples = [in_tuple(self._run(region, number, groups))[0] for region in self._samples()]
            found: list[Measured] = []
            for step in stage.measurements:
                found.append(step.reduce([step.map(sample, *found) for sample in samples]))
            self._estimated[number] = stage.with_measured(found)

    def _samples(self) -> Iterator[Region]:
        """Yield regions all over the image."""
        spans = []
        for n in self.spec.size:
            side = min(n, SAMPLE_SIDE)
            starts = np.linspace(0, n - side, SAMPLES, dtype=int)
            spans.append([(int(start), int(start) + side) for start in dict.fromkeys(starts)])
        for rows in spans[0]:
            for columns in spans[1]:
                yield rows, columns

    # ---- the whole -------------------------------------------------------------------------------

    def measure(self, cancelled: Callable[[], bool]) -> None:
        """Find what keeps pieces from being exact: measured values, or the whole result."""
        if not self.in_pieces:
            if self.whole is None:
                check(cancelled)
                self.whole = self._call(self.image)
            return
        for number, stage in enumerate(self.plan.stages):
            if not stage.is_measured or number in self._exact:
                continue
            assert isinstance(stage, Group)
            found: list[Measured] = []
            for step in stage.measurements:
                kept: list[Measured] = []
                for region in strips(self.spec.size):
                    check(cancelled)
                    piece = in_tuple(self._run(region, number, self._exact))[0]
                    kept = [step.reduce([*kept, step.map(piece, *found)])]
                found.extend(kept)
            self._exact[number] = stage.with_measured(found)

    def strips(
        self, cancelled: Callable[[], bool], rows: tuple[int, int] | None = None
    ) -> Iterator[tuple[Region, NDArray[Any]]]:
        """Yield the exact result from top to bottom, a strip after the other."""
        self.measure(cancelled)
        for region in strips(self.size, rows):
            check(cancelled)
            yield region, self.piece(region)

    def full(self) -> NDArray[Any]:
        """Return the whole result, which has the bits that the chain gives."""
        return np.concatenate([piece for _, piece in self.strips(lambda: False)])


def check(cancelled: Callable[[], bool]) -> None:
    """Stop work that has become needless."""
    if cancelled():
        raise Cancelled


def strips(size: tuple[int, int], rows: tuple[int, int] | None = None) -> Iterator[Region]:
    """Yield regions as wide as an image, one below the other."""
    height, width = size
    first, last = rows or (0, height)
    step = max(16, STRIP_PIXELS // max(1, width) // 16 * 16)
    for top in range(first, last, step):
        yield (top, min(top + step, last)), (0, width)


# ---- shrunk pictures -----------------------------------------------------------------------------


def shrunk(pipeline: Pipeline, factor: int) -> Pipeline:
    """Return the chain for a picture shrunk by a factor: arguments in pixels shrink with it.

    >>> shrunk(Pipeline("gaussian(sigma=8) | median(size=9)"), 4)
    Pipeline('gaussian(sigma=2.0) | median(size=3)')
    """
    return Pipeline(_shrunk(node_of(pipeline), factor))


def _shrunk(node: Node, factor: int) -> Node:
    if isinstance(node, Step):
        return shrunk_step(node, factor)
    if isinstance(node, Arithmetic):
        return Arithmetic(node.operator, _shrunk(node.left, factor), _shrunk(node.right, factor))
    if isinstance(node, Branches):
        return Branches(tuple(_shrunk(part, factor) for part in node.parts))
    if isinstance(node, Chain):
        return chain_of(_shrunk(part, factor) for part in node.parts)
    return node


def shrunk_step(step: Step, factor: int) -> Step:
    """Return a step whose arguments in pixels are divided; as it is, where these cannot be."""
    if step.halo is not None or step.name not in STEPS:
        return step
    arguments = dict(step.arguments)
    for each in describe(step.name).arguments:
        value = arguments.get(each.name, each.default)
        if not isinstance(value, int | float | tuple) or isinstance(value, bool):
            continue
        if each.unit == "pixels":
            arguments[each.name] = divided(value, factor, each.kind == "integer", bool(each.low))
        elif each.unit == "cycles a pixel":
            arguments[each.name] = divided(value, 1 / factor, False, False)
    if arguments == step.arguments:
        return step
    try:
        return named_step(step.name, **arguments)
    except PipelineError:
        return step


def divided(value: Any, factor: float, whole: bool, side: bool) -> Any:
    """Return a number, or each of a sequence, divided; integers above 0 stay so.

    The side of a window that is odd stays odd, so that it is centred.

    >>> divided(9, 4, True, True), divided((6, 2.0), 4, False, False)
    (3, (1.5, 0.5))
    """
    if isinstance(value, Sequence):
        return tuple(divided(each, factor, whole, side) for each in value)
    if not isinstance(value, int | float) or value == 0:
        return value
    if not whole:
        return value / factor
    odd = side and value % 2 == 1
    return max(1, 2 * math.floor(value / factor / 2) + 1 if odd else round(value / factor))
