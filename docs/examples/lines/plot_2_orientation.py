"""
Which way does the texture run?
===============================

The structure tensor knows the main direction around each pixel, and how clear it is.
"""

import matplotlib.pyplot as plt
from skimage import data

import imgconv

image = data.brick()[:256, :256]
angle = imgconv.structure_tensor(image, 4.0, of="orientation")
clear = imgconv.structure_tensor(image, 4.0, of="coherence")

pictures = {"bricks": image, "direction": angle, "coherence": clear}
plt.figure(figsize=(9, 3.2), layout="constrained")
for place, (title, picture) in enumerate(pictures.items(), 1):
    plt.subplot(1, 3, place, title=title)
    plt.imshow(picture, "gray")
    plt.axis("off")
