"""Faces compared with their originals: `imgconv bench faces`.

A case of CASES is a call of one function. Both modules run it with the same arguments, in one
process, in turn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib import import_module
from statistics import median
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.box import SIMPLE_HEAD
from rich.table import Table

import imgconv
from imgconv.bench.measure import interleave
from imgconv.bench.report import duration

DTYPES = ("uint8", "uint16", "int32", "float32", "float64")


class FaceCase(NamedTuple):
    """A call of a function that a face and its original have.

    `call` takes the function and the image; `dtypes` are those of the images.
    """

    original: str
    face: str
    function: str
    title: str
    call: Callable[[Callable[..., Any], NDArray[Any]], Any]
    dtypes: tuple[str, ...] = DTYPES


def ndimage(
    function: str, *args: Any, title: str = "", dtypes: tuple[str, ...] = DTYPES, **options: Any
) -> FaceCase:
    """Return a case of `scipy.ndimage`: the image is the first argument."""
    shown = [repr(value) for value in args]
    shown += [f"{name}={value!r}" for name, value in options.items()]
    return FaceCase(
        "scipy.ndimage",
        "imgconv.ndimage",
        function,
        f"{function} {title or ', '.join(shown)}".strip(),
        lambda function, image: function(image, *args, **options),
        dtypes,
    )


def signal(
    function: str, *args: Any, title: str = "", dtypes: tuple[str, ...] = DTYPES
) -> FaceCase:
    """Return a case of `scipy.signal`."""
    row = ndimage(function, *args, title=title, dtypes=dtypes)
    return row._replace(original="scipy.signal", face="imgconv.signal")


def skimage(
    module: str,
    function: str,
    *args: Any,
    title: str = "",
    dtypes: tuple[str, ...] = DTYPES,
    **options: Any,
) -> FaceCase:
    """Return a case of a module of scikit-image."""
    row = ndimage(function, *args, title=title, dtypes=dtypes, **options)
    original, face = f"skimage.{module}", f"imgconv.skimage.{module}"
    return row._replace(title=f"{module}.{row.title}", original=original, face=face)


BYTES = ("uint8",)
FLOATS = ("float32", "float64")
NARROW = ("uint8", "uint16", "float32", "float64")
KERNEL = np.random.default_rng(1).random((5, 5))
DISK = np.hypot(*np.mgrid[-7:8, -7:8]) <= 7.5
CASES: tuple[FaceCase, ...] = (
    ndimage("correlate", KERNEL[:3, :3], title="3x3"),
    ndimage("correlate", KERNEL, title="5x5"),
    ndimage("convolve", KERNEL, title="5x5"),
    ndimage("correlate1d", KERNEL[0], title="5, axis=1"),
    ndimage("correlate1d", KERNEL[0], 0, title="5, axis=0"),
    ndimage("gaussian_filter", 1.5),
    ndimage("gaussian_filter", 4.0),
    ndimage("gaussian_filter", 1.5, order=1),
    ndimage("gaussian_filter1d", 1.5),
    ndimage("gaussian_laplace", 2.0),
    ndimage("gaussian_gradient_magnitude", 2.0),
    ndimage("laplace"),
    ndimage("sobel"),
    ndimage("prewitt", axis=0),
    ndimage("uniform_filter", 3),
    ndimage("uniform_filter", 15),
    ndimage("minimum_filter", 3),
    ndimage("maximum_filter", 15),
    ndimage("maximum_filter", footprint=DISK, title="disk of 15x15"),
    ndimage("median_filter", 3),
    ndimage("median_filter", 5),
    ndimage("percentile_filter", 20, 5),
    ndimage("rank_filter", 3, 5),
    ndimage("grey_opening", 5),
    ndimage("morphological_gradient", 3),
    ndimage("white_tophat", 5),
    ndimage("binary_erosion", dtypes=("bool",)),
    ndimage("binary_dilation", iterations=3, dtypes=("bool",)),
    ndimage("binary_closing", KERNEL[:3, :3] > 0, title="3x3", dtypes=("bool",)),
    signal("correlate2d", np.ones((5, 5), np.uint8), "same", title="5x5"),
    signal("convolve2d", KERNEL[:3, :3], title="3x3"),
    signal("correlate", KERNEL, title="5x5"),
    signal("convolve", np.ones((3, 3), np.uint8), "same", title="3x3"),
    signal("fftconvolve", KERNEL, title="5x5"),
    signal("oaconvolve", np.outer(DISK[0] + 1, np.hanning(15)), title="15x15, of rank 1"),
    signal("medfilt2d", 3),
    signal("medfilt", 5, dtypes=NARROW),
    signal("wiener", 5, dtypes=FLOATS),
    signal("sepfir2d", KERNEL[0], KERNEL[1], title="5, 5", dtypes=("int32", "float64")),
    skimage("filters", "gaussian", 1.5, dtypes=NARROW),
    skimage("filters", "difference_of_gaussians", 1.5, dtypes=NARROW),
    skimage("filters", "unsharp_mask", 2.0, dtypes=NARROW),
    skimage("filters", "sobel", dtypes=NARROW),
    skimage("filters", "sobel_h", dtypes=NARROW),
    skimage("filters", "farid", dtypes=NARROW),
    skimage("filters", "roberts", dtypes=NARROW),
    skimage("filters", "laplace", dtypes=NARROW),
    skimage("filters", "median", dtypes=NARROW),
    skimage("filters", "gabor", 0.2, dtypes=NARROW),
    skimage("filters", "threshold_local", 11, dtypes=NARROW),
    skimage("filters", "threshold_local", 11, "mean", dtypes=NARROW),
    skimage("filters", "apply_hysteresis_threshold", 20, 230, dtypes=NARROW),
    skimage("filters", "correlate_sparse", np.diag([1.0, 0, 0, 0, -1.0]), title="5x5",
            dtypes=FLOATS),
    skimage("filters.rank", "median", DISK.astype(np.uint8), title="disk of 15x15", dtypes=BYTES),
    skimage("filters.rank", "mean", np.ones((9, 9), np.uint8), title="9x9", dtypes=BYTES),
    skimage("filters.rank", "maximum", np.ones((9, 9), np.uint8), title="9x9", dtypes=BYTES),
    skimage("filters.rank", "gradient", np.ones((5, 5), np.uint8), title="5x5", dtypes=BYTES),
    skimage("filters", "frangi", dtypes=NARROW),
    skimage("filters", "sato", dtypes=NARROW),
    skimage("filters", "meijering", dtypes=NARROW),
    skimage("feature", "canny", dtypes=NARROW),
    skimage("feature", "hessian_matrix", 2.0, use_gaussian_derivatives=True, dtypes=NARROW),
    skimage("feature", "hessian_matrix", 2.0, use_gaussian_derivatives=False, dtypes=NARROW),
    skimage("feature", "shape_index", 2.0, dtypes=NARROW),
    skimage("feature", "structure_tensor", dtypes=NARROW),
    skimage("feature", "corner_harris", dtypes=NARROW),
    skimage("feature", "corner_shi_tomasi", dtypes=NARROW),
    skimage("feature", "corner_kitchen_rosenfeld", dtypes=NARROW),
    skimage("feature", "peak_local_max", 3, dtypes=NARROW),
    skimage("feature", "blob_log", 2, 10, 5, dtypes=NARROW),
    skimage("feature", "blob_dog", 2, 10, dtypes=NARROW),
    skimage("feature", "blob_doh", 2, 10, dtypes=NARROW),
    skimage("feature", "hessian_matrix_det", 3.0, dtypes=NARROW),
    skimage("feature", "hessian_matrix_det", 3.0, False, dtypes=NARROW),
    skimage("feature", "match_template", KERNEL, title="5x5", dtypes=NARROW),
    skimage("restoration", "denoise_bilateral", 5, 0.1, title="5x5", dtypes=NARROW),
    skimage("measure", "block_reduce", 2, np.max, title="2, max", dtypes=NARROW),
    skimage("measure", "block_reduce", 3, np.mean, title="3, mean", dtypes=NARROW),
    skimage("measure", "block_reduce", 3, np.median, title="3, median", dtypes=NARROW),
)  # fmt: skip


class FaceTiming(NamedTuple):
    """Seconds that the face and the original take for a case."""

    title: str
    dtype: str
    shape: tuple[int, int]
    threads: int
    face: float
    original: float

    @property
    def ratio(self) -> float:
        """The original's time divided by the face's."""
        return self.original / self.face


def image(dtype: str, shape: tuple[int, int]) -> NDArray[Any]:
    """Return noise of 0 to 254 in any dtype, the same in every run."""
    noise = np.random.default_rng(1).random(shape)
    return noise > 0.5 if dtype == "bool" else (255 * noise).astype(dtype)


def measure(
    shapes: Sequence[tuple[int, int]],
    threads: Sequence[int],
    dtypes: Sequence[str],
    budget: float,
    cases: Sequence[FaceCase] = CASES,
) -> Iterator[FaceTiming]:
    """Measure each case on each image, for `budget` seconds."""
    for shape in shapes:
        for count in threads:
            for case in cases:
                for dtype in case.dtypes:
                    if not dtypes or dtype in dtypes or dtype == "bool":
                        with imgconv.threads(count):
                            yield measure_case(case, dtype, shape, count, budget)


def measure_case(
    case: FaceCase, dtype: str, shape: tuple[int, int], threads: int, budget: float
) -> FaceTiming:
    """Measure one case on one image."""
    array = image(dtype, shape)
    calls = {
        name: partial(case.call, getattr(import_module(name), case.function), array)
        for name in (case.face, case.original)
    }
    times = interleave(calls, budget)
    face, original = (times[name].median for name in (case.face, case.original))
    return FaceTiming(case.title, dtype, shape, threads, face, original)


def table(timings: Sequence[FaceTiming]) -> Table:
    """Return all rows, and how many times faster the faces are in the median."""
    shown = Table(box=SIMPLE_HEAD, title="faces and their originals", title_justify="left")
    shown.add_column("call")
    shown.add_column("image")
    for head in ("threads", "face", "original", "times faster"):
        shown.add_column(head, justify="right")
    for timing in timings:
        size = " x ".join(map(str, timing.shape))
        shown.add_row(
            timing.title, f"{size} {timing.dtype}", str(timing.threads), duration(timing.face),
            duration(timing.original), f"{timing.ratio:.1f}",
        )  # fmt: skip
    if timings:
        ratios = [timing.ratio for timing in timings]
        shown.caption = (
            f"{len(timings)} rows: {median(ratios):.1f} times faster in the median, "
            f"{min(ratios):.1f} at least"
        )
    return shown
