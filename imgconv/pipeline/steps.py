"""What a pipeline consists of, as data that knows no image.

A `Step` is a call of a filter or of a point operation without its image. `Branches` give several
images, `Arithmetic` makes one image of two, and a `Chain` runs one node after the other. All are
compared by value.
"""

import inspect
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from math import inf
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgconv.core.cache import cached_property
from imgconv.core.call import call_of

# Images side by side from one node to the next, and runs of a step on an image: so that a chain is
# planned and shown in a moment.
MAX_IMAGES = 64
MAX_RUNS = 4096
# Nodes in one another, where each term of a sum contains all terms before it: few enough for
# functions that call themselves for each of them.
MAX_DEPTH = 64
# Numbers of an array that is written in a text.
MAX_NUMBERS_IN_TEXT = 2500
# A `guide` of this name is the image that the step filters.
OWN_IMAGE = "image"
OPERATORS: dict[str, Callable[..., Any]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
}


class PipelineError(ValueError):
    """A pipeline that cannot be: the message names the step and, of a text, the column."""


class Workload(NamedTuple):
    """How many images there are at a place of a chain, and how often steps have run on an image."""

    images: int = 1
    runs: int = 0

    def checked(self, name: str) -> "Workload":
        """Return it, or raise an error that names the node which makes it too large."""
        for most, what, value in (
            (MAX_IMAGES, "hold at most {} images at a time", self.images),
            (MAX_RUNS, "run steps on an image at most {} times", self.runs),
        ):
            if value > most:
                raise PipelineError(f"{name}: a chain must {what.format(most)}, got {value}")
        return self


@dataclass(frozen=True, eq=False)
class Step:
    """A call of a filter, a point operation or any callable, without its image.

    `halo` is None for the functions of this package, which have plans; of any other callable it is
    how far it looks along y and x, or "whole". The step gives `results` images for each one, or one
    image for all where it `merges`.
    """

    name: str
    function: Callable[..., Any] = field(repr=False)
    arguments: Mapping[str, Any]
    halo: tuple[int, int] | str | None = None
    dtype: np.dtype[Any] | None = None
    merges: bool = False
    results: int = 1
    depth = 0

    @property
    def text(self) -> str:
        """The step in a pipeline's text."""
        if self.halo is not None:
            return f"<{self.name}>"
        arguments = ", ".join(f"{name}={text_of(value)}" for name, value in self.arguments.items())
        return f"{self.name}({arguments})" if arguments else self.name

    @cached_property
    def cval(self) -> float:
        """What is outside the image: as given, or as by default; None is higher than any pixel."""
        parameter = signature_of(self.function).parameters.get("cval")
        given = self.arguments.get("cval", 0.0 if parameter is None else parameter.default)
        return inf if given is None else float(given)

    @property
    def has_text(self) -> bool:
        """Whether an equal step can be made from its text: no callable, no large array."""
        return self.halo is None and not any(
            isinstance(value, np.ndarray) and value.size > MAX_NUMBERS_IN_TEXT
            for value in self.arguments.values()
        )

    @cached_property
    def key(self) -> tuple[Any, ...]:
        """The same for steps that are equal, and only for these."""
        arguments = tuple((name, key_of(value)) for name, value in self.arguments.items())
        function = self.function if self.halo is not None else self.name
        return function, arguments, self.halo, self.dtype

    def __eq__(self, other: object) -> bool:
        """Whether it is the same call."""
        return isinstance(other, Step) and self.key == other.key

    def __hash__(self) -> int:
        """Steps that are equal have one hash."""
        return hash(self.key)

    def after(self, workload: Workload) -> Workload:
        """Return the workload behind the step, from the one before it."""
        images = 1 if self.merges else workload.images * self.results
        return Workload(images, workload.runs + workload.images).checked(self.name)

    def call(self, *images: Any, channels: bool = False, **keywords: Any) -> Any:
        """Run it on an image, whose channels are its last axis, or merge several images."""
        return self.function(*images, **self.arguments_for(images[0], channels), **keywords)

    def plan(self, image: Any, channels: bool = False) -> Any:
        """Return the plan of what `call` would run."""
        return call_of(self.function)(image, **self.arguments_for(image, channels)).plan()

    def arguments_for(self, image: Any, channels: bool) -> dict[str, Any]:
        """Return the arguments for an image, with or without channels."""
        arguments = {
            name: image if name == "guide" and is_own_image(value) else value
            for name, value in self.arguments.items()
        }
        if channels and has_keyword(self.function, "channel_axis"):
            arguments["channel_axis"] = -1
        return arguments


@dataclass(frozen=True)
class Input:
    """The image that a branch begins with, unchanged."""

    depth = 0

    @property
    def text(self) -> str:
        """The node in a pipeline's text."""
        return "image"

    def after(self, workload: Workload) -> Workload:
        """Return the workload behind the node, from the one before it."""
        return workload


@dataclass(frozen=True)
class Branches:
    """Several chains from one image: as many images."""

    parts: "tuple[Node, ...]"
    depth: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Store how many nodes contain one another."""
        set_depth(self, self.parts)

    @property
    def text(self) -> str:
        """The node in a pipeline's text."""
        return ", ".join(operand_text(part, (Branches,)) for part in self.parts)

    def after(self, workload: Workload) -> Workload:
        """Return the workload behind the node, from the one before it."""
        images, runs = 0, workload.runs
        for part in self.parts:
            found = part.after(Workload(workload.images, runs))
            images, runs = images + found.images, found.runs
        return Workload(images, runs).checked("branches")


@dataclass(frozen=True)
class Arithmetic:
    """The sum, difference, product or quotient of two chains, in the computing dtype."""

    operator: str
    left: "Node"
    right: "Node"
    depth: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Store how many nodes contain one another."""
        set_depth(self, (self.left, self.right))

    @property
    def text(self) -> str:
        """The node in a pipeline's text."""
        is_product = self.operator in "*/"
        left = operand_text(self.left, (Branches,), "+-" if is_product else "")
        right = operand_text(self.right, (Branches,), "+-*/" if is_product else "+-")
        return f"{left} {self.operator} {right}"

    def after(self, workload: Workload) -> Workload:
        """Return the workload behind the node, from the one before it."""
        left = self.left.after(workload)
        return Workload(1, self.right.after(Workload(workload.images, left.runs)).runs)


@dataclass(frozen=True)
class Chain:
    """One node after the other."""

    parts: "tuple[Node, ...]"
    depth: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Store the depth of the deepest part: a chain itself does not count."""
        object.__setattr__(self, "depth", max(part.depth for part in self.parts))

    @property
    def text(self) -> str:
        """The chain in a pipeline's text."""
        return " | ".join(operand_text(part, ()) for part in self.parts)

    def after(self, workload: Workload) -> Workload:
        """Return the workload behind the chain, from the one before it."""
        for place, part in enumerate(self.parts, 1):
            try:
                workload = part.after(workload)
            except PipelineError as error:
                raise PipelineError(f"step {place}, {error}") from None
        return workload


Node = Step | Input | Branches | Arithmetic | Chain


def set_depth(node: Branches | Arithmetic, parts: tuple[Node, ...]) -> None:
    """Store how many nodes contain one another, which must not be too many."""
    depth = 1 + max(part.depth for part in parts)
    if depth > MAX_DEPTH:
        raise PipelineError(f"nesting: sums and brackets must be at most {MAX_DEPTH} deep")
    object.__setattr__(node, "depth", depth)


def chain_of(parts: Iterable[Node]) -> Chain:
    """Return a chain of these, where chains among them are replaced by their parts."""
    flat: list[Node] = []
    for part in parts:
        flat.extend(part.parts if isinstance(part, Chain) else [part])
    return Chain(tuple(flat))


def steps_of(node: Node) -> Iterator[Step]:
    """Yield all steps in the order of the text."""
    if isinstance(node, Step):
        yield node
    elif isinstance(node, Arithmetic):
        yield from steps_of(node.left)
        yield from steps_of(node.right)
    elif isinstance(node, Branches | Chain):
        for part in node.parts:
            yield from steps_of(part)


def with_argument(
    node: Node, keyword: str, value: Any, wanted: Callable[[Step], bool] = lambda _: True
) -> Node:
    """Return a node in which each step that takes an argument, and was not given it, has it.

    Steps that are not `wanted` stay as they are.
    """
    if isinstance(node, Step):
        known = node.halo is None and has_keyword(node.function, keyword)
        if not known or keyword in node.arguments or not wanted(node):
            return node
        return replace(node, arguments={**node.arguments, keyword: value})
    if isinstance(node, Arithmetic):
        left, right = (
            with_argument(part, keyword, value, wanted) for part in (node.left, node.right)
        )
        return Arithmetic(node.operator, left, right)
    if isinstance(node, Branches | Chain):
        return type(node)(tuple(with_argument(part, keyword, value, wanted) for part in node.parts))
    return node


def weighs_pixels(step: Step) -> bool:
    """Whether a step averages or orders pixels with these arguments, so that weights make sense."""
    stub = np.zeros((1, 1), np.float32)
    try:
        plan = replace(step, arguments={**step.arguments, "weights": np.ones((1, 1))}).plan(stub)
    except ValueError:
        return False
    return getattr(plan, "weighed", "") != "sums"


def operate(
    left: Any, right: Any, operator: str, result_dtype: np.dtype[Any], out: Any = None
) -> NDArray[Any]:
    """Return what an operator makes of two images."""
    with np.errstate(all="ignore"):
        result: NDArray[Any] = OPERATORS[operator](left, right, dtype=result_dtype, out=out)
    return result


# ---- functions and their arguments ---------------------------------------------------------------


@cache
def signature_of(function: Callable[..., Any]) -> inspect.Signature:
    """Return a function's signature, which takes longer to find than a step to check."""
    return inspect.signature(function)


@cache
def has_keyword(function: Callable[..., Any], keyword: str) -> bool:
    """Whether a function has a parameter of this name."""
    try:
        return keyword in signature_of(function).parameters
    except (TypeError, ValueError):
        return False


def is_own_image(guide: Any) -> bool:
    """Whether a guide is the image that is filtered."""
    return isinstance(guide, str) and guide == OWN_IMAGE


def key_of(value: Any) -> Hashable:
    """Return a hashable value, the same for equal arguments; True, 1 and 1.0 are three."""
    if isinstance(value, np.ndarray):
        return "array", value.shape, value.dtype.str, value.tobytes()
    if isinstance(value, list | tuple):
        return ("sequence", *map(key_of, value))
    if isinstance(value, float):
        return "float", repr(value)
    if isinstance(value, dict):
        return "mapping", tuple((key_of(name), key_of(one)) for name, one in value.items())
    return type(value).__name__, value if isinstance(value, Hashable) else id(value)


# ---- texts ---------------------------------------------------------------------------------------


def operand_text(node: Node, others: tuple[type, ...], operators: str = "") -> str:
    """Return a node's text, in brackets if it is a chain, one of `others` or of `operators`."""
    binds = isinstance(node, (Chain, *others))
    binds |= isinstance(node, Arithmetic) and node.operator in operators
    return f"({node.text})" if binds else node.text


def text_of(value: Any) -> str:
    """Return an argument in a pipeline's text."""
    if isinstance(value, np.ndarray) and value.size > MAX_NUMBERS_IN_TEXT:
        return f"<{value.dtype} of {' x '.join(map(str, value.shape))}>"
    if isinstance(value, np.ndarray | np.generic):
        return text_of(value.tolist())
    if isinstance(value, list | tuple):
        inner = ", ".join(map(text_of, value))
        return f"[{inner}]" if isinstance(value, list) else f"({inner}{',' * (len(value) == 1)})"
    if isinstance(value, type | np.dtype):
        return np.dtype(value).name
    if isinstance(value, str) and value.isidentifier() and value not in {"None", "True", "False"}:
        return value
    return repr(value)
