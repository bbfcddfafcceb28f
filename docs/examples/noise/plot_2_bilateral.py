"""
Smooth skin, sharp eyes: the bilateral filter
=============================================

The bilateral filter averages only pixels of similar colour. So it smooths noise and keeps
edges.
"""

import matplotlib.pyplot as plt
import numpy as np
from skimage import data

import imgconv

rng = np.random.default_rng(1)
cat = data.chelsea()[20:260, 80:380]
noisy = np.clip(cat + rng.normal(0, 20, cat.shape), 0, 255).astype(np.uint8)

clean = imgconv.bilateral(noisy, sigma_color=60, sigma_spatial=3, channel_axis=-1)

pictures = {"noisy": noisy, "bilateral": clean}
plt.figure(figsize=(9, 3.2), layout="constrained")
for place, (title, picture) in enumerate(pictures.items(), 1):
    plt.subplot(1, 2, place, title=title)
    plt.imshow(picture, "gray")
    plt.axis("off")
