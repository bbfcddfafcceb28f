"""
Learn a kernel from examples
============================

Give a layer pictures and the results you want: it finds the kernel. Here it learns Sobel's,
from its results.
"""

import matplotlib.pyplot as plt
import numpy as np
from skimage import data

import imgconv
from imgconv import nn

image = data.camera()[:128, :128].astype(np.float32) / 255
wanted = imgconv.correlate(image, imgconv.kernels.sobel(1), shape="valid")

fit = nn.fit_kernel(image, wanted, (3, 3))
learned = np.asarray(fit.kernel)

pictures = {
    "Sobel": imgconv.kernels.sobel(1),
    "learned": learned,
    "its result": imgconv.correlate(image, learned),
}
plt.figure(figsize=(9, 3.2), layout="constrained")
for place, (title, picture) in enumerate(pictures.items(), 1):
    plt.subplot(1, 3, place, title=title)
    plt.imshow(picture, "gray")
    plt.axis("off")
