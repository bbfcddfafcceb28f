"""Which compiled level runs: chosen once, at import."""

import os
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import numpy as np

from imgconv._loops import machine
from imgconv.core.threads import IMPORTS

LEVELS = ("plain", "v2", "v3", "v4")


def available() -> list[str]:
    """Return the levels that are both built and run by this processor, lowest first."""
    runs = {"plain", *machine.supported()}
    return [level for level in LEVELS if level in runs and find_spec(f"imgconv._loops.{level}")]


def choose() -> str:
    """Return the highest available level, or the one that IMGCONV_ISA names."""
    levels = available()
    wanted = os.environ.get("IMGCONV_ISA")
    if wanted and wanted not in levels:
        raise ImportError(f"IMGCONV_ISA must be one of {', '.join(levels)}, got {wanted!r}")
    if not levels:
        raise ImportError("imgconv needs a processor with SSE4.2 (x86-64-v2), this one has not")
    return wanted or levels[-1]


LEVEL = choose()


@cache
def loop(name: str, real: str) -> ModuleType:
    """Return the compiled module of a loop for a computing type, at the chosen level."""
    with IMPORTS:
        return import_module(f"imgconv._loops.{LEVEL}.{real}.{name}")


def constant(name: str, real: str, constant: str) -> Any:
    """Return what a loop was compiled with, such as the sizes of its tiles."""
    return getattr(loop(name, real), constant)


def conversions(real: str) -> tuple[int, int]:
    """Return the addresses of the tables of conversions from pixels to numbers, and back."""
    return loop("pixels", real).tables()


def built_for(computed: np.dtype) -> np.dtype:
    """Return the dtype in which this level computes what `computed` holds.

    Level v2 has no loops for integers of 8 and 16 bits, which float32 holds: they would gain least
    of its short vectors, and processors of this level are few.
    """
    short = computed.kind in "iu" and computed.itemsize <= 2
    return np.dtype(np.float32) if short and LEVEL == "v2" else computed
