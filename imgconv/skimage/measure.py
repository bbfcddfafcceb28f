"""The face of `skimage.measure`; names that have no face here are scikit-image's own."""

from collections.abc import Hashable
from importlib import import_module
from typing import Any

import numpy as np

from imgconv.fallback import HandOver, asked, other_names
from imgconv.filters.pooling import pool
from imgconv.ndimage.call import each
from imgconv.skimage.convert import Image, as_skimage

__all__ = ["block_reduce"]

MEASURE = "skimage.measure"
HOW = {np.sum: "sum", np.max: "max", np.min: "min", np.mean: "mean", np.median: "median",
       np.amax: "max", np.amin: "min"}  # fmt: skip
# What sticks out of smaller images takes longer than the rest.
SMALL = 1 << 15
SCIKITS = asked(import_module(MEASURE).block_reduce)


@as_skimage(MEASURE)
def block_reduce(image, block_size=2, func=np.sum, cval=0, func_kwargs=None):
    """Reduce an image by making one pixel of each block."""
    if type(image) is not np.ndarray or image.dtype.kind not in "biuf":
        raise HandOver("not a NumPy array")
    how = HOW.get(func) if isinstance(func, Hashable) else None
    if how is None or not (func_kwargs is None or (type(func_kwargs) is dict and not func_kwargs)):
        raise HandOver("function")
    sizes = each(block_size, image.ndim, "block_size")
    if any(type(size) is not int or size < 1 for size in sizes):
        raise HandOver("block_size")
    counts = [n // size for n, size in zip(image.shape, sizes, strict=True)]
    if image.ndim not in (2, 3) or not all(counts) or not image.size:
        raise HandOver("shape")
    divided = all(n % size == 0 for n, size in zip(image.shape, sizes, strict=True))
    if not divided and image.size < SMALL:
        raise HandOver("small, and blocks that stick out")
    whole = image[tuple(slice(c * size) for c, size in zip(counts, sizes, strict=True))]
    result = reduced(whole, sizes, how)
    if divided:
        return result
    # Blocks that stick out of the image are padded: scikit-image makes them.
    filled = np.empty([-(-n // size) for n, size in zip(image.shape, sizes, strict=True)],
                      result.dtype)  # fmt: skip
    filled[tuple(map(slice, counts))] = result
    for axis, count in enumerate(counts):
        if count * sizes[axis] < image.shape[axis]:
            rest = (slice(None),) * axis + (slice(count * sizes[axis], None),)
            last = (slice(None),) * axis + (slice(count, None),)
            filled[last] = SCIKITS(image[rest], sizes, func, cval)
    return filled


def reduced(image: Image, sizes: tuple[int, ...], how: str) -> Image:
    """Return blocks that lie in the image reduced as NumPy does."""
    if how == "sum" and image.dtype.kind in "iu" and image.dtype.itemsize == 8:
        raise HandOver("sums that may wrap around")
    if image.dtype.kind == "f" and image.dtype.itemsize == 2 and how in ("sum", "mean"):
        raise HandOver("dtype")
    axes: dict[str, Any] = {}
    if image.ndim == 3:
        alone = [axis for axis, size in enumerate(sizes) if size == 1]
        if not alone:
            raise HandOver("blocks of three axes")
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
