"""Arguments of layers other than arrays, and where the windows that they describe lie.

What PyTorch refuses is refused here, as a ValueError, or as a TypeError for a dtype. Each error
names the argument, the rule and the value.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imgconv.core import check, windows
from imgconv.core.windows import Pair, Plane, Windows
from imgconv.nn.core import arrays
from imgconv.nn.core.arrays import Array, DType, Shape, floats, reals

# One number for both axes, or one for each.
Size = int | Pair
# Pixels before and after, along y and along x.
Around = tuple[Pair, Pair]

# The largest stride of a transposed convolution, which has so many phases along an axis.
MAX_PHASES = 1 << 16
PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


def batch(array: Array, name: str = "input") -> Array:
    """Return (C, H, W) as (1, C, H, W), and (N, C, H, W) as it is."""
    if array.ndim not in (3, 4):
        raise ValueError(
            f"{name} must have shape (C, H, W) or (N, C, H, W), got {array.ndim} axes: "
            f"{array.shape}"
        )
    if 0 in array.shape[-3:]:
        raise ValueError(f"{name} must not be empty but for N, got shape {array.shape}")
    return array[None] if array.ndim == 3 else array


def weight(value: ArrayLike, dtype: DType) -> Array:
    """Return weights of four axes, none of them empty."""
    array = floats(value, "weight", dtype)
    if array.ndim != 4:
        raise ValueError(f"weight must have 4 axes, got {array.ndim}: shape {array.shape}")
    if 0 in array.shape:
        raise ValueError(f"weight must not be empty, got shape {array.shape}")
    return array


def groups(value: Any) -> int:
    """Return the number of groups."""
    return check.at_least(value, "groups", 1)


def winograd(value: Any, kernel: Pair, stride: Pair) -> bool | None:
    """Return whether Winograd's algorithm is asked for, which is for 3x3 without stride."""
    if value is not None and not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"winograd must be True, False or None, got {value!r}")
    if value and not (kernel == (3, 3) and stride == (1, 1)):
        raise ValueError(
            "winograd must not be True but for a kernel of (3, 3) with stride 1, got "
            f"{kernel}, {stride}"
        )
    return None if value is None else bool(value)


def divisible(count: int, groups: int, name: str) -> None:
    """Raise if channels cannot be divided evenly among the groups."""
    if count % groups:
        raise ValueError(f"{name} must be divisible by groups, got {count} channels, {groups}")


def channels(got: int, expected: int, name: str = "input") -> None:
    """Raise if the number of channels is another."""
    if got != expected:
        raise ValueError(f"{name} must have {expected} channels, got {got}")


def gradient(value: ArrayLike, shape: Shape, dtype: DType) -> Array:
    """Return the gradient of a result of this shape, with four axes."""
    return batch(arrays.gradient(value, shape, dtype), "grad_output")


def padding(value: Any, kernel: Pair, stride: Pair, dilation: Pair) -> Around:
    """Return ((top, bottom), (left, right)) of a number, a pair, two pairs or a name."""
    if not isinstance(value, str):
        return check.paddings(value, "padding")
    if check.choice(value, ("same", "valid"), "padding") == "valid":
        return (0, 0), (0, 0)
    if stride != (1, 1):
        raise ValueError(f"stride must be 1 for padding='same', got {stride}")
    y, x = (windows.same(k, d) for k, d in zip(kernel, dilation, strict=True))
    return y, x


def padding_mode(value: Any, around: Around, size: Pair) -> str:
    """Return a padding mode that can fill this padding from an image of this size."""
    mode = check.choice(value, PADDING_MODES, "padding_mode")
    for pads, n in zip(around, size, strict=True):
        _check_width(pads, n, mode, "padding")
    return mode


def _check_width(pads: Pair, n: int, mode: str, name: str) -> None:
    """Raise if n pixels cannot fill so wide a border."""
    widest = {"reflect": n - 1, "circular": n}.get(mode)
    if widest is not None and max(pads) > widest:
        raise ValueError(f"{name} must be at most {widest} for {mode!r}, got {pads}")


def plane(
    size: Pair,
    kernel: Pair,
    stride: Pair,
    dilation: Pair,
    around: Around,
    ceil_mode: bool = False,
) -> Plane:
    """Return where the windows lie; raise if none fits."""
    y, x = (
        windows.along(n, k, s, d, pads, ceil_mode)
        for n, k, s, d, pads in zip(size, kernel, stride, dilation, around, strict=True)
    )
    for axis in (y, x):
        if axis.count < 1:
            padded = axis.n + axis.before + axis.after
            raise ValueError(
                f"kernel_size must fit into the padded input, got {axis.span} pixels for {padded}"
            )
    return y, x


def transposed_plane(
    size: Pair, kernel: Pair, stride: Pair, dilation: Pair, around: Around, more: Pair
) -> Plane:
    """Return where the windows lie in the result of a transpose: one for each pixel of an image."""
    axes = []
    for n, k, s, d, pads, m in zip(size, kernel, stride, dilation, around, more, strict=True):
        if m >= max(s, d):
            raise ValueError(
                f"output_padding must be less than stride or dilation, {max(s, d)}, got {m}"
            )
        found = windows.transposed_size(n, k, s, d, pads, m)
        if found < 1:
            raise ValueError(f"padding must leave a pixel of {found + sum(pads)}, got {pads}")
        if min(s, found) > MAX_PHASES:
            raise ValueError(f"stride must be at most {MAX_PHASES}, got {s} for {found} results")
        axes.append(Windows(found, k, s, d, pads[0], pads[1], n))
    return axes[0], axes[1]


def pooling(
    size: Pair, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: Any
) -> Plane:
    """Return where the windows of a pooling layer lie."""
    kernel = check.integers(kernel_size, "kernel_size", 1)
    # PyTorch's stride=() is its None.
    absent = stride is None or stride == ()
    steps = kernel if absent else check.integers(stride, "stride", 1)
    gaps = check.integers(dilation, "dilation", 1)
    around = check.paddings(padding, "padding")
    # Two pairs are imgconv's own and may be any; a number or a pair follows PyTorch's rule.
    if all(before == after for before, after in around) and not _is_two_pairs(padding):
        for (pad, _), k, d in zip(around, kernel, gaps, strict=True):
            half = windows.span(k, d) // 2
            if pad > half:
                raise ValueError(f"padding must be at most half the window, {half}, got {pad}")
    return plane(size, kernel, steps, gaps, around, bool(ceil_mode))


def _is_two_pairs(value: Any) -> bool:
    return any(isinstance(one, Sequence) for one in check.pair(value, "padding"))


def norm(value: Any) -> float:
    """Return the power of a norm, which may be infinity."""
    power = check.number(value, "norm_type")
    if not power > 0:
        raise ValueError(f"norm_type must be positive, got {value!r}")
    return power


def divisor(value: Any) -> int | None:
    """Return the divisor of a mean, None for the number of its pixels."""
    if value is None:
        return None
    found = check.integer(value, "divisor_override")
    if found == 0:
        raise ValueError("divisor_override must not be 0")
    return found


def output_size(value: Any, size: Pair) -> Pair:
    """Return the number of adaptive windows along each axis; None keeps an axis."""
    given = check.pair(value, "output_size")
    found = tuple(n if m is None else m for m, n in zip(given, size, strict=True))
    return check.integers(found, "output_size", 1)


def unpooled_size(value: Any, default: Pair, stride: Pair) -> Pair:
    """Return the requested size of an unpooled image, which must lie near the default."""
    if not isinstance(value, Sequence) or len(value) < 2:
        raise ValueError(f"output_size must end with (height, width), got {value!r}")
    found = check.integers(tuple(value[-2:]), "output_size", 1)
    for n, m, s in zip(default, found, stride, strict=True):
        if not n - s < m < n + s:
            raise ValueError(f"output_size must lie between {n - s} and {n + s}, got {m}")
    return found


def indices(value: ArrayLike, shape: Shape, of: str = "input") -> NDArray[np.int64]:
    """Return the places of pixels in a plane, each y * W + x, in an array of this shape."""
    array = np.asarray(value)
    if array.dtype.kind not in "iu":
        raise TypeError(f"indices must be integers, got dtype {array.dtype}")
    if array.shape != shape:
        raise ValueError(f"indices must have the {of}'s shape {shape}, got {array.shape}")
    return array.astype(np.int64, copy=False)


def inside(places: NDArray[np.int64], pixels: int, lowest: int = 0) -> None:
    """Raise if a place is not from `lowest` to that of the last pixel of a plane."""
    if places.size and not (places.min() >= lowest and places.max() < pixels):
        outside = places.max() if places.max() >= pixels else places.min()
        raise ValueError(f"indices must lie in a plane of {pixels} pixels, got {outside}")


def at_least_3d(value: ArrayLike) -> Array:
    """Return an array of three or more axes that loops can read."""
    array = reals(value)
    if array.ndim < 3:
        raise ValueError(f"input must have at least 3 axes, got shape {array.shape}")
    return array


def borders(pad: Any, mode: Any, shape: Shape) -> list[tuple[int, Pair]]:
    """Return the axes that get a border, and how many pixels before and after."""
    kind = check.choice(mode, ("constant", *PADDING_MODES[1:]), "mode")
    if not isinstance(pad, Sequence) or len(pad) % 2 or len(pad) > 2 * len(shape):
        raise ValueError(
            f"pad must be pairs (before, after), at most one for each of {len(shape)} axes, "
            f"got {pad!r}"
        )
    numbers = [check.integer(one, "pad") for one in pad]
    if kind != "constant" and not (len(pad) in (2, 4) and len(shape) - len(pad) // 2 in (1, 2)):
        raise ValueError(
            f"pad must be 2 numbers for 2 or 3 axes, or 4 for 3 or 4, with mode {kind!r}, "
            f"got {len(pad)} for {len(shape)}"
        )
    found = []
    for i in range(0, len(numbers), 2):
        axis = -1 - i // 2
        n, around = shape[axis], (numbers[i], numbers[i + 1])
        _check_width(around, n, kind, "pad")
        if n + sum(around) < 1 or (n == 0 and kind != "constant"):
            raise ValueError(f"pad must leave a pixel of {n}, got {around}")
        found.append((axis, around))
    return found


def constant(value: Any, dtype: DType) -> float:
    """Return the constant of a border, which the dtype can hold; a fraction is cut off."""
    number = check.number(value, "value")
    # float64 does not hold all integers.
    exact = int(value) if isinstance(value, (int, np.integer)) else number
    if dtype.kind in "iu":
        fits = np.iinfo(dtype).min <= exact <= np.iinfo(dtype).max
    elif dtype.kind == "f":
        fits = not np.isfinite(number) or abs(number) <= float(np.finfo(dtype).max)
    else:
        fits = True
    if not fits:
        raise ValueError(f"value must be a number that {dtype} can hold, got {value!r}")
    return exact


def offsets(value: ArrayLike, images: Array, taps: int, size: Pair) -> tuple[Array, int]:
    """Return how far each tap is moved, and the number of groups of channels that share this."""
    array = floats(value, "offset", images.dtype)
    if array.ndim != 4 or (len(array), *array.shape[2:]) != (len(images), *size):
        rule = f"({len(images)}, 2 groups {taps}, {size[0]}, {size[1]})"
        raise ValueError(f"offset must have shape {rule}, got {array.shape}")
    count = array.shape[1] // (2 * taps)
    if count == 0 or array.shape[1] % (2 * taps) or images.shape[1] % count:
        raise ValueError(
            f"offset must have {2 * taps} channels for each group of the input's "
            f"{images.shape[1]} channels, got {array.shape[1]}"
        )
    return array, count
