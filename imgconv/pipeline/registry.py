"""Making steps: the functions that a pipeline knows by name, and the checks of their arguments."""

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from imgconv.core import check
from imgconv.core.pixels import native
from imgconv.filters import (
    canny,
    contrast,
    corners,
    denoise,
    derivatives,
    edge_points,
    gradients,
    linear,
    local,
    morphology,
    order,
    pooling,
    ridges,
    smoothing,
    templates,
    tensors,
    thresholds,
)
from imgconv.pipeline import points
from imgconv.pipeline.steps import PipelineError, Step, is_own_image, signature_of

FILTER_MODULES = (
    linear,
    smoothing,
    gradients,
    derivatives,
    canny,
    order,
    morphology,
    denoise,
    pooling,
    tensors,
    ridges,
    corners,
    templates,
    edge_points,
    local,
    thresholds,
    contrast,
)
# Functions that make no call give no image: lists of points, for instance.
FILTERS: dict[str, Callable[..., Any]] = {
    name: function
    for module in FILTER_MODULES
    for name in module.__all__
    if hasattr(function := getattr(module, name), "call")
}
POINTS: dict[str, Callable[..., Any]] = {name: getattr(points, name) for name in points.__all__}
STEPS = FILTERS | POINTS

# The steps that make one image of several.
MERGING = ("magnitude",)
# The keywords that a pipeline gives by itself.
PIPELINE_KEYWORDS = ("axes", "channel_axis", "out")
# The arguments that are arrays of coefficients or pixels of a window.
ARRAYS = ("kernel", "kernel_y", "kernel_x", "footprint", "template")
# The arguments that may be arrays of the image's size.
IMAGE_SIZED = ("guide", "mask", "weights")
# The arguments that may be sequences, but not in a pipeline, where a step gives no layers.
SINGLE = ("percentiles",)
# The largest arguments that decide how large a window is.
LARGEST = {
    "sigma": 10_000, "low_sigma": 10_000, "high_sigma": 10_000, "truncate": 100, "n_stds": 100,
    "radius": 10_000, "sigmas": 1000, "sigma_spatial": 250, "win_size": 1001, "size": 10_000,
    "dilation": 10_000, "padding": 10_000, "stride": 10_000, "order": 20, "accuracy": 40,
}  # fmt: skip
LOWEST_FREQUENCY = 1e-3


def named_step(name: str, *positional: Any, **keywords: Any) -> Step:
    """Return the step of this name and these arguments, checked."""
    if name not in STEPS:
        raise unknown_step(name)
    function, merges = STEPS[name], name in MERGING
    check_keywords(name, function, keywords)
    try:
        images = () if merges else (None,)
        bound = signature_of(function).bind(*images, *positional, **keywords)
        if merges and bound.arguments:
            raise TypeError("too many positional arguments")
    except TypeError as error:
        raise PipelineError(f"{name}: {error}") from None
    given = list(bound.arguments.items())[len(images) :]
    arguments = {keyword: without_lists(keyword, value) for keyword, value in given}
    try:
        check_sizes(arguments)
        check_flags(function, arguments)
        results = count_results(Step(name, function, arguments, merges=merges))
    except (ValueError, TypeError, OverflowError, MemoryError) as error:
        raise PipelineError(f"{name}: {error}") from error
    stored = {keyword: canonical(keyword, value) for keyword, value in arguments.items()}
    return Step(name, function, stored, merges=merges, results=results)


def unknown_step(name: str) -> PipelineError:
    """Return the error of a name that no step has, with the one that may have been meant."""
    close = get_close_matches(name, STEPS, 1)
    return PipelineError(f"{name}: no such step" + "".join(f"; is it {near}?" for near in close))


def check_keywords(name: str, function: Callable[..., Any], keywords: Mapping[str, Any]) -> None:
    """Refuse keywords that a step does not have, or that the pipeline gives."""
    for keyword in PIPELINE_KEYWORDS:
        if keyword in keywords:
            raise PipelineError(f"{name}: {keyword} is the pipeline's, not a step's")
    known = [key for key in signature_of(function).parameters if key not in PIPELINE_KEYWORDS]
    for keyword in keywords:
        if keyword not in known:
            close = get_close_matches(keyword, known, 1)
            hint = "".join(f"; is it {near}?" for near in close)
            raise PipelineError(f"{name}: no such argument: {keyword}{hint}")


def check_sizes(arguments: Mapping[str, Any]) -> None:
    """Refuse windows that are larger than any image, before memory is spent on them."""
    for keyword in arguments.keys() & LARGEST.keys():
        largest = LARGEST[keyword]
        for value in np.ravel(np.asarray(arguments[keyword], object)):
            if isinstance(value, int | float | np.number) and abs(float(value)) > largest:
                raise ValueError(
                    f"{keyword} must be at most {largest} in a pipeline, got {value!r}"
                )
    frequency = arguments.get("frequency", 1)
    if isinstance(frequency, int | float) and 0 < frequency < LOWEST_FREQUENCY:
        raise ValueError(
            f"frequency must be at least {LOWEST_FREQUENCY} in a pipeline, got {frequency!r}"
        )


def check_flags(function: Callable[..., Any], arguments: Mapping[str, Any]) -> None:
    """Refuse words such as no or false for a switch: Python takes any text for True."""
    parameters = signature_of(function).parameters
    for keyword, value in arguments.items():
        is_flag = isinstance(parameters[keyword].default, bool)
        if is_flag and not isinstance(value, bool | np.bool_):
            raise TypeError(f"{keyword} must be True or False, got {value!r}")


def count_results(step: Step) -> int:
    """Return how many images a step gives for one.

    The step is planned, or run without pixels: so its own checks refuse wrong arguments.
    """
    for keyword in SINGLE:
        if np.ndim(step.arguments.get(keyword, 0)):
            raise ValueError(f"{keyword} must be one number in a pipeline")
    if any(isinstance(step.arguments.get(keyword), np.ndarray) for keyword in IMAGE_SIZED):
        return 1  # of the size of an image that is not known yet
    if isinstance(step.arguments.get("mask"), str | int | float | tuple):
        raise TypeError(f"mask must be an array, got {step.arguments['mask']!r}")
    if isinstance(step.arguments.get("guide"), str) and not is_own_image(step.arguments["guide"]):
        raise ValueError(f"guide must be the word image, got {step.arguments['guide']!r}")
    if step.name in FILTERS:
        return int(step.plan(image_for(step)).images)
    if not step.merges:
        step.call(np.zeros((0, 4), np.uint8))
    return 1


def image_for(step: Step) -> NDArray[np.uint8]:
    """Return an image as large as the window of a step, which takes no memory."""
    sides = [64]
    for keyword in ("kernel", "footprint", "template"):
        sides += np.shape(step.arguments.get(keyword, 0))
    sides.append(largest_integer(step.arguments.get("size")))
    side = max(sides) * largest_integer(step.arguments.get("dilation"))
    return np.broadcast_to(np.zeros((), np.uint8), (side, side))


def largest_integer(value: Any) -> int:
    """Return the largest integer of an argument, at least 1, whatever else it is or has."""
    values = np.ravel(np.asarray(value, object))
    return max([1, *(int(one) for one in values if isinstance(one, int | np.integer))])


def without_lists(keyword: str, value: Any) -> Any:
    """Return an argument with tuples for lists, by which filters cannot look up operations."""
    if isinstance(value, list | tuple) and keyword not in (*ARRAYS, *IMAGE_SIZED):
        return tuple(without_lists(keyword, one) for one in value)
    return value


def canonical(keyword: str, value: Any) -> Any:
    """Return an argument as it is stored, so that equal arguments are stored as the same value."""
    if value is not None and keyword == "dtype":
        return native(check.result_dtype(value))
    if value is not None and keyword in ARRAYS:
        if isinstance(value, str):
            return value
        return np.array(value, bool if keyword == "footprint" else np.float64)
    if isinstance(value, np.ndarray) and keyword not in IMAGE_SIZED:
        return canonical(keyword, value.tolist())
    if isinstance(value, list | tuple):
        return tuple(canonical(keyword, one) for one in value)
    return value.item() if isinstance(value, np.generic) else value


# ---- steps of functions --------------------------------------------------------------------------


def step(
    function: Callable[..., Any],
    *,
    halo: int | tuple[int, int] | None,
    dtype: DTypeLike | None = None,
    **arguments: Any,
) -> Step:
    """Return a step that calls any function.

    Parameters
    ----------
    function : callable
        Takes an image, (H, W) or (H, W, C), and returns one of the same shape. For use in other
        processes it must be one that can be pickled.
    halo : int, (int, int) or None
        How far from a pixel, along y and x, are the pixels that its result depends on; 0 for a
        point operation, None for a function that must see the whole image.
    dtype : dtype, optional
        Of the result; by default that of the image.
    **arguments
        What else the function is called with.

    Returns
    -------
    Step
        For `Pipeline`.

    Raises
    ------
    ValueError
        If halo is negative.
    TypeError
        If function is not callable.

    Notes
    -----
    The function is given pieces of the image, with as many pixels around them as `halo` states. It
    must extend the image beyond its border by itself, by any rule that does not look at the
    opposite side.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv import Pipeline
    >>> from imgconv.pipeline import step
    >>> pipeline = Pipeline("gaussian(sigma=1)", step(np.sqrt, halo=0, dtype=np.float16))
    >>> pipeline(np.full((3, 4), 16, np.uint8)).dtype
    dtype('float16')
    """
    if not callable(function):
        raise TypeError(f"function must be callable, got {function!r}")
    sides: tuple[int, int] | str = "whole"
    if halo is not None:
        sides = check.integers(halo, "halo", 0)
    name = str(getattr(function, "__name__", repr(function)))
    result = None if dtype is None else native(check.result_dtype(dtype))
    return Step(name, function, arguments, sides, result)


def step_of(function: Callable[..., Any]) -> Step:
    """Return the step of a function of this package, or of a partial of one."""
    positional: tuple[Any, ...] = ()
    keywords: dict[str, Any] = {}
    inner = function
    if isinstance(function, partial):
        inner, positional, keywords = function.func, function.args, dict(function.keywords)
    name = getattr(inner, "__name__", "")
    if STEPS.get(name) is inner:
        return named_step(name, *positional, **keywords)
    raise TypeError(
        f"{name or function!r} is no function of imgconv; "
        "imgconv.pipeline.step(function, halo=...) makes a step of any other"
    )
