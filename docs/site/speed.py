"""Draw docs/speed.png, the tables of families in docs/benchmarks.md as one figure.

python docs/site/speed.py
"""

import hashlib
import re
from pathlib import Path
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

__all__ = ["digest", "draw", "families"]

DOCS = Path(__file__).resolve().parent.parent
LEVELS = {"v3": "AVX2 (AMD EPYC, Zen 4)", "v4": "AVX-512 (AMD EPYC, Zen 4)"}
FASTER, SLOWER, INK = "#1a7f37", "#cf222e", "#24292f"
# The name of the text in the file that says which tables it shows.
KEY = "tables"


class Family(NamedTuple):
    """How many times as fast as the fastest other library, with one thread."""

    name: str
    smallest: float
    mean: float
    largest: float


def families(text: str, level: str) -> list[Family]:
    """Return the rows of a level's table; the last one is of all families."""
    table = re.search(rf"<!-- bench families {level} -->\n(.*?)\n\n", text, re.DOTALL)
    if table is None:
        raise ValueError(f"docs/benchmarks.md has no table of families of level {level}")
    rows = []
    for line in table[1].splitlines()[2:]:
        name, _, *numbers = (cell.strip(" *") for cell in line.strip("|").split("|"))
        rows.append(Family(name, *(float(number.rstrip("x")) for number in numbers[:3])))
    return rows


def digest(text: str) -> str:
    """Return what stands for the numbers of the figure."""
    shown = repr([families(text, level) for level in LEVELS])
    return hashlib.sha256(shown.encode()).hexdigest()


def panel(ax: Axes, rows: list[Family], title: str) -> None:
    for place, row in enumerate(rows):
        colour = FASTER if row.mean >= 1 else SLOWER
        ax.plot(
            [row.smallest, row.largest],
            [place, place],
            color="#d0d7de",
            linewidth=6,
            solid_capstyle="butt",
        )
        ax.plot(row.mean, place, "o", color=colour, markersize=9)
        ax.annotate(
            f"{row.mean:.1f}x",
            (row.mean, place),
            (0, 8),
            textcoords="offset points",
            ha="center",
            fontsize=8,
            color=INK,
        )
    ax.axvline(1, color=INK, linewidth=1)
    ax.set_xscale("log")
    ax.set_xticks([0.5, 1, 2, 5, 10, 50], ["½", "1", "2", "5", "10", "50"])
    ax.minorticks_off()
    ax.set_yticks(range(len(rows)), [row.name for row in rows])
    ax.set_ylim(len(rows) - 0.4, -0.9)
    ax.set_title(title, fontsize=10)
    for side in ("top", "right", "left"):
        ax.spines[side].set_visible(False)
    ax.tick_params(left=False)


def draw(text: str) -> Figure:
    """Draw the families of both levels side by side."""
    figure = Figure(figsize=(9, 8), layout="constrained", facecolor="white")
    figure.suptitle("How many times as fast as the fastest other library, one thread", fontsize=12)
    for ax, (level, title) in zip(figure.subplots(1, 2), LEVELS.items(), strict=True):
        panel(ax, families(text, level), title)
    figure.supxlabel(
        "bar: slowest to fastest row of the family; dot: geometric mean; 1 is equal", fontsize=9
    )
    FigureCanvasAgg(figure)
    return figure


if __name__ == "__main__":
    source = (DOCS / "benchmarks.md").read_text()
    draw(source).savefig(DOCS / "speed.png", dpi=120, metadata={KEY: digest(source)})
