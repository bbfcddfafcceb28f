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

# Loops of an earlier run, of levels that are not compiled now, would be tested.
for each in imgconv/_loops/v?; do
    [[ " ${IMGCONV_LEVELS:-v2 v3 v4} " == *" ${each##*/} "* ]] || rm -rf "$each"
done
make .venv/built PYTHON="$python"

# What the tests use, but for what has no wheels: the tests of that are skipped.
"$python" - <<'PYTHON' | while read -r each; do
import tomllib
with open("pyproject.toml", "rb") as file:
    extras = tomllib.load(file)["project"]["optional-dependencies"]
for name in ("cli", "dask", "notebook", "tune", "bench", "test"):
    print(*(each for each in extras[name] if "imgconv" not in each), sep="\n")
PYTHON
    .venv/bin/pip install --quiet --only-binary :all: "$each" 2> /dev/null || echo "NO WHEELS: $each"
done
touch .venv/test

make test ARGS="$*"
get "$clang" "libomp-${clang#clang-}-dev"
make test-builds BUILDS=clang
