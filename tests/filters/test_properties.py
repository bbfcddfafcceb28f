"""Laws that hold for every image and kernel, and random draws of all that can be combined."""

import cases
import numpy as np
from cases import CASES, EXACT, assert_right, sample
from comparing import assert_close, assert_same_bits, awkward_arrays
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import imgconv
from imgconv.core import threads

LINEAR = [
    c for c in CASES if c.combine == "each" and isinstance(c.parts[0], cases.Part) and not c.selects
]
linear = st.sampled_from(LINEAR)
# A constant image stays constant by filters that smooth or choose pixels; differences are 0.
DIFFERENCES = (imgconv.morphological_gradient, imgconv.white_tophat, imgconv.black_tophat)
CONSTANT = [c for c in CASES if c.smooths and c.keeps_size and c.function not in DIFFERENCES]
modes = st.sampled_from(cases.MODES)
seeds = st.integers(0, 2**32 - 1)
numbers = st.floats(-100, 100, width=32)
integers = st.integers(-50, 50)


def shapes(smallest, largest):
    return st.tuples(*[st.integers(smallest, largest)] * 2)


def images(smallest=1, largest=24, elements=numbers):
    return shapes(smallest, largest).flatmap(
        lambda shape: arrays(np.float64, shape, elements=elements)
    )


def kernels(elements=integers, most=6):
    return images(1, most, elements)


# ---- laws ------------------------------------------------------------------------------------


@given(linear, shapes(9, 30), seeds, modes, numbers, numbers)
def test_linear(case, shape, seed, mode, a, b):
    """A sum of images gives the sum of the results."""
    f, g = sample(shape, "float64", seed), sample(shape, "float64", seed + 1)
    options = {"dtype": np.float64, "mode": mode}
    scale = (abs(a) + abs(b)) * 600 * max(part.gain for part in case.parts)
    whole = case.results(a * f + b * g, **options)
    parts = zip(case.results(f, **options), case.results(g, **options), strict=True)
    for result, (one, other) in zip(whole, parts, strict=True):
        assert_close(result, a * one + b * other, rtol=1e-14, scale=scale)


@given(st.sampled_from([c for c in EXACT if c.keeps_size]), shapes(9, 30), seeds, st.data())
def test_shift(case, shape, seed, data):
    """With mode="wrap", a shifted image gives the shifted result."""
    image = sample(shape, "float64", seed)
    by = data.draw(st.tuples(st.integers(-40, 40), st.integers(-40, 40)))
    moved = np.roll(image, by, axis=(0, 1))
    exact = [np.roll(result, by, axis=(0, 1)) for result in case.results(image, mode="wrap")]
    assert_right(case, case.call(moved, mode="wrap"), moved, mode="wrap", exact=exact)


@given(images(), kernels(), modes, st.sampled_from(["same", "full"]))
def test_flip(image, kernel, mode, shape):
    """Convolution is correlation with the kernel rotated by 180 degrees."""
    options = {"mode": mode, "shape": shape}
    convolved = imgconv.convolve(image, kernel, **options)
    # For even sizes the centre of the flipped kernel is one pixel further.
    even = [1 - k % 2 for k in kernel.shape]
    flipped = np.pad(kernel[::-1, ::-1], [(e if shape == "same" else 0, 0) for e in even])
    expected = imgconv.correlate(image, flipped, **options)
    assert_close(convolved, expected, rtol=1e-13, scale=100 * np.abs(kernel).sum() + 1)


@given(images(), kernels(), modes)
def test_mirror_image(image, kernel, mode):
    """A mirrored image and a mirrored kernel give the mirrored result."""
    odd_sized = kernel[: (kernel.shape[0] - 1) // 2 * 2 + 1, : (kernel.shape[1] - 1) // 2 * 2 + 1]
    actual = imgconv.correlate(image[:, ::-1], odd_sized[:, ::-1], mode=mode)[:, ::-1]
    expected = imgconv.correlate(image, odd_sized, mode=mode)
    assert_close(actual, expected, rtol=1e-13, scale=100 * np.abs(kernel).sum() + 1)


@given(
    images(),
    arrays(np.float64, st.integers(1, 9), elements=integers),
    arrays(np.float64, st.integers(1, 9), elements=integers),
    modes,
    numbers,
)
def test_separable_is_dense(image, kernel_y, kernel_x, mode, cval):
    kernel = np.outer(kernel_y, kernel_x)
    separable = imgconv.separable(image, kernel_y, kernel_x, mode=mode, cval=cval)
    dense = imgconv.correlate(image, kernel, mode=mode, cval=cval)
    assert_close(separable, dense, rtol=1e-13, scale=100 * np.abs(kernel).sum() + 1)


@given(kernels(most=9), kernels(most=9))
def test_full_convolution_commutes(a, b):
    """Exactly, with integers."""
    options = {"shape": "full", "mode": "constant"}
    assert_same_bits(imgconv.convolve(a, b, **options), imgconv.convolve(b, a, **options))


@given(kernels(most=5), kernels(most=5), kernels(most=5))
def test_full_convolution_is_associative(a, b, c):
    def full(image, kernel):
        return imgconv.convolve(image, kernel, shape="full", mode="constant")

    assert_same_bits(full(full(a, b), c), full(a, full(b, c)))


@given(
    st.sampled_from(CONSTANT),
    st.sampled_from(cases.DTYPES),
    shapes(1, 40),
    st.sampled_from(["reflect", "mirror", "nearest", "wrap"]),
    st.data(),
)
def test_constant_in_constant_out(case, dtype, shape, mode, data):
    image = np.full(shape, sample((), dtype, data.draw(seeds)))
    exact = image if case.selects else image.astype(np.float64)
    assert_right(case, case.call(image, mode=mode), image, exact=exact)


@given(
    st.sampled_from(list(cases.DIFFERENCES)),
    st.sampled_from([0, 1]),
    st.lists(integers, min_size=1, max_size=8),
)
def test_derivative_is_exact_on_polynomials(method, axis, coefficients):
    order, accuracy = method
    polynomial = np.polynomial.Polynomial(coefficients[: order + accuracy])
    x = np.arange(-8.0, 9)
    rows = np.repeat(polynomial(x)[None], 5, axis=0)
    image = rows.T if axis == 0 else rows
    actual = imgconv.derivative(image, axis, order=order, accuracy=accuracy)
    inner = (actual.T if axis == 0 else actual)[:, 4:-4]
    exact = np.broadcast_to(polynomial.deriv(order)(x[4:-4]), inner.shape)
    scale = np.abs(image).max() * np.abs(cases.DIFFERENCES[method]).sum()
    assert_close(np.ascontiguousarray(inner), exact, rtol=1e-14, scale=scale + 1)


@given(images(), st.integers(1, 7), st.integers(1, 7), modes)
def test_box_is_a_mean(image, height, width, mode):
    box = imgconv.box(image, (height, width), mode=mode)
    dense = imgconv.correlate(image, np.full((height, width), 1 / (height * width)), mode=mode)
    assert_close(box, dense, rtol=1e-14, scale=100)
    assert box.min() >= min(image.min(), 0) - 1e-12
    assert box.max() <= max(image.max(), 0) + 1e-12


# ---- random draws ----------------------------------------------------------------------------


@st.composite
def calls(draw):
    """Draw a filter, an image and all keywords, independently of each other."""
    case = draw(st.sampled_from(CASES))
    dtype = draw(st.sampled_from(cases.DTYPES))
    smallest = max(max(part.window) for part in case.parts) if not case.fits((1, 1)) else 1
    size = draw(st.tuples(*[st.integers(smallest, 24) | st.sampled_from([33, 64, 129])] * 2))
    stack = draw(st.lists(st.integers(1, 4), max_size=2))
    shape, axes = list(stack), []
    for n in size:
        at = draw(st.integers(0, len(shape)))
        shape.insert(at, n)
        axes = [a + (a >= at) for a in axes] + [at]
    common = {
        "mode": draw(modes | st.tuples(modes, modes)),
        "cval": draw(numbers),
        "dtype": draw(st.none() | st.sampled_from(cases.DTYPES)),
    }
    others = [axis for axis in range(len(shape)) if axis not in axes]
    channel = draw(st.sampled_from([None, *others]))
    given_axes = len(others) > 1 or channel is None or axes != sorted(axes) or draw(st.booleans())
    if others and channel is not None:
        common["channel_axis"] = channel
    if given_axes:
        common["axes"] = tuple(axes)
    return case, sample(shape, dtype, draw(seeds)), axes, common


def by_planes(result, image, axes):
    """Return results plane by plane; several results of one call are stacked within each plane."""
    stacked = result.ndim - image.ndim
    moved = np.moveaxis(result, [axis + stacked for axis in axes], (-2, -1))
    moved = np.moveaxis(moved, 0, -3) if stacked else moved
    return moved.reshape(-1, *moved.shape[-2 - stacked :])


@settings(max_examples=400)
@given(calls(), st.data())
def test_random_call(call, data):
    """Any filter, image and keywords: equal to the reference implementation, plane by plane."""
    case, image, axes, common = call
    layouts = {"plain": image, **dict(awkward_arrays(image))}
    layout = layouts[data.draw(st.sampled_from(sorted(layouts)))]
    before, threads.SERIAL_BELOW = threads.SERIAL_BELOW, 0
    try:
        with imgconv.threads(data.draw(st.integers(1, 3))):
            results = case.results(layout, **common)
            outs = dict(enumerate(np.empty_like(result) for result in results))
            if data.draw(st.booleans()):
                outs = {
                    k: dict(awkward_arrays(np.zeros_like(result)))["strided"]
                    for k, result in enumerate(results)
                }
            case.call(layout, out=tuple(outs.values()) if case.count == 2 else outs[0], **common)
    finally:
        threads.SERIAL_BELOW = before
    for k, result in enumerate(results):
        assert_same_bits(outs[k].copy(), result)
    planes = np.moveaxis(image, axes, (-2, -1)).reshape(-1, *(image.shape[axis] for axis in axes))
    filtered = [by_planes(result, image, axes) for result in results]
    options = {key: common[key] for key in ("mode", "cval", "dtype")}
    for k, plane in enumerate(planes):
        assert_right(case, tuple(np.array(result[k]) for result in filtered), plane, **options)
