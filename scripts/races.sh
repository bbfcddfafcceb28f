#!/usr/bin/env bash
# Look for races in a copy of the checkout: ThreadSanitizer watches calls from many threads.
#
# scripts/races.sh FOLDER [arguments of tests/support/races.py]
#
# GCC's sanitizer does not know the barriers of GCC's OpenMP runtime, and would report hundreds of
# races where there are none. LLVM's runtime runs the same code, and its tool Archer tells the
# sanitizer of each barrier. Python and NumPy are not watched, nor are their locks.
set -euo pipefail
cd "$1"
shift
archer() { ls /usr/lib/llvm-*/lib/libarcher.so 2> /dev/null | tail -n 1; }
[ -n "$(archer)" ] || apt-get install --yes libomp-dev
llvm=$(dirname "$(archer)")

IMGCONV_SANITIZE=thread IMGCONV_LEVELS=v3 LDFLAGS="-L$llvm" make .venv/test
# setarch: the sanitizer needs fixed addresses.
env LD_PRELOAD="$(gcc -print-file-name=libtsan.so)" LD_LIBRARY_PATH="$llvm" \
    OMP_TOOL_LIBRARIES="$(archer)" IMGCONV_ISA=v3 \
    TSAN_OPTIONS="ignore_noninstrumented_modules=1 halt_on_error=1" \
    setarch --addr-no-randomize .venv/bin/python tests/support/races.py "$@"
