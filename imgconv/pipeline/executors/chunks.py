"""Running a plan on dask arrays: chunks that overlap by what their results depend on.

A chunk is a region of the image as a band is, and the same code runs it. Nothing is added outside
the image, since the steps extend it by their own modes; only where an axis wraps around, a chunk is
given pixels from the other end. Each process makes the plan again, from the chain.
"""

import os
import pickle
from collections.abc import Sequence
from functools import lru_cache, partial
from typing import Any

import cloudpickle
import dask.array as da
import numpy as np
from dask.array import overlap
from dask.delayed import delayed
from numpy.typing import NDArray

from imgconv.core import threads
from imgconv.filters.measures import Measured
from imgconv.pipeline.executors.base import Executor, Images, ImageStack
from imgconv.pipeline.executors.edges import ChunkPlaces, chunk_by_chunk, meta
from imgconv.pipeline.nodes import borders_of
from imgconv.pipeline.plan import make_plan
from imgconv.pipeline.specs import ImageSpecs, as_tuple
from imgconv.pipeline.stages import BranchesNode, Group, PipelinePlan, Stage
from imgconv.pipeline.steps import PipelineError, operate
from imgconv.pipeline.tiles import Region, Span, Tile, in_tuple

# Sizes of the chunks along an axis.
Chunks = tuple[int, ...]
# Stages, those of branches too: dask calls itself for tasks that wait for one another.
MAX_STAGES = 64
# Chunks whose measurements one task reduces to one.
CHUNKS_AT_ONCE = 16
# A chain and the kind of its image, pickled; and the number of a stage.
StageKey = tuple[bytes, int]


class DaskExecutor(Executor):
    """Runs on dask arrays: the results are dask arrays, which are computed later."""

    def join(self, stage: BranchesNode, results: list[Images], outs: Images | None) -> Images:
        """Join chunk by chunk."""
        if stage.operator is None:
            return tuple(image for images in results for image in images)
        left, right = (images[0] for images in results)
        spec = as_tuple(stage.result)[0]
        image = da.map_blocks(
            operate,
            left,
            right.rechunk(left.chunks),
            operator=stage.operator,
            result_dtype=spec.dtype,
            dtype=spec.dtype,
            meta=meta(spec),
        )
        return (image,)

    def run_whole(
        self, plan: PipelinePlan, number: int, images: Images, outs: Images | None
    ) -> Images:
        """Make a single task of it."""
        specs = as_tuple(plan.stages[number].result)
        task = delayed(run_whole_image, nout=len(specs))(stage_key(plan, number), *images)
        parts = list(task) if len(specs) > 1 else [task[0]]
        return tuple(
            da.from_delayed(part, spec.shape, spec.dtype)
            for part, spec in zip(parts, specs, strict=True)
        )

    def run_pieces(
        self, plan: PipelinePlan, number: int, images: Images, outs: Images | None
    ) -> Images:
        """Run chunk by chunk."""
        group = plan.stages[number]
        assert isinstance(group, Group)
        return run_group(group, stage_key(plan, number), images)

    def checked_outs(self, stack: ImageStack, specs: ImageSpecs, out: Any) -> Images:
        """Refuse arrays to fill."""
        raise TypeError("out must be None for a dask array, which is not computed yet")

    def run_stack(self, plan: PipelinePlan, stack: ImageStack, outs: Images | None) -> Images:
        """Run every image of a stack by itself."""
        if (count := count_stages(plan)) > MAX_STAGES:
            raise PipelineError(
                f"a chain must have at most {MAX_STAGES} stages on a dask array, got {count}"
            )
        return self.run_planes(plan, stack.array, len(stack.shape))

    def run_planes(self, plan: PipelinePlan, planes: Any, axes: int) -> Images:
        """Return the results of all images of an array whose first axes are those of a stack."""
        if not axes:
            return self.run(plan, (planes,))
        if 0 in (shape := planes.shape[:axes]):
            return tuple(
                da.empty((*shape, *spec.shape), dtype=spec.dtype, chunks=-1)
                for spec in as_tuple(plan.result)
            )
        found = [self.run_planes(plan, plane, axes - 1) for plane in planes]
        return tuple(da.stack(results) for results in zip(*found, strict=True))


def check_known_size(image: Any) -> None:
    """Raise if dask does not know how large the chunks are, as after a selection by a mask."""
    if np.isnan(image.shape).any():
        raise ValueError(
            f"image must have chunks of known size, got shape {image.shape}; "
            "its compute_chunk_sizes() finds them"
        )


def count_stages(plan: PipelinePlan) -> int:
    """Return how many stages there are, with those of branches and those that only measure."""
    return sum(
        1
        + stage.is_measured
        + (sum(map(count_stages, stage.branches)) if isinstance(stage, BranchesNode) else 0)
        for stage in plan.stages
    )


def stage_key(plan: PipelinePlan, number: int) -> StageKey:
    """Return what another process needs to make the stage again."""
    return cloudpickle.dumps(plan.source), number


# ---- a step on the whole image, as one task ------------------------------------------------------


def run_whole_image(key: StageKey, *images: NDArray[Any]) -> Images:
    """Run a stage on whole images, in the process that has the task."""
    stage = stage_of(key)
    assert not isinstance(stage, Group | BranchesNode)
    with threads.threads(threads_of_task()):
        result = stage.run_whole(tuple(map(np.asarray, images)))
    return in_tuple(result)


def stage_of(key: StageKey) -> Stage:
    """Return a stage, from the plan that this process has made."""
    source, number = key
    return plan_of(source).stages[number]


@lru_cache(maxsize=64)
def plan_of(source: bytes) -> PipelinePlan:
    """Return the plan of a pickled chain and the kind of its image, made once in each process."""
    return make_plan(*pickle.loads(source))


def threads_of_task() -> int:
    """Return how many threads a task may use: one, as tasks run side by side, or the variable's."""
    return int(os.environ.get("IMGCONV_NUM_THREADS", "1"))


# ---- steps that look at neighbourhoods, chunk by chunk -------------------------------------------


def run_group(group: Group, key: StageKey, images: Images) -> Images:
    """Return the results of a stage, chunk by chunk."""
    found = measured(group, images) if group.is_measured else []
    size = group.inputs[0].size
    borders = borders_of(group.step_nodes)
    periodic = [(axis, True) in borders for axis in (0, 1)]
    chunks, depth = [], []
    for axis in (0, 1):
        sides, far = fitting_chunks(group, images[0].chunks[axis], axis, size, periodic[axis])
        chunks.append(sides)
        depth.append(far)
    split = [image.rechunk((*chunks, *[-1] * (image.ndim - 2))) for image in images]
    rows, columns = map(spans_of, chunks)
    places = ChunkPlaces(rows, columns, (depth[0], depth[1]), (periodic[0], periodic[1]))
    return chunk_by_chunk(split, places, found, partial(run_chunk, key), as_tuple(group.result))


def measured(group: Group, images: Images) -> list[Any]:
    """Return what the first step needs of the whole image, as tasks."""
    found: list[Any] = []
    for measurement in group.measurements:
        pieces = [
            delayed(measurement.map)(piece, *found)
            for piece in images[0].to_delayed(optimize_graph=False).ravel()
        ]
        # In rounds: the measurements of all chunks together may not fit the memory of a worker.
        while len(pieces) > 1:
            pieces = [
                delayed(measurement.reduce)(pieces[start : start + CHUNKS_AT_ONCE])
                for start in range(0, len(pieces), CHUNKS_AT_ONCE)
            ]
        found.append(pieces[0])
    return found


def spans_of(chunks: Chunks) -> tuple[Span, ...]:
    """Return where chunks begin and end."""
    ends = np.cumsum(chunks).tolist()
    return tuple((end - n, end) for n, end in zip(chunks, ends, strict=True))


def fitting_chunks(
    group: Group, chunks: Chunks, axis: int, size: Sequence[int], periodic: bool
) -> tuple[Chunks, int]:
    """Return chunks, none smaller than what its neighbours need of it, and how much that is."""
    n = size[axis]
    while True:
        if len(chunks) == 1:
            return chunks, 0
        depth = max(rows_outside(group, span, axis, size) for span in spans_of(chunks))
        if depth <= min(chunks):
            return chunks, depth
        if depth > n or (periodic and 2 * depth > n):
            chunks = (n,)
        else:
            chunks = overlap.ensure_minimum_chunksize(depth, chunks)


def rows_outside(group: Group, span: Span, axis: int, size: Sequence[int]) -> int:
    """Return how far the results of a chunk depend on pixels outside of it."""
    region: list[Span] = [(0, n) for n in size]
    region[axis] = span
    start, stop = group.input_region((region[0], region[1]))[axis]
    return max(0, span[0] - start, stop - span[1])


def run_chunk(
    key: StageKey, tile: Tile, region: Region, found: list[Measured]
) -> tuple[NDArray[Any], ...]:
    """Run a stage on a chunk and the pixels around it, in the process that has the task."""
    group = stage_of(key)
    assert isinstance(group, Group)
    if found:
        group = group.with_measured(found)
    with threads.threads(threads_of_task()):
        return in_tuple(group.run(tile, region, {}))
