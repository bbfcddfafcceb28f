"""Chains of filters: `Pipeline`, the point operations that are steps beside the filters, `step`.

`describe` and `descriptions` state what every step is called, does and takes.

>>> import numpy as np
>>> from imgconv import Pipeline
>>> pipeline = Pipeline("gaussian(sigma=1) | sobel | threshold(otsu)")
>>> pipeline(np.tri(64, dtype=np.uint8)).dtype
dtype('bool')
"""

from imgconv.pipeline.chain import Pipeline
from imgconv.pipeline.description import (
    ArgumentDescription,
    Slider,
    StepDescription,
    describe,
    descriptions,
)
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
    "ArgumentDescription",
    "Pipeline",
    "PipelineError",
    "Slider",
    "Step",
    "StepDescription",
    "absolute",
    "astype",
    "clip",
    "describe",
    "descriptions",
    "gamma",
    "grey",
    "invert",
    "magnitude",
    "normalize",
    "scale",
    "step",
    "threshold",
]
