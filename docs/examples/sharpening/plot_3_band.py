"""
Detail between two scales
=========================

The difference of two Gaussians keeps details that are larger than the first sigma and smaller
than the second.
"""

import matplotlib.pyplot as plt
from skimage import data

import imgconv

moon = data.moon()
small = imgconv.difference_of_gaussians(moon, 1, 3)
large = imgconv.difference_of_gaussians(moon, 6, 20)

pictures = {
    "moon": moon,
    "1 to 3 pixels": small,
    "6 to 20 pixels": large,
}
plt.figure(figsize=(9, 3.3), layout="constrained")
for place, (title, picture) in enumerate(pictures.items(), 1):
    plt.subplot(1, 3, place, title=title)
    plt.imshow(picture, "gray")
    plt.axis("off")
