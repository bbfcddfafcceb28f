"""Filters that keep edges, tested against the formula, scikit-image, OpenCV and SciPy."""

import itertools
from typing import ClassVar

import cases
import numpy as np
import oracle
import pytest
from cases import assert_right, assert_rounded, sample
from comparing import assert_close, assert_same_bits
from skimage.restoration import denoise_bilateral

import imgconv
from imgconv.core import params, plan, threads
from imgconv.filters import denoise

CASES = cases.of(denoise)
# A share of the largest value that a result may be off by, before it is rounded.
SHARE = {np.dtype(np.float32): 1e-6, np.dtype(np.float64): 1e-14}


def assert_is(actual, exact, image):
    """Assert that the values are the exact ones, rounded to the dtype of the image."""
    share = SHARE[oracle.compute_dtype(image.dtype)]
    tolerance = share * np.abs(image.astype(np.float64)).max()
    assert_rounded(actual, exact, tolerance, oracle.result_dtype(image.dtype, True))


def smooth(shape, dtype, seed=0):
    """Return an image of flat areas with a little noise, with values around 20 to 180."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 3, (-(-shape[0] // 16), -(-shape[1] // 16), *shape[2:])) * 80 + 20
    image = coarse.repeat(16, axis=0).repeat(16, axis=1)[: shape[0], : shape[1]]
    return (image + rng.normal(scale=8, size=shape)).clip(0, 255).astype(dtype)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_as_the_formula(case):
    for dtype, mode in itertools.product(["float32", "float64", "uint8", "uint16"], cases.MODES):
        image = sample((37, 150), dtype, seed=1)
        actual = case.call(image, mode=mode, cval=-7.5)
        assert_right(case, actual, image, mode=mode, cval=-7.5)


class TestColour:
    """Channels have one weight for each pixel, from the distance of their colours."""

    OPTIONS: ClassVar = {"win_size": 5, "sigma_color": 30.0, "sigma_spatial": 1.5}

    @pytest.mark.parametrize("window", ["square", "disk"])
    @pytest.mark.parametrize("metric", ["l2", "l1"])
    @pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "float64"])
    def test_as_the_formula(self, dtype, metric, window):
        options = {**self.OPTIONS, "metric": metric, "window": window}
        for channels, mode in itertools.product([1, 2, 3, 4, 5, 7], ["reflect", "constant"]):
            image = smooth((23, 70, channels), dtype)
            actual = imgconv.bilateral(image, channel_axis=-1, mode=mode, cval=30.5, **options)
            assert_is(actual, oracle.bilateral(image, mode=mode, cval=30.5, **options), image)

    @pytest.mark.parametrize("channels", [1, 2, 3, 4])
    def test_wherever_the_channels_are(self, channels):
        for dtype in ("uint8", "float32"):
            image = smooth((19, 83, channels), dtype)
            expected = imgconv.bilateral(image, channel_axis=2, **self.OPTIONS)
            for axis in (0, 1, 2):
                moved = np.moveaxis(image, 2, axis)
                for same in (moved, moved.copy()):
                    actual = imgconv.bilateral(same, channel_axis=axis, **self.OPTIONS)
                    assert_same_bits(np.moveaxis(actual, axis, 2).copy(), expected)
            swapped = image.astype(image.dtype.newbyteorder())
            assert_same_bits(imgconv.bilateral(swapped, channel_axis=2, **self.OPTIONS), expected)

    def test_stacks(self):
        stack = smooth((3 * 18, 40, 3), "uint8").reshape(3, 18, 40, 3)
        for options in (self.OPTIONS, {"win_size": 5}):
            expected = [imgconv.bilateral(image, channel_axis=2, **options) for image in stack]
            actual = imgconv.bilateral(stack, axes=(1, 2), channel_axis=3, **options)
            assert_same_bits(actual, np.stack(expected))

    def test_in_place(self):
        image = smooth((40, 50, 3), "float32")
        expected = imgconv.bilateral(image, channel_axis=2, **self.OPTIONS)
        assert imgconv.bilateral(image, channel_axis=2, out=image, **self.OPTIONS) is image
        assert_same_bits(image, expected)

    def test_wide_images_in_strips(self, monkeypatch):
        image = smooth((20, 500, 3), "float32")
        expected = imgconv.bilateral(image, channel_axis=2, **self.OPTIONS)
        monkeypatch.setattr(params, "STRIP_BYTES", 1)
        plan.PLANS.clear()
        assert_same_bits(imgconv.bilateral(image, channel_axis=2, **self.OPTIONS), expected)
        plan.PLANS.clear()

    def test_threads(self, monkeypatch):
        monkeypatch.setattr(threads, "SERIAL_BELOW", 0)
        image = smooth((150, 90, 3), "float32")
        expected = imgconv.bilateral(image, channel_axis=2, **self.OPTIONS)
        for n in (1, 2, 5):
            with imgconv.threads(n):
                assert_same_bits(imgconv.bilateral(image, channel_axis=2, **self.OPTIONS), expected)


class TestDefaults:
    def test_window(self):
        image = smooth((40, 50), "float32")
        for sigma, size in [(0.5, 5), (1, 7), (1.1, 9), (3, 19)]:
            expected = imgconv.bilateral(image, sigma_spatial=sigma, win_size=size)
            assert_same_bits(imgconv.bilateral(image, sigma_spatial=sigma), expected)

    def test_sigma_is_that_of_the_image(self):
        for image in (smooth((300, 280), "uint8"), sample((40, 50, 3), "float64")):
            options = {"channel_axis": 2} if image.ndim == 3 else {}
            expected = imgconv.bilateral(image, sigma_color=image.std(dtype=float), **options)
            assert_close(imgconv.bilateral(image, **options), expected, rtol=1e-13)

    def test_sigma_of_the_guide(self):
        image, guide = sample((40, 50), "float64"), sample((40, 50), "float64", seed=1) * 3
        expected = imgconv.joint_bilateral(image, guide, sigma_color=guide.std())
        assert_close(imgconv.joint_bilateral(image, guide), expected, rtol=1e-13)

    def test_what_is_not_finite_has_no_part_in_it(self):
        image = sample((30, 40), "float64")
        clean = imgconv.bilateral(image[:, 20:], sigma_color=image.std())
        image[15, 4:7] = np.nan, np.inf, -np.inf
        sigma = image[np.isfinite(image)].std()
        expected = imgconv.bilateral(image, sigma_color=sigma)
        actual = imgconv.bilateral(image)
        assert_close(actual, expected, rtol=1e-13)
        assert np.isnan(actual[12:19, 1:10]).all()
        assert np.isfinite(actual[:, 10:]).all()
        assert clean.shape == actual[:, 20:].shape

    @pytest.mark.parametrize("value", [0.0, 7.25, np.nan, np.inf, 1e300])
    def test_of_a_constant(self, value):
        image = np.full((9, 20), value)
        with np.errstate(invalid="ignore"):
            assert_same_bits(imgconv.bilateral(image), image + 0 * image)


class TestLaws:
    def test_constant_stays_to_the_bit(self):
        rng = np.random.default_rng(0)
        for dtype in cases.DTYPES:
            value = sample((), dtype, seed=int(rng.integers(99)))
            for shape, axis in [((15, 40), None), ((15, 40, 3), 2), ((15, 40, 5), 2)]:
                image = np.full(shape, value)
                result = imgconv.bilateral(image, sigma_color=10, channel_axis=axis)
                expected = oracle.round_to(image.astype(np.float64), result.dtype)
                assert_same_bits(result, expected)

    @pytest.mark.parametrize("channels", [1, 3])
    def test_mirror_image(self, channels):
        image = smooth((30, 75, channels), "float32")
        result = imgconv.bilateral(image, sigma_color=30, sigma_spatial=2, channel_axis=2)
        for turn in (np.s_[::-1], np.s_[:, ::-1], np.s_[::-1, ::-1]):
            mirrored = imgconv.bilateral(
                image[turn], sigma_color=30, sigma_spatial=2, channel_axis=2
            )
            assert_close(mirrored[turn], result, rtol=1e-6)

    def test_any_colour_alike_is_a_gaussian(self):
        for dtype in ("float32", "float64"):
            image = sample((40, 60), dtype)
            smoothed = imgconv.gaussian(image, 1.5, radius=5)
            for sigma, rtol in [(1e5, 1e-4), (1e9, 1e-6)]:
                actual = imgconv.bilateral(image, win_size=11, sigma_color=sigma, sigma_spatial=1.5)
                assert_close(actual, smoothed, rtol=rtol, scale=np.ptp(image))

    def test_no_colour_alike_is_the_image(self):
        for dtype in ("uint8", "float32", "float64"):
            image = np.arange(20 * 30).reshape(20, 30) % 251
            image = image.astype(dtype)
            for sigma in (1e-3, 1e-30, 1e-300):
                assert_close(imgconv.bilateral(image, sigma_color=sigma), image, rtol=1e-28)

    def test_scale_and_offset(self):
        """Twice the contrast with twice the sigma, to the bit; an offset, nearly."""
        image = sample((30, 50), "float32")
        result = imgconv.bilateral(image, sigma_color=60)
        assert_same_bits(imgconv.bilateral(4 * image, sigma_color=240), 4 * result)
        for factor in (2.0**-90, 2.0**90):
            scaled = imgconv.bilateral(image * np.float32(factor), sigma_color=60 * factor)
            assert_same_bits(scaled, result * np.float32(factor))
        assert_close(imgconv.bilateral(image + 1000, sigma_color=60) - 1000, result, rtol=2e-6)

    def test_between_smallest_and_largest(self):
        image = sample((40, 60), "float32")
        result = imgconv.bilateral(image, sigma_color=80, win_size=5)
        around = oracle.extend(image, (2, 2), (2, 2))
        windows = np.lib.stride_tricks.sliding_window_view(around, (5, 5))
        slack = 1e-6 * np.abs(image).max()
        assert (result >= windows.min(axis=(2, 3)) - slack).all()
        assert (result <= windows.max(axis=(2, 3)) + slack).all()

    def test_wide_windows(self):
        image = smooth((12, 15), "float64")
        options = {"win_size": 41, "sigma_color": 40.0, "sigma_spatial": 7.0}
        for mode, window in itertools.product(cases.MODES, ["square", "disk"]):
            exact = oracle.bilateral(image, mode=mode, cval=3.0, window=window, **options)
            actual = imgconv.bilateral(image, mode=mode, cval=3.0, window=window, **options)
            assert_is(actual, exact, image)

    def test_error_in_float32_against_float64(self):
        """Better than 1e-5 of the range wherever the range is."""
        for offset, spread in [(0, 1), (1000, 1), (0, 1e-20), (1e6, 100), (0, 1e20)]:
            rng = np.random.default_rng(0)
            image = (offset + spread * rng.random((60, 70))).astype(np.float32)
            for sigma in (0.05, 0.3, 3):
                exact = imgconv.bilateral(image.astype(np.float64), sigma_color=sigma * spread)
                error = np.abs(imgconv.bilateral(image, sigma_color=sigma * spread) - exact).max()
                assert error <= 1e-6 * spread + 0.51 * np.spacing(np.float32(offset + spread))


class TestLibraries:
    MODES: ClassVar = {
        "reflect": "symmetric",
        "mirror": "reflect",
        "nearest": "edge",
        "wrap": "wrap",
        "constant": "constant",
    }

    @pytest.mark.parametrize("mode", MODES)
    def test_scikit_image(self, mode):
        """scikit-image takes weights from a table, at the distance rounded down.

        It divides distances by the number of channels. It assigns its spatial weights to the wrong
        pixels; a large sigma_spatial makes them all one.
        """
        bins, sigma = 200_000, 0.1
        for channels, axis in [(1, None), (3, -1)]:
            image = smooth((40, 50, channels), float).squeeze() / 255
            expected = denoise_bilateral(
                image, win_size=7, sigma_color=sigma, sigma_spatial=1e9, bins=bins,
                mode=self.MODES[mode], cval=0.3, channel_axis=axis,
            )  # fmt: skip
            actual = imgconv.bilateral(
                image, win_size=7, sigma_color=sigma * channels, sigma_spatial=1e9, mode=mode,
                cval=0.3, channel_axis=axis,
            )  # fmt: skip
            # How much a weight changes from one entry of the table to the next.
            step = np.exp(-0.5) / sigma * image.max() / bins
            assert_close(actual, expected, rtol=2 * step, scale=1)
            assert np.abs(actual - image).max() > 0.05

    BORDERS: ClassVar = {
        "reflect": "BORDER_REFLECT",
        "mirror": "BORDER_REFLECT_101",
        "nearest": "BORDER_REPLICATE",
    }

    @pytest.mark.parametrize("channels", [1, 3])
    @pytest.mark.parametrize("size", [5, 9, 15])
    @pytest.mark.parametrize("mode", BORDERS)
    def test_opencv(self, mode, size, channels):
        cv2 = pytest.importorskip("cv2")
        image = smooth((60, 70, channels), "uint8")
        options = {"win_size": size, "sigma_color": 30, "sigma_spatial": size / 4, "mode": mode,
                   "window": "disk", "metric": "l1", "channel_axis": 2}  # fmt: skip
        border = getattr(cv2, self.BORDERS[mode])
        expected = cv2.bilateralFilter(image, size, 30, size / 4, borderType=border)
        difference = imgconv.bilateral(image, **options) - expected.reshape(image.shape).astype(int)
        assert np.abs(difference).max() <= 1
        if (
            size > 5 or channels > 1 or mode == "reflect"
        ):  # otherwise it rounds down, most of the time
            assert np.count_nonzero(difference) < 0.002 * image.size
        image = image.astype(np.float32)
        expected = cv2.bilateralFilter(image, size, 30, size / 4, borderType=border)
        actual = imgconv.bilateral(image, **options)
        # OpenCV interpolates in a table of 4096 weights for each channel.
        assert_close(actual, expected.reshape(image.shape), rtol=1e-5)


class TestJoint:
    OPTIONS: ClassVar = {"win_size": 7, "sigma_color": 30.0, "sigma_spatial": 2.0}

    @pytest.mark.parametrize("channels", [1, 2, 3, 4])
    def test_by_itself(self, channels):
        """To the bit, whether the guide is the same array or an equal one."""
        for dtype in ("uint8", "float32", "float64"):
            image = smooth((40, 70, channels), dtype)
            expected = imgconv.bilateral(image, channel_axis=2, **self.OPTIONS)
            for guide in (image, image.copy(), np.moveaxis(np.moveaxis(image, 2, 0).copy(), 0, 2)):
                actual = imgconv.joint_bilateral(image, guide, channel_axis=2, **self.OPTIONS)
                assert_same_bits(actual, expected)

    @pytest.mark.parametrize("own", [None, 1, 2, 3, 4])
    @pytest.mark.parametrize("other", [None, 1, 2, 3])
    def test_as_the_formula(self, own, other):
        shape = (25, 60)
        for dtype, guide_dtype, mode in [
            ("uint8", "uint8", "reflect"),
            ("float32", "uint16", "wrap"),
            ("float64", "float32", "constant"),
            ("int16", ">f4", "nearest"),
        ]:
            image = smooth(shape if own is None else (*shape, own), dtype)
            guide = smooth(shape if other is None else (*shape, other), guide_dtype, seed=1)
            options = {**self.OPTIONS, "mode": mode, "cval": 20.0}
            actual = imgconv.joint_bilateral(
                image,
                guide,
                channel_axis=None if own is None else 2,
                guide_channel_axis=None if other is None else 2,
                **options,
            )
            assert_is(actual, oracle.bilateral(image, guide, **options), image)

    def test_axes_of_the_guide(self):
        """A guide with as many axes as the image has the same channel axis, one with fewer none."""
        image, guide = smooth((3, 20, 30), "uint8"), smooth((3, 20, 30), "uint8", seed=1)
        options = {"channel_axis": 0, **self.OPTIONS}
        expected = imgconv.joint_bilateral(image, guide, guide_channel_axis=0, **options)
        assert_same_bits(imgconv.joint_bilateral(image, guide, **options), expected)
        last = np.moveaxis(guide, 0, 2)
        actual = imgconv.joint_bilateral(image, last, guide_channel_axis=-1, **options)
        assert_same_bits(actual, expected)
        grey = imgconv.joint_bilateral(image, guide[0], **options)
        assert_same_bits(imgconv.joint_bilateral(image, guide[:1], **options), grey)

    def test_stacks(self):
        image = smooth((40, 3 * 30), "uint8").reshape(40, 3, 30)
        guide = smooth((40, 6 * 30), "float32", seed=1).reshape(40, 3, 30, 2)
        actual = imgconv.joint_bilateral(
            image, guide, axes=(0, 2), guide_channel_axis=3, **self.OPTIONS
        )
        for k in range(3):
            expected = imgconv.joint_bilateral(
                image[:, k], guide[:, k], guide_channel_axis=2, **self.OPTIONS
            )
            assert_same_bits(actual[:, k].copy(), expected)

    def test_computed_in_float64_where_either_must_be(self):
        image = smooth((20, 30), "uint8")
        for guide, computed in [("uint8", "float32"), ("float32", "float32"), ("int32", "float64")]:
            made = imgconv.explain(imgconv.joint_bilateral, image, image.astype(guide))
            assert made.computed_in == computed
            assert made.dtype == np.uint8
        offset = image.astype(np.float64) + 1e9
        actual = imgconv.joint_bilateral(image, offset, dtype="f8", **self.OPTIONS)
        assert_close(actual, imgconv.bilateral(image, dtype="f8", **self.OPTIONS), rtol=1e-6)

    def test_out_may_overlap_either(self):
        image, guide = smooth((30, 40), "float32"), smooth((30, 40), "float32", seed=1)
        for function, options in [
            (imgconv.joint_bilateral, self.OPTIONS),
            (imgconv.guided, {"radius": 2, "eps": 9.0}),
        ]:
            expected = function(image, guide, **options)
            for which in range(2):
                pair = [image.copy(), guide.copy()]
                assert_same_bits(function(*pair, **options, out=pair[which]), expected)

    def test_nan_in_the_guide(self):
        image, guide = sample((30, 40)), sample((30, 40), seed=1)
        guide[10, 20] = np.nan
        result = imgconv.joint_bilateral(image, guide, **self.OPTIONS)
        assert np.isnan(result[7:14, 17:24]).all()
        assert np.count_nonzero(np.isnan(result)) == 49


class TestGuided:
    def test_two_images(self):
        for dtype, mode in itertools.product(["uint8", "float32", "int32"], cases.MODES):
            image, guide = smooth((40, 70), dtype), smooth((40, 70), "float32", seed=1)
            for radius, eps in [(1, 20.0), (4, 500.0)]:
                exact = oracle.guided(image, guide, radius, eps, mode=mode, cval=9.0)
                actual = imgconv.guided(image, guide, radius, eps, mode=mode, cval=9.0)
                tolerance = 1e-10 + (dtype == "float32") * 1e-5
                assert_rounded(actual, exact, tolerance, np.dtype(dtype))

    def test_channels(self):
        """One channel guides all channels; as many as the image has guide one each."""
        image, guide = smooth((30, 50, 3), "uint8"), smooth((30, 50, 3), "uint8", seed=1)
        each = imgconv.guided(image, guide, 2, 99, channel_axis=2)
        by_one = imgconv.guided(image, guide[..., 0], 2, 99, channel_axis=2)
        for k in range(3):
            expected = imgconv.guided(image[..., k], guide[..., k], 2, 99)
            assert_same_bits(each[..., k].copy(), expected)
            expected = imgconv.guided(image[..., k], guide[..., 0], 2, 99)
            assert_same_bits(by_one[..., k].copy(), expected)
        with pytest.raises(ValueError, match=r"^guide must have one channel or 3, got 2$"):
            imgconv.guided(image, guide[..., :2], 2, 99, channel_axis=2)
        with pytest.raises(ValueError, match=r"^guide must have one channel, got 3$"):
            imgconv.guided(image[..., 0], guide, 2, 99, guide_channel_axis=2)

    def test_steps_stay_and_noise_goes(self):
        rng = np.random.default_rng(0)
        step = np.repeat([[0.0, 100.0]], 32, axis=1).repeat(40, axis=0)
        noisy = step + rng.normal(size=step.shape)
        clean = imgconv.guided(noisy, noisy, 4, 100.0)
        inside = np.s_[:, 8:24]
        assert clean[inside].std() < 0.2 * noisy[inside].std()
        assert np.abs(clean[:, 31:33].mean(axis=0) - [0, 100]).max() < 3

    def test_a_line_over_the_guide_stays(self):
        guide = sample((40, 50), "float64")
        image = 3 * guide - 7
        assert_close(imgconv.guided(image, guide, 3, 1e-9), image, rtol=1e-9)

    def test_large_radius(self):
        image = smooth((30, 40), "float64")
        for radius in (20, 50):
            exact = oracle.guided(image, image, radius, 100.0)
            assert_close(imgconv.guided(image, image, radius, 100.0), exact, rtol=1e-12)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda im: imgconv.bilateral(im, win_size=4), ValueError,
         "win_size must be positive and odd, got 4"),
        (lambda im: imgconv.bilateral(im, win_size=-3), ValueError,
         "win_size must be positive and odd, got -3"),
        (lambda im: imgconv.bilateral(im, win_size=5.0), TypeError,
         "win_size must be an integer, got 5.0"),
        (lambda im: imgconv.bilateral(im, sigma_color=0), ValueError,
         "sigma_color must be positive and finite, got 0"),
        (lambda im: imgconv.bilateral(im, sigma_color=np.nan), ValueError,
         "sigma_color must be positive and finite, got nan"),
        (lambda im: imgconv.bilateral(im, sigma_spatial=-1), ValueError,
         "sigma_spatial must be positive and finite, got -1"),
        (lambda im: imgconv.bilateral(im, sigma_spatial="1"), TypeError,
         "sigma_spatial must be a number, got '1'"),
        (lambda im: imgconv.bilateral(im, window="round"), ValueError,
         "window must be one of square, disk, got 'round'"),
        (lambda im: imgconv.bilateral(im, metric="L2"), ValueError,
         "metric must be one of l2, l1, got 'L2'"),
        (lambda im: imgconv.joint_bilateral(im, im[1:]), ValueError,
         "guide must have the image's size (4, 5), got shape (3, 5)"),
        (lambda im: imgconv.joint_bilateral(im, im[0]), ValueError,
         "guide must have the image's size (4, 5), got shape (5,)"),
        (lambda im: imgconv.joint_bilateral(im, np.zeros((4, 5, 3))), ValueError,
         "guide must have the image's size (4, 5), got shape (4, 5, 3)"),
        (lambda im: imgconv.joint_bilateral(im, im, guide_channel_axis=2), ValueError,
         "guide_channel_axis must lie in an image of 2 axes, got 2"),
        (lambda im: imgconv.joint_bilateral(im, im * 1j), TypeError,
         "guide must have a real dtype (bool, integer or float of at most 64 bits), "
         "got complex128"),
        (lambda im: imgconv.joint_bilateral(im, np.ma.array(im)), TypeError,
         "guide must not be a masked array"),
        (lambda im: imgconv.guided(im, im, -1, 1.0), ValueError,
         "radius must be at least 0, got -1"),
        (lambda im: imgconv.guided(im, im, (1, 2), 1.0), TypeError,
         "radius must be an integer, got (1, 2)"),
        (lambda im: imgconv.guided(im, im, 1, 0), ValueError,
         "eps must be positive and finite, got 0"),
    ],
)  # fmt: skip
def test_wrong_arguments(call, error, message):
    with pytest.raises(error) as caught:
        call(np.arange(20.0).reshape(4, 5))
    assert type(caught.value) is error
    assert str(caught.value) == message
