"""Damaged files: one line that says what is wrong, or a picture that can be written."""

import pytest
from fuzz_files import DAMAGED, damaged_file


@pytest.mark.parametrize("kind", DAMAGED)
@pytest.mark.filterwarnings("ignore::Warning")
def test_damaged_files(kind: str) -> None:
    first = 60 * sorted(DAMAGED).index(kind)
    for seed in range(first, first + 60):
        damaged_file(kind, seed)
