"""
Pooling: one number for each window
===================================

Pooling makes images smaller: by the largest, the mean or the middle pixel of each window.
"""

import matplotlib.pyplot as plt
from skimage import data

import imgconv

photo = data.chelsea()
largest = imgconv.pool(photo, 10, how="max", channel_axis=-1)
mean = imgconv.pool(photo, 10, how="mean", channel_axis=-1)

pictures = {"photo": photo, "max": largest, "mean": mean}
plt.figure(figsize=(9, 2.3), layout="constrained")
for place, (title, picture) in enumerate(pictures.items(), 1):
    plt.subplot(1, 3, place, title=title)
    plt.imshow(picture, "gray")
    plt.axis("off")
