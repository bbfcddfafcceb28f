"""Running a plan on dask arrays: chunks that overlap by what their results depend on.

A chunk is a region of the image like a band, and is run by the same code. Outside the image nothing
is put: the steps extend it by their own modes, but for an axis that wraps around, where a chunk is
given pixels from the other end. Plans are made again in each process, from the chain.
"""

import os
import pickle
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import cloudpickle
import dask
import dask.array as da
import numpy as np
from dask.array import overlap
from numpy.typing import NDArray

from imgconv.core import threads
from imgconv.pipeline.executors.base import Executor, Images, Planes
from imgconv.pipeline.measures import Found
from imgconv.pipeline.nodes import Flow, Fork, Group, Spec, Stages, Window, several
from imgconv.pipeline.plan import lay_out
from imgconv.pipeline.steps import OPERATORS, PipelineError
from imgconv.pipeline.tiles import Region, Span, Tile

Chunks = tuple[int, ...]
# Stages, those of branches too: dask calls itself for tasks that wait for one another.
MOST_STAGES = 64
# A chain and the kind of its image, pickled; and the number of a stage.
Key = tuple[bytes, int]


class Dask(Executor):
    """Runs on dask arrays: what it gives is computed when dask is asked for it."""

    def join(self, stage: Fork, parts: list[Images], outs: Images | None) -> Images:
        """Compute it chunk by chunk."""
        if stage.operator is None:
            return tuple(image for part in parts for image in part)
        left, right = (part[0] for part in parts)
        spec = several(stage.result)[0]
        image = da.map_blocks(
            join,
            left,
            right.rechunk(left.chunks),
            operator=stage.operator,
            real=spec.dtype,
            dtype=spec.dtype,
            meta=meta(spec),
        )
        return (image,)

    def whole(self, plan: Stages, number: int, images: Images, outs: Images | None) -> Images:
        """Make a single task of it."""
        specs = several(plan.stages[number].result)
        made = dask.delayed(whole, nout=len(specs))(key_of(plan, number), *images)
        parts = list(made) if len(specs) > 1 else [made[0]]
        return tuple(
            da.from_delayed(part, spec.shape, spec.dtype)
            for part, spec in zip(parts, specs, strict=True)
        )

    def pieces(self, plan: Stages, number: int, images: Images, outs: Images | None) -> Images:
        """Run chunk by chunk."""
        stage = plan.stages[number]
        assert isinstance(stage, Group)
        return run_group(stage, key_of(plan, number), images)

    def targets(self, planes: Planes, flow: Flow, out: Any) -> Images:
        """Refuse arrays to fill."""
        raise TypeError("out must be None for a dask array, which is not computed yet")

    def stack(self, plan: Stages, planes: Any, depth: int, outs: Images | None) -> Images:
        """Run every image of a stack by itself."""
        if (count := stages_in(plan)) > MOST_STAGES:
            raise PipelineError(
                f"a chain must have at most {MOST_STAGES} stages on a dask array, got {count}"
            )
        if not depth:
            return self.run(plan, (planes,))
        if 0 in (stack := planes.shape[:depth]):
            return tuple(
                da.empty((*stack, *spec.shape), dtype=spec.dtype, chunks=-1)
                for spec in several(plan.result)
            )
        found = [self.stack(plan, plane, depth - 1, None) for plane in planes]
        return tuple(da.stack(results) for results in zip(*found, strict=True))


def stages_in(plan: Stages) -> int:
    """Return how many stages there are, with those of branches and those that only measure."""
    return sum(
        1 + stage.measured + (sum(map(stages_in, stage.parts)) if isinstance(stage, Fork) else 0)
        for stage in plan.stages
    )


def key_of(plan: Stages, number: int) -> Key:
    """Return what another process needs to make the stage again."""
    return cloudpickle.dumps(plan.source), number


def join(left: NDArray[Any], right: NDArray[Any], operator: str, real: np.dtype) -> Any:
    """Return what an operator makes of two blocks."""
    with np.errstate(all="ignore"):
        return OPERATORS[operator](left, right, dtype=real)


def meta(spec: Spec) -> NDArray[Any]:
    """Return an empty array of a result's kind."""
    return np.empty((0,) * len(spec.shape), spec.dtype)


# ---- a step on the whole image, as one task ------------------------------------------------------


def whole(key: Key, *images: NDArray[Any]) -> tuple[NDArray[Any], ...]:
    """Run a stage on whole images, in the process that has the task."""
    stage: Any = stage_of(key)
    with threads.threads(threads_of_task()):
        result = stage.run_whole(tuple(map(np.asarray, images)))
    return result if isinstance(result, tuple) else (result,)


def stage_of(key: Key) -> Any:
    """Return a stage, from the plan that this process has made."""
    recipe, number = key
    return plan_of(recipe).stages[number]


@lru_cache(maxsize=64)
def plan_of(recipe: bytes) -> Stages:
    """Return the plan of a chain for an image, made once in each process."""
    return lay_out(*pickle.loads(recipe))


def threads_of_task() -> int:
    """Return how many threads a task may use: one, as tasks run side by side, unless told."""
    return int(os.environ.get("IMGCONV_NUM_THREADS", "1"))


# ---- steps that look at neighbourhoods, chunk by chunk -------------------------------------------


def run_group(group: Group, key: Key, images: Images) -> Images:
    """Return the results of a stage, chunk by chunk."""
    found = measured(group, images) if group.measured else None
    size = group.given[0].size
    periodic = [wraps(group, axis) for axis in (0, 1)]
    chunks, depth = [], []
    for axis in (0, 1):
        sides, deep = fitting(group, images[0].chunks[axis], axis, size, periodic[axis])
        chunks.append(sides)
        depth.append(deep)
    wide = [
        overlap.overlap(
            image.rechunk((*chunks, *[-1] * (image.ndim - 2))),
            depth={0: depth[0], 1: depth[1]},
            boundary={axis: "periodic" if periodic[axis] else "none" for axis in (0, 1)},
            allow_rechunk=False,
        )
        for image in images
    ]
    made = da.map_blocks(
        block,
        *wide,
        key=key,
        spans=tuple(map(spans, chunks)),
        depth=tuple(depth),
        periodic=tuple(periodic),
        found=found,
        dtype=object,
        meta=np.empty((0, 0), object),
        chunks=tuple(chunks),
        drop_axis=[2] if wide[0].ndim > 2 else [],
    )
    return tuple(
        da.map_blocks(
            one_of,
            made,
            number=number,
            dtype=spec.dtype,
            meta=meta(spec),
            chunks=tuple(chunks) if spec.channels is None else (*chunks, (spec.channels,)),
            new_axis=None if spec.channels is None else [2],
        )
        for number, spec in enumerate(several(group.result))
    )


def one_of(results: Images, number: int) -> NDArray[Any]:
    """Return one of the results of a chunk, which a single task gives."""
    return results[number]


def measured(group: Group, images: Images) -> list[Any]:
    """Return what the first step needs of the whole image, as tasks."""
    first = group.parts[0]
    assert isinstance(first, Window)
    found: list[Any] = []
    for phase in first.phases:
        pieces = [
            dask.delayed(phase.map)(piece, *found)
            for piece in images[0].to_delayed(optimize_graph=False).ravel()
        ]
        found.append(dask.delayed(phase.reduce)(pieces))
    return found


def wraps(group: Group, axis: int) -> bool:
    """Whether an axis wraps around."""
    return any(
        window.reach[axis].mode == "wrap" and window.reach[axis].before + window.reach[axis].after
        for window in group.windows
    )


def spans(chunks: Chunks) -> tuple[Span, ...]:
    """Return where chunks begin and end."""
    ends = np.cumsum(chunks).tolist()
    return tuple((end - n, end) for n, end in zip(chunks, ends, strict=True))


def fitting(
    group: Group, chunks: Chunks, axis: int, size: Sequence[int], periodic: bool
) -> tuple[Chunks, int]:
    """Return chunks that are not smaller than what their neighbours need of them, and that."""
    n = size[axis]
    while True:
        if len(chunks) == 1:
            return chunks, 0
        deep = max(outside(group, span, axis, size) for span in spans(chunks))
        if deep <= min(chunks):
            return chunks, deep
        if deep > n or (periodic and 2 * deep > n):
            chunks = (n,)
        else:
            chunks = overlap.ensure_minimum_chunksize(deep, chunks)


def outside(group: Group, span: Span, axis: int, size: Sequence[int]) -> int:
    """Return how far a chunk's results depend on pixels outside of it."""
    region: list[Span] = [(0, n) for n in size]
    region[axis] = span
    start, stop = group.needs((region[0], region[1]))[axis]
    return max(0, span[0] - start, stop - span[1])


def block(
    *images: NDArray[Any],
    key: Key,
    spans: tuple[tuple[Span, ...], tuple[Span, ...]],
    depth: tuple[int, int],
    periodic: tuple[bool, bool],
    found: list[Found] | None,
    block_id: tuple[int, ...],
) -> Images:
    """Run a stage on a chunk and what lies around it."""
    group: Group = stage_of(key)
    if found is not None:
        group = group.bound(found)
    region: Region = (spans[0][block_id[0]], spans[1][block_id[1]])
    top, left = (
        start - deep if around or start else 0
        for (start, _), deep, around in zip(region, depth, periodic, strict=True)
    )
    pixels = tuple(np.asarray(image) for image in images)
    with threads.threads(threads_of_task()):
        tile = Tile(pixels if len(pixels) > 1 else pixels[0], top, left)
        result = group.run(tile, region, {})
    return result if isinstance(result, tuple) else (result,)
