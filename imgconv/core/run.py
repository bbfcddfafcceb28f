"""Run: the only caller of compiled code.

It checks the arrays, fetches the plan, allocates results and scratch, settles overlap and chooses
the threads.
"""

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imgconv.core import check, threads
from imgconv.core.convert import store
from imgconv.core.memory import POOL, empty
from imgconv.core.plan import PLANS, Fit, Guide, Plan, Request, make_plan
from imgconv.operations.base import Operation

# Scratch up to this size is kept for the next call of the same thread, so that a small image does
# not pay for memory; it stays in L2.
KEPT_SCRATCH = 1 << 19


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
    out = PlanOnly(options.pop("out", None))
    return function(image, *args, **options, out=out)


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
    if out is not None:
        return apply_out(operation, image, mode, cval, axes, channel_axis, dtype, out, fit)
    array = image if type(image) is np.ndarray else check.image(image)
    if axes is not None or channel_axis is not None:
        axes, channel_axis = check.axis_numbers(axes, channel_axis)
    key = (operation, array.shape, array.strides, array.dtype, mode, cval, axes, channel_axis,
           dtype, fit, None, False)  # fmt: skip
    made = find_plan(key)
    if operation.results == 1:
        result = (empty if POOL.limit else np.empty)(made.shape, made.dtype)
        execute(made, array, result, result)
        return result
    first, second = (empty(made.shape, made.dtype) for _ in range(2))
    execute(made, array, first, second)
    return first, second


def apply_out(
    operation: Operation,
    image: ArrayLike,
    mode: Any,
    cval: Any,
    axes: Any,
    channel_axis: Any,
    dtype: Any,
    out: Any,
    fit: str | Fit,
) -> Any:
    """`apply` into arrays of the caller's, or only as far as the plan."""
    array = check.image(image)
    axes, channel_axis = check.axis_numbers(axes, channel_axis)
    target = out.out if isinstance(out, PlanOnly) else out
    outs = () if target is None else target if isinstance(target, tuple) else (target,)
    described = check.outs(outs, operation.results) if outs else None
    overlap = any(np.may_share_memory(array, each) for each in outs)
    # Only where each pixel's result takes the pixel's own place can rows be saved and replaced.
    aligned = fit == "same" and operation.stride == (1, 1) and operation.results == 1
    in_place = overlap and aligned and is_same(array, outs[0])
    made = find_plan((operation, array.shape, array.strides, array.dtype, mode, cval, axes,
                      channel_axis, dtype, fit, described, in_place))  # fmt: skip
    if isinstance(out, PlanOnly):
        return made
    if overlap and not made.in_place:
        array = array.copy(order="K")
        return apply_out(operation, array, mode, cval, axes, channel_axis, dtype, out, fit)
    execute(made, array, outs[0], outs[-1])
    return target


def apply_joint(
    operation: Operation,
    image: NDArray[Any],
    guide: NDArray[Any],
    mode: Any,
    cval: Any,
    axes: Any,
    channel_axis: Any,
    dtype: Any,
    out: Any,
) -> Any:
    """Filter all channels of an image together, by weights that come from it or from a guide.

    The guide has the axes of the image without its channels, and behind them its own: none, where
    the image guides itself.
    """
    target = out.out if isinstance(out, PlanOnly) else out
    described = None if target is None else check.outs((target,), 1)
    about = Guide(guide.shape, guide.strides, guide.dtype)
    made = find_plan((operation, image.shape, image.strides, image.dtype, mode, cval, axes,
                      channel_axis, dtype, "same", described, False, about))  # fmt: skip
    if isinstance(out, PlanOnly):
        return made
    if target is None:
        target = empty(made.shape, made.dtype)
    elif any(np.may_share_memory(each, target) for each in (image, guide)):
        return apply_joint(operation, image.copy(), guide.copy(), mode, cval, axes, channel_axis,
                           dtype, out)  # fmt: skip
    execute(made, image, target, guide)
    return target


def find_plan(key: tuple[Any, ...]) -> Plan:
    """Return the plan of a request, made now if there is none yet."""
    try:
        made = PLANS.get(key)
    except TypeError:
        key = tuple(hashable(value) for value in key)
        made = PLANS.get(key)
    if made is None:
        request = Request(*key)
        check.image_dtype(request.image_dtype)
        made = make_plan(request)
        PLANS.put(key, made, made.nbytes)
    return made


def hashable(value: Any) -> Any:
    """Return a sequence argument as a tuple, anything else as it is."""
    sequence = isinstance(value, (list, np.ndarray)) or type(value) is tuple
    return tuple(map(hashable, value)) if sequence else value


def is_same(image: NDArray[Any], out: NDArray[Any]) -> bool:
    """Whether two arrays are the same pixels in the same places."""
    return (
        image.ctypes.data == out.ctypes.data
        and image.shape == out.shape
        and image.strides == out.strides
        and image.dtype == out.dtype
    )


class Scratch(threading.local):
    """The small scratch that each thread keeps between calls."""

    kept = np.empty(0, np.uint8)


SCRATCH = Scratch()


def scratch(size: int) -> NDArray[np.uint8]:
    """Return at least `size` bytes."""
    kept = SCRATCH.kept
    if size <= kept.size:
        return kept
    fresh = np.empty(size, np.uint8)
    if size <= KEPT_SCRATCH:
        SCRATCH.kept = fresh
    return fresh


def execute(made: Plan, image: NDArray[Any], first: NDArray[Any], second: NDArray[Any]) -> None:
    """Call the loop with the scratch and the threads that the plan asks for."""
    if first.size == 0:
        return
    if made.written != made.dtype:
        exact = np.empty(made.shape, made.written)
        run_loop(made, image, exact, exact)
        store(exact, first)
    else:
        run_loop(made, image, first, second)


def run_loop(made: Plan, image: NDArray[Any], first: NDArray[Any], second: NDArray[Any]) -> None:
    """Fill arrays that lie as the plan says."""
    if made.cost < threads.SERIAL_BELOW or (count := threads.get_num_threads()) == 1:
        made.loop.run(made.job, image, first, second, scratch(made.scratch), made.height, 1)
    else:
        threads.run_parallel(
            made.loop.run, made.job, image, first, second, scratch(made.scratch * count),
            made.band_rows(count), count,
        )  # fmt: skip
