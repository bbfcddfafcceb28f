"""Every row of the cases table, timed: pytest tests/bench/test_benchmarks.py --benchmark-enable.

`imgconv bench` compares imgconv with other libraries; this compares it with earlier versions
(--benchmark-autosave, --benchmark-compare).
"""

import cases
import numpy as np
import pytest

SHAPE = (512, 512)


@pytest.mark.parametrize("case", cases.CASES, ids=lambda case: case.id)
def test_speed(case, benchmark) -> None:
    image = np.random.default_rng(1).random(SHAPE, np.float32)
    benchmark(case.call, image)
