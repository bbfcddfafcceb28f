"""Curves as SVG that takes its colours from the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from itertools import pairwise
from math import ceil, floor, log10

WIDTH, HEIGHT = 440, 250
LEFT, RIGHT, TOP, BOTTOM = 52, 96, 12, 38

Points = Sequence[tuple[float, float]]


class LogScale:
    """A logarithmic axis from `first` to `last`, in pixels of the picture."""

    def __init__(self, values: Sequence[float], first: float, last: float) -> None:
        low, high = log10(min(values)), log10(max(values))
        margin = 0.06 * (high - low) or 0.3
        self.low, self.high = low - margin, high + margin
        self.first, self.last = first, last

    def __call__(self, value: float) -> float:
        """Return the place of a value."""
        share = (log10(value) - self.low) / (self.high - self.low)
        return round(self.first + share * (self.last - self.first), 1)

    def ticks(self) -> list[float]:
        """Return round numbers: powers of ten with 2 and 5, or these alone on a long axis."""
        steps = (1, 2, 5) if self.high - self.low < 2.5 else (1,)
        decades = range(floor(self.low), ceil(self.high) + 1)
        found = [step * 10.0**decade for decade in decades for step in steps]
        return [value for value in found if self.low <= log10(value) <= self.high]


def chart(
    curves: Mapping[str, Points], colours: Mapping[str, str], x_title: str, y_title: str,
    x_ticks: Mapping[float, str] | None = None,
) -> str:  # fmt: skip
    """Return a picture with a line for each library, both axes logarithmic.

    Parameters
    ----------
    curves : mapping of str to sequence of (x, y)
        By library; the first is drawn last, and thicker.
    colours : mapping of str to str
    x_title, y_title : str
    x_ticks : mapping of float to str, optional
        What is written below the axis; round numbers by default.
    """
    points = [point for curve in curves.values() for point in curve]
    x = LogScale([point[0] for point in points], LEFT, WIDTH - RIGHT)
    y = LogScale([point[1] for point in points], HEIGHT - BOTTOM, TOP)
    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(y_title)}">']
    for value in y.ticks():
        parts.append(
            f'<path class="grid" d="M{LEFT} {y(value)}H{WIDTH - RIGHT}"/>'
            f'<text x="{LEFT - 5}" y="{y(value) + 4}" text-anchor="end">{short(value)}</text>'
        )
    for value, text in (x_ticks or {value: short(value) for value in x.ticks()}).items():
        parts.append(
            f'<text x="{x(value)}" y="{HEIGHT - BOTTOM + 15}" text-anchor="middle">{text}</text>'
        )
    for name, curve in [*curves.items()][::-1]:
        parts.append(line(name, [(x(a), y(b)) for a, b in curve], curve, colours[name], y_title))
    parts += names({name: y(curve[-1][1]) for name, curve in curves.items()})
    parts.append(
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 5}" text-anchor="middle">'
        f"{escape(x_title)}</text></svg>"
    )
    return "".join(parts)


def short(value: float) -> str:
    """Return a round number as text.

    >>> short(0.05), short(20), short(5e4), short(1e6)
    ('0.05', '20', '50k', '1M')
    """
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


def line(name: str, places: Points, values: Points, colour: str, unit: str) -> str:
    """Return the line and the dots of a library; a dot tells its value."""
    ours = " ours" if name == "imgconv" else ""
    path = "M" + "L".join(f"{x} {y}" for x, y in places)
    dots = "".join(
        f'<circle class="dot" cx="{x}" cy="{y}" r="{4 if ours else 3}">'
        f"<title>{escape(name)}: {value:.3g} {escape(unit)}</title></circle>"
        for (x, y), (_, value) in zip(places, values, strict=True)
    )
    return f'<g style="--colour: {colour}"><path class="line{ours}" d="{path}"/>{dots}</g>'


def names(ends: Mapping[str, float]) -> list[str]:
    """Return the names of the lines beside their ends, apart from each other."""
    order = sorted(ends, key=ends.__getitem__)
    places = [ends[name] for name in order]
    for i, (above, below) in enumerate(pairwise(places)):
        places[i + 1] = max(below, above + 12, places[i] + 12)
    # What is pushed out at the bottom moves up again.
    lowest = float(HEIGHT - BOTTOM)
    for i in reversed(range(len(places))):
        places[i] = min(places[i], lowest)
        lowest = places[i] - 12
    x = WIDTH - RIGHT + 7
    return [
        f'<text class="name" x="{x}" y="{round(place + 4, 1)}">{escape(name)}</text>'
        for name, place in zip(order, places, strict=True)
    ]
