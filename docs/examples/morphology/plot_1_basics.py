"""
Grow, shrink, open, close
=========================

Erosion shrinks bright parts and dilation grows them. Opening removes small bright parts, and
closing fills small holes.
"""

import matplotlib.pyplot as plt
import numpy as np
from skimage import data

import imgconv

horse = ~data.horse()
holes = np.random.default_rng(1).random(horse.shape) < 0.02
horse = horse ^ holes
pictures = {
    "mask with errors": horse,
    "erode": imgconv.erode(horse, 3),
    "dilate": imgconv.dilate(horse, 3),
    "opening": imgconv.opening(horse, 3),
    "closing": imgconv.closing(horse, 3),
    "closing, then opening": imgconv.opening(imgconv.closing(horse, 3), 5),
}

plt.figure(figsize=(9, 5.2), layout="constrained")
for place, (title, picture) in enumerate(pictures.items(), 1):
    plt.subplot(2, 3, place, title=title)
    plt.imshow(picture, "gray")
    plt.axis("off")
