"""Rows of `pool`."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import oracle
from numpy.typing import NDArray

import imgconv
from cases.base import Other, row_id


def pool_dtype(dtype: Any, how: str) -> np.dtype[Any]:
    """Return the dtype of what is pooled."""
    dtype = np.dtype(dtype).newbyteorder("=")
    if how == "mean":
        return oracle.result_dtype(dtype, True)
    return np.zeros(0, dtype).sum().dtype if how == "sum" else dtype


def rounded(values: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return Python's numbers in a dtype: floats rounded, integers saturated."""
    if dtype.kind == "f" or (values.size and isinstance(values.flat[0], float)):
        return oracle.round_to(values, dtype)
    low, high = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    return np.minimum(np.maximum(values, low), high).astype(dtype)


def pool_case(**arguments: Any) -> Other:
    """Return a row that pools."""
    how = arguments["how"]

    def expected(image: NDArray[Any]) -> NDArray[Any]:
        return rounded(oracle.pool(image, **arguments), pool_dtype(image.dtype, how))

    # In units of the largest pixel: two of the largest sum.
    ulps = 2 * int(np.prod(np.broadcast_to(arguments["size"], 2)))
    geometry = {name: value for name, value in arguments.items() if name != "how"}
    return Other(
        id=row_id("pool", how, **geometry),
        function=imgconv.pool,
        arguments=arguments,
        expected=expected,
        ulps={"sum": ulps, "mean": 64}.get(how, 1),
        via_float=how == "mean",
    )


def pool_cases() -> Iterator[Other]:
    """Yield windows side by side, overlapping, padded, dilated and beyond the end, of each kind."""
    for how in ("max", "min", "sum", "mean", "median"):
        for geometry in [
            {"size": 2},
            {"size": 3, "stride": 2},
            {"size": 3, "stride": 2, "padding": 1},
            {"size": (5, 4), "stride": (1, 3), "ceil_mode": True},
            {"size": (1, 7), "stride": 1, "padding": ((0, 0), (3, 2))},
            {"size": (3, 2), "stride": (4, 1), "dilation": (2, 3)},
            {"size": 4, "padding": 2, "count_include_pad": False, "ceil_mode": True},
            {"size": 1},
            {"size": (9, 13), "stride": 8, "ceil_mode": True},
        ]:
            yield pool_case(**geometry, how=how)


OTHERS = [*pool_cases()]
