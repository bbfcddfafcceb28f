"""The reference for `imgconv.ndimage`: `scipy.ndimage`, with safe calls where it leaves its arrays.

SciPy reads or writes outside its arrays for some windows, origins and outputs, and ignores the gaps
in the footprint of a signal. `imgconv/ndimage/memory_safe.py` lists these cases. The calls here are
other ones than there: a signal becomes an image of one row, an image is extended on all sides for
another border mode, and where a window does not contain its pixel, the image is shifted.
"""

import inspect
from functools import partial
from types import FunctionType

import numpy as np
import scipy
import scipy.ndimage

RANKS = ("median_filter", "percentile_filter", "rank_filter")
SUMS = ("correlate", "convolve")
DENSE = (*SUMS, "minimum_filter", "maximum_filter", "grey_erosion")
DENSE += ("grey_dilation", *RANKS)
BINARY = ("binary_erosion", "binary_dilation")
PARTS = ("grey_erosion", "grey_dilation", *BINARY)
COMPOUNDS = ("grey_opening", "grey_closing", "morphological_gradient", "white_tophat")
COMPOUNDS += ("black_tophat", "binary_opening", "binary_closing")
REFLECTED = ("reflect", "grid-mirror")
READ = ("reflect", "mirror", "wrap", "grid-mirror", "grid-wrap")
EXACT = 2**53
# SciPy 1.11 casts a negative cval to unsigned integers in several ways for one image, and C leaves
# open what comes of it; 1.17 has one way.
OLDEST = np.lib.NumpyVersion(scipy.__version__) < "1.12.0"


class AnyResult(Exception):  # noqa: N818 - no error
    """Any result is right: SciPy's own depends on the order in which it compares pixels."""


def __getattr__(name):
    """Return a function of `scipy.ndimage` that stays inside its arrays."""
    original = getattr(scipy.ndimage, name)
    if name in COMPOUNDS:
        # SciPy's own code, with memory-safe functions for the parts.
        code = getattr(scipy.ndimage._morphology, name)
        names = code.__globals__ | {part: __getattr__(part) for part in PARTS}
        return rebuilt(code, names)
    return partial(answer, name, original) if name in (*DENSE, *BINARY) else original


def rebuilt(function, names):
    """Return a function with other global names."""
    made = FunctionType(function.__code__, names, function.__name__, function.__defaults__)
    made.__kwdefaults__ = function.__kwdefaults__
    return made


def answer(name, original, *args, **options):
    """Return the result of one call."""
    try:
        given = inspect.signature(original).bind(*args, **options).arguments
        found = safe_call(name, original, given)
    except AnyResult:
        raise
    except Exception:
        found = None
    return original(*args, **options) if found is None else found()


def safe_call(name, original, given):
    """Return the safe call, None where SciPy's own is safe or refuses the arguments."""
    image, output = np.asarray(given["input"]), given.get("output")
    array = isinstance(output, np.ndarray)
    if OLDEST and name in RANKS and image.dtype.kind == "u" and given.get("cval", 0) < 0:
        raise AnyResult
    if array and output.shape != image.shape:
        return None
    if name in BINARY:
        return binary(name, original, given)
    if array and not output.flags.writeable:
        return None
    if isinstance(output, str) and not issubclass(np.dtype(output).type, np.number):
        return None
    if image.size > 1 and not any(image.strides):
        # With strides of 0 SciPy treats all pixels as outside.
        image = image.copy()
        given = given | {"input": image}
    heights, pixels = given.get("structure"), given.get("footprint")
    if heights is not None and pixels is not None and not np.any(pixels):
        return partial(refuse, "All-zero footprint is not supported.")
    sizes = np.shape(next((given[name] for name in ("weights", "footprint", "structure")
                           if given.get(name) is not None), None))  # fmt: skip
    sizes = sizes or tuple(np.atleast_1d(given.get("size", 1)))
    signal = image.ndim == len(sizes) == 1 and isinstance(given.get("mode", ""), str)
    if signal and name in RANKS and is_unsafe_signal(image, output, sizes[0], given):
        return partial(as_row, original, given, image)
    shortest = min((n for n in image.shape if n > 1), default=max(sizes))
    if given.get("mode", "reflect") in REFLECTED and max(sizes) > 4 * shortest:
        return partial(extended, original, given, image, int(max(sizes)))
    return partial(original, **given)


def refuse(text):
    """Raise an error where there is no right result."""
    raise ValueError(text)


# ---- ranks of signals --------------------------------------------------------------------------


def is_unsafe_signal(image, output, size, given):
    """Whether SciPy's filter of signals leaves its arrays, ignores gaps, or refuses byte orders."""
    gaps = given.get("footprint") is not None and not np.all(given["footprint"])
    near = given.get("mode", "reflect") in READ and size >= image.size
    dtype = dtype_of(output, image)
    contiguous = not isinstance(output, np.ndarray) or output.flags.carray
    written = image.dtype.char in "fd" or image.dtype.str[1:] == "i8"
    other = not (dtype == image.dtype and image.dtype.isnative and contiguous)
    foreign = image.dtype.kind == "f" and not image.dtype.isnative
    return gaps or near or (written and other) or foreign or dtype.char == "e"


def dtype_of(output, image):
    """Return the dtype of the result."""
    if isinstance(output, np.ndarray):
        return output.dtype
    return image.dtype if output is None else np.dtype(output)


def as_row(original, given, image):
    """Filter the signal as an image of one row."""
    output, footprint = given.get("output"), given.get("footprint")
    if "e" in (image.dtype.char, dtype_of(output, image).char):
        raise AnyResult  # SciPy refuses some of these calls
    if footprint is None:
        footprint = np.ones(int(np.ravel(given["size"])[0]), bool)
    footprint = np.asarray(footprint, bool)
    native = image.astype(image.dtype.newbyteorder("="))
    row = {**given, "input": native[None], "footprint": footprint[None]}
    row |= {"origin": (0, int(np.ravel(given.get("origin", 0))[0]))}
    for name in ("size", "axes", "output"):
        row.pop(name, None)
    if len(footprint) > 4 * image.size and given.get("mode", "reflect") in REFLECTED:
        result = extended(original, row, native[None], len(footprint))[0]
    else:
        result = original(**row)[0]
    doubles = np.append(native.astype(float), given.get("cval", 0))
    if np.isnan(doubles).any() or (native.dtype.kind in "iu" and abs(doubles).max() > EXACT):
        raise AnyResult
    return deliver(output, result, image)


def deliver(output, result, image):
    """Return a result in the caller's array, or with the caller's dtype."""
    if isinstance(output, np.ndarray):
        np.copyto(output, result, casting="unsafe")
        return output
    return result.astype(image.dtype.newbyteorder("=") if output is None else output)


# ---- windows much larger than the image --------------------------------------------------------


def extended(original, given, image, size):
    """Filter an image that is extended as far as its windows reach.

    Where SciPy compares with NaN, the order of pixels counts, and that is another.
    """
    if original.__name__ not in SUMS and image.dtype.kind == "f" and np.isnan(image).any():
        raise AnyResult
    output = given.get("output")
    dtype = output.dtype.newbyteorder("=") if isinstance(output, np.ndarray) else output
    around = np.pad(image, size, "symmetric")
    result = original(**given | {"input": around, "mode": "nearest", "output": dtype})
    result = result[tuple(slice(size, size + n) for n in image.shape)]
    return deliver(output, result, result)


# ---- binary morphology -------------------------------------------------------------------------


def binary(name, original, given):
    """Return the call of an erosion or dilation, step by step where the window is off its pixel."""
    image = np.asarray(given["input"])
    named = given.get("axes")
    negative = type(named) is int and named < 0 and image.ndim > 1
    chars = image.dtype.char + np.asarray(given.get("output")).dtype.char
    if set(chars) & set("eFDG") or (negative and name == "binary_erosion"):
        return None
    axes = [a % image.ndim for a in (range(image.ndim) if named is None else np.atleast_1d(named))]
    element = given.get("structure")
    if element is None:
        element = scipy.ndimage.generate_binary_structure(len(axes), 1)
    element = np.asarray(element, bool)
    origin = given.get("origin", 0)
    origins = [origin] * len(axes) if np.ndim(origin) == 0 else list(origin)
    if name == "binary_dilation":
        element = np.flip(element)
        origins = [-o - (n % 2 == 0) for o, n in zip(origins, element.shape, strict=True)]
    if len(axes) < image.ndim:
        origins = [dict(zip(axes, origins, strict=True)).get(a, 0) for a in range(image.ndim)]
        element = np.expand_dims(element, [a for a in range(image.ndim) if a not in axes])
    before = [n // 2 + o for n, o in zip(element.shape, origins, strict=True)]
    off = [max(-at, 0) for at in before]
    sizes = element.shape
    long = any(k > n for k, n in zip(sizes, image.shape, strict=True))
    inside = all(-n <= at < n for at, n in zip(before, sizes, strict=True))
    if not inside or not (any(off) or (long and given.get("iterations", 1) != 1)):
        return partial(original, **given)
    origins = [max(at, 0) - n // 2 for at, n in zip(before, element.shape, strict=True)]
    return partial(moved, name, given, image != 0, element, origins, off)


def moved(name, given, image, element, origins, off):
    """Erode, or dilate by eroding the background, by a window that begins `off` after its pixel."""
    outside, count = bool(given.get("border_value", 0)), given.get("iterations", 1)
    output = given.get("output")
    if isinstance(output, np.ndarray) and not output.flags.writeable:
        # SciPy copies an input that is not contiguous.
        flags = np.asarray(given["input"]).flags
        shared = flags.forc and np.may_share_memory(given["input"], output)
        refuse("assignment destination is read-only" if shared else "output array is read-only.")
    grows = name == "binary_dilation"
    found, steps = image ^ grows, 0
    while steps < count or count < 1:
        last, steps = found, steps + 1
        around = np.pad(found, [(0, shift) for shift in off], constant_values=outside ^ grows)
        around = around[tuple(slice(shift, None) for shift in off)]
        found = scipy.ndimage.binary_erosion(around, element, origin=origins,
                                             border_value=outside ^ grows)  # fmt: skip
        if count < 1 and (found == last).all():
            break
    return deliver(output if isinstance(output, np.ndarray) else bool, found ^ grows, image)
