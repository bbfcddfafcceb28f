"""Borders: every mode, any cval, any window, and which results a NaN may spoil."""

import itertools

import numpy as np
import oracle
import pytest
from cases import BY_ID, CASES, CORE, EXACT, MODES, assert_right, assert_untouched, sample
from comparing import assert_same_bits

import imgconv
from imgconv.core import border

SYNONYMS = {"grid-mirror": "reflect", "grid-wrap": "wrap", "grid-constant": "constant"}


@pytest.mark.parametrize("mode", MODES)
def test_index_map(mode):
    for n, before, after in itertools.product([1, 2, 3, 7], [0, 1, 50], [0, 2, 60]):
        expected = [oracle.fold(i, n, mode) for i in range(-before, n + after)]
        assert border.index_map(n, before, after, mode).tolist() == expected


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_mode(case):
    image = sample((12, 17), seed=2)
    for mode in MODES:
        assert_right(case, case.call(image, mode=mode, cval=31.5), image, mode=mode, cval=31.5)


@pytest.mark.parametrize("case", CORE, ids=lambda case: case.id)
def test_synonyms(case):
    image = sample((9, 70))
    for synonym, mode in SYNONYMS.items():
        for one, other in zip(
            case.results(image, mode=synonym, cval=2),
            case.results(image, mode=mode, cval=2),
            strict=True,
        ):
            assert_same_bits(one, other)


@pytest.mark.parametrize("case", CORE, ids=lambda case: case.id)
def test_a_mode_for_each_axis(case):
    image = sample((11, 70), "float64")
    for pair in itertools.product(MODES, MODES):
        for given in (pair, list(pair)):
            actual = case.call(image, mode=given, cval=-9.25)
        assert_right(case, actual, image, mode=pair, cval=-9.25)


@pytest.mark.parametrize("case", CORE, ids=lambda case: case.id)
@pytest.mark.parametrize("cval", [0.5, -1, 1e6, np.float32(0.1), True, np.int64(7)])
def test_cval_is_not_cast_to_the_dtype_of_the_image(cval, case):
    for dtype in ("bool", "uint8", "int64"):
        image = sample((9, 20), dtype)
        actual = case.call(image, mode="constant", cval=cval, dtype=np.float64)
        exact = case.exact(image, "constant", float(cval))
        assert_right(case, actual, image, mode="constant", cval=cval, dtype=np.float64, exact=exact)


@pytest.mark.parametrize("case", CORE, ids=lambda case: case.id)
def test_cval_is_unused_by_other_modes(case):
    image = sample((9, 70))
    for mode in set(MODES) - {"constant"}:
        expected = case.results(image, mode=mode)
        for one, other in zip(case.results(image, mode=mode, cval=np.nan), expected, strict=True):
            assert_same_bits(one, other)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "name",
    [
        "correlate-direct-21x21",
        "convolve-4x5-stride(1,3)",
        "correlate-1x3-dilation(5,2)",
        "convolve-5x5-shapefull-stride(2,3)-dilation(1,2)",
        "separable-13x1",
        "gaussian-sigma4",
        "gaussian-sigma(0.6,2.5)",
        "gaussian-sigma(8,0.6)-methodresample",
        "gaussian_gradient_magnitude-(0.7,2)",
        "unsharp_mask-2.5-0.5",
        "box-31",
        "box-(16,17)",
        "sobel7-None",
        "roberts-0",
        "derivative-1-order2-accuracy6",
        "gabor-frequency0.2-theta0.6-offset0.4",
    ],
)
def test_windows_larger_than_the_image(name, mode):
    case = BY_ID[name]
    for shape in itertools.product([1, 2, 3, 5], [1, 2, 3, 8]):
        for dtype in ("float32", "float64"):
            image = sample(shape, dtype)
            assert_right(case, case.call(image, mode=mode, cval=2), image, mode=mode, cval=2)


class TestNaN:
    """A NaN spoils all windows that hold it under a weight that is not zero, and no others."""

    SHAPE = (23, 85)
    PLACES = ((0, 0), (11, 40), (22, 84), (9, 84), (12, 64))

    def with_pixel(self, place, value, dtype):
        image = sample(self.SHAPE, dtype)
        image[place] = value
        return image

    @pytest.mark.parametrize("case", EXACT, ids=lambda case: case.id)
    def test_stays_in_its_windows(self, case):
        for dtype, place in itertools.product(["float32", "float64", "float16"], self.PLACES):
            results = case.results(self.with_pixel(place, np.nan, dtype))
            clean = case.results(self.with_pixel(place, 0, dtype))
            may = case.exact(self.with_pixel(place, np.nan, dtype))
            dot = np.zeros(self.SHAPE)
            dot[place] = 1
            # A weight far below the others' rounding may have been left out.
            answers = [np.abs(part(dot, "reflect", 0.0)) for part in case.parts]
            must = [answer > 1e-12 * answer.max() for answer in answers]
            if case.combine != "each":
                must = [np.logical_or(*must)] * len(results)
            for i, (result, expected) in enumerate(zip(results, clean, strict=True)):
                spoilt = np.isnan(result)
                assert not (spoilt & ~np.isnan(may[i])).any(), "reaches beyond its windows"
                assert not (must[i] & ~spoilt).any(), "does not spoil a window that holds it"
                untouched = ~np.isnan(may[i])
                assert_untouched(case, result[untouched], expected[untouched])

    @pytest.mark.parametrize("case", EXACT, ids=lambda case: case.id)
    def test_infinity_stays_in_its_windows(self, case):
        for place in self.PLACES[:3]:
            results = case.results(self.with_pixel(place, np.inf, "float32"))
            clean = case.results(self.with_pixel(place, 0, "float32"))
            may = case.exact(self.with_pixel(place, np.nan, "float32"))
            for result, expected, windows in zip(results, clean, may, strict=True):
                untouched = ~np.isnan(windows)
                assert_untouched(case, result[untouched], expected[untouched])
            dot = np.zeros(self.SHAPE)
            dot[place] = 1
            spoils = case.parts[0](dot, "reflect", 0.0) > 1e-3
            assert case.selects or not np.isfinite(results[0][spoils]).any()

    @pytest.mark.parametrize("cval", [np.nan, np.inf, -np.inf])
    @pytest.mark.parametrize("case", EXACT, ids=lambda case: case.id)
    def test_outside_the_image(self, case, cval):
        """A cval that is not finite spoils the windows that reach beyond the image."""
        image = sample(self.SHAPE)
        results = case.results(image, mode="constant", cval=cval)
        clean = case.results(image, mode="constant")
        reach_out = case.exact(image, "constant", np.nan)
        for result, expected, windows in zip(results, clean, reach_out, strict=True):
            inside = ~np.isnan(windows)
            assert_untouched(case, result[inside], expected[inside])
        spoils = np.isnan(cval) or not case.selects
        if spoils and case.combine == "each" and not any(case.parts[0].kernel.ravel() == 0):
            assert not np.isfinite(results[0][np.isnan(reach_out[0])]).any()

    def test_becomes_zero_in_integers(self):
        image = self.with_pixel((11, 40), np.nan, "float32")
        smooth = imgconv.box(np.abs(image) + 10, 3, dtype=np.uint8)
        assert not smooth[10:13, 39:42].any()
        assert np.count_nonzero(smooth) == smooth.size - 9
