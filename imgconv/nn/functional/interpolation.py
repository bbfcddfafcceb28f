"""Images of another size, with gradients."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imgconv.core import check
from imgconv.core.call import Runnable, Several, filtering
from imgconv.core.run import run_entry
from imgconv.nn.core import checks
from imgconv.nn.core.arrays import floats
from imgconv.nn.core.checks import Array

__all__ = ["interpolate", "interpolate_backward"]

MODES = ("nearest", "nearest-exact", "bilinear", "bicubic")
# The cubic of Keys (1981) with PyTorch's a; scikit-image and Catmull-Rom have -0.5.
CUBIC = -0.75


class Taps(NamedTuple):
    """Along one axis: the pixels that each pixel of the result is made of, (taps, count)."""

    places: NDArray[np.int32]
    weights: Array


@filtering
def interpolate(
    input: ArrayLike,
    size: int | tuple[int, int] | None = None,
    scale_factor: float | tuple[float, float] | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Runnable[Array]:
    """Change the size of images.

    Parameters
    ----------
    input : array_like, (N, C, H, W) or (C, H, W), float32 or float64
    size : int or (int, int), optional
        Height and width of the result; this or `scale_factor` is given.
    scale_factor : float or (float, float), optional
        What height and width are multiplied by, and rounded down.
    mode : {"nearest", "nearest-exact", "bilinear", "bicubic"}
        Which pixels a pixel is made of: the one to the upper left, the nearest, 2 x 2 or 4 x 4.
    align_corners : bool, optional
        Whether the centres of the corner pixels fall together, not their corners; for "bilinear"
        and "bicubic".
    recompute_scale_factor : bool, optional
        Whether distances come from the sizes, and not from `scale_factor`, which may be rounded.
    antialias : bool
        Must be False.

    Returns
    -------
    ndarray, (N, C, oh, ow) or (C, oh, ow)
        Of the input's dtype.

    Raises
    ------
    TypeError
        If input is not float32 or float64.
    ValueError
        If mode is unknown or does not go with an option, not just one of size and scale_factor is
        given, or the result is empty.

    Notes
    -----
    As `torch.nn.functional.interpolate`. Pixel o of the result stands on (o + 1/2) n / m - 1/2, or
    on o (n - 1) / (m - 1) with `align_corners`. "nearest" takes floor(o n / m).

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv.nn.functional.shaping import interpolate
    >>> interpolate(np.array([[[0.0, 4.0]]]), size=(1, 4), mode="bilinear")
    array([[[0., 1., 3., 4.]]])
    """
    array = floats(input)
    images = checks.batch(array)
    y, x = _axes(images, size, scale_factor, mode, align_corners, recompute_scale_factor, antialias)
    shape = (*array.shape[:-2], y.places.shape[1], x.places.shape[1])

    def runs() -> Array:
        result = np.empty(shape, array.dtype)
        _run("run", y, x, images, result, images.shape[3])
        return result

    note = f"interpolate loop, {len(y.places)} x {len(x.places)} pixels for each"
    return Several(runs, (), shape, array.dtype, note)


def interpolate_backward(
    grad_output: ArrayLike,
    input: ArrayLike,
    size: int | tuple[int, int] | None = None,
    scale_factor: float | tuple[float, float] | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Array:
    """Vector-Jacobian product of `interpolate`.

    Parameters
    ----------
    grad_output : array_like
        Gradient of a loss with respect to the result, of its shape.
    input, size, scale_factor, mode, align_corners, recompute_scale_factor, antialias
        As in `interpolate`.

    Returns
    -------
    grad_input : ndarray

    Raises
    ------
    TypeError, ValueError
        As `interpolate`; and if grad_output has not the shape of the result.
    """
    array = floats(input)
    images = checks.batch(array)
    y, x = _axes(images, size, scale_factor, mode, align_corners, recompute_scale_factor, antialias)
    shape = (*array.shape[:-2], y.places.shape[1], x.places.shape[1])
    grad = checks.gradient(grad_output, shape, array.dtype)
    result = np.zeros(images.shape, array.dtype)
    _run("back", y, x, grad, result, images.shape[3])
    return result.reshape(array.shape)


def _run(entry: str, y: Taps, x: Taps, source: Array, target: Array, width: int) -> None:
    planes = (np.ascontiguousarray(each).reshape(-1, *each.shape[-2:]) for each in (source, target))
    run_entry(
        "interpolate", target.dtype.name, entry, *y, *x, *planes,
        cost=4.0 * max(source.size, target.size), scratch_bytes=width * target.itemsize,
    )  # fmt: skip


def _axes(
    images: Array,
    size: Any,
    scale_factor: Any,
    mode: Any,
    align_corners: Any,
    recompute: Any,
    antialias: Any,
) -> tuple[Taps, Taps]:
    """Check the arguments and return the taps along y and along x."""
    kind = check.choice(mode, MODES, "mode")
    if kind.startswith("nearest") and align_corners is not None:
        raise ValueError(f"align_corners needs mode 'bilinear' or 'bicubic', got {mode!r}")
    if antialias:
        raise ValueError("antialias must be False; smooth the images before, got True")
    if (size is None) == (scale_factor is None):
        raise ValueError(
            f"one of size and scale_factor must be given, got {size!r}, {scale_factor!r}"
        )
    axes = []
    for n, wanted, factor in zip(
        images.shape[2:], check.pair(size, "size"), check.pair(scale_factor, "scale_factor"),
        strict=True,
    ):  # fmt: skip
        if factor is not None:
            factor = check.positive(factor, "scale_factor")
            wanted = int(np.floor(n * factor))
        m = check.at_least(wanted, "size", 1)
        known = factor is not None and not recompute
        axes.append(_taps(n, m, 1 / factor if known else n / m, kind, bool(align_corners),
                          images.dtype))  # fmt: skip
    return axes[0], axes[1]


def _taps(n: int, m: int, scale: float, mode: str, align: bool, dtype: np.dtype) -> Taps:
    """Return the taps of m pixels made of n that are `scale` of them apart."""
    at = np.arange(m)
    if mode.startswith("nearest"):
        # In the image's dtype, as PyTorch does: where a product is nearly an integer, that decides.
        # Whatever the factor, "nearest" keeps a size, and takes each pixel of a doubled one twice.
        half = 0.5 if mode == "nearest-exact" else 0
        scale = n / m if half == 0 and m in (n, 2 * n) else scale
        places = np.floor((at + half).astype(dtype) * dtype.type(scale))
        return _table(places[None], np.ones((1, m)), n, dtype)
    real = dtype.type
    if mode == "bilinear" and m == n:
        scale = 1.0  # whatever the factor
    if align:
        centre = at.astype(dtype) * real((n - 1) / (m - 1) if m > 1 else 0)
    else:
        centre = (at.astype(dtype) + real(0.5)) * real(scale) - real(0.5)
    if mode == "bilinear":
        centre = np.maximum(centre, 0)
    first = np.floor(centre)
    taps = np.arange(2) if mode == "bilinear" else np.arange(-1, 3)
    places = first + taps[:, None]
    return _table(places, _filter(mode, places - centre), n, dtype)


def _filter(mode: str, distance: Array) -> Array:
    """Return the weight of a pixel at a distance from the centre."""
    t, a = np.abs(distance), CUBIC
    if mode == "bilinear":
        return np.maximum(1 - t, 0)
    near = ((a + 2) * t - (a + 3)) * t * t + 1
    far = ((a * t - 5 * a) * t + 8 * a) * t - 4 * a
    return np.where(t <= 1, near, np.where(t < 2, far, 0))


def _table(places: Array, weights: Array, n: int, dtype: np.dtype) -> Taps:
    return Taps(
        np.ascontiguousarray(np.clip(places, 0, n - 1), np.int32),
        np.ascontiguousarray(weights, dtype),
    )
