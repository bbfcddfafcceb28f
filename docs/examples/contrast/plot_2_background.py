"""
Subtract the background
=======================

A ball that rolls below the surface of the image gives the background; what is brighter remains.
"""

import matplotlib.pyplot as plt
from skimage import data

import imgconv

coins = data.coins()
background = imgconv.rolling_ball(coins, 40)
flat = coins - background

pictures = {
    "coins": coins,
    "background": background,
    "without it": flat,
}
plt.figure(figsize=(9, 2.6), layout="constrained")
for place, (title, picture) in enumerate(pictures.items(), 1):
    plt.subplot(1, 3, place, title=title)
    plt.imshow(picture, "gray")
    plt.axis("off")
