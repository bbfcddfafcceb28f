"""What the tests of layers share: which compiled loops a call uses."""

import pytest

from imgconv.core import cpu
from imgconv.core.plan import PLANS


@pytest.fixture
def loops_used(monkeypatch):
    """Return a function that runs a call and returns the names of the loops that it looked up."""
    loop, used = cpu.module, set()

    def recording(name, real):
        used.add(name)
        return loop(name, real)

    def run(call, *args, **options):
        PLANS.clear()  # a cached plan has its loop already
        used.clear()
        call(*args, **options)
        return used - {"pixels"}  # conversions, which belong to the loops of filters

    monkeypatch.setattr(cpu, "module", recording)
    return run
