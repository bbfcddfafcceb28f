"""Checks of the arguments of filters, one function for each kind.

A message names the argument, the rule and the value. `value_error` and `type_error` make all errors
of filters, kernels and `geometry`. They mark them as refusals, so that faces can distinguish them
from faults of the program.
"""

import operator
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from imgconv.core.border import IGNORE, MODES, SYNONYMS
from imgconv.core.pixels import is_pixel_type, native

Refusal = TypeVar("Refusal", bound=Exception)
Decomposed = TypeVar("Decomposed")
Option = TypeVar("Option", bound=str)

# Of sizes, strides and dilations: products of two of them fit in 64 bits.
LARGEST = (1 << 31) - 1
# Bytes of the rows under a window for one thread: a Gaussian of sigma 1400 in float32.
MAX_SCRATCH = 1 << 30
# Weights whose products with pixels of float32 are ordinary numbers.
MODERATE = 2.0**-32, 2.0**64
KNOWN = "bool, integer or float of at most 64 bits"


def value_error(text: str) -> ValueError:
    """Return the error of an argument with a wrong value."""
    return refusal(ValueError(text))


def type_error(text: str) -> TypeError:
    """Return the error of an argument of a wrong type."""
    return refusal(TypeError(text))


def refusal(error: Refusal) -> Refusal:
    """Mark an error as one about a wrong argument, and return it."""
    vars(error)["is_refusal"] = True
    return error


def is_refusal(error: Exception) -> bool:
    """Whether an error is about a wrong argument."""
    return "is_refusal" in vars(error)


def image(image: ArrayLike, name: str = "image") -> NDArray[Any]:
    """Return an image as an array of a dtype that the filters take."""
    if isinstance(image, np.ma.MaskedArray):
        raise type_error(f"{name} must not be a masked array")
    array = np.asarray(image)
    image_dtype(array.dtype, name)
    return array


def image_dtype(dtype: np.dtype[Any], name: str = "image") -> None:
    """Check that the filters take images of a dtype."""
    if not is_pixel_type(dtype):
        raise type_error(f"{name} must have a real dtype ({KNOWN}), got {dtype}")


def result_dtype(dtype: DTypeLike, name: str = "dtype") -> np.dtype[Any]:
    """Return the requested dtype of a result."""
    try:
        requested = np.dtype(dtype)
    except TypeError:
        raise type_error(f"{name} must be a real dtype ({KNOWN}), got {dtype!r}") from None
    if not is_pixel_type(requested):
        raise type_error(f"{name} must be a real dtype ({KNOWN}), got {requested}")
    return requested


def outs(
    outs: tuple[Any, ...], results: int
) -> tuple[tuple[int, ...], tuple[int, ...], np.dtype[Any]]:
    """Return shape, strides and dtype of the arrays to fill."""
    if len(outs) != results:
        rule = "one array" if results == 1 else f"{results} arrays"
        raise value_error(f"out must be {rule}, got {len(outs)}")
    for each in outs:
        if not isinstance(each, np.ndarray) or isinstance(each, np.ma.MaskedArray):
            raise type_error(f"out must be a numpy array, got {type(each).__name__}")
        result_dtype(each.dtype, "out.dtype")
        if not each.flags.writeable:
            raise value_error("out must be writeable, got a read-only array")
    first = outs[0]
    for each in outs[1:]:
        if (each.shape, each.strides, each.dtype) != (first.shape, first.strides, first.dtype):
            raise value_error("out must be arrays of the same shape, strides and dtype")
        if np.may_share_memory(first, each):
            raise value_error("out must be arrays that do not overlap")
    return first.shape, first.strides, first.dtype


def out_fits(
    out: tuple[int, ...], out_dtype: np.dtype[Any], shape: tuple[int, ...], dtype: DTypeLike | None
) -> None:
    """Check that an array to fill has the shape of the result and the requested dtype, if any."""
    if out != shape:
        raise value_error(f"out must have shape {shape}, got {out}")
    if dtype is not None and result_dtype(dtype) != native(out_dtype):
        raise value_error(f"dtype and out.dtype must agree, got {dtype} and {out_dtype}")


def mask_target(shape: tuple[int, ...], dtype: DTypeLike | None, out: Any) -> np.dtype[Any]:
    """Return the dtype of a mask: that of `out`, the requested one, or bool."""
    if out is None:
        return np.dtype(np.bool_) if dtype is None else native(result_dtype(dtype))
    out_shape, _, out_dtype = outs((out,), 1)
    out_fits(out_shape, out_dtype, shape, dtype)
    return out_dtype


class Layout(NamedTuple):
    """The axes of an image: y, x, the one that holds channels (or None), and all others."""

    y: int
    x: int
    channel: int | None
    stack: tuple[int, ...]


def axis_numbers(axes: Any, channel_axis: Any) -> tuple[tuple[int, int] | None, int | None]:
    """Return the axis arguments as integers, so that equal calls have equal plans."""
    channel = None if channel_axis is None else integer(channel_axis, "channel_axis")
    if axes is None:
        return None, channel
    if type(axes) is tuple:
        pair = axes
    else:
        # An iterator can be read only once.
        pair = tuple(axes) if isinstance(axes, Iterable) and not isinstance(axes, str) else ()
    if len(pair) != 2:
        raise value_error(f"axes must be two axes (y, x), got {axes!r}")
    return (integer(pair[0], "axes"), integer(pair[1], "axes")), channel


def layout(ndim: int, axes: Any, channel_axis: Any) -> Layout:
    """Return the layout of an image with these axis arguments."""
    axes, channel_axis = axis_numbers(axes, channel_axis)
    channel = None if channel_axis is None else _axis(channel_axis, ndim, "channel_axis")
    if axes is not None:
        y, x = (_axis(axis, ndim, "axes") for axis in axes)
        if y == x or channel in {y, x}:
            given = f"axes={axes!r}, channel_axis={channel_axis!r}"
            raise value_error(f"axes and channel_axis must differ, got {given}")
    else:
        images = [axis for axis in range(ndim) if axis != channel]
        if len(images) != 2:
            raise value_error(
                f"image must be 2-D, got {ndim} axes; channel_axis names an axis to filter "
                "channel by channel, axes=(y, x) the image axes of a stack"
            )
        y, x = images
    stack = tuple(axis for axis in range(ndim) if axis not in {y, x, channel})
    return Layout(y, x, channel, stack)


def weights(
    weights: ArrayLike, shape: tuple[int, ...], layout: Layout, mode: Any = None
) -> NDArray[Any]:
    """Return a view of the weights of pixels, of the shape of the image.

    Those of a mean are scaled where products of pixels and very large or very small weights would
    overflow or vanish; its `mode` says whether that is beside the weight 1 of the outside.
    """
    array = image(weights, "weights")
    size = shape[layout.y], shape[layout.x]
    if array.shape not in {shape, size}:
        allowed = " or ".join(map(str, dict.fromkeys((size, shape))))
        raise value_error(f"weights must have shape {allowed}, got {array.shape}")
    if array.dtype.kind not in "bu" and array.size:
        low, high = array.min(), array.max()
        if not (low >= 0 and high < np.inf):
            wrong = high if low >= 0 else low
            raise value_error(f"weights must be finite and not negative, got {wrong}")
        if mode is not None and high and not MODERATE[0] <= high <= MODERATE[1]:
            if "constant" in modes(mode, ignores=True):
                raise value_error(
                    "the largest of weights must be between 2**-32 and 2**64 beside the 1 outside "
                    f"of mode='constant', got {high}"
                )
            array = np.ldexp(array.astype(np.float64), -int(np.frexp(high)[1]))
    if array.shape == shape:
        return array
    view = array if layout.y < layout.x else array.T
    others = tuple(axis for axis in range(len(shape)) if axis not in {layout.y, layout.x})
    return np.broadcast_to(np.expand_dims(view, others), shape)


def weights_of_colours(given: ArrayLike, shape: tuple[int, ...], layout: Layout) -> NDArray[Any]:
    """Return a view of weights, of the shape of the image: one for all channels of a pixel."""
    array = image(given, "weights")
    if layout.channel is None:
        return weights(array, shape, layout)
    stack = tuple(n for axis, n in enumerate(shape) if axis != layout.channel)
    if len(stack) > 2 and array.shape == stack:
        array = np.broadcast_to(np.expand_dims(array, layout.channel), shape)
    elif array.shape == shape:
        raise value_error(
            f"weights must have one number for all channels of a pixel, so the shape {stack}, got "
            f"{array.shape}"
        )
    return weights(array, shape, layout)


def not_weighed(weighed: bool, method: str) -> None:
    """Check that pixels count alike, for a method that cannot weigh them."""
    if weighed:
        raise value_error(
            f"method must be one that weighs pixels where weights, nan='omit' or mode='ignore' "
            f"do, got {method!r}"
        )


def averaging(kernels: Sequence[NDArray[np.float64]], normalize: bool) -> None:
    """Check that kernels can be those of a mean: not negative, and with a sum."""
    for each in kernels if normalize else ():
        low, total = each.min(), each.sum()
        if not (low >= 0 and 0 < total < np.inf):
            wrong = f"a weight of {low}" if not low >= 0 else f"a sum of {total}"
            raise value_error(
                "kernel must have no negative weight and a positive sum with normalize=True, "
                f"got {wrong}"
            )


def weighs(weighed: str, image: ArrayLike, mode: Any, nan: Any, weights: Any) -> bool:
    """Whether the pixels of an image do not count alike; only averages and orders can do that."""
    dtype = image.dtype if isinstance(image, np.ndarray) else np.asarray(image).dtype
    return weighed_as(weighed, dtype, modes(mode, ignores=bool(weighed)), nan, weights)


def weighed_as(
    weighed: str, dtype: np.dtype[Any], mode: tuple[str, str], nan: Any, weights: Any
) -> bool:
    """`weighs` for an image of a dtype and checked modes."""
    choice(nan, ("spread", "omit"), "nan")
    rule = "where a filter does not average or order pixels by this method"
    if not weighed and weights is not None:
        raise value_error(f"weights must be None {rule}, got an array")
    if not weighed and nan == "omit":
        raise value_error(f"nan must be 'spread' {rule}, got 'omit'")
    return weights is not None or IGNORE in mode or (nan == "omit" and dtype.kind == "f")


def without_channel(layout: Layout) -> tuple[int, int]:
    """Return y and x in an array without the channel axis."""
    y, x = (
        axis - (layout.channel is not None and layout.channel < axis)
        for axis in (layout.y, layout.x)
    )
    return y, x


def by_channel(image: NDArray[Any], layout: Layout) -> NDArray[Any]:
    """Return a view of an image with its channels on the last axis, which is new if it has none."""
    return image[..., None] if layout.channel is None else np.moveaxis(image, layout.channel, -1)


def guide(
    guide: ArrayLike, shape: tuple[int, ...], layout: Layout, channel_axis: Any
) -> NDArray[Any]:
    """Return a view of a guide: the image's axes without its channels, then those of the guide."""
    array = image(guide, "guide")
    channel: int | None
    if channel_axis is not None:
        channel = _axis(
            integer(channel_axis, "guide_channel_axis"), array.ndim, "guide_channel_axis"
        )
    else:
        channel = layout.channel if array.ndim == len(shape) else None
    view = by_channel(array, layout._replace(channel=channel))
    size = tuple(n for axis, n in enumerate(shape) if axis != layout.channel)
    if view.shape[:-1] != size:
        raise value_error(f"guide must have the image's size {size}, got shape {array.shape}")
    return view


def broadcast_guide(guide: NDArray[Any], shape: tuple[int, ...], layout: Layout) -> NDArray[Any]:
    """Return a guide that has a plane for every plane of the image."""
    channels = 1 if layout.channel is None else shape[layout.channel]
    if guide.shape[-1] not in {1, channels}:
        rule = "one channel" if channels == 1 else f"one channel or {channels}"
        raise value_error(f"guide must have {rule}, got {guide.shape[-1]}")
    if layout.channel is None:
        return guide[..., 0]
    return np.broadcast_to(np.moveaxis(guide, -1, layout.channel), shape)


def _axis(axis: int, ndim: int, name: str) -> int:
    if not -ndim <= axis < ndim:
        raise value_error(f"{name} must lie in an image of {ndim} axes, got {axis}")
    return axis % ndim


def modes(mode: Any, name: str = "mode", ignores: bool = False) -> tuple[str, str]:
    """Return the border modes along y and along x; some filters leave out what is outside."""
    known = (*MODES, IGNORE) if ignores else MODES
    pair = (mode, mode) if isinstance(mode, str) else mode
    if not isinstance(pair, Sequence) or len(pair) != 2:
        raise value_error(f"{name} must be one mode or a pair (y, x), got {mode!r}")
    y, x = (SYNONYMS.get(one, one) if isinstance(one, str) else one for one in pair)
    for one in (y, x):
        if one not in known:
            raise value_error(f"{name} must be one of {', '.join(known)}, got {one!r}")
    return y, x


def integer(value: Any, name: str) -> int:
    """Return an integer argument."""
    # Most are plain integers; the checks of types below take most of the time of a small call.
    if type(value) is int:
        return value
    if not hasattr(value, "__index__") or isinstance(value, (bool, np.bool_)):
        raise type_error(f"{name} must be an integer, got {value!r}")
    return operator.index(value)


def number(value: Any, name: str) -> float:
    """Return a real argument."""
    try:
        if isinstance(value, (str, bytes)) or np.iscomplexobj(value):
            raise TypeError
        return float(value)
    except (TypeError, ValueError):
        raise type_error(f"{name} must be a number, got {value!r}") from None
    except OverflowError:
        raise value_error(f"{name} must be a float, got a larger integer than any") from None


def pair(value: Any, name: str) -> tuple[Any, Any]:
    """Return an argument that is one value for both axes, or a pair (y, x)."""
    if type(value) is int:
        return value, value
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, (str, bytes)) or not isinstance(value, Sequence):
        return value, value
    if len(value) != 2:
        raise value_error(f"{name} must be one value or a pair (y, x), got {value!r}")
    return value[0], value[1]


def integers(value: Any, name: str, minimum: int) -> tuple[int, int]:
    """Return one integer or a pair (y, x) of integers, none below `minimum`."""
    y, x = (integer(one, name) for one in pair(value, name))
    within(min(y, x), max(y, x), name, minimum, value, "positive" if minimum == 1 else "")
    return y, x


def paddings(value: Any, name: str) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return (before, after) along y and along x, from one number, a pair or two pairs."""
    y, x = (integers(one, name, 0) for one in pair(value, name))
    return y, x


def padding_fits(padding: tuple[int, int], span: int) -> None:
    """Check that no window has more than half of its span in the padding."""
    if max(padding) > span // 2:
        raise value_error(f"padding must be at most half the window, {span // 2}, got {padding}")


def window_fits(span: int, padded: int, fits: bool) -> None:
    """Check that a window of `span` pixels fits into an axis of `padded` pixels."""
    if not fits:
        raise value_error(f"size must fit into the padded image, got {span} pixels for {padded}")


def weights_fit(count: float, name: str, value: Any, maximum: int) -> None:
    """Check that a kernel which is made from a scale or a size is not too large."""
    if not count <= maximum:
        rule = f"give a kernel of at most {maximum} weights"
        raise value_error(f"{name} must {rule}, got {value!r}: {min(count, 1e300):.3g} weights")


def window_fits_memory(span: tuple[int, int], nbytes: int) -> None:
    """Check that a thread can hold the rows under a window."""
    if nbytes > MAX_SCRATCH:
        rule = f"need at most {MAX_SCRATCH >> 20} MiB of scratch for each thread"
        given = f"{span[0]} x {span[1]} pixels, which need {nbytes >> 20} MiB"
        raise value_error(f"window must {rule}, got {given}")


def at_least(value: Any, name: str, minimum: int) -> int:
    """Return an integer that is not below `minimum`."""
    checked = integer(value, name)
    within(checked, checked, name, minimum, value)
    return checked


def within(low: int, high: int, name: str, minimum: int, value: Any, rule: str = "") -> None:
    """Check that integers from low to high are not below `minimum`, nor too large to multiply."""
    if low < minimum:
        rule = rule or f"at least {minimum}"
        raise value_error(f"{name} must be {rule}, got {value!r}")
    if high > LARGEST:
        raise value_error(f"{name} must be at most {LARGEST}, got {value!r}")


def odd_integer(value: Any, name: str) -> int:
    """Return a positive odd integer."""
    checked = integer(value, name)
    if checked < 1 or checked % 2 == 0:
        raise value_error(f"{name} must be positive and odd, got {value!r}")
    return checked


def scales(value: Any, name: str) -> tuple[float, float]:
    """Return one standard deviation or a pair (y, x), finite and not negative."""
    y, x = (number(one, name) for one in pair(value, name))
    if not (0 <= y < np.inf and 0 <= x < np.inf):
        raise value_error(f"{name} must be finite and not negative, got {value!r}")
    return y, x


def thresholds(low: Any, high: Any, quantiles: Any, dtype: np.dtype[Any]) -> tuple[Any, Any]:
    """Return the thresholds of Canny's edges; for integers, relative to the largest of the type."""
    largest = int(np.iinfo(dtype).max) if dtype.kind in "iu" else 1
    found = []
    for value, default, name in ((low, 0.1, "low_threshold"), (high, 0.2, "high_threshold")):
        if value is None:
            found.append(default)
            continue
        finite(value, name)
        if quantiles and not 0 <= value <= 1:
            raise value_error(f"{name} must be a quantile from 0 to 1, got {value!r}")
        found.append(value if quantiles else value / largest)
    if found[1] < found[0]:
        raise value_error(f"low_threshold must not be above high_threshold, got {low!r}, {high!r}")
    return found[0], found[1]


def mask(
    mask: ArrayLike, shape: tuple[int, ...], size: tuple[int, ...], axes: tuple[int, int]
) -> NDArray[np.bool_]:
    """Return a mask with the image axes last, one for each image of a stack."""
    array = np.asarray(mask, np.bool_)
    if array.shape == shape:
        return np.moveaxis(array, axes, (-2, -1))
    if array.shape != size:
        allowed = size if shape == size else f"{size} or {shape}"
        raise value_error(f"mask must have shape {allowed}, got {array.shape}")
    rest = tuple(n for axis, n in enumerate(shape) if axis not in axes)
    return np.broadcast_to(array, rest + size)


def positive(value: Any, name: str) -> float:
    """Return a finite number above zero."""
    checked = number(value, name)
    if not 0 < checked < np.inf:
        raise value_error(f"{name} must be positive and finite, got {value!r}")
    return checked


def finite(value: Any, name: str) -> float:
    """Return a finite number."""
    checked = number(value, name)
    if not np.isfinite(checked):
        raise value_error(f"{name} must be finite, got {value!r}")
    return checked


def ordered(low: float, high: float) -> None:
    """Check that two bounds are in order."""
    if not low <= high:
        raise value_error(f"low must not be above high, got {low!r} and {high!r}")


def choice(value: Any, options: Sequence[Option], name: str) -> Option:
    """Return one of some strings."""
    if value not in options:
        raise value_error(f"{name} must be one of {', '.join(options)}, got {value!r}")
    return options[options.index(value)]


def resampled(order: tuple[int, int], truncate: Any, radius: Any) -> None:
    """Check that a Gaussian can be computed by resampling."""
    if order != (0, 0) or truncate != 4 or radius is not None:
        rule = "order 0, truncate 4 and no radius"
        given = f"order {order}, truncate {truncate} and radius {radius}"
        raise value_error(f"method 'resample' needs {rule}, got {given}")


def few_terms(sums: Decomposed | None, kernel: NDArray[np.float64], maximum: int) -> Decomposed:
    """Return what a kernel was decomposed into; at most `maximum` outer products are allowed."""
    if sums is None:
        rank = np.linalg.matrix_rank(kernel)
        rule = f"of rank {maximum} or less for method='separable'"
        raise value_error(f"kernel must be {rule}, got {kernel.shape} of rank {rank}")
    return sums


def dilation_fits(dilation: tuple[int, int], method: str) -> None:
    """Check that there is no dilation for the method that has none."""
    if method == "separable" and dilation != (1, 1):
        raise value_error(f"dilation must be 1 for method='separable', got {dilation}")


def finite_kernel(kernel: NDArray[np.float64], method: str) -> None:
    """Check that a kernel is finite, for the methods that need that."""
    if method in {"separable", "fft"} and not np.isfinite(kernel).all():
        found = kernel[~np.isfinite(kernel)][0]
        raise value_error(f"kernel must be finite for method={method!r}, got {found}")


def kernel(kernel: ArrayLike, ndim: int, name: str = "kernel") -> NDArray[np.float64]:
    """Return a real kernel of `ndim` axes, with at least one element, as float64."""
    array = np.asarray(kernel)
    if array.dtype.kind not in "biuf":
        raise type_error(f"{name} must be real numbers, got dtype {array.dtype}")
    if array.ndim != ndim:
        raise value_error(f"{name} must be {ndim}-D, got {array.ndim}-D of shape {array.shape}")
    if array.size == 0:
        raise value_error(f"{name} must have an element, got shape {array.shape}")
    return np.ascontiguousarray(array, dtype=np.float64)


def footprint(footprint: ArrayLike, name: str = "footprint") -> NDArray[np.bool_]:
    """Return a footprint as a 2-D bool array with at least one pixel."""
    array = np.asarray(footprint)
    if array.dtype.kind not in "biuf":
        raise type_error(f"{name} must be bool or numbers, got dtype {array.dtype}")
    if array.ndim != 2:
        raise value_error(f"{name} must be 2-D, got {array.ndim}-D of shape {array.shape}")
    if not array.any():
        raise value_error(f"{name} must have a pixel, got none in shape {array.shape}")
    return np.ascontiguousarray(array != 0)


def percentiles(value: Any, name: str = "percentiles") -> tuple[float, ...]:
    """Return one percentile or a sequence of them as a tuple of floats from 0 to 100."""
    many = isinstance(value, (Sequence, np.ndarray)) and not isinstance(value, (str, bytes))
    found = tuple(number(one, name) for one in (np.atleast_1d(value) if many else (value,)))
    if not found or not all(0 <= one <= 100 for one in found):
        raise value_error(f"{name} must be between 0 and 100, got {value!r}")
    return found


def rank(value: Any, count: int, name: str = "rank") -> int:
    """Return the rank of a pixel among `count`; negative ranks count from the largest pixel."""
    place = integer(value, name)
    if not -count <= place < count:
        raise value_error(f"{name} must be one of the window's {count} pixels, got {place}")
    return place % count
