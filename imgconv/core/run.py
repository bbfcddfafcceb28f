"""Run: the only caller of compiled code.

It checks the arrays, fetches the plan, allocates results and scratch, settles overlap and chooses
the threads.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imgconv.core import check, threads
from imgconv.core.operation import Operation
from imgconv.core.plan import Fit, Plan, Request, plan


class PlanOnly:
    """Stands in the place of `out` to ask for the plan of a call instead of its result."""

    def __init__(self, out: Any) -> None:
        self.out = out


def explain(function: Callable[..., Any], image: ArrayLike, *args: Any, **options: Any) -> Plan:
    """Return the plan of a call without running it; its repr tells what would run and why.

    Parameters
    ----------
    function : callable
        A filter of this package.
    image : array_like
        The image it would filter.
    *args, **options
        The other arguments of the call.

    Returns
    -------
    Plan
        The frozen plan.

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
    return function(image, *args, **options, out=PlanOnly(options.pop("out", None)))


def apply(
    operation: Operation,
    image: ArrayLike,
    mode: Any,
    cval: Any,
    axes: Any,
    channel_axis: Any,
    dtype: Any,
    out: Any,
    fit: str | Fit = "same",
) -> Any:
    """Filter an image: one array, or a tuple of arrays where the operation gives two."""
    array = check.image(image)
    planning = isinstance(out, PlanOnly)
    if planning:
        out = out.out
    outs = () if out is None else out if isinstance(out, tuple) else (out,)
    request = Request(
        operation, array.shape, array.strides, array.dtype, hashable(mode), cval, hashable(axes),
        channel_axis, dtype, fit, described(outs, operation.results),
    )  # fmt: skip
    made = plan(request)
    if planning:
        return made
    for each in outs:
        check.out(each, made.shape, None if dtype is None else np.dtype(dtype))
    results = outs or tuple(np.empty(made.shape, made.dtype) for _ in range(operation.results))
    if made.cost:
        execute(made, separate(array, outs), results)
    return results[0] if operation.results == 1 else results


def hashable(value: Any) -> Any:
    """Return a sequence argument as a tuple, anything else as it is."""
    return tuple(value) if isinstance(value, (list, np.ndarray)) else value


def described(outs: tuple[Any, ...], results: int) -> Any:
    """Return what a plan must know of the arrays to fill, or None for fresh ones."""
    if not outs:
        return None
    if len(outs) != results:
        raise ValueError(f"out must be {results} arrays, got {len(outs)}")
    for each in outs:
        check.out(each, each.shape if isinstance(each, np.ndarray) else (), None)
    first = outs[0]
    if results == 2 and (outs[1].strides != first.strides or outs[1].dtype != first.dtype):
        raise ValueError("out must be two arrays of the same dtype and strides")
    return first.shape, first.strides, first.dtype


def separate(image: NDArray[Any], outs: tuple[NDArray[Any], ...]) -> NDArray[Any]:
    """Return the image, or a copy of it where a result would overwrite pixels still needed."""
    return image.copy() if any(np.may_share_memory(image, each) for each in outs) else image


def execute(made: Plan, image: NDArray[Any], results: tuple[NDArray[Any], ...]) -> None:
    """Call the loop with the scratch and the threads that the plan asks for."""
    count = threads.choose(made.cost)
    scratch = np.empty(made.loop.scratch(made.job, count), np.uint8)
    rows = made.band_rows(count)
    if count == 1:
        made.loop.run(made.job, image, results[0], results[-1], scratch, rows, 1)
    else:
        threads.run_parallel(
            made.loop.run, made.job, image, results[0], results[-1], scratch, rows, count
        )
