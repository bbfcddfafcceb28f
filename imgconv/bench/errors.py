"""Errors of results, compared with exact ones: prints the tables of docs/numerics.md.

python -m imgconv.bench.errors
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage, signal

import imgconv
from imgconv.nn.functional.convolution import conv2d
from imgconv.operations.resample import resampled_gaussian

SIGMAS = (8, 10, 12, 16, 20, 30, 50, 100, 200)

# Standard deviations of Gaussians that are transformed.
WIDE = (16, 20, 50, 100, 200)

# Sides of kernels that are transformed.
TRANSFORMED = (17, 31, 63, 127)

# Inputs of layers of 3x3, and how their pixels are distributed.
LAYERS = (
    *((inputs, "normal") for inputs in (8, 16, 64, 256)),
    *((inputs, "positive") for inputs in (8, 64, 256)),
)

SHORT = ("uint8", "int8", "uint16", "int16")


def integer_sobel(image: NDArray[Any], axis: int, normalize: bool) -> NDArray[Any]:
    """Return Sobel's derivative by its integer weights."""
    assert not normalize
    derivative: NDArray[Any] = ndimage.sobel(image, axis)
    return derivative


# The filter, its arguments, the function that computes the same in float64, and the dtypes.
MEASURED: list[tuple[str, dict[str, Any], Any, tuple[str, ...]]] = [
    *(("gaussian", {"sigma": sigma}, ndimage.gaussian_filter, SHORT) for sigma in (1.5, 8, 20, 50)),
    *(("box", {"size": size}, ndimage.uniform_filter, SHORT) for size in (3, 15, 51)),
    ("sobel", {"axis": 1, "normalize": False}, integer_sobel, SHORT),
    ("laplace", {}, ndimage.laplace, SHORT),
]
SIZE = (200, 300)
WIDE_SIZE = (400, 300)


def resampling() -> Iterator[tuple[str, ...]]:
    """Yield the largest error of resampled Gaussians for any image."""
    yield "sigma", "factor", "taps", "largest error, of the pixels' range", "of 8-bit pixels"
    for sigma in SIGMAS:
        grid = resampled_gaussian((sigma, sigma))
        assert grid is not None
        side, error = grid.sides[0], grid.error
        yield (
            f"{sigma}",
            f"{side.factor}",
            f"{len(side.kernel)}",
            f"{error:.1e}",
            f"{255 * error:.4f}",
        )


def transformed() -> Iterator[tuple[str, ...]]:
    """Yield the largest errors of transformed Gaussians, on images whose pixels are 0 to 1."""
    yield "sigma", "taps", "float32", "float64"
    for sigma in WIDE:
        images = [image(WIDE_SIZE) for image in (random_pixels, checkerboard, corner)]
        largest = [
            max(float(np.abs(error).max()) for error in gaussian_errors(images, sigma, dtype))
            for dtype in ("float32", "float64")
        ]
        yield f"{sigma}", f"{8 * sigma + 1}", *(f"{error:.1e}" for error in largest)


def tiles() -> Iterator[tuple[str, ...]]:
    """Yield the largest errors of correlation by transforms, ours and those of SciPy.

    Units are eps * sum(|weights|) * range of the pixels. Weights are positive, so that no result is
    near the bound below which it becomes 0.
    """
    yield "kernel", "float32", "SciPy's float32", "float64", "SciPy's float64"
    images = [image(WIDE_SIZE) for image in (random_pixels, checkerboard, corner)]
    for side in TRANSFORMED:
        kernel = np.random.default_rng(side).random((side, side))
        found = [
            max(error for image in images for error in [tile_error(image, kernel, dtype, ours)])
            for dtype in ("float32", "float64")
            for ours in (True, False)
        ]
        yield f"{side}x{side}", *(f"{error:.2f}" for error in found)


def tile_error(image: NDArray[Any], kernel: NDArray[Any], dtype: str, ours: bool) -> float:
    """Return the largest error of the places that are inside the image, in units of `tiles`."""
    pixels, weights = image.astype(dtype), kernel.astype(dtype)
    exact = exact_convolution(pixels, weights)
    if ours:
        found = imgconv.convolve(pixels, weights, shape="valid", method="fft")
    else:
        found = signal.fftconvolve(pixels, weights, "valid")
    unit = float(np.finfo(dtype).eps) * float(weights.sum()) * float(np.ptp(pixels))
    return float(np.abs(found - exact).max()) / unit


def exact_convolution(image: NDArray[Any], kernel: NDArray[Any]) -> NDArray[Any]:
    """Return the places inside the image by transforms in extended precision."""
    shape = image.shape
    waves = fft.rfft2(image.astype(np.longdouble)) * fft.rfft2(kernel.astype(np.longdouble), shape)
    found: NDArray[Any] = fft.irfft2(waves, shape)
    return found[kernel.shape[0] - 1 :, kernel.shape[1] - 1 :]


def layers() -> Iterator[tuple[str, ...]]:
    """Yield the errors of layers of 3x3, by sums and by Winograd's algorithm.

    Those of a layer of 16 outputs on 64x64 pixels, in units of 2**-23 of the results' root mean
    square.
    """
    yield ("inputs", "pixels", "sum, rms", "largest", "Winograd, rms", "largest", "ratio of rms",
           "of largest")  # fmt: skip
    for inputs, pixels in LAYERS:
        rng = np.random.default_rng(inputs)
        image = rng.standard_normal((1, inputs, 64, 64)).astype(np.float32)
        weights = rng.standard_normal((16, inputs, 3, 3)).astype(np.float32)
        image = np.abs(image) if pixels == "positive" else image
        exact = conv2d(image.astype(float), weights.astype(float), padding=1, winograd=False)
        unit = float(np.sqrt((exact**2).mean())) * 2.0**-23
        errors = []
        for winograd in (False, True):
            off = (conv2d(image, weights, padding=1, winograd=winograd) - exact) / unit
            errors += [float(np.sqrt((off**2).mean())), float(np.abs(off).max())]
        ratios = errors[2] / errors[0], errors[3] / errors[1]
        yield f"{inputs}", pixels, *(f"{number:.1f}" for number in (*errors, *ratios))


def gaussian_errors(
    images: Sequence[NDArray[Any]], sigma: float, dtype: str
) -> Iterator[NDArray[Any]]:
    """Yield the differences to SciPy's Gaussians in float64 of the same pixels."""
    for image in images:
        pixels = image.astype(dtype)
        exact = ndimage.gaussian_filter(pixels.astype(np.float64), sigma)
        yield imgconv.gaussian(pixels, sigma, method="fft") - exact


def random_pixels(size: tuple[int, int]) -> NDArray[Any]:
    """Return noise."""
    return np.random.default_rng(0).random(size)


def checkerboard(size: tuple[int, int]) -> NDArray[Any]:
    """Return squares of 37 pixels."""
    y, x = np.indices(size) // 37
    return (y + x) % 2


def corner(size: tuple[int, int]) -> NDArray[Any]:
    """Return an edge across the image."""
    y, x = np.indices(size)
    return y + x < size[0]


def integers() -> Iterator[tuple[str, ...]]:
    """Yield the errors of filters on noise of the dtype's whole range, rounding included."""
    yield "filter", "pixels", "result", "loop", "largest error", "mean error"
    for name, arguments, exact, dtypes in MEASURED:
        options = ", ".join(f"{keyword}={value}" for keyword, value in arguments.items())
        for dtype in dtypes:
            image = noise(dtype)
            result = getattr(imgconv, name)(image, **arguments)
            plan = imgconv.explain(getattr(imgconv, name), image, **arguments)
            loop = f"{plan.operation.loop}, {plan.computed_in}"
            error = result - exact(image.astype(np.float64), **arguments)
            largest, mean = np.abs(error).max(), round(error.mean(), 3) + 0.0
            title, kind = f"{name} {options}".strip(), str(result.dtype)
            yield title, dtype, kind, loop, f"{largest:.3f}", f"{mean:+.3f}"


def noise(dtype: str) -> NDArray[Any]:
    """Return noise whose amplitude grows from 0 at the left to the whole range at the right."""
    limits = np.iinfo(dtype)
    amplitudes = np.linspace(0, int(limits.max) - int(limits.min), SIZE[1])
    image = limits.min + np.random.default_rng(0).random(SIZE) * amplitudes
    return image.round().astype(dtype)


def markdown(rows: Sequence[tuple[str, ...]]) -> str:
    """Return a table whose head is the first row."""
    head, *body = rows
    lines = [head, ("---",) * len(head), *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


# What makes each table, by its title in docs/numerics.md.
TABLES: dict[str, Callable[[], Iterator[tuple[str, ...]]]] = {
    "Transforms": tiles,
    "Layers": layers,
    "Wide Gaussians": transformed,
    "Resampled Gaussians": resampling,
    "Integer results": integers,
}


def table(title: str) -> str:
    """Return a table by its title."""
    return markdown(list(TABLES[title]()))


if __name__ == "__main__":
    for title in TABLES:
        print(f"### {title}\n\n{table(title)}\n")
