"""
Find a coin: template matching
==============================

The normalized correlation is 1 where the window equals the template up to brightness and
contrast.
"""

import matplotlib.pyplot as plt
from skimage import data

import imgconv

coins = data.coins()
coin = coins[76:122, 297:345]
likeness = imgconv.match(coins, coin, shape="same")
y, x = imgconv.peaks(likeness, 20, count=1)[0]

plt.figure(figsize=(9, 3), layout="constrained")
plt.subplot(1, 2, 1, title="the most similar place")
plt.imshow(coins, "gray")
plt.plot(x, y, "r+", markersize=18)
plt.subplot(1, 2, 2, title="likeness")
plt.imshow(likeness)
plt.colorbar()
