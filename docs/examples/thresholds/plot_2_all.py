"""
Seven ways to choose a threshold
================================

The right one depends on the histogram: two equal hills (otsu, isodata), few bright pixels
(triangle, li), or a deep valley (minimum).
"""

import matplotlib.pyplot as plt
from skimage import data

import imgconv

coins = data.coins()
methods = ("otsu", "li", "yen", "isodata", "triangle", "mean")
pictures = {name: imgconv.binarize(coins, name) for name in methods}

plt.figure(figsize=(9, 4.4), layout="constrained")
for place, (title, picture) in enumerate(pictures.items(), 1):
    plt.subplot(2, 3, place, title=title)
    plt.imshow(picture, "gray")
    plt.axis("off")
