"""Pipelines on arrays in memory: bands of rows go through all steps of a stage while in cache."""

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgconv.core import threads
from imgconv.core.memory import empty
from imgconv.pipeline.executors.base import Executor, Images
from imgconv.pipeline.measures import Found, Phase
from imgconv.pipeline.nodes import Fork, Group, Same, Scratch, Stages, Window, several
from imgconv.pipeline.steps import FILTERS
from imgconv.pipeline.tiles import Tile, gathered

# What the rows of a band hold in the step that holds most: a 2 MB L2, or what L3 gives a core.
BAND_BYTES = 2 << 20
# Rows that a band computes for the windows of later steps are computed by its neighbours, too:
# they shall be a small part of it, while it takes no more memory than this.
HALOS = 8
LARGEST_BAND = 6 << 20
PIECE_BYTES = 1 << 20


class Arrays(Executor):
    """Runs on arrays in memory."""

    def join(self, stage: Fork, parts: list[Images], outs: Images | None) -> Images:
        """Compute it on whole images."""
        return filled(stage.joined([part[0] if len(part) == 1 else part for part in parts]), outs)

    def whole(self, plan: Stages, number: int, images: Images, outs: Images | None) -> Images:
        """Call the step, with all threads."""
        stage: Any = plan.stages[number]
        return filled(stage.run_whole(images, sole(outs)), outs)

    def pieces(self, plan: Stages, number: int, images: Images, outs: Images | None) -> Images:
        """Run band by band; a filter that stands alone has bands of its own."""
        stage: Any = plan.stages[number]
        first = stage.parts[0]
        if len(stage.parts) == 1 and isinstance(first, Window) and first.step.name in FILTERS:
            return filled(first.run_whole(images, sole(outs)), outs)
        return run_bands(measured(stage, images), images, outs)

    def stack(self, plan: Stages, planes: Any, depth: int, outs: Images | None) -> Images:
        """Run one image after the other; one without pixels goes through the steps one by one."""
        if not planes.size:
            outs = outs or made(plan, planes.shape[:depth])
        elif not depth:
            return self.run(plan, (planes,), outs)
        outs = outs or made(plan, planes.shape[:depth])
        for index in np.ndindex(planes.shape[:depth]):
            images, targets = (planes[index],), tuple(each[index] for each in outs)
            if planes.size:
                self.run(plan, images, targets)
            else:
                filled(run_steps(plan, images), targets)
        return outs


def made(plan: Stages, stack: tuple[int, ...]) -> Images:
    """Return arrays for the results of a stack."""
    return tuple(np.empty((*stack, *spec.shape), spec.dtype) for spec in several(plan.result))


def sole(outs: Images | None) -> NDArray[Any] | None:
    """Return the array to fill, if it is one."""
    return outs[0] if outs is not None and len(outs) == 1 else None


def filled(results: Any, outs: Images | None) -> Images:
    """Return results as a tuple, in the arrays to fill if there are any."""
    found = results if isinstance(results, tuple) else (results,)
    if outs is None:
        return found
    for result, out in zip(found, outs, strict=True):
        if result is not out:
            np.copyto(out, result)
    return outs


def measured(group: Group, images: Images) -> Group:
    """Return a stage whose first step knows what it needs of the whole image."""
    if not group.measured:
        return group
    first = group.parts[0]
    assert isinstance(first, Window)
    rows = max(1, PIECE_BYTES // max(1, group.given[0].row_bytes))
    image = images[0]
    pieces = [image[top : top + rows] for top in range(0, max(1, len(image)), rows)]
    found: list[Found] = []
    for phase in first.phases:
        found.append(phase.reduce(in_threads(mapper(phase, found), pieces, image.size)))
    return group.bound(found)


def mapper(phase: Phase, found: list[Found]) -> Callable[[NDArray[Any]], Found]:
    """Return what a phase does with a piece of the image."""
    known = tuple(found)
    return lambda piece: phase.map(piece, *known)


def in_threads(work: Callable[..., Any], items: Iterable[Any], cost: float) -> list[Any]:
    """Return what is made of each item, on as many threads as the work is worth."""
    listed = list(items)
    count = min(threads.get_num_threads(), len(listed))
    if count == 1 or cost < threads.SERIAL_BELOW:
        with threads.threads(1):
            return [work(item) for item in listed]

    def alone(item: Any) -> Any:
        with threads.threads(1):
            return work(item)

    with ThreadPoolExecutor(count, thread_name_prefix="imgconv") as pool:
        return list(pool.map(alone, listed))


def band_rows(group: Group, height: int) -> int:
    """Return how many rows of the result a band has."""
    later = group.later
    row = max(1, group.bytes)
    rows = max(BAND_BYTES // row, min(HALOS * later, LARGEST_BAND // row), 16)
    count = threads.get_num_threads()
    fair = -(-height // count) if height >= 64 * count else height
    return min(-(-rows // 16) * 16, -(-fair // 16) * 16)


def run_bands(group: Group, images: Images, outs: Images | None) -> Images:
    """Fill the results band by band."""
    height, width = group.given[0].size
    rows = band_rows(group, height)
    if rows >= height:  # it all fits
        for part in group.parts:
            images = run_part(part, images)
        return filled(images, outs)
    if outs is None:
        outs = tuple(empty(spec.shape, spec.dtype) for spec in several(group.result))
    results, local = outs, threading.local()

    def band(top: int) -> None:
        region = (top, min(top + rows, height)), (0, width)
        needed = group.needs(region)
        pixels = tuple(gathered(image, needed[0]) for image in images)
        tile = Tile(pixels if len(pixels) > 1 else pixels[0], needed[0][0], 0)
        targets = tuple(result[slice(*region[0])] for result in results)
        scratch: Scratch = local.__dict__.setdefault("scratch", {})
        made = group.run(tile, region, scratch, targets[0] if len(targets) == 1 else None)
        filled(made, targets)

    in_threads(band, range(0, height, rows), group.cost)
    return results


def run_steps(plan: Stages, images: Images) -> Images:
    """Return the results of a chain, every step run on the whole image: one by one."""
    for stage in plan.stages:
        for part in stage.parts if isinstance(stage, Group) else (stage,):
            images = run_part(part, images)
    return images


def run_part(part: Any, images: Images) -> Images:
    """Return the results of a node on whole images."""
    if isinstance(part, Fork):
        parts = [run_steps(branch, images) for branch in part.parts]
        return filled(part.joined([one[0] if len(one) == 1 else one for one in parts]), None)
    return images if isinstance(part, Same) else filled(part.run_whole(images), None)
