"""Rows of first and second differences: edge filters, `gradient`, `derivative`, `laplace`."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage import filters

import imgconv
from cases.base import Case, Filter, Part, library_filter, library_filter_of_one_border, row_id

# One-dimensional factors as published: the difference, and the smoothing across it.
FARID_EDGE = [-0.109603762960254, -0.276690988455557, 0, 0.276690988455557, 0.109603762960254]
FARID_SMOOTH = [
    0.0376593171958126, 0.249153396177344, 0.426374573253687, 0.249153396177344, 0.0376593171958126
]  # fmt: skip
EDGE_FACTORS: dict[str, tuple[list[float], list[float]]] = {
    "sobel": ([-1, 0, 1], [1, 2, 1]),
    "sobel5": ([-1, -2, 0, 2, 1], [1, 4, 6, 4, 1]),
    "sobel7": ([-1, -4, -5, 0, 5, 4, 1], [1, 6, 15, 20, 15, 6, 1]),
    "scharr": ([-1, 0, 1], [3, 10, 3]),
    "prewitt": ([-1, 0, 1], [1, 1, 1]),
    "farid": (FARID_EDGE, FARID_SMOOTH),
}
ROBERTS = (np.array([[1.0, 0], [0, -1]]), np.array([[0, 1.0], [-1, 0]]))


def edge_kernels(name: str, normalize: bool = True) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the kernels along y and x."""
    edge, smooth = (np.array(factor, np.float64) for factor in EDGE_FACTORS[name])
    if normalize and name != "farid":
        edge, smooth = edge / edge[edge > 0].sum(), smooth / smooth.sum()
    return np.outer(edge, smooth), np.outer(smooth, edge)


def edge_parts(
    kernels: tuple[NDArray[Any], ...], axis: int | None, normalize: bool, flipped: bool = False
) -> dict[str, Any]:
    """Return `parts` and `combine` of a row: one kernel, or the magnitude of both.

    A normalized magnitude is at most 1 where pixels differ by at most 1.
    """
    if axis is not None:
        return {"parts": (Part(kernels[axis], flipped),)}
    scale = np.sqrt(0.5) if normalize else 1.0
    return {
        "parts": tuple(Part(scale * kernel, flipped) for kernel in kernels),
        "combine": "magnitude",
    }


# ---- what libraries give -------------------------------------------------------------------------


def edge_library(name: str, axis: int | None, normalize: bool) -> Filter:
    """Return scikit-image's filter, or SciPy's where the weights are bare integers."""

    def skimage(image: Any, mode: str, cval: float) -> Any:
        return getattr(filters, name)(image, axis=axis, mode=mode, cval=cval)

    def scipy(image: Any, mode: str, cval: float) -> Any:
        bare = getattr(ndimage, name, None) or scaled_scharr
        if axis is not None:
            return bare(image, axis=axis, mode=mode, cval=cval)
        return np.hypot(*along_both_axes(bare, image, mode=mode, cval=cval))

    def scaled_scharr(image: Any, **options: Any) -> Any:
        return 16 * filters.scharr(image, **options)

    def scaled_farid(image: Any, mode: str, cval: float) -> Any:
        return skimage(image, mode, cval) * (np.sqrt(2) if axis is None else 1)

    if normalize:
        return skimage
    return scaled_farid if name == "farid" else scipy


def along_both_axes(library: Any, image: Any, **options: Any) -> tuple[Any, Any]:
    """Return the results of a library's filter along y and along x."""
    return library(image, axis=0, **options), library(image, axis=1, **options)


def correlation_or_magnitude(image: Any, parts: tuple[Part, ...], **border: Any) -> Any:
    """Return SciPy's correlation with one kernel, or the magnitude of those with two."""
    results = [ndimage.correlate(image, part.kernel, **border) for part in parts]
    return results[0] if len(results) == 1 else np.hypot(*results)


# ---- rows ----------------------------------------------------------------------------------------


def edge_cases() -> Iterator[Case]:
    """Yield the edge filters of size 3 along both axes and their magnitude."""
    for name in ("sobel", "scharr", "prewitt", "farid"):
        for normalize in (True, False):
            for axis in (None, 0, 1):
                yield Case(
                    id=f"{name}-{axis}" + ("" if normalize else "-bare"),
                    function=getattr(imgconv, name),
                    arguments={"axis": axis, "normalize": normalize},
                    library=edge_library(name, axis, normalize),
                    **edge_parts(edge_kernels(name, normalize), axis, normalize),
                )


def large_sobel_cases() -> Iterator[Case]:
    """Yield Sobel's filters of sizes that no library has."""
    for size in (5, 7):
        for axis in (None, 0, 1):
            about = edge_parts(edge_kernels(f"sobel{size}"), axis, True)
            yield Case(
                id=f"sobel{size}-{axis}",
                function=imgconv.sobel,
                arguments={"axis": axis, "size": size},
                library=library_filter(correlation_or_magnitude, about["parts"]),
                **about,
            )


def roberts_cases() -> Iterator[Case]:
    """Yield Roberts' diagonals, which scikit-image has with mirrored borders only."""
    functions = (filters.roberts_pos_diag, filters.roberts_neg_diag)
    for normalize in (True, False):
        for axis in (None, 0, 1):
            library = filters.roberts if axis is None else functions[axis]
            factor = np.sqrt(2) if axis is None and not normalize else 1.0
            yield Case(
                id=f"roberts-{axis}" + ("" if normalize else "-bare"),
                function=imgconv.roberts,
                arguments={"axis": axis, "normalize": normalize},
                library=library_filter_of_one_border(scaled, library, factor),
                modes=("reflect",),
                **edge_parts(ROBERTS, axis, normalize, flipped=True),
            )


def scaled(image: Any, library: Any, factor: float) -> Any:
    return factor * library(image)


def gradient_cases() -> Iterator[Case]:
    """Yield both derivatives at once, compared with a library's two filters one by one."""
    for name in ("sobel", "scharr", "prewitt", "farid"):
        for polar in (False, True):
            yield Case(
                id=f"gradient-{name}" + ("-polar" if polar else ""),
                function=imgconv.gradient,
                arguments={"kernel": name, "polar": polar},
                library=library_filter(skimage_gradient, getattr(filters, name), polar),
                parts=tuple(map(Part, edge_kernels(name))),
                combine="polar" if polar else "each",
            )


def skimage_gradient(image: Any, library: Any, polar: bool, **border: Any) -> tuple[Any, Any]:
    gy, gx = along_both_axes(library, image, **border)
    return (np.hypot(gy, gx), np.arctan2(gy, gx)) if polar else (gy, gx)


# Central differences by order and accuracy, from Fornberg's tables.
DIFFERENCES: dict[tuple[int, int], list[float]] = {
    (0, 2): [1.0],
    (1, 2): [-1 / 2, 0, 1 / 2],
    (1, 4): [1 / 12, -2 / 3, 0, 2 / 3, -1 / 12],
    (2, 2): [1, -2, 1],
    (2, 6): [1 / 90, -3 / 20, 3 / 2, -49 / 18, 3 / 2, -3 / 20, 1 / 90],
    (3, 2): [-1 / 2, 1, 0, -1, 1 / 2],
    (4, 2): [1, -4, 6, -4, 1],
}


def derivative_cases() -> Iterator[Case]:
    """Yield finite differences along both axes."""
    for (order, accuracy), weights in DIFFERENCES.items():
        for axis in (0, 1):
            kernel = np.array([weights], np.float64)
            yield Case(
                id=f"derivative-{axis}-order{order}-accuracy{accuracy}",
                function=imgconv.derivative,
                arguments={"axis": axis, "order": order, "accuracy": accuracy},
                library=library_filter(ndimage.correlate1d, weights, axis),
                parts=(Part(kernel.T if axis == 0 else kernel),),
            )


def laplace_cases() -> Iterator[Case]:
    """Yield the Laplacian."""
    yield Case(
        id=row_id("laplace"),
        function=imgconv.laplace,
        arguments={},
        library=library_filter(ndimage.laplace),
        parts=(Part(np.array([[0.0, 1, 0], [1, -4, 1], [0, 1, 0]])),),
    )


CASES = [
    *edge_cases(),
    *large_sobel_cases(),
    *roberts_cases(),
    *gradient_cases(),
    *derivative_cases(),
    *laplace_cases(),
]
