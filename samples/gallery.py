"""Run the pipelines of samples/pipelines on a picture each, and write docs/gallery.

python samples/gallery.py [FOLDER]
"""

import sys
import time
from pathlib import Path

import numpy as np

import imgconv
from imgconv import io
from imgconv.pipeline import Pipeline

ROOT = Path(__file__).resolve().parent.parent
PIPELINES = ROOT / "samples" / "pipelines"


def sample(name: str) -> np.ndarray:
    return io.read(ROOT / "samples" / name).pixels


def noisy_scan() -> np.ndarray:
    """Grain and a few wrong pixels on a photo."""
    rng = np.random.default_rng(3)
    photo = sample("camera.png")[60:360, 130:430]
    scan = np.clip(photo + rng.normal(0, 18, photo.shape), 0, 255)
    wrong = rng.random(photo.shape)
    scan[wrong < 0.01], scan[wrong > 0.99] = 0, 255
    return np.rint(scan).astype(np.uint8)


def coins() -> np.ndarray:
    """Discs with a rim and a relief on a ground that is lit from one side, like coins on felt."""
    rng = np.random.default_rng(5)
    y, x = np.mgrid[:300, :400].astype(float)
    image = 45 + 70 * x / 400 + 25 * y / 300
    for row in range(3):
        for column in range(5):
            top = 55 + 95 * row + rng.normal(0, 4)
            left = 48 + 76 * column + rng.normal(0, 4)
            radius = rng.uniform(17, 29)
            far = np.hypot(y - top, x - left)
            turn = np.arctan2(y - top, x - left)
            relief = 18 * np.sin(4 * turn + rng.uniform(0, 6)) * np.sin(far / 4)
            image = np.where(far < radius, image + 62 + relief, image)
            image = np.where(abs(far - radius + 3) < 1.5, image + 12, image)
    return np.clip(image + rng.normal(0, 7, image.shape), 0, 255).round().astype(np.uint8)


def page() -> np.ndarray:
    """A page of text under a lamp, with a shadow."""
    import PIL.Image
    import PIL.ImageDraw
    import PIL.ImageFont

    sheet = PIL.Image.new("L", (420, 300), 232)
    pen = PIL.ImageDraw.Draw(sheet)
    font = PIL.ImageFont.load_default(17)
    lines = (PIPELINES / "binarise-document.toml").read_text().splitlines()
    for number, line in enumerate(lines[2:] + lines[:2]):
        pen.text((18, 20 + 27 * number), line[:44], fill=40, font=font)
    y, x = np.mgrid[:300, :420]
    light = 1.05 - 0.55 * np.hypot(y - 60, x - 80) / 500
    shadow = np.where(x + 0.6 * y > 390, 0.55, 1.0)
    light *= imgconv.gaussian(shadow, 12)
    grain = np.random.default_rng(1).normal(0, 4, (300, 420))
    return np.clip(np.asarray(sheet) * light + grain, 0, 255).round().astype(np.uint8)


GALLERY = (
    ("edge-sketch", "Edge sketch", lambda: sample("coffee.png")),
    ("denoise-sharpen", "Denoise and sharpen a scan", noisy_scan),
    ("flat-field", "Flat-field a micrograph", lambda: sample("retina-16bit.png")),
    ("find-coins", "Find coins", coins),
    ("binarise-document", "Binarise a document", page),
)


def main(folder: Path = ROOT / "docs" / "gallery") -> None:
    lines = [
        "# Gallery",
        "",
        "Made by `make gallery` from the files in `samples/pipelines`. Times are medians of the",
        f"pipeline alone, without reading and writing, on {imgconv.get_num_threads()} threads of "
        "the machine that made this page.",
        "",
    ]
    for name, title, picture in GALLERY:
        image = picture()
        pipeline = Pipeline.load(PIPELINES / f"{name}.toml")
        channel_axis = -1 if image.ndim == 3 else None
        result = pipeline(image, channel_axis=channel_axis)
        times = []
        for _ in range(9):
            begun = time.perf_counter()
            pipeline(image, channel_axis=channel_axis)
            times.append(time.perf_counter() - begun)
        for kind, pixels in (("before", image), ("after", result)):
            if pixels.dtype == np.bool_:
                pixels = pixels * np.uint8(255)
            io.write(folder / f"{name}-{kind}.png", io.Picture(pixels))
        lines += [
            f"## {title}",
            "",
            "```",
            " | ".join(pipeline.text.split(" | ")),
            "```",
            "",
            f"{image.shape[1]} x {image.shape[0]} {image.dtype}, "
            f"{np.median(times) * 1e3:.3g} ms ([{name}.toml](../../samples/pipelines/{name}.toml))",
            "",
            "| before | after |",
            "|---|---|",
            f"| ![before]({name}-before.png) | ![after]({name}-after.png) |",
            "",
        ]
    (folder / "README.md").write_text("\n".join(lines))
    print(folder / "README.md")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
