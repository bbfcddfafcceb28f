"""The walk through the stages of a plan, which all executors share."""

from typing import Any, NamedTuple

from numpy.typing import NDArray

from imgconv.core import check
from imgconv.pipeline.specs import ImageSpec, ImageSpecs, as_tuple
from imgconv.pipeline.stages import BranchesNode, Group, PipelinePlan

# Arrays in memory, or dask arrays.
Images = tuple[Any, ...]


class Executor:
    """Runs stages one after the other; what a stage takes and gives is up to the executor."""

    def run(self, plan: PipelinePlan, images: Images, outs: Images | None = None) -> Images:
        """Return the results of a chain; the last stage fills `outs`, if given."""
        for number, stage in enumerate(plan.stages):
            stage_outs = outs if stage is plan.stages[-1] else None
            if isinstance(stage, BranchesNode):
                results = [self.run(branch, images) for branch in stage.branches]
                images = self.join(stage, results, stage_outs)
            elif isinstance(stage, Group):
                images = self.run_pieces(plan, number, images, stage_outs)
            else:
                images = self.run_whole(plan, number, images, stage_outs)
        return images

    def join(self, stage: BranchesNode, results: list[Images], outs: Images | None) -> Images:
        """Return the results of branches one after the other, or joined by an operator."""
        raise NotImplementedError

    def run_pieces(
        self, plan: PipelinePlan, number: int, images: Images, outs: Images | None
    ) -> Images:
        """Return the results of a group, the stage of this number, which runs piece by piece."""
        raise NotImplementedError

    def run_whole(
        self, plan: PipelinePlan, number: int, images: Images, outs: Images | None
    ) -> Images:
        """Return the results of a step, the stage of this number, that needs the whole image."""
        raise NotImplementedError

    def run_stack(self, plan: PipelinePlan, stack: "ImageStack", outs: Images | None) -> Images:
        """Return the results of all images of a stack, whose axes come first."""
        raise NotImplementedError

    def checked_outs(self, stack: "ImageStack", specs: ImageSpecs, out: Any) -> Images:
        """Return the caller's arrays to fill, checked, with the axes in the order of the stack."""
        return stack.checked_outs(specs, out)


class ImageStack(NamedTuple):
    """A caller's array as a stack of images: a view, whose axes have one order for all callers.

    The axes of `array` are those of the stack, then y, x and channels, if any. `spec` describes one
    image.
    """

    layout: check.Layout
    array: Any
    spec: ImageSpec

    @staticmethod
    def of(array: Any, axes: Any, channel_axis: Any) -> "ImageStack":
        """Return the stack of an array of any kind."""
        layout = check.layout(array.ndim, axes, channel_axis)
        order, channels = [*layout.stack, layout.y, layout.x], None
        if layout.channel is not None:
            order.append(layout.channel)
            channels = array.shape[layout.channel]
        size = array.shape[layout.y], array.shape[layout.x]
        spec = ImageSpec(size, channels, array.dtype)
        return ImageStack(layout, transposed(array, order), spec)

    @property
    def shape(self) -> tuple[int, ...]:
        """Along the axes of the stack alone; empty for one image."""
        shape: tuple[int, ...] = self.array.shape[: len(self.layout.stack)]
        return shape

    def caller_axes(self, spec: ImageSpec) -> list[int]:
        """Return for each axis of a result which axis of the caller's array it is."""
        axes = [*self.layout.stack, self.layout.y, self.layout.x]
        if self.layout.channel is not None and spec.channels is not None:
            return [*axes, self.layout.channel]
        return [sorted(axes).index(axis) for axis in axes]

    def in_caller_order(
        self, specs: ImageSpecs, results: Images
    ) -> NDArray[Any] | tuple[NDArray[Any], ...]:
        """Return results with their axes where the caller has them: one, or a tuple of several."""
        arranged = tuple(
            transposed(result, inverse(self.caller_axes(spec)))
            for result, spec in zip(results, as_tuple(specs), strict=True)
        )
        return arranged[0] if isinstance(specs, ImageSpec) else arranged

    def checked_outs(self, specs: ImageSpecs, out: Any) -> Images:
        """Return the caller's arrays to fill, checked, with their axes as those of `array`."""
        several = as_tuple(specs)
        outs = out if isinstance(out, tuple) else (out,)
        shape, _, dtype = check.outs(outs, len(several))
        axes = self.caller_axes(several[0])
        expected = (*self.shape, *several[0].shape)
        expected = tuple(expected[axis] for axis in inverse(axes))
        check.out_fits(shape, dtype, expected, several[0].dtype)
        return tuple(transposed(each, axes) for each in outs)


def transposed(array: Any, axes: list[int]) -> Any:
    """Return an array with other axes; of a dask array, that is a task for each chunk."""
    return array if axes == sorted(axes) else array.transpose(axes)


def inverse(permutation: list[int]) -> list[int]:
    """Return the permutation that undoes another one.

    >>> inverse([2, 0, 1])
    [1, 2, 0]
    """
    return sorted(range(len(permutation)), key=permutation.__getitem__)
