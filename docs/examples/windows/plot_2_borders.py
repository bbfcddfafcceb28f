"""
What is outside the image?
==========================

Every filter must invent pixels beyond the border. Here the picture is extended by each of the
five modes.
"""

import matplotlib.pyplot as plt
import numpy as np
from skimage import data

import imgconv

image = data.camera()[90:170, 190:290]
kernel = np.eye(1, 81, 40)
modes = ("reflect", "mirror", "nearest", "wrap", "constant")
pictures = {"image": image}
for mode in modes:
    wide = imgconv.correlate(image, kernel, shape="full", mode=mode)
    pictures[mode] = imgconv.correlate(wide, kernel.T, shape="full", mode=mode)

plt.figure(figsize=(9, 5.2), layout="constrained")
for place, (title, picture) in enumerate(pictures.items(), 1):
    plt.subplot(2, 3, place, title=title)
    plt.imshow(picture, "gray")
    plt.axis("off")
