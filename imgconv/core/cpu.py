"""Which compiled level runs: chosen once, at import."""

import os
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from imgconv._loops import machine
from imgconv.core.threads import IMPORTS

LEVELS = ("plain", "neon", "v2", "v3", "v4")


class Loop(Protocol):
    """A compiled module whose functions are those of pyx/entry.pxi."""

    def entry(self) -> int:
        """Return the address of the loop."""

    def scratch(self, params: NDArray[Any]) -> int:
        """Return the bytes of scratch that a thread needs."""


def available() -> list[str]:
    """Return the levels that are both built and run by this processor, lowest first."""
    runs = {"plain", *machine.supported()}
    return [level for level in LEVELS if level in runs and find_spec(f"imgconv._loops.{level}")]


def choose() -> str:
    """Return the highest available level, or the one that IMGCONV_ISA names."""
    levels = available()
    requested = os.environ.get("IMGCONV_ISA")
    if requested and requested not in levels:
        raise ImportError(f"IMGCONV_ISA must be one of {', '.join(levels)}, got {requested!r}")
    if not levels:
        raise ImportError("imgconv needs a processor with SSE4.2 (x86-64-v2), this one has not")
    return requested or levels[-1]


LEVEL = choose()


@cache
def module(name: str, real: str) -> Any:
    """Return the compiled module of a loop for a computing type, at the chosen level."""
    with IMPORTS:
        return import_module(f"imgconv._loops.{LEVEL}.{real}.{name}")


def loop(name: str, real: str) -> Loop:
    """Return the compiled module of a loop that reads a record of Params."""
    return cast(Loop, module(name, real))


def constant(name: str, real: str, constant: str) -> Any:
    """Return a constant that a loop was compiled with, such as the sizes of its tiles."""
    return getattr(module(name, real), constant)


def conversions(real: str) -> tuple[int, int, int]:
    """Return the addresses of what works on rows of numbers.

    They are: the table of conversions from pixels, the one to pixels, and the point operations.
    """
    addresses: tuple[int, int, int] = module("pixels", real).addresses()
    return addresses


def built_for(computed: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype in which this level computes what `computed` holds.

    Level v2 has no loops for integers of 8 and 16 bits, which float32 holds: they would gain little
    from its short vectors, and processors of this level are few.
    """
    short = computed.kind in "iu" and computed.itemsize <= 2
    return np.dtype(np.float32) if short and LEVEL == "v2" else computed
