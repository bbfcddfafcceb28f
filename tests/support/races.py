"""Functions called from many threads at once: the bits must be those of the same calls alone.

    make races ARGS="--seconds 120"                       # on loops that watch for races
    python tests/support/races.py --seconds 120           # on ordinary ones
    python tests/support/races.py --round 17              # one round again

What threads share is in use all the time: caches, which are cleared meanwhile, memory that is kept
for results, modules, and images. Each thread also fills its part of an array that all fill, in
which the parts of the others lie beside, between and behind its own, and filters images in place.
"""

import argparse
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from caches import caches
from cases import CASES, as_tuple, sample
from gradients import functions
from layer_calls import calls

import imgconv
from imgconv import nn
from imgconv.core import memory, threads

CACHES = list(caches().values())
DTYPES = ("uint8", "int16", "float16", "float32", "float64")
# Rounds of so many calls, each done by so many threads.
CALLS, THREADS = 12, 6
SECONDS = 120


class Call(NamedTuple):
    """Something to run that returns arrays, and its name in reports."""

    name: str
    run: Callable[[], tuple[np.ndarray, ...]]


def fresh_calls(seed: int) -> list[Callable[[], Any]]:
    """Return calls of all kinds whose operations, weights and plans no cache has yet."""
    rng = np.random.default_rng(seed)
    image = np.random.default_rng(0).random((24, 31), np.float32)
    images = image[:24, :30].reshape(1, 3, 16, 15)
    kernel, few = rng.random((5, 7)), rng.random((4, 3, 3, 3), np.float32)
    square = rng.integers(1, 9, (3, 3))
    footprint = rng.random((4, 5)) < 0.7
    footprint[1, 2] = True
    sigma, size = float(rng.uniform(0.5, 1.5)), tuple(int(n) for n in rng.integers(2, 12, 2))
    text = f"gaussian(sigma={sigma}) | (sobel + box(size={size[0]})) | median(size=3)"
    return [
        lambda: imgconv.correlate(image, kernel),
        lambda: imgconv.correlate(image, kernel, method="fft"),
        lambda: imgconv.correlate((image * 255).astype(np.uint8), square),
        lambda: imgconv.gaussian(image, sigma),
        lambda: imgconv.gaussian(image, 20 * sigma, method="resample"),
        lambda: imgconv.gaussian(image, 20 * sigma, method="fft"),
        lambda: imgconv.box(image, size),
        lambda: imgconv.median(image, footprint=footprint),
        lambda: imgconv.opening(image, footprint=footprint),
        lambda: imgconv.canny(image, sigma),
        lambda: imgconv.pool(image, size, how="mean"),
        lambda: imgconv.Pipeline(text)(image),
        lambda: imgconv.ndimage.gaussian_filter(image, sigma),
        lambda: imgconv.ndimage.correlate1d(image, kernel[0], axis=int(size[0] % 2)),
        lambda: imgconv.ndimage.rank_filter(image, 1, footprint=footprint),
        lambda: imgconv.nn.conv2d(images, few, padding=1),
        lambda: imgconv.nn.max_pool2d(images, 2),
        lambda: imgconv.nn.interpolate(images, scale_factor=1.5, mode="bilinear"),
    ]


def drawn(rng: np.random.Generator) -> Iterator[Call]:
    """Yield calls: filters, filters in place, layers with gradients, and fresh operations."""
    while True:
        yield filtered(rng)
        yield in_place(rng)
        yield layer(rng)
        fresh = fresh_calls(int(rng.integers(1 << 30)))
        number = int(rng.integers(len(fresh)))
        yield Call(f"fresh call {number}", lambda one=fresh[number]: as_tuple(one()))


def image_of(rng: np.random.Generator) -> np.ndarray:
    """Return an image of some size and dtype."""
    height, width, seed = (int(n) for n in rng.integers((1, 1, 0), (90, 120, 1 << 30)))
    return sample((height, width), str(rng.choice(DTYPES)), seed)


def filtered(rng: np.random.Generator) -> Call:
    """Return a filter of an image that all threads read."""
    image = image_of(rng)
    fitting = [case for case in CASES if case.fits(image.shape)]
    case = fitting[rng.integers(len(fitting))]
    return Call(f"{case.id} of {image.dtype} {image.shape}", lambda: case.results(image))


def in_place(rng: np.random.Generator) -> Call:
    """Return a filter of an image into itself."""
    image = image_of(rng)
    fitting = [case for case in CASES if case.keeps_size and case.count == 1]
    case = fitting[rng.integers(len(fitting))]

    def run() -> tuple[np.ndarray, ...]:
        own = image.copy()
        return as_tuple(case.call(own, out=own))

    return Call(f"{case.id} of {image.dtype} {image.shape} in place", run)


def layer(rng: np.random.Generator) -> Call:
    """Return a function of `imgconv.nn` with its gradient."""
    name = str(rng.choice(functions()))
    choices = calls(name, rng, str(rng.choice(["float32", "float64"])))
    args, options = choices[rng.integers(len(choices))]
    # A function may change its arguments, as batch_norm its means: it gets copies.
    args, seed = tuple(args), int(rng.integers(1 << 30))

    def run() -> tuple[np.ndarray, ...]:
        own = [arg.copy() if isinstance(arg, np.ndarray) else arg for arg in args]
        result = np.asarray(getattr(nn, name)(*own, **options))
        grad = np.random.default_rng(seed).standard_normal(result.shape).astype(result.dtype)
        found = as_tuple(getattr(nn, f"{name}_backward")(np.asarray(grad), *own, **options))
        return (result, *(each for each in found if each is not None))

    return Call(f"nn.{name}", run)


def bits(results: tuple[Any, ...]) -> list[bytes]:
    """Return what must be equal."""
    return [np.asarray(each).tobytes() for each in results]


def together(work: Callable[[int], None]) -> list[str]:
    """Run `work` with the number of each thread, all at once, and return what it raised."""
    barrier = threading.Barrier(THREADS)
    errors: list[str] = []

    def start(number: int) -> None:
        barrier.wait()
        try:
            work(number)
        except Exception as error:
            errors.append(f"{type(error).__name__}: {error}")

    several = [threading.Thread(target=start, args=(number,)) for number in range(THREADS)]
    for each in several:
        each.start()
    for each in several:
        each.join()
    return errors


def same_calls(rng: np.random.Generator) -> list[str]:
    """Return which calls give other bits where all threads do all of them, each in its order."""
    stream = drawn(rng)
    several = [next(stream) for _ in range(CALLS)]
    with imgconv.threads(1):
        expected = [bits(each.run()) for each in several]
    orders = [rng.permutation(CALLS) for _ in range(THREADS)]
    counts = rng.integers(1, 4, THREADS)
    wrong: list[str] = []

    def work(number: int) -> None:
        for step, index in enumerate(orders[number]):
            if number == 0 and step % 4 == 0:
                CACHES[step // 4 % len(CACHES)].clear()
                imgconv.reuse_memory(1 << (20 + step))
            with imgconv.threads(int(counts[number])):
                if bits(several[index].run()) != expected[index]:
                    wrong.append(several[index].name)

    for each in CACHES:
        each.clear()
    return together(work) + wrong


def side_by_side(rng: np.random.Generator) -> list[str]:
    """Return the filter whose results, in parts of one array, differ from that filled alone."""
    image = image_of(rng)
    fitting = [case for case in CASES if case.fits(image.shape)]
    case = fitting[rng.integers(len(fitting))]
    with imgconv.threads(1):
        expected = case.results(image)
    axis = int(rng.integers(1 + expected[0].ndim))
    shared = [
        np.zeros((*each.shape[:axis], THREADS, *each.shape[axis:]), each.dtype) for each in expected
    ]

    def work(number: int) -> None:
        outs = tuple(np.moveaxis(each, axis, 0)[number] for each in shared)
        with imgconv.threads(1 + number % 3):
            case.call(image, out=outs if len(outs) > 1 else outs[0])

    errors = together(work)
    right = all(
        np.ascontiguousarray(part).tobytes() == one.tobytes()
        for one, each in zip(expected, shared, strict=True)
        for part in np.moveaxis(each, axis, 0)
    )
    name = f"{case.id} of {image.dtype} {image.shape} along axis {axis}"
    return [f"{name}: {each}" for each in errors] + [name] * (not right)


def wrong_in(number: int) -> list[str]:
    """Return what is wrong in a round."""
    rng = np.random.default_rng(number)
    return same_calls(rng) + [name for _ in range(4) for name in side_by_side(rng)]


def prepare() -> None:
    """Let the smallest image use threads and kept memory, and threads change places often."""
    threads.SERIAL_BELOW = memory.LARGE = 0
    sys.setswitchinterval(1e-5)


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--round", type=int, help="this round alone")
    arguments = parser.parse_args()
    prepare()
    if arguments.round is not None:
        print(*(wrong_in(arguments.round) or ["no difference"]), sep="\n")
        return 0
    end, number, found = time.monotonic() + arguments.seconds, 0, 0
    while time.monotonic() < end and found < 20:
        for what in wrong_in(number):
            print(f"--round {number}: {what}", flush=True)
            found += 1
        number += 1
    print(f"{number * (CALLS + 4) * THREADS} calls, {found} differences")
    return int(found > 0)


if __name__ == "__main__":
    sys.exit(main())
