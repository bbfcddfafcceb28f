"""
Where is texture?
=================

The entropy of a window counts how many different values it has, in bits: smooth parts are dark.
"""

import matplotlib.pyplot as plt
from skimage import data

import imgconv

image = data.camera()
bits = imgconv.entropy(image, 9)
spread = imgconv.std(image, 9)

pictures = {
    "image": image,
    "entropy": bits,
    "standard deviation": spread,
}
plt.figure(figsize=(9, 3.3), layout="constrained")
for place, (title, picture) in enumerate(pictures.items(), 1):
    plt.subplot(1, 3, place, title=title)
    plt.imshow(picture, "gray")
    plt.axis("off")
