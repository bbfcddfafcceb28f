"""
Vessels of an eye
=================

Ridge filters find lines of several widths. Vessels are darker than the retina, so
`black_ridges` stays True.
"""

import matplotlib.pyplot as plt
from skimage import data

import imgconv

eye = data.retina()[300:700, 300:800, 1]
frangi = imgconv.ridges(eye, (2, 3, 4), "frangi")
sato = imgconv.ridges(eye, (2, 3, 4), "sato")

pictures = {"eye": eye, "Frangi": frangi**0.3, "Sato": sato}
plt.figure(figsize=(9, 2.5), layout="constrained")
for place, (title, picture) in enumerate(pictures.items(), 1):
    plt.subplot(1, 3, place, title=title)
    plt.imshow(picture, "gray")
    plt.axis("off")
