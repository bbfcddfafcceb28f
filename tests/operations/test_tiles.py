"""`make tiles`: what it measures becomes the sizes that loops are compiled with."""

import doctest
import importlib.util

import pytest
from paths import ROOT

spec = importlib.util.spec_from_file_location("tiles", ROOT / "pyx" / "tiles.py")
assert spec is not None
assert spec.loader is not None
tiles = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tiles)
NAMES = [f"{size}_{level}" for size in tiles.KERNELS for level in tiles.WIDTHS]


def test_examples() -> None:
    assert doctest.testmod(tiles).failed == 0


@pytest.mark.parametrize("name", NAMES)
def test_each_size_is_in_the_header_and_read_by_the_loops(name: str) -> None:
    header = tiles.HEADER.read_text()
    changed = tiles.replaced(header, name, 7)
    assert changed.count(f"#define {name} 7") == 1
    assert len(changed.splitlines()) == len(header.splitlines())
    assert f" {name}\n" in (ROOT / "pyx" / "tiles.pxd").read_text()


def test_a_size_that_is_hardly_faster_is_not_taken() -> None:
    slower, faster = [100.0, 80.0], [102.0, 81.0]
    assert tiles.best({2: slower, 3: faster}, 2) == 2
    assert tiles.best({2: slower, 3: faster}, 3) == 3
    assert tiles.best({2: slower, 3: [2 * rate for rate in faster]}, 2) == 3
