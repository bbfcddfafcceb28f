"""Smooth a photo with missing pixels, with and without them, and write docs/missing.png.

python samples/missing.py [FILE]
"""

import sys
from pathlib import Path

import numpy as np

import imgconv
from imgconv import io

ROOT = Path(__file__).resolve().parent.parent
RED = (200, 40, 40)


def scene() -> tuple[np.ndarray, np.ndarray]:
    """A photo, and which of its pixels are there: dead ones, a scratch and a hole are not."""
    photo = io.read(ROOT / "samples" / "camera.png").pixels[60:260, 130:330]
    rng = np.random.default_rng(4)
    y, x = np.indices(photo.shape)
    there = rng.random(photo.shape) > 0.05
    there &= abs(y - 0.6 * x - 30) > 1.5
    there &= np.hypot(y - 150, x - 60) > 9
    return photo, there


def in_colour(image: np.ndarray, there: np.ndarray | None = None) -> np.ndarray:
    """Return a grey image as colours, red where there is no pixel."""
    colours = np.stack([image] * 3, axis=-1)
    if there is not None:
        colours[~there] = RED
    return colours


def main() -> None:
    photo, there = scene()
    dark = np.where(there, photo, 0).astype(np.uint8)
    panels = [
        in_colour(photo, there),
        in_colour(imgconv.gaussian(dark, 2)),
        in_colour(imgconv.gaussian(dark, 2, weights=there)),
        in_colour(imgconv.median(dark, 5, weights=there)),
    ]
    gap = np.full((len(photo), 6, 3), 255, np.uint8)
    row = [part for panel in panels for part in (panel, gap)][:-1]
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "missing.png"
    io.write(target, io.Picture(np.concatenate(row, axis=1)))


if __name__ == "__main__":
    main()
