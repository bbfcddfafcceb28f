"""Templates: OpenCV, scikit-image, and what must not cancel."""

import numpy as np
import pytest
from skimage import data, feature

import imgconv

METHODS = {
    "zncc": "TM_CCOEFF_NORMED",
    "ncc": "TM_CCORR_NORMED",
    "ssd": "TM_SQDIFF",
    "correlation": "TM_CCORR",
}
RNG = np.random.default_rng(0)
MASK = RNG.random((11, 14)) < 0.6


@pytest.mark.parametrize("mask", [None, MASK], ids=["all", "mask"])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("method", METHODS)
def test_opencv(method, dtype, mask):
    cv2 = pytest.importorskip("cv2")
    image = (RNG.random((160, 90)) * 255).astype(dtype)
    template = image[20:31, 30:44]
    options = {} if mask is None else {"mask": mask.astype(dtype)}
    expected = cv2.matchTemplate(image, template, getattr(cv2, METHODS[method]), **options)
    found = imgconv.match(image, template, method=method, mask=mask)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=0, atol=4e-6 * np.abs(expected).max())


@pytest.mark.parametrize("size", [(1, 3), (5, 5), (12, 40), (60, 33)])
def test_scikit_image(size):
    # Its own draws: in windows of three pixels that are nearly alike, scikit-image is off by more.
    rng = np.random.default_rng(size)
    image = rng.random((300, 120))
    template = image[40 : 40 + size[0], 7 : 7 + size[1]] + 0.1 * rng.random(size)
    expected = feature.match_template(image, template)
    np.testing.assert_allclose(imgconv.match(image, template), expected, rtol=0, atol=1e-9)


def test_a_template_is_found_in_a_photo():
    photo = data.camera()
    template = photo[180:240, 200:260].astype(float) * 0.4 + 90
    template += np.random.default_rng(1).normal(size=template.shape) * 8
    found = imgconv.match(photo, template)
    assert np.unravel_index(found.argmax(), found.shape) == (180, 200)
    assert found.max() > 0.9
    assert np.abs(found).max() <= 1


class TestCancellation:
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_faint_texture_on_bright_ground(self, dtype):
        """Means and squares are of distances to a value amid the image."""
        texture = RNG.random((90, 80))
        offset = 1e4 if dtype is np.float32 else 1e9
        image = (texture + offset).astype(dtype)
        exact = feature.match_template(image.astype(np.float64) - offset, texture[20:32, 9:29])
        found = imgconv.match(image, texture[20:32, 9:29])
        np.testing.assert_allclose(found, exact, rtol=0, atol=2e-6)

    def test_a_perfect_match_differs_by_nothing(self):
        image = RNG.integers(0, 256, (90, 80), np.uint8)
        found = imgconv.match(image, image[20:32, 9:29], method="ssd")
        assert found[20, 9] < 1e-5 * np.sum(image[20:32, 9:29].astype(float) ** 2)
        assert found.argmin() == 20 * found.shape[1] + 9
        exact = imgconv.match(image.astype(float), image[20:32, 9:29], method="ssd")
        assert exact[20, 9] < 1e-6


class TestFlat:
    @pytest.mark.parametrize("value", [0, 7, 7.3, -1e30])
    def test_image(self, value):
        assert not imgconv.match(np.full((40, 50), value), RNG.random((5, 6))).any()

    def test_template(self):
        image = RNG.random((40, 50))
        assert not imgconv.match(image, np.full((5, 6), 0.1)).any()
        assert not imgconv.match(image, np.zeros((5, 6)), method="ncc").any()

    def test_part_of_the_image(self):
        image = np.full((60, 60), 77, np.uint8)
        image[:, 40:] = RNG.integers(0, 256, (60, 20))
        found = imgconv.match(image, RNG.random((8, 8)))
        assert not found[:, :33].any()
        assert found[:, 33:].all()


def test_shapes_are_those_of_correlate():
    image, template = RNG.random((20, 30)), RNG.random((5, 8))
    for shape in ("valid", "same", "full"):
        for mode in ("reflect", "wrap", "constant"):
            expected = imgconv.correlate(image, template, shape=shape, mode=mode, cval=0.3)
            found = imgconv.match(
                image, template, method="correlation", shape=shape, mode=mode, cval=0.3
            )
            np.testing.assert_allclose(found, expected, atol=1e-12)
    assert imgconv.match(image[:3, :4], template, shape="full").shape == (7, 11)


def test_nan_spoils_its_windows_alone():
    image = RNG.random((40, 50))
    expected = imgconv.match(image, image[:5, :6] ** 2)
    spoiled = image.copy()
    spoiled[20, 30] = np.nan
    found = imgconv.match(spoiled, image[:5, :6] ** 2)
    assert np.isnan(found[16:21, 25:31]).all()
    found[16:21, 25:31] = expected[16:21, 25:31]
    np.testing.assert_allclose(found, expected, atol=1e-9)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"template": np.ones((6, 3))}, r"not be larger than the image .* \(6, 3\) and \(5, 6\)"),
        ({"template": np.ones((0, 3))}, r"template must have an element, got shape \(0, 3\)"),
        ({"template": np.ones(3)}, "template must be 2-D"),
        ({"mask": np.ones((3, 2))}, r"mask must have shape \(2, 3\), got \(3, 2\)"),
        ({"mask": np.zeros((2, 3))}, "mask must have a pixel that counts, got none"),
        ({"method": "sad"}, "method must be one of zncc, ncc, ssd, correlation, got 'sad'"),
        ({"shape": "all"}, "shape must be one of valid, same, full, got 'all'"),
    ],
)
def test_errors(options, text):
    with pytest.raises(ValueError, match=text):
        imgconv.match(np.zeros((5, 6)), **{"template": np.ones((2, 3)), **options})
