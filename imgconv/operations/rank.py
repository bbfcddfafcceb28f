"""Operations that only compare pixels: the least, the greatest, and any other of a window.

They run on keys or floats (pyx/keys.pxd), and give pixels of the image, never a value in between.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from imgconv.core.cache import cached_property
from imgconv.operations.base import Axis, Operation, Pixels, Records, Weights, record, struct
from imgconv.operations.network import Network, best_for_rectangle, for_footprint

NOTHING = np.zeros(0)
# In the order of `Way` in pyx/windows.pxd.
WAYS = (
    *("least", "greatest", "network", "histogram"),
    *("opening", "closing", "gradient", "white tophat", "black tophat"),
)

# `Window` and `Chord` in pyx/windows.pxd: what these loops read first.
WINDOW = struct("way", "height", "width", "step", "levels", "count")
CHORD = struct("row", "first", "level", "second")
# Of the same name in pyx/compounds.pxd, networks.pxd and histograms.pxd.
COMPOUND = struct("y", "x", "second_y", "second_x", "pixel_y", "pixel_x")
NETWORK = struct("coded", "tile", "inputs", "pitch", "columns", "size", "count")
EXCHANGE = struct("first", "second", "lesser", "greater", kind="i4")
HISTOGRAM = struct("columns", "shift")


def compared_in(dtype: np.dtype) -> np.dtype:
    """Return the dtype in which pixels are compared: keys of their width, or a float.

    float64 holds all integers of 32 bits; keys of float32 would cost more than they save.
    """
    if dtype.itemsize == 4:
        return np.dtype(np.float32 if dtype.kind == "f" else np.float64)
    if dtype.itemsize == 8:
        return np.dtype(np.float64 if dtype.kind == "f" else np.int64)
    return np.dtype(np.uint8 if dtype.itemsize == 1 else np.uint16)


@dataclass(frozen=True, eq=False)
class Window:
    """Pixels around a pixel: a rectangle, or those that `footprint` marks in it.

    `before` is how far ahead of the pixel the rectangle begins, along y and x.
    """

    size: tuple[int, int]
    before: tuple[int, int]
    footprint: NDArray[np.bool_] | None = None

    @staticmethod
    def of(footprint: NDArray[np.bool_], before: tuple[int, int]) -> "Window":
        """Return a footprint as a window, without the empty rows and columns around it."""
        rows, columns = (np.flatnonzero(footprint.any(axis=axis)) for axis in (1, 0))
        top, left = int(rows[0]), int(columns[0])
        inner = footprint[top : rows[-1] + 1, left : columns[-1] + 1].copy()
        size, before = inner.shape, (before[0] - top, before[1] - left)
        return Window(size, before, None if inner.all() else inner)

    @property
    def is_rectangle(self) -> bool:
        """Whether it holds all of its rectangle."""
        return self.footprint is None

    @property
    def holds_pixel(self) -> bool:
        """Whether the pixel itself is one of them."""
        inside = all(0 <= at < n for at, n in zip(self.before, self.size, strict=True))
        return inside and (self.footprint is None or bool(self.footprint[self.before]))

    @cached_property
    def turned(self) -> "Window":
        """It turned by 180 degrees about the pixel."""
        y, x = self.axes
        pixels = self.footprint
        return Window(
            self.size,
            (y.after, x.after),
            None if pixels is None else np.ascontiguousarray(pixels[::-1, ::-1]),
        )

    @cached_property
    def count(self) -> int:
        """Pixels of the window."""
        pixels = self.footprint
        return self.size[0] * self.size[1] if pixels is None else int(np.count_nonzero(pixels))

    @property
    def axes(self) -> tuple[Axis, Axis]:
        """The rectangle as the window of an operation."""
        y, x = (Axis(at, n) for at, n in zip(self.before, self.size, strict=True))
        return y, x

    @cached_property
    def chords(self) -> list[tuple[int, int, int]]:
        """The runs of the footprint: row, first column and length of each."""
        found = []
        for row, pixels in enumerate(self.footprint if self.footprint is not None else ()):
            ends = np.flatnonzero(np.diff(pixels, prepend=False, append=False))
            found += [(row, int(a), int(b - a)) for a, b in pairwise(ends.tolist())][::2]
        return found

    @property
    def levels(self) -> int:
        """Powers of two up to the longest chord."""
        return max(length for _, _, length in self.chords).bit_length()

    def pack(self, step: int, way: str) -> Records:
        """Return the loop's Window record and its Chord records; a rectangle has none of these."""
        window = record(
            WINDOW,
            way=WAYS.index(way),
            height=self.size[0],
            width=self.size[1],
            step=step,
            levels=0 if self.is_rectangle else self.levels,
            count=len(self.chords),
        )
        rows, first, length = np.array(self.chords, np.intp).reshape(-1, 3).T
        # The exponent of 2**n is n + 1.
        level = np.frexp(length)[1].astype(np.intp) - 1
        second = (first + length - (1 << level)) * step
        return [window, record(CHORD, row=rows, first=first * step, level=level, second=second)]

    @property
    def extreme_cost(self) -> float:
        """Comparisons for an extreme: shared down the columns, few along the rows; or by chords."""
        height, width = self.size
        if self.is_rectangle:
            return 3 + height / min(height, 16) + 1.5 * width.bit_length()
        return self.levels * (height + 15) / 16 + 2 * len(self.chords)


class Comparison(Operation):
    """What all these operations have in common."""

    loop = "rank"
    smooths = True
    ordered = True

    def computed_in(self, pixels: Pixels, result: np.dtype) -> np.dtype:
        """Keys or floats."""
        return compared_in(pixels.dtype)


@dataclass(frozen=True, eq=False)
class Extremum(Comparison):
    """The least or the greatest pixel of a window."""

    window: Window
    greatest: bool

    @property
    def windows(self) -> tuple[Axis, Axis]:
        """The window's rectangle."""
        return self.window.axes

    @property
    def block(self) -> int:
        """Up to 16 rows, which share their columns; low rectangles take groups of rows."""
        height = self.window.size[0]
        if not self.window.is_rectangle:
            return 16
        return height * (16 // height) if height < 16 else min(height, 32)

    @property
    def cost(self) -> float:
        """Comparisons, which are cheaper than multiply-adds the narrower the pixels are."""
        return self.window.extreme_cost

    def pack(self, step: int, computed: np.dtype) -> tuple[Records, Weights]:
        """Return the window."""
        return self.window.pack(step, "greatest" if self.greatest else "least"), NOTHING


@dataclass(frozen=True, eq=False)
class Compound(Comparison):
    """Extremes of an element and of the turned one, in one pass; `way` is one of the last WAYS."""

    element: Window
    way: str
    note = "rows between two passes stay in cache"

    @property
    def windows(self) -> tuple[Axis, Axis]:
        """All that a result depends on: one window beside the other, or one seen from the other."""
        y, x = self.element.axes
        reaches = (max(a.before, a.after) if self.way == "gradient" else a.span - 1 for a in (y, x))
        y, x = (Axis(reach, 2 * reach + 1) for reach in reaches)
        return y, x

    @property
    def block(self) -> int:
        """Rows that share what was found for the rows above and below them."""
        return min(max(32, 2 * self.element.size[0]), 256)

    @property
    def cost(self) -> float:
        """Comparisons of both."""
        again = (self.element.size[0] - 1) / self.block
        return (2 + again) * self.element.extreme_cost

    def pack(self, step: int, computed: np.dtype) -> tuple[Records, Weights]:
        """Return both windows and the loop's Compound record: where they and the pixel lie."""
        first, second = self.element, self.element.turned
        if self.way in {"closing", "black tophat"}:
            first, second = second, first
        pixel = tuple(axis.before for axis in self.windows)
        (y, x), (second_y, second_x) = (
            np.subtract(pixel, w.before) if self.way == "gradient" else (0, 0)
            for w in (first, second)
        )
        places = record(
            COMPOUND,
            y=y,
            x=x * step,
            second_y=second_y,
            second_x=second_x * step,
            pixel_y=pixel[0],
            pixel_x=pixel[1] * step,
        )
        return [*first.pack(step, self.way), *second.pack(step, self.way), places], NOTHING


# Bytes of a plane of a network: twelve AVX-512 vectors, or more where the window is wide.
PLANE_BYTES = 768


@dataclass(frozen=True, eq=False)
class NetworkRank(Comparison):
    """Pixels of some ranks in a small window, by a sorting network."""

    window: Window
    ranks: tuple[int, ...]
    layers: int = 0

    @cached_property
    def network(self) -> Network:
        """The exchanges."""
        if self.window.is_rectangle:
            return best_for_rectangle(*self.window.size, self.ranks).on_planes()
        return for_footprint(self.window.chords, self.ranks).on_planes()

    @property
    def note(self) -> str:
        """The length of the network."""
        network = self.network
        return f"sorting network of {len(network.exchanges)} exchanges for {network.tile} rows"

    @property
    def windows(self) -> tuple[Axis, Axis]:
        """The window's rectangle."""
        return self.window.axes

    @property
    def coded(self) -> int:
        """9 or 25 for the medians of 3x3 and 5x5, which the loop has in registers, else 0."""
        median = self.window.is_rectangle and self.ranks == (self.window.count // 2,)
        return self.window.count if median and self.window.size in ((3, 3), (5, 5)) else 0

    @property
    def block(self) -> int:
        """Sixteen rows, in whole tiles."""
        return 16

    @property
    def cost(self) -> float:
        """Exchanges, which are cheaper than two multiply-adds the narrower the pixels are."""
        return len(self.network.exchanges) / self.network.tile

    def plane(self, step: int, computed: np.dtype) -> tuple[int, int]:
        """Return the columns of a plane, and those from one to the next."""
        lanes = 64 // computed.itemsize
        halo = (self.window.size[1] - 1) * step
        columns = max(PLANE_BYTES // computed.itemsize, -(-4 * halo // lanes) * lanes)
        return columns, columns + lanes

    def pack(self, step: int, computed: np.dtype) -> tuple[Records, Weights]:
        """Return the window, the loop's Network record, places of outputs and the exchanges."""
        network, (columns, pitch) = self.network, self.plane(step, computed)
        head = record(
            NETWORK,
            coded=self.coded,
            tile=network.tile,
            inputs=network.inputs,
            pitch=pitch,
            columns=columns,
            # The last plane, too, is read ahead.
            size=network.wires * pitch + columns,
            count=len(network.exchanges),
        )
        outputs = np.array(network.outputs, np.intp) @ (pitch, step)
        first, second, ahead, lesser, greater = np.array(network.exchanges).reshape(-1, 5).T
        exchanges = record(
            EXCHANGE,
            first=first * pitch,
            second=second * pitch + ahead * step,
            lesser=np.where(lesser < 0, -1, lesser * pitch),
            greater=np.where(greater < 0, -1, greater * pitch),
        )
        return [*self.window.pack(step, "network"), head, outputs, exchanges], NOTHING


# Pixels of a tile that are sorted at once, unless the window is large: so few fit the L2 cache.
TILE_PIXELS = 1 << 15
# Columns of a tile of 8-bit pixels, whose histograms (544 bytes each) fit the L2 cache.
TILE_COLUMNS = 1024


@dataclass(frozen=True, eq=False)
class HistogramRank(Comparison):
    """Pixels of some ranks in a large window, by histograms."""

    window: Window
    ranks: tuple[int, ...]
    layers: int = 0

    @property
    def note(self) -> str:
        """What the histograms are of."""
        what = "the columns" if self.window.is_rectangle else "the window"
        return f"histograms of {what}, brought up to date from pixel to pixel"

    @property
    def windows(self) -> tuple[Axis, Axis]:
        """The window's rectangle."""
        return self.window.axes

    @property
    def block(self) -> int:
        """Rows that share the histograms of their columns, or the sorted list."""
        return min(max(128, 2 * self.window.size[0]), 256)

    @property
    def cost(self) -> float:
        """Constant for rectangles, a few operations for each chord else."""
        return 60.0 if self.window.is_rectangle else 60.0 + 8 * len(self.window.chords)

    def tile(self, computed: np.dtype) -> tuple[int, int]:
        """Return the columns of a tile's results, and its pixels."""
        height, width = self.window.size
        rows = height + self.block - 1
        columns = TILE_COLUMNS
        if computed.itemsize > 1:
            columns = max(TILE_PIXELS // rows - width + 1, width, 64)
        return columns, rows * (columns + width - 1)

    def pack(self, step: int, computed: np.dtype) -> tuple[Records, Weights]:
        """Return the window, the loop's Histogram record and the ranks."""
        columns, pixels = self.tile(computed)
        shift = max(0, (-(-pixels // 256) - 1).bit_length())
        head = record(HISTOGRAM, columns=columns, shift=shift)
        ranks = np.array(self.ranks, np.intp)
        return [*self.window.pack(step, "histogram"), head, ranks], NOTHING


# Up to so many pixels a window is ranked by a network, for pixels of 1, 2, 4 and 8 bytes: where
# both ways measured the same.
NETWORK_RECTANGLE = {1: 361, 2: 441, 4: 289, 8: 225}
NETWORK_FOOTPRINT = {1: 200, 2: 150, 4: 100, 8: 60}


@dataclass(frozen=True, eq=False)
class Rank(Comparison):
    """Pixels of some ranks in a window, in the way that is fastest for the width of the pixels."""

    window: Window
    ranks: tuple[int, ...]
    layers: int = 0

    @property
    def windows(self) -> tuple[Axis, Axis]:
        """The window's rectangle."""
        return self.window.axes

    def resolve(
        self, size: tuple[int, int], pixels: Pixels, result: np.dtype
    ) -> tuple[Operation, dict[str, float]]:
        """An extremum, a network for a small window, histograms for a large one."""
        window, ranks = self.window, self.ranks
        if not self.layers and ranks[0] in {0, window.count - 1}:
            return Extremum(window, ranks[0] > 0 or window.count == 1), {}
        most = NETWORK_RECTANGLE if window.is_rectangle else NETWORK_FOOTPRINT
        small = window.count <= most[pixels.dtype.itemsize]
        return (NetworkRank if small else HistogramRank)(window, ranks, self.layers), {}
