"""Sorting networks for all windows of a tile at once, as data: a list of exchanges.

An exchange takes two numbers and gives the smaller and the larger. In a network for windows each
number is a row of numbers, one for each place x, and the second may be read some places ahead. So
the work that windows side by side have in common is done once. Windows above each other share the
rows that all windows of a tile have in common.

Sorted lists are merged by Batcher's odd-even merge. Numbers that cannot have the requested rank are
dropped, and exchanges whose results are not needed are left out. Sources: K. E. Batcher, "Sorting
networks and their applications", AFIPS Spring Joint Computer Conference 1968. The sharing follows
A. Adams, "Fast median filters using separable sorting networks", ACM Transactions on Graphics 40,
2021.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

# Windows of more pixels are not worth the time to try several networks.
LARGE = 121

# A wire, and the places that it is read ahead. The first wires are the image rows under the tile;
# exchange e makes the wires inputs + 2 e (the smaller) and inputs + 2 e + 1 (the larger).
Value = tuple[int, int]


class Sorted(NamedTuple):
    """An ascending list without its `below` smallest and its `above` largest numbers."""

    values: list[Value]
    below: int = 0
    above: int = 0

    def ahead(self, places: int) -> "Sorted":
        """Return the same list of a window further right."""
        return self._replace(values=[(wire, at + places) for wire, at in self.values])


class Exchange(NamedTuple):
    """Two wires, the second read some places ahead, and the results; -1 for one not needed."""

    first: int
    second: int
    ahead: int
    smaller: int
    larger: int


@dataclass(frozen=True)
class Network:
    """The network for a tile of windows.

    Attributes
    ----------
    tile : int
        Rows of results.
    inputs : int
        Rows of the image, the first wires.
    wires : int
        Wires in all.
    exchanges : list of Exchange
    outputs : list of (wire, ahead)
        For each rank, the results of the rows of the tile.
    """

    tile: int
    inputs: int
    wires: int
    exchanges: list[Exchange]
    outputs: list[Value]

    def on_planes(self) -> "Network":
        """Return the same network with as few wires as possible: each is used again and again."""
        last_use = dict.fromkeys((wire for wire, _ in self.outputs), len(self.exchanges))
        for place in range(len(self.exchanges) - 1, -1, -1):
            for wire in self.exchanges[place][:2]:
                last_use.setdefault(wire, place)
        plane_of = {row: row for row in range(self.inputs)}
        free = [row for row in range(self.inputs) if row not in last_use]
        planes, exchanges = self.inputs, []
        for place, each in enumerate(self.exchanges):
            sources = {each.first, each.second}
            free += [plane_of[wire] for wire in sources if last_use[wire] == place]
            for wire in (each.smaller, each.larger):
                if wire >= 0 and not free:
                    free.append(planes)
                    planes += 1
                if wire >= 0:
                    plane_of[wire] = free.pop()
            first, second, smaller, larger = (
                plane_of.get(wire, -1) for wire in (each[:2] + each[3:])
            )
            exchanges.append(Exchange(first, second, each.ahead, smaller, larger))
        outputs = [(plane_of[wire], at) for wire, at in self.outputs]
        return Network(self.tile, self.inputs, planes, exchanges, outputs)


class Builder:
    """Makes the exchanges of a network, each only once."""

    def __init__(self, inputs: int, count: int, ranks: Sequence[int]) -> None:
        self.inputs = inputs
        self.count, self.lowest, self.highest = count, min(ranks), max(ranks)
        self.exchanges: list[tuple[int, int, int]] = []
        self.known: dict[tuple[int, int, int], int] = {}

    def exchange(self, a: Value, b: Value) -> tuple[Value, Value]:
        """Return the smaller and the larger of two values."""
        (first, at), (second, other) = (a, b) if (a[1], a[0]) <= (b[1], b[0]) else (b, a)
        key = first, second, other - at
        place = self.known.get(key)
        if place is None:
            place = self.known[key] = len(self.exchanges)
            self.exchanges.append(key)
        wire = self.inputs + 2 * place
        return (wire, at), (wire + 1, at)

    def merged(self, a: list[Value], b: list[Value]) -> list[Value]:
        """Merge two ascending lists of any lengths (Batcher)."""
        if not a or not b:
            return a or b
        if len(a) == len(b) == 1:
            return list(self.exchange(a[0], b[0]))
        even, odd = self.merged(a[::2], b[::2]), self.merged(a[1::2], b[1::2])
        result = even[:1]
        for place, value in enumerate(odd):
            if place + 1 < len(even):
                result += self.exchange(value, even[place + 1])
            else:
                result.append(value)
        return result + even[len(odd) + 1 :]

    def merge(self, a: Sorted, b: Sorted) -> Sorted:
        """Merge two lists; drop numbers with too many others above or below."""
        values = self.merged(a.values, b.values)
        below, above = a.below + b.below, a.above + b.above
        first = max(0, len(values) - self.count + self.lowest + above)
        last = min(len(values), self.highest + 1 - below)
        return Sorted(values[first:last], below + first, above + len(values) - last)

    def merge_all(self, lists: Sequence[Sorted]) -> Sorted:
        """Merge pairs of lists, until one list is left."""
        while len(lists) > 1:
            pairs = [self.merge(a, b) for a, b in zip(lists[::2], lists[1::2], strict=False)]
            lists = [*pairs, *lists[2 * len(pairs) :]]
        return lists[0]

    def rows(self, first: int, last: int, width: int) -> Sorted:
        """Return the sorted list of the rows first to last of a window."""
        power = self.merge_all([Sorted([(row, 0)]) for row in range(first, last)])
        parts: list[Sorted] = []
        length, place = 1, 0
        while True:
            if width & length:
                parts = [self.merge(parts[0], power.ahead(place)) if parts else power]
                place += length
            if 2 * length > width:
                return parts[0]
            power = self.merge(power, power.ahead(length))
            length *= 2

    def tile(self, first: int, last: int, height: int, width: int, common: Sorted) -> list[Sorted]:
        """Return the lists of the windows first to last, from that of their common rows.

        Each half of the windows has more rows in common: the upper half at the top, the lower half
        at the bottom.
        """
        if last - first == 1:
            return [common]
        middle = (first + last) // 2
        top = self.rows(middle - 1, last - 1, width)
        bottom = self.rows(first + height, middle + height, width)
        return [
            *self.tile(first, middle, height, width, self.merge(common, top)),
            *self.tile(middle, last, height, width, self.merge(common, bottom)),
        ]

    def network(self, tile: int, outputs: list[Value]) -> Network:
        """Return the network with these outputs, without exchanges that are not needed."""
        needed = {wire for wire, _ in outputs}
        exchanges = []
        for place in range(len(self.exchanges) - 1, -1, -1):
            smaller = self.inputs + 2 * place
            results = [wire if wire in needed else -1 for wire in (smaller, smaller + 1)]
            if max(results) >= 0:
                needed.update(self.exchanges[place][:2])
                exchanges.append(Exchange(*self.exchanges[place], *results))
        wires = self.inputs + 2 * len(self.exchanges)
        return Network(tile, self.inputs, wires, exchanges[::-1], outputs)


def picked(lists: Sequence[Sorted], ranks: Sequence[int]) -> list[Value]:
    """Return the wires of some ranks: for each rank, those of all windows."""
    return [window.values[rank - window.below] for rank in ranks for window in lists]


def for_rectangle(height: int, width: int, ranks: Sequence[int], tile: int) -> Network:
    """Return the network for `tile` windows above each other; `tile` is at most `height`."""
    builder = Builder(height + tile - 1, height * width, ranks)
    common = builder.rows(tile - 1, height, width)
    lists = builder.tile(0, tile, height, width, common)
    return builder.network(tile, picked(lists, ranks))


def for_footprint(chords: Sequence[tuple[int, int, int]], ranks: Sequence[int]) -> Network:
    """Return the network for a window of chords: (row, first column, length)."""
    columns: dict[int, list[int]] = {}
    for row, first, length in chords:
        for column in range(first, first + length):
            columns.setdefault(column, []).append(row)
    count = sum(map(len, columns.values()))
    builder = Builder(1 + max(row for row, _, _ in chords), count, ranks)
    lists = [
        builder.merge_all([Sorted([(row, column)]) for row in rows])
        for column, rows in sorted(columns.items())
    ]
    return builder.network(1, picked([builder.merge_all(lists)], ranks))


@lru_cache(maxsize=64)
def best_for_rectangle(height: int, width: int, ranks: tuple[int, ...]) -> Network:
    """Return the network whose tile has the lowest cost for a row.

    In large windows that is a tile of four rows; eight would save little and need twice the planes.
    """
    tiles = [tile for tile in (1, 2, 4) if tile <= height]
    if height * width > LARGE:
        tiles = tiles[-1:]
    networks = [for_rectangle(height, width, ranks, tile) for tile in tiles]
    return min(networks, key=lambda network: len(network.exchanges) / network.tile)
