"""What a plan of a pipeline consists of, for images of one size and dtype.

Steps that look at the neighbourhood of a pixel run together, as a `Group`, band by band. A step
that needs the whole image, changes its size, or shares its rounding among pixels far apart is a
stage of its own; one that measures the image begins a stage.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgconv.core.cache import cached_property
from imgconv.core.call import apply
from imgconv.core.decide import Placement
from imgconv.operations.base import Operation
from imgconv.pipeline import measures
from imgconv.pipeline.steps import (
    OPERATORS,
    Node,
    PipelineError,
    Step,
    takes,
)
from imgconv.pipeline.tiles import Pixels, Reach, Region, Tile, union


class Spec(NamedTuple):
    """An image as far as a plan knows it: its channels, if any, lie on the last axis."""

    size: tuple[int, int]
    channels: int | None
    dtype: np.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the array."""
        return self.size if self.channels is None else (*self.size, self.channels)

    @property
    def row_bytes(self) -> int:
        """Bytes of a row."""
        return self.size[1] * (self.channels or 1) * self.dtype.itemsize

    @property
    def stub(self) -> NDArray[Any]:
        """An image of this kind that takes no memory."""
        return np.broadcast_to(np.zeros((), self.dtype), self.shape)


Flow = Spec | tuple[Spec, ...]
# Memory that a thread keeps from band to band, by the place of what lies in it.
Scratch = dict[Any, NDArray[np.uint8]]


def several(flow: Flow) -> tuple[Spec, ...]:
    """Return the images that go from one node to the next."""
    return (flow,) if isinstance(flow, Spec) else flow


def space(scratch: Scratch, key: Any, flow: Flow, region: Region) -> NDArray[Any] | None:
    """Return kept memory for a region of a result; None for several results."""
    if not isinstance(flow, Spec):
        return None
    shape = [stop - start for start, stop in region]
    if flow.channels is not None:
        shape.append(flow.channels)
    size = prod(shape) * flow.dtype.itemsize
    kept = scratch.get(key)
    if kept is None or kept.size < size:
        kept = scratch[key] = np.empty(size, np.uint8)
    return kept[:size].view(flow.dtype).reshape(shape)


@dataclass(frozen=True, eq=False)
class Window:
    """A step that looks at a neighbourhood, on one image or merging several.

    Where it is one pass of the engine, `operation` computes just the pixels that are asked for;
    else the step is run on all that it needs, and what is not asked for is cut off.
    """

    step: Step
    given: tuple[Spec, ...]
    result: Flow
    reach: tuple[Reach, Reach]
    cost: float
    operation: Operation | None = None
    phases: Sequence[measures.Phase] = ()
    note: str = ""
    whole = False

    @property
    def bytes(self) -> int:
        """Bytes of a row of what comes in and out."""
        return sum(spec.row_bytes for spec in (*self.given, *several(self.result)))

    @property
    def measured(self) -> bool:
        """Whether something of the whole image must be known first."""
        return bool(self.phases)

    @property
    def windows(self) -> "list[Window]":
        """All steps with a window."""
        return [self]

    def bound(self, found: list[NDArray[Any]]) -> "Window":
        """Return the step with what was measured."""
        if len(self.phases) > 1:
            ends, counts = found
            arguments = {"value": measures.parting(counts, ends, self.given[0].dtype)}
        else:
            low, high = (float(end) for end in found[0])
            given = self.step.arguments
            wanted = {"low": low, "high": high}
            arguments = {n: given[n] if given.get(n) is not None else wanted[n] for n in wanted}
        step = replace(self.step, arguments={**self.step.arguments, **arguments})
        return replace(self, step=step, phases=())

    def needs(self, region: Region) -> Region:
        """Return what a region of the result depends on."""
        (y, x), (height, width) = self.reach, self.given[0].size
        return y.needs(region[0], height), x.needs(region[1], width)

    def run(
        self, tile: Tile, region: Region, scratch: Scratch, out: NDArray[Any] | None = None
    ) -> Pixels:
        """Return a region of the result, in `out` if that is easy."""
        needed = self.needs(region)
        pixels = tile.cut(needed)
        if self.operation is not None:
            return self.operate(pixels, needed, region, out)
        images = pixels if isinstance(pixels, tuple) else (pixels,)
        exact = needed == region
        result: Any = self.run_whole(images, out if exact else None)
        if exact:
            return result
        (y, x), ((y0, y1), (x0, x1)) = (needed[0][0], needed[1][0]), region
        return result[y0 - y : y1 - y, x0 - x : x1 - x]

    @property
    def takes_out(self) -> bool:
        """Whether the step can fill an array."""
        return self.step.halo is None and takes(self.step.function, "out")

    def check_result(self, result: Any, image: NDArray[Any], expected: Spec) -> None:
        """Check what a callable has returned."""
        if np.shape(result) != image.shape:
            raise PipelineError(
                f"{self.step.name}: the result must have the image's shape {image.shape}, "
                f"got {np.shape(result)}"
            )
        if not np.can_cast(np.asarray(result).dtype, expected.dtype, "same_kind"):
            raise PipelineError(
                f"{self.step.name}: the result must be of dtype {expected.dtype}, got "
                f"{np.asarray(result).dtype}; step(..., dtype=...) says another"
            )

    def operate(self, pixels: Any, needed: Region, region: Region, out: Any) -> Pixels:
        """Run the one pass that the step is, its windows placed by hand."""
        (y, x), spec, size = self.reach, several(self.result)[0], self.given[0].size
        top, rows, skip = y.placed(region[0], needed[0][0], size[0])
        left, columns, ahead = x.placed(region[1], needed[1][0], size[1])
        exact = not skip and not ahead
        assert self.operation is not None
        windows = self.operation.windows
        result = apply(
            self.operation,
            pixels,
            (y.mode, x.mode),
            self.step.arguments.get("cval", 0.0),
            None,
            None if spec.channels is None else -1,
            spec.dtype,
            out if exact else None,
            Placement((windows[0].before - top, windows[1].before - left), (rows, columns)),
        )
        if exact:
            return result
        if isinstance(result, tuple):
            return tuple(each[skip:, ahead:] for each in result)
        return result[skip:, ahead:]

    def run_whole(self, images: tuple[NDArray[Any], ...], out: Any = None) -> Pixels:
        """Run the step on whole images, or on pieces as if they were."""
        more = {"out": out} if out is not None and self.takes_out else {}
        result = self.step.call(*images, channels=self.given[0].channels is not None, **more)
        if self.step.halo is None:
            return result
        expected = several(self.result)[0]
        self.check_result(result, images[0], expected)
        return np.asarray(result, expected.dtype)


@dataclass(frozen=True, eq=False)
class Whole(Window):
    """A step that runs on whole images, with all threads."""

    why: str = ""
    whole = True


@dataclass(frozen=True, eq=False)
class Same:
    """The image itself."""

    result: Flow
    cost: float = 0
    whole = False
    measured = False
    bytes = 0

    @property
    def windows(self) -> list[Window]:
        """None."""
        return []

    def needs(self, region: Region) -> Region:
        """Return the region."""
        return region

    def run(
        self, tile: Tile, region: Region, scratch: Scratch, out: NDArray[Any] | None = None
    ) -> Pixels:
        """Return the pixels."""
        return tile.cut(region)


@dataclass(frozen=True, eq=False)
class Each:
    """A step on each of several images."""

    parts: tuple[Window, ...]
    measured = False

    @property
    def whole(self) -> bool:
        """Whether the step needs the whole images."""
        return any(part.whole for part in self.parts)

    def run_whole(self, images: tuple[NDArray[Any], ...], out: Any = None) -> Pixels:
        """Run the step on whole images."""
        results: list[Any] = []
        for part, image in zip(self.parts, images, strict=True):
            result = part.run_whole((image,))
            results.extend(result if isinstance(result, tuple) else [result])
        return tuple(results)

    @property
    def result(self) -> Flow:
        """All results."""
        return tuple(spec for part in self.parts for spec in several(part.result))

    @property
    def cost(self) -> float:
        """Of all images."""
        return sum(part.cost for part in self.parts)

    @property
    def bytes(self) -> int:
        """Bytes of a row of all that comes in and out."""
        return sum(part.bytes for part in self.parts)

    @property
    def windows(self) -> list[Window]:
        """The step, for each image."""
        return list(self.parts)

    def needs(self, region: Region) -> Region:
        """Return what any image needs."""
        return union([part.needs(region) for part in self.parts])

    def run(
        self, tile: Tile, region: Region, scratch: Scratch, out: NDArray[Any] | None = None
    ) -> Pixels:
        """Return a region of all results."""
        results: list[Any] = []
        for part, pixels in zip(self.parts, tile.pixels, strict=True):
            result = part.run(tile._replace(pixels=pixels), region, scratch)
            results.extend(result if isinstance(result, tuple) else [result])
        return tuple(results)


@dataclass(frozen=True, eq=False)
class Fork:
    """Branches from one image: side by side, or joined by an operator."""

    parts: "tuple[Stages, ...]"
    operator: str | None
    result: Flow

    @cached_property
    def whole(self) -> bool:
        """Whether a branch needs the whole image."""
        single = all(len(part.stages) == 1 and not part.stages[0].whole for part in self.parts)
        return (
            not single
            or any(part.stages[0].measured for part in self.parts)
            or clash(ends_of(self.windows))
        )

    measured = False

    @property
    def cost(self) -> float:
        """Of all branches."""
        return sum(part.cost for part in self.parts) + prod(several(self.result)[0].size)

    @property
    def bytes(self) -> int:
        """Bytes of a row of all that is held at once."""
        results = sum(spec.row_bytes for part in self.parts for spec in several(part.result))
        return results + max(part.bytes for part in self.parts)

    @cached_property
    def windows(self) -> list[Window]:
        """All steps with a window."""
        return [window for part in self.parts for window in part.windows]

    def needs(self, region: Region) -> Region:
        """Return what any branch needs."""
        return union([branch.needs(region) for branch in self.branches])

    def run(
        self, tile: Tile, region: Region, scratch: Scratch, out: NDArray[Any] | None = None
    ) -> Pixels:
        """Return a region of all results, or of what they are joined to."""
        results = [branch.run(tile, region, scratch, branch.place(scratch, region))
                   for branch in self.branches]  # fmt: skip
        return self.joined(results, out)

    @cached_property
    def branches(self) -> "list[Group]":
        """The branches, each a group."""
        return [part.stages[0] for part in self.parts]  # type: ignore[misc]

    def joined(self, results: list[Any], out: Any = None) -> Pixels:
        """Return the branches' results one after the other, or what the operator makes of two."""
        if self.operator is None:
            flat: list[Any] = []
            for result in results:
                flat.extend(result if isinstance(result, tuple) else [result])
            return tuple(flat)
        spec = several(self.result)[0]
        with np.errstate(all="ignore"):
            return OPERATORS[self.operator](*results, out=out, dtype=spec.dtype)


Part = Window | Each | Fork | Same


@dataclass(frozen=True, eq=False)
class Group:
    """Nodes that run together on a region."""

    parts: tuple[Part, ...]
    given: tuple[Spec, ...]
    whole = False

    @property
    def result(self) -> Flow:
        """Of the last node."""
        return self.parts[-1].result

    @property
    def measured(self) -> bool:
        """Whether it begins with a measure."""
        return self.parts[0].measured

    def bound(self, found: list[NDArray[Any]]) -> "Group":
        """Return the stage whose first step knows what was measured."""
        first = self.parts[0]
        assert isinstance(first, Window)
        return replace(self, parts=(first.bound(found), *self.parts[1:]))

    @cached_property
    def cost(self) -> float:
        """Of all nodes."""
        return sum(part.cost for part in self.parts)

    @cached_property
    def bytes(self) -> int:
        """Bytes of a row of what the greediest node holds."""
        return max(part.bytes for part in self.parts)

    @cached_property
    def windows(self) -> list[Window]:
        """All steps with a window."""
        return [window for part in self.parts for window in part.windows]

    def needs(self, region: Region) -> Region:
        """Return what a region of the result depends on."""
        for part in reversed(self.parts):
            region = part.needs(region)
        return region

    def run(
        self, tile: Tile, region: Region, scratch: Scratch, out: NDArray[Any] | None = None
    ) -> Pixels:
        """Return a region of the result: each node in turn, on no more than the next one needs.

        What a node gives lies in one of two pieces of memory, in turn.
        """
        wanted = [region]
        for part in reversed(self.parts[1:]):
            wanted.append(part.needs(wanted[-1]))
        for number, part in enumerate(self.parts[:-1]):
            want = wanted.pop()
            place = space(scratch, (id(self), number % 2), part.result, want)
            tile = Tile(part.run(tile, want, scratch, place), want[0][0], want[1][0])
        return self.parts[-1].run(tile, region, scratch, out)

    def place(self, scratch: Scratch, region: Region) -> NDArray[Any] | None:
        """Return memory for the result, which lives while other branches run."""
        return space(scratch, (id(self), 2), self.result, region)

    @cached_property
    def halo(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Pixels before and after each pixel of the result that it depends on, along y and x."""
        return tuple(  # type: ignore[return-value]
            reach_of(self.parts, axis) for axis in (0, 1)
        )

    @cached_property
    def later(self) -> int:
        """Rows that the steps behind the first look at beside a pixel's own."""
        return sum(reach_of(self.parts[1:], 0))


@dataclass(frozen=True, eq=False)
class Stages:
    """A chain, cut where a step needs the whole image; `source` is what it was made from."""

    stages: "tuple[Group | Whole | Each | Fork, ...]"
    given: tuple[Spec, ...]
    source: tuple[Node, Flow]

    @property
    def result(self) -> Flow:
        """Of the last stage."""
        return self.stages[-1].result

    @cached_property
    def cost(self) -> float:
        """Of all stages."""
        return sum(stage.cost for stage in self.stages)

    @cached_property
    def bytes(self) -> int:
        """Bytes of a row of what the greediest stage holds."""
        return max(stage.bytes for stage in self.stages)

    @cached_property
    def windows(self) -> list[Window]:
        """All steps with a window."""
        return [window for stage in self.stages for window in stage.windows]


def reach_of(parts: Sequence[Any], axis: int) -> tuple[int, int]:
    """Return how far a chain of nodes looks along an axis, before and after."""
    before = after = 0
    for part in parts:
        if isinstance(part, Fork):
            inside = [
                reach_of([node for stage in branch.stages for node in inner(stage)], axis)
                for branch in part.parts
            ]
            before += max(pair[0] for pair in inside)
            after += max(pair[1] for pair in inside)
        elif part.windows:
            before += max(window.reach[axis].before for window in part.windows)
            after += max(window.reach[axis].after for window in part.windows)
    return before, after


def inner(stage: Any) -> Sequence[Any]:
    """Return the nodes of a stage."""
    return stage.parts if isinstance(stage, Group) else [stage]


def ends_of(windows: Sequence[Window]) -> set[tuple[int, bool]]:
    """Return the axes along which windows reach beyond a pixel, and whether they wrap around."""
    return {
        (axis, reach.mode == "wrap")
        for window in windows
        for axis, reach in enumerate(window.reach)
        if reach.before + reach.after
    }


def clash(ends: set[tuple[int, bool]]) -> bool:
    """Whether one step wraps around an axis where another does not: no tile serves both."""
    return any((axis, True) in ends and (axis, False) in ends for axis in (0, 1))
