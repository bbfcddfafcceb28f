"""The words of the docstrings: parameters that many functions share, in the installed order."""

import inspect
from collections.abc import Callable
from textwrap import indent
from typing import Any

# What each parameter is, and its explanation. Where functions differ, "function.parameter" is it.
PARAMETERS = {
    "input": ("array_like", "Signal, image or volume, of any number of axes."),
    "weights": ("array_like", "The kernel; 1-D where it runs along one axis."),
    "axis": ("int", "The axis to filter along."),
    "axes": ("int, tuple of int or None", "The axes to filter along; None means all."),
    "sigma": ("float or sequence of float", "Standard deviations, one or for each axis."),
    "order": ("int or sequence of int", "Order of the derivative; 0 smooths."),
    "truncate": ("float", "The kernel ends at this many standard deviations."),
    "radius": ("None, int or sequence of int", "Half the kernel's width, in place of `truncate`."),
    "size": ("int or sequence of int", "Extent of the window, one or for each axis."),
    "footprint": ("array_like of bool", "The pixels of the window, in place of `size`."),
    "structure": ("array_like", "Heights of a structuring element that is not flat."),
    "rank": ("int", "How many pixels of the window come before it; -1 is the greatest."),
    "percentile": ("float", "From 0 to 100; negative ones count from 100."),
    "iterations": ("int", "How often; below 1 means until nothing changes."),
    "mask": ("array_like of bool", "The pixels that may change."),
    "border_value": ("int", "0 or 1, outside the image."),
    "brute_force": ("bool", "Look at all pixels in each iteration."),
    "output": ("array, dtype or str", "The array to fill, or the dtype of the result."),
    "mode": (
        "str or sequence of str",
        'What lies outside: "reflect", "constant", "nearest", "mirror" or "wrap".',
    ),
    "cval": ("scalar", 'The value outside for mode="constant".'),
    "origin": ("int or sequence of int", "How far the window is shifted."),
    "function": ("callable", "What makes a number of the pixels of a window."),
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
        "Returns\n-------\nndarray\n    As `scipy.ndimage` gives it: `output`, or a fresh array of "
        "its dtype or the input's.",
        "Raises\n------\nException\n    What SciPy raises.",
        rest,
    ]
    ours.__doc__ = "\n\n".join(parts)
