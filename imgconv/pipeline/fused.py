"""Running a plan on arrays: bands of rows through all steps of a stage while they are in cache."""

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgconv.core import threads
from imgconv.core.memory import empty
from imgconv.pipeline.measures import Found, Phase
from imgconv.pipeline.nodes import Fork, Group, Same, Scratch, Stages, Window, several
from imgconv.pipeline.steps import FILTERS
from imgconv.pipeline.tiles import Tile, gathered

Arrays = tuple[NDArray[Any], ...]

# What the rows of a band hold in the step that holds most: a 2 MB L2, or what L3 gives a core.
BAND_BYTES = 2 << 20
# Rows that a band computes for the windows of later steps are computed by its neighbours, too:
# they shall be a small part of it, while it takes no more memory than this.
HALOS = 8
LARGEST_BAND = 6 << 20
PIECE_BYTES = 1 << 20


def run(plan: Stages, images: Arrays, outs: Arrays | None = None) -> Arrays:
    """Return the results of a chain, stage by stage; the last one fills `outs`, if given."""
    for stage in plan.stages:
        last = outs if stage is plan.stages[-1] else None
        images = run_stage(stage, images, last)
    return images


def run_stage(stage: Any, images: Arrays, outs: Arrays | None) -> Arrays:
    """Return the results of a stage."""
    if isinstance(stage, Fork):
        parts = [run(part, images) for part in stage.parts]
        single = [part[0] if len(part) == 1 else part for part in parts]
        return filled(stage.joined(single), outs)
    if stage.whole:
        return filled(stage.run_whole(images, sole(outs)), outs)
    first = stage.parts[0]
    if len(stage.parts) == 1 and isinstance(first, Window) and first.step.name in FILTERS:
        return filled(first.run_whole(images, sole(outs)), outs)
    return run_bands(measured(stage, images), images, outs)


def sole(outs: Arrays | None) -> NDArray[Any] | None:
    """Return the array to fill, if it is one."""
    return outs[0] if outs is not None and len(outs) == 1 else None


def filled(results: Any, outs: Arrays | None) -> Arrays:
    """Return results as a tuple, in the arrays to fill if there are any."""
    found = results if isinstance(results, tuple) else (results,)
    if outs is None:
        return found
    for result, out in zip(found, outs, strict=True):
        if result is not out:
            np.copyto(out, result)
    return outs


def measured(group: Group, images: Arrays) -> Group:
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


def run_bands(group: Group, images: Arrays, outs: Arrays | None) -> Arrays:
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


def run_steps(plan: Stages, images: Arrays) -> Arrays:
    """Return the results of a chain, every step run on the whole image: one by one."""
    for stage in plan.stages:
        for part in stage.parts if isinstance(stage, Group) else (stage,):
            images = run_part(part, images)
    return images


def run_part(part: Any, images: Arrays) -> Arrays:
    """Return the results of a node on whole images."""
    if isinstance(part, Fork):
        parts = [run_steps(branch, images) for branch in part.parts]
        return filled(part.joined([one[0] if len(one) == 1 else one for one in parts]), None)
    return images if isinstance(part, Same) else filled(part.run_whole(images), None)
