#!/usr/bin/env bash
# Run a part of the table of cases and random calls in valgrind, which watches all memory: also that
# of NumPy and SciPy, and whether numbers were set before anything depends on them.
#
# scripts/valgrind.sh PYTHON [seed [every]]: one row of `every`, 10 if none is given, and 1000 / every
# random calls of each of some kinds.
#
# It needs Debian's package valgrind, and loops of level v3: valgrind knows no wider vectors. It also
# needs Python 3.12 or later: before, an int made of zero bytes had a digit that was never set, and
# all that comes of it would be reported.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=$1
shift
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 12))' \
    || { echo 'Python 3.12 or later is needed: make clean, make PYTHON=... valgrind' >&2; exit 1; }
[ $# -gt 1 ] || set -- "${1:-0}" 10

# Each piece of memory is its own, so that valgrind knows its end. It translates few instructions at
# once: what it makes of 60 of them, as usual, can be more than it has room for in unrolled loops.
export PYTHONMALLOC=malloc IMGCONV_ISA=v3 OMP_NUM_THREADS=2 OPENBLAS_NUM_THREADS=1
watched() {
    valgrind --quiet --error-exitcode=1 --num-callers=25 --vex-guest-max-insns=20 \
        --suppressions=scripts/valgrind.supp --gen-suppressions=all "$python" "$@"
}
watched scripts/test_sample.py "$@"
calls=$(mktemp)
trap 'rm -f "$calls"' EXIT
for kind in filter missing layer; do
    watched tests/fuzz.py --seed "$1" --only "$kind" --serve "0:$((1000 / $2))" > "$calls"
    # Each call is told with what went wrong, which is usually nothing.
    if grep '^done' "$calls" | grep -v "''$"; then exit 1; fi
    echo "$(grep -c '^done' "$calls") random calls: $kind"
done
