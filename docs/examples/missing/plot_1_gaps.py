"""
Fill gaps by an average
=======================

With ``nan="omit"`` missing pixels do not count, and their neighbours fill them. Without it a
NaN would spoil every window that holds it.
"""

import matplotlib.pyplot as plt
import numpy as np
from skimage import data

import imgconv

rng = np.random.default_rng(1)
photo = data.camera()[60:300, 130:430].astype(np.float32)
photo[rng.random(photo.shape) < 0.6] = np.nan

filled = imgconv.gaussian(photo, 1.2, nan="omit")

pictures = {"60 % missing": photo, "filled": filled}
plt.figure(figsize=(9, 3.2), layout="constrained")
for place, (title, picture) in enumerate(pictures.items(), 1):
    plt.subplot(1, 2, place, title=title)
    plt.imshow(picture, "gray")
    plt.axis("off")
