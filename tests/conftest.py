"""What all tests share: the profile of hypothesis, and threads for the smallest image."""

import os

import pytest
from hypothesis import settings

from imgconv.core import threads

# Faults of faces are raised, here and in programs that tests start.
os.environ.setdefault("IMGCONV_STRICT", "1")

# The same examples in every run, on machines of any speed.
settings.register_profile("imgconv", deadline=None, derandomize=True, database=None)
settings.load_profile("imgconv")


@pytest.fixture
def always_parallel(monkeypatch):
    """Small images use all threads, too."""
    monkeypatch.setattr(threads, "SERIAL_BELOW", 0)


@pytest.fixture(autouse=True)
def _settings_restored():
    """A test that sets the number of threads sets it for itself."""
    before = threads.get_num_threads()
    yield
    threads.set_num_threads(before)
