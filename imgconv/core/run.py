"""Run: the only caller of compiled code, and `Call`, which it runs.

It checks the arrays, looks up the plan, allocates results, makes copies where arrays overlap, and
chooses the number of threads.
"""

from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imgconv.core import check, cpu, threads
from imgconv.core.decide import Guide, Placement, Request, WeightLayout
from imgconv.core.memory import empty
from imgconv.core.params import round_up
from imgconv.core.pixels import native, store
from imgconv.core.plan import PLANS, Plan, make_plan
from imgconv.operations.base import Operation

Result = TypeVar("Result")


class Call(NamedTuple, Generic[Result]):
    """One pass of an operation over an image, with the common arguments.

    `placement` is the shape of the result, or where the windows lie. The weights of filters that
    use all channels together come from a `guide`: its axes are those of the image without the
    channels, then its own channels; if the image guides itself, there are none of these.
    Pixels count with their `weights`, and not at all where they are NaN and `nan` is "omit".
    """

    operation: Operation
    image: ArrayLike
    mode: Any = "reflect"
    cval: Any = 0.0
    axes: Any = None
    channel_axis: Any = None
    dtype: Any = None
    out: Any = None
    placement: str | Placement = "same"
    guide: NDArray[Any] | None = None
    nan: str = "spread"
    weights: Any = None

    def run(self) -> Result:
        """Return the filtered image, or a pair if the operation has two results."""
        result: Result = run(self)
        return result

    def plan(self) -> Plan:
        """Return what would run."""
        return plan_for(with_weights(self))

    def lasting(self) -> Plan | None:
        """Return the plan for other images of the same layout.

        There is none if it depends on pixels.
        """
        guided = self.guide is not None and self.guide.shape[-1] > 0
        alone = not guided and self.weights is None
        return self.plan() if alone and not self.operation.measured else None


def run(call: Call[Any]) -> Any:
    """Filter an image; return one array, or a tuple of two if the operation has two results."""
    if call.out is not None or call.guide is not None or call.weights is not None:
        return run_into(with_weights(call))
    return filtered(plan_for(call), as_array(call.image))


def as_array(image: ArrayLike) -> NDArray[Any]:
    """Return the array of an image; the dtype of one that is an array is checked with its plan."""
    return image if type(image) is np.ndarray else check.image(image)


def with_weights(call: Call[Any]) -> Call[Any]:
    """Return a call whose weights are checked, and have the shape of the image."""
    if call.weights is None:
        return call
    image = check.image(call.image)
    layout = check.layout(image.ndim, call.axes, call.channel_axis)
    kind = call.operation.weighed
    mode = call.mode if kind in {"means", "apart"} else None
    weights = check.weights(call.weights, image.shape, layout, mode)
    exact = weights.dtype == np.bool_ or (
        call.operation.ordered and native(weights.dtype) != np.float64
    )
    if kind == "ranks" and not exact:
        # The loop would take small ones for 0: in float32, or converted to integers.
        weights = weights > 0
    return call._replace(image=image, weights=weights)


def filtered(plan: Plan, image: NDArray[Any], out: NDArray[Any] | None = None) -> Any:
    """Return results: an array, which may be `out` if that lies apart from the image, or a pair."""
    first = empty(plan.shape, plan.dtype, image) if out is None else out
    if plan.results == 1:
        fill(plan, image, first, first)
        return first
    second = empty(plan.shape, plan.dtype, image)
    fill(plan, image, first, second)
    return first, second


def run_into(call: Call[Any]) -> Any:
    """`run` for calls with `out`, with a guide or with weights, which are checked."""
    array, outs, guide = check.image(call.image), in_tuple(call.out), call.guide
    plan, weights = plan_for(call), call.weights
    if weights is not None and any(np.may_share_memory(weights, each) for each in outs):
        weights = weights.copy(order="K")
        return run_into(call._replace(weights=weights))
    overlap = any(np.may_share_memory(array, each) for each in outs)
    if guide is not None:
        overlap |= any(np.may_share_memory(guide, each) for each in outs)
        guide = guide.copy() if overlap else guide
    if overlap and not plan.in_place:
        return run_into(call._replace(image=array.copy(order="K"), guide=guide))
    if not outs:
        outs = tuple(empty(plan.shape, plan.dtype, array) for _ in range(plan.results))
    fill(plan, array, outs[0], outs[-1] if guide is None else guide, weights)
    return outs[0] if call.out is None else call.out


def run_piece(call: Call[Any]) -> Any:
    """`run` for a piece of an image, whose `out` is the caller's own and lies elsewhere.

    Nothing is checked again but by the plan, since a chain has thousands of pieces.
    """
    operation, image, mode, cval, axes, channel_axis, dtype, out, placement, guide, nan, _ = call
    array: NDArray[Any] = image  # type: ignore[assignment]  # that of a call may be anything
    described = out.shape, out.strides, out.dtype
    key = (operation, array.shape, array.strides, array.dtype, mode, cval, axes, channel_axis,
           dtype, placement, described, False, guide, nan)  # fmt: skip
    fill(find_plan(key), array, out, out)
    return out


def plan_for(call: Call[Any]) -> Plan:
    """Return what `run` would run."""
    (operation, image, mode, cval, axes, channel_axis, dtype, out, placement, guide, nan,
     weights) = call  # fmt: skip
    array = as_array(image)
    if axes is not None or channel_axis is not None:
        axes, channel_axis = check.axis_numbers(axes, channel_axis)
    key = (operation, array.shape, array.strides, array.dtype, mode, cval, axes, channel_axis,
           dtype, placement)  # fmt: skip
    usual = out is None and guide is None and nan == "spread" and weights is None
    return find_plan(key if usual else (*key, *others(call, array)))


def others(
    call: Call[Any], image: NDArray[Any]
) -> tuple[Any, bool, Guide | None, str, WeightLayout | None]:
    """Return the fields of a request about NaN and about the arrays other than the image."""
    operation, guide, outs = call.operation, call.guide, in_tuple(call.out)
    described = check.outs(outs, operation.results) if outs else None
    # In place, each result must replace its own pixel.
    aligned = call.placement == "same" and operation.stride == (1, 1) and operation.results == 1
    in_place = bool(outs) and guide is None and aligned and is_same(image, outs[0])
    about = None if guide is None else Guide(guide.shape, guide.strides, guide.dtype)
    weights = call.weights
    weighed = None if weights is None else WeightLayout(weights.strides, weights.dtype)
    return described, in_place, about, call.nan, weighed


def in_tuple(out: Any) -> tuple[Any, ...]:
    """Return `out` as a tuple of arrays; it is empty for None."""
    if out is None:
        return ()
    return out if isinstance(out, tuple) else (out,)


def find_plan(key: tuple[Any, ...]) -> Plan:
    """Return the plan of a request, made now if there is none yet."""
    try:
        plan = PLANS.get(key)
    except TypeError:
        key = tuple(map(hashable, key))
        plan = PLANS.get(key)
    if plan is None:
        request = Request(*key)
        check.image_dtype(request.image_dtype)
        plan = make_plan(request)
        PLANS.put(key, plan, plan.nbytes)
    return plan


def hashable(value: Any) -> Any:
    """Return sequences as tuples, any other value as it is."""
    sequence = isinstance(value, (list, np.ndarray)) or type(value) is tuple
    return tuple(map(hashable, value)) if sequence else value


def is_same(image: NDArray[Any], out: NDArray[Any]) -> bool:
    """Whether two arrays are the same pixels in memory."""
    return (
        image.shape == out.shape
        and image.strides == out.strides
        and image.dtype == out.dtype
        and image.ctypes.data == out.ctypes.data
    )


def fill(
    plan: Plan,
    image: NDArray[Any],
    first: NDArray[Any],
    second: NDArray[Any],
    weights: NDArray[Any] | None = None,
) -> None:
    """Fill results; if the loop writes another dtype, convert afterwards."""
    if plan.direct:
        execute(plan, image, first, second, weights)
    elif first.size:
        exact = np.empty(plan.shape, plan.written)
        execute(plan, image, exact, exact, weights)
        store(exact, first)


def execute(
    plan: Plan,
    image: NDArray[Any],
    first: NDArray[Any],
    second: NDArray[Any],
    weights: NDArray[Any] | None,
) -> None:
    """Enter the loop with the number of threads that the plan is worth."""
    count = threads.threads_for(plan.cost)
    if count == 1:
        plan.entry.run(image, first, second, plan.height, 1, weights)
    else:
        rows = plan.band_rows(count)
        threads.run_parallel(plan.entry.run, image, first, second, rows, count, weights)


def run_entry(
    loop: str, real: str, entry: str, *arguments: Any, cost: float, scratch_bytes: int = 0
) -> Any:
    """Call a loop that reads no Params: those of layers, and `flood`.

    Parameters
    ----------
    loop, real, entry : str
        The loop, its computing type, and its function.
    *arguments
        The arguments of the function before scratch and threads.
    cost : float
        Multiply-adds of the call, from which the number of threads follows.
    scratch_bytes : int
        Scratch of a thread: the function gets an array (threads, bytes) with at least as many
        bytes. If it is 0, the function has no such argument.
    """
    count = threads.threads_for(cost)
    if scratch_bytes:
        # Whole cache lines: threads share none, and numbers of any type are aligned.
        slot = round_up(scratch_bytes, 64)
        arguments += (np.empty((count, slot), np.uint8),)
    return threads.run_parallel(getattr(cpu.module(loop, real), entry), *arguments, count)
