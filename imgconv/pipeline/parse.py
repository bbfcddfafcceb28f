"""The text of a pipeline: read by a parser of our own, so that nothing in it is ever run.

    chain       branches ("|" branches)*
    branches    sum ("," sum)*
    sum         product (("+" | "-") product)*
    product     one (("*" | "/") one)*
    one         "image"  |  name ["(" arguments ")"]  |  "(" chain ")"
    arguments   [argument ("," argument)*]
    argument    [name "="] value
    value       number | string | word | "(" values ")" | "[" values "]"

A word that is not None, True, False, nan or inf is a string.
"""

import math
import re
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, NoReturn, TypeVar

from imgconv.pipeline.registry import named_step
from imgconv.pipeline.steps import (
    Arithmetic,
    Branches,
    Input,
    Node,
    PipelineError,
    Step,
    Workload,
    chain_of,
)

MAX_CHARACTERS = 20_000
MAX_BRACKETS = 30
MAX_DIGITS = 18
CONSTANTS: dict[str, Any] = {
    "None": None,
    "True": True,
    "False": False,
    "nan": math.nan,
    "inf": math.inf,
}

TOKEN = re.compile(
    r"""
    (?P<space> \s+ )
  | (?P<number> (?: \d[\d_]* (?: \.\d* )? | \.\d+ ) (?: [eE][+-]?\d+ )? )
  | (?P<name> [A-Za-z_]\w* )
  | (?P<string> "[^"\\\n]*" | '[^'\\\n]*' )
  | (?P<sign> [|,()\[\]+\-*/=] )
    """,
    re.VERBOSE | re.ASCII,
)


Result = TypeVar("Result")


class Token(NamedTuple):
    """A word, number, string or sign of the text; `column` counts from 1."""

    kind: str
    text: str
    column: int


def parse(text: str) -> Node:
    """Return the chain that a text describes.

    Raises
    ------
    PipelineError
        If it is empty or no pipeline; the message names column and step.
    """
    if not isinstance(text, str):
        raise TypeError(f"text must be a string, got {type(text).__name__}")
    if not text.strip():
        raise PipelineError("a pipeline must have a step, got an empty text")
    if len(text) > MAX_CHARACTERS:
        raise PipelineError(
            f"a pipeline's text must have at most {MAX_CHARACTERS} characters, got {len(text)}"
        )
    parser = Parser(tokens(text))
    node = parser.chain()
    if parser.next.kind != "end":
        parser.refuse("| or the end")
    return node


def tokens(text: str) -> list[Token]:
    """Return the tokens of a text, the last one of the kind "end"."""
    found, at = [], 0
    while at < len(text):
        match = TOKEN.match(text, at)
        if match is None:
            raise PipelineError(f"column {at + 1}: {text[at]!r} has no meaning here")
        kind = match.lastgroup or ""
        if kind != "space":
            found.append(Token(match.group() if kind == "sign" else kind, match.group(), at + 1))
        at = match.end()
    return [*found, Token("end", "the end", len(text) + 1)]


class Parser:
    """Reads tokens from left to right, with one method for each line of the grammar."""

    def __init__(self, found: list[Token]) -> None:
        self.tokens = found
        self.at = 0
        self.steps = 0
        self.brackets = 0
        self.workload = Workload()  # behind the tokens that have been read
        self.inside = ""  # the step whose arguments are read, for messages

    @property
    def next(self) -> Token:
        """The token that comes next."""
        return self.tokens[self.at]

    def take(self, kind: str) -> Token | None:
        """Return the next token if it is of this kind, and go on."""
        token = self.next
        if token.kind != kind:
            return None
        self.at += 1
        return token

    def expect(self, kind: str, expected: str) -> Token:
        """Return the next token, which must be of this kind."""
        return self.take(kind) or self.refuse(expected)

    def refuse(self, expected: str) -> NoReturn:
        """Raise an error that names what must be here instead of the next token."""
        raise self.error(self.next, f"expected {expected}, got {self.next.text}")

    def error(self, token: Token, message: str) -> PipelineError:
        """Return an error that names column and step."""
        return PipelineError(f"column {token.column}{self.inside}: {message}")

    def in_brackets(self, read: Callable[[], Result]) -> Result:
        """Read what follows an opening bracket."""
        self.brackets += 1
        if self.brackets > MAX_BRACKETS:
            raise self.error(self.next, f"brackets must be at most {MAX_BRACKETS} deep")
        found = read()
        self.brackets -= 1
        return found

    def made_at(self, token: Token, make: Callable[..., Result], *arguments: Any) -> Result:
        """Return what is made here; errors get the column of the token."""
        try:
            return make(*arguments)
        except PipelineError as error:
            raise PipelineError(f"column {token.column}, {error}") from error

    def chain(self) -> Node:
        """Read steps one after the other."""
        parts = [self.branches()]
        while self.take("|"):
            parts.append(self.branches())
        return parts[0] if len(parts) == 1 else chain_of(parts)

    def branches(self) -> Node:
        """Read chains side by side."""
        images, start, parts = self.workload.images, self.next, [self.sum()]
        found = self.workload.images
        while comma := self.take(","):
            self.workload = self.workload._replace(images=images)
            parts.append(self.sum())
            found += self.workload.images
            self.made_at(comma, Workload(found).checked, "branches")
        self.workload = self.workload._replace(images=found)
        return parts[0] if len(parts) == 1 else self.made_at(start, Branches, tuple(parts))

    def sum(self) -> Node:
        """Read terms that are added or subtracted."""
        return self.operands(self.product, "+", "-")

    def product(self) -> Node:
        """Read factors that are multiplied or divided."""
        return self.operands(self.one, "*", "/")

    def operands(self, read: Callable[[], Node], *signs: str) -> Node:
        """Read operands of two operators that bind equally, from left to right."""
        images, left = self.workload.images, read()
        while sign := self.take(signs[0]) or self.take(signs[1]):
            self.workload = self.workload._replace(images=images)
            left = self.made_at(sign, Arithmetic, sign.text, left, read())
            self.workload = self.workload._replace(images=1)
        return left

    def one(self) -> Node:
        """Read a step, the word image, or a chain in brackets."""
        if self.take("("):
            node = self.in_brackets(self.chain)
            self.expect(")", ")")
            return node
        if self.next.kind == "number":
            raise self.error(
                self.next,
                f"a number must be an argument, got {self.next.text}; scale(factor, offset) "
                "multiplies and adds",
            )
        name = self.expect("name", "a step")
        if name.text == "image":
            return Input()
        return self.step(name)

    def step(self, name: Token) -> Step:
        """Read a step's arguments and check them."""
        self.steps += 1
        self.inside = f", step {self.steps}, {name.text}"
        positional, keywords = self.arguments()
        self.inside = ""
        try:
            step = named_step(name.text, *positional, **keywords)
            self.workload = step.after(self.workload)
        except PipelineError as error:
            raise PipelineError(f"column {name.column}, step {self.steps}, {error}") from error
        return step

    def arguments(self) -> tuple[list[Any], dict[str, Any]]:
        """Read the arguments of a step, those without a name first."""
        positional: list[Any] = []
        keywords: dict[str, Any] = {}
        if not self.take("("):
            return positional, keywords
        while not self.take(")"):
            start, name = self.next, self.argument_name()
            if name is None and keywords:
                raise self.error(start, "an argument without a name must come before the others")
            if name is None:
                positional.append(self.value())
            elif name.text in keywords:
                raise self.error(name, f"{name.text} must be given once")
            else:
                keywords[name.text] = self.value()
            if not self.take(",") and self.next.kind != ")":
                self.refuse(", or )")
        return positional, keywords

    def argument_name(self) -> Token | None:
        """Read an argument's name, if there is one."""
        name = self.next
        if name.kind != "name" or self.tokens[self.at + 1].kind != "=":
            return None
        self.at += 2
        return name

    def value(self) -> Any:
        """Read a value."""
        if string := self.take("string"):
            return string.text[1:-1]
        if word := self.take("name"):
            return CONSTANTS.get(word.text, word.text)
        for opening, closing, made in (("(", ")", tuple), ("[", "]", list)):
            if self.take(opening):
                values, comma = self.in_brackets(partial(self.values, closing))
                # Brackets about one value are a tuple only with a comma.
                return made(values) if made is list or comma or not values else values[0]
        negative = self.take("-") is not None
        if not negative:
            self.take("+")
        size = self.number(self.expect("number", "a value"))
        return -size if negative else size

    def values(self, closing: str) -> tuple[list[Any], bool]:
        """Read values up to a bracket; the second result is whether there was a comma."""
        values, comma = [], False
        while not self.take(closing):
            values.append(self.value())
            if self.take(","):
                comma = True
            elif self.next.kind != closing:
                self.refuse(f", or {closing}")
        return values, comma

    def number(self, token: Token) -> int | float:
        """Return a number that is neither too long nor infinite."""
        text = token.text.replace("_", "")
        if text.isdigit() and len(text) <= MAX_DIGITS:
            return int(text)
        if text.isdigit() or len(text) > 2 * MAX_DIGITS:
            raise self.error(token, f"a number must have at most {MAX_DIGITS} digits")
        if not math.isfinite(value := float(text)):
            raise self.error(token, f"a number must be finite, got {text}")
        return value
