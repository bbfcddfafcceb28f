"""
Zero crossings of the Laplacian
===============================

Marr and Hildreth found edges where the Laplacian of the smoothed image changes its sign. The
lines are closed, and there are some where the slope is small.
"""

import matplotlib.pyplot as plt
from skimage import data

import imgconv

image = data.camera()[60:300, 130:430]
response = imgconv.gaussian_laplace(image, 3)
lines = imgconv.zero_crossings(image, 3)

pictures = {
    "image": image,
    "Laplacian of Gaussian": response,
    "its zeros": lines,
}
plt.figure(figsize=(9, 2.8), layout="constrained")
for place, (title, picture) in enumerate(pictures.items(), 1):
    plt.subplot(1, 3, place, title=title)
    plt.imshow(picture, "gray")
    plt.axis("off")
