"""Draw a page with a shadow, and what thresholds make of it: docs/uneven-light.png.

python samples/shadow.py [PICTURE]
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from imgconv import binarize, clahe, gaussian

ROOT = Path(__file__).resolve().parent.parent
TEXT = (
    "A page that lies beside a lamp",
    "has a bright side and a dark one.",
    "Its ink on the bright side is",
    "brighter than the paper on the",
    "dark side, so that no threshold",
    "of the whole page finds the text.",
    "The window around each pixel has",
    "little shadow, and some paper.",
)


def page(rng: np.random.Generator) -> NDArray[np.uint8]:
    """Text on paper in a light that fades towards a corner, with the noise of a camera."""
    picture = Image.new("L", (360, 260), 235)
    draw = ImageDraw.Draw(picture)
    for line, text in enumerate(TEXT):
        draw.text((18, 16 + 29 * line), text, fill=70, font=ImageFont.load_default(19))
    y, x = np.mgrid[:260, :360] / 360
    light = 0.18 + 0.82 / (1 + np.exp(9 * (x + 0.7 * y - 0.85)))
    noisy = np.asarray(picture, np.float32) * light + rng.normal(0, 3, light.shape)
    return np.uint8(np.clip(gaussian(noisy, 0.6), 0, 255))


def main() -> None:
    """Write the page and three answers side by side."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("picture", nargs="?", default=ROOT / "docs" / "uneven-light.png", type=Path)
    image = page(np.random.default_rng(0))
    answers = [
        image,
        np.uint8(255) * binarize(image, "otsu"),
        np.uint8(255) * binarize(image, "sauvola", 25),
        clahe(image, 40, 3.0),
    ]
    rows = [np.hstack([np.pad(one, 3, constant_values=128) for one in pair])
            for pair in (answers[:2], answers[2:])]  # fmt: skip
    Image.fromarray(np.vstack(rows)).save(parser.parse_args().picture, optimize=True)


if __name__ == "__main__":
    main()
