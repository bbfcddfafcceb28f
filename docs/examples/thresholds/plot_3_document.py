"""
Read a page in uneven light
===========================

No single number separates ink from a page with a shadow. Sauvola's threshold is different for
each pixel: it is computed from the window around it.
"""

import matplotlib.pyplot as plt
from skimage import data

import imgconv

page = data.page()
whole = imgconv.binarize(page)
local = imgconv.binarize(page, "sauvola", 25)

pictures = {"page": page, "one threshold": whole, "Sauvola": local}
plt.figure(figsize=(9, 1.9), layout="constrained")
for place, (title, picture) in enumerate(pictures.items(), 1):
    plt.subplot(1, 3, place, title=title)
    plt.imshow(picture, "gray")
    plt.axis("off")
