"""Names and numbers in the documents are those of the code."""

import re
import tomllib

import pytest
from caches import caches
from paths import ROOT, WRITTEN

from imgconv.cli import main

DOCUMENTS = {
    path.relative_to(ROOT).as_posix(): path.read_text()
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *WRITTEN)
}
ALL = "\n".join(DOCUMENTS.values())
SHELL = "".join(re.findall(r"^```sh\n(.*?)^```", ALL, re.MULTILINE | re.DOTALL))
CODE = [*(ROOT / "imgconv").rglob("*.py"), ROOT / "setup.py"]
MEGABYTE = 1 << 20


def commands(program):
    """Return the lines of the documents' shell examples that begin with a program."""
    return re.findall(rf"^(?:[A-Z_]+=\S+ )*{program} ([^#\n]*)", SHELL, re.MULTILINE)


def test_total_of_the_caches():
    total = sum(cache.limit for cache in caches().values())
    written = re.search(r"limits\s+add\s+up\s+to\s+(\d+)\s+MB", DOCUMENTS["docs/design.md"])
    assert written
    assert total == int(written[1]) * MEGABYTE


def test_environment_variables():
    """Those of the package are all documented; of what is documented, tests read the rest."""
    documented = set(re.findall(r"IMGCONV_[A-Z_]+", ALL))
    read = {name for path in CODE for name in re.findall(r"IMGCONV_[A-Z_]+", path.read_text())}
    tests = {
        name
        for path in (ROOT / "tests").rglob("*.py")
        for name in re.findall(r"IMGCONV_[A-Z_]+", path.read_text())
    }
    assert read <= documented <= read | tests


@pytest.mark.parametrize("line", sorted(set(commands("imgconv"))))
def test_commands_and_their_options(line):
    name, *words = line.split()
    options = {text for each in main.commands[name].params for text in each.opts}
    # What `imgconv run` starts has options of its own.
    own = words[: words.index("-m")] if "-m" in words else words
    assert {word for word in own if re.match(r"--?[a-z]", word)} <= options


def test_make_targets():
    targets = re.search(r"^TARGETS := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[1]
    named = {line.split()[0] for line in commands("make")}
    assert named
    assert named <= set(targets.split())


def test_extras():
    with (ROOT / "pyproject.toml").open("rb") as file:
        extras = tomllib.load(file)["project"]["optional-dependencies"]
    named = re.findall(r"imgconv\[([a-z,]+)\]", ALL)
    assert {extra for names in named for extra in names.split(",")} <= extras.keys()
