"""
Corners: Harris
===============

A corner changes along both axes. `imgconv.corners` measures that, and `imgconv.peaks` picks the
largest answers.
"""

import matplotlib.pyplot as plt
from skimage import data

import imgconv

board = data.checkerboard()
response = imgconv.corners(board, sigma=2.0)
points = imgconv.peaks(response, 5)

plt.figure(figsize=(5, 5), layout="constrained")
plt.imshow(board, "gray")
plt.plot(points[:, 1], points[:, 0], "o", mfc="none", mec="crimson")
plt.axis("off")
