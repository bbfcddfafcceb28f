"""
Two thresholds: hysteresis
==========================

One threshold leaves either gaps or noise. Hysteresis takes the pixels above the low one that
are connected to a pixel above the high one.
"""

import matplotlib.pyplot as plt
from skimage import data

import imgconv

slopes = imgconv.sobel(imgconv.gaussian(data.coins(), 1.0))
low, high = 6, 16
both = imgconv.hysteresis(slopes, low, high)

pictures = {
    "above the low one": slopes > low,
    "above the high one": slopes > high,
    "hysteresis": both,
}
plt.figure(figsize=(9, 2.6), layout="constrained")
for place, (title, picture) in enumerate(pictures.items(), 1):
    plt.subplot(1, 3, place, title=title)
    plt.imshow(picture, "gray")
    plt.axis("off")
