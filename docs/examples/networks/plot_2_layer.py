"""
A convolution layer
===================

The first layer of a network: many kernels, one picture for each. Here three known kernels, and
what is left after relu and pooling.
"""

import matplotlib.pyplot as plt
import numpy as np
from skimage import data

from imgconv import kernels, nn

image = data.camera()[None].astype(np.float32) / 255
weight = np.stack([kernels.sobel(0), kernels.sobel(1), kernels.laplacian()])
maps = nn.conv2d(image, weight[:, None].astype(np.float32), padding=1)
maps = nn.max_pool2d(nn.relu(maps), 4)

pictures = {"rows": maps[0], "columns": maps[1], "Laplacian": maps[2]}
plt.figure(figsize=(9, 3.3), layout="constrained")
for place, (title, picture) in enumerate(pictures.items(), 1):
    plt.subplot(1, 3, place, title=title)
    plt.imshow(picture, "gray")
    plt.axis("off")
