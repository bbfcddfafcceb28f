"""
A stack of images at once
=========================

``axes`` names y and x; all other axes are a stack.
"""

import matplotlib.pyplot as plt
import numpy as np
from skimage import data

import imgconv

eye = data.retina()[300:700, 300:800, 1]
rng = np.random.default_rng(1)
stack = np.stack([eye + rng.normal(0, 25, eye.shape) for _ in range(8)]).astype(np.float32)

smooth = imgconv.gaussian(stack, 1.5, axes=(1, 2))
print(stack.shape, smooth.shape)

pictures = {
    "one of eight": stack[0],
    "smoothed": smooth[0],
    "mean of the smoothed": smooth.mean(axis=0),
}
plt.figure(figsize=(9, 2.5), layout="constrained")
for place, (title, picture) in enumerate(pictures.items(), 1):
    plt.subplot(1, 3, place, title=title)
    plt.imshow(picture, "gray")
    plt.axis("off")
