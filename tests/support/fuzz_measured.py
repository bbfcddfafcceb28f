"""Random calls of thresholds, contrast and local statistics, compared with other libraries.

What is measured of an image must not depend on its layout or on the number of threads.
"""

from typing import Any

import numpy as np
import oracle
from skimage import exposure, filters, restoration

import imgconv

try:
    import cv2
except ImportError:
    cv2 = None

INTEGERS = ("uint8", "int8", "uint16", "int16")
FLOATS = ("float32", "float64")
MODES = ("reflect", "mirror", "nearest", "wrap", "constant")
Draw = np.random.Generator


def pixels_of(rng: Draw, dtype: str, smallest: int = 1) -> Any:
    """Return an image in some layout: two groups of values, or few values, or noise."""
    shape = int(rng.integers(smallest, 70)), int(rng.integers(smallest, 90))
    groups = np.where(rng.random(shape) < 0.6, 0.25, 0.7) + rng.normal(0, 0.05, shape)
    values = (groups, rng.integers(0, 4, shape) / 4, rng.random(shape))[rng.integers(3)]
    kind = np.dtype(dtype)
    if kind.kind != "f":
        info = np.iinfo(kind)
        span = min(float(info.max) - info.min, rng.choice([200.0, 3000.0]))
        values = np.clip(values, 0, 1) * span + (info.min if rng.random() < 0.5 else 0)
        values = np.clip(values, info.min, info.max)
    image = values.astype(dtype)
    layouts = (image, image[::-1], np.asfortranarray(image), image.astype(kind.newbyteorder(">")))
    return layouts[rng.integers(len(layouts))]


def plain(image: Any) -> Any:
    """Return a copy without strides or byte order of its own."""
    return np.ascontiguousarray(image, image.dtype.newbyteorder("="))


def check_value(rng: Draw, dtype: str) -> None:
    """Check a threshold of an image, and the comparison with it."""
    image = pixels_of(rng, dtype)
    method = str(rng.choice(["otsu", "li", "yen", "isodata", "triangle", "minimum", "mean"]))
    if method == "minimum" or plain(image).min() == plain(image).max():
        method = "otsu"
    found = imgconv.threshold_value(image, method)
    if method in {"otsu", "mean", "triangle"}:
        expected = float(getattr(filters, f"threshold_{method}")(plain(image).astype(image.dtype)))
        assert np.isclose(found, expected, rtol=1e-5, atol=1e-6)
    assert found == imgconv.threshold_value(plain(image), method) or method in {"li", "mean"}
    np.testing.assert_array_equal(
        imgconv.binarize(image, method), plain(image) > imgconv.threshold_value(image, method)
    )


def check_local(rng: Draw, dtype: str) -> None:
    """Check thresholds of windows, and the comparison with them."""
    image = plain(pixels_of(rng, dtype, 8))
    height, width = (2 * int(rng.integers(0, 4)) + 1 for _ in range(2))
    method = str(rng.choice(["sauvola", "niblack", "mean", "median", "gaussian"]))
    found = imgconv.threshold_image(image, method, (height, width), dtype=np.float64)
    wide = image.astype(np.float64)
    if method in {"sauvola", "niblack"}:
        low, high = (np.iinfo(dtype).min, np.iinfo(dtype).max) if wide is image else (0, 2)
        options = {"r": (high - low) / 2} if method == "sauvola" else {}
        again = imgconv.threshold_image(wide, method, (height, width), **options)
        original = getattr(filters, f"threshold_{method}")
        expected = original(wide, (height, width), **options)
        # scikit-image's sums of squares lose half of the digits.
        scale = np.abs(wide).max() + 1e-9
        np.testing.assert_allclose(again, expected, atol=1e-5 * scale + 1e-6 * scale**2)
    else:
        expected = filters.threshold_local(wide, (height, width), method)
        scale = np.abs(wide).max() + 1e-9
        np.testing.assert_allclose(found, expected, rtol=0, atol=2e-6 * scale)
    above = imgconv.binarize(image, method, (height, width))
    limit = imgconv.threshold_image(image, method, (height, width), dtype=np.float64)
    near = np.abs(wide - limit) <= 1e-5 * (np.abs(wide).max() + 1e-9)
    assert ((above == (wide > limit)) | near).all()


def check_equalized(image: Any) -> None:
    """Check bytes against OpenCV, and by the definition where OpenCV's float32 meets a half."""
    found, pixels = imgconv.equalize(image), plain(image)
    values, counts = np.unique(pixels, return_counts=True)
    above = counts.cumsum() - counts[0]
    total = max(above[-1], 1)
    half = np.isin(pixels, values[2 * 255 * above % (2 * total) == total])
    np.testing.assert_array_equal(found[~half], cv2.equalizeHist(pixels)[~half])
    even = np.rint(255 * above / total)[np.searchsorted(values, pixels)]
    np.testing.assert_array_equal(found[half], even[half])


def check_contrast(rng: Draw, dtype: str) -> None:
    """Check equalisation of an image and of its tiles, and a background."""
    # Without OpenCV, what has another original.
    chance = rng.random() if cv2 else rng.choice([0.3, 0.7])
    if chance < 0.3:
        check_equalized(pixels_of(rng, "uint8"))
    elif chance < 0.4:
        image = pixels_of(rng, str(rng.choice(FLOATS)), 2)
        low, high = float(plain(image).min()), float(plain(image).max())
        expected = low + (high - low) * exposure.equalize_hist(plain(image))
        np.testing.assert_allclose(imgconv.equalize(image), expected, rtol=1e-5, atol=1e-5)
    elif chance < 0.7:
        across, down = int(rng.integers(1, 5)), int(rng.integers(1, 5))
        height, width = int(rng.integers(2, 20)), int(rng.integers(2, 20))
        kind = str(rng.choice(["uint8", "uint16"]))
        image = rng.integers(0, 250, (down * height, across * width)).astype(kind)
        limit = float(rng.choice([0.0, 1.0, 2.0, 10.0, 100.0]))
        expected = cv2.createCLAHE(limit, (across, down)).apply(image)
        found = imgconv.clahe(image, (height, width), limit)
        assert np.abs(found.astype(int) - expected).max() <= 1
    else:
        kind = str(rng.choice(["uint8", "float32", "float64"]))
        image = plain(pixels_of(rng, kind, 4))
        radius = float(rng.choice([1, 2.5, 4, 9]))
        expected = restoration.rolling_ball(image.astype(np.float64), radius=radius)
        found = imgconv.rolling_ball(image, radius, dtype=np.float64)
        np.testing.assert_allclose(found, expected, atol=1e-5)


def check_statistic(rng: Draw, dtype: str) -> None:
    """Check statistics of windows of any form."""
    image = pixels_of(rng, dtype)
    size = int(rng.integers(1, 12)), int(rng.integers(1, 40 if rng.random() < 0.1 else 9))
    footprint = rng.random(size) < rng.choice([0.4, 1.0])
    footprint[0, 0] = True
    how = {"mode": str(rng.choice(MODES)), "cval": float(rng.integers(0, 9))}
    name = str(rng.choice(["variance", "std", "box", "entropy"]))
    if name == "entropy":
        image = (plain(image).astype(np.float64) % 7).astype(str(rng.choice(["uint8", "int8"])))
    found = getattr(imgconv, name)(image, footprint=footprint, **how)
    reference = {"box": oracle.mean}.get(name) or getattr(oracle, name)
    exact = reference(plain(image), footprint, **how)
    scale = max(np.abs(plain(image).astype(float)).max(), how["cval"], 1e-9)
    if name == "std":
        found, exact, scale = found.astype(float) ** 2, exact**2, scale**2
    if name == "variance":
        scale = scale**2
    slack = 0.5 if name == "box" and found.dtype.kind in "iu" else 0
    assert np.abs(found.astype(float) - exact).max() <= slack + 3e-6 * max(scale, 1)


CHECKS = (check_value, check_local, check_contrast, check_statistic)


def measured(seed: int, number: int, threads: int = 1) -> None:
    """Check a draw."""
    rng = np.random.default_rng((seed, number))
    check = CHECKS[int(rng.integers(len(CHECKS)))]
    with imgconv.threads(threads):
        check(rng, str(rng.choice([*INTEGERS, *FLOATS])))
