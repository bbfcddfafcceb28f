"""Smooth pictures with missing pixels, with and without them, and write docs/missing.png.

python samples/missing.py [FILE]
"""

import sys
from pathlib import Path

import numpy as np

import imgconv
from imgconv import io

ROOT = Path(__file__).resolve().parent.parent
RED = (200, 40, 40)


def photo() -> tuple[np.ndarray, np.ndarray]:
    """A photo, and which of its pixels are there: dead ones, a scratch and a hole are not."""
    pixels = io.read(ROOT / "samples" / "camera.png").pixels[60:260, 130:330]
    rng = np.random.default_rng(4)
    y, x = np.indices(pixels.shape)
    there = rng.random(pixels.shape) > 0.05
    there &= abs(y - 0.6 * x - 30) > 1.5
    there &= np.hypot(y - 150, x - 60) > 9
    return np.where(there, pixels, 0).astype(np.uint8), there


def micrograph() -> tuple[np.ndarray, np.ndarray]:
    """Vessels in 16 bits, and which pixels of the sensor live; the dead ones are full or empty."""
    pixels = io.read(ROOT / "samples" / "retina-16bit.png").pixels
    grey = pixels if pixels.ndim == 2 else pixels[..., 1]
    top, left = (grey.shape[0] - 200) // 2, (grey.shape[1] - 200) // 2
    grey = grey[top : top + 200, left : left + 200].astype(float)
    low, high = np.percentile(grey, [1, 99.5])
    grey = (40 + 170 * np.clip((grey - low) / (high - low), 0, 1)).astype(np.uint8)
    rng = np.random.default_rng(5)
    there = rng.random(grey.shape) > 0.03
    there[:, 61] = False
    full = rng.random(grey.shape) < 0.5
    return np.where(there, grey, np.where(full, 255, 0)).astype(np.uint8), there


def mosaic() -> tuple[np.ndarray, np.ndarray]:
    """A scene that is rotated in its frame, as a satellite sees it: there is nothing around it."""
    pixels = imgconv.pool(io.read(ROOT / "samples" / "coffee.png").pixels, 2, how="mean",
                          channel_axis=-1)  # fmt: skip
    grey = pixels[:200, :200].astype(float) @ (0.3, 0.6, 0.1)
    y, x = np.indices(grey.shape)
    there = (abs(x - 0.35 * y - 62) < 72) & (abs(y + 0.35 * x - 132) < 92)
    return np.where(there, grey, 0).astype(np.uint8), there


def in_colour(image: np.ndarray, there: np.ndarray | None = None) -> np.ndarray:
    """Return a grey image as colours, red where there is no pixel."""
    colours = np.stack([image] * 3, axis=-1)
    if there is not None:
        colours[~there] = RED
    return colours


def row(pixels: np.ndarray, there: np.ndarray, sigma: float, size: int) -> np.ndarray:
    """A picture; smoothed with and without what is missing; medians of what is there."""
    panels = [
        in_colour(pixels, there),
        in_colour(imgconv.gaussian(pixels, sigma)),
        in_colour(imgconv.gaussian(pixels, sigma, weights=there)),
        in_colour(imgconv.median(pixels, size, weights=there)),
    ]
    gap = np.full((len(pixels), 6, 3), 255, np.uint8)
    return np.concatenate([part for panel in panels for part in (panel, gap)][:-1], axis=1)


def main() -> None:
    rows = [row(*photo(), 2, 5), row(*micrograph(), 1, 3), row(*mosaic(), 5, 9)]
    gap = np.full((6, rows[0].shape[1], 3), 255, np.uint8)
    sheet = np.concatenate([part for each in rows for part in (each, gap)][:-1])
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "missing.png"
    io.write(target, io.Picture(sheet))


if __name__ == "__main__":
    main()
