"""The tables of the documents are those of the files in docs/benchmarks."""

import importlib

import pytest
from paths import ROOT

from imgconv.bench import report, results

FILES = sorted((ROOT / "docs" / "benchmarks").glob("*.json"))


@pytest.mark.parametrize("name", ["docs/benchmarks.md"])
def test_tables_are_made_from_the_files(name: str) -> None:
    runs = results.read(FILES)
    text = (ROOT / name).read_text()
    assert runs
    assert report.filled(text, runs) == text, (
        f"imgconv bench show docs/benchmarks/*.json --markdown {name}"
    )


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_is_of_one_level_which_its_name_says(path) -> None:
    (run,) = results.read([path])
    assert path.stem.endswith(f"-{run.machine.level}")
    assert run.results


def test_the_figure_shows_the_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    pytest.importorskip("matplotlib", reason="Matplotlib is not installed")
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "site"))
    speed = importlib.import_module("speed")
    tables = (ROOT / "docs" / "benchmarks.md").read_text()
    with image.open(ROOT / "docs" / "speed.png") as figure:
        assert figure.text[speed.KEY] == speed.digest(tables), "python docs/site/speed.py"
