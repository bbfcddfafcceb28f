"""The plan of a pipeline for images of one size and dtype: stages, reach, dtypes, cost.

Steps that look at the neighbourhood of a pixel run together, as a `Group`, band by band. A step
that needs the whole image, changes its size, or shares its rounding among pixels far apart is a
stage of its own; one that measures the image begins a stage.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache, partial
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgconv.core import check
from imgconv.core.operation import Operation
from imgconv.core.plan import Fit, Plan
from imgconv.core.run import PlanOnly, apply
from imgconv.linear import box
from imgconv.pipeline import measures, points
from imgconv.pipeline.steps import (
    FILTERS,
    OPERATORS,
    Arithmetic,
    Branches,
    Chain,
    Image,
    Node,
    PipelineError,
    Step,
    is_itself,
    takes,
)
from imgconv.pipeline.tiles import POINT, Pixels, Reach, Region, Tile, union

# Filters of more than one pass: each reaches as far again, from any side.
TWICE = ("opening", "closing", "white_tophat", "black_tophat")
SEVERAL = (*TWICE, "morphological_gradient")
# Filters that look at all channels, or at a guide: not one operation on each row of samples.
TOGETHER = ("bilateral", "joint_bilateral", "guided")
WHOLE = ("canny", "hysteresis", "pool")


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


def several(flow: Flow) -> tuple[Spec, ...]:
    """Return the images that go from one node to the next."""
    return (flow,) if isinstance(flow, Spec) else flow


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
        y, x = (
            axis.needs(span, n)
            for axis, span, n in zip(self.reach, region, self.given[0].size, strict=True)
        )
        return y, x

    def run(self, tile: Tile, region: Region, out: Any = None) -> Pixels:
        """Return a region of the result."""
        needed = self.needs(region)
        pixels = tile.cut(needed)
        if self.operation is not None:
            return self.operate(pixels, needed, region, out)
        images = pixels if isinstance(pixels, tuple) else (pixels,)
        exact = needed == region
        more = {"out": out} if out is not None and exact and self.takes_out else {}
        result = self.step.call(*images, channels=self.given[0].channels is not None, **more)
        expected = several(self.result)[0]
        if self.step.halo is not None:
            self.check_result(result, images[0], expected)
            result = np.asarray(result, expected.dtype)
        if exact:
            return result
        (y, x), ((y0, y1), (x0, x1)) = (needed[0][0], needed[1][0]), region
        part = result[y0 - y : y1 - y, x0 - x : x1 - x]
        return part

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
        before, count, part = [], [], []
        for axis, wants, has, n in zip(
            self.reach, region, needed, self.given[0].size, strict=True
        ):
            start, stop = axis.aligned(wants) if wants != (0, n) else wants
            before.append(has[0] - (start - axis.before))
            count.append(stop - start)
            part.append(slice(wants[0] - start, None))
        exact = all(cut.start == 0 for cut in part)
        spec = several(self.result)[0]
        result = apply(
            self.operation,  # type: ignore[arg-type]
            pixels,
            tuple(axis.mode for axis in self.reach),
            self.step.arguments.get("cval", 0.0),
            None,
            None if spec.channels is None else -1,
            spec.dtype,
            out if exact else None,
            Fit((before[0], before[1]), (count[0], count[1])),
        )
        if exact:
            return result
        cut = tuple(part)
        return tuple(each[cut] for each in result) if isinstance(result, tuple) else result[cut]

    def run_whole(self, images: tuple[NDArray[Any], ...], out: Any = None) -> Pixels:
        """Run the step on whole images."""
        more = {"out": out} if out is not None and self.takes_out else {}
        return self.step.call(*images, channels=self.given[0].channels is not None, **more)


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

    def run(self, tile: Tile, region: Region, out: Any = None) -> Pixels:
        """Return the pixels."""
        return tile.cut(region)


@dataclass(frozen=True, eq=False)
class Each:
    """A step on each of several images."""

    parts: tuple[Window, ...]
    whole = False
    measured = False

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

    def run(self, tile: Tile, region: Region, out: Any = None) -> Pixels:
        """Return a region of all results."""
        results: list[Any] = []
        for part, pixels in zip(self.parts, tile.pixels, strict=True):
            result = part.run(tile._replace(pixels=pixels), region)
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
        return not single or any(part.stages[0].measured for part in self.parts) or clashes(
            self.windows
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
        return union([part.stages[0].needs(region) for part in self.parts])

    def run(self, tile: Tile, region: Region, out: Any = None) -> Pixels:
        """Return a region of all results, or of what they are joined to."""
        return self.joined([part.stages[0].run(tile, region) for part in self.parts], out)

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

    def run(self, tile: Tile, region: Region, out: Any = None) -> Pixels:
        """Return a region of the result: each node in turn, on no more than the next one needs."""
        wanted = [region]
        for part in reversed(self.parts[1:]):
            wanted.append(part.needs(wanted[-1]))
        for part in self.parts[:-1]:
            want = wanted.pop()
            tile = Tile(part.run(tile, want), want[0][0], want[1][0])
        return self.parts[-1].run(tile, region, out)

    @cached_property
    def halo(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Pixels before and after each pixel of the result that it depends on, along y and x."""
        return tuple(  # type: ignore[return-value]
            reach_of(self.parts, axis) for axis in (0, 1)
        )


@dataclass(frozen=True, eq=False)
class Stages:
    """A chain, cut where a step needs the whole image."""

    stages: "tuple[Group | Whole | Fork, ...]"
    given: tuple[Spec, ...]

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


def clashes(windows: Sequence[Window]) -> bool:
    """Whether one step wraps around an axis where another does not: no tile serves both."""
    for axis in (0, 1):
        kinds = {
            window.reach[axis].mode == "wrap"
            for window in windows
            if window.reach[axis].before + window.reach[axis].after
        }
        if len(kinds) > 1:
            return True
    return False


# ---- making plans --------------------------------------------------------------------------------


@lru_cache(maxsize=64)
def lay_out(node: Node, flow: Flow) -> Stages:
    """Return the stages of a chain for an image, or several."""
    parts = node.parts if isinstance(node, Chain) else (node,)
    first = flow
    stages: list[Any] = []
    current: list[Any] = []

    def close() -> None:
        if current:
            stages.append(Group(tuple(current), several(begin)))
            current.clear()

    begin = flow
    for part in parts:
        made = node_of(part, flow)
        if made.whole:
            close()
            stages.append(made)
        else:
            windows = [window for each in current for window in each.windows]
            if made.measured or clashes([*windows, *made.windows]):
                close()
            if not current:
                begin = flow
            current.append(made)
        flow = made.result
    close()
    return Stages(tuple(stages), several(first))


def node_of(node: Node, flow: Flow) -> Any:
    """Return the plan of a node."""
    if isinstance(node, Image):
        return Same(flow)
    if isinstance(node, Step):
        return step_plan(node, flow)
    if isinstance(node, Branches):
        parts = tuple(lay_out(part, flow) for part in node.parts)
        return Fork(parts, None, tuple(spec for part in parts for spec in several(part.result)))
    assert isinstance(node, Arithmetic)
    parts = lay_out(node.left, flow), lay_out(node.right, flow)
    specs = [part.result for part in parts]
    if not all(isinstance(spec, Spec) for spec in specs):
        raise PipelineError(f"{node.text}: {node.operator} takes one image from each side")
    left, right = (several(spec)[0] for spec in specs)
    if left.shape != right.shape:
        raise PipelineError(
            f"{node.text}: both sides must have one shape, got {left.shape} and {right.shape}"
        )
    real = np.result_type(*(points.computing(spec.dtype) for spec in (left, right)))
    return Fork(parts, node.operator, left._replace(dtype=real))


def step_plan(step: Step, flow: Flow) -> Any:
    """Return the plan of a step, on one image or on each of several."""
    specs = several(flow)
    if step.merges:
        if len({spec.shape for spec in specs}) > 1:
            raise PipelineError(f"{step.name}: the images must have one shape")
        real = np.result_type(*(points.computing(spec.dtype) for spec in specs))
        cost = 4.0 * prod(specs[0].shape)
        return Window(step, specs, specs[0]._replace(dtype=real), (POINT, POINT), cost)
    made = [window_of(step, spec) for spec in specs]
    if len(made) == 1:
        return made[0]
    if any(each.whole or each.measured for each in made):
        if all(each.whole for each in made):
            return Fork(
                tuple(Stages((each,), each.given) for each in made), None,
                tuple(spec for each in made for spec in several(each.result)),
            )  # fmt: skip
        raise PipelineError(f"{step.text}: takes one image, got {len(made)}")
    return Each(tuple(made))


def window_of(step: Step, spec: Spec) -> Window:
    """Return the plan of a step on one image."""
    try:
        if step.halo is not None:
            return callable_plan(step, spec)
        if step.name in FILTERS:
            return filter_plan(step, spec)
        return point_plan(step, spec)
    except (ValueError, TypeError) as error:
        if isinstance(error, PipelineError):
            raise
        raise type(error)(f"{step.text}: {error}") from error


def callable_plan(step: Step, spec: Spec) -> Window:
    """Return the plan of a callable with a halo."""
    result = spec._replace(dtype=step.dtype or spec.dtype)
    cost = 8.0 * prod(spec.shape)
    if step.halo == "whole":
        return Whole(step, (spec,), result, (POINT, POINT), cost, why="it sees the whole image")
    y, x = (Reach(n, n, "reflect") for n in step.halo or ())
    return Window(step, (spec,), result, (y, x), cost)


def point_plan(step: Step, spec: Spec) -> Window:
    """Return the plan of a point operation."""
    arguments, cost = step.arguments, 4.0 * prod(spec.shape)
    if step.name == "threshold":
        result = spec._replace(dtype=np.dtype(np.bool_))
        value = arguments.get("value", "otsu")
        if value == "local":
            return local_threshold(step, spec, result)
        phases = measures.HISTOGRAM if value == "otsu" else ()
        return Window(step, (spec,), result, (POINT, POINT), cost, None, phases)
    tiny = np.zeros((1, 1) if spec.channels is None else (1, 1, spec.channels), spec.dtype)
    made = step.call(tiny, channels=spec.channels is not None)
    channels = made.shape[2] if made.ndim == 3 else None
    result = spec._replace(dtype=made.dtype, channels=channels)
    known = step.name != "normalize" or None not in (arguments.get("low"), arguments.get("high"))
    phases = () if known else measures.EXTREMES
    return Window(step, (spec,), result, (POINT, POINT), cost, None, phases)


def local_threshold(step: Step, spec: Spec, result: Spec) -> Window:
    """Return the plan of a threshold by the mean of a rectangle."""
    plan = box(
        spec.stub,
        step.arguments.get("size", 35),
        mode=step.arguments.get("mode", "reflect"),
        channel_axis=None if spec.channels is None else -1,
        dtype=points.computing(spec.dtype),
        out=PlanOnly(None),  # type: ignore[arg-type]
    )
    return pieces(step, spec, result, plan, reaches(plan), None)  # type: ignore[arg-type]


def filter_plan(step: Step, spec: Spec) -> Window:
    """Return the plan of a filter."""
    arguments, name = step.arguments, step.name
    held = [word for word in ("guide", "mask") if isinstance(arguments.get(word), np.ndarray)]
    if name == "hysteresis":
        result = spec._replace(dtype=np.dtype(arguments.get("dtype", np.bool_)))
        return Whole(step, (spec,), result, (POINT, POINT), 8.0 * prod(spec.shape),
                     why="it connects pixels however far apart")  # fmt: skip
    plan: Plan = step.call(spec.stub, channels=spec.channels is not None, out=PlanOnly(None))
    dtype = np.dtype(arguments.get("dtype") or np.bool_) if name == "canny" else plan.dtype
    one = Spec(plan.shape[:2], spec.channels, dtype)  # type: ignore[arg-type]
    result: Flow = one if plan.operation.results == 1 else (one,) * plan.operation.results
    why = reason(step, plan, spec, held)
    if why:
        return Whole(step, (spec,), result, (POINT, POINT), plan.cost, note=plan.method, why=why)
    operation = None if name in (*SEVERAL, *TOGETHER) else plan.operation
    y, x = reaches(plan)
    if name in SEVERAL:
        y, x = (around(axis, 2 if name in TWICE else 1) for axis in (y, x))
    if plan.operation.loop == "resample":
        operation = None
    return pieces(step, spec, result, plan, (y, x), operation)


def pieces(
    step: Step,
    spec: Spec,
    result: Flow,
    plan: Plan,
    reach: tuple[Reach, Reach],
    operation: Operation | None,
) -> Window:
    """Return the plan of a step that runs on pieces."""
    note = plan.method if plan.method != "direct" else ""
    if any(axis.mode == "wrap" and axis.grid > 1 for axis in reach):
        return Whole(step, (spec,), result, (POINT, POINT), plan.cost,
                     why="its sums begin at fixed rows, which do not wrap around")  # fmt: skip
    return Window(step, (spec,), result, reach, plan.cost, operation, note=note)


def reason(step: Step, plan: Plan, spec: Spec, held: list[str]) -> str:
    """Return why a filter needs the whole image, if it does."""
    if held:
        return f"its {held[0]} has the size of the image"
    if step.name == "canny":
        return "it connects pixels however far apart"
    colour = step.name in {"bilateral", "joint_bilateral"}
    if colour and step.arguments.get("sigma_color") is None:
        return "sigma_color is the deviation of the whole image"
    if step.name == "pool" or plan.shape[:2] != spec.size:
        return "it changes the size"
    if plan.method == "fft":
        return "its transforms have tiles that are fixed in the image"
    return ""


def reaches(plan: Plan) -> tuple[Reach, Reach]:
    """Return the reach of a plan along both axes."""
    grid = (1, 1)
    operation: Any = plan.operation
    if operation.loop == "box":
        grid = (operation.block, 1)
    elif operation.loop == "resample":
        grid = (operation.sides[0].factor, operation.sides[1].factor)
    elif operation.loop == "guided":
        grid = (2 * operation.radius + 1, 1)
    y, x = (
        Reach(window.before, window.after, mode, cell)
        for window, mode, cell in zip(plan.windows, plan.modes, grid, strict=True)
    )
    return y, x


def around(axis: Reach, times: int) -> Reach:
    """Return the reach of a window and of the same turned around, one after the other."""
    far = max(axis.before, axis.after) if times == 1 else axis.before + axis.after
    return axis._replace(before=far, after=far)
