"""The quality of edges as tables and as curves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from imgconv.bench.quality import BLURS, NOISES, PERIODS, Direction, Score
from imgconv.bench.report import between_markers

__all__ = ["filled", "lines", "plot"]

PLACE = "quality"
# Okabe and Ito's colours, which colour-blind readers can distinguish.
COLOURS = ("#d55e00", "#e69f00", "#009e73", "#cc79a7", "#0072b2")
MEASURES = (
    ("off", "distance from the true edge, pixels"),
    ("missed", "part of the true edges missed"),
    ("false", "false points per 100 pixels of edge"),
)


def names(values: Sequence[str]) -> list[str]:
    """Return each name once, in order."""
    return list(dict.fromkeys(values))


def mean_of(scores: Sequence[Score], measure: str) -> float:
    """Return the mean of a measure over scores; those without found edges have no distance."""
    values = np.array([getattr(score, measure) for score in scores])
    return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")


def lines(scores: Sequence[Score], found: Sequence[Direction]) -> list[str]:
    """Return the tables in Markdown."""
    noises = list(dict.fromkeys(score.noise for score in scores))
    heads = [f"noise {noise:.0%}" for noise in noises]
    text = [
        "Distance from the true edge in pixels, part missed, false points per 100 pixels of edge; "
        "means of all blurs.",
        "",
        f"| scene | detector | {' | '.join(heads)} |",
        f"|---|---|{'---|' * len(heads)}",
    ]
    for scene in names([score.scene for score in scores]):
        for detector in names([score.detector for score in scores]):
            cells = []
            for noise in noises:
                some = [
                    score
                    for score in scores
                    if (score.scene, score.detector, score.noise) == (scene, detector, noise)
                ]
                off, missed, false = (mean_of(some, name) for name, _ in MEASURES)
                cells.append(f"{off:.2f}, {missed:.0%}, {false:.0f}")
            text.append(f"| {scene} | {detector} | {' | '.join(cells)} |")
    text += [
        "",
        "Error of the gradient's direction in degrees, mean and largest, on waves of a period:",
        "",
        f"| gradient | {' | '.join(f'{period:g} pixels' for period in PERIODS)} |",
        f"|---|{'---|' * len(PERIODS)}",
    ]
    for gradient in names([each.gradient for each in found]):
        cells = [f"{e.mean:.3f}, {e.largest:.3f}" for e in found if e.gradient == gradient]
        text.append(f"| {gradient} | {' | '.join(cells)} |")
    return text


def filled(text: str, scores: Sequence[Score], found: Sequence[Direction]) -> str:
    """Return a Markdown document with the tables in their place."""
    return between_markers(text, PLACE, "\n".join(lines(scores, found)))


def plot(scores: Sequence[Score], path: Path) -> None:
    """Draw each measure over noise, a column for each blur, as means of all scenes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 9), layout="constrained")
    axes = figure.subplots(len(MEASURES), len(BLURS), sharex=True, sharey="row")
    detectors = names([score.detector for score in scores])
    for column, blur in enumerate(BLURS):
        for row, (measure, label) in enumerate(MEASURES):
            ax = axes[row][column]
            for detector, colour in zip(detectors, COLOURS, strict=False):
                means = [
                    mean_of(
                        [s for s in scores
                         if (s.detector, s.blur, s.noise) == (detector, blur, noise)],
                        measure,
                    )
                    for noise in NOISES
                ]  # fmt: skip
                style = "o:" if "scikit-image" in detector else "o-"  # over an equal line
                ax.plot(np.array(NOISES) * 100, means, style, color=colour, label=detector, ms=4)
            ax.grid(color="#e4e4e4", lw=0.8)
            ax.spines[["top", "right"]].set_visible(False)
            if row == 0:
                ax.set_title(f"blur {blur:g} pixels", loc="left", fontsize=11)
            if column == 0:
                ax.set_ylabel(label)
            if row == len(MEASURES) - 1:
                ax.set_xlabel("noise, % of the contrast")
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels), frameon=False)
    figure.savefig(path, dpi=110, facecolor="white")
