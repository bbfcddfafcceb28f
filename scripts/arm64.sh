#!/usr/bin/env bash
# Compile the loops for 64-bit ARM, and run each row of the table of cases on them in an emulator.
# Nothing is installed or run outside .arm64, but unpacking packages needs root.
#
# scripts/arm64.sh PYTHON [seed [every]]: one row of `every`, all if none is given.
#
# With IMGCONV_SANITIZE=address,undefined (or one of them) the loops watch their memory. QEMU names
# the emulator: for addresses it must be version 8 or later, as older ones have no room for them.
#
# It needs these packages of Debian 12 or later:
#     gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user-static debootstrap
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=$1
shift
sanitize=${IMGCONV_SANITIZE:-}
# QEMU takes a comma for the end of a variable.
build=${sanitize:+-${sanitize//,/-}}
root=$PWD/.arm64/root lib=$PWD/.arm64/lib$build
mkdir -p .arm64

# Debian's Python, NumPy and SciPy for ARM. They are unpacked, not installed: that would run programs.
if ! [ -e .arm64/unpacked ]; then
    rm -rf "$root"
    debootstrap --arch=arm64 --foreign --variant=minbase \
        --include=libpython3-dev,python3-numpy,python3-scipy,python3-skimage,python3-pytest,libgomp1,libasan8,libubsan1 \
        trixie "$root"
    for package in "$root"/var/cache/apt/archives/*.deb; do dpkg-deb -x "$package" "$root"; done
    touch .arm64/unpacked
fi
version=$(basename "$(echo "$root"/usr/include/python3.[0-9]*)")

# An environment that builds for that Python: its headers, and the names of its modules.
if ! [ -e .arm64/names ]; then
    "$python" -m venv --clear .arm64/env
    .arm64/env/bin/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")' \
        | .arm64/env/bin/python -m pip --quiet --disable-pip-version-check install --requirement /dev/stdin
    mkdir .arm64/names
    cp "$root/usr/lib/$version/"_sysconfigdata__aarch64-linux-gnu.py .arm64/names
fi
compiler=aarch64-linux-gnu-gcc
env PYTHONPATH="$PWD/.arm64/names" _PYTHON_SYSCONFIGDATA_NAME=_sysconfigdata__aarch64-linux-gnu \
    _PYTHON_HOST_PLATFORM=linux-aarch64 CC=$compiler LDSHARED="$compiler -shared" \
    CFLAGS="-I$root/usr/include/$version -idirafter $root/usr/include" \
    .arm64/env/bin/python setup.py --quiet build_ext --build-lib "$lib" --build-temp ".arm64/temp$build"
cp -r imgconv/. "$lib/imgconv/"

libraries=/usr/lib/aarch64-linux-gnu
watch=()
if [[ $sanitize == *address* ]]; then
    # What is loaded first watches all memory; it must find the C++ library, whose exceptions it watches.
    watch=(-E LD_PRELOAD=$libraries/libasan.so.8:$libraries/libstdc++.so.6)
    # It reads the environment in which the emulator was started.
    export ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1
fi
exec "${QEMU:-qemu-aarch64-static}" -L "$root" "${watch[@]}" \
    -E LD_LIBRARY_PATH=$libraries/blas:$libraries/lapack -E PYTHONPATH="$lib" \
    "$root/usr/bin/$version" -P scripts/test_sample.py "$@"
