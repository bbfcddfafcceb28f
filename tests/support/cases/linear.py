"""Rows of `correlate`, `convolve`, `separable` and `gabor`: kernels that the caller names."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, signal
from skimage import filters

import imgconv
from cases.base import MODES, Case, Filter, Part, library_filter, row_id

SIGNAL_BOUNDARY = {"reflect": "symm", "wrap": "wrap", "constant": "fill"}


def random_kernel(*shape: int) -> NDArray[Any]:
    return np.random.default_rng(shape).normal(size=shape)


def low_rank_kernel(rank: int, *shape: int) -> NDArray[Any]:
    rng = np.random.default_rng(shape)
    return rng.normal(size=(shape[0], rank)) @ rng.normal(size=(rank, shape[1]))


def scipy_dense(
    name: str, kernel: NDArray[Any], shape: str = "same", stride: Any = 1, dilation: Any = 1
) -> Filter:
    """Return scipy.ndimage or scipy.signal with a kernel whose taps are moved apart."""
    dilation, (sy, sx) = np.broadcast_to(dilation, 2), np.broadcast_to(stride, 2)
    dilated = np.zeros(dilation * (np.array(kernel.shape) - 1) + 1)
    dilated[:: dilation[0], :: dilation[1]] = kernel

    def library(image: Any, mode: str, cval: float) -> NDArray[Any]:
        if shape == "same":
            every = getattr(ndimage, name)(image, dilated, mode=mode, cval=cval)
        else:
            boundary = SIGNAL_BOUNDARY[mode]
            every = getattr(signal, name + "2d")(image, dilated, shape, boundary, cval)
        return every[::sy, ::sx]

    return library


def dense_pair(kernel: NDArray[Any], *label: str, **options: Any) -> Iterator[Case]:
    """Yield the rows of `correlate` and `convolve` with a kernel and the same options."""
    size = "x".join(map(str, kernel.shape))
    geometry = {name: value for name, value in options.items() if name != "method"}
    for function in (imgconv.correlate, imgconv.convolve):
        name = function.__name__
        yield Case(
            id=row_id(name, *label, size, **geometry),
            function=function,
            arguments={"kernel": kernel, **options},
            library=scipy_dense(name, kernel, **geometry),
            parts=(Part(kernel, flipped=name == "convolve", options=geometry),),
            modes=tuple(SIGNAL_BOUNDARY) if "shape" in options else MODES,
        )


def dense_cases() -> Iterator[Case]:
    """Yield correlate and convolve with kernels of many shapes, strides and dilations."""
    for size, options in [
        ((1, 1), {}),
        ((1, 5), {}),
        ((6, 1), {}),
        ((2, 2), {}),
        ((3, 3), {}),
        ((4, 3), {}),
        ((5, 5), {}),
        ((7, 9), {}),
        ((3, 3), {"stride": 2}),
        ((4, 5), {"stride": (1, 3)}),
        ((5, 2), {"stride": (4, 1)}),
        ((3, 3), {"dilation": 2}),
        ((5, 3), {"dilation": (1, 4)}),
        ((1, 3), {"dilation": (5, 2)}),
        ((3, 5), {"stride": (3, 2), "dilation": (2, 3)}),
        ((3, 4), {"shape": "full"}),
        ((5, 5), {"shape": "full", "stride": (2, 3), "dilation": (1, 2)}),
        ((3, 4), {"shape": "valid"}),
        ((5, 5), {"shape": "valid", "stride": (3, 2), "dilation": (2, 1)}),
    ]:
        yield from dense_pair(random_kernel(*size), **options)


def method_cases() -> Iterator[Case]:
    """Yield correlate and convolve by each method; "auto" finds the terms of the last kernels."""
    for method, kernel, options in [
        ("direct", random_kernel(21, 21), {}),
        ("fft", random_kernel(5, 7), {}),
        ("fft", random_kernel(4, 1), {"stride": (2, 3)}),
        ("fft", random_kernel(3, 5), {"dilation": (2, 3)}),
        ("fft", random_kernel(5, 6), {"shape": "full"}),
        ("fft", random_kernel(6, 5), {"shape": "valid", "stride": 2}),
        ("separable", low_rank_kernel(2, 5, 6), {}),
        ("separable", low_rank_kernel(3, 7, 8), {"shape": "full", "stride": (2, 1)}),
        ("separable", low_rank_kernel(1, 4, 3), {"shape": "valid", "stride": (1, 3)}),
        ("auto", low_rank_kernel(1, 8, 9), {}),
        ("auto", low_rank_kernel(2, 15, 13), {}),
    ]:
        yield from dense_pair(kernel, method, method=method, **options)


def separable_cases() -> Iterator[Case]:
    """Yield kernels of few, many, odd and even taps, with zeros among them."""
    for ny, nx in [(3, 3), (1, 7), (4, 2), (13, 1), (5, 11)]:
        kernel_y = np.random.default_rng(ny).normal(size=ny)
        kernel_x = np.random.default_rng(nx).integers(-2, 3, nx)
        yield Case(
            id=f"separable-{ny}x{nx}",
            function=imgconv.separable,
            arguments={"kernel_y": kernel_y, "kernel_x": kernel_x},
            library=library_filter(scipy_separable, kernel_y, kernel_x),
            parts=(Part(np.outer(kernel_y, kernel_x)),),
        )


def scipy_separable(
    image: Any, kernel_y: NDArray[Any], kernel_x: NDArray[Any], **border: Any
) -> NDArray[Any]:
    columns = ndimage.correlate1d(image, kernel_y, 0, **border)
    return ndimage.correlate1d(columns, kernel_x, 1, **border)


def gabor_cases() -> Iterator[Case]:
    """Yield round and long Gabor kernels in several directions."""
    for options in [
        {"frequency": 0.25},
        {"frequency": 0.2, "theta": 0.6, "offset": 0.4},
        {"frequency": 0.3, "theta": -1.1, "sigma_x": 1.5, "sigma_y": 3.0},
        {"frequency": 0.4, "theta": np.pi / 2, "bandwidth": 1.5, "n_stds": 2},
    ]:
        kernel = filters.gabor_kernel(**options)
        yield Case(
            id=row_id("gabor", **{name: f"{value:.3g}" for name, value in options.items()}),
            function=imgconv.gabor,
            arguments=options,
            library=library_filter(filters.gabor, **options),
            parts=(Part(kernel.real, flipped=True), Part(kernel.imag, flipped=True)),
        )


CASES = [*dense_cases(), *method_cases(), *separable_cases(), *gabor_cases()]
