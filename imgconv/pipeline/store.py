"""Pipelines in TOML and YAML files: a list `steps` of texts, or of names with a table of arguments.

steps = ["gaussian(sigma=1.5)", "sobel", { threshold = { value = "otsu" } }]
"""

import json
import tomllib
from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import Any

from imgconv.pipeline.parse import parse
from imgconv.pipeline.registry import named_step
from imgconv.pipeline.steps import Node, PipelineError, Workload

TOML, YAML = (".toml",), (".yaml", ".yml")
# Bytes of a file, and items of what it contains.
LARGEST_FILE = 1 << 20


def suffix_of(path: Path) -> str:
    """Return the suffix of a pipeline's file, which must be one that is known."""
    suffix = path.suffix.lower()
    if suffix not in TOML + YAML:
        raise PipelineError(f"{path}: a pipeline is a {' '.join(TOML + YAML)} file")
    return suffix


def load(path: str | PathLike[str]) -> Iterator[Node]:
    """Yield the steps of a file."""
    file = Path(path)
    suffix = suffix_of(file)
    if file.stat().st_size > LARGEST_FILE:
        raise PipelineError(f"{file}: larger than a pipeline can be")
    text = file.read_text(encoding="utf-8")
    try:
        content = tomllib.loads(text) if suffix in TOML else read_yaml(text)
    except (ValueError, RecursionError) as error:
        raise PipelineError(f"{file}: {' '.join(str(error).split())}") from None
    if not is_small(content):
        raise PipelineError(f"{file}: larger than a pipeline can be")
    steps = content.get("steps") if isinstance(content, dict) else None
    if not isinstance(steps, list) or not steps:
        raise PipelineError(f"{file}: must have a list named steps")
    workload = Workload()
    for place, entry in enumerate(steps, 1):
        try:
            node = node_of_entry(entry)
            workload = node.after(workload)
        except (PipelineError, RecursionError) as error:
            raise PipelineError(f"{file}, steps, number {place}: {error}") from error
        yield node


def is_small(content: Any) -> bool:
    """Whether a file's content is small, also where a name in YAML repeats a list many times."""
    waiting, count = [content], 1
    while waiting:
        value = waiting.pop()
        inside = list(value.values()) if isinstance(value, dict) else value
        if isinstance(inside, list):
            count += len(inside)
            if count > LARGEST_FILE:
                return False
            waiting.extend(inside)
    return True


def read_yaml(text: str) -> Any:
    """Return the content of a YAML file: plain data, whatever tags it has."""
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from None


def node_of_entry(entry: Any) -> Node:
    """Return the node of an item of `steps`: a text, or a name with its arguments."""
    if isinstance(entry, str):
        return parse(entry)
    if isinstance(entry, dict) and len(entry) == 1:
        name, arguments = next(iter(entry.items()))
        if isinstance(name, str) and isinstance(arguments or {}, dict):
            return named_step(name, **(arguments or {}))
    raise PipelineError(f"a step must be a text or a name with its arguments, got {entry!r}")


def save(path: str | PathLike[str], texts: list[str]) -> None:
    """Write the texts of steps."""
    file = Path(path)
    if suffix_of(file) in TOML:
        lines = "".join(f"    {json.dumps(text)},\n" for text in texts)
        file.write_text(f"steps = [\n{lines}]\n", encoding="utf-8")
        return
    import yaml

    file.write_text(yaml.safe_dump({"steps": texts}, width=1000), encoding="utf-8")
