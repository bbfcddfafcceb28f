#!/usr/bin/env bash
# What scripts/sid.sh runs in Debian sid, in a copy of the checkout.
#
# scripts/in_sid.sh [arguments of pytest]
set -euo pipefail

newest() { apt-cache pkgnames "$1" | grep -E "^$1[0-9.]+$" | sort -V | tail -n 1; }
get() { apt-get install --yes --quiet=2 --no-install-recommends "$@"; }
python=$(newest python3.) gcc=$(newest gcc-) clang=$(newest clang-)
export CC=$gcc
get "$python-venv" "$python-dev" "$gcc" make

# Install what extras of imgconv require, or its build, and name what has no wheels: the tests of
# that are skipped.
install() { # the command of pip that installs, then EXTRA...
    local pip=$1 each
    shift
    "$python" - "$@" <<'PYTHON' | while read -r each; do
import sys, tomllib
with open("pyproject.toml", "rb") as file:
    stated = tomllib.load(file)
extras = stated["project"]["optional-dependencies"] | {"build": stated["build-system"]["requires"]}
print(*(each for name in sys.argv[1:] for each in extras[name] if "imgconv" not in each), sep="\n")
PYTHON
        $pip --quiet --only-binary :all: "$each" 2> /dev/null || echo "NO WHEELS: $each"
    done
}

build() { # PYTHON
    # Loops of an earlier run, of levels that are not compiled now, would be tested.
    local each
    for each in imgconv/_loops/v?; do
        [[ " ${IMGCONV_LEVELS:-v2 v3 v4} " == *" ${each##*/} "* ]] || rm -rf "$each"
    done
    make .venv/built PYTHON="$1"
    install '.venv/bin/pip install' cli dask notebook tune bench test
    touch .venv/test
}

build "$python"
make test ARGS="$*"
get "$clang" "libomp-${clang#clang-}-dev"
make test-builds BUILDS=clang
