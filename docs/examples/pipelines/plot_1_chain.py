"""
A chain of filters
==================

A pipeline is a text. It runs band by band, so no picture between two steps is stored.
"""

import matplotlib.pyplot as plt
from skimage import data

from imgconv import Pipeline

coins = data.coins()
find = Pipeline("gaussian(sigma=1.5) | threshold(otsu) | closing(size=7) | opening(size=7)")
mask = find(coins)

pictures = {"coins": coins, "mask": mask}
plt.figure(figsize=(9, 3.2), layout="constrained")
for place, (title, picture) in enumerate(pictures.items(), 1):
    plt.subplot(1, 2, place, title=title)
    plt.imshow(picture, "gray")
    plt.axis("off")
