"""The table is sound, and what compares with it fails when it must."""

import cases
import numpy as np
import pytest
from cases import (
    BY_ID,
    CASES,
    OTHERS,
    Other,
    assert_right,
    assert_rounded,
    assert_selected,
    assert_untouched,
    sample,
)
from comparing import assert_close

IMAGE = sample((37, 41), np.float64)


def test_every_row_has_a_name_of_its_own():
    assert len({row.id for row in (*CASES, *OTHERS)}) == len(CASES) + len(OTHERS)


# Libraries that call Python for each window are not asked about large ones.
@pytest.mark.parametrize("case", [case for case in CASES if case.library], ids=lambda case: case.id)
def test_reference_implementation_and_library_agree(case):
    for mode in case.modes:
        expected = case.library(IMAGE, mode, 0.0)
        assert_right(case, case.exact(IMAGE, mode), IMAGE, exact=expected, dtype=np.float64)


def test_sample_uses_the_range_of_its_dtype():
    for dtype in cases.DTYPES:
        image = sample((40, 50), dtype)
        assert image.dtype == dtype
        if image.dtype.kind in "iu":
            limits = np.iinfo(dtype)
            assert image.min() < limits.min * 0.9 + limits.max * 0.1
            assert image.max() > limits.max * 0.9
    assert_close(sample((3, 3), seed=4), sample((3, 3), seed=4), rtol=0)


class TestAssertRounded:
    EXACT = np.array([[0.2, 1.5], [2.49999, -3.0]])

    def test_passes_within_the_tolerance(self):
        off = np.add(self.EXACT, [[1e-3, -1e-3]])
        assert_rounded(off, self.EXACT, 1.1e-3, np.dtype(np.float64))
        for right in ([[0, 1], [2, 0]], [[0, 2], [2, 0]], [[0, 2], [3, 0]]):
            assert_rounded(np.array(right, np.uint8), self.EXACT, 1e-4, np.dtype(np.uint8))

    @pytest.mark.parametrize(
        "wrong", [[[1, 2], [2, 0]], [[0, 3], [2, 0]], [[0, 2], [2, 253]], [[0, 2], [1, 0]]]
    )
    def test_fails_for_other_integers(self, wrong):
        with pytest.raises(AssertionError, match="1 of 4 values are wrong"):
            assert_rounded(np.array(wrong, np.uint8), self.EXACT, 1e-4, np.dtype(np.uint8))

    def test_fails_beyond_the_tolerance(self):
        off = np.add(self.EXACT, [[0, 2e-3], [0, 0]])
        with pytest.raises(AssertionError, match=r"1 of 4 .* at \(0, 1\).*within 0.001"):
            assert_rounded(off, self.EXACT, 1e-3, np.dtype(np.float64))

    def test_ties_and_saturation_are_strict_without_a_tolerance(self):
        exact = np.array([0.5, 1.5, 300.0, -1.0, np.nan])
        assert_rounded(np.array([0, 2, 255, 0, 0], np.uint8), exact, 0, np.dtype(np.uint8))
        with pytest.raises(AssertionError, match="1 of 5"):
            assert_rounded(np.array([1, 2, 255, 0, 0], np.uint8), exact, 0, np.dtype(np.uint8))

    def test_specials_stand_in_the_same_places(self):
        exact = np.array([np.nan, np.inf, -np.inf, 1.0])
        assert_rounded(exact.copy(), exact, 1e-3, np.dtype(np.float64))
        for place, value in [(0, 1.0), (1, 1e300), (2, np.inf), (3, np.nan), (3, np.inf)]:
            wrong = exact.copy()
            wrong[place] = value
            with pytest.raises(AssertionError, match="1 of 4"):
                assert_rounded(wrong, exact, 1e-3, np.dtype(np.float64))

    @pytest.mark.parametrize(
        ("actual", "reason"),
        [
            (np.zeros((2, 2), np.float32), "dtype"),
            (np.zeros((4, 1)), "shape"),
            ([[0.0, 0.0], [0.0, 0.0]], "ndarray"),
        ],
    )
    def test_fails_for_another_form(self, actual, reason):
        with pytest.raises(AssertionError, match=reason):
            assert_rounded(actual, self.EXACT, 1.0, np.dtype(np.float64))


class TestAssertSelected:
    def test_passes_for_the_same_values(self):
        exact = np.array([0.0, np.nan, -np.inf, 2.5], np.float32)
        assert_selected(np.array([-0.0, np.nan, -np.inf, 2.5], np.float32), exact, np.dtype("<f4"))

    def test_values_are_converted(self):
        exact = np.array([-1, 0, 70_000, 2**63 - 1])
        assert_selected(np.array([0, 0, 65_535, 65_535], np.uint16), exact, np.dtype(np.uint16))

    @pytest.mark.parametrize(
        ("place", "value"), [(0, 1e-30), (1, 0.0), (2, np.inf), (3, np.nextafter(2.5, 3))]
    )
    def test_fails_for_another_value(self, place, value):
        exact = np.array([0.0, np.nan, -np.inf, 2.5])
        wrong = exact.copy()
        wrong[place] = value
        with pytest.raises(AssertionError, match=rf"1 of 4 .* at \({place},\).* exactly"):
            assert_selected(wrong, exact, exact.dtype)

    def test_sees_units_of_64_bit_integers(self):
        exact = np.array([2**63 - 1])
        with pytest.raises(AssertionError, match="1 of 1"):
            assert_selected(exact - 1, exact, exact.dtype)

    @pytest.mark.parametrize(
        ("actual", "reason"), [(np.zeros(3, np.float32), "dtype"), (np.zeros((3, 1)), "shape")]
    )
    def test_fails_for_another_form(self, actual, reason):
        with pytest.raises(AssertionError, match=reason):
            assert_selected(actual, np.zeros(3), np.dtype(np.float64))


class TestAssertUntouched:
    EXPECTED = 100 * np.random.default_rng(0).normal(size=20)

    def test_bits_count(self):
        case = BY_ID["correlate-3x3"]
        assert_untouched(case, self.EXPECTED.copy(), self.EXPECTED)
        with pytest.raises(AssertionError, match="20 of 20 values differ in their bits"):
            assert_untouched(case, np.nextafter(self.EXPECTED, np.inf), self.EXPECTED)

    def test_rounding_does_not_where_tiles_are_transformed(self):
        case = BY_ID["correlate-fft-5x7"]
        assert_untouched(case, np.nextafter(self.EXPECTED, np.inf), self.EXPECTED)
        with pytest.raises(AssertionError, match="off by more than"):
            assert_untouched(case, self.EXPECTED + 1e-9, self.EXPECTED)


class TestOther:
    """A row whose filter gives the image back, compared with the image or with a float of it."""

    @staticmethod
    def row(**options):
        return Other("same", lambda image: image, {}, lambda image: image, **options)

    @pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float16", "float64"])
    def test_sees_one_wrong_pixel(self, dtype):
        image = sample((5, 6), dtype)
        row = self.row()
        row.assert_right(row.call(image), image)
        wrong = image.copy()
        wrong[2, 3] = not wrong[2, 3] if dtype == "bool" else wrong[2, 3] - 1
        with pytest.raises(AssertionError) as caught:
            row.assert_right(wrong, image)
        assert caught.value.__notes__ == [f"same, {dtype} image (5, 6)"]

    def test_floats_may_be_off_by_ulps_of_the_largest(self):
        image = np.array([[0.0, 1.0]])
        self.row(ulps=2).assert_right(image + 2.0**-51, image)
        with pytest.raises(AssertionError, match="off by more than"):
            self.row(ulps=2).assert_right(image + 2.0**-50, image)

    def test_integers_may_only_via_float(self):
        image = np.array([[5, 2**62]])
        self.row(ulps=1, via_float=True).assert_right(image + np.array([0, 1024]), image)
        for row in (self.row(ulps=1), self.row(ulps=1, via_float=True)):
            with pytest.raises(AssertionError):
                row.assert_right(image + np.array([0, 4096]), image)
        with pytest.raises(AssertionError):
            self.row(ulps=1).assert_right(image + np.array([0, 1024]), image)

    def test_sees_a_wrong_dtype(self):
        image = sample((5, 6), "uint8")
        with pytest.raises(AssertionError):
            self.row().assert_right(image.astype(np.int16), image)


class TestAssertRight:
    @pytest.mark.parametrize("case", cases.CORE, ids=lambda case: case.id)
    def test_sees_one_wrong_pixel(self, case):
        results = case.results(IMAGE)
        assert_right(case, results, IMAGE)
        for which in range(len(results)):
            wrong = tuple(result.copy() for result in results)
            wrong[which][3, 4] += 1e-3 + 4 * case.error * np.abs(IMAGE).max()
            with pytest.raises(AssertionError, match=r"at \(3, 4\)"):
                assert_right(case, wrong, IMAGE)

    def test_sees_a_wrong_dtype(self):
        case = BY_ID["laplace"]
        with pytest.raises(AssertionError, match="dtype <f4, expected <f8"):
            assert_right(case, case.call(IMAGE).astype(np.float32), IMAGE)

    def test_angles_may_wrap_around(self):
        case = BY_ID["gradient-sobel-polar"]
        falling = -np.arange(24.0).reshape(1, 24).repeat(5, axis=0)
        magnitude, angle = case.results(falling)
        for either in (angle, -angle):
            assert_right(case, (magnitude, either), falling)
        with pytest.raises(AssertionError, match="values are wrong"):
            assert_right(case, (magnitude, angle / 2), falling)

    def test_wants_as_many_results(self):
        case = BY_ID["gradient-sobel"]
        with pytest.raises(AssertionError, match="1 results, expected 2"):
            assert_right(case, case.call(IMAGE)[0], IMAGE)
