"""
Which filter for which noise?
=============================

Error of four filters (root mean square, in grey levels) for grain and for wrong pixels. Lower
is better.
"""

import matplotlib.pyplot as plt
import numpy as np
from skimage import data

import imgconv

rng = np.random.default_rng(1)
true = data.camera()[60:300, 130:430]
grain = np.clip(true + rng.normal(0, 20, true.shape), 0, 255).astype(np.uint8)
wrong = np.where(rng.random(true.shape) < 0.05, 255, true).astype(np.uint8)

filters = {
    "none": lambda image: image,
    "gaussian": lambda image: imgconv.gaussian(image, 1.0),
    "median": lambda image: imgconv.median(image, 3),
    "bilateral": lambda image: imgconv.bilateral(image, sigma_color=60, sigma_spatial=2),
}


def error(image):
    return np.sqrt(np.mean((image.astype(float) - true) ** 2))


plt.figure(figsize=(8, 3), layout="constrained")
for place, (title, image) in enumerate({"grain": grain, "wrong pixels": wrong}.items(), 1):
    plt.subplot(1, 2, place, title=title)
    plt.barh(list(filters), [error(f(image)) for f in filters.values()])
