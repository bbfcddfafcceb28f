#!/usr/bin/env bash
# Build in other ways than for a release, each in a copy of the checkout, and run some tests on each:
#
#     clang    with Clang, and LLVM's OpenMP
#     plain    without vectors
#     serial   without OpenMP
#
# scripts/builds.sh FOLDER "clang plain serial" PYTHON [arguments of pytest]
#
# The copies share the environment of PYTHON, which has the packages of the tests.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
folder=$1 ways=$2 python=$(realpath --no-symlinks "$3")
shift 3
[ $# -gt 0 ] || set -- tests/core tests/operations tests/filters

build() { # NAME NAME=VALUE...
    local copy=$folder/$1
    shift
    mkdir -p "$copy"
    tar -c --exclude _loops --exclude __pycache__ $COPIED | tar -x -C "$copy"
    (cd "$copy" && env "$@" "$python" setup.py --quiet build_ext --inplace)
}

# What `imgconv info` must say of a build.
says() { # NAME TEXT
    local told
    told=$(cd "$folder/$1" && PYTHONPATH=$PWD "$python" -m imgconv info)
    echo "$told"
    grep -q -- "$2" <<< "$told" || { echo "$1: imgconv info does not say '$2'"; exit 1; }
}

for way in $ways; do
    case $way in
        clang)
            clang=$(compgen -c clang- | grep -E '^clang-[0-9]+$' | sort -V | tail -n 1 || true)
            build clang CC="${clang:-clang}" IMGCONV_LEVELS=v3
            says clang 'compiler *Clang' ;;
        plain)
            build plain IMGCONV_LEVELS=plain
            says plain 'level *plain' ;;
        serial)
            build serial IMGCONV_OPENMP=0 IMGCONV_LEVELS=v3
            says serial 'openmp *no' ;;
        *) echo "no such way: $way"; exit 1 ;;
    esac
    (cd "$folder/$way" && PYTHONPATH=$PWD IMGCONV_STRICT=1 "$python" -m pytest -q -p no:cacheprovider "$@")
done
