"""
Denoise with the help of a second picture
=========================================

A dark picture with noise, and a sharp one of the same scene: `imgconv.joint_bilateral` takes
the colours from the first, and the edges from the second.
"""

import matplotlib.pyplot as plt
import numpy as np
from skimage import data

import imgconv

rng = np.random.default_rng(1)
sharp = data.coffee()[120:320, 150:450]
dark = np.clip(sharp * 0.5 + rng.normal(0, 25, sharp.shape), 0, 255).astype(np.uint8)

clean = imgconv.joint_bilateral(dark, sharp, sigma_color=25, sigma_spatial=5, channel_axis=-1)

pictures = {
    "dark, with noise": dark,
    "the second picture": sharp,
    "result": clean,
}
plt.figure(figsize=(9, 2.4), layout="constrained")
for place, (title, picture) in enumerate(pictures.items(), 1):
    plt.subplot(1, 3, place, title=title)
    plt.imshow(picture, "gray")
    plt.axis("off")
