"""Edges of pictures as lines: chains of points in a file, or drawn over the picture."""

from __future__ import annotations

import time
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import imgconv
from imgconv import io
from imgconv.cli.jobs import Job, Naming
from imgconv.cli.options import Settings
from imgconv.cli.pipes import as_files
from imgconv.cli.runner import Share, batch_of, run, run_recipe
from imgconv.cli.work import Done, what_is_left_out
from imgconv.io.atomic import temporary_path

__all__ = ["LineDetector", "draw_lines", "write_lines"]

SUFFIXES = (".svg", ".csv")

# Red is seen on any photo that is not red itself, on grey ones best.
COLOUR = (255, 32, 32)
# Points are drawn as lines of dots so many pixels apart.
DOTS = 0.25


class LineDetector(NamedTuple):
    """Finds edges as lines, at a scale, by thresholds that are fractions of white."""

    sigma: float
    low: float
    high: float

    def of(self, image: NDArray[Any], white: float) -> list[NDArray[np.float64]]:
        """Return the chains of points of a grey image."""
        return imgconv.edge_points(image, self.sigma, self.low * white, self.high * white)


def write_lines(settings: Settings, detector: LineDetector) -> None:
    """Write the points of each picture into an SVG or CSV file; exit if any failed."""
    naming = Naming(lambda photo: SUFFIXES[0], io.READABLE, SUFFIXES, "-points")
    batch = batch_of(settings, naming)
    work = partial(lines_of_file, detector=detector, naming=naming, settings=settings)
    run(settings, "edges", batch, [Share(batch.jobs, work, settings.at_once)])


def lines_of_file(job: Job, detector: LineDetector, naming: Naming, settings: Settings) -> Done:
    """Read a picture and write the points of its first page."""
    with as_files(job.source, job.result, naming.suffix) as (source, result):
        picture = next(io.read_pages(source, settings.max_pixels))
        image, white = picture.grey(), picture.white
        begun = time.perf_counter()
        chains = detector.of(image, white)
        seconds = time.perf_counter() - begun
        made = as_csv(chains) if result.suffix.lower() == ".csv" else as_svg(chains, image.shape)
        with temporary_path(result) as temporary:
            temporary.write_text(made, encoding="utf-8")
    return Done(job, "", image.shape, 1, seconds, what_is_left_out(picture, 1))


def as_csv(chains: list[NDArray[np.float64]]) -> str:
    """Return a line for each point: the number of its chain, y and x, in pixels.

    >>> print(as_csv([np.array([[1.0, 2.5], [2.0, 2.25]])]), end="")
    chain,y,x
    0,1.000,2.500
    0,2.000,2.250
    """
    rows = [
        f"{number},{y:.3f},{x:.3f}\n"
        for number, chain in enumerate(chains)
        for y, x in chain.tolist()
    ]
    return "".join(["chain,y,x\n", *rows])


def as_svg(chains: list[NDArray[np.float64]], size: tuple[int, ...]) -> str:
    """Return a drawing of the size of the picture, where pixels have their centres at integers.

    >>> print(as_svg([np.array([[1.0, 2.5], [2.0, 2.25]])], (4, 6)), end="")
    <svg xmlns="http://www.w3.org/2000/svg" width="6" height="4" viewBox="-0.5 -0.5 6 4">
    <g fill="none" stroke="black" stroke-width="0.5" stroke-linecap="round">
    <path d="M2.5 1L2.25 2"/>
    </g>
    </svg>
    """
    height, width = size
    paths = [
        '<path d="M' + "L".join(f"{x:.6g} {y:.6g}" for y, x in chain.tolist()) + '"/>\n'
        for chain in (np.round(chain, 3) for chain in chains)
    ]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="-0.5 -0.5 {width} {height}">\n'
        '<g fill="none" stroke="black" stroke-width="0.5" stroke-linecap="round">\n'
    )
    return "".join([head, *paths, "</g>\n</svg>\n"])


def draw_lines(settings: Settings, detector: LineDetector, naming: Naming) -> None:
    """Draw the edges over each picture; exit if any failed."""
    run_recipe(settings, "edges", partial(drawn_over, detector=detector), naming)


def drawn_over(photo: io.Picture, suffix: str, detector: LineDetector) -> io.Picture:
    """Return a photo with its edges drawn over it."""
    dtype = io.integer_type(suffix, photo.pixels.dtype)
    shown = io.rescale(photo.over_white(), dtype, photo.white)
    colours = np.repeat(shown, 3, axis=2) if shown.shape[2] == 1 else shown.copy()
    y, x = dots(detector.of(photo.grey(), photo.white))
    colours[y, x] = np.array(COLOUR) * (np.iinfo(dtype).max // 255)
    return photo.with_colours(colours, drawn=True)


def dots(chains: list[NDArray[np.float64]]) -> NDArray[np.intp]:
    """Return the pixels under the lines from point to point, (2, N)."""
    found = [np.empty((0, 2))]
    for chain in chains:
        steps = np.arange(0, len(chain) - 1 + DOTS / 2, DOTS)
        places = np.arange(len(chain))
        found.append(np.column_stack([np.interp(steps, places, part) for part in chain.T]))
    return np.rint(np.concatenate(found)).astype(np.intp).T
