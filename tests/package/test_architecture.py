"""Which modules of imgconv may import which, and which may call compiled loops."""

import ast
import re
from pathlib import Path

import pytest
from paths import ROOT

import imgconv
from imgconv.pipeline.registry import FILTERS

PACKAGE = Path(imgconv.__file__).parent

# What every face may import.
FACE = {"core", "face_arguments", "fallback", "filters", "operations"}

# The rooms of the package, and which others each may import. All may import `imgconv` itself, for
# its public names; no room but the command may import the benchmarks, and none the command but
# the page, which runs on folders what the command runs.
MAY_IMPORT = {
    # What runs a call. A plan reads operations, but core knows no filter.
    "core": {"geometry", "operations"},
    "operations": {"core", "kernels"},
    "kernels": {"core"},
    "geometry": {"core"},
    # What users call.
    "filters": {"core", "kernels", "operations"},
    "pipeline": {"core", "filters", "operations"},
    "nn": {"core", "filters", "geometry", "operations"},
    # Modules with another library's names.
    "fallback": {"core"},
    "face_arguments": {"core", "fallback"},
    "ndimage": FACE,
    "signal": FACE | {"ndimage"},
    "skimage": FACE | {"kernels", "ndimage"},
    "patching": {"core", "fallback"},
    "running": {"patching"},
    # Files, the command and the benchmarks.
    "io": set(),
    "bench": {"core", "nn", "operations", "pipeline"},
    "cli": {"bench", "core", "io", "pipeline", "running", "tune"},
    "tune": {"cli", "core", "filters", "io", "pipeline"},
    "__main__": {"cli"},
}


def modules():
    """Yield name and syntax of each module of the package."""
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        yield name, ast.parse(path.read_text())


def imports(name, tree, known):
    """Yield the modules of the package that a module imports, at its top or in a function."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [each.name for each in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [f"{node.module}.{each.name}" for each in node.names]
            names = [one if one in known else node.module for one in names]
        else:
            continue
        for one in names:
            # A module may import names from the packages that it is in.
            if one in known and not name.startswith(one + ".") and one != name:
                yield one


def room(name):
    """Return the room of a module: the second part of its name; imgconv itself has none."""
    return name.split(".")[1] if "." in name else ""


@pytest.fixture(scope="module")
def graph():
    """The modules that each module imports, by name."""
    trees = dict(modules())
    return {name: set(imports(name, tree, trees)) for name, tree in trees.items()}


class TestImports:
    def test_no_circle(self, graph):
        assert graph["imgconv.core.run"]
        left = dict(graph)
        while left:
            free = [name for name, needs in left.items() if not needs & left.keys()]
            assert free, f"these import each other: {circle(left)}"
            for name in free:
                del left[name]

    def test_every_room_is_in_the_table(self, graph):
        assert {room(name) for name in graph} - {""} == MAY_IMPORT.keys()

    def test_every_room_is_in_the_design(self):
        text = (ROOT / "docs" / "design.md").read_text()
        missing = [which for which in MAY_IMPORT if not re.search(rf"`imgconv/{which}[`.]", text)]
        assert not missing

    @pytest.mark.parametrize("which", MAY_IMPORT)
    def test_rooms_import_what_they_may(self, which, graph):
        allowed = {"", which, *MAY_IMPORT[which]}
        found = [
            f"{name} imports {needed}"
            for name, needs in graph.items()
            if room(name) == which
            for needed in sorted(needs)
            if room(needed) not in allowed
        ]
        assert not found, "\n".join(found)


def circle(graph):
    """Return one circle of a graph in which every node leads to another."""
    path = [next(iter(graph))]
    while path[-1] not in path[:-1]:
        path.append(sorted(graph[path[-1]] & graph.keys())[0])
    return " -> ".join(path[path.index(path[-1]) :])


class TestNames:
    def test_pipelines_decide_nothing_by_a_filters_name(self):
        """The name of a filter is a string in tables at the top of a module only."""
        found = []
        for name, tree in modules():
            if room(name) != "pipeline":
                continue
            tables = {
                id(node)
                for statement in tree.body
                if isinstance(statement, ast.Assign | ast.AnnAssign)
                for node in ast.walk(statement)
            }
            found += [
                f"{name}:{node.lineno}: {node.value}"
                for node in ast.walk(tree)
                if isinstance(node, ast.Constant)
                and node.value in FILTERS
                and id(node) not in tables
            ]
        assert not found


def uses_of_loops(tree):
    """Yield where a module looks up a compiled loop, calls one, or starts its threads."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            *_, owner, name = [".", *ast.unparse(node).split(".")]
            inside = owner == "loop" or (owner, name) == ("entry", "run")
            looked_up = owner == "cpu" and name in {"loop", "module"}
            if inside or name == "run_parallel" or looked_up:
                yield f"{owner}.{name}"
        elif isinstance(node, ast.ImportFrom):
            for one in node.names:
                whole = f"{node.module}.{one.name}"
                inside = "imgconv._loops" in whole and one.name != "machine"
                if inside or whole.endswith(("cpu.loop", "cpu.module", "threads.run_parallel")):
                    yield whole
        elif isinstance(node, ast.Constant) and "imgconv._loops." in str(node.value):
            yield node.value


class TestLoops:
    def test_only_run_calls_them(self):
        """Plans look them up; `call.repeat` runs plans that `run` ran before."""
        found = {name: set(uses_of_loops(tree)) for name, tree in modules()}
        assert {name: uses for name, uses in found.items() if uses} == {
            "imgconv.core.run": {"cpu.module", "entry.run", "threads.run_parallel"},
            "imgconv.core.call": {"imgconv._loops.call.repeat"},
            "imgconv.core.plan": {
                "cpu.loop",
                "imgconv._loops.call.Entry",
                "loop.entry",
                "loop.scratch",
            },
            "imgconv.core.cpu": {"imgconv._loops."},
        }
