"""One word, one meaning: words with a better one are not used, and a class name is used once.

docs/design.md has the glossary. Patterns match whole words, in text and in names of code, in any
case; a space also matches an underscore, a hyphen and the end of a line.
"""

import ast
import functools
import re
from collections import defaultdict

import pytest
from paths import ROOT

# What is banned, and what to write instead.
WORDS = {
    "hand(s|ed|ing)? (it |them |that |calls? |the call )?(on|over)": "fall back, pass",
    "handover": "fallback",
    "(slow )?twins?": "reference implementation",
    "held against": "compared with, tested against",
    "turned": "flipped, rotated by 180 degrees",
    "greatest": "largest, maximum",
    "least": "smallest, minimum",
    "house": "imgconv, the package",
    "in the place of": "instead of, for",
    "brought (in|into|to)": "loaded, converted",
    "photoerror": "PictureError",
}
# Phrases in which such a word has its plain meaning.
PLAIN = (
    "at least",
    "least (of all|recently|significant|squares)",
    "greatest common",
    "turned (into|off|on|out)",
)

# No module is longer.
MOST_LINES = 550

PLACES = {
    "imgconv": ("*.py", "*.pyi", "*.md"),
    "pyx": ("*.py", "*.pyx", "*.pxd", "*.pxi"),
    "tests": ("*.py",),
    "samples": ("*.py", "*.md"),
    "scripts": ("*.py", "*.sh"),
    "docs": ("*.md",),
}
SINGLE = ("README.md", "CONTRIBUTING.md", "Makefile", "pyproject.toml", "setup.py")


def files():
    """Return what is read: all but this file, and the changelog, which is about the past."""
    found = [ROOT / name for name in SINGLE]
    for folder, patterns in PLACES.items():
        found += [path for pattern in patterns for path in (ROOT / folder).rglob(pattern)]
    return sorted(path for path in found if path.name != "test_words.py")


@functools.cache
def texts():
    return {path.relative_to(ROOT).as_posix(): path.read_text() for path in files()}


def compiled(pattern):
    """Return an expression for a whole word or phrase, which may go on in the next line."""
    spaced = pattern.replace(" ", r"[\s_#-]+")
    return re.compile(rf"(?<![a-z]){spaced}(?![a-z])", re.IGNORECASE)


def uses(pattern, files):
    """Yield file, line and text of each use of a word."""
    for name, text in files.items():
        plain = [match.span() for phrase in PLAIN for match in compiled(phrase).finditer(text)]
        for match in compiled(pattern).finditer(text):
            if not any(begin <= match.start() < end for begin, end in plain):
                line = text.count("\n", 0, match.start())
                yield f"{name}:{line + 1}: {text.splitlines()[line].strip()}"


@pytest.mark.parametrize("pattern", WORDS)
def test_word_is_not_used(pattern):
    found = list(uses(pattern, texts()))
    assert not found, "\n".join([f"{len(found)} uses; write: {WORDS[pattern]}", *found])


@pytest.mark.parametrize(
    ("pattern", "text", "count"),
    [
        (
            "held against",
            "is held against, held\n    # against it, held_against, upheld against",
            3,
        ),
        ("least", "the least, at least, at\n# least, at_least, LEAST squares, atleast_2d", 1),
        ("turned", "turned = 1, turned into, returned", 1),
    ],
)
def test_patterns(pattern, text, count):
    assert pattern in WORDS
    assert len(list(uses(pattern, {"": text}))) == count


def test_class_names_are_used_once():
    """A reader who meets `Plan` knows which one is meant."""
    where = defaultdict(list)
    for name, text in texts().items():
        if name.startswith("imgconv/") and name.endswith(".py"):
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.ClassDef):
                    where[node.name].append(f"{name}:{node.lineno}")
    twice = {name: at for name, at in where.items() if len(at) > 1}
    assert not twice, "\n".join(f"{name}: {', '.join(at)}" for name, at in twice.items())


def test_files_are_short():
    """A file that is too long is two things."""
    lengths = {name: text.count("\n") for name, text in texts().items()}
    long = {name: n for name, n in lengths.items() if n > MOST_LINES}
    assert not {name: n for name, n in long.items() if re.match(r"imgconv/.*\.py$", name)}
