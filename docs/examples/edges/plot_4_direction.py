"""
The direction of edges as a colour
==================================

The gradient has a magnitude and a direction. Here the direction is a hue, and the magnitude the
brightness.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import hsv_to_rgb
from skimage import data

import imgconv

coins = data.coins()[:200]
magnitude, angle = imgconv.gradient(imgconv.gaussian(coins, 1.5), polar=True)

hue = (angle / (2 * np.pi)) % 1
brightness = np.clip(magnitude / np.percentile(magnitude, 99), 0, 1)
colours = hsv_to_rgb(np.stack([hue, np.ones_like(hue), brightness], axis=-1))

pictures = {"coins": coins, "direction": colours}
plt.figure(figsize=(9, 2.6), layout="constrained")
for place, (title, picture) in enumerate(pictures.items(), 1):
    plt.subplot(1, 2, place, title=title)
    plt.imshow(picture, "gray")
    plt.axis("off")
