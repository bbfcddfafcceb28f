"""The results as tables in the terminal, and as Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from statistics import geometric_mean

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from imgconv.bench.measure import LibraryResult, Refusal, RowResult
from imgconv.bench.results import Machine, Run
from imgconv.bench.suite import LAYERS

EXPLANATION = """\
Medians of interleaved runs; ±: width of the middle half of imgconv's samples.
difference: the largest to SciPy in float64, imgconv's and the fastest peer's.
limit: the time to copy an image of that size, or to do the sums at the FMA rate, divided by \
imgconv's time.
Rows in which the fastest peer does unequal work count for neither.
~: other work or a slower clock disturbed the row."""
# Okabe and Ito's colours, which colour-blind readers can distinguish.
COLOURS = {
    "imgconv": "#d55e00",
    "OpenCV": "#0072b2",
    "SciPy": "#009e73",
    "scipy.signal": "#8fcfb5",
    "scikit-image": "#cc79a7",
    "PyTorch": "#e6b800",
    "DIPlib": "#56b4e9",
}
OTHER = "#777777"
# The tables that a Markdown file may have places for, one for each level: between
# <!-- NAME LEVEL --> and <!-- /NAME LEVEL -->.
ROWS, BY_FAMILY = "bench", "bench families"
# Families whose rows share one table, whatever the size of their images, and its title.
ONE_TABLE = {"small": "small images", LAYERS: "layers"}


def headline(about: Machine) -> list[str]:
    """Return the machine, the libraries and the limits, each as one line."""
    limits = []
    for count, rate in about.copy_rate.items():
        flops = about.peak_flops[count]
        fma = f", FMA {flops / 1e9:.3g} GFLOP/s"
        limits.append(f"{counted(count, 'thread')}: copy {rate / 1e9:.3g} GB/s{fma}")
    missing = f"; not installed: {', '.join(about.missing)}" if about.missing else ""
    return [
        f"{about.processor}, level {about.level}, {counted(about.cores, 'core')}, {about.system}, "
        f"Python {about.python}, NumPy {about.numpy}",
        ", ".join(f"{name} {version}" for name, version in about.libraries.items()) + missing,
        "; ".join(limits),
    ]


def groups(results: Sequence[RowResult]) -> Iterator[tuple[str, list[RowResult]]]:
    """Yield a title and the results of each image size, number of threads and kind of output."""
    found: dict[str, list[RowResult]] = {}
    for result in results:
        size = ONE_TABLE.get(result.row.family) or " x ".join(map(str, result.row.shape))
        output = "fresh output" if result.fresh else "existing output"
        title = f"{size}, {counted(result.threads, 'thread')}, {output}"
        found.setdefault(title, []).append(result)
    yield from found.items()


def is_small(result: RowResult) -> bool:
    """Return whether a result belongs to the small images."""
    return result.row.family == "small"


def label(result: RowResult) -> str:
    """Return a row's title, with the size and dtype where they differ within a table."""
    row = result.row
    size = f" on {row.shape[0]}x{row.shape[1]}" if is_small(result) else ""
    return row.title + size + ("" if row.dtype == "float32" else f", {row.dtype}")


def refusal(found: Refusal) -> str:
    """Return which library was not timed in which row, and why."""
    row = found.row
    size = "x".join(map(str, row.shape))
    threads = counted(found.threads, "thread")
    return f"{found.library}, {row.title}, {row.dtype}, {size}, {threads}: {found.reason}"


def counted(count: int, noun: str) -> str:
    """Return a count with its noun.

    >>> counted(1, "thread"), counted(2, "thread")
    ('1 thread', '2 threads')
    """
    return f"{count} {noun}{'s' * (count != 1)}"


def duration(seconds: float) -> str:
    """Return a time to three digits, in microseconds if it is short.

    >>> duration(2.5), duration(0.0031415), duration(4.2e-6)
    ('2500 ms', '3.14 ms', '4.20 us')
    """
    scaled, unit = (seconds * 1e3, "ms") if seconds >= 1e-4 else (seconds * 1e6, "us")
    return f"{scaled:.0f} {unit}" if scaled >= 100 else f"{scaled:#.3g} {unit}"


def verdict(ratio: float) -> str:
    """Return who is faster, and how much.

    >>> verdict(2.0), verdict(0.5)
    ('2.00x faster', '2.00x slower')
    """
    return f"{ratio:.2f}x faster" if ratio >= 1 else f"{1 / ratio:.2f}x slower"


def losses(results: Sequence[RowResult]) -> list[str]:
    """Return each row in which a peer is faster, the worst first."""
    lines = []
    for result in worst(results):
        note = "" if result.equal else f" ({result.peers[result.fastest or ''].note})"
        lines.append(f"{verdict(result.ratio or 0)} than {result.fastest}{note}: {placed(result)}")
    return lines


def counting(results: Sequence[RowResult], peer: str | None = None) -> list[float]:
    """Return the ratios of the rows in which a peer, or the fastest one, does equal work."""
    if peer is None:
        return [result.ratio for result in results if result.equal and result.ratio]
    return [
        result.ratio_to(peer)
        for result in results
        if peer in result.peers and not result.peers[peer].note
    ]


# What is said of ratios, by name.
SUMMARY: dict[str, Callable[[list[float]], float]] = {
    "smallest": min,
    "geometric mean": geometric_mean,
    "largest": max,
}


def standings(results: Sequence[RowResult], peers: Sequence[str]) -> Table:
    """Return a table of rows won and ratios: against each peer, and against the fastest peer."""
    title = "in all: a peer's time divided by imgconv's"
    grid = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    grid.add_column("against")
    for name in ("rows", "faster in", "slower in", *SUMMARY):
        grid.add_column(name, justify="right")
    against = {
        "the fastest": counting(results),
        **{name: counting(results, name) for name in peers},
    }
    for name, ratios in against.items():
        if ratios:
            won = sum(ratio >= 1 for ratio in ratios)
            slower = Text(str(len(ratios) - won), "bold red" if won < len(ratios) else "")
            spread = (f"{of(ratios):.2f}" for of in SUMMARY.values())
            grid.add_row(name, str(len(ratios)), str(won), slower, *spread)
    return grid


class Footnotes:
    """Letters for notes on libraries whose work is not equal, in the order of their first use."""

    def __init__(self) -> None:
        self.letters: dict[str, str] = {}

    def mark(self, note: str) -> str:
        """Return the letter of a note; an empty note has none."""
        return self.letters.setdefault(note, chr(ord("a") + len(self.letters))) if note else ""

    def legend(self) -> str:
        """Return the list of letters and notes."""
        return ", ".join(f"{letter}: {note}" for note, letter in self.letters.items())


def show(run: Run, console: Console) -> None:
    """Print the tables: every library's time, or on a narrow terminal the fastest peer's alone."""
    results, about = run.results, run.machine
    peers = list(about.libraries)[1:]
    for title, found in groups(results):
        present = [name for name in peers if any(name in result.peers for result in found)]
        columns = ["imgconv", "±", *present, "against the fastest", "difference", "limit"]
        if console.width < 14 * len(columns):
            columns = ["imgconv", "fastest peer", "against the fastest", "limit"]
        notes = Footnotes()
        console.print(table(title, found, columns, notes))
        if notes.letters:
            console.print(f"unequal work: {notes.legend()}\n", style="dim")
    console.print(standings(results, peers))
    for line in losses(results):
        console.print(line, style="bold red")
    console.print(f"\n{EXPLANATION}\n", style="dim")
    for line in headline(about):
        console.print(line)
    for line in run.warnings:
        console.print(line, style="bold red")


def table(
    title: str, results: Sequence[RowResult], columns: Sequence[str], notes: Footnotes
) -> Table:
    """Return a table with a row for each result."""
    grid = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    grid.add_column("work", no_wrap=True)
    for name in columns:
        grid.add_column(name, justify="right", no_wrap=True)
    for result in results:
        known = cells(result, notes, columns)
        grid.add_row(label(result), *(known.get(name, Text("-", "dim")) for name in columns))
    return grid


def cells(result: RowResult, notes: Footnotes, columns: Sequence[str]) -> dict[str, Text]:
    """Return the cells of a result, by column."""
    libraries = {"imgconv": result.imgconv, **result.peers}
    fastest = min(library.timing.median for library in libraries.values())
    known = {
        name: time_cell(library, fastest, notes)
        for name, library in libraries.items()
        if name in columns
    }
    unsteady = "" if result.conditions.steady else " ~"
    known["±"] = Text(f"{result.imgconv.timing.spread:.0%}{unsteady}")
    known["difference"] = Text(f"{result.imgconv.difference:.0e}")
    if result.fastest and result.ratio:
        peer = result.peers[result.fastest]
        if "fastest peer" in columns:
            known["fastest peer"] = Text(f"{result.fastest} ") + time_cell(peer, fastest, notes)
        style = "green" if result.ratio >= 1 else "bold red"
        known["against the fastest"] = Text(verdict(result.ratio), style)
        known["difference"].append(f" {peer.difference:.0e}")
    if result.share:
        known["limit"] = Text(f"{result.share:.0%}")
    return known


def time_cell(library: LibraryResult, fastest: float, notes: Footnotes) -> Text:
    """Return a library's time, bold if it is the fastest, with the letter of its note."""
    seconds = library.timing.median
    cell = Text(duration(seconds), "bold" if seconds == fastest else "")
    cell.append(f" {library.method}" if library.method else "", "dim")
    return cell.append(f" {notes.mark(library.note)}" if library.note else "", "dim")


HEAD = [
    "| work | imgconv | fastest peer | against it | differences | against SciPy | of the limit |",
    "|---|--:|--:|--:|--:|--:|--:|",
]


def as_markdown(run: Run) -> str:
    """Return the rows behind a peer, the tables of all rows, and the machine."""
    lines = [standing(run.results), ""]
    if behind := worst(run.results):
        lines += ["**Behind the fastest peer, the worst first**", "", *HEAD]
        lines += [markdown_row(result, place=True) for result in behind]
        lines.append("")
    for title, found in groups(run.results):
        lines += [f"**{title}**", "", *HEAD, *map(markdown_row, found), ""]
    return "\n".join([*lines, *footer(run)])


def standing(results: Sequence[RowResult]) -> str:
    """Return the rows won and the geometric mean of all, in one sentence."""
    ratios = counting(results)
    if not ratios:
        return "No row has a peer that does equal work."
    won = sum(ratio >= 1 for ratio in ratios)
    return (
        f"imgconv is at least as fast as the fastest peer in {won} of {len(ratios)} rows; "
        f"its time is {geometric_mean(ratios):.2f} times shorter in the geometric mean."
    )


def worst(results: Sequence[RowResult]) -> list[RowResult]:
    """Return the rows in which a peer is faster, the worst first."""
    return sorted((r for r in results if r.ratio and r.ratio < 1), key=lambda r: r.ratio or 0)


def by_family(run: Run) -> str:
    """Return a table of rows won and ratios, for each family and number of threads, and of all."""
    results = run.results
    counts = sorted({result.threads for result in results})
    titles = [title for count in counts for title in (counted(count, "thread"), *SUMMARY)]
    lines = ["| family | " + " | ".join(titles) + " |", "|---" + "|--:" * len(titles) + "|"]
    families = dict.fromkeys(r.row.family for r in results if r.equal)
    for family in (*families, ""):
        cells = [family or "**all**"]
        for count in counts:
            ratios = counting(
                [r for r in results if r.threads == count and family in ("", r.row.family)]
            )
            won = sum(ratio >= 1 for ratio in ratios)
            cells.append(f"{won} of {len(ratios)}")
            cells += [f"{of(ratios):.2f}x" if ratios else "" for of in SUMMARY.values()]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", *footer(run)])


def footer(run: Run) -> list[str]:
    """Return the machine's lines for Markdown, where two spaces end a line, and what disturbed."""
    *lines, last = [*headline(run.machine), *run.warnings]
    return [*(f"{line}  " for line in lines), last]


def placed(result: RowResult) -> str:
    """Return a row's title with the size of its image and the number of threads."""
    together = result.row.family in ONE_TABLE
    size = "" if together else f", {'x'.join(map(str, result.row.shape))}"
    output = "" if result.fresh else ", existing output"
    return f"{label(result)}{size}, {counted(result.threads, 'thread')}{output}"


def markdown_row(result: RowResult, place: bool = False) -> str:
    """Return a line of the table of all rows."""
    title = placed(result) if place else label(result)
    cells = [title, duration(result.imgconv.timing.median), "", "", "", "", ""]
    if result.fastest and result.ratio:
        peer = result.peers[result.fastest]
        notes = "".join(f", {note}" for note in (peer.method, peer.note) if note)
        cells[2] = f"{duration(peer.timing.median)} ({result.fastest}{notes})"
        plain = result.ratio < 1 or not result.equal
        cells[3] = verdict(result.ratio) if plain else f"**{verdict(result.ratio)}**"
    compared = [result.imgconv, *([result.peers[result.fastest]] if result.fastest else [])]
    cells[4] = " and ".join(f"{library.difference:.0e}" for library in compared)
    if "SciPy" in result.peers:
        cells[5] = verdict(result.ratio_to("SciPy"))
    if result.share:
        cells[6] = f"{result.share:.0%}"
    return "| " + " | ".join(cells) + " |"


def filled(text: str, runs: Sequence[Run]) -> str:
    """Return a Markdown text with tables between the markers of the levels of the runs.

    Several machines of one level have their tables one after the other. Tables of levels that
    were not measured stay as they are.
    """
    levels = dict.fromkeys(run.machine.level for run in runs)
    check_places(text, *levels)
    for level in levels:
        for name, table in ((ROWS, as_markdown), (BY_FAMILY, by_family)):
            place = f"{name} {level}"
            if has_place(text, place):
                tables = [table(run) for run in runs if run.machine.level == level]
                text = between_markers(text, place, "\n\n".join(tables))
    return text


def check_places(text: str, *levels: str) -> None:
    """Refuse a text without markers for a table of any of the levels."""
    places = [f"{name} {level}" for level in levels for name in (ROWS, BY_FAMILY)]
    if not any(has_place(text, place) for place in places):
        raise ValueError(f"no <!-- {places[0]} --> ... <!-- /{places[0]} --> to fill")


def has_place(text: str, place: str) -> bool:
    """Whether a text has both markers, in their order."""
    return f"<!-- /{place} -->" in text.partition(f"<!-- {place} -->")[2]


def between_markers(text: str, place: str, table: str) -> str:
    """Return a text with the table between two markers.

    >>> print(between_markers("above <!-- bench -->old<!-- /bench --> below", "bench", "new"))
    above <!-- bench -->
    new
    <!-- /bench --> below
    """
    start, end = f"<!-- {place} -->", f"<!-- /{place} -->"
    before, _, rest = text.partition(start)
    after = rest.partition(end)[2]
    return f"{before}{start}\n{table}\n{end}{after}"
