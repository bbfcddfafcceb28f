"""Making the plan of a pipeline: what each step reaches, what it gives, and where stages end."""

from collections.abc import Sequence
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np

from imgconv.core.plan import Plan
from imgconv.core.run import PlanOnly
from imgconv.linear import box
from imgconv.operations.base import Operation
from imgconv.pipeline import measures, points
from imgconv.pipeline.nodes import (
    Each,
    Flow,
    Fork,
    Group,
    Same,
    Spec,
    Stages,
    Whole,
    Window,
    clash,
    ends_of,
    several,
)
from imgconv.pipeline.steps import (
    FILTERS,
    Arithmetic,
    Branches,
    Chain,
    Image,
    Node,
    PipelineError,
    Step,
)
from imgconv.pipeline.tiles import POINT, Reach

# Differences of extremes: one pass of the engine, named by its way, where the dtype allows it.
DIFFERENCES = ("morphological_gradient", "white_tophat", "black_tophat")
WAYS = ("gradient", "white tophat", "black tophat")
# Filters that look at all channels, or at a guide: not one operation on each row of samples.
TOGETHER = ("bilateral", "joint_bilateral", "guided")


@lru_cache(maxsize=64)
def lay_out(node: Node, flow: Flow) -> Stages:
    """Return the stages of a chain for an image, or several."""
    parts = node.parts if isinstance(node, Chain) else (node,)
    first = flow
    stages: list[Any] = []
    current: list[Any] = []
    ends: set[tuple[int, bool]] = set()

    def close() -> None:
        if current:
            stages.append(Group(tuple(current), several(begin)))
            current.clear()
            ends.clear()

    begin = flow
    for part in parts:
        made = node_of(part, flow)
        if made.whole:
            close()
            stages.append(made)
        else:
            own = ends_of(made.windows)
            if made.measured or clash(ends | own):
                close()
            if not current:
                begin = flow
            current.append(made)
            ends |= own
        flow = made.result
    close()
    return Stages(tuple(stages), several(first), (node, first))


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
    plans = {spec: window_of(step, spec) for spec in set(specs)}
    made = [plans[spec] for spec in specs]
    if len(made) == 1:
        return made[0]
    if any(each.measured for each in made):
        raise PipelineError(
            f"{step.text}: measures one image, got {len(made)}; in brackets it belongs to a branch"
        )
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
    assert isinstance(step.halo, tuple)
    y, x = (Reach(n, n, "reflect") for n in step.halo)
    return Window(step, (spec,), result, (y, x), cost)


def point_plan(step: Step, spec: Spec) -> Window:
    """Return the plan of a point operation."""
    arguments, cost = step.arguments, 4.0 * prod(spec.shape)
    if step.name == "threshold":
        result = spec._replace(dtype=np.dtype(np.bool_))
        value = arguments.get("value", "otsu")
        if value == "local":
            return local_threshold(step, spec, result)
        phases: Sequence[measures.Phase] = measures.HISTOGRAM if value == "otsu" else ()
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
        mask = spec._replace(dtype=np.dtype(arguments.get("dtype") or np.bool_))
        return Whole(step, (spec,), mask, (POINT, POINT), 8.0 * prod(spec.shape),
                     why="it connects pixels however far apart")  # fmt: skip
    plan: Plan = step.call(spec.stub, channels=spec.channels is not None, out=PlanOnly(None))
    dtype = np.dtype(arguments.get("dtype") or np.bool_) if name == "canny" else plan.dtype
    one = Spec(plan.shape[:2], spec.channels, dtype)  # type: ignore[arg-type]
    result: Flow = one if plan.operation.results == 1 else (one,) * plan.operation.results
    why = reason(step, plan, spec, held)
    if why:
        return Whole(step, (spec,), result, (POINT, POINT), plan.cost, note=plan.method, why=why)
    operation = None if name in TOGETHER or plan.operation.loop == "resample" else plan.operation
    y, x = reaches(plan)
    if name in DIFFERENCES and getattr(operation, "way", "") not in WAYS:
        operation = None
        y, x = (around(axis) for axis in (y, x))
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
        Reach(max(window.before, 0), max(window.after, 0), mode, cell)
        for window, mode, cell in zip(plan.windows, plan.modes, grid, strict=True)
    )
    return y, x


def around(axis: Reach) -> Reach:
    """Return the reach of a window and of the same turned around, side by side."""
    far = max(axis.before, axis.after)
    return axis._replace(before=far, after=far)
