"""Memory-safe calls of `scipy.ndimage`: the same results where SciPy leaves its arrays.

For some arguments the compiled code of SciPy reads or writes outside its arrays. The functions of
this module compute what SciPy should return there, by another call of SciPy that stays inside. The
arguments are:

- mode="reflect" with a window, of a filter that is not separable, that begins 4 times the axis or
  more ahead of its pixel: pixels are read at index -1;
- a median, percentile or rank of a signal that is no longer than the window: pixels beyond the
  border are read outside the signal;
- a median, percentile or rank of a signal into an `output` of another dtype or byte order: pixels
  of the signal's dtype are written into it;
- binary morphology with an origin that places the window after its pixel. SciPy does not check
  that; and `axes` that are not sorted make such an origin of a valid one;
- binary morphology with several iterations and a structuring element longer than the image, where
  only the last changes are visited: pixels beyond the image are written;
- a structuring element with fewer heights than its footprint has pixels, or with a footprint
  without pixels.

So images are extended before the call, outputs are converted after it, and windows are extended by
pixels that are not set. Other calls, and those that are not valid, go to SciPy as they came.
"""

import inspect
from collections.abc import Callable
from functools import lru_cache, partial, wraps
from typing import Any, NamedTuple, ParamSpec, TypeVar

import numpy as np
from scipy import ndimage

from imgconv.face_arguments import Image, array_of, each, integer
from imgconv.fallback import FallBack, binds, face, reason_of
from imgconv.ndimage.arguments import axes_of, dtype_of, flipped_origins
from imgconv.ndimage.docstrings import document

P = ParamSpec("P")
Result = TypeVar("Result")
Function = Callable[..., Any]
Arguments = dict[str, Any]

# NumPy's names of the border modes that repeat pixels of the image.
PADDED = {
    "reflect": "symmetric",
    "grid-mirror": "symmetric",
    "mirror": "reflect",
    "wrap": "wrap",
    "grid-wrap": "wrap",
}
# Signals of these dtypes SciPy ranks as they are; those of others it converts first.
RANKED_AS_IS = (np.dtype(np.int64), np.dtype(np.float32), np.dtype(np.float64))


def scipy_face(ours: Callable[P, Result]) -> Callable[P, Result]:
    """Make a function the face of its namesake in `scipy.ndimage`, with a full docstring."""
    original = getattr(ndimage, ours.__name__)
    document(ours, original)
    return face("scipy.ndimage", original, memory_safe(original))(ours)


@lru_cache(maxsize=64)
def memory_safe(original: Function) -> Function:
    """Return a function of `scipy.ndimage` that never leaves its arrays."""
    find_call = SAFE_CALLS.get(original.__name__)
    if find_call is None:
        return original
    signature = inspect.signature(original)

    @wraps(original)
    def safe(*args: Any, **options: Any) -> Any:
        call = None
        if binds(signature, args, options):
            try:
                call = find_call(original, signature.bind(*args, **options).arguments)
            except Exception as error:
                # Not valid, so SciPy raises its error; a fault of ours is raised or logged.
                reason_of(f"scipy.ndimage.{original.__name__}", error)
        return original(*args, **options) if call is None else call()

    return safe


class ImageWindow(NamedTuple):
    """The image of a call, and its window: the sizes over all axes, and which pixels are set."""

    image: Image
    sizes: tuple[int, ...]
    footprint: Image | None


def window_of(arguments: Arguments) -> ImageWindow:
    """Return the image and the window of a call."""
    image = input_of(arguments)
    axes = named_axes(arguments, image)
    footprint = None
    for name in ("weights", "footprint", "structure"):
        if arguments.get(name) is not None:
            footprint = array_of(arguments[name], name)
            break
    size = arguments.get("size") if footprint is None else footprint.shape
    sizes = [integer(k, "size") for k in each(size, len(axes), "size")]
    # A window's axes are in the image's order, whatever order the caller names axes in.
    along = dict(zip(sorted(axes), sizes, strict=True))
    return ImageWindow(image, tuple(along.get(axis, 1) for axis in range(image.ndim)), footprint)


def input_of(arguments: Arguments) -> Image:
    """Return the image that is filtered."""
    image = array_of(arguments["input"], "input")
    if image.ndim == 0:
        raise FallBack("no axes")
    return image


def named_axes(arguments: Arguments, image: Image) -> tuple[int, ...]:
    """Return the axes to filter along, in the caller's order."""
    axes = arguments.get("axes")
    return axes_of((axes,) if type(axes) is int and image.ndim == 1 else axes, image.ndim)


def checked_output(output: Any, image: Image) -> Any:
    """Return `output`, if a result of SciPy can be written into it or converted to it."""
    if isinstance(output, np.ndarray):
        if output.shape != image.shape or not output.flags.writeable:
            raise FallBack("output")
    elif output is not None:
        dtype = dtype_of(output)
        if isinstance(output, str) and not issubclass(dtype.type, np.number):
            raise FallBack("output")
    return output


def deliver(result: Image, output: Any) -> Image:
    """Return a result in the array that `output` is, or as an array of the dtype that it names."""
    if isinstance(output, np.ndarray):
        np.copyto(output, result, casting="unsafe")
        return output
    return np.array(result, None if output is None else np.dtype(output), order="C")


# ---- windows much larger than the image -------------------------------------------------------


def wide_window(original: Function, arguments: Arguments) -> Function | None:
    """Return the call on an extended image where the window is 4 times an axis or more."""
    window = window_of(arguments)
    if window.image.size > 1 and not any(window.image.strides):
        # SciPy derives the end of an image from its strides; with strides of 0 it treats pixels as
        # outside.
        checked_output(arguments.get("output"), window.image)
        arguments = arguments | {"input": window.image.copy()}
        return wide_window(original, arguments) or partial(original, **arguments)
    mode = arguments.get("mode", "reflect")
    if not isinstance(mode, str) or mode not in ("reflect", "grid-mirror"):
        return None
    far = [k > 4 * n > 4 for n, k in zip(window.image.shape, window.sizes, strict=True)]
    return on_extended_image(original, arguments, window, far) if any(far) else None


def on_extended_image(
    original: Function, arguments: Arguments, window: ImageWindow, far: list[bool]
) -> Function:
    """Return the call on an image that is extended by its window along the axes that are `far`."""
    image, output = window.image, checked_output(arguments.get("output"), window.image)
    widths = [k if is_far else 0 for k, is_far in zip(window.sizes, far, strict=True)]
    inner = tuple(slice(k, k + n) for k, n in zip(widths, image.shape, strict=True))
    dtype = output.dtype.newbyteorder("=") if isinstance(output, np.ndarray) else output
    border: Any = PADDED[arguments.get("mode", "reflect")]

    def call() -> Image:
        around = np.pad(image, [(k, k) for k in widths], border)
        return deliver(original(**arguments | {"input": around, "output": dtype})[inner], output)

    return call


def extremum(original: Function, arguments: Arguments) -> Function | None:
    """Return the call of a minimum, a maximum or grey morphology.

    It raises an error where pixels of the window, or their heights, are missing.
    """
    heights, pixels = arguments.get("structure"), arguments.get("footprint")
    pixels = None if pixels is None else array_of(pixels, "footprint")
    if heights is None and (pixels is None or pixels.all()):
        return None  # a rectangle, which SciPy filters axis by axis
    if heights is not None and pixels is not None:
        checked_output(arguments.get("output"), input_of(arguments))
        heights = array_of(heights, "structure")
        if heights.size < pixels.size:
            shapes = f"{heights.shape} and {pixels.shape}"
            return partial(refuse, f"structure must be as large as footprint, got {shapes}")
        if not pixels.any():
            return partial(refuse, "All-zero footprint is not supported.")
    return wide_window(original, arguments)


def refuse(text: str) -> None:
    """Raise an error where SciPy would read what is not there."""
    raise ValueError(text)


# ---- ranks of signals --------------------------------------------------------------------------


def rank(original: Function, arguments: Arguments) -> Function | None:
    """Return the call of a median, percentile or rank filter."""
    window = window_of(arguments)
    image, output, mode = window.image, arguments.get("output"), arguments.get("mode", "reflect")
    if image.ndim != 1 or not isinstance(mode, str):
        return wide_window(original, arguments)
    if image.size == 0 or (window.footprint is not None and not window.footprint.all()):
        # SciPy's filter of signals ignores gaps in a footprint; its filter of images does not.
        return on_one_row(original, arguments, window)
    native = image.astype(image.dtype.newbyteorder("="), copy=False)
    near = window.sizes[0] >= image.size and mode in PADDED
    fits = native.dtype not in RANKED_AS_IS or takes_pixels(output, native.dtype)
    if native is image and fits and not near:
        return None
    output, arguments = checked_output(output, image), arguments | {"input": native, "output": None}
    call: Function = partial(original, **arguments)
    if near:
        call = on_extended_image(original, arguments, window._replace(image=native), [True])
    return lambda: deliver(call(), output)


def takes_pixels(output: Any, dtype: np.dtype[Any]) -> bool:
    """Whether pixels of a dtype can be copied to the output byte by byte."""
    if isinstance(output, np.ndarray):
        return output.dtype == dtype and output.flags.carray
    return output is None or dtype_of(output) == dtype


def on_one_row(original: Function, arguments: Arguments, window: ImageWindow) -> Function:
    """Return the call of a signal on an image of one row."""
    image, output = window.image, checked_output(arguments.get("output"), window.image)
    (shift,) = each(arguments.get("origin", 0), 1, "origin")
    footprint = np.ones(window.sizes, bool) if window.footprint is None else window.footprint
    # SciPy filters signals of float16, but no images.
    dtype = np.float32 if image.dtype.char == "e" else image.dtype.newbyteorder("=")
    row = {name: value for name, value in arguments.items() if name not in ("size", "axes")}
    row |= {"input": image[None].astype(dtype), "footprint": footprint[None]}
    row |= {"origin": (0, shift), "output": None}
    call = wide_window(original, row) or partial(original, **row)
    result = image.dtype.newbyteorder("=") if output is None else output
    return lambda: deliver(call()[0], result)


# ---- binary morphology -------------------------------------------------------------------------


def binary(original: Function, arguments: Arguments) -> Function | None:
    """Return the call of a binary erosion or dilation.

    A window that begins after its pixel is extended to begin at it. Where the window is longer than
    the image, all pixels are visited in all iterations.
    """
    image = input_of(arguments)
    grows = original.__name__ == "binary_dilation"
    if grows:
        arguments = arguments | axes_as_tuple(arguments)
    element, origins = element_of(arguments, image, grows)
    places = [n // 2 + origin for n, origin in zip(element.shape, origins, strict=True)]
    # For places that are further off SciPy raises an IndexError.
    indexed = all(-n <= at < n for n, at in zip(element.shape, places, strict=True))
    if min(places) >= 0 or not indexed:
        large = any(k > n for k, n in zip(element.shape, image.shape, strict=True))
        return partial(original, **arguments | {"brute_force": True}) if large else None
    element = np.pad(element, [(max(-at, 0), 0) for at in places])
    origins = tuple(max(at, 0) - n // 2 for n, at in zip(element.shape, places, strict=True))
    if grows:
        element, origins = np.flip(element), flipped_origins(origins, element.shape)
    # Over all axes; older versions of SciPy have no argument that names some.
    others = {name: value for name, value in arguments.items() if name != "axes"}
    return partial(original, **others | {"structure": element, "origin": origins})


def axes_as_tuple(arguments: Arguments) -> Arguments:
    """Return a single axis as a tuple: only in a tuple SciPy accepts a negative axis."""
    axes = arguments.get("axes")
    return {"axes": (axes,)} if type(axes) is int else {}


def element_of(arguments: Arguments, image: Image, grows: bool) -> tuple[Image, tuple[int, ...]]:
    """Return the structuring element over all axes, flipped for a dilation, with its origins."""
    axes = named_axes(arguments, image)
    given = arguments.get("structure")
    if given is None:
        given = ndimage.generate_binary_structure(len(axes), 1)
    element = array_of(given, "structure", bool)
    shifts = each(arguments.get("origin", 0), len(axes), "origin")
    origins = tuple(integer(shift, "origin") for shift in shifts)
    if element.ndim != len(axes):
        raise FallBack("structure")
    if grows:
        element, origins = np.flip(element), flipped_origins(origins, element.shape)
    if len(axes) < image.ndim:
        along = dict(zip(axes, origins, strict=True))
        origins = tuple(along.get(axis, 0) for axis in range(image.ndim))
        element = np.expand_dims(element, [a for a in range(image.ndim) if a not in axes])
    return element, origins


# ---- filters that are made of two ---------------------------------------------------------------


def safe_filter(name: str) -> Function:
    """Return a memory-safe filter of `scipy.ndimage`."""
    return memory_safe(getattr(ndimage, name))


def one_after_other(first: str, second: str, arguments: Arguments) -> Image:
    """Return what the second filter makes of the result of the first."""
    if first.startswith("binary"):
        arguments = arguments | axes_as_tuple(arguments)
    inner = safe_filter(first)(**arguments | {"output": None})
    result: Image = safe_filter(second)(**arguments | {"input": inner})
    return result


def sequence(first: str, second: str) -> Function:
    """Return what finds the call of an opening or a closing, computed as in SciPy."""

    def find_call(original: Function, arguments: Arguments) -> Function:
        return lambda: one_after_other(first, second, arguments)

    return find_call


def gradient(original: Function, arguments: Arguments) -> Function:
    """Return the call of a morphological gradient, computed as in SciPy."""

    def call() -> Image:
        output = arguments.get("output")
        output = output if isinstance(output, np.ndarray) else None
        outer = safe_filter("grey_dilation")(**arguments | {"output": None})
        inner = safe_filter("grey_erosion")(**arguments | {"output": output})
        result: Image = np.subtract(outer, inner, output)
        return result

    return call


def tophat(first: str, second: str, white: bool) -> Function:
    """Return what finds the call of a top-hat, computed as in SciPy."""

    def find_call(original: Function, arguments: Arguments) -> Function:
        def call() -> Image:
            image = np.asarray(arguments["input"])
            found = one_after_other(first, second, arguments)
            high, low = (image, found) if white else (found, image)
            return subtract(high, low, found)

        return call

    return find_call


def subtract(high: Image, low: Image, out: Image) -> Image:
    """Subtract in the result's dtype; of bools return where they differ, as SciPy does."""
    bools = high.dtype == low.dtype == np.bool_
    result: Image = (np.bitwise_xor if bools else np.subtract)(high, low, out=out)
    return result


EROSION, DILATION = "grey_erosion", "grey_dilation"
# What finds the memory-safe call of a function and its arguments: None where SciPy's own is safe.
SAFE_CALLS: dict[str, Callable[[Function, Arguments], Function | None]] = {
    "correlate": wide_window,
    "convolve": wide_window,
    "generic_filter": wide_window,
    "minimum_filter": extremum,
    "maximum_filter": extremum,
    "median_filter": rank,
    "percentile_filter": rank,
    "rank_filter": rank,
    "grey_erosion": extremum,
    "grey_dilation": extremum,
    "grey_opening": sequence(EROSION, DILATION),
    "grey_closing": sequence(DILATION, EROSION),
    "morphological_gradient": gradient,
    "white_tophat": tophat(EROSION, DILATION, white=True),
    "black_tophat": tophat(DILATION, EROSION, white=False),
    "binary_erosion": binary,
    "binary_dilation": binary,
    "binary_opening": sequence("binary_erosion", "binary_dilation"),
    "binary_closing": sequence("binary_dilation", "binary_erosion"),
}
