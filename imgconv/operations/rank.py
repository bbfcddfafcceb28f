"""Operations that only compare pixels: minimum, maximum, and any other rank of a window.

They run on keys or floats (pyx/keys.pxd). Their results are pixels of the image, never a value in
between.
"""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgconv.core import border, cpu
from imgconv.core.cache import cached_property
from imgconv.operations import base
from imgconv.operations.base import Axis, DType, Operation, Packed, Pixels, Records
from imgconv.operations.network import Network, best_for_rectangle, for_footprint

NOTHING = np.zeros(0)
# In the order of `Kind` in pyx/extremes.pxd.
KINDS = (
    *("minimum", "maximum", "network", "histogram"),
    *("opening", "closing", "gradient", "white tophat", "black tophat"),
)

# Up to this height the loop of extremes shares the columns of pairs of rows.
SHORT = 10

# `Footprint` and `Chord` in pyx/extremes.pxd.
FOOTPRINT = base.struct("kind", "height", "width", "step", "levels", "count")
CHORD = base.struct("row", "first", "level", "second")
# The structs of these names in pyx/compounds.pxd, networks.pxd and histograms.pxd.
COMPOUND = base.struct("y", "x", "second_y", "second_x", "pixel_y", "pixel_x")
NETWORK = base.struct("coded", "tile", "inputs", "pitch", "columns", "size", "count", "ranks")
EXCHANGE = base.struct("first", "second", "smaller", "larger", kind="i4")
HISTOGRAM = base.struct("columns", "shift", "ranks")


def compared_in(dtype: DType) -> DType:
    """Return the dtype in which pixels are compared: keys as wide as the pixels, or a float.

    float64 holds all integers of 32 bits; keys of float32 would cost more than they save.
    """
    if dtype.itemsize == 4:
        return np.dtype(np.float32 if dtype.kind == "f" else np.float64)
    if dtype.itemsize == 8:
        return np.dtype(np.float64 if dtype.kind == "f" else np.int64)
    return np.dtype(np.uint8 if dtype.itemsize == 1 else np.uint16)


@dataclass(frozen=True, eq=False)
class Footprint:
    """The pixels of a window: a rectangle, or those that `mask` marks in it.

    The rectangle begins `before` rows and columns ahead of the pixel.
    """

    size: tuple[int, int]
    before: tuple[int, int]
    mask: NDArray[np.bool_] | None = None

    @staticmethod
    def of(mask: NDArray[np.bool_], before: tuple[int, int]) -> "Footprint":
        """Return the footprint of a mask, without empty rows and columns around it."""
        rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
        top, left = int(rows[0]), int(columns[0])
        inner = mask[top : rows[-1] + 1, left : columns[-1] + 1].copy()
        height, width = inner.shape
        before = before[0] - top, before[1] - left
        return Footprint((height, width), before, None if inner.all() else inner)

    def folded(self, size: tuple[int, int], modes: tuple[str, str]) -> "Footprint":
        """Return it with the pixels that see others' sources only once."""
        folds = [
            border.fold(k, before, n, mode)
            for k, before, n, mode in zip(self.size, self.before, size, modes, strict=True)
        ]
        if folds == [None, None]:
            return self
        (height, top), (width, left) = (
            (k, at) if fold is None else (fold.size, -fold.first)
            for k, at, fold in zip(self.size, self.before, folds, strict=True)
        )
        if self.mask is None:
            return Footprint((height, width), (top, left))
        mask = self.mask
        for axis, fold in enumerate(folds):
            mask = mask if fold is None else fold.add_up(mask, axis)
        return Footprint.of(np.ascontiguousarray(mask), (top, left))

    @property
    def is_rectangle(self) -> bool:
        """Whether it has all pixels of its rectangle."""
        return self.mask is None

    @property
    def holds_pixel(self) -> bool:
        """Whether the pixel itself is one of them."""
        inside = all(0 <= at < n for at, n in zip(self.before, self.size, strict=True))
        return inside and (self.mask is None or bool(self.mask[self.before]))

    @cached_property
    def flipped(self) -> "Footprint":
        """The footprint rotated by 180 degrees about the pixel."""
        y, x = self.axes
        mask = None if self.mask is None else np.ascontiguousarray(self.mask[::-1, ::-1])
        return Footprint(self.size, (y.after, x.after), mask)

    @cached_property
    def count(self) -> int:
        """The number of pixels."""
        mask = self.mask
        return self.size[0] * self.size[1] if mask is None else int(np.count_nonzero(mask))

    @property
    def axes(self) -> tuple[Axis, Axis]:
        """The window of an operation with this footprint."""
        y, x = (Axis(at, n) for at, n in zip(self.before, self.size, strict=True))
        return y, x

    @cached_property
    def chords(self) -> list[tuple[int, int, int]]:
        """The runs of pixels in the rows of the mask: row, first column and length of each."""
        found: list[tuple[int, int, int]] = []
        for row, pixels in enumerate(self.mask if self.mask is not None else ()):
            ends = np.flatnonzero(np.diff(pixels, prepend=False, append=False))
            found += [(row, int(a), int(b - a)) for a, b in pairwise(ends.tolist())][::2]
        return found

    @property
    def levels(self) -> int:
        """The number of powers of two up to the length of the longest chord."""
        return max(length for _, _, length in self.chords).bit_length()

    def pack(self, step: int, kind: str) -> Records:
        """Return the record of the footprint and those of its chords; a rectangle has no chords."""
        footprint = base.record(
            FOOTPRINT,
            kind=KINDS.index(kind),
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
        chords = base.record(CHORD, row=rows, first=first * step, level=level, second=second)
        return [footprint, chords]

    @property
    def extreme_cost(self) -> float:
        """Comparisons for an extreme: shared down the columns, few along the rows; or of chords."""
        height, width = self.size
        if self.is_rectangle:
            return 3 + height / min(height, 16) + 1.5 * width.bit_length()
        return self.levels * (height + 15) / 16 + 2 * len(self.chords)


class Place(NamedTuple):
    """One of n pixels in ascending order: `share` hundredths of n, and `offset` places further."""

    share: float
    offset: int

    def of(self, n: int) -> int:
        """Return how many pixels come before it."""
        return min(max(int(n * self.share / 100) + self.offset, 0), n - 1)


MEDIAN = Place(50, 0)


class Comparison(Operation):
    """The common part of these operations."""

    footprint: Footprint
    loop = "rank"
    smooths = True
    ordered = True
    weighed = "ranks"

    @property
    def windows(self) -> tuple[Axis, Axis]:
        """The rectangle of the footprint."""
        return self.footprint.axes

    def computed_in(self, pixels: Pixels, result: DType) -> DType:
        """Keys or floats."""
        return compared_in(pixels.dtype)


@dataclass(frozen=True, eq=False)
class Extremum(Comparison):
    """The minimum or the maximum of a window."""

    footprint: Footprint
    maximum: bool

    @property
    def largest(self) -> bool:
        """The maximum."""
        return self.maximum

    def folded(self, size: tuple[int, int], modes: tuple[str, str]) -> "Extremum":
        """Return it with a folded footprint: an extreme does not count pixels."""
        footprint = self.footprint.folded(size, modes)
        return self if footprint is self.footprint else replace(self, footprint=footprint)

    @property
    def block(self) -> int:
        """Rows that share their columns: pairs, or groups of up to 32."""
        height = self.footprint.size[0]
        if not self.footprint.is_rectangle or height <= SHORT:
            return 16
        return min(height, 32)

    @property
    def streams(self) -> bool:
        """Low rectangles: the loop goes along two or four rows."""
        return self.footprint.is_rectangle and self.footprint.size[0] <= SHORT

    @property
    def cost(self) -> float:
        """Comparisons, which are cheaper than multiply-adds if pixels are narrow."""
        return self.footprint.extreme_cost

    def pack(self, step: int, computed: DType) -> Packed:
        """Return the footprint."""
        return self.footprint.pack(step, "maximum" if self.maximum else "minimum"), NOTHING


@dataclass(frozen=True, eq=False)
class Compound(Comparison):
    """Extremes of an element and of the flipped one, in one pass; `kind` is one of KINDS."""

    element: Footprint
    kind: str
    note = "rows between two passes stay in cache"
    weighed = ""

    def folded(self, size: tuple[int, int], modes: tuple[str, str]) -> "Compound":
        """Return it with a folded element.

        The second extreme also takes places outside the image. Where these do not repeat, only a
        rectangle around its pixel may be cut: its windows there are all pixels up to some place, or
        from some place on.
        """
        repeats = self.kind == "gradient" or not {"constant", "nearest"} & {*modes}
        if not repeats and not (self.element.is_rectangle and self.element.holds_pixel):
            return self
        element = self.element.folded(size, modes)
        return self if element is self.element else replace(self, element=element)

    @property
    def windows(self) -> tuple[Axis, Axis]:
        """All that a result depends on: the union of both windows, or one added to the other."""
        y, x = self.element.axes
        union = self.kind == "gradient"
        reaches = (max(a.before, a.after) if union else a.span - 1 for a in (y, x))
        y, x = (Axis(reach, 2 * reach + 1) for reach in reaches)
        return y, x

    @property
    def block(self) -> int:
        """Rows that share the extremes of the rows above and below them."""
        return min(max(32, 2 * self.element.size[0]), 256)

    @property
    def cost(self) -> float:
        """Comparisons of both."""
        again = (self.element.size[0] - 1) / self.block
        return (2 + again) * self.element.extreme_cost

    def pack(self, step: int, computed: DType) -> Packed:
        """Return both footprints, and the places of both windows and of the pixel."""
        first, second = self.element, self.element.flipped
        if self.kind in {"closing", "black tophat"}:
            first, second = second, first
        pixel = tuple(axis.before for axis in self.windows)
        (y, x), (second_y, second_x) = (
            np.subtract(pixel, w.before) if self.kind == "gradient" else (0, 0)
            for w in (first, second)
        )
        places = base.record(
            COMPOUND,
            y=y,
            x=x * step,
            second_y=second_y,
            second_x=second_x * step,
            pixel_y=pixel[0],
            pixel_x=pixel[1] * step,
        )
        return [*first.pack(step, self.kind), *second.pack(step, self.kind), places], NOTHING


# Bytes of a plane of a network: twelve AVX-512 vectors, or more if the window is wide.
PLANE_BYTES = 768


@dataclass(frozen=True, eq=False)
class NetworkRank(Comparison):
    """Pixels of some ranks in a small window, by a sorting network.

    Where windows differ in the pixels that count, `places` are wanted. Their ranks are at most
    those of a full window; the network gives all ranks up to these, and the loop selects.
    """

    footprint: Footprint
    ranks: tuple[int, ...]
    stacked: int = 0
    places: tuple[Place, ...] = ()

    @property
    def found(self) -> tuple[int, ...]:
        """The ranks that come out of the network."""
        return tuple(range(max(self.ranks) + 1)) if self.places else self.ranks

    @cached_property
    def network(self) -> Network:
        """The exchanges."""
        if self.footprint.is_rectangle:
            return best_for_rectangle(*self.footprint.size, self.found).on_planes()
        return for_footprint(self.footprint.chords, self.found).on_planes()

    @property
    def bounds(self) -> NDArray[np.float64]:
        """For each place and each rank, the number of pixels from which that rank is its own."""
        counts = range(1, self.footprint.count + 1)
        ranks = np.array([[place.of(n) for n in counts] for place in self.places])
        return np.array([1 + np.searchsorted(each, self.found) for each in ranks], float).ravel()

    @property
    def note(self) -> str:
        """The length of the network."""
        network = self.network
        return f"sorting network of {len(network.exchanges)} exchanges for {network.tile} rows"

    @property
    def coded(self) -> int:
        """9 or 25 for the medians of 3x3 and 5x5, which have code of their own, else 0."""
        median = self.footprint.is_rectangle and self.found == (self.footprint.count // 2,)
        return self.footprint.count if median and self.footprint.size in ((3, 3), (5, 5)) else 0

    @property
    def block(self) -> int:
        """Sixteen rows, in whole tiles."""
        return 16

    @property
    def streams(self) -> bool:
        """The median of 3x3: its loop goes along four rows."""
        return self.coded == 9

    @property
    def cost(self) -> float:
        """Exchanges, which are cheaper than two multiply-adds if pixels are narrow."""
        return len(self.network.exchanges) / self.network.tile

    def plane(self, step: int, computed: DType) -> tuple[int, int]:
        """Return the columns of a plane, and the distance from one plane to the next."""
        lanes = 64 // computed.itemsize
        halo = (self.footprint.size[1] - 1) * step
        columns = max(PLANE_BYTES // computed.itemsize, -(-4 * halo // lanes) * lanes)
        return columns, columns + lanes

    def pack(self, step: int, computed: DType) -> Packed:
        """Return the footprint, the network, the places of its outputs and its exchanges."""
        network, (columns, pitch) = self.network, self.plane(step, computed)
        header = base.record(
            NETWORK,
            coded=self.coded,
            tile=network.tile,
            inputs=network.inputs,
            pitch=pitch,
            columns=columns,
            # The last plane may be read ahead, too.
            size=network.wires * pitch + columns,
            count=len(network.exchanges),
            ranks=len(self.found),
        )
        outputs = np.array(network.outputs, np.intp) @ (pitch, step)
        first, second, ahead, smaller, larger = np.array(network.exchanges).reshape(-1, 5).T
        exchanges = base.record(
            EXCHANGE,
            first=first * pitch,
            second=second * pitch + ahead * step,
            smaller=np.where(smaller < 0, -1, smaller * pitch),
            larger=np.where(larger < 0, -1, larger * pitch),
        )
        records = [*self.footprint.pack(step, "network"), header, outputs, exchanges]
        return records, self.bounds if self.places else NOTHING


# Pixels of a tile, which are sorted at once, unless the window is large. They fit in the L2 cache.
TILE_PIXELS = 1 << 15
# Columns of a tile of 8-bit pixels: with those of a window their histograms, 544 bytes each, fit in
# an L2 cache of 512 KB. Between 256 and 1024 columns the time hardly differs.
TILE_COLUMNS = 512


@dataclass(frozen=True, eq=False)
class HistogramRank(Comparison):
    """Pixels of some ranks in a large window, by histograms.

    Where windows differ in the pixels that count, `places` are wanted, and have a rank for each
    number of pixels.
    """

    footprint: Footprint
    ranks: tuple[int, ...]
    stacked: int = 0
    places: tuple[Place, ...] = ()

    @property
    def note(self) -> str:
        """Which pixels have a histogram."""
        what = "the columns" if self.footprint.is_rectangle else "the window"
        return f"histograms of {what}, brought up to date from pixel to pixel"

    @property
    def block(self) -> int:
        """Rows that share the histograms of columns, or the sorted list."""
        return min(max(128, 2 * self.footprint.size[0]), 256)

    @property
    def cost(self) -> float:
        """Constant for rectangles, else a few operations for each chord."""
        return 60.0 if self.footprint.is_rectangle else 60.0 + 8 * len(self.footprint.chords)

    def tile(self, computed: DType) -> tuple[int, int]:
        """Return the result columns of a tile, and its number of pixels."""
        height, width = self.footprint.size
        rows = height + self.block - 1
        columns = TILE_COLUMNS
        if computed.itemsize > 1:
            columns = max(TILE_PIXELS // rows - width + 1, width, 64)
        return columns, rows * (columns + width - 1)

    def pack(self, step: int, computed: DType) -> Packed:
        """Return the footprint, the sizes of a histogram and the ranks."""
        columns, pixels = self.tile(computed)
        shift = max(0, (-(-pixels // 256) - 1).bit_length())
        each = self.footprint.count + 1 if self.places else 1
        header = base.record(HISTOGRAM, columns=columns, shift=shift, ranks=each)
        # A window where nothing counts gets any pixel first.
        by_count = [max(place.of(n), 0) for place in self.places for n in range(each)]
        ranks = np.array(by_count or self.ranks, np.intp)
        return [*self.footprint.pack(step, "histogram"), header, ranks], NOTHING


# The largest windows for which a network is used, by the bytes of a pixel: there, networks and
# histograms take the same time. Histograms of 8-bit pixels gain little from wide vectors.
NETWORK_RECTANGLE = {1: 361 if cpu.LEVEL == "v4" else 169, 2: 441, 4: 289, 8: 225}
NETWORK_FOOTPRINT = {1: 200, 2: 150, 4: 100, 8: 60}
# The same where a network has to give all ranks up to the one of a full window.
LARGEST_SELECTED = 121


@dataclass(frozen=True, eq=False)
class Rank(Comparison):
    """Pixels of some ranks in a window, by the fastest method for the width of the pixels.

    `places` say which pixels these are where fewer count: by default, those of the ranks.
    """

    footprint: Footprint
    ranks: tuple[int, ...]
    stacked: int = 0
    places: tuple[Place, ...] = ()

    @property
    def extremum(self) -> Extremum | None:
        """The minimum or the maximum, if it is one."""
        count = self.footprint.count
        if self.stacked or self.ranks[0] not in {0, count - 1}:
            return None
        return Extremum(self.footprint, self.ranks[0] > 0 or count == 1)

    def folded(self, size: tuple[int, int], modes: tuple[str, str]) -> Comparison:
        """Return a folded extremum; any other rank counts pixels as often as the window has them.

        So their windows stay as large as they are.
        """
        return self if self.extremum is None else self.extremum.folded(size, modes)

    def resolve(
        self, size: tuple[int, int], pixels: Pixels, result: DType
    ) -> tuple[Operation, dict[str, float]]:
        """Return an extremum, a network for a small window, or histograms for a large one."""
        footprint, ranks = self.footprint, self.ranks
        if self.extremum is not None:
            return self.extremum, {}
        largest = NETWORK_RECTANGLE if footprint.is_rectangle else NETWORK_FOOTPRINT
        small = footprint.count <= largest[pixels.dtype.itemsize]
        if not pixels.weighed:
            return (NetworkRank if small else HistogramRank)(footprint, ranks, self.stacked), {}
        # The loop counts pixels of a window in their own type.
        small = small and footprint.count <= min(LARGEST_SELECTED, 255)
        places = self.places or tuple(Place(0, rank) for rank in ranks)
        kind = NetworkRank if small else HistogramRank
        return kind(footprint, ranks, self.stacked, places), {}
