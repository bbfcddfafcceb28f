"""The rows of the benchmark, as data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Works whose results depend on all pixels, have another size, or another border in each library.
WHOLE = (
    *("pool", "canny", "hysteresis"),
    *("sauvola", "local_gaussian", "rolling_ball", "clahe", "entropy"),
    *("otsu", "li", "triangle"),
    *("match", "peaks", "blobs"),
)
# How far works look that smooth by a Gaussian before or after other windows, in sigmas.
SIGMAS = {"corners": 5, "ridges": 12, "hessian": 12}
SHAPES = ((2048, 2048), (1811, 2203))


@dataclass(frozen=True)
class Row:
    """One work on one kind of image.

    Attributes
    ----------
    family : str
        One of FAMILIES.
    title : str
        As in the tables.
    work : str
        The method of `peers.Peer` that does it.
    numbers : tuple
        The method's arguments, some of them strings.
    flops : float
        Additions and multiplications for each sample in the textbook algorithm: two for each tap
        that is not zero, factor by factor where the kernel has factors, running sums for the box.
        The machine's limit is computed from these, also where a library does fewer or more.
    dtype : str
        The image's.
    result : str
        The result's: "same", "float" (float32 from integers, else the same), or a dtype.
    channels : int
        1 for an (H, W) image, else C of an interleaved (H, W, C) one.
    shape : tuple of int
        (H, W); empty where the shape is chosen when the benchmark is run.
    stack : int
        0 for one image, else N of an (N, H, W) stack of them.
    power, largest : int, float
        Results are as large as pixels may be to this power, times this number.
    """

    family: str
    title: str
    work: str
    numbers: tuple[Any, ...]
    flops: float
    dtype: str = "float32"
    result: str = "float"
    channels: int = 1
    shape: tuple[int, ...] = ()
    stack: int = 0
    power: int = 1
    largest: float = 1.0

    @property
    def whole(self) -> bool:
        """Whether a result depends on more of the image than its surroundings, or has its size."""
        return self.work in WHOLE

    @property
    def reach(self) -> int:
        """How far from its pixel a result looks, at most: 4 deviations, or the numbers as sizes.

        One pixel more is for a derivative behind a Gaussian.
        """
        if self.whole:
            return 256
        words = " ".join([self.work, *(each for each in self.numbers if isinstance(each, str))])
        numbers = [each for each in self.numbers if not isinstance(each, str)]
        times = 4 if "gaussian" in words else 2 if "guided" in words else 1
        times = SIGMAS.get(self.work, times)
        return times * ceil(max(numbers, default=5)) + 1

    @property
    def result_dtype(self) -> np.dtype[Any]:
        """The dtype of the result."""
        image = np.dtype(self.dtype)
        if self.result == "float":
            return image if image.kind == "f" else np.dtype("float32")
        return image if self.result == "same" else np.dtype(self.result)

    @property
    def samples(self) -> int:
        """The number of values in the image."""
        return self.shape[0] * self.shape[1] * self.channels * max(self.stack, 1)

    @property
    def bytes(self) -> int:
        """Bytes that must be moved at least: the image is read and the result written once."""
        return self.samples * (np.dtype(self.dtype).itemsize + self.result_dtype.itemsize)

    def image(self) -> NDArray[Any]:
        """Return the image: uniform noise, the same in every run; of "missing", with NaN."""
        shape = self.shape if self.channels == 1 else (*self.shape, self.channels)
        shape = (self.stack, *shape) if self.stack else shape
        noise = np.random.default_rng(1).random(shape, np.float32)
        if self.family == "missing":
            noise[np.random.default_rng(2).random(shape) < 0.05] = np.nan
        dtype = np.dtype(self.dtype)
        return (noise * (np.iinfo(dtype).max if dtype.kind in "ui" else 1)).astype(dtype)


def taps(sigma: float) -> int:
    """Return the number of taps of a Gaussian cut at 4 sigma, as SciPy counts them."""
    return 2 * int(4 * sigma + 0.5) + 1


def correlate(size: int) -> Row:
    """Return the row of a dense kernel."""
    return Row("correlate", f"correlate {size}x{size}", "correlate", (size,), 2 * size * size)


def correlate_large(size: int) -> Row:
    """Return the row of a dense kernel by transforms of 512x512 tiles: 2.5 n log2(n), twice."""
    tile = 512
    flops = 5 * 2 * np.log2(tile) * (tile / (tile + 1 - size)) ** 2
    return Row("large", f"correlate {size}x{size}", "correlate_large", (size,), flops)


def correlate_low_rank(size: int, rank: int) -> Row:
    """Return the row of a dense kernel that is a sum of outer products."""
    title = f"correlate {size}x{size} of rank {rank}"
    return Row("large", title, "correlate_low_rank", (size, rank), 4 * size * rank)


def gaussian(sigma: float) -> Row:
    """Return the row of a Gaussian."""
    return Row(
        "gaussian", f"gaussian {sigma:g}", "gaussian", (sigma,), 4 * taps(sigma), result="same"
    )


def resampled(sigma: float) -> Row:
    """Return the row of a Gaussian that imgconv resamples, and others compute as always."""
    return replace(
        gaussian(sigma), title=f"gaussian {sigma:g}, resampled", work="gaussian_resampled"
    )


def box(size: int) -> Row:
    """Return the row of a mean over a square."""
    return Row("box", f"box {size}x{size}", "box", (size,), 5, result="same")


def ranked(work: str, size: int, dtype: str) -> Row:
    """Return the row of a rank filter.

    The textbook algorithm of the median is Huang's running histogram; extremes take 3 comparisons
    for each axis, by van Herk's algorithm.
    """
    flops = 4 * size if work == "median" else 6
    title = f"{work} {size}x{size}"
    return Row("rank", title, work, (size,), flops, dtype=dtype, result="same")


def missing(work: str, number: float, flops: float) -> Row:
    """Return the row of a filter of an image with missing pixels: NaN, 5 of 100."""
    title = f"{work} {number:g}" if work == "gaussian" else f"{work} {number:g}x{number:g}"
    return Row("missing", f"{title}, NaN", "missing", (work, number), flops, result="same")


def morphology(work: str, title: str, dtype: str) -> Row:
    """Return the row of a morphological filter of 5x5 pixels, or of a disk of 15x15."""
    size = 15 if work == "dilate_disk" else 5
    return Row("morphology", f"{title} {size}x{size}", work, (size,), 12, dtype, "same")


SOBEL_X = Row("edges", "sobel x", "sobel_x", (), 10)
SOBEL_MAGNITUDE = Row("edges", "sobel magnitude", "sobel_magnitude", (), 24)
EDGES = (
    SOBEL_X,
    SOBEL_MAGNITUDE,
    Row("edges", "scharr magnitude", "scharr_magnitude", (), 24),
    Row("edges", "farid magnitude", "farid_magnitude", (), 40),
    Row("edges", "laplace", "laplace", (), 10),
    Row("edges", "laplacian of gaussian 2", "gaussian_laplace", (2.0,), 8 * taps(2.0) + 1),
    Row(
        "edges",
        "difference of gaussians 1",
        "difference_of_gaussians",
        (1.0, 1.6),
        4 * (taps(1.0) + taps(1.6)) + 1,
    ),
)
COLOUR = (
    gaussian(1.5),
    box(5),
    replace(correlate(5), result="same"),
    replace(SOBEL_X, title="sobel x to int16", result="int16"),
    replace(SOBEL_X, title="sobel x to float32", result="float32"),
)
POOL = tuple(
    Row("pool", f"{how} pool {k}x{k}, stride {s}", "pool", (how, k, s), k * k / s**2, dtype, "same")
    for how in ("max", "mean")
    for k, s in ((2, 2), (3, 2))
    for dtype in ("uint8", "float32")
)
CANNY = (
    Row("canny", "canny 1.5", "canny", (1.5,), 4 * taps(1.5) + 50, "uint8", "bool"),
    Row("canny", "canny 1.5", "canny", (1.5,), 4 * taps(1.5) + 50, "float32", "bool"),
    Row("canny", "hysteresis 0.6, 0.95", "hysteresis", (0.6, 0.95), 2, "float32", "bool"),
)
CORRELATE = tuple(correlate(size) for size in (3, 5, 7, 9, 11, 15, 21))
KERNELS = (
    *(correlate_large(size) for size in (17, 31, 63, 127)),
    *(
        replace(correlate_large(size), dtype=dtype)
        for dtype in ("uint8", "float64")
        for size in (17, 31, 63, 127)
    ),
    *(correlate_low_rank(size, rank) for size in (15, 31) for rank in (1, 2)),
)
GAUSSIAN = tuple(gaussian(sigma) for sigma in (0.8, 1.5, 3, 8))
LARGE = tuple(
    replace(row, family="large", dtype=dtype)
    for dtype in ("uint8", "uint16", "float32", "float64")
    for row in (*map(gaussian, (8, 20, 50)), *map(resampled, (20, 50) if dtype != "uint8" else ()))
)
BOX = tuple(box(size) for size in (3, 15, 51))
SHORT = (
    *(
        replace(correlate(size), title=f"correlate {size}x{size} to {result}", result=result)
        for result in ("uint8", "float32")
        for size in (3, 5, 7, 15)
    ),
    *GAUSSIAN[:3],
    *BOX,
    replace(SOBEL_X, title="sobel x to int16", result="int16"),
    replace(SOBEL_X, title="sobel x to float32"),
    replace(SOBEL_MAGNITUDE, title="sobel magnitude to float32"),
    replace(EDGES[4], title="laplace to float32"),
)
EXTREMES = tuple(
    ranked(work, size, dtype)
    for work in ("minimum", "maximum")
    for dtype in ("uint8", "float32")
    for size in (3, 15, 51)
)
MEDIAN = (
    *(ranked("median", size, "uint8") for size in (3, 5, 7, 9, 11, 15, 25, 51)),
    *(ranked("median", size, "uint16") for size in (3, 5, 9, 15, 25, 51)),
    *(ranked("median", size, "float32") for size in (3, 5, 9, 15, 25, 51)),
)
RANK = (
    *EXTREMES,
    *MEDIAN,
    *(
        replace(ranked(work, 5, "uint8"), title=f"RGB {work} 5x5", channels=3)
        for work in ("median", "maximum")
    ),
)
MORPHOLOGY = tuple(
    morphology(work, title, dtype)
    for dtype in ("uint8", "float32")
    for work, title in (
        ("opening", "opening"),
        ("morphological_gradient", "gradient"),
        ("white_tophat", "white top-hat"),
        ("dilate_disk", "dilate by a disk"),
    )
)
STACK = tuple(
    replace(
        row,
        family="stack",
        title=f"{row.title}, 256 images of 64x64",
        work="stacked",
        numbers=(row.work, *row.numbers),
        shape=(64, 64),
        stack=256,
    )
    for row in (correlate(3), gaussian(1.5))
)


def bilateral(size: int, dtype: str, channels: int) -> Row:
    """Return the row of a bilateral filter on a disk; sigma_color is a tenth of white."""
    y, x = np.ogrid[:size, :size]
    weights = int(np.count_nonzero((y - size // 2) ** 2 + (x - size // 2) ** 2 <= (size // 2) ** 2))
    return Row(
        "denoise",
        f"{'RGB ' if channels == 3 else ''}bilateral {size}",
        "bilateral",
        (size, 25.5 if dtype == "uint8" else 0.1),
        # For each weight: distance, exponential and two sums.
        12 * weights,
        dtype,
        "same",
        channels,
        (1024, 1024),
    )


DENOISE = (
    *(
        bilateral(size, dtype, channels)
        for channels in (1, 3)
        for dtype in ("uint8", "float32")
        for size in (5, 9, 15)
    ),
    Row("denoise", "guided 17x17", "guided", (8, 0.01), 60, result="same", shape=(1024, 1024)),
)
# Two sums and a quotient; a median as in `ranked`.
MISSING = (
    missing("gaussian", 1.5, 8 * taps(1.5) + 1),
    *(missing("box", size, 11) for size in (3, 15, 51)),
    *(missing("median", size, 4 * size) for size in (3, 5, 15)),
)
# A variance: two sums down the columns and along the rows, squares, and the equation. An entropy: a
# pixel leaves and one enters in each row of the window.
LOCAL = (
    *(
        Row("local", f"variance {k}x{k}", "variance", (k,), 14, dtype, shape=(1024, 1024), power=2)
        for k, dtype in ((3, "float32"), (15, "float32"), (15, "uint8"))
    ),
    *(
        Row(
            "local", f"entropy {k}x{k}", "entropy", (k,), 16 * k, "uint8", "float64",
            shape=(512, 512), power=0, largest=8,
        )
        for k in (5, 15)
    ),
)  # fmt: skip
# Whole images: the borders of tiles and windows differ. A ball has two operations a pixel of it.
THRESHOLDS = (
    Row("thresholds", "sauvola 15x15", "sauvola", (15,), 18, "uint8", "bool", shape=(1024, 1024)),
    Row(
        "thresholds", "gaussian 15x15", "local_gaussian", (15,), 8 * taps(14 / 6) + 2, "uint8",
        "bool", shape=(1024, 1024),
    ),
    *(Row("thresholds", name, name, (), 2, "uint8", "bool") for name in ("otsu", "li", "triangle")),
    Row("thresholds", "otsu", "otsu", (), 4, "float32", "bool"),
    Row("thresholds", "li", "li", (), 20, "float32", "bool", shape=(512, 512)),
    Row("thresholds", "rolling ball 15", "rolling_ball", (15,), 2 * 709, shape=(512, 512)),
    *(
        Row("thresholds", "clahe 64x64", "clahe", (64, 2.0), 16, dtype, "same", shape=(2048, 2048))
        for dtype in ("uint8", "uint16")
    ),
)  # fmt: skip
# Corners: Sobel's derivatives, three products that are smoothed, and the response; ridges: three
# second derivatives. Templates: a product for each pixel of it, and two running sums. Peaks and
# blobs are masks of the pixels where one is; blobs take a Laplacian for each of their scales.
FEATURES = tuple(
    replace(row, dtype=dtype)
    for dtype in ("float32", "uint8")
    for row in (
        *(
            Row("features", f"corners {method} 1.5", "corners", (method, 1.5),
                23 + 3 * 4 * taps(1.5), power=power, largest=10)
            for method, power in (("harris", 4), ("shi_tomasi", 2))
        ),
        Row("features", "hessian 2", "hessian", (2.0,), 3 * 8 * taps(2.0), largest=10),
        Row("features", "ridges sato 2", "ridges", ("sato", 2.0), 3 * 8 * taps(2.0), largest=10),
        Row("features", "peaks 5", "peaks", (5,), 6, result="bool"),
        *(
            Row("features", f"blobs {method} 2 to 6", "blobs", (method, 2.0, 6.0), flops,
                result="bool", shape=(1024, 1024))
            for method, flops in (("log", 5 * 8 * taps(4.0)), ("dog", 4 * 4 * taps(4.0)),
                                  ("doh", 5 * 40))
        ),
        *(
            Row("features", f"match {method} 32x32", "match", (method, 32), 2 * 32 * 32 + 10,
                power=power, largest=largest)
            for method, power, largest in (("zncc", 0, 2), ("ncc", 0, 2), ("ssd", 2, 1024))
        ),
    )
)  # fmt: skip
# Without the bilateral filter, whose call takes a small part of its time.
SMALL = tuple(
    replace(row, dtype=dtype)
    for dtype in ("float32", "uint8")
    for row in (
        correlate(3),
        gaussian(1.5),
        SOBEL_X,
        box(5),
        ranked("median", 3, dtype),
        ranked("maximum", 5, dtype),
        CANNY[0],
    )
)

SUITE: tuple[Row, ...] = (
    *CORRELATE,
    *(replace(row, family="kernels") for row in KERNELS),
    *GAUSSIAN,
    *LARGE,
    *EDGES,
    *BOX,
    *RANK,
    *MORPHOLOGY,
    *(replace(row, family="uint8", dtype="uint8") for row in SHORT),
    *(replace(row, family="uint16", dtype="uint16") for row in GAUSSIAN[:3]),
    *POOL,
    *CANNY,
    *(
        replace(row, family="colour", title=f"RGB {row.title}", dtype="uint8", channels=3)
        for row in COLOUR
    ),
    *(replace(row, family="small", shape=(side, side)) for side in (16, 64, 256) for row in SMALL),
    *STACK,
    *DENOISE,
    *MISSING,
    *LOCAL,
    *THRESHOLDS,
    *FEATURES,
    *(
        replace(row, family="float64", dtype="float64")
        for row in (*CORRELATE, *GAUSSIAN, *EDGES[:2], EDGES[4], *BOX)
    ),
)
FAMILIES = tuple(dict.fromkeys(row.family for row in SUITE))
# Families that other modules measure: `layers`, and whole programs, which `programs` does. Then all
# of them in the order of tables.
LAYERS = "layers"
PROGRAMS = ("files", "scripts")
APART = (LAYERS, *PROGRAMS)
ORDER = (*FAMILIES, *APART)


def rows(
    families: Sequence[str] = (),
    shapes: Sequence[tuple[int, int]] = SHAPES,
    dtypes: Sequence[str] = (),
    only: str | None = None,
) -> list[Row]:
    """Return the rows to measure.

    Parameters
    ----------
    families : sequence of str, default: all
    shapes : sequence of (H, W)
        For the rows that have no shape of their own.
    dtypes : sequence of str, default: each row's own
        The images' dtypes, instead of those of the rows.
    only : str, optional
        The title of the rows; where none has it, a part of their titles. Of these, rows that have
        one of `dtypes` or `shapes` as their own are taken, if there are any.

    Returns
    -------
    rows : list of Row
    """
    chosen = [row for row in SUITE if not families or row.family in families]
    if only is not None:
        exact = [row for row in chosen if row.title == only]
        chosen = exact or [row for row in chosen if only in row.title]
        chosen = [row for row in chosen if row.dtype in dtypes] or chosen
    if dtypes:
        chosen = list(
            dict.fromkeys(replace(row, dtype=dtype) for dtype in dtypes for row in chosen)
        )
    sized = [row for row in chosen if row.shape]
    if only is not None:
        # One of them can be asked for by its shape, too.
        sized = [row for row in sized if row.shape in shapes] or sized
    return [
        replace(row, shape=shape) for shape in shapes for row in chosen if not row.shape
    ] + sized
