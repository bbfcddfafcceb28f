"""Calls like an earlier one: what signatures tell apart, and that results are the same."""

import gc
import weakref

import cases
import numpy as np
import pytest
from cases import as_tuple, sample

import imgconv
from imgconv._loops.call import Entry, repeat, signature
from imgconv.core import plan, threads
from imgconv.core.plan import PLANS

IMAGE = np.zeros((6, 8), np.float32)


def make(*_, **__):
    """Stand for what makes a call."""


def signed(*arguments, **options):
    """Return the signature of a call of one function."""
    return signature(make, arguments, options)


class TestSignature:
    @pytest.mark.parametrize(
        ("first", "second"),
        [
            ((1,), (1.0,)),
            ((1,), (True,)),
            ((0,), (False,)),
            ((0,), (None,)),
            ((0.0,), (-0.0,)),
            ((1.0,), (1.5,)),
            ((1,), (2,)),
            ((-1,), (1,)),
            (("1",), (1,)),
            (("ab",), ("a", "b")),
            (("wrap",), ("near",)),
            (((1, 2),), (1, 2)),
            ((((1, 2), 3),), ((1, (2, 3)),)),
            (((),), ()),
            ((np.float32,), (np.float64,)),
            ((np.dtype("<u2"),), (np.dtype(">u2"),)),
            ((np.ones(2),), (np.zeros(2),)),
            ((np.ones(2),), (np.ones((2, 1)),)),
            ((np.ones(2, np.int32),), (np.ones(2, np.uint32),)),
            ((np.ones(2, "<f4"),), (np.ones(2, ">f4"),)),
            ((np.ones((2, 3)),), (np.ones((3, 2)),)),
            ((np.ones(1),), (1.0,)),
            (([[1.0]],), ([1.0],)),
            (([1.0],), ((1.0,),)),
        ],
        ids=repr,
    )
    def test_tells_arguments_apart(self, first, second):
        assert None not in (signed(IMAGE, *first), signed(IMAGE, *second))
        assert signed(IMAGE, *first) != signed(IMAGE, *second)
        assert signed(IMAGE, a=first) != signed(IMAGE, a=second)
        assert signed(IMAGE, *first) == signed(IMAGE + 1, *first)

    def test_tells_names_apart(self):
        calls = [signed(IMAGE, "a", 1), signed(IMAGE, a=1), signed(IMAGE, b=1), signed(IMAGE, "a")]
        assert len({*calls, signed(IMAGE, a=1, b=1), None}) == 6
        assert signature(make, (IMAGE,), {}) != signature(print, (IMAGE,), {})

    @pytest.mark.parametrize(
        "other",
        [
            IMAGE[:5],
            IMAGE[None],
            IMAGE[::-1],
            np.zeros((6, 16), np.float32)[:, ::2],
            np.asfortranarray(IMAGE),
            IMAGE.astype(np.int32),
            IMAGE.astype(">f4"),
        ],
        ids=lambda image: f"{image.shape}-{image.strides}-{image.dtype}",
    )
    def test_tells_layouts_apart(self, other):
        assert signed(other) is not None
        assert signed(other) != signed(IMAGE)

    def test_holds_the_numbers_of_a_kernel(self):
        """Not the array, which may be changed."""
        kernel = np.ones((3, 3))
        before = signed(IMAGE, kernel)
        kernel[1, 1] = 2
        assert signed(IMAGE, kernel) != before
        assert signed(IMAGE, np.ones((3, 3))) == before

    @pytest.mark.parametrize(
        "argument",
        [
            object(),
            1j,
            1 << 64,
            "\ud800",
            "é",
            {"a": 1},
            np.float32(1),
            np.ones(3, object),
            np.ones(3, "U1"),
            np.ones((3, 4)).T,
            np.ma.ones(3),
            np.ones(1000),
            np.dtype([("a", "f4")]),
            type("Own", (), {}),
            [1.0, object()],
            "a" * 5000,
            [1] * 5000,
        ],
        ids=lambda argument: type(argument).__name__,
    )
    def test_has_none_for_what_it_cannot_write(self, argument):
        assert signed(IMAGE, argument) is None
        assert signed(IMAGE, a=argument) is None

    def test_has_none_without_an_array(self):
        assert signed() is None
        assert signed(image=IMAGE) is None
        assert signed([[1.0]]) is None
        assert signed(np.ma.ones((2, 2))) is None
        assert signed(np.ones((2, 2), object)) is None

    def test_tells_outs_apart(self):
        outs = [
            None,
            np.empty((6, 8), np.float32),
            np.empty((6, 8), np.float64),
            np.empty((6, 8), ">f4"),
            np.empty((8, 6), np.float32).T,
            np.empty((6, 9), np.float32)[:, :8],
        ]
        assert len({signed(IMAGE, out=out) for out in outs} | {None}) == 7
        assert signed(IMAGE, out=outs[1]) == signed(IMAGE, out=np.ones_like(outs[1]))
        assert signed(IMAGE, out=outs[1]) != signed(IMAGE, other=outs[1])

    def test_has_none_with_an_out_that_needs_care(self):
        both = np.zeros((12, 8), np.float32)
        fixed = np.zeros((6, 8), np.float32)
        fixed.flags.writeable = False
        assert signed(both[:6], out=both[6:]) is not None
        assert signed(both[5::-1], out=both[:5:-1]) is not None
        for out in (both[5:11], both[:6], both[6:0:-1], fixed, [[1.0]], (fixed,), np.ma.ones(2)):
            assert signed(both[:6], out=out) is None
        assert signed(both[::2], out=both[1::2]) is None

    def test_ends_for_what_holds_itself(self):
        endless = []
        endless.append(endless)
        assert signed(IMAGE, endless) is None


def again(*arguments, **options):
    """Return the result of a call of `repeat`, or None if it goes the longer way."""
    return repeat(PLANS.get, threads, make, arguments[0].call, arguments[1:], options)


class TestRepeat:
    @pytest.mark.parametrize("case", [*cases.CASES, *cases.OTHERS], ids=lambda case: case.id)
    @pytest.mark.parametrize("parallel", [False, True])
    def test_same_results_for_other_pixels(self, case, parallel, monkeypatch):
        if parallel:
            monkeypatch.setattr(threads, "SERIAL_BELOW", 0)
        for dtype in ("uint8", "float32", "int64"):
            first, second = (sample((13, 17), dtype, seed) for seed in (1, 2))
            with imgconv.threads(2):
                case.call(first)
                repeated = as_tuple(case.call(second))
                PLANS.clear()
                for found, expected in zip(repeated, as_tuple(case.call(second)), strict=True):
                    np.testing.assert_array_equal(found, expected, strict=True)

    def test_finds_the_plan(self):
        PLANS.clear()
        assert again(imgconv.sobel, IMAGE) is None
        imgconv.sobel(IMAGE)
        known = len(PLANS)
        image = sample(IMAGE.shape, np.float32)
        found = again(imgconv.sobel, image)
        assert len(PLANS) == known
        PLANS.clear()
        np.testing.assert_array_equal(found, imgconv.sobel(image))

    @pytest.mark.parametrize("dtype", ["float32", "uint8", ">i4"])
    def test_fills_the_array_of_the_caller(self, dtype):
        image, out = sample(IMAGE.shape, np.float32), np.zeros((6, 8), dtype)
        plain = imgconv.box(image, 3, dtype=out.dtype)
        for _ in range(3):
            out[:] = 0
            assert imgconv.box(image, 3, out=out) is out
            np.testing.assert_array_equal(out, plain)
        assert again(imgconv.box, image, 3, out=np.zeros_like(out)) is not None

    def test_filters_in_place_after_others(self):
        """A plan for an image and an array that lie apart is not that for one array."""
        image = sample((13, 17), np.float32)
        expected = imgconv.box(image, (5, 3))
        for _ in range(2):
            for whole, source, target in self.overlaps(image):
                assert imgconv.box(source, (5, 3), out=target) is target
                np.testing.assert_array_equal(target, expected)
                del whole

    def overlaps(self, image):
        """Yield arrays that hold an image and the array for its result."""
        for shift in (13, 0, 1, 5):
            whole = np.zeros((26, 17), np.float32)
            whole[:13] = image
            yield whole, whole[:13], whole[shift : shift + 13]

    def test_errors_of_an_out_are_raised_each_time(self):
        image, out = np.zeros((6, 8), np.float32), np.zeros((6, 8), np.float32)
        imgconv.box(image, 3, out=out)
        out.flags.writeable = False
        for _ in range(2):
            with pytest.raises(ValueError, match="out"):
                imgconv.box(image, 3, out=out)
            with pytest.raises(ValueError, match="out"):
                imgconv.box(image, 3, out=np.zeros((6, 9), np.float32))

    def test_pools(self):
        image = sample((13, 17), np.float32)
        expected = imgconv.pool(image, 2)
        np.testing.assert_array_equal(again(imgconv.pool, image, 2), expected)

    def test_gives_a_new_result(self):
        first, second = imgconv.box(IMAGE, 3), imgconv.box(IMAGE + 1, 3)
        assert not np.may_share_memory(first, second)
        assert (first == 0).all()
        assert (second == 1).all()

    def test_leaves_much_work_to_others(self, monkeypatch):
        """It may be shared by threads, and its result may lie in memory that was freed."""
        imgconv.sobel(IMAGE)
        assert again(imgconv.sobel, IMAGE) is not None
        monkeypatch.setattr(threads, "SERIAL_BELOW", 0)
        for count in (1, 2):
            with imgconv.threads(count):
                assert again(imgconv.sobel, IMAGE) is None

    def test_does_not_keep_what_was_measured(self):
        """A bilateral filter without sigma_color measures the pixels."""
        image = sample((13, 17), np.float32)
        imgconv.bilateral(image)
        assert again(imgconv.bilateral, image) is None
        assert again(imgconv.bilateral, image, sigma_color=1.0) is None
        imgconv.bilateral(image, sigma_color=1.0)
        assert again(imgconv.bilateral, image, sigma_color=1.0) is not None

    def test_sees_a_kernel_that_was_changed(self):
        image, kernel = sample((13, 17), np.float32), np.ones((3, 3))
        before = imgconv.correlate(image, kernel)
        kernel *= 2
        np.testing.assert_array_equal(imgconv.correlate(image, kernel), 2 * before)

    def test_sees_a_mask_that_was_changed(self):
        image, mask = sample((13, 17), np.float32), np.ones((13, 17), bool)
        imgconv.canny(image, mask=mask)
        mask[:, :8] = False
        found = imgconv.canny(image, mask=mask)
        assert not found[:, :8].any()
        mask[:] = True
        PLANS.clear()
        expected = imgconv.canny(image, mask=mask)
        np.testing.assert_array_equal(imgconv.canny(image, mask=mask), expected)

    @pytest.mark.parametrize(
        "call",
        [
            imgconv.sobel,
            imgconv.bilateral,
            imgconv.canny,
            lambda image: imgconv.hysteresis(image, 0.2, 0.7),
            lambda image: imgconv.white_tophat(image.astype(np.int64), 3),
        ],
    )
    def test_keeps_no_image(self, call):
        image = sample((13, 17), np.float32)
        gone = weakref.ref(image)
        call(image)
        del image
        gc.collect()
        assert gone() is None

    def test_errors_are_raised_each_time(self):
        for _ in range(3):
            with pytest.raises(ValueError, match="size"):
                imgconv.box(IMAGE, 0)

    def test_scratch_that_is_not_there(self):
        explained = imgconv.explain(imgconv.sobel, IMAGE)
        huge = Entry(0, explained.params, 1 << 60, 1, (6, 8), np.dtype("f4"), 6, 0.0)
        with pytest.raises(MemoryError):
            huge.run(IMAGE, IMAGE, IMAGE, 6, 1)

    def test_results_with_too_many_axes(self):
        """Two percentiles have a first axis of their own; NumPy 2 has arrays of up to 64 axes."""
        most = 64 if np.lib.NumpyVersion(np.__version__) >= "2.0.0" else 32
        image = np.zeros((1,) * (most - 2) + (6, 8), np.float32)
        assert imgconv.box(image, 3, axes=(-2, -1)).ndim == most
        # With 33 axes the error is that of NumPy 1.
        with pytest.raises(ValueError, match=f"(at most|is) {most}( axes, got|, found) {most + 1}"):
            imgconv.percentile(image, [20, 50], axes=(-2, -1))

    def test_plans_count_for_each_key(self):
        """The cache of plans holds those of signatures, within its limit."""
        PLANS.clear()
        imgconv.sobel(IMAGE)
        assert len(PLANS) == 2
        assert len({id(each) for each in PLANS.values()}) == 1
        assert plan.PLANS.nbytes == 2 * imgconv.explain(imgconv.sobel, IMAGE).nbytes
