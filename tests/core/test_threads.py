"""The number of threads; results do not depend on it, and no process hangs."""

import math
import multiprocessing
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import races
from cases import BY_ID, CASES, CORE, EXACT, sample
from comparing import assert_same_bits
from processes import SECONDS, can_fork, forked, forks, python

import imgconv
from imgconv.core import config, memory, threads

# ---- the number ------------------------------------------------------------------------------


class TestNumber:
    def test_default(self):
        expected = min(len(os.sched_getaffinity(0)), threads.cgroup_quota())
        program = "import imgconv; print(imgconv.get_num_threads())"
        assert python(program) == str(max(1, math.ceil(expected)))

    def test_set_for_the_process(self):
        imgconv.set_num_threads(7)
        assert imgconv.get_num_threads() == 7
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(imgconv.get_num_threads).result() == 7
        imgconv.set_num_threads(np.int64(3))
        assert imgconv.get_num_threads() == 3

    def test_set_for_a_block(self):
        imgconv.set_num_threads(2)
        with imgconv.threads(5):
            assert imgconv.get_num_threads() == 5
            with imgconv.threads(1):
                assert imgconv.get_num_threads() == 1
            assert imgconv.get_num_threads() == 5
            imgconv.set_num_threads(3)
            assert imgconv.get_num_threads() == 5
        assert imgconv.get_num_threads() == 3

    def test_set_for_a_block_that_fails(self):
        with pytest.raises(ZeroDivisionError), imgconv.threads(9):
            _ = 1 / 0
        assert imgconv.get_num_threads() != 9

    def test_block_is_of_the_calling_thread(self):
        imgconv.set_num_threads(2)
        seen, inside, done = [], threading.Event(), threading.Event()

        def other():
            inside.wait(SECONDS)
            seen.append(imgconv.get_num_threads())
            with imgconv.threads(6):
                seen.append(imgconv.get_num_threads())
                done.set()
                ready.wait(SECONDS)

        ready = threading.Event()
        thread = threading.Thread(target=other)
        thread.start()
        with imgconv.threads(4):
            inside.set()
            done.wait(SECONDS)
            assert imgconv.get_num_threads() == 4
        ready.set()
        thread.join()
        assert seen == [2, 6]

    def test_decorates_a_function(self):
        @imgconv.threads(3)
        def number():
            return imgconv.get_num_threads()

        assert number() == number() == 3

    @pytest.mark.parametrize("count", ["1", "3", "17"])
    def test_environment(self, count):
        program = "import imgconv; print(imgconv.get_num_threads())"
        assert python(program, IMGCONV_NUM_THREADS=count) == count

    @pytest.mark.parametrize("wrong", ["0", "-1", "two", "", "1.5"])
    def test_wrong_environment(self, wrong):
        message = f"IMGCONV_NUM_THREADS must be a positive integer, got '{wrong}'"
        with pytest.raises(RuntimeError, match=f"ImportError: {message}"):
            python("import imgconv", IMGCONV_NUM_THREADS=wrong)

    def test_small_work_stays_serial(self, monkeypatch):
        calls = []
        monkeypatch.setattr(threads, "run_parallel", lambda run, *args: calls.append(run(*args)))
        with imgconv.threads(2):
            imgconv.sobel(sample((20, 30)))
            assert not calls
            imgconv.box(sample((900, 1000)), 31)
            assert len(calls) == 1
            monkeypatch.setattr(threads, "SERIAL_BELOW", 0)
            imgconv.sobel(sample((2, 3)))
            assert len(calls) == 2

    def test_environment_says_what_is_small(self):
        program = "from imgconv.core import threads; print(threads.SERIAL_BELOW)"
        assert float(python(program, IMGCONV_SERIAL_BELOW="0")) == 0
        assert float(python(program, IMGCONV_SERIAL_BELOW="1e9")) == 1e9

    def test_config_tells(self):
        with imgconv.threads(11):
            assert config.config()["threads"] == 11


class TestCgroupQuota:
    @pytest.mark.parametrize(
        ("text", "processors"),
        [("200000 100000", 2), ("150000 100000\n", 1.5), ("50000 100000", 0.5)],
    )
    def test_version_2(self, tmp_path, text, processors):
        (tmp_path / "cpu.max").write_text(text)
        assert threads.cgroup_quota(tmp_path) == processors

    def test_version_2_without_a_limit(self, tmp_path):
        (tmp_path / "cpu.max").write_text("max 100000\n")
        assert threads.cgroup_quota(tmp_path) == math.inf

    @pytest.mark.parametrize(("quota", "processors"), [("300000", 3), ("-1", math.inf)])
    def test_version_1(self, tmp_path, quota, processors):
        (tmp_path / "cpu").mkdir()
        (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text(quota + "\n")
        (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
        assert threads.cgroup_quota(tmp_path) == processors

    def test_none(self, tmp_path):
        assert threads.cgroup_quota(tmp_path) == math.inf

    def test_limits_the_default(self, monkeypatch):
        monkeypatch.delenv("IMGCONV_NUM_THREADS", raising=False)
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)))
        for quota, expected in [(2.0, 2), (1.5, 2), (0.2, 1), (math.inf, 64)]:
            monkeypatch.setattr(threads, "cgroup_quota", lambda quota=quota: quota)
            assert threads.default_threads() == expected


# ---- the bits --------------------------------------------------------------------------------


@pytest.mark.usefixtures("always_parallel")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_number_changes_no_bit(case):
    for shape, dtype in [((70, 45), "float32"), ((33, 130), "float64"), ((131, 20), "uint8")]:
        image = sample(shape, dtype)
        with imgconv.threads(1):
            expected = case.results(image)
        for n in (2, 5):
            with imgconv.threads(n):
                for one, other in zip(case.results(image), expected, strict=True):
                    assert_same_bits(one, other)


@pytest.mark.usefixtures("always_parallel")
@pytest.mark.parametrize("case", CORE, ids=lambda case: case.id)
def test_number_changes_no_bit_of_a_stack(case):
    for shape, common in [
        ((40, 30, 3), {"channel_axis": -1}),
        ((3, 40, 30), {"channel_axis": 0}),
        ((7, 9, 30), {"axes": (1, 2)}),
    ]:
        image = sample(shape)
        with imgconv.threads(1):
            expected = case.results(image, **common)
        for n in (2, 5, 64):
            with imgconv.threads(n):
                for one, other in zip(case.results(image, **common), expected, strict=True):
                    assert_same_bits(one, other)


@pytest.mark.usefixtures("always_parallel")
@pytest.mark.parametrize(
    "case",
    [case for case in CORE if case.keeps_size and case in EXACT and not case.by_tiles],
    ids=lambda case: case.id,
)
def test_a_pixel_depends_on_its_window_alone(case):
    """The same bits wherever the window lies, in tiles, tails, strips and bands alike."""
    image = sample((75, 210))
    whole = case.results(image)
    reach = max(max(part.window) for part in case.parts)
    # The rows of a box share sums, in blocks that begin at multiples of its height or of 16.
    rows = (16, 32) if case.function is imgconv.box else (1, 13)
    for y, x in zip([*rows, *rows], [1, 17, 64, 31], strict=True):
        for one, other in zip(case.results(image[y:, x:]), whole, strict=True):
            inside = np.s_[reach : 75 - y - reach, reach : 210 - x - reach]
            assert_same_bits(one[inside].copy(), other[y:, x:][inside].copy())


# ---- many at once ----------------------------------------------------------------------------


@pytest.mark.usefixtures("always_parallel")
def test_calls_from_many_threads():
    """Different images and filters, each with two threads; plans are made meanwhile."""
    work = [
        (case, sample((20 + 3 * i, 30 + i), dtype, seed=i))
        for i, case in enumerate(CORE)
        for dtype in ("uint8", "float32")
    ]
    expected = [case.results(image) for case, image in work]
    imgconv.core.plan.PLANS.clear()

    def filter_all(start):
        for i in range(len(work)):
            case, image = work[(start + i) % len(work)]
            with imgconv.threads(2):
                results = case.results(image)
            for one, other in zip(results, expected[(start + i) % len(work)], strict=True):
                assert_same_bits(one, other)
        return True

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(filter_all, range(24), timeout=SECONDS))


@pytest.mark.usefixtures("always_parallel")
def test_races(monkeypatch):
    """The first rounds of `make races`."""
    monkeypatch.setattr(memory, "LARGE", 0)
    found = [races.wrong_in(number) for number in range(8)]
    imgconv.reuse_memory(0)
    assert not any(found)


def test_other_threads_run_meanwhile():
    """The loops release the interpreter's lock."""
    image, stop, counted = sample((1500, 1500)), threading.Event(), [0]

    def count():
        while not stop.is_set():
            counted[0] += 1
            time.sleep(1e-4)

    def counted_beside_the_filter():
        before = counted[0]
        imgconv.correlate(image, np.ones((25, 25)))
        return counted[0] - before

    thread = threading.Thread(target=count)
    thread.start()
    try:
        for number in (1, 2):
            with imgconv.threads(number):
                assert any(counted_beside_the_filter() > 5 for _ in range(50))
    finally:
        stop.set()
        thread.join()


# ---- fork ------------------------------------------------------------------------------------

FILTERS = [BY_ID["sobel-None"], BY_ID["correlate-7x9"], BY_ID["box-31"], BY_ID["gradient-sobel"]]
IMAGES = [sample((60, 90), dtype) for dtype in ("float32", "float64", "uint8")]


def checksum():
    """Filter with two threads and return the bits of all results."""
    with imgconv.threads(2):
        return b"".join(
            result.tobytes()
            for case in FILTERS
            for image in IMAGES
            for result in case.results(image)
        )


@forks
@can_fork
@pytest.mark.usefixtures("always_parallel")
class TestFork:
    def test_child(self):
        expected = checksum()
        assert forked(checksum) == expected
        assert checksum() == expected

    def test_grandchild(self):
        expected = checksum()
        assert forked(lambda: (checksum(), forked(checksum))) == (expected, expected)

    def test_grandchild_of_an_idle_child(self):
        expected = checksum()
        assert forked(lambda: forked(checksum)) == expected

    def test_threads_of_a_child(self):
        expected = checksum()

        def work():
            with ThreadPoolExecutor(3) as pool:
                return set(pool.map(lambda _: checksum(), range(6)))

        assert forked(work) == {expected}

    def test_fork_in_a_thread(self):
        """The child's only thread is then not the parent's main thread."""
        expected = checksum()
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(checksum).result() == expected
            assert pool.submit(forked, checksum).result() == expected

    def test_fork_while_another_thread_filters(self):
        expected, stop = checksum(), threading.Event()

        def busy():
            while not stop.is_set():
                checksum()

        thread = threading.Thread(target=busy)
        thread.start()
        try:
            for _ in range(3):
                assert forked(checksum) == expected
        finally:
            stop.set()
            thread.join()

    def test_pool_of_processes(self):
        expected = checksum()
        with multiprocessing.get_context("fork").Pool(2) as pool:
            results = [pool.apply_async(checksum) for _ in range(4)]
            assert all(result.get(SECONDS) == expected for result in results)


@forks
@can_fork
def test_os_fork():
    """Without multiprocessing, and a child that leaves as a program does."""
    program = f"""
import os, signal, sys
import cases, test_threads, imgconv
from imgconv.core import threads
threads.SERIAL_BELOW = 0
before = test_threads.checksum()
child = os.fork()
if child == 0:
    signal.alarm({SECONDS // 2})
    sys.exit(0 if test_threads.checksum() == before else 3)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    assert python(program, beside=__file__) == "0"
