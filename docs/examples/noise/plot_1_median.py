"""
Salt and pepper: the median
===========================

Pixels that are black or white by error disappear in the median of a small window, and edges
stay. A Gaussian would only spread them.
"""

import matplotlib.pyplot as plt
import numpy as np
from skimage import data

import imgconv

rng = np.random.default_rng(1)
photo = data.camera()[60:300, 130:430].copy()
wrong = rng.random(photo.shape)
photo[wrong < 0.04], photo[wrong > 0.96] = 0, 255

clean = imgconv.median(photo, 3)
smooth = imgconv.gaussian(photo, 1.0)

pictures = {"noisy": photo, "median": clean, "gaussian": smooth}
plt.figure(figsize=(9, 2.8), layout="constrained")
for place, (title, picture) in enumerate(pictures.items(), 1):
    plt.subplot(1, 3, place, title=title)
    plt.imshow(picture, "gray")
    plt.axis("off")
