"""No forked child hangs, whatever other threads of the parent do: locks, caches and loops."""

import functools
import importlib
import itertools
import os
import pkgutil
import signal
import sys
import threading
import time
from contextlib import suppress

import numpy as np
from processes import can_fork, forked, forks, python
from races import fresh_calls

import imgconv
from imgconv.core import cpu, memory, threads
from imgconv.core.cache import Cache, cached_property

pytestmark = [can_fork, forks]
LOCKS = (type(threading.Lock()), type(threading.RLock()))
FORKS = 1000
AT_ONCE = 4
# Calls of a child, drawn from all.
SOME = 6
# A child takes some milliseconds.
DEADLINE = 60


def in_thread(work):
    """Start a thread and return it once `work`, called with an event, has set that."""
    begun = threading.Event()
    thread = threading.Thread(target=work, args=(begun,))
    thread.start()
    assert begun.wait(DEADLINE)
    return thread


def modules():
    """Return all modules of imgconv that can be imported here."""
    for found in pkgutil.walk_packages(imgconv.__path__, "imgconv."):
        if "_loops" not in found.name and not found.name.endswith("__main__"):
            with suppress(ModuleNotFoundError):
                yield importlib.import_module(found.name)


def values():
    """Yield the names and values of the attributes of modules, and of their objects and classes."""
    for module in modules():
        for name, value in vars(module).items():
            yield f"{module.__name__}.{name}", value
            if getattr(type(value), "__module__", "").startswith("imgconv") or (
                isinstance(value, type) and value.__module__ == module.__name__
            ):
                for inner, stored in getattr(value, "__dict__", {}).items():
                    yield f"{module.__name__}.{name}.{inner}", stored


def locks():
    """Return all locks of the package by name."""
    return {name: value for name, value in values() if isinstance(value, LOCKS)}


def test_every_lock_is_free_in_a_child():
    """A thread has locked all of them; the fork waits for it."""
    found = locks()
    assert {"imgconv.core.cache.LOCK", "imgconv.patching.LOCK"} <= set(found)

    def hold(begun):
        for each in found.values():
            each.acquire()
        begun.set()
        time.sleep(0.2)
        for each in found.values():
            each.release()

    thread = in_thread(hold)
    free = forked(lambda: [name for name, each in found.items() if each.acquire(timeout=5)])
    thread.join()
    assert free == list(found)
    assert all(each.acquire(timeout=5) for each in found.values())
    for each in found.values():
        each.release()


def test_a_child_computes_what_another_thread_was_computing():
    gate = threading.Event()

    class Slow:
        slow = False

        @cached_property
        def value(self):
            if self.slow:
                begun.set()
                gate.wait(DEADLINE)
            return object()

    begun, one = threading.Event(), Slow()
    one.slow = True
    thread = threading.Thread(target=lambda: one.value)
    thread.start()
    assert begun.wait(DEADLINE)
    try:
        assert forked(lambda: Slow().value is not None)
    finally:
        gate.set()
        thread.join()
    assert one.value is one.value


def test_all_properties_are_computed_without_a_lock():
    found = [name for name, value in values() if isinstance(value, functools.cached_property)]
    assert not found
    assert any(isinstance(value, cached_property) for _, value in values())


def test_threads_that_compute_a_property_at_once_get_one_value():
    barrier = threading.Barrier(8)

    class Thing:
        @cached_property
        def value(self):
            barrier.wait(DEADLINE)
            return object()

    thing, got = Thing(), []
    several = [threading.Thread(target=lambda: got.append(thing.value)) for _ in range(8)]
    for each in several:
        each.start()
    for each in several:
        each.join()
    assert len({id(value) for value in got}) == 1


def test_a_child_imports_what_another_thread_was_importing(tmp_path, monkeypatch):
    (tmp_path / "a_slow_loop.py").write_text("import time\ntime.sleep(0.5)\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(cpu, "import_module", lambda _: importlib.import_module("a_slow_loop"))
    thread = threading.Thread(target=lambda: cpu.module("any", "float32"))
    thread.start()
    while "a_slow_loop" not in sys.modules:
        time.sleep(0.001)
    assert forked(lambda: cpu.module("any", "float32").__name__) == "a_slow_loop"
    thread.join()


def test_a_cache_is_whole_in_a_child():
    """Fork while another thread writes: the counted bytes are those of the stored values."""
    cache, stop = Cache(1000), threading.Event()

    def write(begun):
        for n in itertools.count():
            cache.put(n % 97, n, 1 + n % 50)
            begun.set()
            if stop.is_set():
                return

    thread = in_thread(write)
    try:
        for _ in range(20):
            assert forked(lambda: cache.nbytes == sum(cache._sizes.values()) <= 1000)
            assert forked(lambda: set(cache) == set(cache._sizes))
    finally:
        stop.set()
        thread.join()


# ---- under load ------------------------------------------------------------------------------


def bits(calls, count):
    """Return the bits of results, computed with this number of threads."""
    with imgconv.threads(count):
        return [np.asarray(call()).tobytes() for call in calls]


def child(expected, seed):
    """Make calls of all kinds in a child and end it: with 0 if all results are right."""
    signal.alarm(DEADLINE)
    try:
        some = np.random.default_rng(seed).permutation(len(expected))[:SOME]
        known, fresh = fresh_calls(0), fresh_calls(seed)
        right = bits([known[i] for i in some], 2) == [expected[i] for i in some]
        bits([fresh[i] for i in some], 1)
        imgconv.patched_functions()
        os._exit(0 if right else 3)
    finally:
        os._exit(4)


def fork_under_load(number):
    """Fork children while threads filter with operations that are new for each call."""
    threads.SERIAL_BELOW = memory.LARGE = 0
    # So a fork may happen at any point of a call.
    sys.setswitchinterval(1e-6)
    imgconv.reuse_memory(1 << 20)
    imgconv.patch()
    expected, seeds, stop = bits(fresh_calls(0), 1), itertools.count(1), threading.Event()

    def load():
        while not stop.is_set():
            bits(fresh_calls(next(seeds)), 2)

    def patch():
        while not stop.wait(0.05):
            imgconv.patch()
            imgconv.unpatch()

    several = [threading.Thread(target=each) for each in (load, load, patch)]
    for each in several:
        each.start()
    codes = []
    try:
        while len(codes) < number and not any(codes):
            pids = []
            for _ in range(min(AT_ONCE, number - len(codes))):
                seed = next(seeds)
                pids.append(os.fork() or child(expected, seed))
            codes += [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
    finally:
        stop.set()
        for each in several:
            each.join()
    return sum(code == -signal.SIGALRM for code in codes), sum(map(bool, codes)), len(codes)


def test_children_under_load():
    """In a process of its own, whose memory is small to copy."""
    program = f"import test_fork; print(*test_fork.fork_under_load({FORKS}))"
    printed = python(program, seconds=600, beside=__file__, PYTHONWARNINGS="ignore")
    hung, wrong, count = map(int, printed.split())
    assert (hung, wrong, count) == (0, 0, FORKS)
