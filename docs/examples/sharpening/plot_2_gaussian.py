"""
Smooth a photo
==============

The Gaussian is the smoothing filter to begin with. `sigma` is in pixels; a pair gives one for
each axis.
"""

import matplotlib.pyplot as plt
from skimage import data

import imgconv

photo = data.chelsea()
soft = imgconv.gaussian(photo, 4.0, channel_axis=-1)
motion = imgconv.gaussian(photo, (0, 12), channel_axis=-1)

pictures = {"photo": photo, "sigma 4": soft, "only along x": motion}
plt.figure(figsize=(9, 2.3), layout="constrained")
for place, (title, picture) in enumerate(pictures.items(), 1):
    plt.subplot(1, 3, place, title=title)
    plt.imshow(picture, "gray")
    plt.axis("off")
