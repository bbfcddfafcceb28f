"""The comparison helpers fail when they must, and pass when they may."""

import numpy as np
import pytest
from comparing import assert_close, assert_form, assert_same_bits, awkward_arrays

DTYPES = [np.bool_, np.uint8, np.int16, np.uint64, np.float16, np.float32, np.float64]


class TestForm:
    def test_passes(self):
        assert_form(np.zeros((2, 3), ">f4"), (2, 3), ">f4")

    @pytest.mark.parametrize(
        ("actual", "reason"),
        [
            (np.zeros((2, 3), "<f4"), "dtype <f4, expected >f4"),
            (np.zeros((3, 2), ">f4"), r"shape \(3, 2\), expected \(2, 3\)"),
            (np.ma.zeros((2, 3), ">f4"), "got MaskedArray"),
            (None, "got NoneType"),
        ],
    )
    def test_fails(self, actual, reason):
        with pytest.raises(AssertionError, match=reason):
            assert_form(actual, (2, 3), np.dtype(">f4"))


class TestSameBits:
    @pytest.mark.parametrize("dtype", [*DTYPES, np.complex128, ">f4"])
    @pytest.mark.parametrize("shape", [(), (5,), (3, 4), (0, 3)])
    def test_passes_for_a_copy(self, shape, dtype):
        array = np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(dtype)
        assert_same_bits(array.copy(order="F"), array)

    def test_nan_equals_nan_of_another_payload(self):
        payloads = np.array([0x7FF8000000000000, 0xFFF8000000000001], np.uint64).view(np.float64)
        assert_same_bits(payloads[:1], payloads[1:])

    @pytest.mark.parametrize(
        ("actual", "expected"),
        [
            (0.0, -0.0),
            (np.nan, 1.0),
            (np.inf, -np.inf),
            (np.nextafter(1.0, 2), 1.0),
        ],
    )
    def test_fails_for_other_bits(self, actual, expected):
        with pytest.raises(AssertionError, match=r"1 of 2 values .* first at \(1,\)"):
            assert_same_bits(np.array([1.0, actual]), np.array([1.0, expected]))

    def test_fails_for_other_integers(self):
        with pytest.raises(AssertionError, match=r"1 of 6 .* at \(1, 2\): .*7.*, expected .*5"):
            assert_same_bits(np.array([[0, 1, 2], [3, 4, 7]]), np.arange(6).reshape(2, 3))

    @pytest.mark.parametrize(
        ("actual", "reason"),
        [
            (np.zeros((2, 3), np.float32), "dtype"),
            (np.zeros((2, 3), ">f8"), "dtype"),
            (np.zeros((3, 2)), "shape"),
            (np.zeros((1, 2, 3)), "shape"),
            (np.ma.zeros((2, 3)), "ndarray"),
            ([[0.0] * 3] * 2, "ndarray"),
        ],
    )
    def test_fails_for_another_form(self, actual, reason):
        with pytest.raises(AssertionError, match=reason):
            assert_same_bits(actual, np.zeros((2, 3)))


class TestClose:
    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("shape", [(), (5,), (3, 4), (0, 3)])
    def test_passes_for_a_copy(self, shape, dtype):
        array = np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(dtype)
        assert_close(array.copy(), array, ulps=0)
        assert_close(array.copy(), array, rtol=0)

    def test_tolerance_is_of_the_largest_value(self):
        expected = np.array([[1e-6, 2.0], [1.0, -100.0]])
        off = np.array([[1e-3, 0.0], [0.0, 0.0]])
        assert_close(expected + 0.9 * off, expected, rtol=1e-5)
        with pytest.raises(AssertionError, match=r"1 of 4 .* than 0\.001 .*the worst at \(0, 0\)"):
            assert_close(expected + 1.1 * off, expected, rtol=1e-5)

    def test_ulps_are_those_of_the_result(self):
        expected = np.array([0.0, 1.0])
        actual = np.array([2.0**-22, 1.0], np.float32)
        assert_close(actual, expected, ulps=2, dtype=np.float32)
        with pytest.raises(AssertionError, match="off by more than"):
            assert_close(actual, expected, ulps=1, dtype=np.float32)
        with pytest.raises(AssertionError, match="off by more than"):
            assert_close(actual.astype(np.float64), expected, ulps=2)

    def test_ulps_of_integers_are_units(self):
        expected = np.array([0, 255], np.uint8)
        actual = np.array([1, 255], np.uint8)
        assert_close(actual, expected, ulps=1)
        with pytest.raises(AssertionError, match=r"at \(0,\)"):
            assert_close(actual, expected, ulps=0)

    def test_unsigned_differences_do_not_wrap(self):
        with pytest.raises(AssertionError, match="off by 255"):
            assert_close(np.array([0], np.uint8), np.array([255], np.uint8), ulps=2)

    @pytest.mark.skipif(np.finfo(np.longdouble).nmant < 63, reason="no wider float here")
    def test_sees_units_of_64_bit_integers(self):
        expected = np.array([2**63 - 1])
        with pytest.raises(AssertionError, match="off by 1"):
            assert_close(expected - 1, expected, ulps=0)

    def test_scale_replaces_the_largest_value(self):
        expected, actual = np.zeros(3), np.array([0.0, 1e-7, 0.0])
        assert_close(actual, expected, rtol=1e-6, scale=1)
        with pytest.raises(AssertionError, match="off by more than 0 "):
            assert_close(actual, expected, rtol=1e-6)

    def test_specials_in_the_same_places(self):
        array = np.array([np.nan, np.inf, -np.inf, 1.0])
        assert_close(array.copy(), array, rtol=0)

    @pytest.mark.parametrize(
        ("actual", "expected"),
        [
            (np.nan, 1.0),
            (1.0, np.nan),
            (np.inf, 1.0),
            (1.0, np.inf),
            (np.inf, -np.inf),
            (np.nan, np.inf),
            (np.inf, np.nan),
        ],
    )
    def test_fails_for_other_specials(self, actual, expected):
        with pytest.raises(AssertionError, match=r"1 of 2 values differ in being .* at \(1,\)"):
            assert_close(np.array([1.0, actual]), np.array([1.0, expected]), rtol=1e9)

    @pytest.mark.parametrize(
        ("actual", "reason"),
        [
            (np.zeros(3, np.float32), "dtype"),
            (np.zeros((3, 1)), "shape"),
            (np.ma.zeros(3), "ndarray"),
        ],
    )
    def test_fails_for_another_form(self, actual, reason):
        with pytest.raises(AssertionError, match=reason):
            assert_close(actual, np.zeros(3), rtol=1)

    def test_fails_for_another_dtype_than_named(self):
        with pytest.raises(AssertionError, match="dtype <f8, expected <f4"):
            assert_close(np.zeros(3), np.zeros(3), rtol=1, dtype="<f4")

    @pytest.mark.parametrize("tolerances", [{}, {"ulps": 1, "rtol": 1}])
    def test_wants_one_tolerance(self, tolerances):
        with pytest.raises(TypeError, match="only one"):
            assert_close(np.zeros(3), np.zeros(3), **tolerances)

    def test_refuses_complex(self):
        with pytest.raises(TypeError, match="imaginary"):
            assert_close(np.zeros(3, complex), np.zeros(3), rtol=1)


class TestAwkwardArrays:
    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("shape", [(1, 1), (5, 4), (4, 5, 3), (0, 3), (6,)])
    def test_equal_in_value(self, shape, dtype):
        image = np.random.default_rng(0).integers(0, 2, shape).astype(dtype)
        names = []
        for name, array in awkward_arrays(image):
            names.append(name)
            assert_same_bits(array.astype(dtype), image)
        assert len(names) == len(set(names))
        assert {"strided", "reversed", "read-only"} <= set(names)

    def test_as_awkward_as_promised(self):
        image = np.arange(20, dtype=np.float32).reshape(4, 5)
        arrays = dict(awkward_arrays(image))
        assert arrays["strided"].strides == (13 * 2 * 4, 2 * 4)
        assert arrays["offset"].strides == (8 * 4, 4)
        assert arrays["reversed"].strides == (-20, -4)
        assert arrays["fortran"].flags.f_contiguous
        assert arrays["transposed"].flags.f_contiguous
        assert arrays["transposed"].base is not None
        assert not arrays["read-only"].flags.writeable
        assert not arrays["byte-swapped"].dtype.isnative
        assert not arrays["unaligned"].flags.aligned

    def test_surrounded_by_poison(self):
        strided = dict(awkward_arrays(np.zeros((4, 5))))["strided"]
        assert np.isnan(strided.base).sum() == strided.base.size - strided.size
        offset = dict(awkward_arrays(np.zeros((4, 5), np.uint8)))["offset"]
        assert (offset.base == 255).sum() == offset.base.size - offset.size
