"""The results as a picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D

from imgconv.bench.measure import RowResult
from imgconv.bench.report import COLOURS, OTHER, counting, groups, headline, label
from imgconv.bench.results import Machine, Run

INK, LOST = "#1a1a1a", "#c1121f"
HEAD, FOOT, ROW, PANEL = 1.15, 1.0, 0.3, 0.9  # inches


def plot(run: Run, path: Path) -> None:
    """Draw each library's speed in each row; a panel for each size, number of threads and output.

    Parameters
    ----------
    run : Run
    path : Path
        .png, .svg or .pdf.
    """
    results = run.results
    panels = list(groups(results))
    columns = min(2, len(panels))
    # Panels side by side have the height of the longest, so that all rows are equally high.
    most = [
        max(len(found) for _, found in panels[first : first + columns])
        for first in range(0, len(panels), columns)
    ]
    heights = [PANEL + ROW * rows for rows in most]
    size = (9.6 if columns == 1 else 15.2, HEAD + sum(heights) + FOOT)
    with mpl.rc_context({"font.family": "DejaVu Sans", "font.size": 10}):
        margins = (0.01, FOOT / size[1], 0.98, (size[1] - HEAD - FOOT) / size[1])
        layout = ConstrainedLayoutEngine(rect=margins, hspace=0.03)
        figure = Figure(figsize=size, layout=layout)
        grid = figure.add_gridspec(len(most), columns, height_ratios=heights)
        for index, (title, found) in enumerate(panels):
            line, column = divmod(index, columns)
            _panel(figure.add_subplot(grid[line, column]), title, found, most[line])
        _head(figure, results)
        _foot(figure, run.machine)
        figure.savefig(path, dpi=160, facecolor="white")


def _panel(ax: Axes, title: str, results: Sequence[RowResult], rows: int) -> None:
    for y, result in enumerate(results):
        megapixels = max(1, result.row.stack) * math.prod(result.row.shape) / 1e6
        entries = {**result.peers, "imgconv": result.imgconv}
        speed = {name: megapixels / entry.timing.median for name, entry in entries.items()}
        for name, value in speed.items():
            ours = name == "imgconv"
            colour = COLOURS.get(name, OTHER)
            fill = "white" if entries[name].note else colour
            ax.plot(
                value,
                y,
                "o",
                ms=9 if ours else 6.5,
                mfc=fill,
                mew=1.4,
                color=colour,
                zorder=4 if ours else 3,
            )
        if result.fastest and result.ratio:
            ends = [speed[result.fastest], speed["imgconv"]]
            won = result.ratio >= 1
            ax.plot(ends, [y, y], lw=2.4, alpha=0.45, color=COLOURS["imgconv"] if won else LOST)
            ax.annotate(
                f"{result.ratio:.2f}x",
                (max(speed.values()), y),
                (9, 0),
                va="center",
                textcoords="offset points",
                color=INK if won else LOST,
                weight="bold",
            )
    for y in range(1, len(results)):
        if results[y].row.family != results[y - 1].row.family:
            ax.axhline(y - 0.5, color="#c8c8c8", lw=0.8)
    ax.set(xscale="log", ylim=(rows - 0.4, -0.6), xlabel="megapixels a second")
    ax.margins(x=0.12)
    ax.set_title(title, loc="left", fontsize=11, color="#555555")
    ax.set_yticks(range(len(results)), [label(result) for result in results])
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    ax.grid(axis="x", color="#e4e4e4", lw=0.8)
    ax.set_axisbelow(True)
    ax.tick_params(length=0, which="both")
    ax.spines[:].set_visible(False)


def _head(figure: Figure, results: Sequence[RowResult]) -> None:
    """Write who is fastest how often, and which colour belongs to which library."""
    ratios = counting(results)
    won = sum(ratio >= 1 for ratio in ratios)
    height = figure.get_figheight()
    title = f"imgconv beats the fastest other library in {won} of {len(ratios)} rows"
    figure.text(0.01, 1 - 0.15 / height, title, va="top", fontsize=16, weight="bold", color=INK)
    measured = dict.fromkeys(name for result in results for name in result.peers)
    names = sorted(("imgconv", *measured), key=[*COLOURS, *measured].index)
    colours = [COLOURS.get(name, OTHER) for name in names]
    handles = [_dot(name, colour, colour) for name, colour in zip(names, colours, strict=True)]
    handles.append(_dot("hollow: work not equal", "#555555", "white"))
    figure.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(0, 1 - 0.5 / height),
        ncols=len(handles),
        frameon=False,
        handletextpad=0,
        columnspacing=0.9,
    )


def _dot(name: str, colour: str, fill: str) -> Line2D:
    return Line2D([], [], ls="", marker="o", ms=8, color=colour, mfc=fill, mew=1.4, label=name)


def _foot(figure: Figure, about: Machine) -> None:
    """Write what the numbers mean and on what machine they were measured."""
    what = (
        "Number: imgconv's speed by that of the fastest other library. "
        "Medians of runs in one process, in turn. Right is faster."
    )
    figure.text(
        0.01,
        0.1 / figure.get_figheight(),
        "\n".join([what, *headline(about)]),
        wrap=True,
        va="bottom",
        fontsize=8,
        color="#555555",
        linespacing=1.4,
    )
