"""
A kernel in two parts
=====================

A kernel that is a column times a row costs much less as two passes. `imgconv.kernels.separate`
finds the parts, and `imgconv.explain` tells what a call would do.
"""

import matplotlib.pyplot as plt
import numpy as np
from skimage import data

import imgconv

image = data.camera()
kernel = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]) / 256
columns, rows = imgconv.kernels.separate(kernel)

whole = imgconv.correlate(image, kernel)
parts = imgconv.separable(image, columns[0], rows[0])
print(imgconv.explain(imgconv.correlate, image, kernel))

pictures = {
    "kernel": kernel,
    "result": whole,
    "largest difference 0": np.round(whole - parts),
}
plt.figure(figsize=(9, 3.2), layout="constrained")
for place, (title, picture) in enumerate(pictures.items(), 1):
    plt.subplot(1, 3, place, title=title)
    plt.imshow(picture, "gray")
    plt.axis("off")
