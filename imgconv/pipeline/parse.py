"""The text of a pipeline: read by hand, so that nothing in it is ever run.

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
from typing import Any, NamedTuple, NoReturn

from imgconv.pipeline.steps import (
    Arithmetic,
    Branches,
    Image,
    Load,
    Node,
    PipelineError,
    Step,
    chain_of,
    named,
)

LONGEST = 20_000
DEEPEST = 30
DIGITS = 18
WORDS: dict[str, Any] = {
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


class Token(NamedTuple):
    """A piece of the text; `column` counts from 1."""

    kind: str
    text: str
    column: int


def parse(text: str) -> Node:
    """Return what a text says.

    Raises
    ------
    PipelineError
        If it is empty, or says what cannot be; the message names column and step.
    """
    if not isinstance(text, str):
        raise TypeError(f"text must be a string, got {type(text).__name__}")
    if not text.strip():
        raise PipelineError("a pipeline must have a step, got an empty text")
    if len(text) > LONGEST:
        raise PipelineError(
            f"a pipeline's text must have at most {LONGEST} characters, got {len(text)}"
        )
    reader = Reader(tokens(text))
    node = reader.chain()
    if reader.next.kind != "end":
        reader.refuse("| or the end")
    return node


def tokens(text: str) -> list[Token]:
    """Cut a text into pieces."""
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


class Reader:
    """Reads pieces from left to right, one function for each line of the grammar."""

    def __init__(self, pieces: list[Token]) -> None:
        self.pieces = pieces
        self.at = 0
        self.steps = 0
        self.depth = 0
        self.load = Load()  # of what is read so far
        self.inside = ""

    @property
    def next(self) -> Token:
        """The piece that comes next."""
        return self.pieces[self.at]

    def take(self, kind: str) -> Token | None:
        """Return the next piece if it is of this kind, and go on."""
        token = self.next
        if token.kind != kind:
            return None
        self.at += 1
        return token

    def expect(self, kind: str, wanted: str) -> Token:
        """Return the next piece, which must be of this kind."""
        return self.take(kind) or self.refuse(wanted)

    def refuse(self, wanted: str) -> NoReturn:
        """Say what should stand here instead."""
        raise self.error(self.next, f"{wanted} must stand here, got {self.next.text}")

    def error(self, token: Token, message: str) -> PipelineError:
        """Return an error that names column and step."""
        return PipelineError(f"column {token.column}{self.inside}: {message}")

    def deeper(self, read: Callable[[], Any]) -> Any:
        """Read what stands in brackets."""
        self.depth += 1
        if self.depth > DEEPEST:
            raise self.error(self.next, f"brackets must be at most {DEEPEST} deep")
        found = read()
        self.depth -= 1
        return found

    def placed(self, token: Token, make: Callable[..., Any], *arguments: Any) -> Any:
        """Return what is made here, or say where it cannot be."""
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
        given, start, parts = self.load.images, self.next, [self.sum()]
        found = self.load.images
        while comma := self.take(","):
            self.load = self.load._replace(images=given)
            parts.append(self.sum())
            found += self.load.images
            self.placed(comma, Load(found).checked, "branches")
        self.load = self.load._replace(images=found)
        return parts[0] if len(parts) == 1 else self.placed(start, Branches, tuple(parts))

    def sum(self) -> Node:
        """Read what is added or subtracted."""
        return self.joined(self.product, "+", "-")

    def product(self) -> Node:
        """Read what is multiplied or divided."""
        return self.joined(self.one, "*", "/")

    def joined(self, read: Callable[[], Node], *signs: str) -> Node:
        """Read what one of two operators joins, from left to right."""
        given, left = self.load.images, read()
        while sign := self.take(signs[0]) or self.take(signs[1]):
            self.load = self.load._replace(images=given)
            left = self.placed(sign, Arithmetic, sign.text, left, read())
            self.load = self.load._replace(images=1)
        return left

    def one(self) -> Node:
        """Read a step, the word image, or a chain in brackets."""
        if self.take("("):
            node = self.deeper(self.chain)
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
            return Image()
        return self.step(name)

    def step(self, name: Token) -> Step:
        """Read a step's arguments and check them."""
        self.steps += 1
        self.inside = f", step {self.steps}, {name.text}"
        positional, keywords = self.arguments()
        self.inside = ""
        try:
            step = named(name.text, *positional, **keywords)
            self.load = step.after(self.load)
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
            start, word = self.next, self.word()
            if word is None and keywords:
                raise self.error(start, "an argument without a name must come before the others")
            if word is None:
                positional.append(self.value())
            elif word.text in keywords:
                raise self.error(word, f"{word.text} must be given once")
            else:
                keywords[word.text] = self.value()
            if not self.take(",") and self.next.kind != ")":
                self.refuse(", or )")
        return positional, keywords

    def word(self) -> Token | None:
        """Read an argument's name, if there is one."""
        name = self.next
        if name.kind != "name" or self.pieces[self.at + 1].kind != "=":
            return None
        self.at += 2
        return name

    def value(self) -> Any:
        """Read a value."""
        if string := self.take("string"):
            return string.text[1:-1]
        if word := self.take("name"):
            return WORDS.get(word.text, word.text)
        for opening, closing, made in (("(", ")", tuple), ("[", "]", list)):
            if self.take(opening):
                values, comma = self.deeper(partial(self.values, closing))
                # Brackets about one value are a tuple only with a comma.
                return made(values) if made is list or comma or not values else values[0]
        negative = self.take("-") is not None
        if not negative:
            self.take("+")
        size = self.number(self.expect("number", "a value"))
        return -size if negative else size

    def values(self, closing: str) -> tuple[list[Any], bool]:
        """Read values up to a bracket; tell whether there was a comma."""
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
        if text.isdigit() and len(text) <= DIGITS:
            return int(text)
        if text.isdigit() or len(text) > 2 * DIGITS:
            raise self.error(token, f"a number must have at most {DIGITS} digits")
        if not math.isfinite(value := float(text)):
            raise self.error(token, f"a number must be finite, got {text}")
        return value
