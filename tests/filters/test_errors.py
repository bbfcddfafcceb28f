"""Every wrong argument is refused before any work, by its name, the rule and the value."""

import inspect
import threading
from contextlib import suppress
from numbers import Real

import cases
import numpy as np
import pytest

import imgconv

IMAGE = np.arange(20.0).reshape(4, 5)
STACK = np.zeros((3, 4, 5), np.float32)
KNOWN = "(bool, integer or float of at most 64 bits)"
MODE_NAMES = "reflect, constant, nearest, mirror, wrap"
K3 = np.ones((3, 3))


def correlate(**options):
    return lambda: imgconv.correlate(IMAGE, K3, **options)


def dense(method, size=4, weight=1.0, **options):
    kernel = np.eye(size)
    kernel[0, 0] = weight
    return lambda: imgconv.convolve(IMAGE, kernel, method=method, **options)


def sobel(image=IMAGE, **options):
    return lambda: imgconv.sobel(image, **options)


def of(function, *args, **options):
    return lambda: function(IMAGE, *args, **options)


def read_only():
    out = np.zeros((4, 5))
    out.flags.writeable = False
    return out


WRONG = [
    # windows
    *(
        (of(function, size), ValueError, f"size must be positive, got {size!r}")
        for function in (imgconv.minimum, imgconv.median, imgconv.dilate, imgconv.white_tophat)
        for size in (0, -3, (0, 3), (3, -1))
    ),
    (of(imgconv.maximum, 2.0), TypeError, "size must be an integer, got 2.0"),
    (of(imgconv.median, True), TypeError, "size must be an integer, got True"),
    (
        of(imgconv.median, (3, 3, 3)),
        ValueError,
        "size must be one value or a pair (y, x), got (3, 3, 3)",
    ),
    *(
        (
            of(function, footprint=np.zeros(shape)),
            ValueError,
            f"footprint must have a pixel, got none in shape {shape}",
        )
        for function in (imgconv.minimum, imgconv.median, imgconv.opening)
        for shape in ((3, 3), (0, 3), (1, 0))
    ),
    (
        of(imgconv.median, footprint=[True, False]),
        ValueError,
        "footprint must be 2-D, got 1-D of shape (2,)",
    ),
    (
        of(imgconv.erode, footprint="disk"),
        TypeError,
        "footprint must be bool or numbers, got dtype <U4",
    ),
    *(
        (
            of(imgconv.rank, rank),
            ValueError,
            f"rank must be one of the window's 9 pixels, got {rank}",
        )
        for rank in (9, -10, 100)
    ),
    (of(imgconv.rank, 1.5), TypeError, "rank must be an integer, got 1.5"),
    *(
        (
            of(imgconv.percentile, value),
            ValueError,
            f"percentiles must be between 0 and 100, got {value!r}",
        )
        for value in (-1, 100.5, float("nan"), [50, 101], [])
    ),
    (of(imgconv.percentile, "50"), TypeError, "percentiles must be a number, got '50'"),
    (of(imgconv.percentile, [50, None]), TypeError, "percentiles must be a number, got None"),
    # image
    (sobel(np.ma.array(IMAGE)), TypeError, "image must not be a masked array"),
    (sobel(IMAGE + 0j), TypeError, f"image must have a real dtype {KNOWN}, got complex128"),
    (sobel(IMAGE.astype(object)), TypeError, f"image must have a real dtype {KNOWN}, got object"),
    (sobel(IMAGE.astype("U1")), TypeError, f"image must have a real dtype {KNOWN}, got <U1"),
    (sobel("photo.png"), TypeError, f"image must have a real dtype {KNOWN}, got <U9"),
    (sobel(None), TypeError, f"image must have a real dtype {KNOWN}, got object"),
    (
        sobel(np.zeros((4, 5), "M8[s]")),
        TypeError,
        f"image must have a real dtype {KNOWN}, got datetime64[s]",
    ),
    (
        sobel(np.zeros((4, 5), [("r", "u1"), ("g", "u1")])),
        TypeError,
        f"image must have a real dtype {KNOWN}, got [('r', 'u1'), ('g', 'u1')]",
    ),
    # axes
    *(
        (
            sobel(np.zeros((2,) * ndim)),
            ValueError,
            f"image must be 2-D, got {ndim} axes; channel_axis names an axis to filter channel by "
            "channel, axes=(y, x) the image axes of a stack",
        )
        for ndim in (0, 1, 3, 4)
    ),
    (
        sobel(np.zeros((2, 2, 2, 2)), channel_axis=0),
        ValueError,
        "image must be 2-D, got 4 axes; channel_axis names an axis to filter channel by channel, "
        "axes=(y, x) the image axes of a stack",
    ),
    (
        sobel(channel_axis=0),
        ValueError,
        "image must be 2-D, got 2 axes; channel_axis names an axis to filter channel by channel, "
        "axes=(y, x) the image axes of a stack",
    ),
    (sobel(axes=1), ValueError, "axes must be two axes (y, x), got 1"),
    (sobel(axes=(0,)), ValueError, "axes must be two axes (y, x), got (0,)"),
    (sobel(STACK, axes=(0, 1, 2)), ValueError, "axes must be two axes (y, x), got (0, 1, 2)"),
    (
        sobel(axes=(1, -1)),
        ValueError,
        "axes and channel_axis must differ, got axes=(1, -1), channel_axis=None",
    ),
    (
        sobel(STACK, axes=(0, 1), channel_axis=-2),
        ValueError,
        "axes and channel_axis must differ, got axes=(0, 1), channel_axis=-2",
    ),
    (sobel(axes=(0, 2)), ValueError, "axes must lie in an image of 2 axes, got 2"),
    (sobel(axes=(0, -3)), ValueError, "axes must lie in an image of 2 axes, got -3"),
    (
        sobel(STACK, channel_axis=3),
        ValueError,
        "channel_axis must lie in an image of 3 axes, got 3",
    ),
    (sobel(axes=(0, "x")), TypeError, "axes must be an integer, got 'x'"),
    (sobel(STACK, channel_axis=1.0), TypeError, "channel_axis must be an integer, got 1.0"),
    (sobel(STACK, channel_axis=True), TypeError, "channel_axis must be an integer, got True"),
    (sobel(STACK, channel_axis="c"), TypeError, "channel_axis must be an integer, got 'c'"),
    # mode, cval
    (sobel(mode="symmetric"), ValueError, f"mode must be one of {MODE_NAMES}, got 'symmetric'"),
    (sobel(mode="Reflect"), ValueError, f"mode must be one of {MODE_NAMES}, got 'Reflect'"),
    (sobel(mode=("wrap", "edge")), ValueError, f"mode must be one of {MODE_NAMES}, got 'edge'"),
    (sobel(mode=("wrap", 3)), ValueError, f"mode must be one of {MODE_NAMES}, got 3"),
    (sobel(mode=None), ValueError, "mode must be one mode or a pair (y, x), got None"),
    (sobel(mode=7), ValueError, "mode must be one mode or a pair (y, x), got 7"),
    (
        sobel(mode=["wrap"] * 3),
        ValueError,
        "mode must be one mode or a pair (y, x), got ('wrap', 'wrap', 'wrap')",
    ),
    (sobel(cval="0"), TypeError, "cval must be a number, got '0'"),
    (sobel(cval=None), TypeError, "cval must be a number, got None"),
    (sobel(cval=1j), TypeError, "cval must be a number, got 1j"),
    (sobel(cval=(1, 2)), TypeError, "cval must be a number, got (1, 2)"),
    # dtype, out
    (sobel(dtype=complex), TypeError, f"dtype must be a real dtype {KNOWN}, got complex128"),
    (sobel(dtype=object), TypeError, f"dtype must be a real dtype {KNOWN}, got object"),
    (sobel(dtype="u3"), TypeError, f"dtype must be a real dtype {KNOWN}, got 'u3'"),
    (sobel(dtype=3), TypeError, f"dtype must be a real dtype {KNOWN}, got 3"),
    (sobel(dtype="M8[s]"), TypeError, f"dtype must be a real dtype {KNOWN}, got datetime64[s]"),
    (sobel(out=[[0.0] * 5] * 4), TypeError, "out must be a numpy array, got list"),
    (sobel(out=np.ma.zeros((4, 5))), TypeError, "out must be a numpy array, got MaskedArray"),
    (
        sobel(out=np.zeros((4, 5), complex)),
        TypeError,
        f"out.dtype must be a real dtype {KNOWN}, got complex128",
    ),
    (sobel(out=np.zeros((5, 4))), ValueError, "out must have shape (4, 5), got (5, 4)"),
    (sobel(out=np.zeros((4, 5, 1))), ValueError, "out must have shape (4, 5), got (4, 5, 1)"),
    (correlate(shape="full", out=IMAGE), ValueError, "out must have shape (6, 7), got (4, 5)"),
    (correlate(stride=2, out=IMAGE), ValueError, "out must have shape (2, 3), got (4, 5)"),
    (sobel(out=read_only()), ValueError, "out must be writeable, got a read-only array"),
    (
        sobel(dtype="uint8", out=np.zeros((4, 5), np.float32)),
        ValueError,
        "dtype and out.dtype must agree, got uint8 and float32",
    ),
    (
        sobel(dtype=complex, out=np.zeros((4, 5), np.float32)),
        TypeError,
        f"dtype must be a real dtype {KNOWN}, got complex128",
    ),
    (of(imgconv.gradient, out=np.zeros((4, 5))), ValueError, "out must be 2 arrays, got 1"),
    (sobel(out=(np.zeros((4, 5)),) * 2), ValueError, "out must be one array, got 2"),
    (
        of(imgconv.gradient, out=(np.zeros((4, 5)), np.zeros((4, 5), np.float32))),
        ValueError,
        "out must be arrays of the same shape, strides and dtype",
    ),
    # correlate, convolve, separable
    *(
        wrong
        for f in (imgconv.correlate, imgconv.convolve)
        for wrong in [
            (of(f, [1, 2]), ValueError, "kernel must be 2-D, got 1-D of shape (2,)"),
            (of(f, 3), ValueError, "kernel must be 2-D, got 0-D of shape ()"),
            (of(f, [[]]), ValueError, "kernel must have an element, got shape (1, 0)"),
            (of(f, K3 + 0j), TypeError, "kernel must be real numbers, got dtype complex128"),
            (of(f, [["a"]]), TypeError, "kernel must be real numbers, got dtype <U1"),
            (of(f, [[None]]), TypeError, "kernel must be real numbers, got dtype object"),
        ]
    ),
    (correlate(shape="some"), ValueError, "shape must be one of same, valid, full, got 'some'"),
    (correlate(shape=None), ValueError, "shape must be one of same, valid, full, got None"),
    (correlate(stride=0), ValueError, "stride must be positive, got 0"),
    (correlate(stride=(1, -2)), ValueError, "stride must be positive, got (1, -2)"),
    (correlate(stride=1.5), TypeError, "stride must be an integer, got 1.5"),
    (correlate(stride=True), TypeError, "stride must be an integer, got True"),
    (
        correlate(stride=(1, 2, 3)),
        ValueError,
        "stride must be one value or a pair (y, x), got (1, 2, 3)",
    ),
    (correlate(dilation=0), ValueError, "dilation must be positive, got 0"),
    (correlate(dilation="2"), TypeError, "dilation must be an integer, got '2'"),
    (
        of(imgconv.correlate, np.ones((5, 5)), shape="valid"),
        ValueError,
        "kernel must fit into the padded image, got 5 pixels for 4",
    ),
    (of(imgconv.separable, [], [1]), ValueError, "kernel_y must have an element, got shape (0,)"),
    (of(imgconv.separable, [1], K3), ValueError, "kernel_x must be 1-D, got 2-D of shape (3, 3)"),
    (
        of(imgconv.separable, [1j], [1]),
        TypeError,
        "kernel_y must be real numbers, got dtype complex128",
    ),
    # gaussian and filters made of it
    (of(imgconv.gaussian, -1), ValueError, "sigma must be finite and not negative, got -1"),
    (
        of(imgconv.gaussian, (1, np.nan)),
        ValueError,
        "sigma must be finite and not negative, got (1, nan)",
    ),
    (of(imgconv.gaussian, np.inf), ValueError, "sigma must be finite and not negative, got inf"),
    (of(imgconv.gaussian, "1"), TypeError, "sigma must be a number, got '1'"),
    (of(imgconv.gaussian, None), TypeError, "sigma must be a number, got None"),
    (
        of(imgconv.gaussian, (1, 2, 3)),
        ValueError,
        "sigma must be one value or a pair (y, x), got (1, 2, 3)",
    ),
    (of(imgconv.gaussian, 1, order=-1), ValueError, "order must be at least 0, got -1"),
    (of(imgconv.gaussian, 1, order=0.5), TypeError, "order must be an integer, got 0.5"),
    (
        of(imgconv.gaussian, 0, order=1),
        ValueError,
        "sigma must be positive where order is, got 0.0 for 1",
    ),
    (of(imgconv.gaussian, 1, radius=-1), ValueError, "radius must be at least 0, got -1"),
    (of(imgconv.gaussian, 1, radius=1.5), TypeError, "radius must be an integer, got 1.5"),
    (of(imgconv.gaussian, 1, truncate=-1), ValueError, "truncate must not be negative, got -1.0"),
    (of(imgconv.gaussian, 1, truncate=np.inf), ValueError, "truncate must be finite, got inf"),
    (of(imgconv.gaussian, 1, truncate="4"), TypeError, "truncate must be a number, got '4'"),
    *(
        wrong
        for f in (imgconv.gaussian_laplace, imgconv.gaussian_gradient_magnitude)
        for wrong in [
            (of(f, -1), ValueError, "sigma must be finite and not negative, got -1"),
            (of(f, (1, "a")), TypeError, "sigma must be a number, got 'a'"),
            (of(f, 1, truncate=np.nan), ValueError, "truncate must be finite, got nan"),
        ]
    ),
    (
        of(imgconv.gaussian_laplace, 0),
        ValueError,
        "sigma must be positive where order is, got 0.0 for 2",
    ),
    (
        of(imgconv.gaussian_gradient_magnitude, (1, 0)),
        ValueError,
        "sigma must be positive where order is, got 0.0 for 1",
    ),
    (
        of(imgconv.difference_of_gaussians, 2, 1),
        ValueError,
        "high_sigma must not be below low_sigma, got (1.0, 1.0) and (2.0, 2.0)",
    ),
    (
        of(imgconv.difference_of_gaussians, -1),
        ValueError,
        "low_sigma must be finite and not negative, got -1",
    ),
    (
        of(imgconv.difference_of_gaussians, 1, "2"),
        TypeError,
        "high_sigma must be a number, got '2'",
    ),
    (of(imgconv.unsharp_mask, -1), ValueError, "radius must be finite and not negative, got -1"),
    (of(imgconv.unsharp_mask, 1, np.nan), ValueError, "amount must be finite, got nan"),
    (of(imgconv.unsharp_mask, 1, "1"), TypeError, "amount must be a number, got '1'"),
    # box
    (of(imgconv.box, 0), ValueError, "size must be positive, got 0"),
    (of(imgconv.box, (0, 3)), ValueError, "size must be positive, got (0, 3)"),
    (of(imgconv.box, [3, -1]), ValueError, "size must be positive, got (3, -1)"),
    (of(imgconv.box, 3.0), TypeError, "size must be an integer, got 3.0"),
    (of(imgconv.box, (3,)), ValueError, "size must be one value or a pair (y, x), got (3,)"),
    # gabor
    (of(imgconv.gabor, np.inf), ValueError, "frequency must be finite, got inf"),
    (of(imgconv.gabor, 0), ValueError, "frequency must be positive, got 0.0"),
    (of(imgconv.gabor, "low"), TypeError, "frequency must be a number, got 'low'"),
    (of(imgconv.gabor, [1, 2]), TypeError, "frequency must be a number, got (1, 2)"),
    (of(imgconv.gabor, 0.2, [0, 1]), TypeError, "theta must be a number, got (0, 1)"),
    (of(imgconv.gabor, 0.2, np.nan), ValueError, "theta must be finite, got nan"),
    (of(imgconv.gabor, 0.2, bandwidth=0), ValueError, "bandwidth must be positive, got 0.0"),
    (of(imgconv.gabor, 0.2, sigma_x=0), ValueError, "sigma_x must be positive, got 0.0"),
    (of(imgconv.gabor, 0.2, sigma_y=-1), ValueError, "sigma_y must be positive, got -1.0"),
    (of(imgconv.gabor, 0.2, n_stds=-1), ValueError, "n_stds must not be negative, got -1.0"),
    (of(imgconv.gabor, 0.2, offset="a"), TypeError, "offset must be a number, got 'a'"),
    # edges
    *(
        wrong
        for f in (imgconv.sobel, imgconv.scharr, imgconv.prewitt, imgconv.farid, imgconv.roberts)
        for wrong in [
            (of(f, axis=2), ValueError, "axis must be 0 (y), 1 (x) or None (magnitude), got 2"),
            (of(f, axis=-1), ValueError, "axis must be 0 (y), 1 (x) or None (magnitude), got -1"),
            (of(f, axis=1.0), TypeError, "axis must be an integer, got 1.0"),
            (of(f, axis="x"), TypeError, "axis must be an integer, got 'x'"),
        ]
    ),
    (sobel(size=4), ValueError, "size must be 3, 5 or 7, got 4"),
    (sobel(size="3"), ValueError, "size must be 3, 5 or 7, got '3'"),
    (
        of(imgconv.gradient, "canny"),
        ValueError,
        "kernel must be one of sobel, scharr, prewitt, farid, got 'canny'",
    ),
    (
        of(imgconv.gradient, None),
        ValueError,
        "kernel must be one of sobel, scharr, prewitt, farid, got None",
    ),
    (of(imgconv.derivative, 2), ValueError, "axis must be 0 (y) or 1 (x), got 2"),
    (of(imgconv.derivative, None), TypeError, "axis must be an integer, got None"),
    (of(imgconv.derivative, 0.0), TypeError, "axis must be an integer, got 0.0"),
    (of(imgconv.derivative, 0, order=-1), ValueError, "order must not be negative, got -1"),
    (of(imgconv.derivative, 0, order=1.0), TypeError, "order must be an integer, got 1.0"),
    (of(imgconv.derivative, 0, accuracy=3), ValueError, "accuracy must be even, got 3"),
    (of(imgconv.derivative, 0, accuracy=0), ValueError, "accuracy must be positive, got 0"),
    # threads
    (lambda: imgconv.set_num_threads(0), ValueError, "n must be positive, got 0"),
    (lambda: imgconv.set_num_threads(-2), ValueError, "n must be positive, got -2"),
    (lambda: imgconv.set_num_threads(1.5), TypeError, "n must be an integer, got 1.5"),
    (lambda: imgconv.set_num_threads(True), TypeError, "n must be an integer, got True"),
    (lambda: imgconv.threads("2").__enter__(), TypeError, "n must be an integer, got '2'"),
]


@pytest.mark.parametrize(("call", "error", "message"), WRONG, ids=[row[2][:60] for row in WRONG])
def test_message(call, error, message):
    with pytest.raises(error) as caught:
        call()
    assert type(caught.value) is error
    assert str(caught.value) == message


@pytest.mark.parametrize("case", cases.CORE, ids=lambda case: case.id)
@pytest.mark.parametrize(
    ("common", "error", "name"),
    [
        ({"mode": "edge"}, ValueError, "mode"),
        ({"cval": "0"}, TypeError, "cval"),
        ({"axes": (0, 0)}, ValueError, "axes"),
        ({"channel_axis": 0}, ValueError, "image"),
        ({"dtype": complex}, TypeError, "dtype"),
        ({"out": 3}, TypeError, "out"),
    ],
)
def test_every_filter_names_the_keyword(case, common, error, name):
    with pytest.raises(error, match=f"^{name} .*must .*, got .*"):
        case.call(IMAGE, **common) if name != "out" or case.count == 1 else case.call(
            IMAGE, out=(3, 3)
        )


@pytest.mark.parametrize("case", cases.CORE, ids=lambda case: case.id)
def test_images_without_pixels_are_checked_too(case):
    empty = np.zeros((0, 12))
    for common in ({"mode": "edge"}, {"cval": "0"}, {"axes": (0, 5)}, {"dtype": "M8"}):
        with pytest.raises((ValueError, TypeError), match="must"):
            case.call(empty, **common)


# One row of each function.
ROWS = {row.function: row for row in [*cases.CASES, *cases.OTHERS]}.values()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_numbers_of_any_size(row):
    """Each is right or refused: squares and quotients of numbers need not be floats."""
    image = cases.sample((12, 14), "float32")
    guides = row.guides(image) if hasattr(row, "guides") else ()
    defaults = {p.name: p.default for p in inspect.signature(row.function).parameters.values()}
    for name, value in (defaults | row.arguments).items():
        if isinstance(value, Real) and not isinstance(value, bool):
            for number in (10**400, 1e200, 1e-200):
                with suppress(TypeError, ValueError):
                    row.function(image, *guides, **row.arguments | {name: number})


def test_out_is_not_touched_by_a_wrong_call():
    out = np.full((4, 5), 7.0)
    for options in ({"mode": "edge"}, {"cval": "a"}, {"axes": (0, 0)}, {"dtype": "uint8"}):
        with pytest.raises((ValueError, TypeError)):
            imgconv.gaussian(IMAGE, 1, out=out, **options)
    assert (out == 7).all()


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        (sobel(STACK, channel_axis=1), sobel(STACK, channel_axis=True)),
        (sobel(STACK, channel_axis=1), sobel(STACK, channel_axis=1.0)),
        (correlate(stride=1), correlate(stride=True)),
        (correlate(dilation=1), correlate(dilation=1.0)),
        (of(imgconv.box, 3), of(imgconv.box, 3.0)),
        (sobel(axis=1), sobel(axis=True)),
    ],
)
def test_wrong_argument_that_equals_a_right_one_is_refused(right, wrong):
    """The caches of plans and operations distinguish 1 from True and 1.0."""
    with pytest.raises(TypeError, match="must be"):
        wrong()
    right()
    with pytest.raises(TypeError, match="must be"):
        wrong()


def test_keywords_are_keywords():
    for case in cases.CASES:
        with pytest.raises(TypeError, match="positional argument"):
            case.function(IMAGE, *[1] * 20)


def test_explain_refuses_the_same():
    with pytest.raises(ValueError, match=r"^mode must be one of"):
        imgconv.explain(imgconv.sobel, IMAGE, mode="edge")


def test_memory_that_is_not_there():
    broad = np.broadcast_to(np.float64(1), (1 << 22, 1 << 22))
    with pytest.raises(MemoryError):
        imgconv.laplace(broad)


def test_errors_leave_the_threads_setting():
    with pytest.raises(ValueError, match="mode"), imgconv.threads(3):
        imgconv.sobel(IMAGE, mode="edge")
    seen = []
    thread = threading.Thread(target=lambda: seen.append(imgconv.get_num_threads()))
    thread.start()
    thread.join()
    assert seen == [imgconv.get_num_threads()]


def test_axes_from_an_iterator():
    """It can be read only once, also for the error."""
    image = np.zeros((3, 5, 6))
    assert imgconv.box(image, 3, axes=iter((1, 2))).shape == image.shape
    with pytest.raises(ValueError, match=r"axes must be two axes \(y, x\), got <"):
        imgconv.box(image, 3, axes=iter((0, 1, 2)))
