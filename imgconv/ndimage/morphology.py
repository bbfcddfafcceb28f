"""The flat morphology of `scipy.ndimage`, grey and binary."""

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike
from scipy import ndimage

from imgconv.face_arguments import Axes, Image, Ints, Modes, array_of, each, integer
from imgconv.fallback import FallBack
from imgconv.ndimage.arguments import (
    UINT8,
    OutputLike,
    axes_of,
    flipped_origins,
    image_of,
    is_fillable,
)
from imgconv.ndimage.memory_safe import scipy_face, subtract
from imgconv.ndimage.order import WindowArguments, extremum_filter, prepare_rank

__all__ = [
    "binary_closing",
    "binary_dilation",
    "binary_erosion",
    "binary_opening",
    "black_tophat",
    "grey_closing",
    "grey_dilation",
    "grey_erosion",
    "grey_opening",
    "morphological_gradient",
    "white_tophat",
]

# With more iterations SciPy may be faster: it looks only where the last one changed something.
MOST_ITERATIONS = 12


@scipy_face
def grey_erosion(
    input: ArrayLike,
    size: Ints | None = None,
    footprint: ArrayLike | None = None,
    structure: ArrayLike | None = None,
    output: OutputLike = None,
    mode: Modes = "reflect",
    cval: complex = 0.0,
    origin: Ints = 0,
    *,
    axes: Axes = None,
) -> Image:
    """Shrink what is bright.

    Examples
    --------
    >>> from imgconv.ndimage import grey_erosion
    >>> print(grey_erosion([1, 5, 5, 5, 2], size=3))
    [1 1 5 2 2]
    """
    element = flat_element(size, footprint, structure, mode, cval, origin, axes)
    return erode(input, element, output)


@scipy_face
def grey_dilation(
    input: ArrayLike,
    size: Ints | None = None,
    footprint: ArrayLike | None = None,
    structure: ArrayLike | None = None,
    output: OutputLike = None,
    mode: Modes = "reflect",
    cval: complex = 0.0,
    origin: Ints = 0,
    *,
    axes: Axes = None,
) -> Image:
    """Grow what is bright.

    Examples
    --------
    >>> from imgconv.ndimage import grey_dilation
    >>> print(grey_dilation([1, 5, 1, 1, 2], size=3))
    [5 5 5 2 2]
    """
    element = flat_element(size, footprint, structure, mode, cval, origin, axes)
    return dilate(input, element, output)


@scipy_face
def grey_opening(
    input: ArrayLike,
    size: Ints | None = None,
    footprint: ArrayLike | None = None,
    structure: ArrayLike | None = None,
    output: OutputLike = None,
    mode: Modes = "reflect",
    cval: complex = 0.0,
    origin: Ints = 0,
    *,
    axes: Axes = None,
) -> Image:
    """Remove what is bright and smaller than the structuring element.

    Examples
    --------
    >>> from imgconv.ndimage import grey_opening
    >>> print(grey_opening([1, 5, 1, 4, 4, 4, 1], size=3))
    [1 1 1 4 4 4 1]
    """
    element = flat_element(size, footprint, structure, mode, cval, origin, axes)
    inner = erode(input, element, None)
    return dilate(inner, element, output)


@scipy_face
def grey_closing(
    input: ArrayLike,
    size: Ints | None = None,
    footprint: ArrayLike | None = None,
    structure: ArrayLike | None = None,
    output: OutputLike = None,
    mode: Modes = "reflect",
    cval: complex = 0.0,
    origin: Ints = 0,
    *,
    axes: Axes = None,
) -> Image:
    """Remove what is dark and smaller than the structuring element.

    Examples
    --------
    >>> from imgconv.ndimage import grey_closing
    >>> print(grey_closing([5, 1, 5, 2, 2, 2, 5], size=3))
    [5 5 5 2 2 2 5]
    """
    element = flat_element(size, footprint, structure, mode, cval, origin, axes)
    outer = dilate(input, element, None)
    return erode(outer, element, output)


@scipy_face
def morphological_gradient(
    input: ArrayLike,
    size: Ints | None = None,
    footprint: ArrayLike | None = None,
    structure: ArrayLike | None = None,
    output: OutputLike = None,
    mode: Modes = "reflect",
    cval: complex = 0.0,
    origin: Ints = 0,
    *,
    axes: Axes = None,
) -> Image:
    """Subtract the erosion from the dilation.

    Examples
    --------
    >>> from imgconv.ndimage import morphological_gradient
    >>> print(morphological_gradient([1, 1, 1, 5, 5, 5], size=3))
    [0 0 4 4 0 0]
    """
    element = flat_element(size, footprint, structure, mode, cval, origin, axes)
    check_no_overlap(input, output)
    if not isinstance(output, np.ndarray):
        output = None
    if image_of(input).dtype == (np.bool_ if output is None else output.dtype) == np.bool_:
        raise FallBack("difference of bools")
    outer = dilate(input, element, None)
    inner = erode(input, element, output)
    return np.subtract(outer, inner, inner if output is None else output)


@scipy_face
def white_tophat(
    input: ArrayLike,
    size: Ints | None = None,
    footprint: ArrayLike | None = None,
    structure: ArrayLike | None = None,
    output: OutputLike = None,
    mode: Modes = "reflect",
    cval: complex = 0.0,
    origin: Ints = 0,
    *,
    axes: Axes = None,
) -> Image:
    """Subtract the opening from the image.

    Examples
    --------
    >>> from imgconv.ndimage import white_tophat
    >>> print(white_tophat([1, 5, 1, 4, 4, 4, 1], size=3))
    [0 4 0 0 0 0 0]
    """
    element = flat_element(size, footprint, structure, mode, cval, origin, axes)
    check_no_overlap(input, output)
    inner = erode(input, element, None)
    opened = dilate(inner, element, output)
    return subtract(np.asarray(input), opened, opened)


@scipy_face
def black_tophat(
    input: ArrayLike,
    size: Ints | None = None,
    footprint: ArrayLike | None = None,
    structure: ArrayLike | None = None,
    output: OutputLike = None,
    mode: Modes = "reflect",
    cval: complex = 0.0,
    origin: Ints = 0,
    *,
    axes: Axes = None,
) -> Image:
    """Subtract the image from its closing.

    Examples
    --------
    >>> from imgconv.ndimage import black_tophat
    >>> print(black_tophat([5, 1, 5, 2, 2, 2, 5], size=3))
    [0 4 0 0 0 0 0]
    """
    element = flat_element(size, footprint, structure, mode, cval, origin, axes)
    check_no_overlap(input, output)
    outer = dilate(input, element, None)
    closed = erode(outer, element, output)
    return subtract(closed, np.asarray(input), closed)


@scipy_face
def binary_erosion(
    input: ArrayLike,
    structure: ArrayLike | None = None,
    iterations: int = 1,
    mask: ArrayLike | None = None,
    output: OutputLike = None,
    border_value: int = 0,
    origin: Ints = 0,
    brute_force: bool = False,
    *,
    axes: Axes = None,
) -> Image:
    """Shrink what is not 0.

    Examples
    --------
    >>> from imgconv.ndimage import binary_erosion
    >>> print(binary_erosion([0, 1, 1, 1, 1, 0]).astype(int))
    [0 0 1 1 0 0]
    """
    return iterate(
        input, structure, iterations, mask, output, border_value, origin, axes, grows=False
    )


@scipy_face
def binary_dilation(
    input: ArrayLike,
    structure: ArrayLike | None = None,
    iterations: int = 1,
    mask: ArrayLike | None = None,
    output: OutputLike = None,
    border_value: int = 0,
    origin: Ints = 0,
    brute_force: bool = False,
    *,
    axes: Axes = None,
) -> Image:
    """Grow what is not 0.

    Examples
    --------
    >>> from imgconv.ndimage import binary_dilation
    >>> print(binary_dilation([0, 0, 1, 0, 0, 0]).astype(int))
    [0 1 1 1 0 0]
    """
    return iterate(
        input, structure, iterations, mask, output, border_value, origin, axes, grows=True
    )


@scipy_face
def binary_opening(
    input: ArrayLike,
    structure: ArrayLike | None = None,
    iterations: int = 1,
    output: OutputLike = None,
    origin: Ints = 0,
    mask: ArrayLike | None = None,
    border_value: int = 0,
    brute_force: bool = False,
    *,
    axes: Axes = None,
) -> Image:
    """Remove what is not 0 and smaller than the structuring element.

    Examples
    --------
    >>> from imgconv.ndimage import binary_opening
    >>> print(binary_opening([0, 1, 0, 1, 1, 1, 0]).astype(int))
    [0 0 0 1 1 1 0]
    """
    common = border_value, origin, axes
    inner = iterate(input, structure, iterations, mask, None, *common, grows=False)
    return iterate(inner, structure, iterations, mask, output, *common, grows=True)


@scipy_face
def binary_closing(
    input: ArrayLike,
    structure: ArrayLike | None = None,
    iterations: int = 1,
    output: OutputLike = None,
    origin: Ints = 0,
    mask: ArrayLike | None = None,
    border_value: int = 0,
    brute_force: bool = False,
    *,
    axes: Axes = None,
) -> Image:
    """Fill what is 0 and smaller than the structuring element.

    Examples
    --------
    >>> from imgconv.ndimage import binary_closing
    >>> print(binary_closing([0, 0, 1, 1, 0, 1, 1, 0, 0]).astype(int))
    [0 0 1 1 1 1 1 0 0]
    """
    common = border_value, origin, axes
    outer = iterate(input, structure, iterations, mask, None, *common, grows=True)
    return iterate(outer, structure, iterations, mask, output, *common, grows=False)


# ---- grey ------------------------------------------------------------------------------------


def flat_element(
    size: object,
    footprint: object,
    structure: object,
    mode: object,
    cval: object,
    origin: object,
    axes: object,
) -> WindowArguments:
    """Return the structuring element; fall back unless it is flat and given once."""
    if structure is not None:
        raise FallBack("structure that is not flat")
    if (size is None) == (footprint is None):
        raise FallBack("size and footprint")
    return WindowArguments(size, footprint, mode, cval, origin, axes)


def check_no_overlap(input: object, output: object) -> None:
    """Fall back where the output would overwrite the image before the difference is taken."""
    if isinstance(output, np.ndarray) and np.may_share_memory(image_of(input), output):
        raise FallBack("output overlaps input")


def erode(input: object, element: WindowArguments, output: object) -> Image:
    """Return the minima."""
    return extremum_filter(input, element, output, maximum=False)


def dilate(input: object, element: WindowArguments, output: object) -> Image:
    """Return the maxima over the element rotated by 180 degrees."""
    n = len(axes_of(element.axes, image_of(input).ndim))
    footprint = element.footprint
    if footprint is None:
        shape = tuple(integer(k, "size") for k in each(element.size, n, "size"))
    else:
        pixels = array_of(footprint, "footprint", bool)
        shape = pixels.shape
        if len(shape) != n:
            raise FallBack("footprint")
        footprint = np.flip(pixels)
    origins = flipped_origins(element.origin, shape)
    flipped = element._replace(footprint=footprint, origin=origins)
    return extremum_filter(input, flipped, output, maximum=True)


# ---- binary ----------------------------------------------------------------------------------


@lru_cache(maxsize=8)
def cross(ndim: int) -> Image:
    """Return SciPy's default element: a pixel and its neighbours along the axes."""
    element: Image = ndimage.generate_binary_structure(ndim, 1)
    return element


def iterate(
    input: object,
    structure: object,
    iterations: object,
    mask: object,
    output: object,
    border_value: object,
    origin: object,
    axes: object,
    grows: bool,
) -> Image:
    """Erode or dilate a few times, by minima or maxima of bytes."""
    image = image_of(input)
    times = integer(iterations, "iterations")
    if not 1 <= times <= MOST_ITERATIONS:
        raise FallBack("iterations")
    if mask is not None:
        raise FallBack("mask")
    outside = integer(border_value, "border_value")
    if outside not in {0, 1}:
        raise FallBack("border_value")
    if isinstance(output, np.ndarray) and not (
        type(output) is np.ndarray and is_fillable(output, image)
    ):
        raise FallBack("output")
    n = len(axes_of(axes, image.ndim))
    element = cross(n) if structure is None else array_of(structure, "structure", bool)
    if element.ndim != n:
        raise FallBack("structure")
    origins = each(origin, n, "origin")
    if grows:
        element, origins = np.flip(element), flipped_origins(origins, element.shape)
    result = (image if image.dtype.kind == "b" else image != 0).view(UINT8)
    given = WindowArguments(None, element, "constant", float(outside), origins, axes)
    for _ in range(times):
        ready = prepare_rank(result, given, None)
        result = ready.run(ready.window.count - 1 if grows else 0)
    if not isinstance(output, np.ndarray):
        return result.view(np.bool_)
    output[...] = result
    return output
