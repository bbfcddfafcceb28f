"""Making the plan of a pipeline: what each step reaches, what it gives, and where stages end."""

from collections.abc import Sequence
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np

from imgconv.filters.smoothing import box
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
    SIZED,
    Arithmetic,
    Branches,
    Chain,
    Image,
    Node,
    PipelineError,
    Step,
)
from imgconv.pipeline.tiles import POINT, Reach


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
    channels = None if spec.channels is None else -1
    size, mode = step.arguments.get("size", 35), step.arguments.get("mode", "reflect")
    real = points.computing(spec.dtype)
    plan = box.call(spec.stub, size, mode=mode, channel_axis=channels, dtype=real).plan()
    return pieces(step, spec, result, plan, None)


def filter_plan(step: Step, spec: Spec) -> Window:
    """Return the plan of a filter."""
    plan = step.plan(spec.stub, spec.channels is not None)
    one = Spec(plan.shape[:2], spec.channels, plan.dtype)
    result: Flow = one if plan.results == 1 else (one,) * plan.results
    held = [word for word in SIZED if isinstance(step.arguments.get(word), np.ndarray)]
    why = f"its {held[0]} has the size of the image" if held else plan.whole
    if not why and plan.shape[:2] != spec.size:
        why = "it changes the size"
    if why:
        return Whole(step, (spec,), result, (POINT, POINT), plan.cost, note=plan.method, why=why)
    return pieces(step, spec, result, plan, plan.piecewise)


def pieces(step: Step, spec: Spec, result: Flow, plan: Any, operation: Operation | None) -> Window:
    """Return the plan of a step that runs on pieces."""
    note = plan.method if plan.method != "direct" else ""
    reach = reaches(plan)
    if any(axis.mode == "wrap" and axis.grid > 1 for axis in reach):
        return Whole(step, (spec,), result, (POINT, POINT), plan.cost,
                     why="its sums begin at fixed rows, which do not wrap around")  # fmt: skip
    return Window(step, (spec,), result, reach, plan.cost, operation, note=note)


def reaches(plan: Any) -> tuple[Reach, Reach]:
    """Return the reach of a plan along both axes."""
    y, x = (
        Reach(max(window.before, 0), max(window.after, 0), mode, cell)
        for window, mode, cell in zip(plan.windows, plan.modes, plan.grid, strict=True)
    )
    return y, x
