"""Calls: a filter and its arguments as a value, which can be run, or explained by its plan.

A public function makes a call and `filtering` runs it; `explain` returns the plan of the same call.
A call like an earlier one is not made again: what runs it is found by its signature.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import partial, wraps
from math import prod
from types import UnionType
from typing import (
    Any,
    Generic,
    NamedTuple,
    ParamSpec,
    Protocol,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
)

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imgconv._loops.call import repeat
from imgconv.core import threads
from imgconv.core.plan import PLANS, Plan
from imgconv.core.run import Call, filtered
from imgconv.operations.base import Axis, Operation

P = ParamSpec("P")
Result = TypeVar("Result")
Result_co = TypeVar("Result_co", covariant=True)

# What a function that is kept among the plans counts for.
FUNCTION_BYTES = 4096


class SeveralPlan(NamedTuple):
    """What a filter of several passes runs: the plan of each, and a note about all of them.

    It has those attributes of a `Plan` from which a pipeline decides.
    """

    plans: tuple[Plan, ...]
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    note: str
    whole: str
    beside: int = 0
    results: int = 1
    images: int = 1
    grid: tuple[int, int] = (1, 1)
    method: str = ""
    piecewise: Operation | None = None

    @property
    def windows(self) -> tuple[Axis, Axis]:
        """The window of all passes: the union of theirs, and the pixels beside it."""
        if not self.plans:
            return Axis(0, 1), Axis(0, 1)
        y, x = (Axis.union(axes) for axes in zip(*(p.windows for p in self.plans), strict=True))
        more = self.beside
        return Axis(y.before + more, y.span + 2 * more), Axis(x.before + more, x.span + 2 * more)

    @property
    def modes(self) -> tuple[str, str]:
        """The border modes along y and along x."""
        return self.plans[0].modes if self.plans else ("reflect", "reflect")

    @property
    def computed_in(self) -> np.dtype[Any]:
        """The computing dtype of the first pass; without passes, the dtype of the result."""
        return self.plans[0].computed_in if self.plans else self.dtype

    @property
    def cost(self) -> float:
        """Estimated multiply-adds of all passes, and of the steps between and after them."""
        return sum(plan.cost for plan in self.plans) + 8.0 * prod(self.shape)

    def __repr__(self) -> str:
        """Describe what will run, pass by pass."""
        passes = [repr(plan) for plan in self.plans]
        last = f"{'Then' if passes else 'Plan'}: {self.note}"
        return "\n".join([*passes, last, f"  result  {self.shape} {self.dtype}"])


@dataclass(frozen=True)
class Several(Generic[Result]):
    """A filter of several passes.

    `runs` computes the result of `image`; `passes` are the calls in it. `note` describes what else
    is done with them, which looks at so many pixels `beside` each of their results, and `whole` why
    the filter needs the whole image, if it does. `repeatable` states whether `runs` may be kept for
    other images: it then holds no array of the caller.
    """

    image: NDArray[Any]
    runs: Callable[[NDArray[Any]], Result]
    passes: tuple[Call[Any], ...]
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    note: str
    whole: str = ""
    repeatable: bool = False
    beside: int = 0

    def run(self) -> Result:
        """Return the filtered image."""
        return self.runs(self.image)

    def lasting(self) -> Callable[[NDArray[Any]], Result] | None:
        """Return what filters other images in the same way."""
        return self.runs if self.repeatable else None

    def plan(self) -> SeveralPlan:
        """Return what would run."""
        plans = tuple(each.plan() for each in self.passes)
        return SeveralPlan(plans, self.shape, self.dtype, self.note, self.whole, self.beside)


class Runnable(Protocol[Result_co]):
    """A call of one pass or of several."""

    def run(self) -> Result_co:
        """Return the filtered image."""

    def plan(self) -> Any:
        """Return what would run."""


class Filter(Protocol[P, Result_co]):
    """A public function; `call` makes the call that it runs."""

    __name__: str

    @property
    def call(self) -> Callable[P, Runnable[Result_co]]:
        """The function that makes the call."""

    def __call__(self, *args: P.args, **options: P.kwargs) -> Result_co:
        """Filter an image."""


def filtering(make: Callable[P, Runnable[Result]]) -> Filter[P, Result]:
    """Return a public function that runs the call which `make` returns."""

    @wraps(make)
    def function(*args: P.args, **options: P.kwargs) -> Result:
        result: Result = repeat(PLANS.get, threads, run_filter, make, args, options)
        return result

    # Its signature shows the type of the result, not of the call.
    make.__annotations__["return"] = result_of(make.__annotations__["return"])
    # mypy knows no attributes of functions; `Filter` declares this one.
    function.call = make  # type: ignore[attr-defined]
    return cast(Filter[P, Result], function)


def run_filter(
    like: Hashable | None,
    known: Any,
    make: Callable[..., Runnable[Result]],
    arguments: tuple[Any, ...],
    options: dict[str, Any],
) -> Result:
    """Return the result of the call that `make` makes of the arguments of a public function.

    What runs it is kept for calls `like` it, with the same signature, so that nothing is checked
    again: it is `known` for this one, if there was one like it.
    """
    if known is not None:
        image, out = arguments[0], options.get("out")
        again: Result = filtered(known, image, out) if isinstance(known, Plan) else known(image)
        return again
    call = make(*arguments, **options)
    result = call.run()
    if like is not None and isinstance(call, Call | Several) and call.image is arguments[0]:
        lasting = call.lasting()
        if lasting is not None:
            PLANS.put(like, lasting, getattr(lasting, "nbytes", FUNCTION_BYTES))
    return result


def result_of(annotation: Any) -> Any:
    """Return the type X of the result from the type of a call: Call[X], Several[X] or a union."""
    while get_origin(annotation) in {Union, UnionType}:
        annotation = get_args(annotation)[0]
    return get_args(annotation)[0]


def explain(function: Callable[..., Any], image: ArrayLike, *args: Any, **options: Any) -> Any:
    """Return the plan of a call without running it; its repr describes what would run and why.

    Parameters
    ----------
    function : callable
        A filter of imgconv, a `functools.partial` of one, a `Pipeline`, or a function or layer of
        `imgconv.nn` that calls a compiled loop.
    image : array_like
        The image to filter; for a gradient of `imgconv.nn`, its first argument.
    *args, **options
        The other arguments of the call.

    Returns
    -------
    Plan
        What runs, the shape and dtype of the result, and the cost. For a filter of several passes,
        the plans of all of them.

    Raises
    ------
    TypeError
        If function is none of these, or calls no compiled loop.

    Examples
    --------
    >>> import imgconv
    >>> import numpy as np
    >>> imgconv.explain(imgconv.sobel, np.zeros((480, 640), np.uint8))
    Plan: separable loop, level ..., in float32
      result  1 x (480, 640) float32
      window  3 x 3, pixel at (1, 1)
      border  reflect along y, reflect along x
      image   1 plane
      cost    16 operations a pixel, 6.14e+06 in all
    """
    return call_of(function)(image, *args, **options).plan()


def call_of(function: Callable[..., Any]) -> Callable[..., Runnable[Any]]:
    """Return the function that makes the call of a filter."""
    if isinstance(function, partial):
        return partial(call_of(function.func), *function.args, **function.keywords)
    make: Callable[..., Runnable[Any]] | None = getattr(function, "call", None)
    if make is None:
        raise TypeError(
            f"function must be one of imgconv that calls a compiled loop, got {function!r}"
        )
    return make
