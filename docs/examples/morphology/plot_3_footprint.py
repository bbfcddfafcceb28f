"""
A footprint of your own
=======================

A disk treats all directions alike; a line keeps what has its direction.
"""

import matplotlib.pyplot as plt
from skimage import data

import imgconv

text = data.text()
disk = imgconv.kernels.disk(3) > 0
round_brush = imgconv.minimum(text, footprint=disk)
flat_brush = imgconv.minimum(text, (1, 15))

pictures = {"text": text, "disk": round_brush, "line": flat_brush}
plt.figure(figsize=(9, 2.2), layout="constrained")
for place, (title, picture) in enumerate(pictures.items(), 1):
    plt.subplot(1, 3, place, title=title)
    plt.imshow(picture, "gray")
    plt.axis("off")
