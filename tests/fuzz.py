"""Random calls of imgconv, each compared with a simple call, its steps, its definition or original.

    python tests/fuzz.py --seconds 600
    python tests/fuzz.py --seed 3 --calls 20000 --level v3
    python tests/fuzz.py --only face                    # or filter, chain, layer, file
    python tests/fuzz.py --only median_filter           # one function of a face
    python tests/fuzz.py --call 'check(row("median-5"), Image((3, 70), "<f4"), threads=3)'

A call is a line of Python that uses the names of support/fuzz_calls.py. It is drawn from the seed
and its number alone (support/fuzz_draws.py), and that line is what runs. The line of a failure is
made shorter as long as it fails (support/fuzz_shrink.py), and printed as a command that runs it.

Filters and pipelines must give the bits that the same call gives on a contiguous copy, with one
thread and no `out`. Small images are also compared with the reference implementations, pipelines
with their steps, faces with their originals, and files with the pipelines of their pixels.
ValueError, TypeError and MemoryError are right if the simple call raises the same.

The calls run in a process of their own, which prints each line before it runs. A call that ends
the process, or takes longer than LIMIT seconds, is a failure, and a new process goes on with the
next call.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "support"))

from fuzz_run import main

if __name__ == "__main__":
    sys.exit(main())
