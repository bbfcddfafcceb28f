"""
A picture larger than memory: dask
==================================

The same pipeline takes a dask array. It cuts the work into chunks that overlap by what the
windows need; the result is the same to the bit.
"""

import dask.array as da
import matplotlib.pyplot as plt
import numpy as np
from skimage import data

from imgconv import Pipeline

image = np.tile(data.camera(), (4, 4))
chunks = da.from_array(image, chunks=(512, 512))
edges = Pipeline("gaussian(sigma=2) | sobel")

lazy = edges(chunks)
result = lazy.compute()
print(lazy.chunksize, np.array_equal(result, edges(image)))

pictures = {"2048 x 2048": image, "edges": result}
plt.figure(figsize=(8, 4.2), layout="constrained")
for place, (title, picture) in enumerate(pictures.items(), 1):
    plt.subplot(1, 2, place, title=title)
    plt.imshow(picture, "gray")
    plt.axis("off")
