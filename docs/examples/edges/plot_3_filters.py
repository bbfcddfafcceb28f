"""
Five edge filters compared
==========================

All five estimate the same slope. They differ in how exact the slope of a slanted edge is:
Scharr's and Farid's magnitude hardly depends on the direction.
"""

import matplotlib.pyplot as plt
from skimage import data

import imgconv

image = data.camera()[80:230, 150:350]
pictures = {
    "image": image,
    "roberts": imgconv.roberts(image),
    "prewitt": imgconv.prewitt(image),
    "sobel": imgconv.sobel(image),
    "scharr": imgconv.scharr(image),
    "farid": imgconv.farid(image),
}

plt.figure(figsize=(9, 4.8), layout="constrained")
for place, (title, picture) in enumerate(pictures.items(), 1):
    plt.subplot(2, 3, place, title=title)
    plt.imshow(picture, "gray")
    plt.axis("off")
