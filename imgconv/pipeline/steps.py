"""Steps: what a chain is made of, as data that knows no image.

A `Step` is a call of a filter or of a point operation without its image. `Branches` give several
images, `Arithmetic` one of two, and a `Chain` runs one after the other. All are compared by value.
"""

import inspect
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from imgconv.core import check
from imgconv.core.cache import cached_property
from imgconv.core.call import call_of
from imgconv.core.pixels import native
from imgconv.filters import (
    canny,
    denoise,
    derivatives,
    gradients,
    linear,
    morphology,
    order,
    pooling,
    smoothing,
)
from imgconv.pipeline import points

FILTERS: dict[str, Callable[..., Any]] = {
    name: getattr(module, name)
    for module in (
        linear,
        smoothing,
        gradients,
        derivatives,
        canny,
        order,
        morphology,
        denoise,
        pooling,
    )
    for name in module.__all__
}
POINTS: dict[str, Callable[..., Any]] = {name: getattr(points, name) for name in points.__all__}
STEPS = FILTERS | POINTS

# Images that go side by side from one node to the next, and runs of a step on an image: a chain is
# planned and shown in a moment.
MOST_IMAGES = 64
MOST_RUNS = 4096
# Nodes that stand in one another, where a term of a sum holds all those before it: few enough for
# functions that call themselves for each of them.
DEEPEST = 64
# Numbers of an array that is written in a text.
LARGEST_TEXT = 2500
# The keywords that a pipeline gives by itself.
OURS = ("axes", "channel_axis", "out")
# The steps that make one image of several, the arguments that are arrays of the image's size, and
# those that may be sequences, but not in a pipeline, where a step gives no layers.
MERGERS = ("magnitude",)
SIZED = ("guide", "mask")
NUMBERS = ("percentiles",)
# A guide of this name is the image itself.
ITSELF = "image"
OPERATORS: dict[str, Callable[..., Any]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
}

# The largest arguments that decide how large a window is.
LARGEST = {
    "sigma": 10_000, "low_sigma": 10_000, "high_sigma": 10_000, "truncate": 100, "n_stds": 100,
    "radius": 10_000, "sigma_spatial": 100, "win_size": 999, "size": 10_000, "dilation": 10_000,
    "padding": 10_000, "stride": 10_000, "order": 20, "accuracy": 40,
}  # fmt: skip


class PipelineError(ValueError):
    """A pipeline that cannot be: the message names the step and, of a text, the column."""


class Load(NamedTuple):
    """How many images a chain holds at a place, and how often steps run on an image before it."""

    images: int = 1
    runs: int = 0

    def checked(self, name: str) -> "Load":
        """Return it, which must not be too much behind the node of this name."""
        for most, what, value in (
            (MOST_IMAGES, "hold at most {} images at a time", self.images),
            (MOST_RUNS, "run steps on an image at most {} times", self.runs),
        ):
            if value > most:
                raise PipelineError(f"{name}: a chain must {what.format(most)}, got {value}")
        return self


@dataclass(frozen=True, eq=False)
class Step:
    """A call of a filter, a point operation or any callable, without its image.

    `halo` is None for what this package knows; of any other callable it is how far it looks along y
    and x, or "whole". It gives `results` images for each one, or one for all that it merges.
    """

    name: str
    function: Callable[..., Any] = field(repr=False)
    arguments: Mapping[str, Any]
    halo: tuple[int, int] | str | None = None
    dtype: np.dtype | None = None
    merges: bool = False
    results: int = 1
    depth = 0

    @property
    def text(self) -> str:
        """As it is written in a pipeline's text."""
        if self.halo is not None:
            return f"<{self.name}>"
        words = ", ".join(f"{name}={written(value)}" for name, value in self.arguments.items())
        return f"{self.name}({words})" if words else self.name

    @property
    def has_text(self) -> bool:
        """Whether its text says all of it: no callable of a caller's, no large array."""
        return self.halo is None and not any(
            isinstance(value, np.ndarray) and value.size > LARGEST_TEXT
            for value in self.arguments.values()
        )

    @cached_property
    def key(self) -> tuple[Any, ...]:
        """What tells it from other steps."""
        arguments = tuple((name, frozen(value)) for name, value in self.arguments.items())
        function = self.function if self.halo is not None else self.name
        return function, arguments, self.halo, self.dtype

    def __eq__(self, other: object) -> bool:
        """Whether it is the same call."""
        return isinstance(other, Step) and self.key == other.key

    def __hash__(self) -> int:
        """Steps that are equal have one hash."""
        return hash(self.key)

    def after(self, load: Load) -> Load:
        """Return the load behind it."""
        images = 1 if self.merges else load.images * self.results
        return Load(images, load.runs + load.images).checked(self.name)

    def call(self, *images: Any, channels: bool = False, **more: Any) -> Any:
        """Run it on an image, whose channels lie on its last axis, or merge several."""
        return self.function(*images, **self.given(images[0], channels), **more)

    def plan(self, image: Any, channels: bool = False) -> Any:
        """Return the plan of what `call` would run."""
        return call_of(self.function)(image, **self.given(image, channels)).plan()

    def given(self, image: Any, channels: bool) -> dict[str, Any]:
        """Return the arguments for an image, with or without channels."""
        arguments = {
            name: image if name == "guide" and is_itself(value) else value
            for name, value in self.arguments.items()
        }
        if channels and takes(self.function, "channel_axis"):
            arguments["channel_axis"] = -1
        return arguments


@dataclass(frozen=True)
class Image:
    """The image that a branch begins with, unchanged."""

    depth = 0

    @property
    def text(self) -> str:
        """As it is written in a pipeline's text."""
        return "image"

    def after(self, load: Load) -> Load:
        """Return the load behind it."""
        return load


@dataclass(frozen=True)
class Branches:
    """Several chains from one image: as many images."""

    parts: "tuple[Node, ...]"
    depth: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Note how deep it is."""
        nest(self, self.parts)

    @property
    def text(self) -> str:
        """As it is written in a pipeline's text."""
        return ", ".join(wrapped(part, (Branches,)) for part in self.parts)

    def after(self, load: Load) -> Load:
        """Return the load behind it."""
        images, runs = 0, load.runs
        for part in self.parts:
            found = part.after(Load(load.images, runs))
            images, runs = images + found.images, found.runs
        return Load(images, runs).checked("branches")


@dataclass(frozen=True)
class Arithmetic:
    """The sum, difference, product or quotient of two chains, in the computing dtype."""

    operator: str
    left: "Node"
    right: "Node"
    depth: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Note how deep it is."""
        nest(self, (self.left, self.right))

    @property
    def text(self) -> str:
        """As it is written in a pipeline's text."""
        weak = self.operator in "*/"
        left = wrapped(self.left, (Branches,), "+-" if weak else "")
        right = wrapped(self.right, (Branches,), "+-*/" if weak else "+-")
        return f"{left} {self.operator} {right}"

    def after(self, load: Load) -> Load:
        """Return the load behind it."""
        left = self.left.after(load)
        return Load(1, self.right.after(Load(load.images, left.runs)).runs)


@dataclass(frozen=True)
class Chain:
    """One node after the other."""

    parts: "tuple[Node, ...]"
    depth: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Note how deep what runs in it is."""
        object.__setattr__(self, "depth", max(part.depth for part in self.parts))

    @property
    def text(self) -> str:
        """As it is written in a pipeline's text."""
        return " | ".join(wrapped(part, ()) for part in self.parts)

    def after(self, load: Load) -> Load:
        """Return the load behind it."""
        for place, part in enumerate(self.parts, 1):
            try:
                load = part.after(load)
            except PipelineError as error:
                raise PipelineError(f"step {place}, {error}") from None
        return load


Node = Step | Image | Branches | Arithmetic | Chain


def nest(node: Node, inside: tuple[Node, ...]) -> None:
    """Note how deep a node is, which must not be too deep; chains do not count."""
    depth = 1 + max(part.depth for part in inside)
    if depth > DEEPEST:
        raise PipelineError(f"nesting: sums and brackets must be at most {DEEPEST} deep")
    object.__setattr__(node, "depth", depth)


def wrapped(node: Node, others: tuple[type, ...], operators: str = "") -> str:
    """Return a node's text, in brackets where it would be read otherwise."""
    binds = isinstance(node, (Chain, *others))
    binds |= isinstance(node, Arithmetic) and node.operator in operators
    return f"({node.text})" if binds else node.text


def chain_of(parts: Iterator[Node] | list[Node]) -> Chain:
    """Return a chain of these, those that are chains themselves laid out."""
    flat: list[Node] = []
    for part in parts:
        flat.extend(part.parts if isinstance(part, Chain) else [part])
    return Chain(tuple(flat))


def steps_of(node: Node) -> Iterator[Step]:
    """Yield all steps, as they are written."""
    if isinstance(node, Step):
        yield node
    elif isinstance(node, Arithmetic):
        yield from steps_of(node.left)
        yield from steps_of(node.right)
    elif isinstance(node, Branches | Chain):
        for part in node.parts:
            yield from steps_of(part)


# ---- making steps --------------------------------------------------------------------------------


def named(name: str, *positional: Any, **keywords: Any) -> Step:
    """Return the step of this name and these arguments, checked."""
    if name not in STEPS:
        close = get_close_matches(name, STEPS, 1)
        raise PipelineError(f"{name}: no such step" + "".join(f"; is it {near}?" for near in close))
    function = STEPS[name]
    for word in OURS:
        if word in keywords:
            raise PipelineError(f"{name}: {word} is the pipeline's, not a step's")
    merges = name in MERGERS
    known = [word for word in signature_of(function).parameters if word not in OURS]
    for word in keywords:
        if word not in known:
            hint = "".join(f"; is it {near}?" for near in get_close_matches(word, known, 1))
            raise PipelineError(f"{name}: no such argument: {word}{hint}")
    try:
        given = () if merges else (None,)
        bound = signature_of(function).bind(*given, *positional, **keywords)
        if merges and bound.arguments:
            raise TypeError("too many positional arguments")
    except TypeError as error:
        raise PipelineError(f"{name}: {error}") from None
    arguments = {word: bound.arguments[word] for word in list(bound.arguments)[len(given) :]}
    try:
        check_sizes(arguments)
        results = check_values(Step(name, function, arguments, merges=merges))
    except (ValueError, TypeError, OverflowError, MemoryError) as error:
        raise PipelineError(f"{name}: {error}") from error
    plain = {word: canonical(word, value) for word, value in arguments.items()}
    return Step(name, function, plain, merges=merges, results=results)


@cache
def signature_of(function: Callable[..., Any]) -> inspect.Signature:
    """Return a function's signature, which takes longer to find than a step to check."""
    return inspect.signature(function)


def check_sizes(arguments: Mapping[str, Any]) -> None:
    """Refuse windows that no image has, before memory is spent on them."""
    for word in arguments.keys() & LARGEST.keys():
        most = LARGEST[word]
        for value in np.ravel(np.asarray(arguments[word], object)):
            if isinstance(value, int | float | np.number) and abs(float(value)) > most:
                raise ValueError(f"{word} must be at most {most} in a pipeline, got {value!r}")
    if isinstance(frequency := arguments.get("frequency", 1), int | float) and 0 < frequency < 1e-3:
        raise ValueError(f"frequency must be at least 0.001 in a pipeline, got {frequency!r}")


def check_values(step: Step) -> int:
    """Make the plan of a step, or run it without pixels: that finds what its arguments are not.

    Return how many images it gives.
    """
    for word in NUMBERS:
        if np.ndim(step.arguments.get(word, 0)):
            raise ValueError(f"{word} must be one number in a pipeline")
    if any(isinstance(step.arguments.get(word), np.ndarray) for word in SIZED):
        return 1  # of the size of an image that is not known yet
    if isinstance(step.arguments.get("mask"), str | int | float | tuple):
        raise TypeError(f"mask must be an array, got {step.arguments['mask']!r}")
    if isinstance(step.arguments.get("guide"), str) and not is_itself(step.arguments["guide"]):
        raise ValueError(f"guide must be the word image, got {step.arguments['guide']!r}")
    if step.name in FILTERS:
        return int(step.plan(probe(step)).results)
    if not step.merges:
        step.call(np.zeros((0, 4), np.uint8))
    return 1


def probe(step: Step) -> np.ndarray:
    """Return an image as large as the window of a step, which takes no memory."""
    sides = [64]
    for word in ("kernel", "footprint"):
        sides += np.shape(step.arguments.get(word, 0))
    size, dilation = (np.max(step.arguments.get(word, 1)) for word in ("size", "dilation"))
    if isinstance(size, np.integer):
        sides.append(int(size))
    side = max(sides) * (max(1, int(dilation)) if isinstance(dilation, np.integer) else 1)
    return np.broadcast_to(np.zeros((), np.uint8), (side, side))


def step(
    function: Callable[..., Any],
    *,
    halo: int | tuple[int, int] | None,
    dtype: DTypeLike | None = None,
    **arguments: Any,
) -> Step:
    """Return a step that calls any function.

    Parameters
    ----------
    function : callable
        Takes an image, (H, W) or (H, W, C), and returns one of the same shape. For use in other
        processes it must be one that can be pickled.
    halo : int, (int, int) or None
        How far from a pixel, along y and x, lie the pixels that its result depends on; 0 for a
        point operation, None for a function that must see the whole image.
    dtype : dtype, optional
        Of the result; by default that of the image.
    **arguments
        What else the function is called with.

    Returns
    -------
    Step
        To be given to `Pipeline`.

    Raises
    ------
    ValueError
        If halo is negative.
    TypeError
        If function is not callable.

    Notes
    -----
    The function is given pieces of the image, with what its halo asks for around them. Beyond the
    border of the image it may see what it likes, but not the opposite side.

    Examples
    --------
    >>> import numpy as np
    >>> from imgconv import Pipeline
    >>> from imgconv.pipeline import step
    >>> pipeline = Pipeline("gaussian(sigma=1)", step(np.sqrt, halo=0, dtype=np.float16))
    >>> pipeline(np.full((3, 4), 16, np.uint8)).dtype
    dtype('float16')
    """
    if not callable(function):
        raise TypeError(f"function must be callable, got {function!r}")
    reach: tuple[int, int] | str = "whole"
    if halo is not None:
        reach = check.integers(halo, "halo", 0)
    name = str(getattr(function, "__name__", repr(function)))
    wanted = None if dtype is None else native(check.result_dtype(dtype))
    return Step(name, function, arguments, reach, wanted)


def step_of(function: Callable[..., Any]) -> Step:
    """Return the step of a plain function of this package, or of a partial of one."""
    positional: tuple[Any, ...] = ()
    keywords: dict[str, Any] = {}
    inner = function
    if isinstance(function, partial):
        inner, positional, keywords = function.func, function.args, dict(function.keywords)
    name = getattr(inner, "__name__", "")
    if STEPS.get(name) is inner:
        return named(name, *positional, **keywords)
    raise TypeError(
        f"{name or function!r} is no function of imgconv; "
        "imgconv.pipeline.step(function, halo=...) says how far it looks"
    )


# ---- arguments -----------------------------------------------------------------------------------


@cache
def takes(function: Callable[..., Any], keyword: str) -> bool:
    """Whether a function has a keyword."""
    try:
        return keyword in signature_of(function).parameters
    except (TypeError, ValueError):
        return False


def is_itself(guide: Any) -> bool:
    """Whether a guide is the image that is filtered."""
    return isinstance(guide, str) and guide == ITSELF


def canonical(word: str, value: Any) -> Any:
    """Return an argument as it is kept, so that equal ones are equal."""
    if value is not None and word == "dtype":
        return native(check.result_dtype(value))
    if value is not None and word in {"kernel", "kernel_y", "kernel_x", "footprint"}:
        name = isinstance(value, str)
        return value if name else np.array(value, bool if word == "footprint" else np.float64)
    if isinstance(value, np.ndarray) and word not in {"guide", "mask"}:
        return canonical(word, value.tolist())
    if isinstance(value, list | tuple):
        return tuple(canonical(word, one) for one in value)
    return value.item() if isinstance(value, np.generic) else value


def frozen(value: Any) -> Any:
    """Return an argument as something hashable; True, 1 and 1.0 are three."""
    if isinstance(value, np.ndarray):
        return "array", value.shape, value.dtype.str, value.tobytes()
    if isinstance(value, list | tuple):
        return ("sequence", *map(frozen, value))
    if isinstance(value, float):
        return "float", repr(value)
    if isinstance(value, dict):
        return "mapping", tuple((frozen(name), frozen(one)) for name, one in value.items())
    return type(value).__name__, value if isinstance(value, Hashable) else id(value)


def written(value: Any) -> str:
    """Return an argument as it is written in a pipeline's text."""
    if isinstance(value, np.ndarray) and value.size > LARGEST_TEXT:
        return f"<{value.dtype} of {' x '.join(map(str, value.shape))}>"
    if isinstance(value, np.ndarray | np.generic):
        return written(value.tolist())
    if isinstance(value, list | tuple):
        inner = ", ".join(map(written, value))
        return f"[{inner}]" if isinstance(value, list) else f"({inner}{',' * (len(value) == 1)})"
    if isinstance(value, type | np.dtype):
        return np.dtype(value).name
    if isinstance(value, str) and value.isidentifier() and value not in {"None", "True", "False"}:
        return value
    return repr(value)
