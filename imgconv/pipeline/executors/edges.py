"""Dask arrays chunk by chunk, where each chunk is given the pixels around it.

There are two tasks for each chunk: one copies the pixels at its edges, and one computes its result
from the chunk and the edges of its neighbours. Edges are copies, so that a chunk need not stay in
memory for its neighbours, and only edges travel between workers. The tasks of dask.array.overlap
are six times as many, and a scheduler needs about a millisecond for each: as much as a light filter
for a chunk of 512 x 512.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import dask.array as da
import numpy as np
from dask.base import tokenize
from dask.highlevelgraph import HighLevelGraph
from numpy.typing import NDArray

from imgconv.pipeline.specs import ImageSpec
from imgconv.pipeline.tiles import Region, Span, Tile, alone_or_all

Arrays = Sequence[NDArray[Any]]
# Where a chunk lies from another one: -1, 0 or 1 along y and along x.
Direction = tuple[int, int]
# The pixels of all images that a chunk has at its edge in each direction.
Edges = dict[Direction, list[NDArray[Any]]]
# What computes a chunk of all results: of pixels, the region of it, and what was measured.
Work = Callable[[Tile, Region, list[Any]], tuple[NDArray[Any], ...]]


class ChunkPlaces(NamedTuple):
    """Where the chunks of an image lie, and how many pixels of its neighbours each one is given."""

    rows: tuple[Span, ...]
    columns: tuple[Span, ...]
    depth: tuple[int, int]
    periodic: tuple[bool, bool]

    def region(self, i: int, j: int) -> Region:
        """Return the region of a chunk."""
        return self.rows[i], self.columns[j]

    def around(self, i: int, j: int) -> dict[Direction, tuple[int, int]]:
        """Return the numbers of the chunks around one, and its own, by their direction."""
        down = self.beside(i, len(self.rows), 0)
        along = self.beside(j, len(self.columns), 1)
        return {(a, b): (down[a], along[b]) for a in down for b in along}

    def beside(self, at: int, count: int, axis: int) -> dict[int, int]:
        """Return the numbers of the chunks before and after one, and its own, along an axis."""
        if not self.depth[axis]:
            return {0: at}
        ways = [way for way in (-1, 0, 1) if self.periodic[axis] or 0 <= at + way < count]
        return {way: (at + way) % count for way in ways}


def meta(spec: ImageSpec) -> NDArray[Any]:
    """Return an empty array of a result's kind."""
    return np.empty((0,) * len(spec.shape), spec.dtype)


def chunk_by_chunk(
    images: Sequence[Any],
    places: ChunkPlaces,
    measured: Sequence[Any],
    work: Work,
    specs: Sequence[ImageSpec],
) -> tuple[Any, ...]:
    """Return dask arrays of results, by what computes a chunk; the images have the same chunks."""
    token = tokenize(work, [image.name for image in images], places, measured)
    edges, chunk, numbers = f"edges-{token}", f"chunk-{token}", [each.key for each in measured]
    # The task of a chunk with one result gives it as a chunk of the dask array.
    alone = len(specs) == 1
    channels = channel_index(specs[0]) if alone else []
    tasks: dict[Any, Any] = {}
    for i in range(len(places.rows)):
        for j in range(len(places.columns)):
            own = [(image.name, i, j, *[0] * (image.ndim - 2)) for image in images]
            around = places.around(i, j)
            others = [(edges, *at) for way, at in around.items() if way != (0, 0)]
            if others:
                tasks[edges, i, j] = (partial(edges_of, depth=places.depth), own)
            task = partial(
                compute_alone if alone else compute,
                work=work,
                region=places.region(i, j),
                ways=list(around),
                places=places,
            )
            tasks[(chunk, i, j, *channels)] = (task, own, others, numbers)
    graph = HighLevelGraph.from_collections(chunk, tasks, [*images, *measured])
    if alone:
        return (in_chunks(graph, chunk, specs[0], places),)
    return tuple(one_of_results(graph, chunk, k, spec, places) for k, spec in enumerate(specs))


def one_of_results(
    graph: Any, chunk: str, number: int, spec: ImageSpec, places: ChunkPlaces
) -> Any:
    """Return one of several results as a dask array."""
    name = f"{chunk}-{number}"
    tasks = {
        (name, i, j, *channel_index(spec)): (partial(item, number=number), (chunk, i, j))
        for i in range(len(places.rows))
        for j in range(len(places.columns))
    }
    layers = {**graph.layers, name: tasks}
    dependencies = {**graph.dependencies, name: {chunk}}
    return in_chunks(HighLevelGraph(layers, dependencies), name, spec, places)


def channel_index(spec: ImageSpec) -> list[int]:
    """Return the last number of the key of a chunk, which has all channels."""
    return [] if spec.channels is None else [0]


def in_chunks(graph: Any, name: str, spec: ImageSpec, places: ChunkPlaces) -> Any:
    """Return a dask array whose chunks are results of the tasks of a name."""
    sizes = [tuple(stop - start for start, stop in spans) for spans in places[:2]]
    if spec.channels is not None:
        sizes.append((spec.channels,))
    return da.Array(graph, name, tuple(sizes), meta=meta(spec))


# ---- tasks ---------------------------------------------------------------------------------------


def item(results: tuple[NDArray[Any], ...], number: int) -> NDArray[Any]:
    """Return one of the results of a chunk."""
    return results[number]


def edges_of(images: Arrays, depth: tuple[int, int]) -> Edges:
    """Return copies of the pixels of a chunk at its edges and corners."""
    sides = [
        {-1: slice(far), 0: slice(None), 1: slice(-far, None)} if far else {0: slice(None)}
        for far in depth
    ]
    return {
        (a, b): [np.array(image[y, x]) for image in images]
        for a, y in sides[0].items()
        for b, x in sides[1].items()
        if (a, b) != (0, 0)
    }


def compute(
    own: Arrays,
    others: Sequence[Edges],
    measured: list[Any],
    *,
    work: Work,
    region: Region,
    ways: Sequence[Direction],
    places: ChunkPlaces,
) -> tuple[NDArray[Any], ...]:
    """Return all results of a chunk, from its pixels and the edges of its neighbours."""
    top, left = (
        start - (far if -1 in {way[axis] for way in ways} else 0)
        for axis, ((start, _), far) in enumerate(zip(region, places.depth, strict=True))
    )
    neighbours = iter(others)
    pieces = {(a, b): own if (a, b) == (0, 0) else next(neighbours)[-a, -b] for a, b in ways}
    pixels = tuple(joined(pieces, number) for number in range(len(own)))
    return work(Tile(alone_or_all(pixels), top, left), region, measured)


def compute_alone(*arguments: Any, **keywords: Any) -> NDArray[Any]:
    """Return the only result of a chunk; see `compute`."""
    return compute(*arguments, **keywords)[0]


def joined(pieces: dict[Direction, Any], number: int) -> NDArray[Any]:
    """Return an image with the pixels around it, put together of its pieces."""
    if len(pieces) == 1:
        return np.asarray(pieces[0, 0][number])
    rows = sorted({a for a, _ in pieces})
    columns = sorted({b for _, b in pieces})
    return np.concatenate(
        [np.concatenate([pieces[a, b][number] for b in columns], axis=1) for a in rows]
    )
