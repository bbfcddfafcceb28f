"""Corners, peaks and blobs: closed forms, and scikit-image point by point."""

import numpy as np
import pytest
from cases import sample
from skimage import data, feature

import imgconv

Y, X = np.mgrid[:80, :100]


class TestPeaks:
    @pytest.mark.parametrize("distance", [1, 2, 3, 10])
    @pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32, np.float64])
    def test_scikit_image(self, dtype, distance):
        rng = np.random.default_rng(distance)
        # Few values, so that many are alike.
        image = rng.integers(-20 if np.dtype(dtype).kind != "u" else 0, 30, (90, 120)).astype(dtype)
        for ours, theirs in (
            ({}, {}),
            ({"count": 9}, {"num_peaks": 9}),
            ({"border": 0}, {"exclude_border": False}),
            ({"border": 7}, {"exclude_border": 7}),
            ({"threshold": 25}, {"threshold_abs": 25}),
        ):
            found = imgconv.peaks(image, distance, **ours)
            expected = feature.peak_local_max(image, min_distance=distance, **theirs)
            np.testing.assert_array_equal(found, expected)

    @pytest.mark.parametrize("shape", [(1, 1), (1, 9), (7, 2), (3, 3)])
    def test_small_images(self, shape):
        image = sample(shape, np.float64)
        for border in (0, 1):
            found = imgconv.peaks(image, 1, border=border)
            expected = feature.peak_local_max(image, exclude_border=border)
            np.testing.assert_array_equal(found, expected)
        assert imgconv.peaks(np.zeros((0, 4))).shape == (0, 2)

    def test_wide_images(self):
        """Of several stripes."""
        image = sample((300, 1300))
        np.testing.assert_array_equal(
            imgconv.peaks(image, 2), feature.peak_local_max(image, min_distance=2)
        )

    def test_constant_images_have_none(self):
        for value in (0, 7, np.nan):
            assert imgconv.peaks(np.full((9, 9), value), border=0).shape == (0, 2)

    def test_nan_hides_what_is_beside_it(self):
        image = np.zeros((9, 19))
        image[4, 4], image[4, 5], image[4, 14] = 5, np.nan, 3
        assert imgconv.peaks(image).tolist() == [[4, 14]]


class TestCorners:
    @pytest.mark.parametrize("sigma", [1, 2])
    def test_scikit_image_away_from_borders(self, sigma):
        image = sample((90, 110), np.float64)
        inner = np.s_[20:-20, 20:-20]
        for method in ("harris", "shi_tomasi"):
            expected = getattr(feature, f"corner_{method}")(image, sigma=sigma)[inner]
            found = imgconv.corners(image, method, sigma)[inner]
            np.testing.assert_allclose(found, expected, atol=1e-12 * np.abs(expected).max())

    @pytest.mark.parametrize("method", ["harris", "shi_tomasi"])
    def test_chessboard(self, method):
        """Every inner corner of the squares, and nothing else."""
        board = (((Y // 20) + (X // 20)) % 2 * 200).astype(np.uint8)
        found = imgconv.peaks(imgconv.corners(board, method, 1.5), 5, count=12)
        # A corner lies between four pixels.
        grid = {(y, x) for y in (20, 40, 60) for x in (20, 40, 60, 80)}
        nearest = {(round(y / 20) * 20, round(x / 20) * 20) for y, x in found.tolist()}
        assert nearest == grid
        assert all(abs(y - round(y / 20) * 20 + 0.5) <= 1.5 for y, _ in found.tolist())

    def test_an_edge_is_no_corner(self):
        edge = (X > 50).astype(np.float64)
        assert imgconv.corners(edge, "shi_tomasi").max() == 0
        assert imgconv.corners(edge).max() == 0


class TestBlobs:
    COINS = data.coins()[:, :250]

    @pytest.mark.parametrize("dtype", [np.uint8, np.float64])
    def test_scikit_image(self, dtype):
        image = self.COINS if dtype is np.uint8 else self.COINS / 255
        unit = 255 if dtype is np.uint8 else 1
        for method, ours, theirs in (
            (
                "log",
                {"max_sigma": 25, "threshold": 0.1 * unit},
                {"max_sigma": 25, "threshold": 0.1},
            ),
            ("dog", {}, {}),
            ("doh", {"max_sigma": 30}, {}),
            (
                "doh",
                {"max_sigma": 30, "threshold": 0.002 * unit**2, "overlap": 0.9},
                {"threshold": 0.002, "overlap": 0.9},
            ),
            (
                "dog",
                {"threshold": 0.05 * unit, "overlap": 0.9},
                {"threshold": 0.05, "overlap": 0.9},
            ),
        ):
            expected = getattr(feature, f"blob_{method}")(image, min_sigma=3, **theirs)
            found = imgconv.blobs(image, 3, method=method, **ours)
            np.testing.assert_allclose(found, expected, rtol=1e-6)

    @pytest.mark.parametrize("method", ["log", "dog", "doh"])
    def test_disks(self, method):
        """Where they are, and how large."""
        image = np.zeros((200, 260))
        y, x = np.mgrid[:200, :260]
        disks = [(60, 60, 10), (120, 170, 16), (150, 50, 22)]
        for cy, cx, r in disks:
            image[np.hypot(y - cy, x - cx) <= r] = 1
        threshold = 0.05 if method == "doh" else 0.2
        found = imgconv.blobs(image, 4, 36, method=method, steps=65, threshold=threshold)
        assert len(found) == 3
        for cy, cx, r in disks:
            near = found[np.hypot(found[:, 0] - cy, found[:, 1] - cx).argmin()]
            # The boxes of a window of even size are half a pixel away from its middle.
            assert max(abs(near[0] - cy), abs(near[1] - cx)) <= 1
            low, high = {"log": (0.63, 0.78), "dog": (0.4, 0.78), "doh": (1.35, 1.55)}[method]
            assert low < near[2] / r < high

    @pytest.mark.parametrize(("method", "threshold"), [("log", 20), ("dog", 20), ("doh", 200)])
    def test_stripes_change_nothing(self, monkeypatch, method, threshold):
        options = {"method": method, "threshold": threshold}
        expected = imgconv.blobs(self.COINS, 3, 20, **options)
        monkeypatch.setattr("imgconv.filters.corners.BLOB_STRIPE", 1)
        np.testing.assert_array_equal(imgconv.blobs(self.COINS, 3, 20, **options), expected)

    def test_wide_scales(self):
        """Of which a whole image would be transformed."""
        y, x = np.mgrid[:700, :600]
        image = (np.hypot(y - 330, x - 310) <= 90).astype(np.float32)
        for method in ("log", "dog", "doh"):
            found = imgconv.blobs(image, 40, 140, method=method, steps=6, threshold=0.03)
            assert np.abs(found[:, :2] - (330, 310)).max() <= 1

    def test_none(self):
        for method in ("log", "dog", "doh"):
            for image in (np.full((30, 40), 9.5), np.zeros((0, 3)), np.full((30, 40), np.nan)):
                assert imgconv.blobs(image, 1, 5, method=method).shape == (0, 3)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda a: imgconv.corners(a, sigma=0), "sigma must be positive, got 0"),
        (lambda a: imgconv.corners(a, "fast"), "method must be one of harris, shi_tomasi"),
        (lambda a: imgconv.peaks(a, 0), "min_distance must be at least 1, got 0"),
        (lambda a: imgconv.peaks(a, count=0), "count must be at least 1, got 0"),
        (lambda a: imgconv.peaks(a, border=-1), "border must be at least 0, got -1"),
        (lambda a: imgconv.peaks(a[0]), r"image must have two axes, got shape \(6,\)"),
        (lambda a: imgconv.blobs(a, 0), "min_sigma must be positive and finite, got 0"),
        (lambda a: imgconv.blobs(a, 5, 2), "min_sigma must not be above max_sigma, got 5 and 2"),
        (lambda a: imgconv.blobs(a, 0.9, method="doh"), "min_sigma must be at least 1 for 'doh'"),
        (lambda a: imgconv.blobs(a, steps=0), "steps must be at least 1, got 0"),
        (lambda a: imgconv.blobs(a, overlap=2), "overlap must be from 0 to 1, got 2"),
        (lambda a: imgconv.blobs(a[..., None]), "image must have two axes"),
    ],
)  # fmt: skip
def test_errors(call, text):
    with pytest.raises(ValueError, match=text):
        call(np.zeros((5, 6)))
