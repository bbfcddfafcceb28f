"""A user's own functions as one more library: `imgconv bench --with my_filters.py`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np

from imgconv.bench.peers.base import (
    Array,
    DType,
    Peer,
    PreparedCall,
    UnequalWorkError,
    disk_of,
    kernel_of,
    low_rank_kernel,
)

# What the functions of these works are given instead of the row's numbers.
ARGUMENTS: dict[str, Callable[..., tuple[Any, ...]]] = {
    "correlate": lambda size: (kernel_of(size),),
    "correlate_large": lambda size: (kernel_of(size),),
    "correlate_low_rank": lambda size, rank: (low_rank_kernel(size, rank),),
    "dilate_disk": lambda size: (disk_of(size),),
}
# The functions that do works of other names, with the same arguments.
FUNCTIONS = {
    "correlate_large": "correlate",
    "correlate_low_rank": "correlate",
    "gaussian_resampled": "gaussian",
}


class UserFunctions(Peer):
    """The functions of a Python file that are named after works.

    `gaussian(image, sigma)` does the rows whose work is `gaussian`. A function `set_threads(count)`
    is called before each row, where there is one; a text NAME is the name in the tables.

    Parameters
    ----------
    path : Path
    works : set of str
        The works that rows have.

    Raises
    ------
    ValueError
        If the file cannot be run, or has no function that is named after a work.
    """

    package = "numpy"

    def __init__(self, path: Path, works: set[str]) -> None:
        self.path = path
        self.library = loaded(path)
        self.name = str(getattr(self.library, "NAME", path.stem))
        if not any(self.function(work) for work in works):
            names = ", ".join(sorted({FUNCTIONS.get(work, work) for work in works}))
            raise ValueError(f"no function is named after a row; the names are {names}")

    def describe(self) -> str:
        return str(getattr(self.library, "__version__", self.path.name))

    def set_threads(self, count: int) -> None:
        setting = getattr(self.library, "set_threads", None)
        if setting:
            setting(count)

    def function(self, work: str) -> Callable[..., Any] | None:
        """Return the function of a work; None if the file has none."""
        found = getattr(self.library, FUNCTIONS.get(work, work), None)
        return found if callable(found) else None

    def does(self, work: str, numbers: tuple[Any, ...]) -> bool:
        """Return whether there is a function for a row."""
        if work == "stacked":
            work = numbers[0]
        return self.function(work) is not None

    def prepare(
        self, work: str, image: Array, result: DType, numbers: tuple[Any, ...]
    ) -> PreparedCall | None:
        """Return a call of the function; it is refused where it raises, or changes its image."""
        if work == "stacked":
            return self.stacked(image, result, *numbers)
        function = self.function(work)
        if function is None:
            return None
        given = ARGUMENTS.get(work)
        arguments = given(*numbers) if given else numbers
        try:
            found = checked(function, image, arguments)
        except UnequalWorkError as error:
            return PreparedCall(partial(refuse, error), fills_out=False)
        note = "" if found.dtype == result else f"{found.dtype} result"
        return PreparedCall(lambda out: function(image, *arguments), note, fills_out=False)


def loaded(path: Path) -> Any:
    """Return the module that a file is; its folder may have other modules that it imports."""
    spec = spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ValueError("is no Python file")
    module = module_from_spec(spec)
    sys.modules[path.stem] = module
    sys.path.insert(0, str(path.resolve().parent))
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error
    finally:
        sys.path.pop(0)
    return module


def checked(function: Callable[..., Any], image: Array, arguments: tuple[Any, ...]) -> Array:
    """Return what a function gives, on a small part of the image.

    Raises
    ------
    UnequalWorkError
        If it raises, changes the image, or gives something else than real numbers.
    """
    part = image[:64, :64].copy()
    try:
        found = np.asarray(function(part, *arguments))
    except Exception as error:
        raise UnequalWorkError(f"it raises {type(error).__name__}: {error}") from error
    if not np.array_equal(part, image[:64, :64], equal_nan=image.dtype.kind == "f"):
        raise UnequalWorkError("it changes the image that it is given")
    if found.dtype.kind not in "biuf":
        raise UnequalWorkError(f"its result has the dtype {found.dtype}, not real numbers")
    return found


def refuse(error: UnequalWorkError, _out: Array | None) -> None:
    """Say that a call does not do its work."""
    raise error
