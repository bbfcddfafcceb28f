"""
Local contrast normalization
============================

Subtract the local mean and divide by the local standard deviation: every part of the picture
gets the same contrast. Networks and textures like such an input.
"""

import matplotlib.pyplot as plt
import numpy as np
from skimage import data

import imgconv

image = data.camera().astype(np.float32)
mean, deviation = imgconv.box(image, 31), imgconv.std(image, 31)
normal = (image - mean) / (deviation + 5)

pictures = {
    "image": image,
    "local deviation": deviation,
    "normalized": normal,
}
plt.figure(figsize=(9, 3.3), layout="constrained")
for place, (title, picture) in enumerate(pictures.items(), 1):
    plt.subplot(1, 3, place, title=title)
    plt.imshow(picture, "gray")
    plt.axis("off")
