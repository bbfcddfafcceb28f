"""
A blur that grows: tilt-shift
=============================

Mix a sharp and a soft picture with a weight for each row, and the scene looks like a model.
"""

import matplotlib.pyplot as plt
import numpy as np
from skimage import data

import imgconv

photo = data.rocket()
soft = imgconv.gaussian(photo, 5.0, channel_axis=-1)
rows = np.abs(np.linspace(-1.2, 0.8, len(photo)))[:, None, None]
model = (photo * (1 - rows) + soft * rows).clip(0, 255).astype(np.uint8)

pictures = {"photo": photo, "model": model}
plt.figure(figsize=(9, 3.2), layout="constrained")
for place, (title, picture) in enumerate(pictures.items(), 1):
    plt.subplot(1, 2, place, title=title)
    plt.imshow(picture, "gray")
    plt.axis("off")
