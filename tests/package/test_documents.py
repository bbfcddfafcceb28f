"""The documents name everything that is there, and nothing that is not."""

import inspect
import re
from functools import cache

import pytest
from paths import ROOT, WRITTEN

import imgconv
from imgconv import geometry, kernels, ndimage, nn, signal
from imgconv.bench import errors

# What describes the code to those who change it.
CONTRIBUTORS = ("CONTRIBUTING.md", "docs/design.md", "docs/numerics.md", "docs/performance.md")
# Names in backticks that are no names of the code.
WORDS = {"NAME"}

MODULES = [imgconv, geometry, kernels, ndimage, signal, nn, nn.layers, nn.textbook, nn.train]


@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.__name__)
def test_every_public_name_has_a_docstring(module):
    for name in module.__all__:
        value = getattr(module, name)
        owner = getattr(value, "__module__", None) or getattr(value, "__name__", "imgconv")
        if name != "__version__" and owner.startswith("imgconv"):
            summary = (value.__doc__ or "").partition("\n")[0]
            assert summary.endswith("."), name


def test_every_filter_is_in_the_table():
    text = (ROOT / "docs" / "filters.md").read_text()
    table = text.partition("## All of them")[2].partition("\n\n`")[0]
    filters = {
        name
        for module in (
            imgconv.filters.linear,
            imgconv.filters.smoothing,
            imgconv.filters.gradients,
            imgconv.filters.derivatives,
            imgconv.filters.canny,
            imgconv.filters.order,
            imgconv.filters.morphology,
            imgconv.filters.denoise,
            imgconv.filters.pooling,
            imgconv.filters.tensors,
            imgconv.filters.ridges,
            imgconv.filters.corners,
            imgconv.filters.edge_points,
            imgconv.filters.templates,
            imgconv.filters.local,
            imgconv.filters.thresholds,
            imgconv.filters.contrast,
        )
        for name in module.__all__
        if "image" in inspect.signature(getattr(module, name)).parameters
    }
    assert set(re.findall(r"`(\w+)\(image", table)) == filters


@pytest.mark.parametrize(
    "document", sorted(ROOT.glob("*.md")) + WRITTEN, ids=lambda d: str(d.relative_to(ROOT))
)
def test_links_lead_somewhere(document):
    """Those to pages that are made are checked when the site is built."""
    for target in re.findall(r"\]\(([^)#]+)\)", document.read_text()):
        elsewhere = target.startswith("https://") or re.match(r"(\.\./)*made/", target)
        assert elsewhere or (document.parent / target).exists(), target


@cache
def sources():
    """The text of everything that contributors read or run."""
    folders = [ROOT / name for name in ("imgconv", "pyx", "tests")]
    kinds = {".py", ".pyx", ".pxd", ".pxi"}
    files = [path for folder in folders for path in folder.rglob("*") if path.suffix in kinds]
    files += [ROOT / "setup.py", ROOT / "Makefile"]
    return "\n".join(path.read_text() for path in files)


@pytest.mark.parametrize("document", CONTRIBUTORS)
def test_names_are_there(document):
    """Names of classes and constants in backticks; they are words of some source."""
    names = set(re.findall(r"`([A-Z]\w+)`", (ROOT / document).read_text())) - WORDS
    words = set(re.findall(r"\w+", sources()))
    assert not names - words


@pytest.mark.parametrize("title", errors.TABLES)
def test_tables_of_errors_are_those_of_the_command(title):
    """To the digit, but for what is measured: another level rounds otherwise."""
    text = (ROOT / "docs" / "numerics.md").read_text().partition(f"### {title}\n")[2]
    written = [line for line in text.partition("\n#")[0].splitlines() if line.startswith("|")]
    for line, expected in zip(written, errors.table(title).splitlines(), strict=True):
        for cell, other in zip(line.split("|"), expected.split("|"), strict=True):
            assert cell == other or nearly(cell, other), line


def nearly(cell, other):
    """Whether two cells hold measured errors that differ by rounding, not in size."""
    if re.fullmatch(r" \d\.\de-1\d ", cell):  # A few roundings of float64.
        return 0.5 <= float(cell) / float(other) <= 2
    if re.fullmatch(r" \d+\.\d\d? ", cell):  # The largest error of many, in roundings.
        return 0.7 <= float(cell) / float(other) <= 1.4
    measured = re.fullmatch(r" [+-]?\d\.\d{3} ", cell)
    return measured and abs(float(cell) - float(other)) <= 0.005
