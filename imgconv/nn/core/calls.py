"""Functions of layers as values: run them, or ask for the plan of the loops that they call.

A function that calls a compiled loop returns a `LayerCall`, which `filtering` of
`imgconv.core.call` runs and `imgconv.explain` asks for its plan.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any, Generic, NamedTuple, TypeVar

from imgconv.core import cpu
from imgconv.core.run import run_entry
from imgconv.core.threads import threads_for
from imgconv.core.windows import Pair
from imgconv.nn.core.arrays import DType, Shape

Result = TypeVar("Result")


class LayerCall(NamedTuple, Generic[Result]):
    """A function with its checked arguments: what runs it, and what returns its plan."""

    run: Callable[[], Result]
    plan: Callable[[], Any]


class LoopPlan(NamedTuple):
    """How a loop runs that takes arrays as they are.

    Attributes
    ----------
    loop, entry : str
        The compiled module, and its function.
    shape, dtype
        Of the result.
    window : (int, int)
        Pixels of a window along y and along x.
    cost : float
        Multiply-adds of the call.
    scratch : int
        Bytes that each thread needs.
    computed_in : numpy.dtype
        None for `dtype`.
    """

    loop: str
    entry: str
    shape: Shape
    dtype: DType
    window: Pair
    cost: float
    scratch: int = 0
    computed_in: DType | None = None

    @property
    def computing_dtype(self) -> DType:
        """The dtype in which the loop computes."""
        return self.dtype if self.computed_in is None else self.computed_in

    def run(self, *arguments: Any) -> Any:
        """Call the loop with the arguments that come before scratch and threads."""
        return run_entry(
            self.loop, self.computing_dtype.name, self.entry, *arguments,
            cost=self.cost, scratch_bytes=self.scratch,
        )  # fmt: skip

    def __repr__(self) -> str:
        """Return what will run, in lines for a reader."""
        height, width = self.window
        return "\n".join(
            [
                f"Plan: {self.loop} loop ({self.entry}), level {cpu.LEVEL}, "
                f"in {self.computing_dtype}",
                f"  result  {self.shape} {self.dtype}",
                f"  window  {height} x {width}",
                f"  cost    {cost_text(self.cost, self.shape)}, "
                f"on {counted(threads_for(self.cost), 'thread')}",
            ]
        )


class LayerPlan(NamedTuple):
    """How a function runs that calls several loops, or one of them several times.

    Attributes
    ----------
    plans : tuple
        Of the loops, in the order of their calls.
    shape, dtype
        Of the result; of the first where there are several.
    note : str
        What is computed from the loops' results, in words.
    times : int
        How often all of the plans run.
    """

    plans: tuple[Any, ...]
    shape: Shape
    dtype: DType
    note: str
    times: int = 1

    @property
    def cost(self) -> float:
        """Multiply-adds of all loops."""
        return self.times * sum(float(plan.cost) for plan in self.plans)

    def __repr__(self) -> str:
        """Return what will run, loop by loop, in lines for a reader."""
        return "\n".join(
            [
                *map(repr, self.plans),
                f"Together: {self.note}",
                f"  result  {self.shape} {self.dtype}",
                f"  cost    {cost_text(self.cost, self.shape)}",
            ]
        )


def cost_text(cost: float, shape: Shape) -> str:
    """Return the cost of each number of the result, and of all."""
    return f"{cost / max(1, prod(shape)):.3g} operations a number, {cost:.3g} in all"


def counted(n: int, noun: str) -> str:
    """Return a number and the noun that it counts: "1 thread", "2 threads"."""
    return f"{n} {noun}{'s' if n != 1 else ''}"
