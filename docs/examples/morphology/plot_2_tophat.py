"""
Stars without the sky
=====================

The white top-hat is the image minus its opening: small bright parts remain, whatever the
background.
"""

import matplotlib.pyplot as plt
from skimage import data

import imgconv

sky = data.hubble_deep_field()[200:440, 300:600].max(axis=-1)
stars = imgconv.white_tophat(sky, 15)

pictures = {"sky": sky, "white top-hat": stars}
plt.figure(figsize=(9, 3.2), layout="constrained")
for place, (title, picture) in enumerate(pictures.items(), 1):
    plt.subplot(1, 2, place, title=title)
    plt.imshow(picture, "gray")
    plt.axis("off")
