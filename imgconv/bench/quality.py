"""How good an edge is: detectors on drawn edges, whose true place is known.

A scene is drawn with ten by ten samples in each pixel, blurred, and gets noise. Points of a
detector within NEAR pixels of a true edge are found edges, all others are false.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

import imgconv

Points = NDArray[np.float64]
Image = NDArray[Any]

SIZE = 128
SAMPLES = 10  # of a pixel, along each axis
DARK, LIGHT = 64.0, 192.0
NEAR = 2.0
# Pixels at the border that are not looked at: detectors differ in what they do there.
RIM = 8

BLURS = (0.5, 1.0, 2.0)
# Standard deviations, as parts of the contrast.
NOISES = (0.0, 0.05, 0.1, 0.2)
# Of the Gaussian of all detectors; the thresholds of Canny's as parts of the contrast, and how much
# the Laplacian must change where it crosses zero.
SIGMA, LOW, HIGH, CROSSING = 1.5, 0.04, 0.08, 0.02


class Scene(NamedTuple):
    """An image without noise, and points of its true edges, a tenth of a pixel apart or less."""

    name: str
    image: Image
    truth: Points


def drawn(name: str, inside: Callable[[Any, Any], Any], blur: float, ground: float = 0.0) -> Scene:
    """Return a light shape on dark ground; `ground` is the contrast of a texture on all of it."""
    n = SIZE * SAMPLES
    y, x = (np.mgrid[:n, :n] + 0.5) / SAMPLES - 0.5
    shape = inside(y, x)
    edges = ndimage.binary_dilation(~shape, border_value=1) & shape
    truth = np.argwhere(edges) / SAMPLES + (0.5 / SAMPLES - 0.5)
    share = shape.reshape(SIZE, SAMPLES, SIZE, SAMPLES).mean((1, 3))
    image = DARK + (LIGHT - DARK) * ndimage.gaussian_filter(share, blur)
    texture = np.random.default_rng(5).normal(size=image.shape)
    smooth = ndimage.gaussian_filter(texture, 2.5)
    image = image + ground * (LIGHT - DARK) * smooth / smooth.std()
    return Scene(name, image, inner(truth))


def inner(points: Points) -> Points:
    """Return the points that are not at the border."""
    kept: Points = points[((points > RIM) & (points < SIZE - 1 - RIM)).all(axis=1)]
    return kept


def scenes(blur: float) -> Iterator[Scene]:
    """Yield steps of many directions, disks, a thin line, corners, and a disk on texture."""
    for degrees in range(0, 180, 15):
        yield drawn("steps", partial(is_beyond, degrees=degrees), blur)
    for radius in (10, 25, 45):
        yield drawn("disks", partial(is_in_disk, radius=radius), blur)
    for degrees in (0, 30, 75):
        yield drawn("thin lines", partial(is_in_stripe, degrees=degrees), blur)
    for degrees in (0, 20, 45):
        yield drawn("corners", partial(is_in_square, degrees=degrees), blur)
    yield drawn("texture", partial(is_in_disk, radius=40), blur, 0.06)


def along(y: Any, x: Any, degrees: float) -> Any:
    """Return how far pixels are from the middle in a direction, from x towards y."""
    angle, middle = np.radians(degrees), (SIZE - 1) / 2
    return (y - middle) * np.sin(angle) + (x - middle) * np.cos(angle)


def is_beyond(y: Any, x: Any, degrees: float) -> Any:
    """Return where the light side of a step is."""
    return along(y, x, degrees) > 0.3


def is_in_disk(y: Any, x: Any, radius: float) -> Any:
    """Return where a disk is, whose centre is no pixel."""
    return np.hypot(y - 63.2, x - 64.1) < radius


def is_in_stripe(y: Any, x: Any, degrees: float) -> Any:
    """Return where a line of five pixels is."""
    return np.abs(along(y, x, degrees)) < 2.5


def is_in_square(y: Any, x: Any, degrees: float) -> Any:
    """Return where a square is that is rotated."""
    return np.maximum(*(np.abs(along(y, x, degrees + more)) for more in (0, 90))) < 30.3


# ---- detectors -----------------------------------------------------------------------------------

# In the units of Sobel's integer kernels, by which a sharp step of 1 gives 4.
THRESHOLDS = (4 * LOW * (LIGHT - DARK), 4 * HIGH * (LIGHT - DARK))


def pixels_of(mask: Any) -> Points:
    """Return the edge pixels of a mask as points."""
    return np.argwhere(mask).astype(np.float64)


def by_imgconv(image: Image) -> Points:
    """Return the pixels of `imgconv.canny`."""
    return pixels_of(imgconv.canny(image, SIGMA, *THRESHOLDS))


def by_edge_points(image: Image) -> Points:
    """Return the points of `imgconv.edge_points`."""
    chains = imgconv.edge_points(image, SIGMA, *THRESHOLDS)
    return np.concatenate([np.empty((0, 2)), *chains])


def by_zero_crossings(image: Image) -> Points:
    """Return the pixels of `imgconv.zero_crossings`."""
    return pixels_of(imgconv.zero_crossings(image, SIGMA, CROSSING * (LIGHT - DARK)))


def by_scikit_image(image: Image) -> Points:
    """Return the pixels of scikit-image's Canny."""
    canny = import_module("skimage.feature").canny
    return pixels_of(canny(image, SIGMA, *THRESHOLDS))


def by_opencv(image: Image) -> Points:
    """Return the pixels of OpenCV's Canny."""
    cv2 = import_module("cv2")
    blurred = cv2.GaussianBlur(np.rint(image).clip(0, 255).astype(np.uint8), (0, 0), SIGMA)
    return pixels_of(cv2.Canny(blurred, *THRESHOLDS, L2gradient=True))


# Each detector, and the package that it needs.
DETECTORS: dict[str, tuple[str, Callable[[Image], Points]]] = {
    "imgconv.edge_points": ("imgconv", by_edge_points),
    "imgconv.canny": ("imgconv", by_imgconv),
    "imgconv.zero_crossings": ("imgconv", by_zero_crossings),
    "scikit-image canny": ("skimage", by_scikit_image),
    "OpenCV Canny, 8 bits": ("cv2", by_opencv),
}


class Score(NamedTuple):
    """What a detector makes of scenes of a kind.

    Attributes
    ----------
    detector, scene : str
    blur, noise : float
        In pixels; as a part of the contrast.
    off : float
        Mean distance of found edges from true ones, in pixels; NaN if none was found.
    missed : float
        Part of the true edges without a found one near.
    false : float
        False edge points for each hundred pixels of true edge.
    """

    detector: str
    scene: str
    blur: float
    noise: float
    off: float
    missed: float
    false: float


def scored(found: Points, truth: Points) -> tuple[float, float, float, float]:
    """Return the sum of distances of found edges, their number, false points, and missed truth."""
    found = inner(found)
    if not len(found):
        return 0.0, 0, 0, len(truth)
    distance, _ = cKDTree(truth).query(found)
    near = distance <= NEAR
    back, _ = cKDTree(found).query(truth)
    return (
        float(distance[near].sum()),
        int(np.count_nonzero(near)),
        int(np.count_nonzero(~near)),
        int(np.count_nonzero(back > NEAR)),
    )


def measure(blurs: Sequence[float] = BLURS, noises: Sequence[float] = NOISES) -> Iterator[Score]:
    """Yield the scores of all detectors that are installed, for each kind of scene."""
    detectors = {
        name: function for name, (package, function) in DETECTORS.items() if is_there(package)
    }
    for blur in blurs:
        kinds: dict[str, list[Scene]] = {}
        for scene in scenes(blur):
            kinds.setdefault(scene.name, []).append(scene)
        for noise in noises:
            for kind, drawings in kinds.items():
                images = [noisy(scene.image, noise, k) for k, scene in enumerate(drawings)]
                for name, function in detectors.items():
                    pairs = zip(images, drawings, strict=True)
                    sums = np.sum(
                        [scored(function(image), scene.truth) for image, scene in pairs], axis=0
                    )
                    total = sum(len(scene.truth) for scene in drawings)
                    # Truth has about so many points for each pixel of its length.
                    length = total / (SAMPLES * DENSITY)
                    off = sums[0] / sums[1] if sums[1] else np.nan
                    yield Score(
                        name, kind, blur, noise, off, sums[3] / total, 100 * sums[2] / length
                    )


# Points of a drawn edge for each sample of its length, in the mean of all directions.
DENSITY = 2 * np.sqrt(2) / np.pi


def is_there(package: str) -> bool:
    """Whether a package is installed."""
    try:
        import_module(package)
    except ImportError:
        return False
    return True


def noisy(image: Image, noise: float, seed: int) -> Image:
    """Return an image with noise, the same in every run."""
    values = np.random.default_rng(seed).normal(size=image.shape)
    found: Image = (image + noise * (LIGHT - DARK) * values).astype(np.float32)
    return found


# ---- directions ----------------------------------------------------------------------------------

GRADIENTS: dict[str, Callable[[Image], tuple[Image, Image]]] = {
    "sobel": lambda image: imgconv.gradient(image, "sobel"),
    "scharr": lambda image: imgconv.gradient(image, "scharr"),
    "farid": lambda image: imgconv.gradient(image, "farid"),
    "derivative of a Gaussian, sigma 1": lambda image: (
        imgconv.gaussian(image, 1, order=(1, 0)),
        imgconv.gaussian(image, 1, order=(0, 1)),
    ),
}
PERIODS = (4.0, 6.0, 8.0, 16.0)


class Direction(NamedTuple):
    """How far the direction of a gradient is off, in degrees, on plane waves of a period."""

    gradient: str
    period: float
    mean: float
    largest: float


def directions() -> Iterator[Direction]:
    """Yield the errors of the angle of each gradient, over all directions of a wave."""
    y, x = np.mgrid[:64, :64]
    for name, gradient in GRADIENTS.items():
        for period in PERIODS:
            errors = []
            for angle in np.radians(np.arange(0, 90, 2.5)):
                way = 2 * np.pi / period * (y * np.sin(angle) + x * np.cos(angle))
                gy, gx = gradient(np.sin(way))
                inside = np.s_[16:-16, 16:-16]
                # Of a wave, all gradients are parallel: the mean direction, weighted by length.
                double = 2 * np.arctan2(gy, gx)[inside]
                weight = (gy**2 + gx**2)[inside]
                found = np.arctan2((weight * np.sin(double)).sum(), (weight * np.cos(double)).sum())
                off = found / 2 - angle
                errors.append(abs((off + np.pi / 2) % np.pi - np.pi / 2))
            degrees = np.degrees(errors)
            yield Direction(name, period, float(degrees.mean()), float(degrees.max()))
