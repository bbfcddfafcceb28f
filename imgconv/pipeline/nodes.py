"""Steps as nodes of a plan, for images of one size and dtype.

Every node answers two questions: which region of its input a region of its result depends on
(`input_region`), and what the result is there (`run`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgconv.core.cache import cached_property
from imgconv.core.decide import Placement
from imgconv.core.run import Call, run_piece
from imgconv.filters.global_thresholds import threshold_of
from imgconv.filters.measures import EXTREMES, MapReduce, Measured, range_of
from imgconv.operations.base import Operation, pixels, stored_as
from imgconv.operations.points import Pointwise
from imgconv.pipeline.specs import ImageSpec, ImageSpecs, as_tuple
from imgconv.pipeline.steps import PipelineError, Step, has_keyword
from imgconv.pipeline.tiles import (
    AxisHalo,
    PixelArrays,
    Region,
    Tile,
    alone_or_all,
    in_tuple,
    union,
)
from imgconv.pipeline.walk import ScratchMemory

# Regions of a node whose placement is kept: the bands of a large image, for a few thread counts.
KEPT_PLACEMENTS = 1024


def flat(results: Sequence[PixelArrays]) -> tuple[NDArray[Any], ...]:
    """Return the arrays of all results one after the other."""
    return tuple(array for result in results for array in in_tuple(result))


class StepRegion(NamedTuple):
    """How a step computes a region of its result.

    It is given the region `needed` of its input. An operation computes the `windows` of it, placed
    by hand. What it gives is cut with `crop`, unless that is None: then it is the region.
    """

    needed: Region
    windows: Placement | None
    crop: tuple[slice, slice] | None


@dataclass(frozen=True, eq=False)
class StepNode:
    """A step on one image, or merging several.

    Where it is one pass of the engine, `operation` computes only the pixels that are requested, in
    the dtype `computed`; else the step runs on all that these depend on, and the rest is cut off. A
    step with `measurements` cannot run before these are made of the whole image.
    """

    step: Step
    inputs: tuple[ImageSpec, ...]
    result: ImageSpecs
    halos: tuple[AxisHalo, AxisHalo]
    cost: float
    operation: Operation | None = None
    computed: np.dtype[Any] | None = None
    measurements: Sequence[MapReduce] = ()
    note: str = ""
    needs_whole_image = False

    @property
    def row_bytes(self) -> int:
        """Bytes of a row of the images that come in and go out."""
        return sum(spec.row_bytes for spec in (*self.inputs, *as_tuple(self.result)))

    @property
    def is_measured(self) -> bool:
        """Whether the whole image must be measured before the step runs."""
        return bool(self.measurements)

    @property
    def step_nodes(self) -> "list[StepNode]":
        """The node itself."""
        return [self]

    def with_measured(self, found: list[Measured]) -> "StepNode":
        """Return the step with the values that were measured as its arguments."""
        arguments: dict[str, Any]
        if self.measurements != EXTREMES:
            method = self.step.arguments.get("value", "otsu")
            arguments = {"value": threshold_of(method, found, self.inputs[0].dtype)}
        else:
            low, high = range_of(np.asarray(found[0]))
            given = self.step.arguments
            arguments = {
                name: value if given.get(name) is None else given[name]
                for name, value in (("low", low), ("high", high))
            }
        step = replace(self.step, arguments={**self.step.arguments, **arguments})
        spec = self.inputs[0]
        plan = step.plan(spec.stub, spec.channels is not None)
        return replace(
            self, step=step, measurements=(), operation=plan.piecewise, computed=plan.computed_in
        )

    @cached_property
    def placement(self) -> Callable[[Region], StepRegion]:
        """Return how a region is computed; kept, since the next call has the same bands."""
        return lru_cache(KEPT_PLACEMENTS)(self.place)

    def place(self, region: Region) -> StepRegion:
        """Return how a region of the result is computed."""
        (y, x), (height, width) = self.halos, self.inputs[0].size
        needed = y.input_span(region[0], height), x.input_span(region[1], width)
        if self.operation is None:
            if needed == region:
                return StepRegion(needed, None, None)
            rows, columns = (
                slice(start - first, stop - first)
                for (first, _), (start, stop) in zip(needed, region, strict=True)
            )
            return StepRegion(needed, None, (rows, columns))
        top, height, skipped_rows = y.windows(region[0], needed[0][0], height)
        left, width, skipped_columns = x.windows(region[1], needed[1][0], width)
        along_y, along_x = self.operation.windows
        windows = Placement((along_y.before - top, along_x.before - left), (height, width))
        if not skipped_rows and not skipped_columns:
            return StepRegion(needed, windows, None)
        return StepRegion(
            needed, windows, (slice(skipped_rows, None), slice(skipped_columns, None))
        )

    def input_region(self, region: Region) -> Region:
        """Return the region of the input that a region of the result depends on."""
        return self.placement(region).needed

    def run(
        self, tile: Tile, region: Region, scratch: ScratchMemory, out: NDArray[Any] | None = None
    ) -> PixelArrays:
        """Return a region of the result, in `out` where nothing has to be cut off."""
        needed, windows, crop = self.placement(region)
        pixels = tile.cut(needed)
        target = out if crop is None else None
        if windows is not None:
            result = self.run_operation(pixels, windows, target)
        else:
            result = self.run_whole(in_tuple(pixels), target)
        if crop is None:
            return result
        return alone_or_all(tuple(each[crop] for each in in_tuple(result)))

    def run_operation(
        self, pixels: Any, windows: Placement, out: NDArray[Any] | None
    ) -> PixelArrays:
        """Run the one pass that the step is, its windows placed by hand."""
        y, x = self.halos
        spec = as_tuple(self.result)[0]
        assert self.operation is not None
        call: Call[PixelArrays] = Call(
            self.operation,
            pixels,
            (y.mode, x.mode),
            self.step.cval,
            None,
            None if spec.channels is None else -1,
            spec.dtype,
            out,
            windows,
            nan=self.step.arguments.get("nan", "spread") if self.operation.weighed else "spread",
        )
        return self.images_of(call.run()) if out is None else run_piece(call)

    def run_whole(
        self, images: tuple[NDArray[Any], ...], out: NDArray[Any] | None = None
    ) -> PixelArrays:
        """Run the step on whole images, or on pieces as if they were whole."""
        keywords = {"out": out} if out is not None and self.takes_out else {}
        result = self.step.call(*images, channels=self.inputs[0].channels is not None, **keywords)
        return self.images_of(result if self.step.halo is None else self.checked(result, images[0]))

    def images_of(self, result: PixelArrays) -> PixelArrays:
        """Return the images of a result: the layers of an array, if the step gives several."""
        return tuple(result) if self.step.results > 1 else result

    @property
    def takes_out(self) -> bool:
        """Whether the step can fill an array of the caller's."""
        return self.step.halo is None and has_keyword(self.step.function, "out")

    def checked(self, result: Any, image: NDArray[Any]) -> NDArray[Any]:
        """Return the result of a callable of the caller's in the dtype that was promised for it."""
        promised = as_tuple(self.result)[0].dtype
        if np.shape(result) != image.shape:
            raise PipelineError(
                f"{self.step.name}: the result must have the image's shape {image.shape}, "
                f"got {np.shape(result)}"
            )
        if not np.can_cast(np.asarray(result).dtype, promised, "same_kind"):
            raise PipelineError(
                f"{self.step.name}: the result must be of dtype {promised}, got "
                f"{np.asarray(result).dtype}; step(..., dtype=...) states another"
            )
        return np.asarray(result, promised)


@dataclass(frozen=True, eq=False)
class WholeImageNode(StepNode):
    """A step that runs on whole images, with all threads; `reason` states why it needs them."""

    reason: str = ""
    needs_whole_image = True


@dataclass(frozen=True, eq=False)
class InputNode:
    """The image itself."""

    result: ImageSpecs
    cost: float = 0
    needs_whole_image = False
    is_measured = False
    row_bytes = 0

    @property
    def step_nodes(self) -> list[StepNode]:
        """None."""
        return []

    def input_region(self, region: Region) -> Region:
        """Return the region."""
        return region

    def run(
        self, tile: Tile, region: Region, scratch: ScratchMemory, out: NDArray[Any] | None = None
    ) -> PixelArrays:
        """Return the pixels."""
        return tile.cut(region)


@dataclass(frozen=True, eq=False)
class EachImageNode:
    """A step on each of several images."""

    nodes: tuple[StepNode, ...]
    is_measured = False

    @property
    def needs_whole_image(self) -> bool:
        """Whether the step needs the whole images."""
        return any(node.needs_whole_image for node in self.nodes)

    def run_whole(
        self, images: tuple[NDArray[Any], ...], out: NDArray[Any] | None = None
    ) -> PixelArrays:
        """Run the step on whole images."""
        return flat(
            [node.run_whole((image,)) for node, image in zip(self.nodes, images, strict=True)]
        )

    @property
    def result(self) -> ImageSpecs:
        """All results."""
        return tuple(spec for node in self.nodes for spec in as_tuple(node.result))

    @property
    def cost(self) -> float:
        """Of all images."""
        return sum(node.cost for node in self.nodes)

    @property
    def row_bytes(self) -> int:
        """Bytes of a row of all images that come in and go out."""
        return sum(node.row_bytes for node in self.nodes)

    @property
    def step_nodes(self) -> list[StepNode]:
        """The step, for each image."""
        return list(self.nodes)

    def input_region(self, region: Region) -> Region:
        """Return the region that any of the images is needed in."""
        return union([node.input_region(region) for node in self.nodes])

    def run(
        self, tile: Tile, region: Region, scratch: ScratchMemory, out: NDArray[Any] | None = None
    ) -> PixelArrays:
        """Return a region of all results."""
        return flat(
            [
                node.run(tile._replace(pixels=pixels), region, scratch)
                for node, pixels in zip(self.nodes, tile.pixels, strict=True)
            ]
        )


def in_one_pass(first: Any, second: Any) -> StepNode | None:
    """Return a node that does what two do, if the second is point operations on rows of the first.

    Between the two, pixels are rounded as if they were stored.
    """
    if not isinstance(first, StepNode) or not isinstance(second, StepNode):
        return None
    spec, operation, points = first.result, first.operation, second.operation
    if operation is None or first.computed is None or not isinstance(points, Pointwise):
        return None
    assert isinstance(spec, ImageSpec)
    rounding = stored_as(spec.dtype, first.computed)
    alike = pixels(spec.dtype, 0).float_type == first.computed
    if rounding is None or not alike or not operation.takes_points:
        return None
    joined = operation.followed_by((*rounding, *points.points), spec.dtype)
    return replace(first, operation=joined, result=second.result, cost=first.cost + second.cost)


def borders_of(nodes: Sequence[StepNode]) -> set[tuple[int, bool]]:
    """Return the axes along which windows reach beyond a pixel, and whether they wrap around."""
    return {
        (axis, halo.mode == "wrap")
        for node in nodes
        for axis, halo in enumerate(node.halos)
        if halo.before + halo.after
    }


def borders_clash(borders: set[tuple[int, bool]]) -> bool:
    """Whether one step wraps around an axis where another does not: no tile serves both."""
    return any((axis, True) in borders and (axis, False) in borders for axis in (0, 1))
