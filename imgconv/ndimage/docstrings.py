"""Docstrings of the face: the parameters that many functions share, in the installed order."""

import inspect
from collections.abc import Callable
from textwrap import indent
from typing import Any

# The type and the meaning of each parameter; "function.parameter" is that of one function alone.
PARAMETERS = {
    "input": ("array_like", "Signal, image or volume, of any number of axes."),
    "weights": ("array_like", "The kernel; 1-D for a filter along one axis."),
    "axis": ("int", "The axis to filter along."),
    "axes": ("int, tuple of int or None", "The axes to filter along; None means all."),
    "sigma": ("float or sequence of float", "Standard deviations, one or for each axis."),
    "order": ("int or sequence of int", "Order of the derivative; 0 smooths."),
    "truncate": ("float", "The kernel ends at this many standard deviations."),
    "radius": ("None, int or sequence of int", "Half the kernel's width, instead of `truncate`."),
    "size": ("int or sequence of int", "Size of the window, one or for each axis."),
    "footprint": ("array_like of bool", "The pixels of the window, instead of `size`."),
    "structure": ("array_like", "Heights of a structuring element that is not flat."),
    "rank": ("int", "How many pixels of the window sort before it; -1 is the maximum."),
    "percentile": ("float", "From 0 to 100; negative ones count from 100."),
    "iterations": ("int", "How many times; below 1 means until nothing changes."),
    "mask": ("array_like of bool", "The pixels that may change."),
    "border_value": ("int", "The value outside the image, 0 or 1."),
    "brute_force": ("bool", "Visit all pixels in each iteration."),
    "output": ("array, dtype or str", "The array to fill, or the dtype of the result."),
    "mode": (
        "str or sequence of str",
        'What lies outside: "reflect", "constant", "nearest", "mirror" or "wrap".',
    ),
    "cval": ("scalar", 'The value outside for mode="constant".'),
    "origin": ("int or sequence of int", "How far the window is shifted."),
    "function": ("callable", "Returns a number for the pixels of a window."),
    "filter_size": ("int", "Length of the window."),
    "derivative": ("callable", "First derivative along an axis."),
    "derivative2": ("callable", "Second derivative along an axis."),
    "extra_arguments": ("sequence", "Further arguments for the function."),
    "extra_keywords": ("dict", "Further keywords for the function."),
    "batch_memory": ("int", "Bytes that a batch of windows may take."),
    "kwargs": ("", "Further keywords of the Gaussian: truncate, radius."),
    "binary_erosion.structure": ("array_like of bool", "The structuring element."),
    "binary_dilation.structure": ("array_like of bool", "The structuring element."),
    "binary_opening.structure": ("array_like of bool", "The structuring element."),
    "binary_closing.structure": ("array_like of bool", "The structuring element."),
}


def document(ours: Callable[..., Any], original: Callable[..., Any]) -> None:
    """Put parameters and result between the summary and the rest of a docstring."""
    summary, _, rest = inspect.getdoc(ours).partition("\n\n")  # type: ignore[union-attr]
    parts = [summary, "Parameters\n----------"]
    for name, parameter in inspect.signature(original).parameters.items():
        kind, text = PARAMETERS.get(f"{ours.__name__}.{name}", PARAMETERS[name])
        stars = "**" if parameter.kind is parameter.VAR_KEYWORD else ""
        parts[-1] += f"\n{stars}{name}{' : ' if kind else ''}{kind}\n" + indent(text, "    ")
    parts += [
        "Returns\n-------\nndarray\n    As `scipy.ndimage` returns it: `output`, or a new array of "
        "its dtype or the input's.",
        "Raises\n------\nException\n    As SciPy raises it.",
        rest,
    ]
    ours.__doc__ = "\n\n".join(parts)
