"""Programs that call scikit-image and SciPy as its gallery does, each a text that is run as it is.

Each makes its image, calls filters, and saves what it found. Its arguments are the file for that,
and the side of the image.
"""

from __future__ import annotations

SCENE = """\
import sys

import numpy as np
from scipy import ndimage

side = int(sys.argv[2])
rng = np.random.default_rng(7)
y, x = np.mgrid[:side, :side] / side
image = 0.3 * x + 0.2 * y
for cy, cx, radius in ((0.3, 0.3, 0.12), (0.6, 0.7, 0.2), (0.8, 0.25, 0.08), (0.2, 0.8, 0.05)):
    image[(y - cy) ** 2 + (x - cx) ** 2 < radius**2] += 0.4
image = np.clip(image + 0.03 * rng.standard_normal(image.shape), 0, 1)
"""

BODIES = {
    "edge operators": """
from skimage import filters

found = {
    "roberts": filters.roberts(image), "sobel": filters.sobel(image),
    "scharr": filters.scharr(image), "prewitt": filters.prewitt(image),
    "farid": filters.farid(image), "vertical": filters.sobel_v(image),
    "laplace": filters.laplace(image),
}
""",
    "canny at two scales": """
from skimage import feature

found = {"fine": feature.canny(image), "coarse": feature.canny(image, sigma=3)}
""",
    "band pass by differences of Gaussians": """
from skimage import filters

found = {
    "narrow": filters.difference_of_gaussians(image, 1, 4),
    "wide": filters.difference_of_gaussians(image, 2, 12),
    "sharp": filters.unsharp_mask(image, radius=3, amount=2),
}
""",
    "smoothing and medians": """
from skimage import filters, morphology

found = {
    "gaussian": filters.gaussian(image, sigma=2),
    "wide": filters.gaussian(image, sigma=10),
    "median": filters.median(image, morphology.disk(3)),
    "mean": ndimage.uniform_filter(image, 9),
}
""",
    "bilateral denoising": """
from skimage import restoration

part = image[:192, :192]
found = {"denoised": restoration.denoise_bilateral(part, sigma_color=0.1, sigma_spatial=2)}
""",
    "rank filters": """
from skimage import filters, morphology, util

pixels, disk = util.img_as_ubyte(image), morphology.disk(5)
found = {
    "mean": filters.rank.mean(pixels, disk), "median": filters.rank.median(pixels, disk),
    "minimum": filters.rank.minimum(pixels, disk), "maximum": filters.rank.maximum(pixels, disk),
}
""",
    "thresholds": """
from skimage import filters

otsu = filters.threshold_otsu(image)
found = {
    "otsu": image > otsu, "li": image > filters.threshold_li(image),
    "local": image > filters.threshold_local(image, 35),
    "sauvola": image > filters.threshold_sauvola(image, 25),
    "niblack": image > filters.threshold_niblack(image, 25),
}
""",
    "ridges": """
from skimage import filters

part = image[:256, :256]
found = {
    "sato": filters.sato(part, sigmas=range(1, 5)),
    "frangi": filters.frangi(part, sigmas=range(1, 5)),
}
""",
    "corners": """
from skimage import feature

harris = feature.corner_harris(image)
found = {
    "harris": harris, "shi_tomasi": feature.corner_shi_tomasi(image),
    "peaks": feature.corner_peaks(harris, min_distance=5, threshold_rel=0.1).astype(float),
}
""",
    "Gabor's filters": """
from skimage import filters

found = {}
for frequency in (0.1, 0.25):
    for k in range(4):
        real, imaginary = filters.gabor(image, frequency, theta=k * np.pi / 4)
        found[f"{frequency}-{k}"] = np.hypot(real, imaginary)
""",
}

# The gallery's images are of the first size.
SIDES = (512, 1024)
SCRIPTS = {
    title: f"{SCENE}{body}\nnp.savez(sys.argv[1], **found)\n" for title, body in BODIES.items()
}
