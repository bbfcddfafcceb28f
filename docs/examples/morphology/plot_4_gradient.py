"""
Outlines by morphology
======================

Dilation minus erosion is a thick outline. It needs no derivative, so it works on masks, too.
"""

import matplotlib.pyplot as plt
from skimage import data

import imgconv

coins = data.coins()
outline = imgconv.morphological_gradient(coins, 3)
mask = imgconv.closing(imgconv.binarize(coins), 5)
rim = imgconv.morphological_gradient(mask, 3)

pictures = {"grey": outline, "of a mask": rim}
plt.figure(figsize=(9, 3.4), layout="constrained")
for place, (title, picture) in enumerate(pictures.items(), 1):
    plt.subplot(1, 2, place, title=title)
    plt.imshow(picture, "gray")
    plt.axis("off")
