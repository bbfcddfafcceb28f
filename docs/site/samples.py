"""The pictures that pages show: `image` of a block of code, by name."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage import data

import imgconv
from imgconv import io

__all__ = ["sample"]

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
Image = NDArray[Any]


def noisy() -> Image:
    """A photo with the noise of a high sensitivity."""
    photo = sample("cat")
    noise = np.random.default_rng(1).normal(0, 22, photo.shape)
    return np.clip(photo + noise, 0, 255).round().astype(np.uint8)


def salted() -> Image:
    """A photo in which one pixel of twenty is black or white."""
    photo = sample("camera").copy()
    chance = np.random.default_rng(1).random(photo.shape)
    photo[chance < 0.025], photo[chance > 0.975] = 0, 255
    return photo


def gaps() -> Image:
    """A photo, as floats, in which half of the pixels and a disk are missing."""
    photo = sample("camera").astype(np.float32)
    photo[np.random.default_rng(1).random(photo.shape) < 0.5] = np.nan
    y, x = np.indices(photo.shape)
    photo[np.hypot(y - 60, x - 200) < 9] = np.nan
    return photo


def dot() -> Image:
    image = np.zeros((15, 15), np.float32)
    image[7, 7] = 1
    return image


def step() -> Image:
    image = np.zeros((64, 64), np.float32)
    image[:, 32:] = 1
    return image


def rings() -> Image:
    """Waves that become shorter towards the corner: every frequency and every direction."""
    y, x = np.mgrid[:240, :240] / 240
    return (0.5 + 0.5 * np.cos(120 * (y**2 + x**2))).astype(np.float32)


def shapes() -> Image:
    """Squares and disks, and a line with a gap."""
    image = np.zeros((160, 200), bool)
    y, x = np.indices(image.shape)
    image[20:70, 20:70] = True
    image[40:46, 40:46] = False
    image |= np.hypot(y - 45, x - 120) < 28
    image |= np.hypot(y - 30, x - 175) < 5
    image[110:114, 20:180], image[110:114, 95:99] = True, False
    image[130:150:6, 30:180:9] = True
    return image


def relief() -> Image:
    """The elevation of hills, as floats."""
    rng = np.random.default_rng(4)
    noise = rng.standard_normal((240, 240)).astype(np.float32)
    return sum(s * imgconv.gaussian(noise, s, mode="wrap") for s in (4, 10, 24))


MADE: dict[str, Callable[[], Image]] = {
    "camera": lambda: data.camera()[60:300, 130:430],
    "cat": lambda: data.chelsea()[20:260, 80:380],
    "coffee": lambda: io.read(SAMPLES / "coffee.png").pixels[40:360, 120:520],
    "coins": data.coins,
    "page": data.page,
    "text": data.text,
    "moon": lambda: data.moon()[100:400, 100:500],
    "eye": lambda: io.read(SAMPLES / "retina-16bit.png").pixels[60:360, 60:400],
    "cells": lambda: data.cell()[200:500, 100:500],
    "stars": lambda: data.hubble_deep_field()[200:440, 300:600].mean(axis=-1).astype(np.uint8),
    "chess": lambda: data.checkerboard()[:120, :160],
    "brick": lambda: data.brick()[:240, :320],
    "rocket": lambda: io.read(SAMPLES / "rocket.jpg").pixels[60:380, 100:500],
    "cutout": lambda: io.read(SAMPLES / "chelsea-alpha.png").pixels,
    "noisy": noisy,
    "salted": salted,
    "gaps": gaps,
    "dot": dot,
    "step": step,
    "rings": rings,
    "shapes": shapes,
    "relief": relief,
}


@cache
def sample(name: str) -> Image:
    """Return a picture by its name; it is not to be written to."""
    image = np.ascontiguousarray(MADE[name]())
    image.setflags(write=False)
    return image
