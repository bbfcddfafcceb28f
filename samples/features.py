"""Draw what ridges, corners, blobs, templates and edge points find, and write docs/features.png.

python samples/features.py [FILE]
"""

import runpy
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np

import imgconv
from imgconv import io

ROOT = Path(__file__).resolve().parent.parent
SIDE = 300
RED, GREEN = (220, 40, 40), (30, 150, 60)


def sample(name: str) -> np.ndarray:
    return io.read(ROOT / "samples" / name).pixels


def in_colour(image: np.ndarray) -> np.ndarray:
    """Return a grey image of 8 bits as colours."""
    return np.stack([image] * 3, axis=-1)


def paint(canvas: np.ndarray, points: np.ndarray, colour: tuple[int, int, int]) -> None:
    """Colour the pixels at points (y, x), as far as they are inside."""
    y, x = np.rint(points).astype(int).T
    inside = (y >= 0) & (x >= 0) & (y < canvas.shape[0]) & (x < canvas.shape[1])
    canvas[y[inside], x[inside]] = colour


def ring(centre: np.ndarray, radius: float, width: float = 2.0) -> np.ndarray:
    """Return points on a circle."""
    turns = np.linspace(0, 2 * np.pi, int(16 * radius) + 8)
    radii = np.linspace(radius - width / 2, radius + width / 2, 5)
    steps = radii[:, None, None] * np.stack([np.sin(turns), np.cos(turns)], axis=-1)
    return (centre + steps).reshape(-1, 2)


def line(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Return points on a line, two pixels wide."""
    count = int(2 * np.abs(end - start).max()) + 2
    middle = np.linspace(start, end, count)
    return (middle[:, None] + np.array([(0, 0), (0, 0.7), (0.7, 0)])).reshape(-1, 2)


def vessels() -> list[np.ndarray]:
    """The vessels of a retina: dark lines of several widths."""
    retina = sample("retina-16bit.png")
    top, left = (n // 2 - SIDE // 2 for n in retina.shape)
    crop = np.s_[top : top + SIDE, left : left + SIDE]
    found = imgconv.ridges(retina, (1.5, 2.5, 4), "sato")[crop]
    grey = retina[crop] / retina[crop].max()
    dark = 1 - np.clip(found / np.percentile(found, 99.5), 0, 1)
    return [in_colour((255 * part).astype(np.uint8)) for part in (grey, dark)]


def chessboard() -> np.ndarray:
    """The corners of the squares of a slanted board with noise."""
    y, x = np.mgrid[:SIDE, :SIDE] - SIDE / 2
    turn = np.radians(17)
    across, down = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    squares = (np.floor(across / 30) + np.floor(down / 30)) % 2
    board = np.where(np.maximum(abs(across), abs(down)) < 90, 90 + 110 * squares, 145)
    image = imgconv.gaussian(board + np.random.default_rng(2).normal(0, 8, board.shape), 0.8)
    canvas = in_colour(np.clip(image, 0, 255).astype(np.uint8))
    strength = imgconv.corners(image, sigma=2)
    for point in imgconv.peaks(strength, 8, threshold=0.1 * strength.max()):
        paint(canvas, ring(point, 5), RED)
    return canvas


def coins() -> np.ndarray:
    """Coins by their Laplacian at several scales, with circles of the size found."""
    photo = runpy.run_path(str(ROOT / "samples" / "gallery.py"))["coins"]()
    flat = photo.astype(np.float32) - imgconv.gaussian(photo.astype(np.float32), 60)
    canvas = in_colour(photo)
    for y, x, sigma in imgconv.blobs(flat, 9, 24, steps=16, threshold=20):
        paint(canvas, ring(np.array([y, x]), sigma * np.sqrt(2)), RED)
    return canvas[:, :SIDE]


def template() -> np.ndarray:
    """A part of a photo, found again where the photo is darker and has noise."""
    photo = sample("camera.png").astype(np.float32)
    part = photo[90:150, 210:270]
    noise = np.random.default_rng(3).normal(0, 15, photo.shape)
    scene = np.clip(0.6 * photo + 10 + noise, 0, 255).astype(np.uint8)
    found = imgconv.match(scene, part)
    corner = np.array(np.unravel_index(found.argmax(), found.shape), float)
    canvas = in_colour(scene)
    around = np.array([(0, 0), (0, 60), (60, 60), (60, 0), (0, 0)])
    for start, end in pairwise(corner + around):
        paint(canvas, line(start, end), RED)
    canvas = canvas[40 : 40 + SIDE, 90 : 90 + SIDE]
    canvas[2:62, 238:298] = in_colour(part.astype(np.uint8))
    return canvas


def edge_points(zoom: int = 8) -> np.ndarray:
    """Chains of edge points over pixels that are eight times as large."""
    photo = sample("camera.png")
    top, left, size = 148, 236, SIDE // zoom + 1
    pixels = photo[top : top + size, left : left + size].repeat(zoom, 0).repeat(zoom, 1)
    canvas = in_colour(pixels)
    for chain in imgconv.edge_points(photo, 1.0, 8, 25):
        places = (chain - (top, left) + 0.5) * zoom - 0.5
        for start, end in pairwise(places):
            paint(canvas, line(start, end), RED)
        for place in places:
            paint(canvas, ring(place, 0.75, 1.5), GREEN)
    return canvas[:SIDE, :SIDE]


def main() -> None:
    panels = [*vessels(), chessboard(), coins(), template(), edge_points()]
    gap = np.full((SIDE, 6, 3), 255, np.uint8)
    rows = [
        np.concatenate([part for panel in panels[i : i + 3] for part in (panel, gap)][:-1], axis=1)
        for i in (0, 3)
    ]
    between = np.full((6, rows[0].shape[1], 3), 255, np.uint8)
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "features.png"
    io.write(target, io.Picture(np.concatenate([rows[0], between, rows[1]])))


if __name__ == "__main__":
    main()
