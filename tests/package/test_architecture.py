"""The house itself: what its modules may know of each other."""

import ast
from pathlib import Path

import imgconv
from imgconv.pipeline.registry import FILTERS

PACKAGE = Path(imgconv.__file__).parent


def modules():
    """The modules of the package by name, and their syntax."""
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        yield name, path, ast.parse(path.read_text())


def imports(name, tree, known):
    """The modules of the package that a module imports, wherever in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [each.name for each in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [f"{node.module}.{each.name}" for each in node.names]
            names = [one if one in known else node.module for one in names]
        else:
            continue
        for one in names:
            # A package whose own modules import it would be in a circle with each of them.
            if one in known and not name.startswith(one + ".") and one != name:
                yield one


class TestImports:
    def test_no_circle(self):
        trees = {name: tree for name, _, tree in modules()}
        graph = {name: set(imports(name, tree, trees)) for name, tree in trees.items()}
        assert graph["imgconv.core.run"]
        left = dict(graph)
        while left:
            free = [name for name, needs in left.items() if not needs & left.keys()]
            assert free, f"these import each other: {circle(left)}"
            for name in free:
                del left[name]


def circle(graph):
    """One circle of a graph whose every node leads on."""
    path = [next(iter(graph))]
    while path[-1] not in path[:-1]:
        path.append(sorted(graph[path[-1]] & graph.keys())[0])
    return " -> ".join(path[path.index(path[-1]) :])


class TestNames:
    def test_pipelines_decide_nothing_by_a_filters_name(self):
        """A filter's name is a string in tables of words only: constants that are written once."""
        found = []
        for name, _, tree in modules():
            if not name.startswith("imgconv.pipeline"):
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
    """Where a module looks up a compiled loop, takes anything out of one, or starts its threads."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            *_, owner, name = [".", *ast.unparse(node).split(".")]
            inside = owner in {"loop", "copier"}
            if inside or name == "run_parallel" or (owner, name) == ("cpu", "loop"):
                yield f"{owner}.{name}"
        elif isinstance(node, ast.ImportFrom):
            for one in node.names:
                whole = f"{node.module}.{one.name}"
                inside = "imgconv._loops" in whole and one.name != "machine"
                if inside or whole.endswith(("core.cpu.loop", "threads.run_parallel")):
                    yield whole
        elif isinstance(node, ast.Constant) and "imgconv._loops." in str(node.value):
            yield node.value


class TestLoops:
    def test_only_run_calls_them(self):
        """Plans look them up; transforms, which `run` runs as a loop, call two for each tile."""
        found = {name: set(uses_of_loops(tree)) for name, _, tree in modules()}
        assert {name: uses for name, uses in found.items() if uses} == {
            "imgconv.core.run": {"cpu.loop", "loop.run", "threads.run_parallel"},
            "imgconv.core.plan": {"cpu.loop", "loop.scratch"},
            "imgconv.core.fourier": {"copier.scratch", "loop.scratch", "loop.run"},
            "imgconv.core.cpu": {"imgconv._loops."},
        }
