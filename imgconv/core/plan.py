"""Plans: what will run, worked out once for each kind of call and kept.

A plan is made from a request in two steps: `decide` makes every choice, and `lay_out` makes the
record that the loop reads. A plan knows no pixels.
"""

from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np

from imgconv._loops.call import Entry
from imgconv.core import check, cpu
from imgconv.core.cache import Cache
from imgconv.core.decide import Decisions, Request, decide
from imgconv.core.params import Pointers, Record, ResultLayout, lay_out, round_up
from imgconv.operations.base import WEIGHED, Axis, Operation


@dataclass(frozen=True, eq=False)
class Plan:
    """What will run for a kind of call, and why; `imgconv.explain` returns it.

    Attributes
    ----------
    operation : Operation
        What is computed.
    results : int
        The number of arrays that are returned.
    shape, dtype : tuple of int, numpy.dtype
        Of each result.
    written, direct : numpy.dtype, bool
        What the loop writes; whether it writes to the result, which then has pixels.
    computed_in : numpy.dtype
        float32 or float64; a short integer where 8-bit pixels make that exact.
    cost : float
        Estimated multiply-adds of the whole call.
    times : dict of str to float
        If there are several methods: for each the expected nanoseconds for a pixel, on one core of
        the machine of docs/performance.md.
    """

    operation: Operation
    results: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    written: np.dtype[Any]
    direct: bool
    computed_in: np.dtype[Any]
    modes: tuple[str, str]
    windows: tuple[Axis, Axis]
    interleaved: int
    planes: int
    height: int
    cost: float
    in_place: bool
    times: dict[str, float]
    params: Record = field(repr=False)
    entry: Entry = field(repr=False)
    pointers: Pointers = field(repr=False)

    @property
    def method(self) -> str:
        """How the sum is computed: "direct", "separable", "fft" or "resample"."""
        names = {"fourier": "fft", "lines": "fft"}
        loop = names.get(self.operation.loop, self.operation.loop)
        return loop if loop in ("separable", "fft", "resample") else "direct"

    @property
    def weighed(self) -> str:
        """What the loop makes of pixels that do not count alike; empty if all do."""
        return WEIGHED[int(self.params["weighing"]["kind"])]

    @property
    def grid(self) -> tuple[int, int]:
        """The height and width of cells on whose place in the image the last bits depend."""
        return self.operation.grid

    @property
    def whole(self) -> str:
        """Why it needs the whole image; empty if it does not."""
        return self.operation.whole

    @property
    def images(self) -> int:
        """How many images it gives: arrays, or layers of one."""
        return max(self.results, self.operation.stacked)

    @property
    def piecewise(self) -> Operation | None:
        """The operation that computes any piece of the result by itself, if there is one."""
        return self.operation if self.operation.placeable else None

    def band_rows(self, threads: int) -> int:
        """Return the result rows of a band: several bands for each thread, but not too low.

        In place there is one band for each thread, because each band saves the rows of its
        neighbours; a stack has one for each plane. Bands are few if each computes again what is
        under its first windows.
        """
        if threads == 1 or (self.in_place and self.planes > 1):
            return self.height
        bands = threads * (1 if self.in_place else 2 if self.operation.kept_rows else 8)
        even, fair = (-(-self.height * self.planes // n) for n in (bands, threads))
        rows = min(max(even, 16, self.windows[0].span), fair, self.height)
        return round_up(rows, self.operation.block)

    @property
    def nbytes(self) -> int:
        """Bytes that the plan takes."""
        return 2048 + sum(array.nbytes for array in self.pointers)

    def __repr__(self) -> str:
        """Describe what will run and why."""
        y, x = self.windows
        planes = f"{self.planes} plane{'s' if self.planes != 1 else ''}"
        colour = f", {self.interleaved} channels interleaved" if self.interleaved > 1 else ""
        if self.params["channels"] > 1:
            colour = f", {self.params['channels']} channels together"
        notes = [self.operation.note or self.method] if self.operation.note or self.times else []
        times = ", ".join(f"{name} {time:.3g}" for name, time in self.times.items())
        notes += [f"{self.weighed} of the pixels that count"] if self.weighed else []
        notes += [f"nanoseconds a pixel: {times}"] if times else []
        return "\n".join(
            [
                f"Plan: {self.operation.loop} loop, level {cpu.LEVEL}, in {self.computed_in}",
                f"  result  {self.operation.results} x {self.shape} {self.dtype}",
                f"  window  {y.span} x {x.span}, pixel at ({y.before}, {x.before})",
                f"  border  {self.modes[0]} along y, {self.modes[1]} along x",
                f"  image   {planes}{colour}",
                f"  cost    {self.operation.cost:.3g} operations a pixel, {self.cost:.3g} in all",
                *([f"  method  {'; '.join(notes)}"] if notes else []),
            ]
        )


PLANS = Cache(limit=24 << 20)


def make_plan(request: Request) -> Plan:
    """Return the plan of a request."""
    decided = decide(request)
    return plan_of(decided, *lay_out(request, decided))


def plan_of(decided: Decisions, record: Record, pointers: Pointers, result: ResultLayout) -> Plan:
    """Return the plan that runs the loop of the operation with this record."""
    operation, computed, (y, x) = decided.operation, decided.computed, decided.windows
    height = max(1, decided.result_size[0])
    # Reading and writing a pixel costs about as much as four operations.
    cost = (operation.cost + 4) * prod(result.shape)
    loop = cpu.loop(operation.loop, computed.name)
    scratch = loop.scratch(record)
    check.window_fits_memory((y.span, x.span), scratch)
    entry = Entry(
        loop.entry(), record, scratch, operation.results, result.shape, result.written, height, cost
    )
    return Plan(
        operation=operation,
        results=operation.results,
        shape=result.shape,
        dtype=decided.dtype,
        written=result.written,
        direct=result.written == decided.dtype and prod(result.shape) > 0,
        computed_in=computed,
        modes=decided.modes,
        windows=decided.windows,
        interleaved=int(record["step"]),
        planes=len(pointers.offsets),
        height=height,
        cost=cost,
        in_place=bool(record["in_place"]),
        times=decided.times,
        params=record,
        entry=entry,
        pointers=pointers,
    )
