"""
See into the shadows: CLAHE
===========================

Contrast-limited adaptive histogram equalization uses the full range of grey in each tile, and
limits how much noise it may lift.
"""

import matplotlib.pyplot as plt
from skimage import data

import imgconv

moon = data.moon()
whole = imgconv.equalize(moon)
local = imgconv.clahe(moon, (64, 64), 4)

pictures = {"moon": moon, "equalize": whole, "clahe": local}
plt.figure(figsize=(9, 3.3), layout="constrained")
for place, (title, picture) in enumerate(pictures.items(), 1):
    plt.subplot(1, 3, place, title=title)
    plt.imshow(picture, "gray")
    plt.axis("off")
