"""What every step is called, does and takes, as data: for lists, pages, notebooks and JSON.

All of it is made from signatures and docstrings, and where these state no range, from `RULES`, a
table by the name of the argument. So a new filter is described with no code of its own.
"""

import ast
import dataclasses
import inspect
import pkgutil
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any, NamedTuple

from imgconv.core.border import MODES
from imgconv.core.pixels import DTYPES
from imgconv.pipeline.registry import (
    IMAGE_SIZED,
    LARGEST,
    LOWEST_FREQUENCY,
    MERGING,
    PIPELINE_KEYWORDS,
    STEPS,
    named_step,
    unknown_step,
)
from imgconv.pipeline.steps import OWN_IMAGE, signature_of, text_of

__all__ = ["ArgumentDescription", "Slider", "StepDescription", "describe", "descriptions"]

# The families of modules that are not called like theirs.
FAMILIES = {"canny": "edges", "derivatives": "edges", "gradients": "edges"}
# Kinds of arguments by how their type begins in a docstring.
KINDS = {
    "array_like": "array", "dtype": "choice", "bool": "bool", "int": "integer", "float": "number",
    "{": "choice", "sequence": "sequence", "str": "text",
}  # fmt: skip
# Units by what a docstring says of an argument.
UNITS = {
    "scale from 0 to 1": "",
    "units squared": "image squared",
    "'s units": "image",
    "radians": "radians",
    "this many standard deviations": "standard deviations",
    "cycles a pixel": "cycles a pixel",
    "octaves": "octaves",
    "(in|this many) pixels": "pixels",
}
# Names, type and meaning of arguments in a docstring.
ENTRY = re.compile(r"^(\w[\w, ]*) : (.*)\n((?: +.*\n|\n)*)", re.MULTILINE)
# To which power white is taken where a range is stated as a part of it.
WHITE = {"image": 1, "image squared": 2}


class Slider(NamedTuple):
    """The values that are usual, from low to high, and a step between them that one can see."""

    low: float
    high: float
    step: float


class Rule(NamedTuple):
    """What neither a signature nor a docstring states of the arguments of a name."""

    low: float | None = None
    slider: Slider | None = None
    start: Any = None
    above_low: bool = False
    high: float | None = None
    depends_on: tuple[str, ...] = ()


# The largest values are those of `registry.LARGEST`.
RULES = {
    "accuracy": Rule(2, Slider(2, 8, 2)),
    "alpha": Rule(slider=Slider(-1, 1, 0.05)),
    "amount": Rule(slider=Slider(-1, 5, 0.1)),
    "bandwidth": Rule(0, Slider(0.2, 3, 0.1), above_low=True),
    "beta": Rule(0, Slider(0.1, 2, 0.05), above_low=True),
    "clip_limit": Rule(0, Slider(0, 40, 0.5)),
    "cval": Rule(slider=Slider(0, 1, 0.005)),
    "ddof": Rule(0, Slider(0, 1, 0.5), depends_on=("size", "footprint")),
    "dilation": Rule(1, Slider(1, 8, 1)),
    "dtype": Rule(start="float32"),
    "eps": Rule(0, Slider(0.0005, 0.1, 0.0005), 0.01),
    "exponent": Rule(0, Slider(0.1, 4, 0.05), 0.7),
    "factor": Rule(slider=Slider(0, 4, 0.05)),
    "frequency": Rule(LOWEST_FREQUENCY, Slider(0.02, 0.5, 0.01), 0.1),
    "gamma": Rule(0, Slider(0.1, 50, 0.1), 5.0, above_low=True),
    "guide_channel_axis": Rule(depends_on=("guide",)),
    "high": Rule(slider=Slider(0, 1, 0.005), start=0.8, depends_on=("low",)),
    "high_sigma": Rule(0, Slider(0, 50, 0.1), 1.6, depends_on=("low_sigma",)),
    "high_threshold": Rule(
        slider=Slider(0, 2, 0.005), start=0.2, depends_on=("low_threshold", "use_quantiles")
    ),
    "k": Rule(slider=Slider(-1, 1, 0.05), start=0.2),
    "low": Rule(slider=Slider(0, 1, 0.005), start=0.2, depends_on=("high",)),
    "low_sigma": Rule(0, Slider(0, 50, 0.1), 1.0, depends_on=("high_sigma",)),
    "low_threshold": Rule(
        slider=Slider(0, 2, 0.005), start=0.1, depends_on=("high_threshold", "use_quantiles")
    ),
    "nan": Rule(depends_on=("order", "method", "how")),
    "normalize": Rule(depends_on=("kernel", "kernel_y", "kernel_x", "combine")),
    "n_stds": Rule(0, Slider(1, 6, 0.5)),
    "order": Rule(0, Slider(0, 4, 1)),
    "p": Rule(slider=Slider(0, 5, 0.1), start=2.0),
    "padding": Rule(0, Slider(0, 25, 1), depends_on=("size", "dilation")),
    "percentiles": Rule(0, Slider(0, 100, 1), 50.0, high=100),
    "q": Rule(slider=Slider(0, 20, 0.5), start=10.0),
    "r": Rule(0, Slider(0.005, 1, 0.005), 0.5, above_low=True),
    "radius": Rule(0, Slider(0, 50, 0.1), 2),
    "rank": Rule(slider=Slider(-9, 8, 1), start=0, depends_on=("size", "footprint")),
    "sigma": Rule(0, Slider(0, 50, 0.1), 1.0),
    "sigma_color": Rule(0, Slider(0.005, 1, 0.005), 0.1, above_low=True),
    "sigma_spatial": Rule(0, Slider(0.1, 10, 0.1), above_low=True),
    "sigmas": Rule(0, Slider(0.5, 20, 0.5), 2.0, above_low=True),
    "sigma_x": Rule(0, Slider(0.1, 20, 0.1), 2.0, above_low=True),
    "sigma_y": Rule(0, Slider(0.1, 20, 0.1), 2.0, above_low=True),
    "size": Rule(1, Slider(1, 51, 2), 3),
    "stride": Rule(1, Slider(1, 16, 1), 2),
    "threshold": Rule(0, Slider(0, 1, 0.005)),
    "tile": Rule(1, Slider(8, 256, 8), 64),
    "truncate": Rule(0, Slider(1, 8, 0.5)),
    "value": Rule(slider=Slider(0, 1, 0.005), start=0.5),
    "white": Rule(0, Slider(1, 65535, 1), above_low=True),
    "win_size": Rule(1, Slider(1, 31, 2), 5),
}
# Where there is no rule.
SLIDERS = {"image": Slider(-1, 1, 0.005), "radians": Slider(0, 6.28, 0.01)}
# Arrays to begin with: a kernel that smooths, one that sharpens, and a cross.
KERNEL_1D = (0.25, 0.5, 0.25)
KERNEL_2D = ((0, -1, 0), (-1, 5, -1), (0, -1, 0))
FOOTPRINT = ((0, 1, 0), (1, 1, 1), (0, 1, 0))


@dataclass(frozen=True)
class ArgumentDescription:
    """An argument of a step.

    Attributes
    ----------
    name : str
        As it is written in a chain.
    kind : {"number", "integer", "choice", "bool", "array", "sequence", "text"}
        What one value is.
    help, details : str
        One sentence, and all that the docstring says.
    required : bool
        Whether a step must be given it.
    optional : bool
        Whether it may be None.
    default
        What it is if it is not given; None where it is required.
    pair : bool
        Whether it may also be a pair of such values, along y and along x.
    choices : tuple
        All values of a choice. A number that has choices may also be one of them.
    low, high : float or None
        The smallest and the largest number that is allowed; None: any number.
    above_low : bool
        Whether a number must be above `low`, not equal to it.
    parity : {"odd", "even"} or None
        Which integers are allowed.
    depends_on : tuple of str
        The arguments whose values make the allowed range smaller, such as `high` that of `low`.
    slider : Slider or None
        The usual numbers.
    unit : str
        "pixels", "radians" and others; "" where there is none. With "image" and "image squared",
        the numbers of `slider` and `start` are parts of white, and parts of its square: `scaled`
        gives those of an image.
    start
        A value to begin with: the default, if there is one.
    shape : str
        Of an array: "(kh, kw)", "1-D", or "(H, W)" for one of the image's size, for which a chain
        may have the word `image` if that is its `start`.
    """

    name: str
    kind: str
    help: str = ""
    details: str = ""
    required: bool = False
    optional: bool = False
    default: Any = None
    pair: bool = False
    choices: tuple[Any, ...] = ()
    low: float | None = None
    high: float | None = None
    above_low: bool = False
    parity: str | None = None
    depends_on: tuple[str, ...] = ()
    slider: Slider | None = None
    unit: str = ""
    start: Any = None
    shape: str = ""

    @property
    def takes(self) -> str:
        """What it takes, in words.

        >>> from imgconv.pipeline import describe
        >>> describe("box").argument("size").takes
        'integer from 1 to 10000, or a pair'
        """
        choices = " | ".join(map(text_of, self.choices))
        if self.kind == "choice":
            words = choices
        elif self.kind == "bool":
            words = "True | False"
        else:
            words = " ".join(filter(None, (self.parity, self.kind, self.shape, self.bounds)))
            words += f" | {choices}" if choices else ""
        return words + ", or a pair" * self.pair

    @property
    def bounds(self) -> str:
        """The allowed range, in words."""
        above, up_to = ("above", "up to") if self.above_low else ("from", "to")
        low = "" if self.low is None else f"{above} {self.low:g}"
        return " ".join(filter(None, (low, "" if self.high is None else f"{up_to} {self.high:g}")))

    def scaled(self, white: float) -> "ArgumentDescription":
        """Return it with `slider` and `start` for images in which white is this number."""
        power = WHITE.get(self.unit, 0)
        if power == 0:
            return self
        slider, start = self.slider, self.start
        if slider is not None:
            low, high, step = (rounded(value * white**power) for value in slider)
            slider = Slider(low, high, max(1, round(step)) if white > 1 else step)
        if isinstance(start, int | float) and self.default is None:
            start = rounded(start * white**power)
        return dataclasses.replace(self, slider=slider, start=start)


def rounded(value: float) -> float:
    """Return a number without the noise of a multiplication.

    >>> rounded(0.2 * 65535)
    13107.0
    """
    return float(f"{value:.6g}")


@dataclass(frozen=True)
class StepDescription:
    """A step: its name, one sentence, its family, its arguments, whether it merges images."""

    name: str
    help: str
    family: str
    arguments: tuple[ArgumentDescription, ...]
    merges: bool = False

    @property
    def start(self) -> str:
        """The step as a text to begin with; `scaled` gives that for an image.

        >>> from imgconv.pipeline import describe
        >>> describe("gaussian").start, describe("invert").start
        ('gaussian(sigma=1.0)', 'invert')
        """
        given = {each.name: each.start for each in self.arguments if each.required}
        return named_step(self.name, **given).text

    def argument(self, name: str) -> ArgumentDescription:
        """Return the argument of a name, or raise KeyError."""
        for each in self.arguments:
            if each.name == name:
                return each
        raise KeyError(name)

    def scaled(self, white: float) -> "StepDescription":
        """Return it with arguments for images in which white is this number."""
        arguments = tuple(each.scaled(white) for each in self.arguments)
        return dataclasses.replace(self, arguments=arguments)

    def as_dict(self) -> dict[str, Any]:
        """Return all of it as dicts, lists, texts, numbers, bools and None, as JSON has them."""
        arguments = [
            dataclasses.asdict(each)
            | {"slider": each.slider and each.slider._asdict(), "takes": each.takes}
            for each in self.arguments
        ]
        return dataclasses.asdict(self) | {"arguments": arguments, "start": self.start}


def describe(name: str) -> StepDescription:
    """Return what a step is called, does and takes.

    Parameters
    ----------
    name : str
        The name of a filter or point operation.

    Returns
    -------
    StepDescription
        With an `ArgumentDescription` for each argument that a chain may give it.

    Raises
    ------
    PipelineError
        If there is no such step.

    Examples
    --------
    >>> from imgconv.pipeline import describe
    >>> sigma = describe("gaussian").argument("sigma")
    >>> sigma.kind, sigma.low, sigma.high, sigma.slider, sigma.unit
    ('number', 0, 10000, Slider(low=0, high=50, step=0.1), 'pixels')
    """
    if name not in STEPS:
        raise unknown_step(name)
    return _described(name)


def descriptions() -> tuple[StepDescription, ...]:
    """Return what every step is called, does and takes, family by family.

    Returns
    -------
    tuple of StepDescription
        Of each filter and point operation.

    Examples
    --------
    >>> from imgconv.pipeline import descriptions
    >>> [each.name for each in descriptions() if each.family == "denoise"]
    ['bilateral', 'guided', 'joint_bilateral']
    """
    found = [_described(name) for name in STEPS]
    families = list(dict.fromkeys(each.family for each in found))
    return tuple(sorted(found, key=lambda each: families.index(each.family)))


@cache
def _described(name: str) -> StepDescription:
    """Return the description of a step, which does not change."""
    function = STEPS[name]
    module = function.__module__.rpartition(".")[2]
    known = documented(function)
    names = signature_of(function).parameters
    return StepDescription(
        name,
        sentences(inspect.getdoc(function) or "")[0],
        FAMILIES.get(module, module),
        tuple(
            argument(parameter, *known.get(parameter.name, ("", "")), names)
            for parameter in names.values()
            if parameter.name not in ("image", "images", *PIPELINE_KEYWORDS)
        ),
        merges=name in MERGING,
    )


def argument(
    parameter: inspect.Parameter, type_text: str, details: str, names: Collection[str]
) -> ArgumentDescription:
    """Return the description of one of some arguments from its signature, type and meaning."""
    name, required = parameter.name, parameter.default is parameter.empty
    default = None if required else parameter.default
    kind = kind_of(type_text, default)
    choices = choices_of(name, type_text)
    if choices and kind == "text":
        kind = "choice"
    words: dict[str, Any] = {
        "help": sentences(details)[0], "details": details, "required": required,
        "optional": not required and default is None, "default": default, "choices": choices,
        "pair": bool(re.search(r"\((\w+), \1\)", type_text)),
        "depends_on": tuple(n for n in RULES.get(name, Rule()).depends_on if n in names),
    }  # fmt: skip
    start = RULES.get(name, Rule()).start
    if kind in {"number", "integer"}:
        found = numbers(name, kind, details)
        start = found.pop("start")
        words |= found
    elif kind == "array":
        shape = re.search(r"\(.+?\)|\d-D", type_text)
        words["shape"] = shape[0] if shape else ""
        start = array_start(name, type_text, required)
    elif start not in choices:
        start = choices[0] if choices else None
    return ArgumentDescription(name, kind, **words, start=start if default is None else default)


def array_start(name: str, type_text: str, required: bool) -> Any:
    """Return an array to begin with, or the word for the image itself; a mask has none."""
    if name in IMAGE_SIZED:
        return OWN_IMAGE if required else None
    if " of bool" in type_text:
        return FOOTPRINT
    return KERNEL_1D if "1-D" in type_text else KERNEL_2D


def numbers(name: str, kind: str, details: str) -> dict[str, Any]:
    """Return range, parity, slider, unit and start of a number."""
    rule = RULES.get(name, Rule())
    units = (unit for words, unit in UNITS.items() if re.search(words, details, re.IGNORECASE))
    unit = next(units, "")
    above_low = rule.above_low or bool(re.search(r"\bpositive\b", details, re.IGNORECASE))
    parity = re.search(r"\b(odd|even)\b", details, re.IGNORECASE)
    slider = rule.slider or SLIDERS.get(unit)
    low = 0 if above_low and rule.low is None else rule.low
    if slider is not None:
        step = max(1, round(slider.step)) if kind == "integer" else slider.step
        first = step if above_low and slider.low == low else slider.low
        slider = Slider(first, slider.high, step)
    return {
        "low": low,
        "high": LARGEST.get(name, rule.high),
        "above_low": above_low,
        "parity": parity[0].lower() if parity and kind == "integer" else None,
        "slider": slider,
        "unit": unit,
        "start": rule.start if rule.start is not None else slider and slider.low,
    }


# ---- docstrings ----------------------------------------------------------------------------------


def kind_of(type_text: str, default: Any) -> str:
    """Return the kind of an argument; without a docstring (`python -OO`) its default must do.

    >>> kind_of('float or {"otsu", "local"}', "otsu"), kind_of("", 3)
    ('number', 'integer')
    """
    for begins, kind in KINDS.items():
        if type_text.startswith(begins):
            return kind
    kinds = {bool: "bool", int: "integer", float: "number"}
    return kinds.get(type(default), "text")


def choices_of(name: str, type_text: str) -> tuple[Any, ...]:
    """Return the values that a type lists, and those of border modes and of dtypes.

    >>> choices_of("axis", "{0, 1}, optional"), choices_of("value", 'float or {"otsu", "local"}')
    ((0, 1), ('otsu', 'local'))
    """
    if name == "mode":
        return tuple(MODES)
    if type_text.startswith("dtype"):
        return tuple(dtype.name for dtype in DTYPES)
    listed = re.search(r"\{(.+?)\}", type_text)
    return tuple(ast.literal_eval(f"[{listed[1]}]")) if listed else ()


@cache
def documented(described: Callable[..., Any] | ModuleType) -> dict[str, tuple[str, str]]:
    """Return type and meaning of each argument of a function, or of the package's keywords.

    >>> from imgconv import sobel
    >>> documented(sobel)["size"]
    ('{3, 5, 7}', 'Width and height of the kernel.')
    """
    parts = re.split(r"^(\w[\w ]*)\n-+\n", inspect.getdoc(described) or "", flags=re.MULTILINE)
    sections = dict(zip(parts[1::2], parts[2::2], strict=True))
    title = "Common keywords" if isinstance(described, ModuleType) else "Parameters"
    found: dict[str, tuple[str, str]] = {}
    for entry in ENTRY.finditer(sections.get(title, "")):
        names, type_text = entry[1].split(", "), entry[2]
        # What follows the first paragraph is an example.
        details = " ".join(entry[3].partition("\n\n")[0].split())
        elsewhere = re.match(r"see `(.+)`", type_text)
        for name in names:
            if elsewhere:
                shared = documented(referred(elsewhere[1])).get(name, ("", ""))
                remarks = [one for one in sentences(details) if is_about(one, name, names)]
                found[name] = shared[0], " ".join([shared[1], *remarks]).strip()
            else:
                found[name] = type_text, re.sub(r"[^.]*:$", "", details).strip()
    return found


def referred(name: str) -> Callable[..., Any] | ModuleType:
    """Return the step, or the function or module of the package, to which a docstring refers."""
    found: Callable[..., Any] | ModuleType = STEPS.get(name) or pkgutil.resolve_name(name)
    return found


def sentences(text: str) -> list[str]:
    r"""Return the sentences of a first paragraph; of an empty text one empty sentence.

    >>> sentences("A step. It is\nshort, 0.5 lines.\n\nNotes")
    ['A step.', 'It is short, 0.5 lines.']
    """
    words = " ".join(text.partition("\n\n")[0].split())
    return re.split(r"(?<=[a-z)`\"\d]\.) (?=[\w`\"])", words)


def is_about(sentence: str, name: str, names: list[str]) -> bool:
    """Whether a sentence below several arguments is about this one: it names it, or none."""
    named = [one for one in names if re.search(rf"\b{one}\b", sentence)]
    return name in named or not named
