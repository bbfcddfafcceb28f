"""The number of threads: setting and limits; locks and parallel loops after a fork."""

import math
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

Result = TypeVar("Result")

# Calls of fewer multiply-adds (some 0.2 ms) use one thread: to wake a second one takes 5 to 50
# microseconds on an idle machine, and milliseconds if other work uses its core.
SERIAL_BELOW = float(os.environ.get("IMGCONV_SERIAL_BELOW", 5_000_000))


def cgroup_quota(root: Path = Path("/sys/fs/cgroup")) -> float:
    """Return the number of processors that the container may use; infinity without a limit."""
    try:
        quota, period = (root / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            quota = (root / "cpu" / "cpu.cfs_quota_us").read_text().strip()
            period = (root / "cpu" / "cpu.cfs_period_us").read_text().strip()
        except OSError:
            return math.inf
    if quota in {"max", "-1"}:
        return math.inf
    return int(quota) / int(period)


def default_threads() -> int:
    """Return IMGCONV_NUM_THREADS, or the number of processors that this process may use."""
    requested = os.environ.get("IMGCONV_NUM_THREADS")
    if requested is not None:
        if not requested.isdigit() or int(requested) < 1:
            raise ImportError(f"IMGCONV_NUM_THREADS must be a positive integer, got {requested!r}")
        return int(requested)
    affinity = getattr(os, "sched_getaffinity", None)
    processors = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(1, math.ceil(min(processors, cgroup_quota())))


class _Local(threading.local):
    """The number that `threads` set for the calling thread."""

    count: int | None = None


_everywhere = default_threads()
_here = _Local()


def _check(n: int) -> int:
    if not hasattr(n, "__index__") or isinstance(n, bool):
        raise TypeError(f"n must be an integer, got {n!r}")
    if n < 1:
        raise ValueError(f"n must be positive, got {n}")
    return int(n)


def set_num_threads(n: int) -> None:
    """Set the number of threads that a filter may use, for the whole process.

    Parameters
    ----------
    n : int
        At least 1. It is not capped at the number of processors.

    Raises
    ------
    ValueError
        If n is not positive.

    Examples
    --------
    >>> import imgconv
    >>> before = imgconv.get_num_threads()
    >>> imgconv.set_num_threads(2)
    >>> imgconv.get_num_threads()
    2
    >>> imgconv.set_num_threads(before)
    """
    global _everywhere
    _everywhere = _check(n)


def get_num_threads() -> int:
    """Return the number of threads that a filter may use if this thread calls it.

    The default is the number of processors that the process may run on, but not more than the CPU
    quota of the container. The environment variable IMGCONV_NUM_THREADS replaces it.

    Returns
    -------
    int

    Examples
    --------
    >>> import imgconv
    >>> with imgconv.threads(3):
    ...     imgconv.get_num_threads()
    3
    """
    return _here.count or _everywhere


@contextmanager
def threads(n: int) -> Iterator[None]:
    """Use n threads for the filters that this thread calls inside the `with` block.

    Parameters
    ----------
    n : int
        At least 1. It is not capped at the number of processors.

    Examples
    --------
    >>> import imgconv
    >>> with imgconv.threads(1):
    ...     imgconv.get_num_threads()
    1
    """
    before, _here.count = _here.count, _check(n)
    try:
        yield
    finally:
        _here.count = before


def threads_for(cost: float) -> int:
    """Return the number of threads for a call of `cost` multiply-adds."""
    return get_num_threads() if cost >= SERIAL_BELOW else 1


# -------------------------------------------------------------------------------------------------
# Locks: a lock that another thread has taken when a process forks would stay locked in the child
# for ever. So a fork takes all locks of this package first, and releases them in parent and child.


def lock() -> Any:
    """Return a re-entrant lock that is never locked in a child by a thread of its parent.

    A fork takes all these locks, the last made first. So code that has one may take those that were
    made before it, and no others.
    """
    made = threading.RLock()
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(
            before=made.acquire, after_in_parent=made.release, after_in_child=made.release
        )
    return made


# Taken while a call imports what it needs, since the locks of Python's import are inherited, too.
IMPORTS = lock()


# -------------------------------------------------------------------------------------------------
# OpenMP: in a forked child, the runtime waits for ever for the threads of the parent. It has its
# own team of threads for each calling thread. So a thread that is created in the child can start
# parallel loops.

_forked_in: int | None = None
_helper: ThreadPoolExecutor | None = None


def _after_fork_in_child() -> None:
    global _forked_in, _helper
    _forked_in, _helper = threading.get_ident(), None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


def run_parallel(call: Callable[..., Result], *args: object) -> Result:
    """Call a loop that starts threads, from a thread in which that is safe."""
    global _helper
    if _forked_in is None or threading.get_ident() != _forked_in:
        return call(*args)
    if _helper is None:
        _helper = ThreadPoolExecutor(1, thread_name_prefix="imgconv")
    return _helper.submit(call, *args).result()
