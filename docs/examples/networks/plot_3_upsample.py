"""
Make a picture larger
=====================

Interpolation as in networks: by the nearest pixel, by two, or by four in each direction.
"""

import matplotlib.pyplot as plt
import numpy as np
from skimage import data

from imgconv import nn

small = data.camera()[None, None, 90:140, 200:260].astype(np.float32)
nearest = nn.interpolate(small, scale_factor=8, mode="nearest")[0, 0]
bilinear = nn.interpolate(small, scale_factor=8, mode="bilinear")[0, 0]
bicubic = nn.interpolate(small, scale_factor=8, mode="bicubic")[0, 0]

pictures = {
    "nearest": nearest,
    "bilinear": bilinear,
    "bicubic": bicubic,
}
plt.figure(figsize=(9, 2.8), layout="constrained")
for place, (title, picture) in enumerate(pictures.items(), 1):
    plt.subplot(1, 3, place, title=title)
    plt.imshow(picture, "gray")
    plt.axis("off")
