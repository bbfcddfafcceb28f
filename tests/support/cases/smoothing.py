"""Rows of Gaussians, of the filters that are made of Gaussians, and of `box`."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage import filters

import imgconv
from cases.base import DTYPES, Case, Part, library_filter, library_filter_of_one_border, row_id

# ---- kernels -------------------------------------------------------------------------------------


def gaussian_kernel(
    sigma: Any, order: Any = 0, truncate: float = 4.0, radius: Any = None
) -> NDArray[Any]:
    """Return SciPy's 2-D kernel, from what its filter makes of a single pixel."""
    arguments = (np.broadcast_to(argument, 2) for argument in (sigma, order, radius))
    factors = []
    for s, o, r in zip(*arguments, strict=True):
        reach = int(truncate * s + 0.5) if r is None else int(r)
        dot = np.zeros(2 * reach + 1)
        dot[reach] = 1
        options = {"mode": "constant", "truncate": truncate, "radius": r}
        factors.append(ndimage.gaussian_filter1d(dot, s, order=o, **options)[::-1] if s else dot)
    return np.outer(*factors)


def padded(kernel: NDArray[Any], size: NDArray[Any]) -> NDArray[Any]:
    """Return the kernel in the middle of zeros."""
    (top, left) = ((n - k) // 2 for n, k in zip(size, kernel.shape, strict=True))
    return np.pad(kernel, ((top, top), (left, left)))


def sum_of(*kernels: NDArray[Any]) -> NDArray[Any]:
    """Return the sum of kernels of several odd sizes."""
    size = np.max([kernel.shape for kernel in kernels], axis=0)
    return np.sum([padded(kernel, size) for kernel in kernels], axis=0)


def laplacian_of_gaussian(sigma: Any) -> NDArray[Any]:
    return sum_of(gaussian_kernel(sigma, (2, 0)), gaussian_kernel(sigma, (0, 2)))


def difference_of_gaussians(low: Any, high: Any) -> NDArray[Any]:
    return sum_of(gaussian_kernel(low), -gaussian_kernel(high))


def unsharp(radius: float, amount: float) -> NDArray[Any]:
    return sum_of(np.array([[1 + amount]]), -amount * gaussian_kernel(radius))


# ---- rows ----------------------------------------------------------------------------------------


def gaussian_cases() -> Iterator[Case]:
    """Yield Gaussians and their derivatives."""
    for options in [
        {"sigma": 0.8},
        {"sigma": 1.5},
        {"sigma": 4},
        {"sigma": (0.6, 2.5)},
        {"sigma": 0},
        {"sigma": (0, 1.2)},
        {"sigma": 2, "truncate": 1.5},
        {"sigma": (1, 3), "radius": (2, 4)},
        {"sigma": 1, "order": 1},
        {"sigma": (1, 2), "order": (0, 2)},
        {"sigma": 1.5, "order": (3, 1)},
        {"sigma": (2, 0.8), "method": "fft"},
        {"sigma": (0, 1.5), "method": "fft"},
        {"sigma": (1, 2), "order": (1, 0), "method": "fft"},
    ]:
        taps = {name: value for name, value in options.items() if name != "method"}
        yield Case(
            id=row_id("gaussian", **options),
            function=imgconv.gaussian,
            arguments=options,
            library=library_filter(ndimage.gaussian_filter, **taps),
            parts=(Part(gaussian_kernel(**taps)),),
            smooths=not np.any(options.get("order", 0)),
        )


def resampled_cases() -> Iterator[Case]:
    """Yield Gaussians on a coarse grid: requested, and where rounding to integers hides it."""
    for options, approximated in [
        ({"sigma": (8, 0.6), "method": "resample"}, DTYPES),
        ({"sigma": (0, 12.5), "method": "resample"}, DTYPES),
        ({"sigma": (9, 0)}, ("bool", "int8", "uint8")),
        ({"sigma": (9, 0), "method": "direct"}, ()),
    ]:
        yield Case(
            id=row_id("gaussian", **options),
            function=imgconv.gaussian,
            arguments=options,
            library=library_filter(ndimage.gaussian_filter, options["sigma"]),
            parts=(Part(gaussian_kernel(options["sigma"])),),
            smooths=True,
            error=1e-4 if approximated else 0.0,
            approximated=approximated,
        )


def derivatives_of_gaussians_cases() -> Iterator[Case]:
    """Yield the Laplacian and the magnitude of the gradient, round and not."""
    for sigma in (1, (0.7, 2)):
        yield Case(
            id=row_id("gaussian_laplace", sigma),
            function=imgconv.gaussian_laplace,
            arguments={"sigma": sigma},
            library=library_filter(ndimage.gaussian_laplace, sigma),
            parts=(Part(laplacian_of_gaussian(sigma)),),
        )
        yield Case(
            id=row_id("gaussian_gradient_magnitude", sigma),
            function=imgconv.gaussian_gradient_magnitude,
            arguments={"sigma": sigma},
            library=library_filter(ndimage.gaussian_gradient_magnitude, sigma),
            parts=tuple(Part(gaussian_kernel(sigma, order)) for order in ((1, 0), (0, 1))),
            combine="magnitude",
        )


def differences_of_gaussians_cases() -> Iterator[Case]:
    """Yield bands of scales, and sharpened and blurred images."""
    for low, high in ((1, None), (0.5, 2), ((0, 1), (1, 3))):
        yield Case(
            id=row_id("difference_of_gaussians", low, high),
            function=imgconv.difference_of_gaussians,
            arguments={"low_sigma": low, "high_sigma": high},
            library=library_filter(filters.difference_of_gaussians, low, high),
            parts=(Part(difference_of_gaussians(low, 1.6 * low if high is None else high)),),
        )
    for radius, amount in ((1.0, 1.0), (2.5, 0.5), (1.5, -0.75)):
        yield Case(
            id=row_id("unsharp_mask", radius, amount),
            function=imgconv.unsharp_mask,
            arguments={"radius": radius, "amount": amount},
            library=library_filter_of_one_border(
                filters.unsharp_mask, radius, amount, preserve_range=True
            ),
            parts=(Part(unsharp(radius, amount)),),
            smooths=True,
            modes=("reflect",),
        )


def box_cases() -> Iterator[Case]:
    """Yield rectangles on both sides of the sizes at which another algorithm begins."""
    for size in (1, 2, 3, (4, 6), (1, 5), (7, 1), 9, (16, 17), 31):
        height, width = np.broadcast_to(size, 2)
        yield Case(
            id=row_id("box", size),
            function=imgconv.box,
            arguments={"size": size},
            library=library_filter(ndimage.uniform_filter, size),
            parts=(Part(np.full((height, width), 1 / (height * width))),),
            smooths=True,
        )


CASES = [
    *gaussian_cases(),
    *resampled_cases(),
    *derivatives_of_gaussians_cases(),
    *differences_of_gaussians_cases(),
    *box_cases(),
]
