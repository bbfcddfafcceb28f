"""
Edges as lines between the pixels
=================================

`imgconv.edge_points` returns chains of points whose places are more exact than a pixel: to
measure, or to draw an outline that can be enlarged.
"""

import matplotlib.pyplot as plt
from skimage import data

import imgconv

coins = data.coins()[150:250, 40:180]
chains = imgconv.edge_points(coins, 2.0)

plt.figure(figsize=(8, 5.5), layout="constrained")
plt.imshow(coins, "gray")
for chain in chains:
    plt.plot(chain[:, 1], chain[:, 0], linewidth=1.5)
plt.axis("off")
