"""The drawings of the pages on concepts: every number in them is computed by imgconv."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import PIL.Image
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Rectangle
from numpy.typing import NDArray

import imgconv
from imgconv import geometry, nn

__all__ = ["draw"]

INK = "#24292f"
LINE = "#8c959f"
BLUE, ORANGE, GREEN, PINK, PALE = "#54aeff", "#ffb77c", "#7ee2a8", "#ff80c8", "#f6f8fa"
IMAGE = np.array(
    [[3, 0, 1, 5, 2], [1, 4, 1, 0, 2], [0, 2, 6, 1, 3], [5, 1, 0, 2, 1], [2, 3, 1, 4, 0]]
)
# Between two pictures of an animation.
MILLISECONDS = 1200
KERNEL = np.array([[0, 1, 2], [2, 2, 0], [0, 1, 2]])


def figure(width: float, height: float, columns: Sequence[float]) -> tuple[Figure, list[Axes]]:
    """Return a figure with plots side by side, as wide as given, without axes."""
    made = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    axes = made.subplots(1, len(columns), width_ratios=columns, squeeze=False)[0]
    for ax in axes:
        blank(ax)
    return made, list(axes)


def blank(ax: Axes) -> None:
    ax.clear()
    ax.set_aspect("equal")
    ax.axis("off")


def cells(
    ax: Axes,
    values: Any,
    place: tuple[float, float] = (0, 0),
    colours: Callable[[int, int], str] = lambda y, x: PALE,
    title: str = "",
) -> None:
    """Draw a table of numbers as pixels; None leaves a pixel without a number."""
    array = np.asarray(values, dtype=object)
    height, width = array.shape
    top, left = place
    for y in range(height):
        for x in range(width):
            box = Rectangle((left + x, top + y), 1, 1, facecolor=colours(y, x), edgecolor=LINE)
            ax.add_patch(box)
            if array[y, x] is not None:
                text = f"{array[y, x]:g}" if not isinstance(array[y, x], str) else array[y, x]
                middle = left + x + 0.5, top + y + 0.53
                ax.text(*middle, text, ha="center", va="center", color=INK, fontsize=11)
    if title:
        ax.text(
            left + width / 2, top - 0.3, title, ha="center", va="bottom", color=INK, fontsize=11
        )
    ax.set_xlim(min(ax.get_xlim()[0], left - 0.2), max(ax.get_xlim()[1], left + width + 0.2))
    low, high = sorted(ax.get_ylim())
    ax.set_ylim(max(high, top + height + 0.2), min(low, top - 1.1))


def arrow(ax: Axes, begin: tuple[float, float], end: tuple[float, float]) -> None:
    ax.add_patch(FancyArrowPatch(begin, end, arrowstyle="-|>", mutation_scale=14, color=INK))


def within(y: int, x: int, size: tuple[int, int]) -> Callable[[int, int], str]:
    """Colour the window whose upper left pixel is (y, x)."""
    return lambda i, j: BLUE if y <= i < y + size[0] and x <= j < x + size[1] else PALE


# Correlation and convolution


def window(ax: list[Axes], step: int) -> None:
    """Draw the window at its step-th place: image, kernel, and the results until there."""
    result = imgconv.correlate(IMAGE, KERNEL, shape="valid")
    y, x = divmod(step, 3)
    for each in ax:
        blank(each)
    cells(ax[0], IMAGE, colours=within(y, x, (3, 3)), title="image")
    cells(ax[1], KERNEL, (1, 0), lambda i, j: ORANGE, "kernel")
    known = [[result[i, j] if 3 * i + j <= step else None for j in range(3)] for i in range(3)]
    cells(ax[2], known, (1, 0), lambda i, j: GREEN if (i, j) == (y, x) else PALE, "result")
    pairs = zip(IMAGE[y : y + 3, x : x + 3].ravel(), KERNEL.ravel(), strict=True)
    terms = " + ".join(f"{a}·{b}" for a, b in pairs)
    ax[1].figure.suptitle(f"{terms} = {result[y, x]:g}", fontsize=10, color=INK)


def correlation() -> Iterator[Figure]:
    made, axes = figure(7.2, 3, (5, 3, 3))
    for step in range(9):
        window(axes, step)
        yield made


def flip() -> Figure:
    kernel = np.arange(1, 10).reshape(3, 3)
    made, (ax,) = figure(8, 2.6, (1,))
    cells(ax, kernel, colours=lambda i, j: ORANGE, title="kernel")
    cells(ax, kernel[::-1], (0, 5), lambda i, j: ORANGE, "rows reversed")
    cells(
        ax,
        imgconv.kernels.flip(kernel),
        (0, 10),
        lambda i, j: ORANGE,
        "and columns: rotated by 180°",
    )
    arrow(ax, (3.2, 1.5), (4.8, 1.5))
    arrow(ax, (8.2, 1.5), (9.8, 1.5))
    return made


def impulse() -> Figure:
    dot = np.zeros((5, 5), int)
    dot[2, 2] = 1
    kernel = np.arange(1, 10).reshape(3, 3)
    made, axes = figure(9, 2.8, (5, 3, 5, 5))
    cells(axes[0], dot, colours=lambda i, j: BLUE if dot[i, j] else PALE, title="image")
    cells(axes[1], kernel, (1, 0), lambda i, j: ORANGE, "kernel")
    for ax, name in zip(axes[2:], ("correlate", "convolve"), strict=True):
        result = getattr(imgconv, name)(dot, kernel, mode="constant")
        cells(ax, result, colours=lambda i, j, r=result: GREEN if r[i, j] else PALE, title=name)
    return made


# Borders


def borders() -> Figure:
    row = np.arange(1, 6)
    modes = ("reflect", "mirror", "nearest", "wrap", "constant")
    made, (ax,) = figure(8.5, 4.6, (1,))
    for number, mode in enumerate(modes):
        wide = imgconv.correlate(row[None], np.eye(1, 9, 4), shape="full", mode=mode)
        cells(ax, wide.astype(int), (1.35 * number, 0), lambda i, j: BLUE if 4 <= j < 9 else ORANGE)
        ax.text(-0.4, 1.35 * number + 0.5, mode, ha="right", va="center", color=INK, fontsize=11)
    ax.set_xlim(-2.6, 13.3)
    ax.set_ylim(6.6, -0.9)
    ax.text(6.5, -0.3, "the image", ha="center", color=INK, fontsize=11)
    return made


# Sizes


def taps(offsets: Sequence[int], y: int, x: int) -> Callable[[int, int], str]:
    return lambda i, j: BLUE if i - y in offsets and j - x in offsets else PALE


def dilation() -> Figure:
    made, axes = figure(8, 3.1, (7, 7, 7))
    for ax, step in zip(axes, (1, 2, 3), strict=True):
        reach = step * 2 + 1
        colours = taps(range(0, reach, step), (7 - reach) // 2, (7 - reach) // 2)
        title = f"dilation {step}: {reach}x{reach} pixels wide"
        cells(ax, np.full((7, 7), None), colours=colours, title=title)
    return made


def stride() -> Iterator[Figure]:
    """Draw a window of 3 pixels over 7, two pixels further each time."""
    made, axes = figure(7, 3.2, (7, 3))
    size = geometry.output_size(7, 3, shape="valid", stride=2)
    for step in range(size * size):
        for ax in axes:
            blank(ax)
        y, x = divmod(step, size)
        empty = np.full((7, 7), None)
        cells(axes[0], empty, colours=within(2 * y, 2 * x, (3, 3)), title="image, stride 2")
        done = np.full((size, size), None)
        cells(
            axes[1],
            done,
            (2, 0),
            lambda i, j, y=y, x=x: GREEN if (i, j) == (y, x) else PALE,
            "result",
        )
        yield made


def padding() -> Figure:
    made, axes = figure(9, 3.4, (5, 7, 9))
    for ax, (shape, pad) in zip(axes, (("valid", 0), ("same", 1), ("full", 2)), strict=True):
        side = 5 + 2 * pad
        inside = lambda i, j, p=pad, s=side: (  # noqa: E731
            BLUE if p <= i < s - p and p <= j < s - p else ORANGE
        )
        result = geometry.output_size(5, 3, shape=shape)
        title = f'"{shape}": padding {pad}, result {result}x{result}'
        cells(ax, np.full((side, side), None), colours=inside, title=title)
    return made


def receptive_field() -> Figure:
    """Draw which pixels one result depends on, two 3x3 layers before it."""
    made, axes = figure(8.4, 3.2, (9, 7, 5))
    layers = [3, 3]
    sizes = [1]
    for _ in layers:
        sizes.append(sizes[-1] + 2)
    assert geometry.receptive_field(layers) == sizes[-1]
    titles = ("image: 5x5 pixels", "after one layer: 3x3", "after two layers: 1")
    for ax, side, seen, title in zip(axes, (9, 7, 5), sizes[::-1], titles, strict=True):
        first = (side - seen) // 2
        cells(
            ax, np.full((side, side), None), colours=within(first, first, (seen, seen)), title=title
        )
    return made


# Kernels in parts


def separable() -> Figure:
    column, row = np.array([1, 2, 1]), np.array([-1, 0, 1])
    product = np.outer(column, row)
    made, (ax,) = figure(7, 2.6, (1,))
    cells(ax, column[:, None], (0, 0), lambda i, j: ORANGE, "column")
    ax.text(1.75, 1.5, "*", ha="center", va="center", fontsize=16)
    cells(ax, row[None], (1, 2.5), lambda i, j: GREEN, "row")
    ax.text(6.25, 1.5, "=", ha="center", va="center", fontsize=16)
    cells(ax, product, (0, 7), lambda i, j: BLUE, "kernel: 9 numbers, not 3 + 3")
    return made


def depthwise() -> Figure:
    """Draw the kernels of a layer of three channels and four results, in both forms."""
    made, (ax,) = figure(8.2, 3.6, (1,))
    tints = (BLUE, GREEN, ORANGE)
    for out in range(4):
        for channel in range(3):
            cells(
                ax,
                np.full((1, 1), "3x3"),
                (1.2 * out, 1.1 * channel),
                lambda i, j, c=channel: tints[c],
            )
    ax.text(1.6, -0.4, "whole: 4 x 3 kernels", ha="center", fontsize=11)
    for channel in range(3):
        cells(
            ax, np.full((1, 1), "3x3"), (1.8, 6 + 1.1 * channel), lambda i, j, c=channel: tints[c]
        )
    ax.text(7.6, -0.4, "depthwise: 3 kernels", ha="center", fontsize=11)
    for out in range(4):
        cells(ax, np.full((1, 3), "1x1"), (1.2 * out, 11), lambda i, j: tints[j])
    ax.text(12.5, -0.4, "then 1x1: 4 x 3 numbers", ha="center", fontsize=11)
    arrow(ax, (9.5, 2.3), (10.8, 2.3))
    ax.set_ylim(5, -1.4)
    return made


def transposed() -> Iterator[Figure]:
    """Draw what each pixel adds to the result of a transposed convolution of stride 2."""
    small = np.array([[1.0, 2.0], [3.0, 4.0]])
    kernel = np.array([[1.0, 2.0, 1.0], [2.0, 4.0, 2.0], [1.0, 2.0, 1.0]])
    made, axes = figure(7.6, 3, (2, 3, 5))
    for step in range(4):
        for ax in axes:
            blank(ax)
        y, x = divmod(step, 2)
        part = np.where(np.arange(4).reshape(2, 2) <= step, small, 0)
        result = nn.conv_transpose2d(part[None, None], kernel[None, None], stride=2)[0, 0]
        here = lambda i, j, y=y, x=x: BLUE if (i, j) == (y, x) else PALE  # noqa: E731
        cells(axes[0], small, (1.5, 0), here, "input")
        cells(
            axes[1], small[y, x] * kernel, (1, 0), lambda i, j: ORANGE, f"{small[y, x]:g} · kernel"
        )
        cells(axes[2], result, colours=within(2 * y, 2 * x, (3, 3)), title="result, stride 2")
        yield made


def deformable() -> Figure:
    """Draw the nine taps of a kernel: on the grid, and moved by offsets."""
    rng = np.random.default_rng(3)
    made, axes = figure(7.2, 3.4, (7, 7))
    y, x = np.mgrid[2:5, 2:5] + 0.5
    moved = rng.uniform(-0.9, 0.9, (2, 3, 3))
    for ax, (dy, dx), title in zip(
        axes,
        (np.zeros((2, 3, 3)), moved),
        ("ordinary", "deformable: an offset for each tap"),
        strict=True,
    ):
        cells(ax, np.full((7, 7), None), title=title)
        for tap in np.ndindex(3, 3):
            if dy[tap] or dx[tap]:
                arrow(ax, (x[tap], y[tap]), (x[tap] + dx[tap], y[tap] + dy[tap]))
        ax.plot((x + dx).ravel(), (y + dy).ravel(), "o", color="#cf222e", markersize=7)
    return made


def pooling() -> Figure:
    image = np.array([[1, 5, 2, 0], [3, 4, 1, 1], [0, 2, 8, 6], [1, 1, 7, 9]], float)
    tints = ((BLUE, GREEN), (ORANGE, PINK))
    made, axes = figure(8, 2.6, (4, 2, 2, 2))
    cells(axes[0], image, colours=lambda i, j: tints[i // 2][j // 2], title="image, windows of 2x2")
    for ax, how in zip(axes[1:], ("max", "mean", "min"), strict=True):
        result = imgconv.pool(image, 2, how=how)
        cells(ax, result, (1, 0), lambda i, j: tints[i][j], how)
    return made


def threads() -> Figure:
    """Draw an image cut into bands of rows, with the rows that a window needs beyond its band."""
    made, (ax,) = figure(5, 2.8, (1,))
    for band, tint in enumerate((BLUE, GREEN, ORANGE)):
        ax.add_patch(Rectangle((0, 2 * band), 8, 2, facecolor=tint, edgecolor=LINE))
        ax.text(4, 2 * band + 1, f"band of rows {band + 1}", ha="center", va="center", color=INK)
        top = max(0, 2 * band - 0.4)
        height = min(6, 2 * band + 2.4) - top
        outline = {"fill": False, "edgecolor": INK, "linestyle": "--"}
        ax.add_patch(Rectangle((8.4 + 0.6 * band, top), 0.4, height, **outline))
    ax.text(8.2, -0.3, "rows that are read", color=INK, ha="left")
    ax.set_xlim(-0.2, 12)
    ax.set_ylim(6.2, -0.9)
    return made


# Activations


def curve(name: str) -> Figure:
    """Draw a function of numbers, and its gradient."""
    x = np.linspace(-4, 4, 401)
    made = Figure(figsize=(4.5, 3), layout="constrained", facecolor="white")
    ax = made.subplots()
    ax.axhline(0, color=LINE, linewidth=0.8)
    ax.axvline(0, color=LINE, linewidth=0.8)
    ax.plot(x, getattr(nn, name)(x), color=INK, linewidth=2, label=name)
    gradient = getattr(nn, f"{name}_backward")(np.ones_like(x), x)
    ax.plot(x, gradient, color="#cf222e", linestyle="--", label="gradient")
    ax.set_xlabel("input")
    ax.legend(frameon=False)
    return made


ACTIVATIONS = ("elu", "leaky_relu", "relu", "sigmoid", "tanh")

DRAWINGS: dict[str, Callable[[], Any]] = {
    each.__name__: each
    for each in (
        *(correlation, flip, impulse, borders, dilation, stride, padding, receptive_field),
        *(separable, depthwise, transposed, deformable, pooling, threads),
    )
}
DRAWINGS |= {f"curve_{name}": partial(curve, name) for name in ACTIVATIONS}


def draw(name: str, folder: Path) -> Path:
    """Draw one into a folder: a figure as SVG, and several in turn as an animation."""
    folder.mkdir(parents=True, exist_ok=True)
    made = DRAWINGS[name]()
    if isinstance(made, Figure):
        path = folder / f"{name}.svg"
        with mpl.rc_context({"svg.hashsalt": "imgconv"}):
            made.savefig(path, metadata={"Date": None})
        return path
    path = folder / f"{name}.gif"
    steps = [pixels(step) for step in made]
    PIL.Image.fromarray(steps[0]).save(
        path,
        save_all=True,
        append_images=[PIL.Image.fromarray(step) for step in steps[1:]],
        duration=MILLISECONDS,
        loop=0,
    )
    return path


def pixels(made: Figure) -> NDArray[np.uint8]:
    canvas = FigureCanvasAgg(made)
    made.set_dpi(100)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
