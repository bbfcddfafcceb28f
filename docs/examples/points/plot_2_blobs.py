"""
Galaxies: blobs and their sizes
===============================

A blob is a place where the Laplacian of Gaussian has a maximum over place and scale.
"""

import matplotlib.pyplot as plt
from skimage import data

import imgconv

sky = data.hubble_deep_field()[200:440, 300:600].mean(axis=-1) / 255
found = imgconv.blobs(sky, 1, 8, threshold=0.08)

plt.figure(figsize=(8, 6.4), layout="constrained")
plt.imshow(sky, "gray")
for y, x, sigma in found:
    plt.gca().add_patch(plt.Circle((x, y), 1.4 * sigma, fill=False, color="gold"))
plt.axis("off")
