"""The class `Pipeline`: a chain of filters that is data."""

from collections.abc import Iterator
from os import PathLike
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from imgconv.core import check
from imgconv.pipeline import show, store
from imgconv.pipeline.executors import arrays
from imgconv.pipeline.executors.base import Executor, ImageStack
from imgconv.pipeline.interact import Interaction, interaction
from imgconv.pipeline.parse import MAX_CHARACTERS, parse
from imgconv.pipeline.plan import make_plan
from imgconv.pipeline.registry import IMAGE_SIZED, step_of
from imgconv.pipeline.specs import ImageSpec, ImageSpecs
from imgconv.pipeline.steps import (
    Node,
    PipelineError,
    Step,
    Workload,
    chain_of,
    steps_of,
    weighs_pixels,
    with_argument,
)


class Pipeline:
    """A chain of filters: from a text, from functions, or from other pipelines.

    Parameters
    ----------
    *parts : str, callable, Step or Pipeline
        In the order in which they run: texts, functions of imgconv, `functools.partial` of them,
        steps that `imgconv.pipeline.step` makes of any other callable, and pipelines.

    Raises
    ------
    ValueError
        If there is no step, or a step or its arguments do not exist; if more than 64 images would
        go from one step to the next, or steps would run on an image more than 4,096 times; if sums
        and brackets are more than 64 deep. The message names the step and, in a text, the column.
    TypeError
        If a part is something else.

    Notes
    -----
    In a text, ``a | b`` runs b on the result of a; ``a, b`` gives the results of both, which
    `magnitude` makes one image of; ``a - b`` (also + * /) is computed from both in float32 or
    float64; ``image`` is the image that the chain, or the chain in brackets, is given. Arguments
    are numbers, words and sequences of these. A text is never run as a program.

    Every step works as the function of its name does, so integers are rounded between steps; a
    chain that begins with ``astype(float32)`` does not round. Steps that look at the neighbourhood
    of a pixel run together, in bands of rows that stay in cache, on all threads. A step that needs
    the whole image is a stage of its own, and one that measures the image begins a stage; ``print``
    shows the stages. The result is the same as that of the steps one by one, bit for bit.

    Examples
    --------
    >>> import numpy as np
    >>> from functools import partial
    >>> from imgconv import Pipeline, gaussian, sobel
    >>> edges = Pipeline("gaussian(sigma=1.5) | sobel | threshold(value=5)")
    >>> edges == Pipeline(partial(gaussian, sigma=1.5), sobel) | "threshold(value=5)"
    True
    >>> step = np.zeros((4, 9), np.uint8)
    >>> step[:, 5:] = 100
    >>> print(edges(step).astype(int)[0])
    [0 0 1 1 1 1 1 1 0]
    >>> edges.halo
    ((7, 7), (7, 7))
    """

    __slots__ = ("_chain",)

    def __init__(self, *parts: Any) -> None:
        nodes = [node_of(part) for part in parts]
        if not nodes:
            raise PipelineError("a pipeline must have a step")
        self._chain = chain_of(nodes)
        # An error if there would be too many images, or too many runs of steps.
        self._chain.after(Workload())

    # ---- running ---------------------------------------------------------------------------------

    def __call__(
        self,
        image: ArrayLike,
        *,
        axes: tuple[int, int] | None = None,
        channel_axis: int | None = None,
        out: Any = None,
    ) -> Any:
        """Run the chain on an image.

        Parameters
        ----------
        image : array_like or dask array, (H, W)
            Any real dtype; more axes with `channel_axis` or `axes`. The result of a dask array is
            a dask array, of which nothing is computed yet.
        axes : (int, int), optional
            The axes y and x of a stack of images, which are run one after the other.
        channel_axis : int, optional
            The axis of colours or other channels, which every step filters one by one; `bilateral`
            filters all together, `grey` makes one channel of all.
        out : ndarray or tuple of ndarray, optional
            The arrays to fill, of the result's shape and dtype.

        Returns
        -------
        ndarray, or tuple of ndarray
            What the last step gives.

        Raises
        ------
        ValueError
            If the image has other axes, or a step does not take it.
        TypeError
            If the image is not real.
        """
        array, executor = with_executor(image)
        stack = ImageStack.of(array, axes, channel_axis)
        plan = make_plan(self._chain, stack.spec)
        outs = None if out is None else executor.checked_outs(stack, plan.result, out)
        overlap = outs is not None and any(np.may_share_memory(array, each) for each in outs)
        results = executor.run_stack(plan, stack, None if overlap else outs)
        if overlap:
            arrays.filled(results, outs)
        return stack.in_caller_order(plan.result, results) if out is None else out

    def call(
        self, image: ArrayLike, *, axes: Any = None, channel_axis: Any = None, out: Any = None
    ) -> "PipelineCall":
        """Return a call of the chain as a value, which `imgconv.explain` asks for its plan."""
        return PipelineCall(self, image, axes, channel_axis, out)

    def stepwise(
        self, image: ArrayLike, *, channel_axis: int | None = None
    ) -> Iterator[tuple[str, Any]]:
        """Yield the text and the result of every step, run one by one on the whole image.

        Parameters
        ----------
        image : array_like, (H, W)
            More axes with `channel_axis`.
        channel_axis : int, optional
            The axis of channels.

        Yields
        ------
        text : str
            Of the step.
        result : ndarray or tuple of ndarray
            What it gives.

        Examples
        --------
        >>> import numpy as np
        >>> from imgconv import Pipeline
        >>> for text, result in Pipeline("box(size=3) | laplace").stepwise(np.eye(4)):
        ...     print(text, result.dtype)
        box(size=3) float64
        laplace float64
        """
        stack = ImageStack.of(check.image(image), None, channel_axis)
        images: tuple[Any, ...] = (stack.array,)
        specs: ImageSpecs = stack.spec
        for node in self._chain.parts:
            plan = make_plan(node, specs)
            images, specs = arrays.run_steps(plan, images), plan.result
            yield node.text, stack.in_caller_order(specs, images)

    # ---- plan and properties ---------------------------------------------------------------------

    def plan(
        self,
        shape: tuple[int, ...],
        dtype: DTypeLike = np.uint8,
        *,
        channel_axis: int | None = None,
    ) -> show.PlanSummary:
        """Return what the chain does with images of a shape and dtype; its repr is a table.

        Parameters
        ----------
        shape : (int, int), or with the channels
            Of an image.
        dtype : dtype
            Of an image.
        channel_axis : int, optional
            The axis of channels.

        Returns
        -------
        PlanSummary
            With `shape`, `dtype`, `halo`, `stages`, `cost` (multiply-adds) and `memory` (bytes that
            it takes at most beside image and result).

        Raises
        ------
        ValueError
            If a step does not take such images.

        Examples
        --------
        >>> from imgconv import Pipeline
        >>> plan = Pipeline("sobel | threshold(otsu)").plan((480, 640))
        >>> plan.shape, plan.dtype, plan.halo, plan.stages
        ((480, 640), dtype('bool'), None, 2)
        """
        image_dtype = check.result_dtype(dtype)
        layout = check.layout(len(shape), None, channel_axis)
        channels = None if layout.channel is None else shape[layout.channel]
        size = shape[layout.y], shape[layout.x]
        spec = ImageSpec(size, channels, image_dtype)
        return show.PlanSummary(make_plan(self._chain, spec), layout)

    @property
    def text(self) -> str:
        """The chain as a text, from which an equal pipeline can be made if it is not too long."""
        return self._chain.text

    @property
    def halo(self) -> tuple[tuple[int, int], tuple[int, int]] | None:
        """How far from a pixel its result depends on others: before and after, along y and x.

        None where a step needs the whole image. It is that of a large uint8 image.
        """
        return self.plan(self._image_size((4096, 4096))).halo

    def _image_size(self, default: tuple[int, int]) -> tuple[int, int]:
        """Return the size that images must have because an argument has it, else the default."""
        for step in self.steps:
            for keyword in IMAGE_SIZED:
                array = step.arguments.get(keyword)
                if isinstance(array, np.ndarray):
                    return array.shape[0], array.shape[1]
        return default

    @property
    def steps(self) -> tuple[Step, ...]:
        """All steps in the order of the text, those of branches too."""
        return tuple(steps_of(self._chain))

    # ---- composing and comparing -----------------------------------------------------------------

    def with_white(self, white: float) -> "Pipeline":
        """Return the chain for images whose white is not the largest number of their dtype.

        Parameters
        ----------
        white : float
            Such as 4095 for 12 bits in uint16. `gamma` and `invert` get it, unless they have one.

        Returns
        -------
        Pipeline

        Examples
        --------
        >>> from imgconv import Pipeline
        >>> Pipeline("box(size=3) | invert").with_white(4095)
        Pipeline('box(size=3) | invert(white=4095)')
        """
        return Pipeline(with_argument(self._chain, "white", white))

    def with_weights(self, weights: ArrayLike) -> "Pipeline":
        """Return the chain for images in which pixels do not count alike.

        Parameters
        ----------
        weights : array_like, (H, W) or of the shape of the images
            Averages and orders get them, unless they have some; other steps do not.

        Returns
        -------
        Pipeline

        Examples
        --------
        >>> import numpy as np
        >>> from imgconv import Pipeline
        >>> chain = Pipeline("box(size=(1, 3)) | invert").with_weights([[1, 0, 0, 1]])
        >>> chain(np.array([[50, 9, 9, 100]], np.uint8))
        array([[205, 205, 155, 155]], dtype=uint8)
        """
        array = check.image(weights, "weights")
        return Pipeline(with_argument(self._chain, "weights", array, weighs_pixels))

    def __or__(self, other: Any) -> "Pipeline":
        """Run another pipeline, text or function on the result."""
        return Pipeline(self, other)

    def __ror__(self, other: Any) -> "Pipeline":
        """Run this on the result of another."""
        return Pipeline(other, self)

    def __eq__(self, other: object) -> bool:
        """Whether both have the same steps."""
        return isinstance(other, Pipeline) and self._chain == other._chain

    def __hash__(self) -> int:
        """Equal pipelines have one hash."""
        return hash(self._chain)

    def __len__(self) -> int:
        """Number of parts that run one after the other; branches count as one."""
        return len(self._chain.parts)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle it by its steps."""
        return Pipeline, (self._chain,)

    def __repr__(self) -> str:
        """Return Python that makes an equal pipeline."""
        return f"Pipeline({self.text!r})"

    def __str__(self) -> str:
        """Return a table of steps and stages for a uint8 image."""
        return repr(self.plan(self._image_size((1024, 1024))))

    def _repr_html_(self) -> str:
        """Return pictures of what every step makes of a test image, for notebooks."""
        return self.preview(show.sample_image())._repr_html_()

    def preview(
        self, image: ArrayLike, *, channel_axis: int | None = None, size: int = 240
    ) -> show.Preview:
        """Return small pictures of what every step makes of an image, which notebooks show.

        Parameters
        ----------
        image : array_like, (H, W) or with channels
            The steps run on all of it.
        channel_axis : int, optional
            The axis of channels.
        size : int
            Pixels of the longer side of a picture.

        Returns
        -------
        Preview
            `pictures` are pairs of a text and a uint8 array; `sheet()` returns one image of all.

        Raises
        ------
        ValueError
            If there would be more than 1,000 pictures.
        """
        array = check.image(image)
        show.check_picture_count(self._chain)
        return show.preview(
            array, self.stepwise(array, channel_axis=channel_axis), channel_axis, size
        )

    def interact(
        self, image: ArrayLike, *, channel_axis: int | None = None, size: int = 480
    ) -> Interaction | show.Preview:
        """Return sliders for the arguments, and pictures before and after, which notebooks show.

        Parameters
        ----------
        image : array_like, (H, W) or with channels
            The chain runs on all of it at each change.
        channel_axis : int, optional
            The axis of channels.
        size : int
            Pixels of the longer side of a picture.

        Returns
        -------
        Interaction
            Its `pipeline` is the chain as it has become, its `result` what that gives. Without
            ipywidgets (``pip install 'imgconv[notebook]'``) it is a `Preview`.

        Examples
        --------
        >>> import numpy as np
        >>> from imgconv import Pipeline
        >>> Pipeline("gaussian(sigma=2)").interact(np.eye(64))  # doctest: +SKIP
        <interaction with gaussian(sigma=2)>
        """
        return interaction(self, self._chain, check.image(image), channel_axis, size)

    # ---- files -----------------------------------------------------------------------------------

    @classmethod
    def load(cls, path: str | PathLike[str]) -> "Pipeline":
        """Return the pipeline of a TOML or YAML file.

        Parameters
        ----------
        path : path
            Ends in .toml, .yaml or .yml. The file has a list ``steps`` of texts.

        Returns
        -------
        Pipeline

        Raises
        ------
        ValueError
            If the file contains something else; the message names the step.
        """
        return cls(*store.load(path))

    def save(self, path: str | PathLike[str]) -> None:
        """Write the pipeline to a TOML or YAML file, from which `load` makes an equal one.

        Parameters
        ----------
        path : path
            Ends in .toml, .yaml or .yml.

        Raises
        ------
        ValueError
            If the name ends otherwise, a step is a callable of your own, or the text of one step,
            with its branches, has more than 20,000 characters.
        """
        for step in self.steps:
            if not step.has_text:
                raise PipelineError(f"{step.name}: a callable or a large array has no text")
        texts = [show.text_alone(node) for node in self._chain.parts]
        for text in texts:
            if len(text) > MAX_CHARACTERS:
                raise PipelineError(
                    f"{text[:30]}...: its text must have at most {MAX_CHARACTERS} characters to be "
                    f"saved, got {len(text)}"
                )
        store.save(path, texts)


class PipelineCall(NamedTuple):
    """A pipeline and the arguments of its call, as a value."""

    pipeline: Pipeline
    image: ArrayLike
    axes: Any
    channel_axis: Any
    out: Any

    def run(self) -> Any:
        """Return what the chain gives."""
        return self.pipeline(
            self.image, axes=self.axes, channel_axis=self.channel_axis, out=self.out
        )

    def plan(self) -> show.PlanSummary:
        """Return what the chain does with such an image, or with each of a stack."""
        array = check.image(self.image)
        layout = check.layout(array.ndim, self.axes, self.channel_axis)
        shape = tuple(n for axis, n in enumerate(array.shape) if axis not in layout.stack)
        channel = None
        if layout.channel is not None:
            channel = layout.channel - sum(axis < layout.channel for axis in layout.stack)
        return self.pipeline.plan(shape, array.dtype, channel_axis=channel)


def node_of(part: Any) -> Node:
    """Return the node of a text, a function, a step or another pipeline."""
    if isinstance(part, str):
        return parse(part)
    if isinstance(part, Pipeline):
        return part._chain
    if isinstance(part, Node):
        return part
    if callable(part):
        return step_of(part)
    raise TypeError(f"a part of a pipeline must be a text or a function, got {part!r}")


def with_executor(image: Any) -> tuple[Any, Executor]:
    """Return an image, checked, and what runs pipelines on arrays of its kind."""
    if type(image).__module__.partition(".")[0] == "dask":
        from imgconv.pipeline.executors.chunks import DaskExecutor, check_known_size

        check.image_dtype(image.dtype)
        check_known_size(image)
        return image, DaskExecutor()
    return check.image(image), arrays.ArrayExecutor()
