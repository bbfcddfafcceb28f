"""Filters that look at a plane as a whole: one after the other, and in pieces."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from imgconv.core import check
from imgconv.core.call import Filter
from imgconv.core.decide import Placement
from imgconv.core.pixels import store
from imgconv.core.run import Call
from imgconv.filters.arguments import Image
from imgconv.operations.base import DType

__all__ = ["by_plane", "in_stripes", "row_reader", "rows_of", "single_call"]


def by_plane(
    image: Image,
    layout: check.Layout,
    size: tuple[int, int],
    computed: DType,
    dtype: DType,
    out: Image | None,
    fill: Callable[[Image, Image], None],
) -> Image:
    """Return the results of `fill`, which is given each plane and an array of `size` to fill.

    It fills arrays of the computing dtype, which are then stored in `out` or as `dtype`.
    """
    shape = list(image.shape)
    shape[layout.y], shape[layout.x] = size
    results = np.empty(shape, computed)
    planes, targets = (np.moveaxis(one, (layout.y, layout.x), (-2, -1)) for one in (image, results))
    for place in np.ndindex(targets.shape[:-2] if results.size else (0,)):
        fill(planes[place], targets[place])
    if out is None and dtype == computed:
        return results
    target = np.empty(shape, dtype) if out is None else out
    store(results, target)
    return target


def single_call(filter: Filter[..., Image], *arguments: Any, **options: Any) -> Call[Image]:
    """Return the call of a filter that runs one loop, in which single arguments can be replaced."""
    call = filter.call(*arguments, **options)
    assert isinstance(call, Call)
    return call


def in_stripes(call: Call[Image], pixels: int) -> Iterator[tuple[int, Image]]:
    """Yield the first row and the result of stripes of a plane, of about so many pixels."""
    height, width = np.shape(call.image)
    rows = max(8, pixels // width // 8 * 8)
    for top in range(0, height, rows):
        yield top, rows_of(call, top, min(top + rows, height))


def row_reader(call: Call[Image]) -> Callable[[int, int], Image]:
    """Return what gives rows of the result for a plane, from the whole where that is needed."""
    operation = call.plan().operation
    if operation.whole or not operation.placeable:
        result = call.run()
        return lambda top, bottom: result[top:bottom]
    return lambda top, bottom: rows_of(call, top, bottom)


def rows_of(call: Call[Any], top: int, bottom: int) -> Image:
    """Return some rows of the result for a plane, as the plan of the whole plane computes them."""
    operation = call.plan().operation
    assert operation.placeable
    assert not operation.whole, operation.whole
    y, x = (axis.before for axis in operation.windows)
    placement = Placement((y - top, x), (bottom - top, np.shape(call.image)[1]))
    result: Image = call._replace(operation=operation, placement=placement).run()
    return result
