#!/usr/bin/env bash
# Run the tests with the oldest NumPy and SciPy that imgconv allows, or with the newest there are.
# The wheel is that of `make wheel` in dist/; where there is none, one is built.
#
# scripts/test_versions.sh floor|newest PYTHON [arguments of pytest]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
which=$1 python=$2
shift 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$python" -m venv "$work/env"
pip=("$work/env/bin/python" -m pip --quiet --disable-pip-version-check)
tag=$("$python" -c 'import sys; print("cp%d%d" % sys.version_info[:2])')
cp dist/imgconv-*-"$tag-$tag"-*.whl "$work" 2> /dev/null || "${pip[@]}" wheel --no-deps --wheel-dir "$work" .
if [ "$which" = floor ]; then
    "$python" - > "$work/limits" <<'PYTHON'
import tomllib
with open("pyproject.toml", "rb") as file:
    for each in tomllib.load(file)["project"]["dependencies"]:
        print(each.replace(">=", "==") + ".*")
PYTHON
else
    touch "$work/limits"
fi
cat "$work/limits"
"${pip[@]}" install --upgrade --prefer-binary --constraint "$work/limits" "$(echo "$work"/*.whl)[test]"
"$work/env/bin/python" scripts/test_installed.py "$@"
