"""
Stripes: Gabor filters
======================

A Gabor filter answers to stripes of one frequency and one direction. Four of them separate the
sides of a texture.
"""

import matplotlib.pyplot as plt
import numpy as np
from skimage import data

import imgconv

image = data.brick()[:200, :260]
angles = np.deg2rad([0, 45, 90, 135])
strengths = [np.hypot(*imgconv.gabor(image, 0.1, theta=angle)) for angle in angles]
pictures = dict(zip(("0°", "45°", "90°", "135°"), strengths, strict=True))

plt.figure(figsize=(8, 6), layout="constrained")
for place, (title, picture) in enumerate(pictures.items(), 1):
    plt.subplot(2, 2, place, title=title)
    plt.imshow(picture, "gray")
    plt.axis("off")
