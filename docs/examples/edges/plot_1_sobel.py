"""
The edges of a photo
====================

Sobel's filter is large where the brightness changes. It takes a grey picture: here, the green
channel of a photo.
"""

import matplotlib.pyplot as plt
from skimage import data

import imgconv

photo = data.coffee()
edges = imgconv.sobel(photo[..., 1])

pictures = {"photo": photo, "edges": edges}
plt.figure(figsize=(9, 3.2), layout="constrained")
for place, (title, picture) in enumerate(pictures.items(), 1):
    plt.subplot(1, 2, place, title=title)
    plt.imshow(picture, "gray")
    plt.axis("off")
