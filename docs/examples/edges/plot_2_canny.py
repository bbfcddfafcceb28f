"""
Canny: edges one pixel wide
===========================

Canny's detector smooths, takes the gradient, keeps its ridges and follows them as long as they
are strong enough. A larger sigma finds fewer and larger outlines.
"""

import matplotlib.pyplot as plt
from skimage import data

import imgconv

coins = data.coins()
fine = imgconv.canny(coins, 1)
coarse = imgconv.canny(coins, 3)

pictures = {"coins": coins, "sigma 1": fine, "sigma 3": coarse}
plt.figure(figsize=(9, 2.6), layout="constrained")
for place, (title, picture) in enumerate(pictures.items(), 1):
    plt.subplot(1, 3, place, title=title)
    plt.imshow(picture, "gray")
    plt.axis("off")
