"""The files that documents, the Makefile and settings name are there."""

import re
import shutil
import subprocess

import pytest
from paths import ROOT, WRITTEN

DOCUMENTS = [*ROOT.glob("*.md"), *WRITTEN, *ROOT.glob("samples/*.md")]
DOCUMENTS += (ROOT / "imgconv").rglob("*.md")
# Earlier versions had other files.
DOCUMENTS.remove(ROOT / "CHANGELOG.md")
# Documents leave out the folder of the package, or that of the engine.
FOLDERS = (ROOT, ROOT / "imgconv", ROOT / "imgconv" / "core")
# A file with its folder, such as `core/run.py`, in backticks.
FILE = re.compile(r"`([\w.-]+(?:/[\w.-]+)*/[\w.-]+\.(?:py|pyx|pxd|pxi|pyi|md|toml))`")

# What a reader is to write, and tests of other libraries.
ELSEWHERE = re.compile(r"NAME|^(scipy|skimage)/.*/test_")


@pytest.mark.parametrize("document", sorted(DOCUMENTS), ids=str)
def test_files_in_documents(document):
    missing = [
        name
        for name in FILE.findall(document.read_text())
        if not ELSEWHERE.search(name) and not any((folder / name).exists() for folder in FOLDERS)
    ]
    assert not missing


@pytest.mark.parametrize("file", ["Makefile", ".ci/run", "pyproject.toml", "CONTRIBUTING.md"])
def test_scripts_and_tests(file):
    text = (ROOT / file).read_text()
    names = re.findall(r"\b(?:tests|samples|scripts)/[\w/-]+(?:\.py|\.png|\.sh|\.json)?", text)
    assert not [name for name in names if not (ROOT / name).exists()]


@pytest.mark.skipif(not shutil.which("make"), reason="no make here")
def test_tests_that_are_sanitized():
    """The Makefile builds their names of parts, so make writes them out."""
    done = subprocess.run(["make", "-pn", "help"], cwd=ROOT, capture_output=True, text=True)
    names = re.search(r"^SANITIZED_TESTS := (.*)$", done.stdout, re.MULTILINE)[1].split()
    assert names
    assert not [name for name in names if not (ROOT / name).exists()]
