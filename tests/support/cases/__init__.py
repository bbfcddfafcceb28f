"""The table of filters: each row a call, a library's answer to it, and the definition's.

Tests and benchmarks sweep all rows. A new filter needs a row in the file of its family and is then
tested with every dtype, border, memory layout, instruction set and number of threads.
"""

from types import ModuleType

from cases import (
    canny,
    denoise,
    gradients,
    linear,
    lines,
    local,
    missing,
    morphology,
    order,
    pooling,
    smoothing,
    tensors,
)
from cases.assertions import assert_right, assert_rounded, assert_selected, assert_untouched
from cases.base import DTYPES, MODES, Case, Other, Part, Selection, as_tuple, sample
from cases.canny import canny_reference
from cases.gradients import DIFFERENCES
from cases.linear import low_rank_kernel, random_kernel
from cases.morphology import SCIPY_MORPHOLOGY
from cases.order import EMPTY_ROWS, RANDOM_FOOTPRINT, WINDOWS, disk
from cases.smoothing import gaussian_kernel

__all__ = [
    "BY_ID",
    "CASES",
    "CORE",
    "DIFFERENCES",
    "DTYPES",
    "EMPTY_ROWS",
    "EXACT",
    "MODES",
    "OTHERS",
    "RANDOM_FOOTPRINT",
    "SCIPY_MORPHOLOGY",
    "WINDOWS",
    "Case",
    "Other",
    "Part",
    "Selection",
    "as_tuple",
    "assert_right",
    "assert_rounded",
    "assert_selected",
    "assert_untouched",
    "canny_reference",
    "disk",
    "gaussian_kernel",
    "low_rank_kernel",
    "of",
    "random_kernel",
    "sample",
]

CASES: list[Case] = [
    *order.CASES,
    *morphology.CASES,
    *linear.CASES,
    *smoothing.CASES,
    *gradients.CASES,
    *denoise.CASES,
    *local.CASES,
]
# Filters whose results are compared as a whole.
OTHERS: list[Other] = [
    *pooling.OTHERS,
    *canny.OTHERS,
    *tensors.OTHERS,
    *lines.OTHERS,
    *missing.OTHERS,
]

BY_ID: dict[str, Case] = {case.id: case for case in CASES}

# A row for each route through the loops: for sweeps that multiply.
CORE = [
    BY_ID[name]
    for name in [
        "correlate-1x5",
        "correlate-3x3",
        "convolve-4x3",
        "correlate-7x9",
        "correlate-3x5-stride(3,2)-dilation(2,3)",
        "convolve-5x5-shapefull-stride(2,3)-dilation(1,2)",
        "correlate-fft-5x7",
        "convolve-fft-4x1-stride(2,3)",
        "correlate-separable-7x8-shapefull-stride(2,1)",
        "separable-4x2",
        "gaussian-sigma1.5",
        "gaussian-sigma(2,0.8)-methodfft",
        "gaussian-sigma(8,0.6)-methodresample",
        "unsharp_mask-1.0-1.0",
        "box-(4,6)",
        "box-(16,17)",
        "sobel-None",
        "roberts-None",
        "gradient-sobel",
        "gradient-farid-polar",
        "bilateral-5-1.0-1.0",
        "joint_bilateral-5-0.5-1.5",
        "guided-3-0.01",
        "minimum-(4,6)",
        "maximum-random",
        "median-3",
        "median-5",
        "median-7",
        "median-23",
        "median-disk9",
        "percentile-5-25",
        "rank-23-100",
        "opening-random",
        "white_tophat-3",
        "variance-3",
        "std-(33,5)",
        "variance-random",
        "box-disk9",
    ]
]

# Rows whose results are what the definition says, but for rounding: an approximation depends on
# where the image begins, and spreads a NaN beyond its window.
EXACT = [case for case in CASES if case.error == 0 or "float32" not in case.approximated]


def of(*modules: ModuleType) -> list[Case]:
    """Return the rows of the filters that these modules define."""
    names = {module.__name__ for module in modules}
    return [case for case in CASES if case.function.__module__ in names]
