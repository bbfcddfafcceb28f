"""Chains of filters: `Pipeline`, the point operations that are steps beside the filters, `step`.

>>> import numpy as np
>>> from imgconv import Pipeline
>>> pipeline = Pipeline("gaussian(sigma=1) | sobel | threshold(otsu)")
>>> pipeline(np.tri(64, dtype=np.uint8)).dtype
dtype('bool')
"""

from imgconv.pipeline.chain import Pipeline
from imgconv.pipeline.points import (
    absolute,
    astype,
    clip,
    gamma,
    grey,
    invert,
    magnitude,
    normalize,
    scale,
    threshold,
)
from imgconv.pipeline.registry import step
from imgconv.pipeline.steps import PipelineError, Step

__all__ = [
    "Pipeline",
    "PipelineError",
    "Step",
    "absolute",
    "astype",
    "clip",
    "gamma",
    "grey",
    "invert",
    "magnitude",
    "normalize",
    "scale",
    "step",
    "threshold",
]
