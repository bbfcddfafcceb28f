"""
Sharpen a photo
===============

Unsharp masking adds what a Gaussian takes away: `radius` is the size of the detail, and
`amount` how much of it.
"""

import matplotlib.pyplot as plt
from skimage import data

import imgconv

photo = data.coffee()[120:320, 150:450]
fine = imgconv.unsharp_mask(photo, 1.0, 1.5, channel_axis=-1)
strong = imgconv.unsharp_mask(photo, 5.0, 1.5, channel_axis=-1)

pictures = {"photo": photo, "radius 1": fine, "radius 5": strong}
plt.figure(figsize=(9, 2.4), layout="constrained")
for place, (title, picture) in enumerate(pictures.items(), 1):
    plt.subplot(1, 3, place, title=title)
    plt.imshow(picture, "gray")
    plt.axis("off")
