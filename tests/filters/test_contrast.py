"""Histogram equalisation and backgrounds, compared with OpenCV and scikit-image."""

import numpy as np
import pytest
from cases import sample
from comparing import assert_same_bits, awkward_arrays
from skimage import data, exposure, restoration

import imgconv
from imgconv import Pipeline, threads

CAMERA = data.camera()


# ---- equalize --------------------------------------------------------------------------------


def test_equalize_bytes():
    cv2 = pytest.importorskip("cv2")
    for image in (CAMERA, CAMERA[::3, ::5], CAMERA // 32, sample((1, 9), "uint8")):
        assert_same_bits(imgconv.equalize(image), cv2.equalizeHist(np.ascontiguousarray(image)))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_equalize_floats(dtype):
    image = sample((60, 70), dtype)
    low, high = float(image.min()), float(image.max())
    expected = low + (high - low) * exposure.equalize_hist(image)
    np.testing.assert_allclose(imgconv.equalize(image), expected, rtol=1e-5, atol=1e-4)


def test_equalize_other_integers():
    signed = (CAMERA.astype(int) - 128).astype(np.int8)
    assert_same_bits(
        imgconv.equalize(signed), (imgconv.equalize(CAMERA).astype(int) - 128).astype(np.int8)
    )
    wide = imgconv.equalize(CAMERA.astype(np.uint16) * 9)
    assert (wide.min(), wide.max()) == (0, 65535)
    np.testing.assert_allclose(wide / 257, imgconv.equalize(CAMERA), atol=0.51)
    assert imgconv.equalize(np.array([[True, False, False]])).tolist() == [[1, 0, 0]]


def test_equalize_one_value_and_none():
    for dtype in ("bool", "uint8", "int32", "float32"):
        flat = np.ones((4, 5), dtype)
        np.testing.assert_array_equal(imgconv.equalize(flat), flat)
        assert imgconv.equalize(flat[:0]).shape == (0, 5)


# ---- clahe -----------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("clip", [0, 0.5, 2, 40])
@pytest.mark.parametrize("tile", [(64, 64), (32, 128), (16, 8), (512, 512)])
def test_clahe_is_that_of_opencv(dtype, clip, tile):
    cv2 = pytest.importorskip("cv2")
    image = CAMERA.astype(dtype) * (1 if dtype == "uint8" else 251)
    expected = cv2.createCLAHE(clip, (512 // tile[1], 512 // tile[0])).apply(image)
    got = imgconv.clahe(image, tile, clip)
    assert got.dtype == image.dtype
    assert np.abs(got.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize(
    ("tile", "n"), [((15, 17), 510), ((5, 3), 60), ((1, 2), 40), ((170, 255), 510)]
)
def test_clahe_of_odd_tiles(dtype, tile, n):
    """Rounding may decide between two neighbours only, wherever centres of tiles are.

    OpenCV keeps 65536 numbers for each tile of 16 bits.
    """
    cv2 = pytest.importorskip("cv2")
    image = CAMERA[-n:, :n].astype(dtype)
    expected = cv2.createCLAHE(3, (n // tile[1], n // tile[0])).apply(image)
    assert np.abs(imgconv.clahe(image, tile, 3).astype(int) - expected).max() <= 1


def test_clahe_mirrors_where_tiles_do_not_fit():
    image = CAMERA[:100, :150]
    padded = np.pad(image, ((0, 28), (0, 42)), "reflect")
    assert_same_bits(imgconv.clahe(image, 64), imgconv.clahe(padded, 64)[:100, :150])
    assert_same_bits(imgconv.clahe(image, 999), imgconv.clahe(image, (100, 150)))


def test_clahe_of_signed_numbers():
    for dtype in ("int8", "int16"):
        image = sample((70, 80), dtype)
        sign = np.array(1 << 8 * image.itemsize - 1, f"u{image.itemsize}")
        unsigned = imgconv.clahe(image.view(sign.dtype) ^ sign, 32)
        assert_same_bits(imgconv.clahe(image, 32), (unsigned ^ sign).view(dtype))


def test_clahe_errors():
    for wrong in (CAMERA / 255, CAMERA.astype(np.int32), CAMERA > 5):
        with pytest.raises(TypeError, match=r"image must have integers of 8 or 16 bits"):
            imgconv.clahe(wrong)
    with pytest.raises(ValueError, match="tile must be positive"):
        imgconv.clahe(CAMERA, (0, 5))
    for clip in (-1, np.nan):
        with pytest.raises(ValueError, match="clip_limit must not be negative"):
            imgconv.clahe(CAMERA, 64, clip)


# ---- rolling ball ----------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("radius", [0.5, 1, 2.5, 7, 30])
def test_ball_is_that_of_scikit_image(dtype, radius):
    for shape in ((40, 50), (3, 90)):
        image = sample(shape, dtype)
        expected = restoration.rolling_ball(image, radius=radius)
        ulps = 4 * np.finfo(dtype).eps * 1000
        np.testing.assert_allclose(imgconv.rolling_ball(image, radius), expected, atol=ulps)


def test_ball_of_integers_is_rounded():
    image = CAMERA[:60, :70]
    expected = np.rint(restoration.rolling_ball(image.astype(float), radius=9))
    got = imgconv.rolling_ball(image, 9)
    assert np.abs(got - expected).max() <= 1
    assert (got != expected).mean() < 1e-3
    assert (got <= image).all()


def test_ball_keeps_nan_in_its_windows():
    image = sample((50, 90))
    image[20, 30] = np.nan
    got = imgconv.rolling_ball(image, 4.5)
    y, x = np.mgrid[:50, :90]
    np.testing.assert_array_equal(np.isnan(got), np.hypot(y - 20, x - 30) <= 4.5)
    image[20, 30] = 1e9
    np.testing.assert_array_equal(
        got[~np.isnan(got)], imgconv.rolling_ball(image, 4.5)[~np.isnan(got)]
    )


def test_ball_errors():
    for radius in (0, -1, np.nan, np.inf):
        with pytest.raises(ValueError, match="radius must be positive and finite"):
            imgconv.rolling_ball(CAMERA, radius)
    with pytest.raises(ValueError, match="radius"):
        imgconv.rolling_ball(CAMERA, 1e5)


# ---- all of them -----------------------------------------------------------------------------

FILTERS = [
    (imgconv.equalize, {}),
    (imgconv.clahe, {"tile": (16, 24)}),
    (imgconv.rolling_ball, {"radius": 3}),
]


@pytest.mark.parametrize(("function", "options"), FILTERS)
def test_layouts(function, options):
    image = np.ascontiguousarray(data.astronaut()[:90, :100])
    planes = [function(np.ascontiguousarray(image[..., c]), **options) for c in range(3)]
    expected = np.stack(planes, axis=-1)
    for count in (1, 2, 5):
        with threads(count):
            assert_same_bits(function(image, channel_axis=-1, **options), expected)
    stack = np.ascontiguousarray(np.moveaxis(image, -1, 0))
    assert_same_bits(function(stack, axes=(1, 2), **options), np.moveaxis(expected, -1, 0))
    for _, awkward in awkward_arrays(image[..., 0]):
        assert_same_bits(np.ascontiguousarray(function(awkward, **options)), planes[0])
    out = np.empty(image.shape, np.float32)
    assert function(image, channel_axis=-1, out=out, **options) is out
    np.testing.assert_allclose(out, expected, atol=0.5)
    in_place = image.copy()
    function(in_place, channel_axis=-1, out=in_place, **options)
    assert_same_bits(in_place, expected)
    with pytest.raises(ValueError, match="channel_axis"):
        function(image, **options)
    with pytest.raises(ValueError, match="out"):
        function(image, channel_axis=-1, out=out[:5], **options)


@pytest.mark.parametrize(
    "text",
    [
        "equalize",
        "clahe(tile=32)",
        "rolling_ball(radius=4)",
        "gaussian(1) | equalize | clahe(tile=(16, 32)) | box(3)",
    ],
)
def test_steps(text):
    da = pytest.importorskip("dask.array")
    image = CAMERA[:90, :100]
    pipeline = Pipeline(text)
    expected = list(pipeline.stepwise(image))[-1][1]
    assert_same_bits(pipeline(image), expected)
    lazy = pipeline(da.from_array(image, chunks=(37, 41)))
    assert_same_bits(lazy.compute(scheduler="synchronous"), expected)
