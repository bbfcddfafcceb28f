"""Making the plan of a pipeline: how far each step looks, what it gives, and where stages end."""

from dataclasses import replace
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np

from imgconv.filters import measures
from imgconv.filters.global_thresholds import needed_by
from imgconv.filters.point_calls import common_computing_dtype, computing_dtype
from imgconv.filters.thresholds import is_windowed
from imgconv.operations.base import Operation
from imgconv.pipeline.nodes import (
    EachImageNode,
    InputNode,
    StepNode,
    WholeImageNode,
    borders_clash,
    borders_of,
)
from imgconv.pipeline.registry import FILTERS, IMAGE_SIZED
from imgconv.pipeline.specs import ImageSpec, ImageSpecs, as_tuple
from imgconv.pipeline.stages import BranchesNode, Group, GroupNode, PipelinePlan, Stage
from imgconv.pipeline.steps import (
    Arithmetic,
    Branches,
    Chain,
    Input,
    Node,
    PipelineError,
    Step,
)
from imgconv.pipeline.thresholding import threshold_method
from imgconv.pipeline.tiles import POINT, AxisHalo


@lru_cache(maxsize=64)
def make_plan(node: Node, specs: ImageSpecs) -> PipelinePlan:
    """Return the stages of a chain for an image, or for several."""
    inputs = as_tuple(specs)
    source = node, specs
    stages: list[Stage] = []
    current: list[GroupNode] = []
    borders: set[tuple[int, bool]] = set()
    group_inputs = inputs

    def end_group() -> None:
        if current:
            stages.append(Group(tuple(current), group_inputs))
            current.clear()
            borders.clear()

    for part in node.parts if isinstance(node, Chain) else (node,):
        made = plan_node(part, specs)
        if made.needs_whole_image:
            end_group()
            assert isinstance(made, WholeImageNode | EachImageNode | BranchesNode)
            stages.append(made)
        else:
            own = borders_of(made.step_nodes)
            if made.is_measured or borders_clash(borders | own):
                end_group()
            if not current:
                group_inputs = as_tuple(specs)
            current.append(made)
            borders |= own
        specs = made.result
    end_group()
    return PipelinePlan(tuple(stages), inputs, source)


def plan_node(node: Node, specs: ImageSpecs) -> GroupNode:
    """Return the plan of a part of a chain."""
    if isinstance(node, Input):
        return InputNode(specs)
    if isinstance(node, Step):
        return plan_step(node, specs)
    if isinstance(node, Branches):
        branches = tuple(make_plan(part, specs) for part in node.parts)
        result = tuple(spec for branch in branches for spec in as_tuple(branch.result))
        return BranchesNode(branches, None, result)
    assert isinstance(node, Arithmetic)
    return plan_arithmetic(node, specs)


def plan_arithmetic(node: Arithmetic, specs: ImageSpecs) -> BranchesNode:
    """Return the plan of an operator between two chains."""
    branches = make_plan(node.left, specs), make_plan(node.right, specs)
    left, right = (branch.result for branch in branches)
    if not isinstance(left, ImageSpec) or not isinstance(right, ImageSpec):
        raise PipelineError(f"{node.text}: {node.operator} takes one image from each side")
    if left.shape != right.shape:
        raise PipelineError(
            f"{node.text}: both sides must have one shape, got {left.shape} and {right.shape}"
        )
    dtype = common_computing_dtype([left.dtype, right.dtype])
    return BranchesNode(branches, node.operator, left._replace(dtype=dtype))


def plan_step(step: Step, specs: ImageSpecs) -> StepNode | EachImageNode:
    """Return the plan of a step, on one image or on each of several."""
    inputs = as_tuple(specs)
    if step.merges:
        if len({spec.shape for spec in inputs}) > 1:
            raise PipelineError(f"{step.name}: the images must have one shape")
        dtype = common_computing_dtype([spec.dtype for spec in inputs])
        cost = 4.0 * prod(inputs[0].shape)
        return StepNode(step, inputs, inputs[0]._replace(dtype=dtype), (POINT, POINT), cost)
    plans = {spec: plan_step_on(step, spec) for spec in set(inputs)}
    made = [plans[spec] for spec in inputs]
    if len(made) == 1:
        return made[0]
    if any(node.is_measured for node in made):
        raise PipelineError(
            f"{step.text}: measures one image, got {len(made)}; in brackets it belongs to a branch"
        )
    return EachImageNode(tuple(made))


def plan_step_on(step: Step, spec: ImageSpec) -> StepNode:
    """Return the plan of a step on one image; errors name the step."""
    try:
        if step.halo is not None:
            return plan_callable(step, spec)
        if step.name in FILTERS:
            return plan_filter(step, spec)
        return plan_point_operation(step, spec)
    except (ValueError, TypeError) as error:
        if isinstance(error, PipelineError):
            raise
        raise type(error)(f"{step.text}: {error}") from error


def plan_callable(step: Step, spec: ImageSpec) -> StepNode:
    """Return the plan of a callable with a halo."""
    result = spec._replace(dtype=step.dtype or spec.dtype)
    cost = 8.0 * prod(spec.shape)
    if step.halo == "whole":
        return whole_image_node(step, spec, result, cost, "it sees the whole image")
    assert isinstance(step.halo, tuple)
    y, x = (AxisHalo(n, n, "reflect") for n in step.halo)
    return StepNode(step, (spec,), result, (y, x), cost)


def plan_point_operation(step: Step, spec: ImageSpec) -> StepNode:
    """Return the plan of a point operation."""
    arguments, cost = step.arguments, 4.0 * prod(spec.shape)
    if step.name == "threshold":
        result = spec._replace(dtype=np.dtype(np.bool_))
        value = arguments.get("value", "otsu")
        if is_windowed(*threshold_method(value, arguments.get("size"))):
            plan = step.plan(spec.stub, spec.channels is not None)
            return step_node(step, spec, result, plan, plan.piecewise)
        measured = needed_by(value, spec.dtype) if isinstance(value, str) else ()
        if isinstance(value, str) and not measured:
            return whole_image_node(step, spec, result, cost, "its threshold depends on all pixels")
    else:
        missing = None in (arguments.get("low"), arguments.get("high"))
        measured = measures.EXTREMES if step.name == "normalize" and missing else ()
        result = spec._replace(dtype=computing_dtype(spec.dtype))
    node = StepNode(step, (spec,), result, (POINT, POINT), cost, measurements=measured)
    if measured:
        return node
    plan = step.plan(spec.stub, spec.channels is not None)
    channels = plan.shape[2] if len(plan.shape) == 3 else None
    result = spec._replace(dtype=plan.dtype, channels=channels)
    return replace(node, result=result, operation=plan.piecewise, computed=plan.computed_in)


def plan_filter(step: Step, spec: ImageSpec) -> StepNode:
    """Return the plan of a filter."""
    plan = step.plan(spec.stub, spec.channels is not None)
    size = plan.shape[1:3] if plan.images > plan.results else plan.shape[:2]
    one = ImageSpec(size, spec.channels, plan.dtype)
    result: ImageSpecs = one if step.results == 1 else (one,) * step.results
    arrays = [key for key in IMAGE_SIZED if isinstance(step.arguments.get(key), np.ndarray)]
    reason = plan.whole or (f"its {arrays[0]} has the size of the image" if arrays else "")
    if not reason and size != spec.size:
        reason = "it changes the size"
    if reason:
        return whole_image_node(step, spec, result, plan.cost, reason, plan.method)
    return step_node(step, spec, result, plan, plan.piecewise)


def step_node(
    step: Step, spec: ImageSpec, result: ImageSpecs, plan: Any, operation: Operation | None
) -> StepNode:
    """Return the node of a step that runs on pieces of the image, from its plan for the whole."""
    note = plan.method if plan.method != "direct" else ""
    halos = halos_of(plan)
    if any(halo.mode == "wrap" and halo.grid > 1 for halo in halos):
        reason = "its sums begin at fixed rows, which do not wrap around"
        return whole_image_node(step, spec, result, plan.cost, reason)
    wide = [
        halo.mode == "wrap" and halo.before + halo.after + 1 >= n
        for halo, n in zip(halos, spec.size, strict=True)
    ]
    if operation is None and any(wide):
        reason = "its window is as large as the image, which wraps around"
        return whole_image_node(step, spec, result, plan.cost, reason)
    computed = plan.computed_in
    return StepNode(step, (spec,), result, halos, plan.cost, operation, computed, note=note)


def whole_image_node(
    step: Step, spec: ImageSpec, result: ImageSpecs, cost: float, reason: str, note: str = ""
) -> WholeImageNode:
    """Return the node of a step that runs on the whole image."""
    return WholeImageNode(step, (spec,), result, (POINT, POINT), cost, note=note, reason=reason)


def halos_of(plan: Any) -> tuple[AxisHalo, AxisHalo]:
    """Return how far the windows of a plan reach along both axes."""
    y, x = (
        AxisHalo(max(window.before, 0), max(window.after, 0), mode, grid)
        for window, mode, grid in zip(plan.windows, plan.modes, plan.grid, strict=True)
    )
    return y, x
