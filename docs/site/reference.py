"""Write the pages of the reference: of each public function, each step and each command.

What they say is read from docstrings, from the descriptions of steps and from the command's help.
`reference.toml` orders the functions and states the pictures.
"""

import inspect
import re
import tomllib
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import click

import imgconv
from imgconv import geometry, kernels, nn, pipeline
from imgconv.cli import main as command
from imgconv.nn import layers, textbook, train

__all__ = ["PAGES_OF_FILES", "families", "target", "write"]

HERE = Path(__file__).resolve().parent
EXAMPLES = HERE.parent / "examples"
TABLE = tomllib.loads((HERE / "reference.toml").read_text())

# Files outside docs that have a page here.
PAGES_OF_FILES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "CHANGELOG.md": "project/changelog.md",
}
# Modules with a page for each of their functions: the folder of the pages.
MODULES = {"imgconv": "", "kernels": "kernels/", "geometry": "geometry/", "nn": "nn/"}
# Modules of classes, each on one page.
CLASSES = {"pipeline": pipeline, "nn.layers": layers, "nn.train": train}
FACES = {
    "ndimage": ("scipy.ndimage", imgconv.ndimage),
    "signal": ("scipy.signal", imgconv.signal),
    "skimage.filters": ("skimage.filters", imgconv.skimage.filters),
    "skimage.feature": ("skimage.feature", imgconv.skimage.feature),
    "skimage.restoration": ("skimage.restoration", imgconv.skimage.restoration),
    "skimage.measure": ("skimage.measure", imgconv.skimage.measure),
}


def own(module: ModuleType) -> dict[str, Any]:
    """Return what a module defines, by name: not what it passes on from another library."""
    names = module.__all__
    values = {name: getattr(module, name) for name in names if name != "__version__"}
    return {
        name: value
        for name, value in values.items()
        if callable(value) and (value.__module__ or "").startswith("imgconv")
    }


def functions(module: ModuleType) -> dict[str, Any]:
    return {name: value for name, value in own(module).items() if not inspect.isclass(value)}


def families() -> Iterator[tuple[str, list[str]]]:
    """Yield title and names of each family of functions in imgconv."""
    rest = dict(functions(imgconv))
    for family in TABLE["family"]:
        names = [name for name in family["names"] if rest.pop(name, None)]
        yield family["title"], names
    if rest:
        yield "Others", list(rest)


@cache
def documented() -> set[str]:
    """Return the full names of all that has an entry."""
    found = {"imgconv", "imgconv.nn", "imgconv.kernels", "imgconv.geometry", "imgconv.pipeline"}
    found |= {"imgconv.nn.layers", "imgconv.nn.train", "imgconv.nn.textbook", "imgconv.Pipeline"}
    for name, module in (
        *(("imgconv", imgconv), ("imgconv.kernels", kernels), ("imgconv.geometry", geometry)),
        ("imgconv.nn", nn),
        ("imgconv.nn.textbook", textbook),
    ):
        found |= {f"{name}.{each}" for each in functions(module)}
    for name, module in CLASSES.items():
        found |= {f"imgconv.{name}.{each}" for each in own(module)}
    return found - {"imgconv.pipeline.Pipeline"}


def target(text: str, page: str) -> str | None:
    """Return the full name of what a piece of code on a page names, if it has an entry."""
    name = re.sub(r"\(.*\)$", "", text.replace("\n", " "))
    if name in ("Pipeline", "imgconv.pipeline.Pipeline"):
        return "imgconv.Pipeline"
    if not page.startswith("made/reference/"):
        return name if name in documented() and name != "imgconv" else None
    for module in (*neighbours(page), "", "imgconv."):
        if module + name in documented():
            return module + name
    return None


def neighbours(page: str) -> list[str]:
    """Return the modules whose names a page may write without them, innermost first."""
    part = page.removeprefix("made/reference/").replace("/", ".")
    part = {"layers": "nn.layers.", "train": "nn.train.", "textbook": "nn.textbook."}.get(
        part, part
    )
    return [
        f"imgconv.{name}."
        for name in (*CLASSES, "nn.textbook", *MODULES)
        if part.startswith(f"{name}.")
    ]


def title(text: str, mark: str = "=") -> list[str]:
    return [text, mark * len(text), ""]


def indented(text: str) -> list[str]:
    return [f"   {line}".rstrip() for line in text.splitlines()]


def picture(name: str) -> list[str]:
    if name in TABLE["drawings"]:
        return [f".. drawing:: {TABLE['drawings'][name]}", ""]
    if name not in TABLE["pictures"]:
        return []
    sample, code = TABLE["pictures"][name]
    return [f".. picture:: {sample}", "", *indented(code), ""]


@cache
def sources() -> dict[Path, str]:
    return {path: path.read_text() for path in sorted(EXAMPLES.rglob("plot_*.py"))}


def examples(name: str) -> list[str]:
    """Return the thumbnails of the examples of the gallery that call a function."""
    called = re.compile(rf"(?<!\w){re.escape(name)}\b[(,]|[ |\"']{re.escape(name)}\b[(| ].*\|")
    found = [path for path, text in sources().items() if called.search(text)]
    if not found:
        return []
    paths = [path.relative_to(HERE.parent).as_posix() for path in found]
    return [*title("In the gallery", "-"), ".. minigallery::", *indented("\n".join(paths)), ""]


def see_also(name: str, names: Sequence[str], module: str) -> list[str]:
    others = [f":py:obj:`~{module}.{other}`" for other in names if other != name]
    return [f"See also: {', '.join(others)}.", ""] if others else []


def function_page(module: str, name: str, family: Sequence[str]) -> list[str]:
    inside = module.removeprefix("imgconv").lstrip(".")
    short = f"{inside}.{name}" if inside else name
    lines = [*title(name), f".. currentmodule:: {module}", "", *picture(short)]
    lines += [f".. autofunction:: {module}.{name}", ""]
    if module == "imgconv.nn" and f"{name}_backward" in functions(nn):
        lines += [f".. autofunction:: {module}.{name}_backward", ""]
    return [
        *lines,
        *see_also(name, family, module),
        *examples(f"{module}.{name}" if not inside else short),
    ]


def table(rows: Sequence[tuple[str, str]]) -> list[str]:
    """Return a table of names with their pages and of summaries."""
    lines = [".. list-table::", "   :widths: 30 70", ""]
    for name, text in rows:
        lines += [f"   * - {name}", f"     - {text}"]
    return [*lines, ""]


def summary(value: Any) -> str:
    return (inspect.getdoc(value) or "").partition("\n")[0].replace("*", r"\*")


def linked(module: str, names: Sequence[str]) -> list[str]:
    owner = imgconv if module == "imgconv" else getattr(imgconv, module.removeprefix("imgconv."))
    return table([(f":py:obj:`~{module}.{name}`", summary(getattr(owner, name))) for name in names])


def toctree(pages: Sequence[str], hidden: bool = True) -> list[str]:
    return [
        ".. toctree::",
        *(["   :hidden:"] if hidden else []),
        "",
        *indented("\n".join(pages)),
        "",
    ]


def index() -> list[str]:
    lines = [*title("Reference"), "Every public function, with what it does in pictures."]
    lines += ["All filters share the keywords of :doc:`imgconv <imgconv>`: borders, axes,"]
    lines += ["channels, missing pixels and dtypes.", ""]
    pages = ["imgconv"]
    for heading, names in families():
        lines += [*title(heading, "-"), *linked("imgconv", names)]
        pages += names
    lines += title("More", "-")
    more = {
        "pipeline": "Pipelines and the point operations that are steps beside the filters.",
        "steps": "Every step of a pipeline and of `imgconv apply`, with what it takes.",
        "kernels/index": "Kernels as arrays, each with its source.",
        "geometry/index": "Sizes of results, and receptive fields.",
        "nn/index": "Layers of convolutional networks on NumPy arrays.",
        "layers": "Layers as objects, with parameters, combined to networks.",
        "train": "Optimizers and a training loop.",
        "textbook": "Convolution layers as textbooks write them.",
        "faces": "Modules with the names of SciPy and scikit-image.",
        "command/index": "The command `imgconv`.",
    }
    lines += table([(f":doc:`{page}`", text) for page, text in more.items()])
    return [*lines, *toctree([*pages, *more])]


def module_page(
    name: str, module: ModuleType, groups: Sequence[tuple[str, list[str]]]
) -> list[str]:
    """Return the first page of a module whose functions have pages."""
    lines = [*title(name), f".. automodule:: {name}", ""]
    pages = []
    for heading, names in groups:
        lines += [*title(heading, "-"), *linked(name, names)]
        pages += names
    return [*lines, *toctree(pages)]


def by_module(names: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """Group functions by the module that defines them, without gradients."""
    groups: dict[str, list[str]] = {}
    for name, value in names.items():
        if not name.endswith("_backward"):
            heading = value.__module__.rpartition(".")[2].replace("_", " ").capitalize()
            groups.setdefault(heading, []).append(name)
    return list(groups.items())


def classes_page(name: str, module: ModuleType) -> list[str]:
    lines = [*title(f"imgconv.{name}"), f".. automodule:: imgconv.{name}", ""]
    for each, value in own(module).items():
        if each == "Pipeline":
            full, options = "imgconv.Pipeline", ["   :members:"]
        else:
            full, options = f"imgconv.{name}.{each}", []
        kind = "autoclass" if inspect.isclass(value) else "autofunction"
        if inspect.isclass(value):
            options = ["   :members:"]
        lines += [
            *title(each, "-"),
            *picture(f"{name}.{each}"),
            f".. {kind}:: {full}",
            *options,
            "",
        ]
    return lines


def textbook_page() -> list[str]:
    lines = [*title("imgconv.nn.textbook"), ".. automodule:: imgconv.nn.textbook", ""]
    for name in functions(textbook):
        lines += [*title(name, "-"), f".. autofunction:: imgconv.nn.textbook.{name}", ""]
    return lines


def steps_page() -> list[str]:
    """Return a table of the arguments of each step."""
    lines = [*title("Steps"), "The steps of :py:obj:`~imgconv.Pipeline` and of `imgconv apply`."]
    lines += ["`imgconv steps NAME` prints the same.", ""]
    described = pipeline.descriptions()
    for family in dict.fromkeys(step.family for step in described):
        lines += title(family.replace("_", " ").capitalize(), "-")
        for step in (each for each in described if each.family == family):
            lines += [*title(step.name, "~"), escaped(step.help), ""]
            lines += arguments(step.arguments)
    return lines


def arguments(described: Sequence[Any]) -> list[str]:
    if not described:
        return []
    lines = [".. list-table::", "   :widths: 15 15 25 45", "   :header-rows: 1", ""]
    lines += ["   * - argument", "     - default", "     - takes", "     - meaning"]
    for each in described:
        default = "" if each.required else f"``{each.default}``"
        cells = f"``{each.name}``", default, escaped(each.takes), escaped(each.help)
        for mark, cell in zip("*   ", cells, strict=True):
            lines.append(f"   {mark} - {cell}".rstrip())
    return [*lines, ""]


def escaped(text: str) -> str:
    """Return plain text for reStructuredText; what stands in backticks remains code."""
    parts = re.split(r"(`[^`]+`)", " ".join(text.split()))
    plain = [part if part[:1] == "`" else re.sub(r"([*|\\_])", r"\\\1", part) for part in parts]
    return "".join(f"``{part[1:-1]}``" if part[:1] == "`" else part for part in plain)


def faces_page() -> list[str]:
    lines = [*title("Faces"), "Modules with the names, arguments and results of other libraries."]
    lines += ["What they compute and where they fall back is told in :doc:`/faces`.", ""]
    for name, (original, module) in FACES.items():
        lines += [*title(f"imgconv.{name}", "-"), f"In place of ``{original}``:", ""]
        lines += [", ".join(f"``{each}``" for each in functions(module)) + ".", ""]
    return lines


def command_page(name: str, each: click.Command) -> list[str]:
    """Return the page of a command, from what --help prints."""
    context = click.Context(each, info_name=f"imgconv {name}", max_content_width=88)
    usage = " ".join(each.collect_usage_pieces(context))
    lines = [
        *title(f"imgconv {name}"),
        ".. code-block:: text",
        "",
        f"   imgconv {name} {usage}",
        "",
    ]
    for paragraph in inspect.cleandoc(each.help or "").split("\n\n"):
        if paragraph.startswith("\b"):
            lines += ["::", "", *indented(paragraph.strip("\b\n")), ""]
        else:
            lines += [escaped(paragraph), ""]
    lines += [*title("Options", "-"), ".. list-table::", "   :widths: 35 65", ""]
    records = [each.get_help_record(context) for each in each.get_params(context)]
    for option, text in (record for record in records if record and record[1]):
        lines += [f"   * - ``{option}``", f"     - {escaped(text)}"]
    epilog = inspect.cleandoc((each.epilog or "").replace("\b", ""))
    if epilog:
        body = re.sub(r"^Examples?:\n", "", epilog)
        lines += [
            "",
            *title("Examples", "-"),
            ".. code-block:: sh",
            "",
            *indented(inspect.cleandoc(body)),
        ]
    return [*lines, ""]


def command_index() -> list[str]:
    lines = [*title("The command"), "These pages are what ``imgconv COMMAND --help`` prints."]
    lines += ["What all commands share is told in :doc:`/command`.", ""]
    rows = [
        (f":doc:`imgconv {name} <{name}>`", escaped(each.get_short_help_str(200)))
        for name, each in command.commands.items()
    ]
    return [*lines, *table(rows), *toctree(list(command.commands))]


def pages() -> Iterator[tuple[str, list[str]]]:
    """Yield name and lines of each page."""
    yield "index", index()
    yield "imgconv", [*title("imgconv"), ".. automodule:: imgconv", ""]
    for _, names in families():
        for name in names:
            yield name, function_page("imgconv", name, names)
    for inside, module in (("kernels", kernels), ("geometry", geometry), ("nn", nn)):
        groups = by_module(functions(module))
        yield f"{inside}/index", module_page(f"imgconv.{inside}", module, groups)
        for _, names in groups:
            for name in names:
                yield f"{inside}/{name}", function_page(f"imgconv.{inside}", name, names)
    yield "pipeline", classes_page("pipeline", pipeline)
    yield "layers", classes_page("nn.layers", layers)
    yield "train", classes_page("nn.train", train)
    yield "textbook", textbook_page()
    yield "steps", steps_page()
    yield "faces", faces_page()
    yield "command/index", command_index()
    for name, each in command.commands.items():
        yield f"command/{name}", command_page(name, each)


def write(folder: Path) -> None:
    """Write the pages that are new or have changed, and remove those that are no more."""
    written = set()
    for name, lines in pages():
        path = folder / f"{name}.rst"
        path.parent.mkdir(parents=True, exist_ok=True)
        text = "\n".join(lines)
        written.add(path)
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
    for path in set(folder.rglob("*.rst")) - written:
        path.unlink()
