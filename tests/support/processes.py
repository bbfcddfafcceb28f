"""Programs and forked children, as tests start them."""

import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import pytest

SECONDS = 60
# Whether a sanitizer watches the loops: they are compiled with few optimisations, and a large array
# that nothing is written to takes memory.
SANITIZED = "libasan" in os.environ.get("LD_PRELOAD", "")
can_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")


def python(program, seconds=SECONDS, beside=None, **environment):
    """Run a program in a fresh interpreter and return what it prints.

    It can import what this process can, and the modules that lie beside a file.
    """
    path = [*([str(Path(beside).parent)] if beside else []), *sys.path]
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {path}\n{program}"],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=seconds,
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return done.stdout.strip()


def forked(work):
    """Return what `work` gives in a forked child, which is killed if it takes too long."""
    context = multiprocessing.get_context("fork")
    receive, send = context.Pipe(duplex=False)
    child = context.Process(target=lambda: send.send(work()))
    child.start()
    try:
        assert receive.poll(SECONDS), "the forked child hangs"
        return receive.recv()
    finally:
        child.kill()
        child.join()


# Python 3.12 and later warn of a fork where there are threads, as here there are on purpose.
forks = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
