"""
Three kinds of pixels
=====================

`imgconv.multi_otsu` finds several thresholds; `numpy.digitize` turns them into classes.
"""

import matplotlib.pyplot as plt
import numpy as np
from skimage import data

import imgconv

cell = data.cell()
thresholds = imgconv.multi_otsu(cell, 3)
classes = np.digitize(cell, thresholds)

pictures = {"cell": cell, "three classes": classes}
plt.figure(figsize=(7, 4.4), layout="constrained")
for place, (title, picture) in enumerate(pictures.items(), 1):
    plt.subplot(1, 2, place, title=title)
    plt.imshow(picture, "gray")
    plt.axis("off")
