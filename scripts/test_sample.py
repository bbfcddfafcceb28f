"""A small part of the tests, where programs run slowly: each row of the table of cases once.

python scripts/test_sample.py [seed [every]]

Each row gets a size near the edge of a tile, a dtype and a border mode, drawn from the seed. The
result is compared with the reference implementation, and that of two threads with the bits of one.
With `every`, only one row of so many is run, from row `seed` of each so many on.
"""

import random
import sys
import time
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))

import cases
from comparing import assert_same_bits

import imgconv
from imgconv.core import cpu, threads

HEIGHTS = (1, 7, 16, 17, 33)
WIDTHS = (1, 15, 31, 33, 70, 129)


def check(case: cases.Case | cases.Other, draw: random.Random) -> str:
    """Check one call of a row, and return what was drawn."""
    shape = (draw.choice(HEIGHTS), draw.choice(WIDTHS))
    image = cases.sample(shape, draw.choice(cases.DTYPES))
    mode = draw.choice(cases.MODES)
    drawn = f"{case.id}, {image.dtype} {shape[0]}x{shape[1]}, {mode}"
    try:
        if not case.fits(shape):
            return f"too small for {drawn}"
        if isinstance(case, cases.Other):
            case.assert_right(case.call(image), image)
        else:
            with imgconv.threads(1):
                results = case.results(image, mode=mode)
            cases.assert_right(case, results, image, mode=mode)
            with imgconv.threads(2):
                for one, two in zip(results, case.results(image, mode=mode), strict=True):
                    assert_same_bits(one, two)
    except Exception:
        traceback.print_exc()
        return f"WRONG {drawn}"
    return drawn


def main(seed: int = 0, every: int = 1) -> int:
    """Return the number of rows that were wrong."""
    # Even the smallest image is cut into bands, on all threads.
    threads.SERIAL_BELOW = 0
    began, draw, wrong = time.monotonic(), random.Random(seed), 0
    rows = [*cases.CASES, *cases.OTHERS][seed % every :: every]
    for row in rows:
        done = check(row, draw)
        wrong += done.startswith("WRONG")
        print(f"{time.monotonic() - began:6.0f} s  {done}", flush=True)
    print(f"level {cpu.LEVEL}, seed {seed}: {len(rows)} rows, {wrong} wrong")
    return wrong


if __name__ == "__main__":
    sys.exit(min(1, main(*map(int, sys.argv[1:]))))
