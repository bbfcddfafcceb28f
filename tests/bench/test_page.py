"""The page of results: all rows without a script; in a browser they are sorted and filtered."""

import json
import re
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from paths import ROOT

from imgconv import cli
from imgconv.bench import measure, page, results, suite
from imgconv.bench.conditions import Conditions
from imgconv.bench.page.charts import LogScale, chart, names

PROCESSOR = "A <Processor> of a maker with a long name at 3.20 GHz (family 25, model 17)"
ABOUT = results.Machine(
    PROCESSOR, "v3", 2, "Linux", "3.11", "2.0", {1: 2e10}, {1: 1e11},
    {"imgconv": "1", "OpenCV": "5", "SciPy": "1"}, ("PyTorch",), {"caches": "L1 32K"},
)  # fmt: skip
OTHER = replace(ABOUT, processor="Another", level="v4")


def library(seconds: float, note: str = "") -> measure.LibraryResult:
    return measure.LibraryResult(measure.Timing(seconds, 0.02, 9), 1e-7, note)


def measured(row: suite.Row, ratio: float, note: str = "", **options: Any) -> measure.RowResult:
    peers = {"OpenCV": library(ratio * 1e-3, note), "SciPy": library(0.03)}
    return measure.RowResult(row, 1, True, library(1e-3), peers, 5e-4, **options)


def run_of(machine: results.Machine, first: float) -> results.Run:
    rows = suite.rows(["correlate", "gaussian", "uint8"], [(300, 400)])
    rows += suite.rows(["small"], only="correlate 3x3")
    found = [measured(row, first + i / 10) for i, row in enumerate(rows)]
    found[1] = measured(rows[1], 0.3, "zero border")
    wide = library(0.9876e-3, "square window, other weights")
    found[3] = replace(found[3], peers={"scikit-image": replace(wide, method="DFT")})
    found[2] = replace(found[2], conditions=Conditions(1.5, 1.0))
    memory = [results.MemoryResult(rows[0], 1, {"imgconv": 2**20, "OpenCV": 3 * 2**20})]
    return results.Run(machine, found, memory)


RUNS = [run_of(ABOUT, 0.5), run_of(OTHER, 0.75)]


class Rows(HTMLParser):
    """The attributes of each row and cell, and of what could load something."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[dict[str, str | None]] = []
        self.loads: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "tr" and "data-title" in found:
            self.rows.append(found)
        self.loads += [str(found[name]) for name in ("src", "href", "action") if name in found]
        assert tag not in {"link", "iframe", "img", "object", "embed"}

    def handle_data(self, data: str) -> None:
        self.text += data


def parsed(runs: list[results.Run]) -> Rows:
    found = Rows()
    found.feed(page.page(runs))
    return found


def test_all_rows_are_there_and_the_losses_first() -> None:
    found = parsed(RUNS).rows
    assert len(found) == sum(len(run.results) for run in RUNS)
    verdicts = [row["data-verdict"] for row in found]
    losses = verdicts.count("lost")
    assert 0 < losses < len(found)
    assert verdicts[:losses] == ["lost"] * losses
    assert verdicts.count("unequal") == 4
    ratios = [float(row["data-ratio"] or 0) for row in found]
    assert ratios[:losses] == sorted(ratios[:losses])
    assert ratios[losses:] == sorted(ratios[losses:])
    assert {row["data-processor"] for row in found} == {ABOUT.processor, "Another"}


def test_nothing_is_loaded() -> None:
    found = parsed(RUNS)
    assert all(link.startswith("#") or link.endswith(".json") for link in found.loads)
    assert not re.search(r"https?:|url\(|@import", page.page(RUNS))
    assert "default-src 'none'" in page.page(RUNS)


def test_what_is_told() -> None:
    text = " ".join(parsed(RUNS).text.split())
    for part in (
        *("A <Processor>", "L1 32K", "copy 20 GB/s", "not installed"),
        *("unequal: zero border", "± 2% ~", "1.0 MB", "3.0 MB", "50%", "9 rounds"),
        "other work took up to 1.5 cores, more than 0.25 beside 1 of",
        "imgconv bench correlate --only 'correlate 3x3' --size 300x400 --dtype float32 "
        "--threads 1 --level v3",
    ):
        assert part in text, part
    assert "imgconv is at least as fast as the fastest peer in" in text


def every_row() -> Iterator[suite.Row]:
    for row in suite.SUITE:
        yield row if row.shape else replace(row, shape=(300, 400))


@pytest.mark.parametrize("fresh", [True, False])
def test_the_command_beside_a_row_measures_that_row(fresh: bool) -> None:
    """The command's arguments choose this row alone, whatever its family has beside it."""
    for row in every_row():
        result = measure.RowResult(row, 3, fresh, library(1.0))
        words = shlex.split(page.command(result, "v3"))
        assert words[:2] == ["imgconv", "bench"]
        assert ("--out" in words) == (not fresh)
        context = cli.main.commands["bench"].make_context("bench", words[2:])
        chosen = context.params
        assert chosen["threads"] == [3]
        found = suite.rows(chosen["families"], chosen["shapes"], chosen["dtypes"], chosen["only"])
        assert found == [row]


def test_curves() -> None:
    text = page.page(RUNS)
    figures = re.findall(r"<figure.*?</figure>", text, re.DOTALL)
    captions = [re.sub("<.*?>", "", each.partition("</figcaption>")[0]) for each in figures]
    assert any(
        each.startswith("correlate 3x3, float32 to float32, 1 thread, v3") for each in captions
    )
    assert any(each.startswith("correlate, float32 to float32, 300x400") for each in captions)
    assert any(each.startswith("gaussian, uint8 to uint8") for each in captions)
    assert text.count("<svg") >= 6
    without = page.page([replace(RUNS[0], results=RUNS[0].results[:2], memory=[])])
    assert "Fewer than 3 sizes" in without
    assert "--memory" in without


def test_a_chart_has_each_value_in_its_place() -> None:
    axis = LogScale([1, 100], 0, 300)
    assert axis(10) == pytest.approx(150)
    assert 0 < axis(1) < axis(100) < 300
    assert {1, 10, 100} <= set(axis.ticks())
    text = chart({"imgconv": [(1, 2), (10, 3)], "B<": [(1, 4), (10, 2)]}, {"imgconv": "#111111",
                 "B<": "#222222"}, "x", "ns")  # fmt: skip
    assert text.count("<circle") == 4
    assert "<title>imgconv: 2 ns</title>" in text
    assert "B&lt;" in text


def test_names_of_curves_are_apart() -> None:
    places = [
        float(re.search(r' y="([\d.]+)"', text)[1])
        for text in names({"a": 200, "b": 201, "c": 210, "d": 211})
    ]
    assert all(later - earlier >= 11.9 for earlier, later in pairwise(places))


def test_the_command_writes_a_page(tmp_path: Path) -> None:
    for name, run in zip(("a", "b"), RUNS, strict=True):
        (tmp_path / f"{name}.json").write_text(results.as_json(run))
    folder = tmp_path / "page"
    arguments = ["bench", "show", f"{tmp_path}/a.json", f"{tmp_path}/b.json", "--report"]
    outcome = CliRunner().invoke(cli.main, [*arguments, str(folder)])
    assert outcome.exit_code == 0, outcome.output
    assert (folder / "index.html").read_text() == page.page(RUNS)
    data = json.loads((folder / f"{page.names(RUNS)[0]}.json").read_text())
    assert data["machine"]["processor"] == ABOUT.processor
    outcome = CliRunner().invoke(cli.main, [*arguments, str(tmp_path / "no" / "folder")])
    assert outcome.exit_code == 2


def test_the_figures_of_the_documents_make_a_page() -> None:
    runs = results.read(sorted((ROOT / "docs" / "benchmarks").glob("*.json")))
    assert len(parsed(runs).rows) == sum(len(run.results) for run in runs)


# In a browser.


@pytest.fixture(scope="module")
def browser():
    api = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium")
    if not chromium:
        pytest.skip("there is no chromium")
    with api.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture(params=[(1440, "light"), (1290, "dark"), (1000, "light"), (390, "dark")], ids=str)
def opened(browser, request, tmp_path: Path):
    """The page in a window of some width; it must not load or report anything."""
    width, scheme = request.param
    page.write(RUNS, tmp_path)
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    view = context.new_page()
    asked: list[str] = []
    faults: list[str] = []
    view.on("request", lambda request: asked.append(request.url))
    view.on("console", lambda message: faults.append(message.text))
    view.on("pageerror", lambda error: faults.append(str(error)))
    address = (tmp_path / "index.html").as_uri()
    view.goto(address)
    yield view
    assert asked == [address]
    assert not faults
    context.close()


def test_nothing_is_wider_than_the_screen(opened) -> None:
    for summary in opened.locator("summary").all()[:3]:
        summary.click()
    width = opened.evaluate("document.documentElement.scrollWidth")
    assert width <= opened.viewport_size["width"]
    widest = opened.evaluate(
        "Math.max(...[...document.querySelectorAll('body *')]"
        ".map((each) => each.getBoundingClientRect().right))"
    )
    assert widest <= opened.viewport_size["width"]


def visible(view) -> list[dict[str, str]]:
    return view.evaluate(
        "[...document.querySelectorAll('#rows tbody tr')].filter((row) => !row.hidden)"
        ".map((row) => ({...row.dataset}))"
    )


def test_rows_are_filtered(opened) -> None:
    every = len(visible(opened))
    opened.select_option("select[name=family]", "gaussian")
    opened.select_option("select[name=level]", "v4")
    found = visible(opened)
    assert {(row["family"], row["level"]) for row in found} == {("gaussian", "v4")}
    count = opened.text_content("#count")
    assert count.startswith(f"{len(found)} of {every} rows")
    figures = opened.evaluate(
        "[...document.querySelectorAll('figure')].filter((each) => !each.hidden)"
        ".map((each) => each.dataset.level)"
    )
    assert set(figures) == {"v4"}
    opened.click("button[type=reset]")
    opened.wait_for_function(
        f"document.querySelector('#count').textContent.startsWith('{every} of')"
    )
    opened.select_option("select[name=verdict]", "lost")
    assert {row["verdict"] for row in visible(opened)} == {"lost"}
    opened.fill("input[name=search]", "GAUSS")
    assert all("gauss" in row["title"] for row in visible(opened))


def test_rows_are_sorted(opened) -> None:
    assert visible(opened)[0]["verdict"] == "lost"
    opened.select_option("#sort", "ratio")
    ratios = [float(row["ratio"]) for row in visible(opened)]
    assert ratios == sorted(ratios)
    assert ratios[0] == pytest.approx(0.3)
    opened.click("#reverse")
    assert [float(row["ratio"]) for row in visible(opened)] == sorted(ratios, reverse=True)
    if opened.viewport_size["width"] > 1280:
        opened.click("th >> text=work")
        titles = [row["title"] for row in visible(opened)]
        assert titles[0].startswith("box")
        assert titles.index("correlate 3x3") < titles.index("correlate 15x15")
        opened.click("th >> text=work")
        assert opened.get_attribute("th >> nth=0", "aria-sort") == "descending"
    opened.select_option("#sort", "")
    assert visible(opened)[0]["verdict"] == "lost"
