"""
Divide by the light
===================

Light that falls off to the side multiplies the picture. Estimate it by a very wide Gaussian,
and divide.
"""

import matplotlib.pyplot as plt
import numpy as np
from skimage import data

import imgconv

page = data.page().astype(np.float32)
light = imgconv.gaussian(page, 30.0)
flat = page / light

pictures = {"page": page, "light": light, "page / light": flat}
plt.figure(figsize=(9, 1.9), layout="constrained")
for place, (title, picture) in enumerate(pictures.items(), 1):
    plt.subplot(1, 3, place, title=title)
    plt.imshow(picture, "gray")
    plt.axis("off")
