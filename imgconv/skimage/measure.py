"""The face of `skimage.measure`; names that have no face here are scikit-image's own."""

from collections.abc import Callable, Hashable
from importlib import import_module
from typing import Any

import numpy as np

from imgconv.face_arguments import Image, Ints, check_size, each
from imgconv.fallback import FallBack, mark_refusals, other_names
from imgconv.filters.pooling import pool
from imgconv.skimage.arguments import real_array, skimage_face

__all__ = ["block_reduce"]

MEASURE = "skimage.measure"
# NumPy's functions, and the names that `imgconv.pool` has for them.
HOW: dict[Hashable, str] = {
    np.sum: "sum",
    np.max: "max",
    np.min: "min",
    np.mean: "mean",
    np.median: "median",
    np.amax: "max",
    np.amin: "min",
}
# In smaller images the blocks that reach beyond the image take longer than the others.
SMALL = 1 << 15
skimage_block_reduce = mark_refusals(import_module(MEASURE).block_reduce)


@skimage_face(MEASURE)
def block_reduce(
    image: Image,
    block_size: Ints = 2,
    func: Callable[..., Any] = np.sum,
    cval: float = 0,
    func_kwargs: dict[str, Any] | None = None,
) -> Image:
    """Reduce an image by making one pixel of each block."""
    image = real_array(image)
    how = HOW.get(func) if isinstance(func, Hashable) else None
    if how is None or not (func_kwargs is None or (type(func_kwargs) is dict and not func_kwargs)):
        raise FallBack("function")
    sizes = each(block_size, image.ndim, "block_size")
    if any(type(size) is not int or size < 1 for size in sizes):
        raise FallBack("block_size")
    counts = [n // size for n, size in zip(image.shape, sizes, strict=True)]
    if image.ndim not in (2, 3) or not all(counts) or not image.size:
        raise FallBack("shape")
    divided = all(n % size == 0 for n, size in zip(image.shape, sizes, strict=True))
    if not divided:
        check_size(image.size, SMALL)
    inside = image[tuple(slice(c * size) for c, size in zip(counts, sizes, strict=True))]
    result = reduce_blocks(inside, sizes, how)
    if divided:
        return result
    return with_partial_blocks(result, image, sizes, func, cval)


def with_partial_blocks(
    result: Image,
    image: Image,
    sizes: tuple[int, ...],
    func: Callable[..., Any],
    cval: float,
) -> Image:
    """Return the blocks of an image with those that reach beyond it, reduced by scikit-image."""
    inside = result.shape
    shape = [-(-n // size) for n, size in zip(image.shape, sizes, strict=True)]
    filled = np.empty(shape, result.dtype)
    filled[tuple(map(slice, inside))] = result
    for axis, count in enumerate(inside):
        if count < shape[axis]:
            rest = (slice(None),) * axis + (slice(count * sizes[axis], None),)
            last = (slice(None),) * axis + (slice(count, None),)
            filled[last] = skimage_block_reduce(image[rest], sizes, func, cval)
    return filled


def reduce_blocks(image: Image, sizes: tuple[int, ...], how: str) -> Image:
    """Return one pixel for each block of an image that the blocks divide, as NumPy rounds it."""
    if how == "sum" and image.dtype.kind in "iu" and image.dtype.itemsize == 8:
        raise FallBack("sums that may wrap around")
    if image.dtype.kind == "f" and image.dtype.itemsize == 2 and how in ("sum", "mean"):
        raise FallBack("dtype float16")
    axes: dict[str, Any] = {}
    if image.ndim == 3:
        alone = [axis for axis, size in enumerate(sizes) if size == 1]
        if not alone:
            raise FallBack("blocks of three axes")
        axes = {"channel_axis": alone[-1]}
        sizes = tuple(size for axis, size in enumerate(sizes) if axis != alone[-1])
    height, width = sizes
    if how == "mean" and image.dtype.kind != "f":
        means: Image = pool(image, (height, width), how="sum", dtype=np.float64, **axes)
        means /= height * width
        return means
    dtype = None
    if how == "median" and image.dtype.kind != "f":
        dtype = np.float64
    return pool(image, (height, width), how=how, dtype=dtype, **axes)


__getattr__, __dir__ = other_names(__name__, MEASURE, __all__)
