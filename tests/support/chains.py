"""Steps of pipelines to draw chains from, images for them, and how pieces are compared."""

import numpy as np
import pytest
from comparing import assert_same_bits

from imgconv import threads
from imgconv.pipeline.executors import arrays


def assert_pieces_are_stepwise(pipeline, image, rows, count, chunks):
    """Bands of so many rows on `count` threads, and dask chunks, give the bits of the steps."""
    da = pytest.importorskip("dask.array")
    expected = list(pipeline.stepwise(image))[-1][1]
    before = arrays.band_rows
    arrays.band_rows = lambda group, height: rows
    try:
        with threads(count):
            assert_same_bits(pipeline(image), expected)
    finally:
        arrays.band_rows = before
    lazy = pipeline(da.from_array(image, chunks=chunks))
    assert_same_bits(lazy.compute(scheduler="synchronous"), expected)


def noise(shape, dtype, seed=0):
    pixels = np.random.default_rng(seed).random(shape)
    if np.dtype(dtype).kind in "iu":
        return (pixels * min(np.iinfo(dtype).max, 10_000)).astype(dtype)
    return pixels > 0.5 if dtype == "bool" else (pixels * 100 - 20).astype(dtype)


# Steps that look at neighbours; `{}` is for the mode of their border.
WINDOWED = (
    "gaussian(sigma=1.2, mode={})",
    "gaussian(sigma=(0, 2.5), mode={}, dtype=float32)",
    "gaussian(sigma=9, mode={}, method=resample)",
    "gaussian(sigma=(2, 6), mode={}, method=fft)",
    "sobel(mode={})",
    "scharr(axis=1, mode={})",
    "derivative(axis=0, accuracy=4, mode={})",
    "laplace(mode={}, cval=3)",
    "gaussian_laplace(sigma=1, mode={})",
    "difference_of_gaussians(low_sigma=1, mode={})",
    "unsharp_mask(radius=2, mode={}, cval=7)",
    "box(size=(5, 4), mode={})",
    "box(size=11, mode={})",
    "correlate(kernel=[[1, 2, 0], [0, 1, 0], [3, 0, -1]], mode={})",
    "convolve(kernel=[[1, 2], [3, 4]], dilation=2, mode={})",
    "separable(kernel_y=[1, 2, 1], kernel_x=[1, 0, -1, 2], mode={})",
    "median(size=3, mode={})",
    "minimum(size=(4, 2), mode={}, cval=1.5)",
    "percentile(percentiles=20, size=5, mode={})",
    "erode(footprint=[[0, 1, 0], [1, 1, 1], [0, 1, 0]], mode={})",
    "opening(size=3, mode={})",
    "closing(size=(2, 4), mode={}, cval=2)",
    "white_tophat(size=5, mode={})",
    "morphological_gradient(size=4, mode={})",
    "black_tophat(size=(2, 5), mode={}, dtype=float32)",
    "morphological_gradient(footprint=[[1, 0, 0], [1, 1, 0]], mode={}, dtype=int32)",
    "ridges(sigmas=(1, 2), method=sato, mode={})",
    "ridges(sigmas=[1.5], gamma=3, mode={})",
    "zero_crossings(sigma=1.5, mode={})",
    "corners(sigma=1.2, mode={})",
    "corners(method=shi_tomasi, mode={}, cval=3)",
    "structure_tensor(sigma=1.2, of=orientation, mode={})",
    "structure_tensor(of=coherence, mode={}, cval=3)",
    "bilateral(win_size=5, sigma_color=10, mode={})",
    "guided(guide=image, radius=2, eps=30, mode={})",
    "threshold(local, size=7, offset=1, mode={})",
    "correlate(kernel=[[1, 2], [3, 5]], method=fft, mode={})",
    "box(footprint=[[0, 1, 0], [1, 1, 1], [0, 1, 1]], mode={})",
    "variance(size=(5, 4), mode={})",
    "std(footprint=[[0, 1, 0], [1, 1, 1]], ddof=1, mode={}, cval=3)",
    "threshold(sauvola, size=9, r=50, mode={})",
    "threshold_image(niblack, size=(3, 6), mode={})",
    "threshold_image(gaussian, size=7, offset=2, mode={}, dtype=float32)",
    "binarize(median, size=5, offset=1, mode={})",
)


# Steps that look at a single pixel, or at all.
POINTWISE = (
    "scale(factor=0.5, offset=3)",
    "clip(low=5, high=90)",
    "gamma(exponent=0.7)",
    "invert",
    "absolute",
    "normalize",
    "normalize(low=0, high=200)",
    "threshold(otsu)",
    "threshold(isodata)",
    "threshold(mean)",
    "threshold(value=20)",
    "astype(dtype=float32)",
    "astype(dtype=uint16)",
)


# Steps of several branches.
BRANCHED = (
    "sobel(axis=0, mode={0}), sobel(axis=1, mode={1}) | magnitude",
    "image - gaussian(sigma=2, mode={0})",
    "(box(size=3, mode={0}) | invert) * image + scharr(mode={1})",
    "image / (gaussian(sigma=1, mode={0}) | normalize)",
    "gradient(mode={0}) | laplace(mode={1}) | magnitude",
    "(median(size=3, mode={0}) - image), threshold(otsu) | magnitude",
    "gradient | canny(low_threshold=1, high_threshold=5) | magnitude",
    "gradient(mode={0}) | hysteresis(low=3, high=20) | magnitude",
    "hessian(sigma=1.2, mode={0}) | magnitude",
    "structure_tensor(of=eigenvalues, mode={0}) | laplace(mode={1}) | magnitude",
)
