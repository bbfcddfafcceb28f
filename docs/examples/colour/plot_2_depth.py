"""
16 bits stay 16 bits
====================

Smoothing keeps the dtype, and rounds. What may be negative is a float.
"""

import matplotlib.pyplot as plt
import numpy as np
from skimage import data

import imgconv

eye = (data.retina()[300:700, 300:800, 1].astype(np.uint16) * 257).astype(np.uint16)
smooth = imgconv.gaussian(eye, 3.0)
detail = imgconv.gaussian_laplace(eye, 3.0)
print(eye.dtype, smooth.dtype, detail.dtype)

pictures = {"uint16": eye, "uint16 smooth": smooth, "float32": detail}
plt.figure(figsize=(9, 2.5), layout="constrained")
for place, (title, picture) in enumerate(pictures.items(), 1):
    plt.subplot(1, 3, place, title=title)
    plt.imshow(picture, "gray")
    plt.axis("off")
