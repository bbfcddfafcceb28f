"""
A kernel of your own
====================

Correlation puts the kernel on every pixel and adds up. This kernel makes a relief.
"""

import matplotlib.pyplot as plt
import numpy as np
from skimage import data

import imgconv

image = data.camera()[60:300, 130:430]
kernel = [[-2, -1, 0], [-1, 1, 1], [0, 1, 2]]
relief = imgconv.correlate(image, kernel, dtype=np.uint8)

pictures = {"image": image, "relief": relief}
plt.figure(figsize=(9, 3.2), layout="constrained")
for place, (title, picture) in enumerate(pictures.items(), 1):
    plt.subplot(1, 2, place, title=title)
    plt.imshow(picture, "gray")
    plt.axis("off")
