"""The results as a page for a browser: one file, which loads nothing.

The page has all rows before any script runs, the losses first; its script sorts and filters them.
"""

from __future__ import annotations

import re
import shlex
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from html import escape
from importlib.resources import files
from math import prod
from pathlib import Path

from imgconv.bench import report, results
from imgconv.bench.measure import LibraryResult, RowResult
from imgconv.bench.page.charts import chart
from imgconv.bench.results import MemoryResult, Run
from imgconv.bench.suite import APART, ORDER, Row

# Title of a column, the kind of its values, and what it means.
COLUMNS = {
    "work": ("text", "what is computed, and the command that measures it again"),
    "family": ("text", ""),
    "dtype": ("text", "of the image"),
    "image": ("number", "height and width"),
    "threads": ("number", ""),
    "level": ("text", "the instructions that all libraries may use"),
    "imgconv": ("number", "median time, and the width of the middle half of the samples"),
    "fastest peer": ("number", "the fastest other library"),
    "ratio": ("number", "the time of the fastest peer divided by that of imgconv"),
    "difference": ("number", "the largest to SciPy in float64: of imgconv, and of the peer"),
    "of the limit": ("number", "the shortest time that the machine can take, divided by imgconv's"),
    "memory": ("number", "beyond image and result: of imgconv, and of the peer"),
}
VERDICTS = {"lost": "imgconv is slower", "won": "imgconv is faster", "unequal": "unequal work"}
# Points that a curve has at least.
CURVE = 3


def write(runs: Sequence[Run], folder: Path) -> None:
    """Write the page of some runs, and the results as JSON beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "index.html").write_text(page(runs), encoding="utf-8")
    for run, name in zip(runs, names(runs), strict=True):
        (folder / f"{name}.json").write_text(results.as_json(run))


def names(runs: Sequence[Run]) -> list[str]:
    """Return a file name for each run, of its processor and level."""
    found: list[str] = []
    for run in runs:
        words = re.findall(r"[a-z0-9]+", run.machine.processor.lower())
        name = "-".join([*words, run.machine.level])
        found.append(name if name not in found else f"{name}-{len(found)}")
    return found


def page(runs: Sequence[Run]) -> str:
    """Return the page as text."""
    here = files("imgconv.bench.page")
    style, script = ((here / name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    pairs = [(run, result) for run in runs for result in run.results]
    pairs.sort(key=lambda pair: (verdict(pair[1]) != "lost", pair[1].ratio or float("inf")))
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        # The browser itself refuses to load anything.
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:\">",
        f"<title>imgconv beside other libraries</title><style>{style}</style></head><body>",
        "<h1>imgconv beside other libraries</h1>",
        *summaries(runs),
        '<nav><a href="#all">rows</a><a href="#sizes">image size</a>'
        '<a href="#kernels">kernel size</a><a href="#memory">memory</a>'
        '<a href="#machines">machines</a><a href="#method">how it was measured</a></nav>',
        '<h2 id="all">All rows, the losses first</h2>',
        controls(runs),
        '<p id="count"></p>',
        table(pairs),
        *curves(runs),
        *memory(runs),
        '<h2 id="machines">Machines</h2>',
        *(machine(run, name) for run, name in zip(runs, names(runs), strict=True)),
        method(),
        f"<script>{script}</script></body></html>\n",
    ]
    return "\n".join(parts)


def summaries(runs: Sequence[Run]) -> Iterator[str]:
    """Yield who is faster in how many rows, and what disturbed, for each run."""
    for run in runs:
        where = f"{run.machine.processor}, level {run.machine.level}"
        yield f"<p><strong>{escape(where)}</strong>: {escape(report.standing(run.results))}</p>"
        for line in run.warnings:
            yield f'<p class="warning">Not a quiet machine: {escape(line)}.</p>'


def controls(runs: Sequence[Run]) -> str:
    """Return the fields that filter the rows."""
    pairs = [(run, result) for run in runs for result in run.results]
    choices = {
        "family": sorted({r.row.family for _, r in pairs}, key=ORDER.index),
        "dtype": sorted({r.row.dtype for _, r in pairs}),
        "threads": [str(n) for n in sorted({r.threads for _, r in pairs})],
        "processor": sorted({run.machine.processor for run in runs}),
        "level": sorted({run.machine.level for run in runs}),
    }
    fields = ['<label>search<input name="search" type="search" placeholder="title"></label>']
    for name, values in choices.items():
        options = "".join(f"<option>{escape(value)}</option>" for value in values)
        fields.append(
            f'<label>{name}<select name="{name}"><option value="">all</option>{options}</select>'
            "</label>"
        )
    verdicts = "".join(f'<option value="{key}">{text}</option>' for key, text in VERDICTS.items())
    fields.append(
        f'<label>result<select name="verdict"><option value="">all</option>{verdicts}</select>'
        '</label><button type="reset">clear</button>'
    )
    columns = "".join(f"<option>{name}</option>" for name in COLUMNS)
    fields.append(
        '<label>sort by<select id="sort"><option value="">losses first</option>'
        f'{columns}</select></label><button type="button" id="reverse">reverse</button>'
    )
    return f"<form>{''.join(fields)}</form>"


def command(result: RowResult, level: str) -> str:
    """Return the command that measures a row again."""
    row = result.row
    words = [
        *("imgconv", "bench", row.family, "--only", row.title),
        *("--size", "x".join(map(str, row.shape)), "--dtype", row.dtype),
        *("--threads", str(result.threads), "--level", level),
        *(() if result.fresh else ("--out",)),
    ]
    return shlex.join(words)


def table(pairs: Sequence[tuple[Run, RowResult]]) -> str:
    """Return the table of all rows."""
    head = "".join(
        f'<th class="{"text" if kind == "text" else ""}" data-kind="{kind}" title="{escape(title)}"'
        f"><button>{name}</button></th>"
        for name, (kind, title) in COLUMNS.items()
    )
    used = {id(run): {(m.row, m.threads): m for m in run.memory} for run, _ in pairs}
    body = "".join(
        table_row(run, result, used[id(run)].get((result.row, result.threads)))
        for run, result in pairs
    )
    head += '<th class="text">all libraries</th>'
    return f'<table id="rows"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def verdict(result: RowResult) -> str:
    """Return "won", "lost" or "unequal"; nothing where imgconv is alone."""
    if not result.ratio:
        return ""
    return "unequal" if not result.equal else "won" if result.ratio >= 1 else "lost"


def table_row(run: Run, result: RowResult, used: MemoryResult | None) -> str:
    """Return a row, whose cells have their values for sorting."""
    row, about = result.row, run.machine
    peer = result.peers[result.fastest] if result.fastest else None
    unsteady = "" if result.conditions.steady else " ~"
    note = f"<small>unequal: {escape(peer.note)}</small>" if peer and peer.note else ""
    style = {"won": "won", "lost": "lost"}.get(verdict(result), "quiet")
    compared = ("imgconv", result.fastest or "")
    memories = [] if used is None else [used.libraries.get(name) for name in compared]
    known = [f"{n / 2**20:.1f} MB" for n in memories if n is not None]
    cells: dict[str, tuple[object, str]] = {
        "work": (
            row.title,
            f"{escape(row.title)}<br><code>{escape(command(result, about.level))}</code>",
        ),
        "family": (row.family, row.family),
        "dtype": (row.dtype, row.dtype),
        "image": (prod(row.shape), size_of(row)),
        "threads": (result.threads, str(result.threads)),
        "level": (about.level, f"{about.level}<small>{escape(about.processor)}</small>"),
        "imgconv": time_cell(result.imgconv, unsteady),
        "fastest peer": ("", "-"),
        "ratio": ("", "-"),
        "difference": (result.imgconv.difference, f"{result.imgconv.difference:.0e}"),
        "of the limit": ("", "-"),
        "memory": ("", "-"),
    }
    if peer and result.ratio:
        value, text = time_cell(peer)
        cells["fastest peer"] = value, f"{escape(result.fastest or '')} {text}{note}"
        cells["ratio"] = result.ratio, f'<span class="{style}">{result.ratio:.2f}</span>'
        cells["difference"] = (
            result.imgconv.difference,
            f"{result.imgconv.difference:.0e}<small>{peer.difference:.0e}</small>",
        )
    if result.share:
        cells["of the limit"] = result.share, f"{result.share:.0%}"
    if known:
        cells["memory"] = memories[0] or 0, "<small>".join(known) + "</small>" * (len(known) - 1)
    data = {
        "title": row.title,
        "family": row.family,
        "dtype": row.dtype,
        "threads": result.threads,
        "processor": about.processor,
        "level": about.level,
        "verdict": verdict(result),
        "ratio": result.ratio or "",
    }
    attributes = " ".join(f'data-{name}="{escape(str(value))}"' for name, value in data.items())
    body = "".join(
        f'<td class="{COLUMNS[name][0] if COLUMNS[name][0] == "text" else ""}" '
        f'data-label="{name}" data-value="{escape(str(value))}">{text}</td>'
        for name, (value, text) in cells.items()
    )
    return f"<tr {attributes}>{body}{all_libraries(result)}</tr>"


def size_of(row: Row) -> str:
    """Return the size of a row's image as text."""
    size = "x".join(map(str, row.shape))
    return f"{row.stack} of {size}" if row.stack else size


def time_cell(library: LibraryResult, mark: str = "") -> tuple[float, str]:
    """Return a library's time in seconds, and as text with its spread and how it computes."""
    timing = library.timing
    method = f" {escape(library.method)}" if library.method else ""
    spread = f"<small>± {timing.spread:.0%}{mark}</small>" if timing.rounds else ""
    return timing.median, f"{report.duration(timing.median)}{method}{spread}"


def all_libraries(result: RowResult) -> str:
    """Return the cell that opens to each library's figures."""
    libraries = {"imgconv": result.imgconv, **result.peers}
    lines = []
    for name, each in sorted(libraries.items(), key=lambda pair: pair[1].timing.median):
        notes = "".join(f", {escape(note)}" for note in (each.method, each.note) if note)
        rounds = f", {each.timing.rounds} rounds" if each.timing.rounds else ""
        lines.append(
            f"<small>{escape(name)}: {report.duration(each.timing.median)} "
            f"± {each.timing.spread:.0%}{rounds}, differs by {each.difference:.0e}{notes}</small>"
        )
    if not result.conditions.steady:
        lines.append("<small>~: other work or a slower clock disturbed this row</small>")
    body = "".join(lines)
    return (
        '<td class="text" data-label="all libraries" data-value=""><details><summary>'
        f"{len(libraries)}</summary><div>{body}</div></details></td>"
    )


def curves(runs: Sequence[Run]) -> Iterator[str]:
    """Yield the curves over the image's size, then those over the kernel's."""
    yield '<h2 id="sizes">Time over image size</h2>'
    yield from figures(runs, by_image, "pixels of the image", "ns a pixel")
    yield '<h2 id="kernels">Time over kernel size</h2>'
    yield from figures(runs, by_kernel, "size of the kernel", "ns a pixel")


# What the rows of one curve share, and the place of a row on it; None for a row without a curve.
PlaceOf = Callable[[RowResult], tuple[tuple[object, ...], float] | None]


def by_image(result: RowResult) -> tuple[tuple[object, ...], float] | None:
    """Return what the rows of one curve share, and the place of a row on it."""
    row = result.row
    if row.stack or row.family in APART:
        return None
    key = (row.work, row.numbers, row.dtype, row.result_dtype.name, row.channels, result.threads)
    return key, float(prod(row.shape))


def by_kernel(result: RowResult) -> tuple[tuple[object, ...], float] | None:
    """Return what the rows of one curve share, and the place of a row on it.

    Kernels of one work may be in two families: large ones are called by another name.
    """
    row = result.row
    numbers = [each for each in row.numbers if not isinstance(each, str)]
    if row.stack or not numbers or row.work == "pool":
        return None
    work = row.work.removesuffix("_large")
    rest = tuple(each for each in row.numbers[1:] if not isinstance(each, float))
    key = (work, rest, row.dtype, row.result_dtype.name, row.channels, row.shape, result.threads)
    return key, float(numbers[0])


def figures(runs: Sequence[Run], by: PlaceOf, x_title: str, y_title: str) -> Iterator[str]:
    """Yield a figure for each group of rows that differ in one size alone."""
    found = []
    for run in runs:
        groups: dict[tuple[object, ...], dict[float, RowResult]] = defaultdict(dict)
        for result in run.results:
            if result.fresh and (place := by(result)):
                groups[place[0]].setdefault(place[1], result)
        found += [
            figure(run, dict(sorted(group.items())), by is by_kernel, x_title, y_title)
            for group in groups.values()
            if len(group) >= CURVE
        ]
    if not found:
        yield f'<p class="quiet">Fewer than {CURVE} sizes were measured.</p>'
        return
    yield f'<div class="charts">{"".join(found)}</div>'


def figure(
    run: Run, group: dict[float, RowResult], sizes_of_kernel: bool, x_title: str, y_title: str
) -> str:
    """Return the curves of all libraries that have at least two of the sizes."""
    first = next(iter(group.values()))
    row = first.row
    lines: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for x, result in group.items():
        for name, library in {"imgconv": result.imgconv, **result.peers}.items():
            lines[name].append((x, 1e9 * library.timing.median / result.row.samples))
    lines = {name: line for name, line in lines.items() if len(line) > 1}
    title = row.title.split(" ")[0] if sizes_of_kernel else row.title
    size = f", {'x'.join(map(str, row.shape))}" if sizes_of_kernel else ""
    caption = (
        f"{title}, {row.dtype} to {row.result_dtype}{size}, "
        f"{report.counted(first.threads, 'thread')}, {run.machine.level}"
    )
    ticks = {x: f"{x:g}" for x in group} if sizes_of_kernel and len(group) < 12 else None
    colours = {name: report.COLOURS.get(name, report.OTHER) for name in lines}
    data = {
        "title": row.title, "family": row.family, "dtype": row.dtype, "threads": first.threads,
        "processor": run.machine.processor, "level": run.machine.level,
    }  # fmt: skip
    attributes = " ".join(f'data-{name}="{escape(str(value))}"' for name, value in data.items())
    return (
        f"<figure {attributes}><figcaption>{escape(caption)}; {y_title}</figcaption>"
        f"{chart(lines, colours, x_title, y_title, ticks)}</figure>"
    )


def memory(runs: Sequence[Run]) -> Iterator[str]:
    """Yield the memory of each library beside each other, row by row."""
    yield '<h2 id="memory">Memory beyond image and result, or of whole programs</h2>'
    found = [(run, each) for run in runs for each in run.memory]
    if not found:
        yield (
            '<p class="quiet">Not measured: <code>imgconv bench --memory --join FILE.json '
            "--report FOLDER</code> adds it.</p>"
        )
        return
    yield '<div class="charts">'
    for run, each in found:
        row = each.row
        data = (
            f'data-title="{escape(row.title)}" data-family="{row.family}" data-dtype="{row.dtype}" '
            f'data-threads="{each.threads}" data-processor="{escape(run.machine.processor)}" '
            f'data-level="{run.machine.level}"'
        )
        most = max(each.libraries.values()) or 1
        bars = "".join(
            f'<span>{escape(name)}</span><span><i style="width: {100 * n / most:.0f}%; '
            f'--colour: {report.COLOURS.get(name, report.OTHER)}"></i>{n / 2**20:.1f} MB</span>'
            for name, n in sorted(each.libraries.items(), key=lambda pair: pair[1])
        )
        caption = (
            f"{row.title}, {row.dtype}, {size_of(row)}, {report.counted(each.threads, 'thread')}"
            f"{', of the whole process' if each.whole else ''}"
        )
        again = shlex.join(
            ["imgconv", "bench", row.family, "--only", row.title,
             *([] if each.whole else ["--memory"]), "--size", "x".join(map(str, row.shape)),
             "--dtype", row.dtype, "--threads", str(each.threads),
             "--level", run.machine.level]
        )  # fmt: skip
        yield (
            f"<figure {data}><figcaption>{escape(caption)}<br><code>{escape(again)}</code>"
            f'</figcaption><div class="bars">{bars}</div></figure>'
        )
    yield "</div>"


def machine(run: Run, name: str) -> str:
    """Return all that is known of a machine."""
    about = run.machine
    limits = "; ".join(
        f"{report.counted(count, 'thread')}: copy {rate / 1e9:.3g} GB/s, "
        f"{about.peak_flops[count] / 1e9:.3g} GFLOP/s"
        for count, rate in about.copy_rate.items()
    )
    facts = {
        "processor": about.processor,
        "level": about.level,
        "cores": str(about.cores),
        "system": about.system,
        **about.details,
        "Python": about.python,
        "NumPy": about.numpy,
        **about.libraries,
        "limits": limits,
        "not installed": ", ".join(about.missing),
        "disturbed by": "; ".join(run.warnings),
    }
    lines = "".join(
        f"<dt>{escape(key)}</dt><dd>{escape(value)}</dd>" for key, value in facts.items() if value
    )
    link = f'<p><a href="{name}.json" download>All figures as JSON</a></p>'
    return f"<h3>{escape(about.processor)}, {about.level}</h3><dl>{lines}</dl>{link}"


def method() -> str:
    """Return how the figures were measured."""
    return (
        '<h2 id="method">How it was measured</h2>'
        "<p>All libraries run on the same arrays in one process, in turn, in an order that is "
        "drawn anew for each round, with the same number of threads. A time is the median; ± is "
        "the width of the middle half of the samples. Each result is compared with SciPy's in "
        "float64 before the call is timed, and not timed if it differs by more than a tolerance; "
        "where a difference is known, it is named, and the row counts for neither. The limit is "
        "the time to copy an image of that size, or to do the multiply-adds of the textbook "
        "algorithm at the rate that the processor reaches. Beside each row the work of other "
        "processes and a fixed loop are measured: ~ marks rows that were disturbed. The command "
        "below a title measures that row again.</p>"
    )
