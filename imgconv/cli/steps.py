"""`imgconv steps`: the steps that a chain may have, and what each of them takes."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from itertools import groupby
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.table import Table

    from imgconv.pipeline import ArgumentDescription, StepDescription

# Units of which a slider's numbers are parts.
OF_WHITE = {"image": "of white", "image squared": "of white squared"}
WHITE = 255.0
# Where the output is no terminal, a table has this width.
WIDTH_OF_FILES = 180


@click.command(
    "steps",
    short_help="List the steps of chains, or describe one.",
    epilog="""\b
Examples:
  imgconv steps
  imgconv steps gaussian
  imgconv steps --json > steps.json
""",
)
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON.")
@click.argument("name", required=False)
def command(as_json: bool, name: str | None) -> None:
    """List the steps that a chain of `imgconv apply` may have, or describe the step NAME.

    A step's arguments are shown with their default, what they take, what is usual, and a line on
    what they mean. --json prints all that is known, of all steps or of one.
    """
    from imgconv.pipeline import descriptions

    found = descriptions()
    if name is not None:
        found = tuple(each for each in found if each.name == name)
        if not found:
            raise click.UsageError(unknown(name, [each.name for each in descriptions()]))
    if as_json:
        as_dicts = [each.as_dict() for each in found]
        click.echo(json.dumps(as_dicts if name is None else as_dicts[0], indent=2, allow_nan=False))
    elif name is None:
        click.echo("\n".join(overview(found)))
    else:
        show(found[0])


def unknown(name: str, names: Sequence[str]) -> str:
    """Return what is said of a name that no step has.

    >>> unknown("gausian", ["box", "gaussian", "gaussian_laplace"])
    'gausian: no such step; close: gaussian, gaussian_laplace'
    """
    close = ", ".join(get_close_matches(name, names, 3))
    return f"{name}: no such step; " + (f"close: {close}" if close else "`imgconv steps` lists all")


def show(step: StepDescription) -> None:
    """Print what a step does, an example, and its arguments as a table."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else WIDTH_OF_FILES
    console = Console(highlight=False, markup=False, width=width)
    console.print(f"{step.name}: {step.help}")
    console.print(f"family: {step.family}")
    example = step.scaled(WHITE).start
    console.print(f"example{', for 8 bits' if example != step.start else ''}: {example}")
    if step.merges:
        console.print(
            "It makes one image of several, such as those of `sobel(axis=0), sobel(axis=1)`."
        )
    if step.arguments:
        console.print(arguments_table(step.arguments))
    if any(each.unit in OF_WHITE for each in step.arguments):
        console.print("White is 255 of 8 bits, 65535 of 16 bits, 1 of floats.")


def overview(steps: Sequence[StepDescription]) -> Iterator[str]:
    """Yield names and one line of help of steps, family by family."""
    width = max(len(each.name) for each in steps)
    for family, members in groupby(steps, key=lambda each: each.family):
        yield family
        for each in members:
            yield f"  {each.name:{width}}  {each.help}"


def arguments_table(arguments: Sequence[ArgumentDescription]) -> Table:
    """Return the arguments of a step as a table."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from imgconv.pipeline.steps import text_of

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("argument", no_wrap=True)
    for title in ("default", "takes", "meaning"):
        table.add_column(title, overflow="fold")
    for each in arguments:
        default = "(required)" if each.required else text_of(each.default)
        table.add_row(each.name, default, "\n".join(takes(each)), each.help)
    return table


def takes(argument: ArgumentDescription) -> Iterator[str]:
    r"""Yield what an argument takes, what narrows that, and what is usual, a line each.

    >>> from imgconv.pipeline import describe
    >>> print(*takes(describe("clip").argument("low")), sep="\n")
    number
    depends on high
    usual: 0 to 1 by 0.005 of white
    """
    yield argument.takes
    if argument.depends_on:
        yield f"depends on {', '.join(argument.depends_on)}"
    if argument.slider is not None:
        low, high, step = argument.slider
        unit = OF_WHITE.get(argument.unit, argument.unit)
        yield f"usual: {low:g} to {high:g} by {step:g} {unit}".rstrip()
