"""Layout in memory: axes, channels, strides, `out=`, and images of every size."""

import ctypes
import inspect
import itertools
import mmap
import sys

import cases
import numpy as np
import pytest
from cases import BY_ID, CASES, CORE, as_tuple, assert_right, sample
from comparing import assert_same_bits, awkward_arrays
from processes import python

import imgconv
from imgconv.core import params, plan


def each(rows):
    return pytest.mark.parametrize("case", rows, ids=lambda case: case.id)


each_core = each(CORE)
IN_PLACE = [case for case in CASES if case.keeps_size and case.count == 1]


def assert_same_results(actual, expected):
    """Assert the same bits in one result or in each of two."""
    for one, other in zip(as_tuple(actual), as_tuple(expected), strict=True):
        assert_same_bits(np.ascontiguousarray(one), other)


# ---- memory of the image ---------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int16", "float16", "float32", "float64"])
@each_core
def test_awkward_images(case, dtype):
    image = sample((21, 149), dtype)
    expected = case.results(image)
    for _, awkward in awkward_arrays(image):
        assert_same_results(case.results(awkward), expected)


@each_core
def test_image_is_left_alone(case):
    image = sample((21, 80))
    before = image.copy()
    case.call(image)
    assert_same_bits(image, before)


@each_core
def test_broadcast_images(case):
    row, column = sample((1, 90)), sample((21, 1))
    for lines in (row, column, sample((1, 1))):
        image = np.broadcast_to(lines, (21, 90))
        assert_same_results(case.results(image), case.results(image.copy()))


def test_subclasses_give_plain_arrays(tmp_path):
    image = sample((9, 20))
    image.tofile(tmp_path / "image")
    mapped = np.memmap(tmp_path / "image", np.float32, "r", shape=(9, 20))
    assert_same_bits(imgconv.sobel(mapped), imgconv.sobel(image))


# ---- out -------------------------------------------------------------------------------------


def poisoned(results):
    """Return arrays for results, filled with a value that no filter returns here."""
    return tuple(np.full_like(r, 111 if r.dtype.kind in "biu" else np.nan) for r in results)


def as_out(outs):
    """Return arrays as the keyword `out`: an array, or a pair."""
    return outs if len(outs) == 2 else outs[0]


@each(CASES)
def test_out_is_filled_and_returned(case):
    for dtype in ("uint8", "float32", "float64"):
        image = sample((21, 90), dtype)
        expected = case.results(image)
        out = as_out(poisoned(expected))
        assert case.call(image, out=out) is out
        assert_same_results(out, expected)


def awkward_outs(shape, dtype):
    """Yield (array to fill, array around it) of every layout, filled with 77."""
    dtype, (height, width) = np.dtype(dtype), shape
    around = np.full((2 * height + 3, 3 * width + 5), 77, dtype)
    yield around[1 : 2 * height + 1 : 2, 2 : 3 * width + 2 : 3], around
    around = np.full((height + 2, width + 3), 77, dtype)
    yield around[1:-1, 1:-2], around
    around = np.full((height + 2, width + 3), 77, dtype)
    yield around[1:-1, 1:-2][::-1, ::-1], around
    around = np.full((width + 3, height + 2), 77, dtype)
    yield around[2:-1, 1:-1].T, around
    around = np.full((height + 2, width + 3), 77, dtype.newbyteorder("S"))
    yield around[1:-1, 1:-2], around
    memory = np.zeros(height * width * dtype.itemsize + 1, np.uint8)
    unaligned = memory[1:].view(dtype).reshape(shape)
    unaligned[...] = 77
    yield unaligned, memory


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float16", "float32", "float64", "int64"])
@each_core
def test_awkward_outs(case, dtype):
    image = sample((21, 149), "int16")
    expected = case.results(image, dtype=dtype)
    for pairs in zip(*(awkward_outs(e.shape, dtype) for e in expected), strict=True):
        outs = tuple(out for out, _ in pairs)
        untouched = [around.copy() for _, around in pairs]
        case.call(image, out=as_out(outs))
        assert_same_results([out.astype(dtype) for out in outs], expected)
        for (out, around), before in zip(pairs, untouched, strict=True):
            out[...] = 77
            assert (around == before).all(), "written beyond out"


@pytest.mark.usefixtures("always_parallel")
@each(IN_PLACE)
def test_out_is_the_image(case):
    shapes = [(1, 1), (2, 100), (40, 70), (130, 33)]
    for shape, dtype, n in itertools.product(shapes, ["uint8", "float32", "float64"], [1, 3]):
        expected = case.call(sample(shape, dtype), dtype=dtype)
        with imgconv.threads(n):
            image = sample(shape, dtype)
            assert case.call(image, out=image) is image
            assert_same_bits(image, expected)


@each([case for case in CORE if case in IN_PLACE])
def test_awkward_image_is_out(case):
    image = sample((60, 75))
    expected = case.results(image)
    for name, awkward in awkward_arrays(image):
        if name != "read-only":
            case.call(awkward, out=awkward)
            assert_same_bits(awkward.astype(np.float32), expected[0])


@pytest.mark.usefixtures("always_parallel")
@pytest.mark.parametrize("threads", [1, 3])
@each_core
def test_out_overlaps_the_image(case, threads):
    for y, x in itertools.product((0, 2, 4), (0, 2, 4)):
        around = sample((54, 84), seed=5)
        image = around[2:42, 2:72]
        expected = case.results(image.copy())
        height, width = expected[0].shape
        outs = tuple(a[y : y + height, x : x + width] for a in (around, np.empty_like(around)))
        with imgconv.threads(threads):
            case.call(image, out=as_out(outs[: case.count]))
        assert_same_results(outs[: case.count], expected)


@each([case for case in CORE if case.keeps_size])
def test_out_is_another_view_of_the_image(case):
    """Transposed, reversed, or other pixels in the same memory."""
    for view in (lambda a: a.T, lambda a: a[::-1], lambda a: a[:, ::-1], lambda a: a.view(">f4"),
                 lambda a: a.view(np.int32), lambda a: a.view(np.uint32)[::-1, ::-1]):  # fmt: skip
        image, other = sample((64, 64)), view(np.empty((64, 64), np.float32))
        out = view(image)
        expected = case.results(image.copy(), dtype=out.dtype)
        outs = (out, other)[: case.count]
        case.call(image, out=as_out(outs))
        assert_same_results([one.astype(expected[0].dtype) for one in outs], expected)


@pytest.mark.usefixtures("always_parallel")
@each([case for case in CORE if case in IN_PLACE])
def test_stacks_and_channels_in_place(case):
    for shape, common in [
        ((50, 40, 3), {"channel_axis": -1}),
        ((3, 50, 40), {"channel_axis": 0}),
        ((4, 50, 40), {"axes": (1, 2)}),
        ((50, 40, 4), {"axes": (1, 0)}),
        ((2, 50, 40, 3), {"axes": (1, 2), "channel_axis": 3}),
    ]:
        image = sample(shape)
        expected = case.call(image, **common)
        for n in (1, 3):
            with imgconv.threads(n):
                same = image.copy()
                case.call(same, out=same, **common)
            assert_same_bits(same, expected)


# ---- axes and channels -----------------------------------------------------------------------


def one_by_one(case, image, axes, common):
    """Filter plane after plane with the image axes in front, and put them back."""
    others = [axis for axis in range(image.ndim) if axis not in axes]
    planes = np.transpose(image, (*others, *axes))
    stack = planes.reshape(-1, *planes.shape[-2:])
    results = [case.results(np.ascontiguousarray(plane), **common) for plane in stack]
    shape = (*planes.shape[:-2], *results[0][0].shape)
    back = np.argsort((*others, *axes))
    return tuple(
        np.ascontiguousarray(np.stack([r[k] for r in results]).reshape(shape).transpose(back))
        for k in range(len(results[0]))
    )


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5])
@each_core
def test_channel_axis(case, channels, dtype):
    for axis in (0, 1, 2):
        shape = [23, 47]
        shape.insert(axis, channels)
        image = sample(shape, dtype)
        axes = [a for a in range(3) if a != axis]
        expected = one_by_one(case, image, axes, {})
        assert_same_results(case.results(image, channel_axis=axis), expected)
        assert_same_results(case.results(image, channel_axis=axis - 3), expected)


@pytest.mark.parametrize("mode", cases.MODES)
@each_core
def test_borders_of_channels(case, mode):
    for shape in ((1, 1, 3), (2, 5, 4), (5, 3, 2)):
        image = sample(shape, "uint8")
        common = {"mode": mode, "cval": 3.5}
        expected = one_by_one(case, image, (0, 1), common)
        assert_same_results(case.results(image, channel_axis=2, **common), expected)


@each_core
def test_awkward_channels(case):
    image = sample((23, 47, 3))
    expected = case.results(image, channel_axis=2)
    for _, awkward in awkward_arrays(image):
        assert_same_results(case.results(awkward, channel_axis=2), expected)
        assert_same_results(case.results(awkward[..., 1]), [e[..., 1].copy() for e in expected])
    planar = np.ascontiguousarray(image.transpose(2, 0, 1)).transpose(1, 2, 0)
    assert_same_results(case.results(planar, channel_axis=2), expected)
    outs = tuple(np.full((3, *e.shape[:2]), np.nan, e.dtype).transpose(1, 2, 0) for e in expected)
    case.call(image, channel_axis=2, out=as_out(outs))
    assert_same_results(outs, expected)


@each_core
def test_wide_channels(case):
    """Rows of more samples than the chunks that the loops work on."""
    for width in (341, 342, 700):
        image = sample((6, width, 3))
        assert_same_results(
            case.results(image, channel_axis=2), one_by_one(case, image, (0, 1), {})
        )


@each_core
def test_axes(case):
    image = sample((5, 12, 9), "int16")
    for axes in itertools.permutations(range(3), 2):
        expected = one_by_one(case, image, axes, {})
        assert_same_results(case.results(image, axes=axes), expected)
        assert_same_results(case.results(image, axes=[a - 3 for a in axes]), expected)


@each_core
def test_stacks_of_colour(case):
    image = sample((2, 10, 3, 11), "uint8")
    expected = one_by_one(case, image, (1, 3), {})
    assert_same_results(case.results(image, axes=(1, 3)), expected)
    for channel_axis in (0, 2, -2):
        actual = case.results(image, axes=(1, 3), channel_axis=channel_axis)
        assert_same_results(actual, expected)
    last = np.ascontiguousarray(image.transpose(0, 1, 3, 2))
    expected = one_by_one(case, last, (1, 2), {})
    assert_same_results(case.results(last, axes=(1, 2), channel_axis=-1), expected)


@each_core
def test_axes_of_a_plain_image(case):
    image = sample((9, 20))
    assert_same_results(case.results(image, axes=(0, 1)), case.results(image))
    transposed = case.results(image, axes=(1, 0))
    expected = case.results(np.ascontiguousarray(image.T))
    assert_same_results(transposed, [np.ascontiguousarray(e.T) for e in expected])


def test_overlapping_windows_are_a_stack():
    windows = np.lib.stride_tricks.sliding_window_view(sample((12, 14)), (8, 9))
    assert_same_results(
        imgconv.laplace(windows, axes=(2, 3)), imgconv.laplace(windows.copy(), axes=(2, 3))
    )


# ---- sizes -----------------------------------------------------------------------------------


@each(CASES)
def test_image_without_pixels(case):
    shapes = [(0, 0), (0, 12), (12, 0), (0, 12, 3), (12, 0, 3), (12, 11, 0)]
    for shape, dtype in itertools.product(shapes, ["uint8", "float64"]):
        common = {"channel_axis": 2} if len(shape) == 3 else {}
        image = np.empty(shape, dtype)
        results = case.results(image, **common)
        for result in results:
            assert result.size == 0
            assert result.dtype == case.results(np.zeros((9, 9), dtype))[0].dtype
            assert result.shape == shape or not case.keeps_size
        out = as_out(results)
        assert case.call(image, out=out, **common) is out


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@each_core
def test_every_width(case, dtype):
    """From one pixel to two tiles and one, on images with poison around them."""
    for width in range(1, 2 * 64 + 2):
        shape = (1 + width % 5, width)
        around = np.full((shape[0] + 2, width + 40), np.nan, dtype)
        image = around[1:-1, 20:-20]
        image[...] = sample(shape, dtype, seed=width)
        assert_right(case, case.call(image), image)


@pytest.mark.parametrize("dtype", ["float32", "uint8"])
@each_core
def test_every_height(case, dtype):
    for height in range(1, 40):
        image = sample((height, 67 + height % 3), dtype, seed=height)
        assert_right(case, case.call(image), image)


@pytest.mark.parametrize(
    "width", [255, 256, 257, 511, 512, 513, 1023, 1024, 1025, 2047, 2049, 4097]
)
@each_core
def test_widths_around_the_pieces(case, width):
    for dtype, height in [("float32", 5), ("float64", 3), ("uint8", 9)]:
        image = sample((height, width), dtype)
        assert_right(case, case.call(image), image)


@each(CASES)
def test_thin_images(case):
    for shape in [(1, 1), (1, 2), (2, 1), (1, 300), (300, 1), (2, 200), (200, 3)]:
        if case.fits(shape):
            image = sample(shape)
            assert_right(case, case.call(image), image)


@pytest.fixture
def narrow_pieces(monkeypatch):
    """Make strips and chunks so narrow that a small image has many of them."""
    plan.PLANS.clear()
    monkeypatch.setattr(params, "STRIP_BYTES", 1)
    monkeypatch.setattr(params, "CHUNK_BYTES", 128)
    yield
    plan.PLANS.clear()


@pytest.mark.usefixtures("narrow_pieces")
@each(CASES)
def test_strips_and_chunks(case):
    for dtype, width in itertools.product(["float32", "float64", "int16"], [63, 64, 65, 200, 257]):
        image = sample((13, width), dtype)
        assert_right(case, case.call(image), image)


@pytest.mark.usefixtures("narrow_pieces")
@each_core
def test_strips_of_channels(case):
    image = sample((13, 70, 3), "uint8")
    expected = one_by_one(case, image, (0, 1), {})
    assert_same_results(case.results(image, channel_axis=2), expected)


def test_strips_of_a_wide_image():
    """The rows under a tall kernel do not fit the cache at full width, so the image is cut."""
    # With method="auto" a piece of the image may run by another method than the whole.
    for name in ("box-31", "correlate-direct-21x21", "gaussian-sigma4"):
        case = BY_ID[name]
        image = sample((45, 9000), "float64")
        whole = case.call(image)
        for left in (0, 3000, 4100, 8500):
            piece = image[:, left : left + 500]
            inside = np.s_[:, 16:-16]
            assert_same_bits(
                case.call(piece)[inside].copy(),
                whole[:, left : left + 500][inside].copy(),
            )


# ---- memory that must not be touched -----------------------------------------------------------


def guarded(shape, dtype, at_end):
    """Return an array whose memory ends (or begins) where reading is fatal."""
    nbytes, page = int(np.prod(shape)) * np.dtype(dtype).itemsize, mmap.PAGESIZE
    pages = -(-nbytes // page)
    memory = mmap.mmap(-1, (pages + 2) * page)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    protect = ctypes.CDLL(None, use_errno=True).mprotect
    protect.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    for fence in (address, address + (pages + 1) * page):
        assert protect(fence, page, 0) == 0
    offset = (pages + 1) * page - nbytes if at_end else page
    return np.frombuffer(memory, dtype, int(np.prod(shape)), offset).reshape(shape)


def between_fences():
    """Filter arrays that begin or end where memory does."""
    shapes = [(1, 1), (3, 5), (4, 64), (7, 129), (5, 1026), (5, 1030)]
    for case, shape, dtype, at_end in itertools.product(
        CORE, shapes, ["uint8", "float32", "float64"], [True, False]
    ):
        image = guarded(shape, dtype, at_end)
        image[...] = sample(shape, dtype)
        expected = case.results(image)
        for result in expected:
            assert result.size
        outs = tuple(guarded(e.shape, e.dtype, at_end) for e in expected)
        case.call(image, out=as_out(outs))
        for out, result in zip(outs, expected, strict=True):
            assert (out == result).all()
    strides_between_fences()


def strides_between_fences():
    """Rows with a stride are read in place, in pieces that are not whole vectors."""
    for seed in range(100):
        rng = np.random.default_rng(seed)
        size, kernel = rng.integers((2, 520), (9, 1100)), rng.normal(size=rng.integers(1, 10, 2))
        sides = np.outer(kernel[:, 0], kernel[0])
        image = guarded(size, rng.choice(["float32", "float64"]), at_end=True)
        image[...] = rng.normal(size=size)
        options = {
            "stride": rng.integers(1, 8, 2).tolist(),
            "shape": str(rng.choice(["valid", "same"])),
        }
        for method in ("separable", "direct"):
            if options["shape"] == "same" or (np.array(kernel.shape) <= size).all():
                imgconv.correlate(image, sides, method=method, **options)


@pytest.mark.skipif(sys.platform != "linux", reason="mprotect as on Linux")
def test_no_access_beyond_the_arrays():
    """In a process of its own, since such an access ends the process."""
    python("import test_layout; test_layout.between_fences()", beside=__file__)


def test_rows_that_lie_4_kilobytes_apart():
    """Such rows compete for the cache, so tall windows read copies; results are the same."""
    wide = sample((45, 1030), "float32")
    apart = np.zeros((45, 1024), np.float32)
    apart[:] = wide[:, :1024]
    for sigma in (1, 5, (5, 0), (9, 1)):
        crowded = imgconv.gaussian(apart, sigma)
        loose = imgconv.gaussian(wide[:, :1024], sigma)
        assert_same_bits(crowded, loose)


# ---- every function, every array ---------------------------------------------------------------

IMAGE, GUIDE, KERNEL = (
    sample(shape, seed=n) for n, shape in enumerate([(19, 41), (19, 41), (3, 5)])
)
INSIDE = np.median(GUIDE) < GUIDE
PIXELS = {"footprint": KERNEL > 0}
CALLS = {
    "bilateral": [{"win_size": 5, "sigma_color": 0.3}],
    "binarize": [{"method": "otsu"}, {"method": "sauvola", "size": 5}],
    "box": [{"size": (3, 6)}, PIXELS],
    "canny": [{"mask": INSIDE}],
    "convolve": [{"kernel": KERNEL}],
    "corners": [{}, {"method": "shi_tomasi", "sigma": (1, 2)}],
    "correlate": [{"kernel": KERNEL, "method": method} for method in ("direct", "fft")],
    "derivative": [{"axis": 1}],
    "difference_of_gaussians": [{"low_sigma": 1}],
    "gabor": [{"frequency": 0.2}],
    "gaussian": [
        {"sigma": 1.3},
        {"sigma": 12, "method": "resample"},
        {"sigma": 5, "method": "fft"},
    ],
    "gaussian_gradient_magnitude": [{"sigma": 1}],
    "gaussian_laplace": [{"sigma": 1}],
    "gradient": [{}, {"polar": True}],
    "guided": [{"guide": GUIDE, "radius": 2, "eps": 0.1}],
    "hessian": [{}, {"sigma": 2, "of": "eigenvalues"}],
    "equalize": [{}],
    "hysteresis": [{"low": 0.1, "high": 0.6}],
    "joint_bilateral": [{"guide": GUIDE, "win_size": 5, "sigma_color": 0.3}],
    "match": [{"template": KERNEL, "shape": shape} for shape in ("valid", "same", "full")],
    "median": [{"size": 3}, {"size": 9}, PIXELS],
    "percentile": [{"percentiles": [20, 70]}, {"percentiles": 30, **PIXELS}],
    "pool": [{"size": (2, 3), "how": how} for how in ("max", "mean", "median")],
    "rank": [{"rank": 2}],
    "ridges": [{"sigmas": (1, 2), "method": m} for m in ("frangi", "sato", "meijering")],
    "separable": [{"kernel_y": KERNEL[:, 0], "kernel_x": KERNEL[0]}],
    "structure_tensor": [{}, {"of": "orientation"}, {"of": "coherence"}],
    "zero_crossings": [{}],
    "rolling_ball": [{"radius": 3}],
    "threshold_image": [{"method": method} for method in ("niblack", "gaussian", "median")],
} | {
    name: [{}, PIXELS]
    for name in ("black_tophat", "closing", "dilate", "erode", "maximum", "minimum", "opening",
                 "morphological_gradient", "std", "variance", "white_tophat")
} | {
    name: [{}] for name in ("farid", "laplace", "prewitt", "roberts", "scharr", "sobel",
                            "unsharp_mask")
}  # fmt: skip


# Filters of fewer dtypes, which have tests of their own.
OTHERS = ("clahe", "entropy")


def filters():
    """Return the names of all functions that filter an image of any dtype."""
    functions = ((name, getattr(imgconv, name)) for name in imgconv.__all__)
    return sorted(
        name
        for name, function in functions
        if inspect.isfunction(function) and hasattr(function, "call") and name not in OTHERS
    )


def laid(value, rng):
    """Return an array in a layout drawn at random; other arguments as they are."""
    if not isinstance(value, np.ndarray):
        return value
    layouts = [value, *(array for _, array in awkward_arrays(value))]
    return layouts[rng.integers(len(layouts))]


def outs_like(results, rng):
    """Return the keyword for arrays to fill, of one layout that can be written, or nothing."""
    seed = int(rng.integers(1 << 30))
    outs = tuple(laid(np.zeros_like(each), np.random.default_rng(seed)) for each in results)
    return {"out": as_out(outs)} if outs[0].flags.writeable else {}


def test_every_filter_is_called():
    assert sorted(CALLS) == filters()


@pytest.mark.usefixtures("always_parallel")
@pytest.mark.parametrize("name", filters())
def test_all_arrays_in_any_layout(name):
    function, rng = getattr(imgconv, name), np.random.default_rng(sum(map(ord, name)))
    dtypes = ["float32", "float64", "int16", "int64"]
    if name == "equalize":  # it counts each value of integers, and refuses too many
        dtypes.remove("int64")
    for options, dtype in itertools.product(CALLS[name], dtypes):
        image = sample(GUIDE.shape, dtype)
        expected = as_tuple(function(image, **options))
        for _ in range(6):
            options = {key: laid(value, rng) for key, value in options.items()}
            with imgconv.threads(int(rng.integers(1, 4))):
                found = function(laid(image, rng), **options, **outs_like(expected, rng))
            for one, other in zip(as_tuple(found), expected, strict=True):
                assert_same_bits(np.ascontiguousarray(one, other.dtype), other)
