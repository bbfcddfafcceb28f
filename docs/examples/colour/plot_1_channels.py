"""
Colour: each channel by itself
==============================

``channel_axis`` names the axis of the colours. Each channel is filtered by itself; only
bilateral filters look at all of them together.
"""

import matplotlib.pyplot as plt
from skimage import data

import imgconv

photo = data.coffee()
posterized = imgconv.median(photo, 15, channel_axis=-1)

pictures = {"photo": photo, "median of 15x15": posterized}
plt.figure(figsize=(9, 3.2), layout="constrained")
for place, (title, picture) in enumerate(pictures.items(), 1):
    plt.subplot(1, 2, place, title=title)
    plt.imshow(picture, "gray")
    plt.axis("off")
