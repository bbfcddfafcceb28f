"""A call of a face beside the same call of the original.

Both sides get copies of all arrays, in the same layout. Results, and arrays to fill, must have the
same dtype and be equal to the bit (but for the sign of zeros and the payload of NaN); or both must
raise the same error with the same text. An argument that a face refuses its original must refuse,
too. Where SciPy leaves its arrays, the face is compared with `memory_safe_scipy`.
"""

import warnings
from collections.abc import Callable
from importlib import import_module
from types import SimpleNamespace
from typing import Any, NamedTuple

import memory_safe_scipy
import numpy as np
import scipy.ndimage

from imgconv.fallback import FACES, FaceError, reason_of

# A face that is imported adds its functions to FACES.
for face in ("ndimage", "signal", *(f"skimage.{part}" for part in
             ("exposure", "feature", "filters", "measure", "restoration"))):  # fmt: skip
    import_module(f"imgconv.{face}")

# The functions of scikit-image that have a face, by their full names.
SKIMAGE = [name for name in FACES if name.startswith("skimage.")]
# Functions that are equal to the bit; for other floats the tolerance is a share of the largest sum.
EXACT = {"median", "minimum", "maximum", "gradient", "mean", "canny", "apply_hysteresis_threshold"}
RANKS = {name.rpartition(".")[2] for name in SKIMAGE if ".rank." in name}
EXACT |= RANKS - {"entropy"} | {"equalize_adapthist", "equalize_hist"}
EXACT |= {"medfilt", "medfilt2d", "gaussian", "threshold_local", "denoise_bilateral"}
EXACT |= {"corner_kitchen_rosenfeld", "peak_local_max"}
SHARE = 64
# Of functions whose results are products of sums, or quotients of small differences.
SHARES = {"frangi": 1e5, "meijering": 1e5}
SHARES |= dict.fromkeys(("sato", "structure_tensor", "corner_harris", "corner_shi_tomasi"), 1e4)
# Roots and quotients of differences that the original takes from sums of squares: half the digits.
HALVED = {"match_template", "threshold_niblack", "threshold_sauvola"}


class FaceCall(NamedTuple):
    """A function of a module with its arguments."""

    module: Any
    original: Any
    name: str
    args: tuple[Any, ...]
    options: dict[str, Any]

    def __str__(self) -> str:
        parts = [show(each) for each in self.args]
        parts += [f"{name}={show(each)}" for name, each in self.options.items()]
        return f"{self.original.__name__}.{self.name}({', '.join(parts)})"


def show(value: Any) -> str:
    """Return a short text for an argument."""
    if isinstance(value, np.ndarray) and value.size > 60:
        return f"<{value.dtype} {value.shape}, strides {value.strides}>"
    return repr(value)


def face_call(name: str, args: tuple[Any, ...], options: dict[str, Any]) -> FaceCall:
    """Return the call of a function by its full name."""
    module, _, function = name.rpartition(".")
    ours = module.replace("scipy.", "imgconv.").replace("skimage", "imgconv.skimage")
    return FaceCall(import_module(ours), import_module(module), function, args, options)


def copied(value: Any, seen: dict[int, Any]) -> Any:
    """Return a copy of an argument in the same layout; an array that is given twice stays one."""
    if not isinstance(value, np.ndarray):
        return value
    if id(value) not in seen:
        if type(value) is not np.ndarray:
            return value.copy()
        base = value
        while isinstance(base.base, np.ndarray):
            base = base.base
        if base is not value and value.size:
            other = base.copy(order="K")
            at = value.__array_interface__["data"][0] - base.__array_interface__["data"][0]
            seen[id(value)] = np.ndarray(value.shape, value.dtype, memory(other), at, value.strides)
        else:
            seen[id(value)] = value.copy(order="K")
        seen[id(value)].setflags(write=value.flags.writeable)
    return seen[id(value)]


def memory(base: np.ndarray) -> np.ndarray:
    """Return the bytes of an array without gaps."""
    return np.ndarray(base.nbytes, np.uint8, base.ravel(order="K"))


# ---- comparison ----------------------------------------------------------------------------


def answer(module: Any, call: FaceCall) -> tuple[Any, dict[int, Any]]:
    """Return the result or the error of one side, and the copies of the arrays that it got."""
    seen: dict[int, Any] = {}
    args = [copied(value, seen) for value in call.args]
    options = {name: copied(value, seen) for name, value in call.options.items()}
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return getattr(module, call.name)(*args, **options), seen
        except Exception as error:
            return error, seen


def equal_within_rounding(ours: Any, theirs: Any, call: FaceCall) -> bool:
    """Whether results agree: to the bit, or floats to rounding where the face promises no more."""
    if call.name in EXACT or ours.dtype.kind != "f" or ours.dtype != theirs.dtype:
        return equal_bits(ours, theirs)
    arrays = [a for a in call.args if isinstance(a, np.ndarray) and a.size]
    narrow = any(a.dtype.kind == "f" and a.dtype.itemsize < 8 for a in arrays)
    sizes = [float(np.abs(a.astype(float)).max()) * (a.size if i else 1)
             for i, a in enumerate(arrays)] or [1.0]  # fmt: skip
    largest = max(1.0, float(np.prod(sizes)), sizes[0] ** 2 if call.name == "wiener" else 0)
    eps = np.finfo(np.float32 if narrow else ours.dtype).eps
    if ours.shape != theirs.shape:
        return False
    if call.name.startswith("blob_"):
        # The strongest come first, and rounding decides between two that are equally strong.
        ours, theirs = (each[np.lexsort(each.T)] for each in (ours, theirs))
    if call.name in HALVED:
        eps = np.sqrt(eps)
    share = SHARES.get(call.name, SHARE)
    return np.allclose(ours, theirs, 0, share * eps * largest, equal_nan=True)


def equal_bits(ours: Any, theirs: Any) -> bool:
    """Whether two arrays have the same dtype and values; NaN equals NaN."""
    if ours.dtype != theirs.dtype or ours.shape != theirs.shape:
        return False
    if ours.dtype.kind == "b":
        return np.array_equal(ours.view(np.uint8), theirs.view(np.uint8))
    return np.array_equal(ours, theirs, equal_nan=ours.dtype.kind in "fc")


def first_difference(ours: Any, theirs: Any) -> str:
    """Return where two arrays differ first."""
    if ours.shape != theirs.shape:
        return f"shapes {ours.shape} and {theirs.shape}"
    with np.errstate(all="ignore"):
        places = np.argwhere((ours != theirs) & ((ours == ours) | (theirs == theirs)))
    if not len(places):
        return "the same values"
    first = tuple(places[0])
    return f"{len(places)} of {ours.size}, at {places[0]}: {ours[first]!r}, {theirs[first]!r}"


# Used instead of a library that sometimes leaves its arrays.
MEMORY_SAFE = {scipy.ndimage: memory_safe_scipy}


def difference(call: FaceCall) -> str:
    """Return what differs between face and original; "" if nothing does."""
    theirs, their_arrays = answer(MEMORY_SAFE.get(call.original, call.original), call)
    record = FACES[f"{call.original.__name__}.{call.name}"]
    refused = sum(n for why, n in record.fallbacks.items() if why.startswith("refused"))
    ours, our_arrays = answer(call.module, call)
    if isinstance(theirs, memory_safe_scipy.AnyResult):
        return ""
    if isinstance(theirs, Exception):
        if type(ours) is type(theirs) and str(ours) == str(theirs):
            return ""
        if isinstance(theirs, SystemError):
            # SciPy met its own error again where it freed an array: what then comes out is chance.
            return ""
        return f"ours {show(ours)}\ntheirs {theirs!r}"
    if isinstance(ours, Exception):
        return f"ours raised {ours!r}"
    if refused != sum(n for why, n in record.fallbacks.items() if why.startswith("refused")):
        return f"the face refused, the original did not: {record.fallbacks}"
    several = isinstance(ours, tuple | list)
    pairs = zip(ours, theirs, strict=True) if several else [(ours, theirs)]
    if call.original is not scipy.ndimage:
        ours, theirs = next((p for p in pairs if not equal_within_rounding(*p, call)), (None, None))
    if ours is not None and (call.original is not scipy.ndimage or not equal_bits(ours, theirs)):
        return f"ours {ours.dtype}, theirs {theirs.dtype}\n{first_difference(ours, theirs)}"
    if any(not equal_bits(our_arrays[key], value) for key, value in their_arrays.items()):
        return "the arguments differ after the call"
    return ""


def fault(call: FaceCall) -> str:
    """Return the fault of imgconv that a call runs into; "" if it is computed or falls back.

    The original is not called: its memory may be damaged after an error half-way.
    """
    ours, _ = answer(SimpleNamespace(**{call.name: decorated(call)}), call)
    if isinstance(ours, Exception):
        try:
            reason_of(call.name, ours)
        except FaceError as error:
            return f"{call}\n{error}"
    return ""


def decorated(call: FaceCall) -> Callable[..., Any]:
    """Return the function without the fallback of its face."""
    return getattr(call.module, call.name).__wrapped__  # type: ignore[no-any-return]
