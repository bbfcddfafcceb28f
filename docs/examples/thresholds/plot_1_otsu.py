"""
Find the threshold: Otsu
========================

Otsu's threshold divides the histogram into two groups that differ as much as possible.
"""

import matplotlib.pyplot as plt
from skimage import data

import imgconv

coins = data.coins()
threshold = imgconv.threshold_value(coins)
mask = coins > threshold

plt.figure(figsize=(9, 2.6), layout="constrained")
plt.subplot(1, 3, 1, title="coins")
plt.imshow(coins, "gray")
plt.axis("off")
plt.subplot(1, 3, 2, title=f"histogram, threshold {threshold:.0f}")
plt.hist(coins.ravel(), 64)
plt.axvline(threshold, color="crimson")
plt.subplot(1, 3, 3, title="above")
plt.imshow(mask, "gray")
plt.axis("off")
