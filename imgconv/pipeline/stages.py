"""What a plan of a pipeline consists of: stages, which run one after the other.

Steps that look at the neighbourhood of a pixel run together, as a `Group`, band by band. A step
that needs the whole image, changes its size, or shares its rounding among pixels far apart is a
stage of its own; one that measures the image begins a stage.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

from numpy.typing import NDArray

from imgconv.core.cache import cached_property
from imgconv.filters.measures import MapReduce, Measured
from imgconv.pipeline.nodes import (
    EachImageNode,
    InputNode,
    StepNode,
    WholeImageNode,
    borders_clash,
    borders_of,
    flat,
    in_one_pass,
)
from imgconv.pipeline.specs import ImageSpec, ImageSpecs, as_tuple
from imgconv.pipeline.steps import Node, operate
from imgconv.pipeline.tiles import PixelArrays, Region, Tile, union
from imgconv.pipeline.walk import ScratchMemory, Walk, scratch_array


@dataclass(frozen=True, eq=False)
class BranchesNode:
    """Branches from one image: side by side, or two joined by an operator."""

    branches: "tuple[PipelinePlan, ...]"
    operator: str | None
    result: ImageSpecs
    is_measured = False

    @cached_property
    def needs_whole_image(self) -> bool:
        """Whether a branch has more than one stage, or the branches need different tiles."""
        return not all(
            len(branch.stages) == 1
            and not branch.stages[0].needs_whole_image
            and not branch.stages[0].is_measured
            for branch in self.branches
        ) or borders_clash(borders_of(self.step_nodes))

    @property
    def cost(self) -> float:
        """Of all branches."""
        return sum(branch.cost for branch in self.branches) + prod(as_tuple(self.result)[0].size)

    @property
    def row_bytes(self) -> int:
        """Bytes of a row of all images that are in memory at once."""
        results = sum(
            spec.row_bytes for branch in self.branches for spec in as_tuple(branch.result)
        )
        return results + max(branch.row_bytes for branch in self.branches)

    @cached_property
    def step_nodes(self) -> list[StepNode]:
        """The steps of all branches."""
        return [node for branch in self.branches for node in branch.step_nodes]

    @cached_property
    def groups(self) -> "list[Group]":
        """The branches, each a group, where none needs the whole image."""
        return [stage for branch in self.branches for stage in branch.stages
                if isinstance(stage, Group)]  # fmt: skip

    def input_region(self, region: Region) -> Region:
        """Return the region that any branch needs."""
        return union([group.input_region(region) for group in self.groups])

    def run(
        self, tile: Tile, region: Region, scratch: ScratchMemory, out: NDArray[Any] | None = None
    ) -> PixelArrays:
        """Return a region of all results, or of what the operator makes of them."""
        results = [group.run(tile, region, scratch, group.result_scratch(scratch, region))
                   for group in self.groups]  # fmt: skip
        return self.joined(results, out)

    def joined(
        self, results: Sequence[PixelArrays], out: NDArray[Any] | None = None
    ) -> PixelArrays:
        """Return the branches' results one after the other, or what the operator makes of two."""
        if self.operator is None:
            return flat(results)
        left, right = results
        return operate(left, right, self.operator, as_tuple(self.result)[0].dtype, out)


GroupNode = StepNode | EachImageNode | BranchesNode | InputNode


@dataclass(frozen=True, eq=False)
class Group:
    """Nodes that run together on a region."""

    nodes: tuple[GroupNode, ...]
    inputs: tuple[ImageSpec, ...]
    needs_whole_image = False

    @property
    def result(self) -> ImageSpecs:
        """Of the last node."""
        return self.nodes[-1].result

    @property
    def is_measured(self) -> bool:
        """Whether the whole image must be measured before the first step runs."""
        return self.nodes[0].is_measured

    @property
    def measurements(self) -> Sequence[MapReduce]:
        """What must be measured of the whole image, if anything."""
        first = self.nodes[0]
        return first.measurements if isinstance(first, StepNode) else ()

    def with_measured(self, found: list[Measured]) -> "Group":
        """Return the group whose first step has the values that were measured."""
        first = self.nodes[0]
        assert isinstance(first, StepNode)
        return replace(self, nodes=(first.with_measured(found), *self.nodes[1:]))

    @cached_property
    def cost(self) -> float:
        """Of all nodes."""
        return sum(node.cost for node in self.nodes)

    @cached_property
    def row_bytes(self) -> int:
        """Bytes of a row of all images in memory, in the pass that has most."""
        return max(node.row_bytes for node in self.passes)

    @cached_property
    def step_nodes(self) -> list[StepNode]:
        """The steps of all nodes."""
        return [step for node in self.nodes for step in node.step_nodes]

    def input_region(self, region: Region) -> Region:
        """Return the region of the input that a region of the result depends on."""
        for node in reversed(self.nodes):
            region = node.input_region(region)
        return region

    def run(
        self, tile: Tile, region: Region, scratch: ScratchMemory, out: NDArray[Any] | None = None
    ) -> PixelArrays:
        """Return a region of the result: each pass in turn, on no more than the next one needs."""
        return self.walk(scratch).run(tile, region, out)

    def walk(self, scratch: ScratchMemory) -> Walk:
        """Return a walk over regions one below the other, in memory of one thread."""
        return Walk(self.passes, scratch, id(self))

    def result_scratch(self, scratch: ScratchMemory, region: Region) -> NDArray[Any] | None:
        """Return memory for the result, which is kept while other branches run."""
        if not isinstance(self.result, ImageSpec):
            return None
        return scratch_array(scratch, (id(self), "result"), self.result, region)

    @cached_property
    def halo(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Pixels before and after each pixel of the result that it depends on, along y and x."""
        return halo_of(self.nodes, 0), halo_of(self.nodes, 1)

    @cached_property
    def passes(self) -> list[GroupNode]:
        """The nodes, with point operations done by the pass of the node before them."""
        found: list[GroupNode] = []
        for node in self.nodes:
            joined = in_one_pass(found[-1], node) if found else None
            found[-1:] = [joined] if joined else [*found[-1:], node]
        return found

    @cached_property
    def later_rows(self) -> int:
        """Rows that the steps behind the first look at beside a pixel's own."""
        return sum(halo_of(self.nodes[1:], 0))


Stage = Group | WholeImageNode | EachImageNode | BranchesNode


@dataclass(frozen=True, eq=False)
class PipelinePlan:
    """A chain, cut where a step needs the whole image; `source` is what it was made from."""

    stages: tuple[Stage, ...]
    inputs: tuple[ImageSpec, ...]
    source: tuple[Node, ImageSpecs]

    @property
    def result(self) -> ImageSpecs:
        """Of the last stage."""
        return self.stages[-1].result

    @cached_property
    def cost(self) -> float:
        """Of all stages."""
        return sum(stage.cost for stage in self.stages)

    @cached_property
    def row_bytes(self) -> int:
        """Bytes of a row of all images in memory, in the stage that has most."""
        return max(stage.row_bytes for stage in self.stages)

    @cached_property
    def step_nodes(self) -> list[StepNode]:
        """The steps of all stages."""
        return [node for stage in self.stages for node in stage.step_nodes]


def halo_of(nodes: Sequence[GroupNode | Stage], axis: int) -> tuple[int, int]:
    """Return how far a chain of nodes looks along an axis, before and after."""
    before = after = 0
    for node in nodes:
        if isinstance(node, BranchesNode):
            sides = [
                halo_of([each for stage in branch.stages for each in nodes_of(stage)], axis)
                for branch in node.branches
            ]
        elif isinstance(node, Group):
            sides = [halo_of(node.nodes, axis)]
        else:
            sides = [(step.halos[axis].before, step.halos[axis].after) for step in node.step_nodes]
        before += max((side[0] for side in sides), default=0)
        after += max((side[1] for side in sides), default=0)
    return before, after


def nodes_of(stage: Stage) -> Sequence[GroupNode]:
    """Return the nodes of a stage."""
    return stage.nodes if isinstance(stage, Group) else [stage]
