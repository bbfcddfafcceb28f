"""The image that a pipeline takes of a picture, in memory or piece by piece."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from imgconv import io

if TYPE_CHECKING:
    from imgconv.pipeline import Pipeline

__all__ = ["prepared"]


def prepared(picture: io.Picture, pipeline: Pipeline) -> tuple[Pipeline, Any, Any]:
    """Return the pipeline for a picture, the image that it takes, and the opacity of its result.

    The pipeline knows the white of the picture, where that is not the largest of the dtype. If it
    begins with grey, or changes the size, there is white behind the picture, and the result has no
    opacity.
    """
    colours, opacity = picture.split()
    plan = pipeline.plan(
        colours.shape if colours.shape[2] > 1 else colours.shape[:2],
        colours.dtype,
        channel_axis=-1 if colours.shape[2] > 1 else None,
    )
    if isinstance(plan.dtype, tuple):
        raise io.PictureError(
            f"the pipeline gives {len(plan.dtype)} images; magnitude makes one of them"
        )
    if picture.white != io.full_scale(picture.pixels.dtype):
        pipeline = pipeline.with_white(picture.white)
    begins_grey = [step.name for step in pipeline.steps[:1]] == ["grey"]
    if opacity is not None and (begins_grey or plan.shape[:2] != colours.shape[:2]):
        colours, opacity = picture.over_white(), None
    return pipeline, colours if colours.shape[2] > 1 else colours[..., 0], opacity
