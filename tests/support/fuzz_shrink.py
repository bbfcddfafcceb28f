"""A line of Python that fails is made shorter as long as it fails.

>>> shortest("f(40, [[1, 0], [1, 1]], 'a | b', x=3)", lambda line: "1" in line and "b" in line, 60)
"f(1, [[1]], 'b')"
"""

import ast
import copy
import time
from collections.abc import Callable, Iterator
from typing import Any


def shortest(line: str, fails: Callable[[str], bool], seconds: float) -> str:
    """Return the shortest line found that fails, after so many seconds or when none is shorter."""
    end = time.monotonic() + seconds

    def holds(other: str) -> bool:
        return time.monotonic() < end and fails(other)

    while (other := next(filter(holds, shorter(line)), line)) != line:
        line = other
    return line


def shorter(line: str) -> Iterator[str]:
    """Yield the lines that are simpler in one place."""
    tree = ast.parse(line, mode="eval")
    for place, node in enumerate(ast.walk(tree)):
        for name, value in simpler(node):
            other = copy.deepcopy(tree)
            setattr(list(ast.walk(other))[place], name, value)
            yield ast.unparse(other)


def simpler(node: ast.AST) -> Iterator[tuple[str, Any]]:
    """Yield what a part of a line may be replaced by: its field, and the simpler value.

    An option is left out, a chain loses a step, a list a half, an end or, if it is a list of rows,
    a column. A number becomes 1, half of it, or one less.
    """
    match node:
        case ast.Call(keywords=options):
            yield from (("keywords", without(options, i)) for i in range(len(options)))
        case ast.List(elts=[_, _, *_] as parts):
            half = len(parts) // 2
            yield from (
                ("elts", some) for some in (parts[:half], parts[half:], parts[:-1], parts[1:])
            )
        case ast.Constant(value=str(text)) if " | " in text:
            steps = text.split(" | ")
            yield from (("value", " | ".join(without(steps, i))) for i in range(len(steps)))
        case ast.Constant(value=int(number)) if number > 1:
            yield from (("value", less) for less in dict.fromkeys((1, number // 2, number - 1)))
    match node:
        case ast.List(elts=[ast.List(elts=[_, _, *_]), *_] as rows):
            for kept in (slice(None, -1), slice(1, None)):
                yield "elts", [ast.List(row.elts[kept], ast.Load()) for row in rows]


def without(parts: list[Any], place: int) -> list[Any]:
    """Return a list without the part at this place."""
    return parts[:place] + parts[place + 1 :]
