"""
Smooth inside a mask only
=========================

``weights`` say which pixels count. So the background does not leak into the object.
"""

import matplotlib.pyplot as plt
import numpy as np
from skimage import data

import imgconv

coins = data.coins()
mask = imgconv.opening(imgconv.closing(imgconv.binarize(coins), 7), 7)
leaks = np.where(mask, imgconv.gaussian(coins, 5.0), 0)
inside = np.where(mask, imgconv.gaussian(coins, 5.0, weights=mask), 0)

pictures = {
    "mask": mask,
    "without weights": leaks,
    "with weights": inside,
}
plt.figure(figsize=(9, 2.6), layout="constrained")
for place, (title, picture) in enumerate(pictures.items(), 1):
    plt.subplot(1, 3, place, title=title)
    plt.imshow(picture, "gray")
    plt.axis("off")
