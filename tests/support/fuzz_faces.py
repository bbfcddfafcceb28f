"""Random calls of the faces, each compared with the same call of the original.

A draw depends on its seed and its number alone.

For each draw the face alone is also called with one bad argument. It may compute the call, refuse
it or fall back; any other exception is a fault.
"""

import inspect
from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
from face_calls import SKIMAGE, FaceCall, face_call

from imgconv.fallback import FACES

DTYPES = (
    ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"]
    + ["float32", "float64"] * 3
    + ["float16", "complex64"]
)
MODES = ["reflect", "constant", "nearest", "mirror", "wrap", "grid-mirror", "grid-constant"]
MODES += ["grid-wrap"]


# ---- arrays ----------------------------------------------------------------------------------


def array(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    """Return random pixels: noise, few values, large values, a constant, or not all finite."""
    kind = rng.integers(6)
    d = np.dtype(dtype)
    if d.kind == "b":
        return rng.random(shape) < rng.random()
    if d.kind in "iu":
        info = np.iinfo(d)
        low, high = [(0, 4), (max(info.min, -100), 100), (0, 100)][rng.integers(3)]
        if kind == 0:
            low, high = info.min, info.max
        return rng.integers(low, high, shape, d, endpoint=True)
    values = rng.standard_normal(shape) * 10.0 ** rng.integers(-3, 4)
    if kind == 0:
        values = np.round(values)
    if kind == 1:
        values = np.full(shape, values.flat[0] if values.size else 0)
    if kind == 2 and values.size:
        values.flat[rng.integers(values.size)] = rng.choice([np.nan, np.inf, -np.inf])
    if d.kind == "c":
        values = values + 1j * rng.standard_normal(shape)
    return values.astype(d)


def with_layout(rng: np.random.Generator, values: np.ndarray) -> np.ndarray:
    """Return equal values in some layout of memory; seldom with lines repeated by strides of 0."""
    kind = rng.integers(12)
    if kind == 0:
        return np.asfortranarray(values)
    if kind == 1:
        wide = np.zeros((*values.shape[:-1], 2 * values.shape[-1]), values.dtype)
        wide[..., ::2] = values
        return wide[..., ::2]
    if kind in (2, 3):
        backwards = tuple(slice(None, None, rng.choice([-1, 1])) for _ in values.shape)
        return np.ascontiguousarray(values[backwards])[backwards]
    if kind == 4 and values.dtype.itemsize > 1:
        return values.astype(values.dtype.newbyteorder())
    if kind == 5:
        frozen = values.copy()
        frozen.setflags(write=False)
        return frozen
    if kind == 6:
        base = np.empty(values.nbytes + 1, np.uint8)
        unaligned = np.ndarray(values.shape, values.dtype, base, 1)
        unaligned[...] = values
        return unaligned
    if kind == 7 and values.size:
        axes = [slice(None) if rng.random() < 0.6 else slice(1) for _ in values.shape]
        return np.broadcast_to(values[tuple(axes)].copy(), values.shape)
    return values


# ---- scipy.ndimage ---------------------------------------------------------------------------


def shape(rng: np.random.Generator) -> tuple[int, ...]:
    """Return the shape of a signal, an image or a volume."""
    ndim = rng.choice([1, 2, 2, 2, 3])
    longest = {1: 200, 2: 40, 3: 9}[int(ndim)]
    return tuple(int(n) for n in rng.integers(1, longest, ndim))


def one_or_each(rng: np.random.Generator, n: int, draw: Callable[[], Any]) -> Any:
    """Return one value, or a sequence of n; seldom with one value too many."""
    if rng.random() < 0.6:
        return draw()
    return [draw() for _ in range(n + (rng.random() < 0.03))]


def common(
    rng: np.random.Generator, image: np.ndarray, n: int, output: bool = True
) -> dict[str, Any]:
    """Return mode, cval and output."""
    options: dict[str, Any] = {}
    if rng.random() < 0.8:
        options["mode"] = one_or_each(rng, n, lambda: str(rng.choice(MODES)))
    if rng.random() < 0.5:
        options["cval"] = rng.choice([0, 1, 3, 1.5, -2.0, 300, np.nan, np.inf],
                                     p=[.3, .2, .15, .1, .1, .05, .05, .05])  # fmt: skip
    if output and rng.random() < 0.5:
        options["output"] = output_of(rng, image)
    return options


def output_of(rng: np.random.Generator, image: np.ndarray) -> Any:
    """Return a dtype, its name, an array of one, or the image itself."""
    dtype = str(rng.choice(DTYPES)) if rng.random() < 0.5 else image.dtype.name
    kind = rng.integers(6)
    if kind == 0:
        return dtype
    if kind == 1:
        return np.dtype(dtype).type
    if kind == 2:
        return image
    if kind == 3 and rng.random() < 0.1:
        return np.zeros(tuple(n + 1 for n in image.shape), dtype)
    return with_layout(rng, array(rng, image.shape, dtype))


def axes(rng: np.random.Generator, ndim: int) -> Any:
    """Return some axes, or all, in any order."""
    if rng.random() < 0.6:
        return None
    count = int(rng.integers(1, ndim + 1))
    some = [int(axis) for axis in rng.permutation(ndim)[:count]]
    some = [axis - ndim if rng.random() < 0.3 else axis for axis in some]
    return some[0] if count == 1 and rng.random() < 0.5 else tuple(some)


def count_of(chosen: Any, ndim: int) -> int:
    """Return how many axes are chosen."""
    return ndim if chosen is None else np.size(chosen)


def origin(rng: np.random.Generator, sizes: Sequence[int]) -> Any:
    """Return shifts for windows of these sizes: none, to an end, between; seldom beyond an end."""
    ends = [(-(size // 2), (size - 1) // 2) for size in sizes]
    kind = rng.random()
    if kind < 0.4:
        return 0
    if kind < 0.5:
        return int(rng.choice([-1, 1, 2]))
    shifts = [int(rng.choice([0, low, high, rng.integers(low, high, endpoint=True)]))
              for low, high in ends]  # fmt: skip
    if rng.random() < 0.03:
        shifts[0] += int(rng.choice([-len(shifts) - 1, -1, 1, 5]))
    return shifts[0] if len(shifts) == 1 else shifts


def footprint(rng: np.random.Generator, n: int, most: int = 5) -> np.ndarray:
    """Return pixels of a window, at times with rows and columns around them that are not set."""
    pixels = rng.random(tuple(rng.integers(1, most, n))) < rng.choice([0.6, 1.0])
    if rng.random() < 0.4:
        margins = rng.integers(0, rng.choice([2, 4, 12]), (n, 2))
        pixels = np.pad(pixels, margins * (rng.random((n, 2)) < 0.5))
    return pixels


def window(rng: np.random.Generator, n: int) -> dict[str, Any]:
    """Return a size or a footprint of n axes, with an origin."""
    if rng.random() < 0.6:
        most = int(rng.choice([7, 30 if n < 3 else 7]))
        size = one_or_each(rng, n, lambda: int(rng.integers(1, most)))
        return {"size": size, "origin": origin(rng, np.broadcast_to(size, n if np.ndim(size) == 0
                                                                    else len(size)))}  # fmt: skip
    pixels = footprint(rng, n)
    return {"footprint": pixels, "origin": origin(rng, pixels.shape)}


def along(rng: np.random.Generator, ndim: int) -> dict[str, Any]:
    """Return an axis as an option, or no option."""
    return {} if rng.random() < 0.3 else {"axis": int(rng.integers(-ndim, ndim))}


def weights(rng: np.random.Generator, size: tuple[int, ...]) -> np.ndarray:
    """Return a kernel: real, integer, with zeros, symmetric or antisymmetric."""
    kernel = rng.standard_normal(size)
    kind = rng.integers(5)
    if kind == 0:
        kernel = np.round(2 * kernel)
    if kind == 1:
        kernel[rng.random(size) < 0.5] = 0
    if kind in (2, 3):
        flipped = np.flip(kernel)
        kernel = kernel + flipped if kind == 2 else kernel - flipped
    return kernel


def sigma(rng: np.random.Generator, n: int) -> Any:
    """Return a standard deviation, or one for each axis."""
    return one_or_each(rng, n, lambda: float(rng.choice([0.5, 0.7, 1, 1.3, 2.2, 0, 4])))


def gaussian_options(rng: np.random.Generator) -> dict[str, Any]:
    """Return truncate and radius."""
    options: dict[str, Any] = {}
    if rng.random() < 0.2:
        options["truncate"] = float(rng.choice([1, 2.5, 3]))
    if rng.random() < 0.1:
        options["radius"] = int(rng.integers(0, 5))
    return options


def ndimage_call(rng: np.random.Generator, name: str) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return arguments for a function of `scipy.ndimage`."""
    image = with_layout(rng, array(rng, shape(rng), str(rng.choice(DTYPES))))
    ndim = image.ndim
    if name in ("correlate1d", "convolve1d"):
        kernel = weights(rng, (int(rng.integers(1, 10)),))
        options = along(rng, ndim) | common(rng, image, 1) | {"origin": origin(rng, kernel.shape)}
        return (image, kernel), options
    if name in ("uniform_filter1d", "minimum_filter1d", "maximum_filter1d"):
        size = int(rng.integers(1, 9))
        options = along(rng, ndim) | common(rng, image, 1) | {"origin": origin(rng, (size,))}
        return (image, size), options
    if name == "gaussian_filter1d":
        options = along(rng, ndim) | common(rng, image, 1) | gaussian_options(rng)
        options["order"] = int(rng.integers(3))
        return (image, float(rng.choice([0.6, 1, 2.3]))), options
    if name in ("sobel", "prewitt"):
        return (image,), along(rng, ndim) | common(rng, image, ndim)
    chosen = axes(rng, ndim)
    n = count_of(chosen, ndim)
    options = common(rng, image, n) | {"axes": chosen}
    if name == "gaussian_filter":
        order = one_or_each(rng, n, lambda: int(rng.integers(3)))
        return (image, sigma(rng, n)), options | gaussian_options(rng) | {"order": order}
    if name == "gaussian_laplace":
        return (image, sigma(rng, n)), options | gaussian_options(rng)
    if name == "gaussian_gradient_magnitude":
        return (image, sigma(rng, ndim)), options | gaussian_options(rng)
    if name == "laplace":
        return (image,), options
    if name in ("correlate", "convolve"):
        kernel = weights(rng, tuple(rng.integers(1, rng.choice([5, 5, 20 if n < 3 else 5]), n)))
        return (image, kernel), options | {"origin": origin(rng, kernel.shape)}
    if name == "uniform_filter":
        sizes = [int(size) for size in rng.integers(1, 9, n)]
        return (image, sizes), options | {"origin": origin(rng, sizes)}
    if name.startswith("binary"):
        return (image,), binary_options(rng, options, n)
    options |= window(rng, n)
    if name == "rank_filter":
        return (image, int(rng.integers(-4, 4))), options
    if name == "percentile_filter":
        return (image, float(rng.choice([0, 20, 50, 99.5, 100, -30]))), options
    if name.startswith(("grey", "morph", "white", "black")) and rng.random() < 0.1:
        pixels = options.get("footprint")
        options["structure"] = rng.integers(0, 3, (2,) * n if pixels is None else pixels.shape)
    return (image,), options


def binary_options(rng: np.random.Generator, options: dict[str, Any], n: int) -> dict[str, Any]:
    """Return the keywords of binary morphology."""
    options = {k: v for k, v in options.items() if k in ("axes", "output")}
    structure = footprint(rng, n, 4) if rng.random() < 0.6 else None
    options |= {"iterations": int(rng.choice([1, 1, 1, 2, 3, 0, 14])), "structure": structure}
    options |= {"border_value": int(rng.integers(2))}
    out = options.get("output")
    if isinstance(out, np.ndarray) and not out.dtype.isnative:
        del options["output"]
    options["origin"] = origin(rng, (3,) * n if structure is None else structure.shape)
    kept = structure is None or structure[tuple(k // 2 for k in structure.shape)]
    if not (kept and options["origin"] == 0):
        # Over windows without their own pixel there may be no end of changes, in SciPy either.
        options["iterations"] = max(options["iterations"], 1)
    return options


CALLBACKS = ("generic", "vectorized")
NDIMAGE = [name.rpartition(".")[2] for name in FACES if name.startswith("scipy.ndimage.")]
NDIMAGE = sorted(name for name in NDIMAGE if not name.startswith(CALLBACKS))
# Values that are wrong for most arguments.
BAD: list[Any] = [
    None,
    "reflect",
    "",
    b"x",
    -1,
    0,
    2,
    1.5,
    -0.5,
    np.nan,
    np.inf,
    1e200,
    1e-200,
    10**400,
    1j,
    True,
]
BAD += [
    np.float64(2),
    np.int8(1),
    np.array(3),
    [],
    (),
    (1,),
    (1, 2),
    [1, 1, 1],
    [1.5, "a"],
]
BAD += [[[1], [1, 2]], {}, {1: 2}, {1}, range(2), slice(2), np.ones(3), np.ones((3, 3))]
BAD += [
    np.ones((2, 3), complex),
    np.ones((3, 3), object),
    np.zeros((0, 3)),
    np.bool_(1),
    len,
]
BAD += [
    Fraction(3, 2),
    Decimal("1.5"),
    "float32",
    np.float32,
    np.str_("a"),
    np.ma.ones((3, 3)),
]


# ---- scipy.signal and scikit-image ------------------------------------------------------------

SIGNAL = ["correlate2d", "convolve2d", "correlate", "convolve", "fftconvolve", "oaconvolve"]
SIGNAL += ["medfilt2d", "medfilt", "wiener"]
OTHERS = [f"scipy.signal.{name}" for name in SIGNAL] + SKIMAGE
TENSORS = ("hessian_matrix_eigvals", "structure_tensor_eigenvalues")


def in_units(rng: np.random.Generator, dtype: str, size: tuple[int, ...]) -> np.ndarray:
    """Return noise: floats from 0 to 1, integers below 128."""
    values = rng.random(size)
    d = np.dtype(dtype)
    return values > 0.5 if d.kind == "b" else (values * (120 if d.kind in "iu" else 1)).astype(d)


def other_call(rng: np.random.Generator, name: str) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return arguments for a function of `scipy.signal` or of scikit-image."""
    options: dict[str, Any]
    function = name.rpartition(".")[2]
    dtype = str(rng.choice(DTYPES))
    # SciPy reads outside its arrays where Gabor's kernel is many times as long as the image.
    # Meijering's response is divided by the largest, which in few pixels may be rounding.
    shortest = {"gabor": 6, "meijering": 8}.get(function, 1)
    image = with_layout(rng, in_units(rng, dtype, tuple(rng.integers(shortest, 40, 2))))
    if not any(image.strides):
        image = image.copy()  # with strides of 0 SciPy treats all pixels as outside
    if name.startswith("scipy.signal."):
        return (image, *signal_arguments(rng, function, dtype)), {}
    if ".rank." in name:
        size = tuple(rng.integers(1, 8, 2))
        array = in_units(rng, str(rng.choice(["uint8", "uint16"])), tuple(rng.integers(1, 60, 2)))
        mask = rng.random(array.shape) < rng.choice([0.2, 0.8])
        masks = {} if rng.random() < 0.5 else {"mask": mask.astype(rng.choice(["bool", "uint8"]))}
        options = {f"shift_{axis}": int(rng.integers(-1, 2)) for axis in "xy"} | masks
        if "percentile" in function:
            options["p0"] = float(rng.choice([0, 0.25, 0.7, 1]))
        if "bilateral" in function:
            options["s0"] = int(rng.integers(0, 60))
        return (array, (rng.random(size) < 0.8).astype(np.uint8)), options
    options = {}
    if function in ("sobel", "scharr", "prewitt", "farid"):
        options["axis"] = [None, 0, 1][rng.integers(3)]
    if function in ("sobel", "gaussian", "gabor", "difference_of_gaussians", "canny", "median"):
        options["mode"] = str(rng.choice(MODES[:5]))
        options["cval"] = float(rng.choice([0.0, 0.5]))
    if function == "median" and options["mode"] == "constant":
        options["cval"] = 0.0
    if function == "hessian_matrix":
        options["use_gaussian_derivatives"] = bool(rng.integers(2))
    if function in TENSORS:
        image = [rng.random((7, 9)).astype(image.dtype) for _ in range(3)]
    if function == "match_template":
        # In float32 scikit-image's sums of squares are too far off to compare.
        image = image.astype(np.float64) if image.dtype.kind == "f" else image
    args: tuple[Any, ...] = {
        "match_template": (rng.random((3, 4)), bool(rng.integers(2))),
        "structure_tensor": (float(rng.choice([0.5, 1, 2])), str(rng.choice(MODES[:5]))),
        "hessian_matrix": (float(rng.choice([0.5, 1, 2])), str(rng.choice(MODES[:5]))),
        "peak_local_max": (int(rng.integers(1, 5)),),
        "blob_log": (1, 4, 4, 0.05),
        "blob_dog": (1, 4, 1.6, 0.05),
        "blob_doh": (2, 6, 4, 0.005),
        "hessian_matrix_det": (float(rng.choice([1, 1.7, 3])), bool(rng.integers(2))),
        **dict.fromkeys(("frangi", "meijering", "sato"), ([1, 2],)),
        "gaussian": (float(rng.choice([0, 0.7, 2])),),
        "difference_of_gaussians": (float(rng.choice([0.7, 2])),),
        "gabor": (float(rng.choice([0.15, 0.3])), float(rng.random())),
        "threshold_local": (3, str(rng.choice(["gaussian", "mean", "median"]))),
        "apply_hysteresis_threshold": (0.3, float(rng.choice([0.2, 0.8]))),
        "correlate_sparse": (rng.random((3, 5)) * (rng.random((3, 5)) < 0.5),),
        "block_reduce": (int(rng.integers(1, 5)), [np.sum, np.max, np.mean][rng.integers(3)]),
        "denoise_bilateral": (3, 0.1),
    }.get(function, ())
    return (image, *args), options


def signal_arguments(rng: np.random.Generator, function: str, dtype: str) -> tuple[Any, ...]:
    """Return the arguments after the image."""
    if function in ("medfilt", "medfilt2d", "wiener"):
        return (int(rng.choice([1, 3, 5])),)
    kernel = in_units(rng, str(rng.choice(DTYPES)) if rng.random() < 0.5 else dtype,
                      tuple(rng.integers(1, 9, 2)))  # fmt: skip
    mode = str(rng.choice(["full", "same", "valid"]))
    if function in ("correlate2d", "convolve2d"):
        return kernel, mode, str(rng.choice(["fill", "wrap", "symm"]))
    return kernel, mode


def draw(seed: int, number: int, only: str | None = None) -> FaceCall:
    """Return draw number `number`."""
    rng = np.random.default_rng((seed, number))
    name = only or str(rng.choice(NDIMAGE if rng.random() < 0.6 else OTHERS))
    if name in OTHERS:
        return face_call(name, *other_call(rng, name))
    return face_call(f"scipy.ndimage.{name}", *ndimage_call(rng, name))


def with_bad_argument(rng: np.random.Generator, call: FaceCall) -> FaceCall:
    """Return a call with one argument replaced by a bad one, or with a bad one added."""
    names = list(inspect.signature(getattr(call.module, call.name)).parameters)
    bad = BAD[rng.integers(len(BAD))]
    place = int(rng.integers(len(names)))
    if place < len(call.args):
        return call._replace(args=(*call.args[:place], bad, *call.args[place + 1 :]))
    return call._replace(options=call.options | {names[place]: bad})
