"""
Branches: two steps on one image
================================

A comma runs both steps on the same image, and a minus takes their difference.
"""

import matplotlib.pyplot as plt
from skimage import data

from imgconv import Pipeline

image = data.moon()
band = Pipeline("gaussian(sigma=1) - gaussian(sigma=8)")
slope = Pipeline("gaussian(sigma=2) | sobel(axis=0), sobel(axis=1) | magnitude")
pictures = {"image": image, "difference": band(image), "magnitude": slope(image)}

plt.figure(figsize=(9, 3.3), layout="constrained")
for place, (title, picture) in enumerate(pictures.items(), 1):
    plt.subplot(1, 3, place, title=title)
    plt.imshow(picture, "gray")
    plt.axis("off")
