"""
The guided filter
=================

Also keeps edges, at a cost that hardly depends on the radius. `eps` is the variance below which
the filter smooths: the square of the noise, and a bit more.
"""

import matplotlib.pyplot as plt
import numpy as np
from skimage import data

import imgconv

rng = np.random.default_rng(1)
photo = data.camera()[60:300, 130:430].astype(np.float32)
noisy = photo + rng.normal(0, 15, photo.shape).astype(np.float32)

clean = imgconv.guided(noisy, noisy, 4, 2 * 15**2)

pictures = {"noisy": noisy, "guided": clean}
plt.figure(figsize=(9, 3.2), layout="constrained")
for place, (title, picture) in enumerate(pictures.items(), 1):
    plt.subplot(1, 2, place, title=title)
    plt.imshow(picture, "gray")
    plt.axis("off")
