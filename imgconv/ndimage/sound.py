"""SciPy's own functions, where they stay inside memory; else the same results in another way.

For some arguments the compiled code of `scipy.ndimage` reads or writes outside its arrays:

- a border mode="reflect" whose window begins 4 times the axis or more ahead of its pixel, in all
  that is not separable: index -1;
- a median, percentile or rank of a signal that is no longer than the window: what lies beyond the
  border is taken from outside; and of one whose `output` has another dtype or byte order: pixels
  of the input's are written into it;
- an origin of binary morphology that places the window after its pixel, which nothing checks, and
  which `axes` that are not sorted make of one that was valid;
- a structuring element of binary morphology that is longer than the image, if only what the last of
  several iterations has changed is looked at: pixels beyond the image are written;
- heights of a structuring element that are fewer than the pixels of its footprint, or a footprint
  without pixels beside them.

Images are extended before such a call, outputs converted after it, windows extended by pixels that
are not set. A call that is not valid goes to SciPy as it came, since the error is SciPy's.
"""

import inspect
from collections.abc import Callable
from functools import lru_cache, partial, wraps
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imgconv.fallback import HandOver, binds, face, reason_of
from imgconv.ndimage.call import array_of, axes_of, dtype_of, each, integer
from imgconv.ndimage.words import document

Image = NDArray[Any]
Function = Callable[..., Any]
Arguments = dict[str, Any]

# NumPy's names of borders, for those that are read from the image.
PADDED = {
    "reflect": "symmetric",
    "grid-mirror": "symmetric",
    "mirror": "reflect",
    "wrap": "wrap",
    "grid-wrap": "wrap",
}
# Pixels of these types SciPy's filter of signals writes as they are, those of others it converts.
WRITTEN = (np.dtype(np.int64), np.dtype(np.float32), np.dtype(np.float64))


def as_scipy(ours: Function) -> Function:
    """Make a function the face of its namesake in `scipy.ndimage`, documented like it."""
    original = getattr(ndimage, ours.__name__)
    document(ours, original)
    return face("scipy.ndimage", original, sound(original))(ours)


@lru_cache(maxsize=64)
def sound(original: Function) -> Function:
    """Return what answers the calls of a function of `scipy.ndimage` inside memory."""
    way = WAYS.get(original.__name__)
    if way is None:
        return original
    signature = inspect.signature(original)

    @wraps(original)
    def inside(*args: Any, **options: Any) -> Any:
        call = None
        if binds(signature, args, options):
            try:
                call = way(original, signature.bind(*args, **options).arguments)
            except Exception as error:
                reason_of(f"scipy.ndimage.{original.__name__}", error)
        return original(*args, **options) if call is None else call()

    return inside


class Window(NamedTuple):
    """A window over all axes of an image: its sizes, and which of its pixels are set."""

    image: Image
    sizes: tuple[int, ...]
    footprint: Image | None


def window_of(arguments: Arguments) -> Window:
    """Return the window that a call of SciPy looks through."""
    image = input_of(arguments)
    axes = axes_named(arguments, image)
    footprint = None
    for name in ("weights", "footprint", "structure"):
        if arguments.get(name) is not None:
            footprint = array_of(arguments[name], name)
            break
    size = arguments.get("size") if footprint is None else footprint.shape
    sizes = [integer(k, "size") for k in each(size, len(axes), "size")]
    # Whatever order a caller names axes in, those of a window are the image's.
    along = dict(zip(sorted(axes), sizes, strict=True))
    return Window(image, tuple(along.get(axis, 1) for axis in range(image.ndim)), footprint)


def input_of(arguments: Arguments) -> Image:
    """Return the image that is filtered."""
    image = array_of(arguments["input"], "input")
    if image.ndim == 0:
        raise HandOver("no axes")
    return image


def axes_named(arguments: Arguments, image: Image) -> tuple[int, ...]:
    """Return the axes to filter along, in the caller's order."""
    axes = arguments.get("axes")
    return axes_of((axes,) if type(axes) is int and image.ndim == 1 else axes, image.ndim)


def taken(output: Any, image: Image) -> Any:
    """Return `output`, if results of SciPy can be put into it or given its dtype."""
    if isinstance(output, np.ndarray):
        if output.shape != image.shape or not output.flags.writeable:
            raise HandOver("output")
    elif output is not None:
        dtype = dtype_of(output)
        if isinstance(output, str) and not issubclass(dtype.type, np.number):
            raise HandOver("output")
    return output


def filled(output: Any, result: Image) -> Image:
    """Return a result as `output` asks for it."""
    if isinstance(output, np.ndarray):
        np.copyto(output, result, casting="unsafe")
        return output
    return np.array(result, None if output is None else np.dtype(output), order="C")


# ---- windows much larger than the image -------------------------------------------------------


def wide(original: Function, arguments: Arguments) -> Function | None:
    """Return the call on an extended image where the window is 4 times an axis and more."""
    window = window_of(arguments)
    if window.image.size > 1 and not any(window.image.strides):
        # To SciPy most pixels of an image that is one pixel in memory lie outside.
        taken(arguments.get("output"), window.image)
        arguments = arguments | {"input": window.image.copy()}
        return wide(original, arguments) or partial(original, **arguments)
    mode = arguments.get("mode", "reflect")
    if not isinstance(mode, str) or mode not in ("reflect", "grid-mirror"):
        return None
    far = [k > 4 * n > 4 for n, k in zip(window.image.shape, window.sizes, strict=True)]
    return extended(original, arguments, window, far) if any(far) else None


def extended(original: Function, arguments: Arguments, window: Window, far: list[bool]) -> Function:
    """Return the call on an image that holds all that the windows of its pixels see."""
    image, output = window.image, taken(arguments.get("output"), window.image)
    widths = [k if wanted else 0 for k, wanted in zip(window.sizes, far, strict=True)]
    inner = tuple(slice(k, k + n) for k, n in zip(widths, image.shape, strict=True))
    dtype = output.dtype.newbyteorder("=") if isinstance(output, np.ndarray) else output
    border: Any = PADDED[arguments.get("mode", "reflect")]

    def call() -> Image:
        around = np.pad(image, [(k, k) for k in widths], border)
        return filled(output, original(**arguments | {"input": around, "output": dtype})[inner])

    return call


def extreme(original: Function, arguments: Arguments) -> Function | None:
    """Return the call of a minimum, a maximum or grey morphology.

    It is an error where pixels of the window, or their heights, are missing.
    """
    heights, pixels = arguments.get("structure"), arguments.get("footprint")
    pixels = None if pixels is None else array_of(pixels, "footprint")
    if heights is None and (pixels is None or pixels.all()):
        return None  # by lines
    if heights is not None and pixels is not None:
        taken(arguments.get("output"), input_of(arguments))
        heights = array_of(heights, "structure")
        if heights.size < pixels.size:
            shapes = f"{heights.shape} and {pixels.shape}"
            return partial(refuse, f"structure must be as large as footprint, got {shapes}")
        if not pixels.any():
            return partial(refuse, "All-zero footprint is not supported.")
    return wide(original, arguments)


def refuse(text: str) -> None:
    """Raise an error where SciPy would look at what is not there."""
    raise ValueError(text)


# ---- ranks of signals --------------------------------------------------------------------------


def ranked(original: Function, arguments: Arguments) -> Function | None:
    """Return the call of a rank filter."""
    window = window_of(arguments)
    image, output, mode = window.image, arguments.get("output"), arguments.get("mode", "reflect")
    if image.ndim != 1 or not isinstance(mode, str):
        return wide(original, arguments)
    if image.size == 0 or (window.footprint is not None and not window.footprint.all()):
        # SciPy's filter of signals leaves gaps away; its filter of images does not.
        return as_row(original, arguments, window)
    native = image.astype(image.dtype.newbyteorder("="), copy=False)
    near = window.sizes[0] >= image.size and mode in PADDED
    plain = native.dtype not in WRITTEN or written(output, native.dtype)
    if native is image and plain and not near:
        return None
    output, arguments = taken(output, image), arguments | {"input": native, "output": None}
    call: Function = partial(original, **arguments)
    if near:
        call = extended(original, arguments, window._replace(image=native), [True])
    return lambda: filled(output, call())


def written(output: Any, dtype: np.dtype) -> bool:
    """Whether pixels of a dtype can be written as they are."""
    if isinstance(output, np.ndarray):
        return output.dtype == dtype and output.flags.carray
    return output is None or dtype_of(output) == dtype


def as_row(original: Function, arguments: Arguments, window: Window) -> Function:
    """Return the call of a signal on an image of one row."""
    image, output = window.image, taken(arguments.get("output"), window.image)
    (shift,) = each(arguments.get("origin", 0), 1, "origin")
    footprint = np.ones(window.sizes, bool) if window.footprint is None else window.footprint
    # float16 is known to SciPy's filter of signals alone.
    known = np.float32 if image.dtype.char == "e" else image.dtype.newbyteorder("=")
    row = {name: value for name, value in arguments.items() if name not in ("size", "axes")}
    row |= {"input": image[None].astype(known), "footprint": footprint[None]}
    row |= {"origin": (0, shift), "output": None}
    call = wide(original, row) or partial(original, **row)
    dtype = image.dtype.newbyteorder("=") if output is None else output
    return lambda: filled(dtype, call()[0])


# ---- binary morphology -------------------------------------------------------------------------


def eroded(original: Function, arguments: Arguments) -> Function | None:
    """Return the call of binary morphology, the window extended if it begins after its pixel.

    Where it is longer than the image, all pixels are looked at in all iterations.
    """
    image = input_of(arguments)
    grows = original.__name__ == "binary_dilation"
    if grows:
        arguments = arguments | with_tuple(arguments)
    element, origins = element_of(arguments, image, grows)
    places = [n // 2 + origin for n, origin in zip(element.shape, origins, strict=True)]
    # Places that lie further off are SciPy's IndexError.
    indexed = all(-n <= at < n for n, at in zip(element.shape, places, strict=True))
    if min(places) >= 0 or not indexed:
        large = any(k > n for k, n in zip(element.shape, image.shape, strict=True))
        return partial(original, **arguments | {"brute_force": True}) if large else None
    element = np.pad(element, [(max(-at, 0), 0) for at in places])
    origins = [max(at, 0) - n // 2 for n, at in zip(element.shape, places, strict=True)]
    if grows:
        element, origins = turned(element, origins)
    changed = {"structure": element, "origin": origins, "axes": tuple(range(image.ndim))}
    return partial(original, **arguments | changed)


def with_tuple(arguments: Arguments) -> Arguments:
    """Return a single axis as a tuple, in which SciPy takes a negative one, too."""
    axes = arguments.get("axes")
    return {"axes": (axes,)} if type(axes) is int else {}


def element_of(arguments: Arguments, image: Image, grows: bool) -> tuple[Image, list[int]]:
    """Return a structuring element over all axes, as SciPy erodes by it, with its origins."""
    axes = axes_named(arguments, image)
    element = arguments.get("structure")
    if element is None:
        element = ndimage.generate_binary_structure(len(axes), 1)
    element = array_of(element, "structure", bool)
    origins = [integer(o, "origin") for o in each(arguments.get("origin", 0), len(axes), "origin")]
    if element.ndim != len(axes):
        raise HandOver("structure")
    if grows:
        element, origins = turned(element, origins)
    if len(axes) < image.ndim:
        along = dict(zip(axes, origins, strict=True))
        origins = [along.get(axis, 0) for axis in range(image.ndim)]
        element = np.expand_dims(element, [a for a in range(image.ndim) if a not in axes])
    return element, origins


def turned(element: Image, origins: list[int]) -> tuple[Image, list[int]]:
    """Return a window turned by 180 degrees, with its origins."""
    flipped = element[(slice(None, None, -1),) * element.ndim]
    return flipped, [-o - (n % 2 == 0) for o, n in zip(origins, element.shape, strict=True)]


# ---- what is made of two ------------------------------------------------------------------------


def followed(first: str, second: str) -> Function:
    """Return the way of a function that is one filter after another, as SciPy has it."""

    def way(original: Function, arguments: Arguments) -> Function:
        return lambda: both(first, second, arguments)

    return way


def both(first: str, second: str, arguments: Arguments) -> Image:
    """Return the result of one filter, and then of another."""
    if first.startswith("binary"):
        arguments = arguments | with_tuple(arguments)
    inner = part(first)(**arguments | {"output": None})
    return part(second)(**arguments | {"input": inner})


def part(name: str) -> Function:
    """Return a filter that stays inside memory."""
    return sound(getattr(ndimage, name))


def gradient(original: Function, arguments: Arguments) -> Function:
    """Return the way of a morphological gradient, as SciPy has it."""

    def call() -> Image:
        output = arguments.get("output")
        output = output if isinstance(output, np.ndarray) else None
        outer = part("grey_dilation")(**arguments | {"output": None})
        inner = part("grey_erosion")(**arguments | {"output": output})
        return np.subtract(outer, inner, output)

    return call


def tophat(first: str, second: str, white: bool) -> Function:
    """Return the way of a top-hat, as SciPy has it."""

    def way(original: Function, arguments: Arguments) -> Function:
        def call() -> Image:
            image = np.asarray(arguments["input"])
            found = both(first, second, arguments)
            high, low = (image, found) if white else (found, image)
            bools = high.dtype == low.dtype == np.bool_
            return (np.bitwise_xor if bools else np.subtract)(high, low, out=found)

        return call

    return way


EROSION, DILATION = "grey_erosion", "grey_dilation"
WAYS: dict[str, Function] = {
    "correlate": wide,
    "convolve": wide,
    "generic_filter": wide,
    "minimum_filter": extreme,
    "maximum_filter": extreme,
    "median_filter": ranked,
    "percentile_filter": ranked,
    "rank_filter": ranked,
    "grey_erosion": extreme,
    "grey_dilation": extreme,
    "grey_opening": followed(EROSION, DILATION),
    "grey_closing": followed(DILATION, EROSION),
    "morphological_gradient": gradient,
    "white_tophat": tophat(EROSION, DILATION, white=True),
    "black_tophat": tophat(DILATION, EROSION, white=False),
    "binary_erosion": eroded,
    "binary_dilation": eroded,
    "binary_opening": followed("binary_erosion", "binary_dilation"),
    "binary_closing": followed("binary_dilation", "binary_erosion"),
}
