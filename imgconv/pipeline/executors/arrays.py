"""Pipelines on arrays in memory: bands of rows go through all steps of a stage while in cache."""

import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from imgconv.core import threads
from imgconv.core.memory import empty
from imgconv.filters.measures import MapReduce, Measured
from imgconv.pipeline.executors.base import Executor, Images, ImageStack
from imgconv.pipeline.nodes import InputNode, StepNode
from imgconv.pipeline.registry import FILTERS
from imgconv.pipeline.specs import as_tuple
from imgconv.pipeline.stages import BranchesNode, Group, GroupNode, PipelinePlan, Stage, nodes_of
from imgconv.pipeline.tiles import PixelArrays, Tile, alone_or_all, in_tuple, rows_around

# Bytes of the rows of a band in the step that has most: a 2 MB L2, or the part of L3 of a core.
BAND_BYTES = 2 << 20
# Runs of bands for each thread, so that one that other work holds up has fewer of them. The first
# band of a run computes what its steps need of the rows above, too.
RUNS = 4
# Bytes of a piece of the image that is measured at once.
PIECE_BYTES = 1 << 20
# Pieces whose results are kept together: counts of values may take more memory than the pixels.
PIECES_AT_ONCE = 16

Item = TypeVar("Item")
Made = TypeVar("Made")


class ArrayExecutor(Executor):
    """Runs on arrays in memory."""

    def join(self, stage: BranchesNode, results: list[Images], outs: Images | None) -> Images:
        """Join whole images."""
        return filled(stage.joined([alone_or_all(images) for images in results]), outs)

    def run_whole(
        self, plan: PipelinePlan, number: int, images: Images, outs: Images | None
    ) -> Images:
        """Call the step, with all threads."""
        stage = plan.stages[number]
        assert not isinstance(stage, Group | BranchesNode)
        return filled(stage.run_whole(images, only_out(outs)), outs)

    def run_pieces(
        self, plan: PipelinePlan, number: int, images: Images, outs: Images | None
    ) -> Images:
        """Run band by band."""
        group = plan.stages[number]
        assert isinstance(group, Group)
        return run_bands(with_measured(group, images), images, outs)

    def run_stack(self, plan: PipelinePlan, stack: ImageStack, outs: Images | None) -> Images:
        """Run one image after the other; images without pixels go through the steps one by one."""
        planes = stack.array
        if planes.size and not stack.shape:
            return self.run(plan, (planes,), outs)
        if outs is None:
            outs = tuple(
                np.empty((*stack.shape, *spec.shape), spec.dtype) for spec in as_tuple(plan.result)
            )
        for index in np.ndindex(stack.shape):
            image_outs = tuple(out[index] for out in outs)
            if planes.size:
                self.run(plan, (planes[index],), image_outs)
            else:
                filled(run_steps(plan, (planes[index],)), image_outs)
        return outs


def only_out(outs: Images | None) -> NDArray[Any] | None:
    """Return the array to fill, if there is exactly one."""
    return outs[0] if outs is not None and len(outs) == 1 else None


def filled(results: PixelArrays, outs: Images | None) -> Images:
    """Return results as a tuple, in the arrays to fill if there are any."""
    found = in_tuple(results)
    if outs is None:
        return found
    for result, out in zip(found, outs, strict=True):
        if result is not out:
            np.copyto(out, result)
    return outs


def with_measured(group: Group, images: Images) -> Group:
    """Return a group whose first step knows what it needs of the whole image."""
    if not group.is_measured:
        return group
    rows = max(1, PIECE_BYTES // max(1, group.inputs[0].row_bytes))
    image = images[0]
    pieces = [image[top : top + rows] for top in range(0, max(1, len(image)), rows)]
    found: list[Measured] = []
    for measurement in group.measurements:
        found.append(reduced(measurement, mapper(measurement, found), pieces, image.size))
    return group.with_measured(found)


def reduced(
    measurement: MapReduce,
    work: Callable[[NDArray[Any]], Measured],
    pieces: Sequence[NDArray[Any]],
    cost: float,
) -> Measured:
    """Return what is measured of all pieces; only some of their results are kept at a time."""
    kept: list[Measured] = []
    for start in range(0, len(pieces), PIECES_AT_ONCE):
        some = in_threads(work, pieces[start : start + PIECES_AT_ONCE], cost)
        kept = [measurement.reduce([*kept, *some])]
    return kept[0]


def mapper(measurement: MapReduce, found: Sequence[Measured]) -> Callable[[NDArray[Any]], Measured]:
    """Return what maps a piece of the image, and what was measured before, to a small array."""
    known = tuple(found)
    return lambda piece: measurement.map(piece, *known)


def in_threads(work: Callable[[Item], Made], items: Iterable[Item], cost: float) -> list[Made]:
    """Return what is made of each item, on as many threads as the work is worth."""
    listed = list(items)
    count = min(threads.threads_for(cost), len(listed))
    if count == 1:
        with threads.threads(1):
            return [work(item) for item in listed]

    def on_one_thread(item: Item) -> Made:
        with threads.threads(1):
            return work(item)

    with ThreadPoolExecutor(count, thread_name_prefix="imgconv") as pool:
        return list(pool.map(on_one_thread, listed))


def band_rows(group: Group, height: int) -> int:
    """Return how many rows of the result a band has."""
    # The rows that are kept for the next band are moved; if a band has as many, each moves once.
    rows = max(BAND_BYTES // max(1, group.row_bytes), group.later_rows, 16)
    # A small image is not cut for threads that will not run.
    count = threads.threads_for(group.cost)
    fair = -(-height // count) if height >= 64 * count else height
    return min(-(-rows // 16) * 16, -(-fair // 16) * 16)


def has_own_bands(group: Group) -> bool:
    """Whether a group is a single pass that cuts the image into bands by itself."""
    (first, *more) = group.passes
    own = isinstance(first, StepNode) and (first.operation or first.step.name in FILTERS)
    return bool(own) and not more


def run_bands(group: Group, images: Images, outs: Images | None) -> Images:
    """Fill the results band by band."""
    height, width = group.inputs[0].size
    rows = height if has_own_bands(group) else band_rows(group, height)
    if rows >= height:
        whole = (0, height), (0, width)
        tile = Tile(alone_or_all(images), 0, 0)
        return filled(group.run(tile, whole, {}, only_out(outs)), outs)
    if outs is None:
        outs = tuple(empty(spec.shape, spec.dtype, images[0]) for spec in as_tuple(group.result))
    results, local = outs, threading.local()
    rows_of_run = run_rows(rows, height, group.cost)

    def run_down(top: int) -> None:
        walk = group.walk(local.__dict__.setdefault("scratch", {}))
        for start in range(top, min(top + rows_of_run, height), rows):
            region = (start, min(start + rows, height)), (0, width)
            (first, last), _ = group.input_region(region)
            pixels = tuple(rows_around(image, (first, last)) for image in images)
            targets = tuple(result[slice(*region[0])] for result in results)
            tile = Tile(alone_or_all(pixels), first, 0)
            filled(walk.run(tile, region, only_out(targets)), targets)

    in_threads(run_down, range(0, height, rows_of_run), group.cost)
    return results


def run_rows(rows: int, height: int, cost: float) -> int:
    """Return the rows of a run of bands, which one thread computes one below the other."""
    count = threads.threads_for(cost)
    runs = 1 if count == 1 else count * RUNS
    return -(-height // (runs * rows)) * rows


def run_steps(plan: PipelinePlan, images: Images) -> Images:
    """Return the results of a chain, each step run on the whole image, one by one."""
    for stage in plan.stages:
        for node in nodes_of(stage):
            images = run_node(node, images)
    return images


def run_node(node: GroupNode | Stage, images: Images) -> Images:
    """Return the results of a node on whole images."""
    if isinstance(node, InputNode):
        return images
    if isinstance(node, BranchesNode):
        results = [run_steps(branch, images) for branch in node.branches]
        return filled(node.joined([alone_or_all(found) for found in results]), None)
    assert not isinstance(node, Group)
    return filled(node.run_whole(images), None)
