"""`imgconv info`: what is installed, and what will run."""

from collections.abc import Iterator, Mapping
from typing import Any

import click


@click.command("info")
def command() -> None:
    """Show versions, instruction sets, threads and optional packages."""
    from rich.console import Console

    from imgconv.core.config import config

    console = Console(soft_wrap=True, highlight=False, markup=False)
    for line in outline(config()):
        console.print(line)


def outline(values: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    """Yield the lines of a nested dict, each level's values in one column.

    >>> for line in outline({"level": "v3", "threads": {"now": 2, "openmp": True}}):
    ...     print(line)
    level    v3
    threads
      now     2
      openmp  yes
    """
    width = max(map(len, values), default=0)
    for key, value in values.items():
        if isinstance(value, dict):
            yield indent + key
            yield from outline(value, indent + "  ")
        else:
            yield f"{indent}{key:{width}}  {as_text(value)}"


def as_text(value: Any) -> str:
    """Return a value as a person writes it.

    >>> as_text(True), as_text(None), as_text(["v2", "v3"])
    ('yes', '-', 'v2, v3')
    """
    if value is None or isinstance(value, bool):
        return {True: "yes", False: "no", None: "-"}[value]
    return ", ".join(map(as_text, value)) if isinstance(value, list | tuple) else str(value)
