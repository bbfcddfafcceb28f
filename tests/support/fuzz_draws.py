"""Random lines of Python, calls that use the names of fuzz_calls.py.

A line is drawn from the seed and its number alone.
"""

from typing import Any

import cases
import fuzz_calls
import numpy as np
from cases import CORE, OTHERS, Case
from fuzz_calls import Image, Layout, Out, Text, call_of
from fuzz_faces import NDIMAGE, weights
from fuzz_faces import OTHERS as OTHER_FACES
from fuzz_files import DAMAGED

Draw = np.random.Generator
MODES = [*cases.MODES, "grid-mirror", "grid-wrap", "grid-constant"]
# On both sides of the widths of tiles, chunks and strips.
EDGES = (63, 64, 65, 127, 128, 129, 255, 256, 257, 511, 513, 1023, 1024, 1025, 2049, 4097)
HUGE = (2**31 - 1, 2**31, 2**40, 2**62, 2**63, 2**64)
ORDER = ("minimum", "maximum", "median", "percentile", "rank", *cases.SCIPY_MORPHOLOGY)


def one_of(rng: Draw, values: Any) -> Any:
    """Return one of some values, as it is."""
    return values[int(rng.integers(len(values)))]


def between(rng: Draw, low: int, high: int) -> int:
    """Return an integer from low to high, both included."""
    return int(rng.integers(low, high + 1))


def extent(rng: Draw, most: int) -> int:
    """Return a stride, a dilation or a size, seldom an impossible one."""
    return one_of(rng, HUGE) if rng.random() < 0.01 else between(rng, 1, most)


def size(rng: Draw) -> tuple[int, int]:
    """Return the size of an image: empty, thin, small, or past the pieces that loops work on."""
    chance = rng.random()
    if chance < 0.03:
        return one_of(rng, [(0, 0), (0, between(rng, 1, 9)), (between(rng, 1, 9), 0)])
    if chance < 0.15:
        return one_of(rng, [(1, 1), (1, between(rng, 1, 300)), (between(rng, 1, 300), 1)])
    if chance < 0.45:
        most = one_of(rng, [3, 12])
        return between(rng, 1, most), between(rng, 1, most)
    if chance < 0.85:
        return between(rng, 1, 70), between(rng, 1, 90)
    if chance < 0.95:
        return between(rng, 1, 9), one_of(rng, EDGES) + between(rng, -1, 1)
    return between(rng, 100, 700), between(rng, 1, 20)


def layout(rng: Draw, ndim: int, steps: tuple[int, ...]) -> Layout:
    """Return a layout with some of these steps along its axes."""
    axes = rng.permutation(ndim) if rng.random() < 0.4 else np.arange(ndim)
    away = one_of(rng, [1, 2, 3, 8, 64, 4096]) if rng.random() < 0.4 else 0
    return Layout(tuple(axes.tolist()), tuple(one_of(rng, steps) for _ in range(ndim)), away)


def dtype(rng: Draw) -> str:
    """Return the dtype of pixels, in either byte order."""
    name = np.dtype(one_of(rng, cases.DTYPES)).str
    return name.replace("<", ">") if rng.random() < 0.2 else name


def axes(rng: Draw, most: int = 2) -> tuple[tuple[int, ...], dict[str, Any]]:
    """Return the shape of an image, and the keywords that name its axes."""
    height, width = size(rng)
    more = 0 if rng.random() < 0.7 else between(rng, 1, most)
    if not more:
        return (height, width), {}
    sides = [one_of(rng, [0, 1, 1, 2, 3, 3, 4, 5]) for _ in range(more)]
    small = height * width * int(np.prod(sides)) > 40_000
    shape = [*(min(n, 40) if small else n for n in (height, width)), *sides]
    places = rng.permutation(len(shape)).tolist()
    permuted = tuple(shape[axis] for axis in places)
    y, x, *others = (places.index(axis) - len(shape) * (rng.random() < 0.3) for axis in
                     range(len(shape)))  # fmt: skip
    if more == 1 and rng.random() < 0.6:
        return permuted, {"channel_axis": others[0]} | (
            {"axes": (y, x)} if rng.random() < 0.3 else {}
        )
    channel = {"channel_axis": others[-1]} if rng.random() < 0.4 else {}
    return permuted, {"axes": (y, x)} | channel


def image(rng: Draw, shape: tuple[int, ...], kind: str | None = None) -> Image:
    """Return an image in some layout."""
    chance = rng.random()
    placed = None
    if chance < 0.6:
        steps = (1,) if chance < 0.1 else (1, 1, -1) if chance < 0.3 else (1, -1, 2, -2, 3, 0)
        placed = layout(rng, len(shape), steps)
    return Image(shape, kind or dtype(rng), between(rng, 0, 999), placed, rng.random() < 0.1)


def out(rng: Draw, image: Image, ndim: int, same_size: bool) -> Out | None:
    """Return an array to fill, or none."""
    chance = rng.random()
    if chance < 0.4:
        return None
    writable = not image.read_only
    if chance < 0.55 and same_size and writable and 0 not in image.placed.steps:
        return Out("same")
    kind = np.dtype(image.dtype).str if rng.random() < 0.5 else dtype(rng)
    steps = (1,) if rng.random() < 0.4 else (1, 1, -1, 2, -3)
    where = "shared" if chance < 0.8 and writable else "fresh"
    return Out(where, kind, layout(rng, ndim, steps))


def border(rng: Draw) -> dict[str, Any]:
    """Return mode and cval."""
    options: dict[str, Any] = {}
    if rng.random() < 0.8:
        one = one_of(rng, MODES)
        options["mode"] = one if rng.random() < 0.6 else (one, one_of(rng, MODES))
    if rng.random() < 0.4:
        options["cval"] = one_of(rng, [1.0, 1.5, -3.25, 300.0, 70_000.0])
    return options


def footprint(rng: Draw) -> list[list[int]]:
    """Return the pixels of a window; often with empty margins on some sides."""
    most = one_of(rng, [3, 5, 9, 17])
    height, width = between(rng, 1, most), between(rng, 1, most)
    pixels = rng.random((height, width)) < one_of(rng, [0.15, 0.5, 0.8, 1.0])
    if rng.random() < 0.5:
        inside = np.zeros_like(pixels)
        top, left = between(rng, 0, height - 1), between(rng, 0, width - 1)
        inside[top : between(rng, top, height), left : between(rng, left, width)] = True
        pixels &= inside
    if not pixels.any():
        pixels[between(rng, 0, height - 1), between(rng, 0, width - 1)] = True
    return pixels.astype(int).tolist()


def order_row(rng: Draw) -> tuple[str, int]:
    """Return the text of a row that selects pixels, and how many results it stacks."""
    name = one_of(rng, ORDER)
    if rng.random() < 0.6:
        window: Any = footprint(rng)
    else:
        window = (between(rng, 1, 9), one_of(rng, [1, 2, 3, 5, 8, 15, 40]))
    count = np.count_nonzero(window) if np.ndim(window) == 2 else int(np.prod(window))
    place: Any = None
    if name == "rank":
        place = between(rng, -count, count - 1)
    if name == "percentile":
        place = one_of(rng, [0, 20, 50, 100, [50], [0, 30, 100]])
    return call_of("order", name, window, place), len(place) if isinstance(place, list) else 0


def dense_row(rng: Draw) -> str:
    """Return the text of a row that correlates or convolves."""
    most = one_of(rng, [3, 3, 5, 5, 9, 30])
    options: dict[str, Any] = {}
    if rng.random() < 0.3:
        options["stride"] = (extent(rng, 4), extent(rng, 4))
    if rng.random() < 0.3:
        options["dilation"] = (extent(rng, 5), extent(rng, 5))
    if rng.random() < 0.3:
        options["shape"] = one_of(rng, ["same", "full", "valid"])
    if rng.random() < 0.3:
        options["method"] = one_of(rng, ["direct", "fft", "separable"])
    sides = between(rng, 1, most), between(rng, 1, most)
    return call_of("dense", one_of(rng, ["correlate", "convolve"]), sides, between(rng, 0, 99),
                   **options)  # fmt: skip


def pool_row(rng: Draw) -> str:
    """Return the text of a row that pools."""
    window = extent(rng, 9), extent(rng, 9)
    how = one_of(rng, ["max", "min", "sum", "mean", "median"])
    options: dict[str, Any] = {"size": window, "how": how}
    if rng.random() < 0.6:
        options["stride"] = extent(rng, 9), extent(rng, 9)
    if rng.random() < 0.4:
        halves = [min(9, k // 2) for k in window]
        options["padding"] = tuple((between(rng, 0, k), between(rng, 0, k)) for k in halves)
    if rng.random() < 0.3:
        options["dilation"] = extent(rng, 3), extent(rng, 3)
    if rng.random() < 0.3:
        options["ceil_mode"] = True
    return call_of("pool_case", **options)


def filter_line(rng: Draw) -> str:
    """Return a call of `check`."""
    chance, stacked = rng.random(), 0
    if chance < 0.35:
        text, stacked = order_row(rng)
    elif chance < 0.5:
        text = dense_row(rng)
    elif chance < 0.57:
        text = pool_row(rng)
    else:
        rows = CORE if rng.random() < 0.3 else OTHERS if rng.random() < 0.15 else cases.CASES
        text = f"row({one_of(rng, rows).id!r})"
    filter = eval(text, vars(fuzz_calls))
    shape, common = axes(rng)
    pixels = image(rng, shape)
    if isinstance(filter, Case):
        common |= border(rng)
    stacked = stacked or getattr(filter, "stacked", 0)
    same_size = not stacked and filter.keeps_size
    target = out(rng, pixels, len(shape) + bool(stacked), same_size)
    if target is None and rng.random() < 0.2:
        common["dtype"] = np.dtype(dtype(rng)).name
    pieces = "strips" if rng.random() < 0.2 else None
    return call_of("check", Text(text), pixels, out=target, threads=between(rng, 1, 5),
                   pieces=pieces, **common)  # fmt: skip


def step_text(rng: Draw, mode: str) -> str:
    """Return one step of a pipeline; `mode` for all its borders."""
    from chains import BRANCHED, POINTWISE, WINDOWED

    chance = rng.random()
    if chance < 0.4:
        name = one_of(rng, ("minimum", "maximum", "median", *cases.SCIPY_MORPHOLOGY))
        return call_of(name, footprint=footprint(rng), mode=Text(mode))
    if chance < 0.5:
        size = between(rng, 1, 6), between(rng, 1, 6)
        kernel = np.round(weights(rng, size), 2).tolist()
        return call_of(one_of(rng, ["correlate", "convolve"]), kernel=kernel, mode=Text(mode))
    if chance < 0.8:
        return one_of(rng, WINDOWED).format(mode)
    if chance < 0.92:
        return one_of(rng, POINTWISE)
    return one_of(rng, BRANCHED).format(mode, mode)


def chain_line(rng: Draw) -> str:
    """Return a call of `chain`."""
    mode = one_of(rng, cases.MODES)
    steps = []
    for _ in range(between(rng, 1, 5)):
        mode = one_of(rng, cases.MODES) if rng.random() < 0.3 else mode
        steps.append(step_text(rng, mode))
    shape, common = axes(rng, 1)
    pixels = image(rng, shape)
    chunks = target = None
    if rng.random() < 0.35:
        # No more than a few chunks along each axis: a task costs a millisecond.
        chunks = tuple(max(1, n // between(rng, 1, 5)) for n in shape)
    elif rng.random() < 0.4:
        target = out(rng, pixels, len(shape), False)
    pieces = "bands" if rng.random() < 0.6 else None
    return call_of("chain", " | ".join(steps), pixels, out=target, threads=between(rng, 1, 5),
                   pieces=pieces, chunks=chunks, **common)  # fmt: skip


def layer_line(rng: Draw) -> str:
    """Return a call of `layer`."""
    name = one_of(rng, ["conv2d", "conv_transpose2d", "max_pool2d", "avg_pool2d", "lp_pool2d"])
    kind = one_of(rng, ["<f4", "<f4", "<f8", ">f4"])
    channels, window = between(rng, 1, 5), (between(rng, 1, 5), between(rng, 1, 5))
    if rng.random() < 0.3:  # sums over channels alone: 1x1, and 3x3 by Winograd's algorithm
        channels, window = between(rng, 1, 40), one_of(rng, [(1, 1), (3, 3)])
    first = image(rng, (between(rng, 0, 3), channels, *size(rng)), kind)
    options: dict[str, Any] = {"stride": (between(rng, 1, 3), between(rng, 1, 3))}
    options["padding"] = tuple(between(rng, 0, k // 2) for k in window)
    grad = image(rng, (0, 0, 0, 0), kind) if rng.random() < 0.6 else None
    options |= {"threads": between(rng, 1, 5), "grad": grad}
    if name == "lp_pool2d":
        del options["padding"]
        return call_of("layer", name, first, 2, window, **options)
    if not name.startswith("conv"):
        return call_of("layer", name, first, window, **options)
    others = between(rng, 1, 9) if channels < 6 else between(rng, 1, 40)
    sides = (others, channels) if name == "conv2d" else (channels, others)
    kernel = image(rng, (*sides, *window), kind)
    bias = image(rng, (others,), kind) if rng.random() < 0.5 else None
    options["dilation"] = between(rng, 1, 2), between(rng, 1, 2)
    if name == "conv2d" and window == (3, 3) and rng.random() < 0.7:
        options |= {"stride": 1, "dilation": 1, "winograd": one_of(rng, [None, True])}
    return call_of("layer", name, first, kernel, bias, **options)


def points_line(rng: Draw) -> str:
    """Return a call of `points`."""
    name = one_of(rng, ["peaks", "blobs", "edge_points", "match"])
    pixels, template = image(rng, size(rng)), None
    options: dict[str, Any] = {}
    if name == "peaks":
        options["min_distance"] = between(rng, 0, 12)
        options |= {"border": between(rng, 0, 4)} if rng.random() < 0.5 else {}
        options |= {"count": between(rng, 1, 30)} if rng.random() < 0.3 else {}
    elif name == "blobs":
        low = float(rng.uniform(0.8, 3))
        options |= {"min_sigma": low, "max_sigma": low * float(rng.uniform(0.9, 4))}
        options |= {"method": one_of(rng, ["log", "dog", "doh"]), "steps": between(rng, 1, 5)}
        options["overlap"] = float(rng.random())
    elif name == "edge_points":
        options["sigma"] = float(rng.uniform(0.5, 3))
    else:
        template = image(rng, (between(rng, 1, 9), between(rng, 1, 9)))
        options["method"] = one_of(rng, ["zncc", "ncc", "ssd", "correlation"])
        options["shape"] = one_of(rng, ["valid", "same", "full"])
    pieces = "strips" if rng.random() < 0.2 else None
    return call_of("points", name, pixels, template, threads=between(rng, 1, 5), pieces=pieces,
                   **options)  # fmt: skip


def missing_line(rng: Draw) -> str:
    """Return a call of a filter in which pixels do not count alike."""
    return call_of("missing", between(rng, 0, 10**6), 0, threads=between(rng, 1, 5))


def measured_line(rng: Draw) -> str:
    """Return a call of a threshold, a statistic or a filter that equalises."""
    return call_of("measured", between(rng, 0, 10**6), 0, threads=between(rng, 1, 5))


def file_line(rng: Draw) -> str:
    """Return a call of `damaged_file` or of `apply_to_file`."""
    if rng.random() < 0.7:
        return call_of("damaged_file", one_of(rng, sorted(DAMAGED)), between(rng, 0, 10**6))
    mode = one_of(rng, cases.MODES)
    text = " | ".join(step_text(rng, mode) for _ in range(between(rng, 1, 3)))
    height, width = (max(1, n) for n in size(rng))
    colours = one_of(rng, [(), (3,)])
    pixels = Image((height, width, *colours), one_of(rng, ["|u1", "<u2", "<f4"]),
                   between(rng, 0, 999))  # fmt: skip
    return call_of("apply_to_file", text, pixels)


# How often each kind of line is drawn, in percent.
KINDS = {"filter": 48, "points": 3, "missing": 5, "measured": 3, "chain": 17, "face": 14}
KINDS |= {"layer": 6, "file": 4}
LINES = {
    "filter": filter_line,
    "points": points_line,
    "missing": missing_line,
    "measured": measured_line,
    "chain": chain_line,
    "layer": layer_line,
    "file": file_line,
}
FACES = [*NDIMAGE, *OTHER_FACES]


def draw(seed: int, number: int, only: str | None = None) -> str:
    """Return line number `number`: of any kind, of one, or of one function of a face."""
    rng = np.random.default_rng((seed, number))
    function = only if only in FACES else None
    kind = only or one_of(rng, [kind for kind, percent in KINDS.items() for _ in range(percent)])
    if kind == "face" or function:
        return call_of("face", seed, number, only=function, threads=between(rng, 1, 5))
    return LINES[kind](rng)
