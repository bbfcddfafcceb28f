"""The walk of a group of steps down an image, band by band.

Later steps look at more rows than a band has. Each pass keeps the last rows that it has computed,
which are the first ones that the next band needs, so no row is computed twice.
"""

from collections.abc import Hashable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from imgconv.pipeline.specs import ImageSpec, ImageSpecs
from imgconv.pipeline.tiles import PixelArrays, Region, Span, Tile

# Memory that a thread keeps from band to band, by what is stored in it.
ScratchMemory = dict[Hashable, NDArray[np.uint8]]

# Rows a multiple of this apart share a set of the L1 cache; those of a window may be too many.
CACHE_SETS = 4096
CACHE_LINE = 64


class GroupPass(Protocol):
    """A node of a group."""

    @property
    def result(self) -> ImageSpecs:
        """What it gives: one image or several."""

    def input_region(self, region: Region) -> Region:
        """Return the region of its input that a region of its result depends on."""

    def run(
        self, tile: Tile, region: Region, scratch: ScratchMemory, out: NDArray[Any] | None = None
    ) -> PixelArrays:
        """Return a region of its result."""


def scratch_array(
    scratch: ScratchMemory, key: Hashable, spec: ImageSpec, region: Region
) -> NDArray[Any]:
    """Return kept memory for a region of an image, each row on a cache line of its own."""
    rows, columns = (stop - start for start, stop in region)
    samples = columns * (1 if spec.channels is None else spec.channels)
    pitch = -(-samples * spec.dtype.itemsize // CACHE_LINE) * CACHE_LINE
    if pitch % CACHE_SETS == 0:
        pitch += CACHE_LINE
    kept = scratch.get(key)
    if kept is None or kept.size < rows * pitch:
        kept = scratch[key] = np.empty(rows * pitch, np.uint8)
    lines = kept[: rows * pitch].reshape(rows, pitch).view(spec.dtype)[:, :samples]
    return lines if spec.channels is None else lines.reshape(rows, columns, spec.channels)


class KeptRows:
    """The rows of what a pass gives that a band needs, some of which the band before needed."""

    def __init__(self, scratch: ScratchMemory, key: Hashable, spec: ImageSpec) -> None:
        self.scratch, self.key, self.spec = scratch, key, spec
        self.span: Span = (0, 0)
        self.pixels: NDArray[Any] = np.empty(0, spec.dtype)

    def move(self, region: Region) -> Region:
        """Make room for a region below the last one; return the part that must be computed."""
        (first, last), (start, stop) = self.span, region[0]
        kept = max(0, min(last, stop) - start) if first <= start else 0
        before, self.pixels = self.pixels, scratch_array(self.scratch, self.key, self.spec, region)
        if kept:
            self.pixels[:kept] = before[start - first :][:kept]
        self.span = region[0]
        return (start + kept, stop), region[1]

    def rows(self, span: Span) -> NDArray[Any]:
        """Return the memory of some of the rows."""
        return self.pixels[span[0] - self.span[0] : span[1] - self.span[0]]

    def put(self, span: Span, pixels: PixelArrays) -> None:
        """Store rows, unless they are there already."""
        rows = self.rows(span)
        if pixels is not rows:
            np.copyto(rows, pixels)


class Walk:
    """The passes of a group over one region of rows after the other, from top to bottom."""

    def __init__(self, passes: Sequence[GroupPass], scratch: ScratchMemory, key: Hashable) -> None:
        self.passes, self.scratch = passes, scratch
        # Several images side by side are computed again for each region.
        self.kept = [
            KeptRows(scratch, (key, number), node.result)
            if isinstance(node.result, ImageSpec)
            else None
            for number, node in enumerate(passes[:-1])
        ]

    def run(self, tile: Tile, region: Region, out: NDArray[Any] | None = None) -> PixelArrays:
        """Return a region of the result of the last pass; `tile` has all pixels that it needs."""
        wanted = region
        ahead: list[tuple[int, Region, Region]] = []
        for number in reversed(range(len(self.kept))):
            needed = self.passes[number + 1].input_region(wanted)
            kept = self.kept[number]
            wanted = needed if kept is None else kept.move(needed)
            ahead.append((number, needed, wanted))
            if kept is not None and wanted[0][0] == wanted[0][1]:
                break
        for number, needed, missing in reversed(ahead):
            node, kept = self.passes[number], self.kept[number]
            top, left = needed[0][0], needed[1][0]
            if kept is None:
                tile = Tile(node.run(tile, missing, self.scratch), top, left)
                continue
            rows = missing[0]
            if rows[0] < rows[1]:
                kept.put(rows, node.run(tile, missing, self.scratch, kept.rows(rows)))
            tile = Tile(kept.pixels, top, left)
        return self.passes[-1].run(tile, region, self.scratch, out)
