#!/usr/bin/env bash
# Build and test on Debian sid, which has the newest Pythons and compilers. It is unpacked to
# .sid/root, and changes nothing elsewhere; that needs root, Debian and its package debootstrap.
#
# scripts/sid.sh [arguments of pytest]
#
# All tests run with the newest GCC, then some with the newest Clang. IMGCONV_LEVELS, if given, says
# which levels of the loops are compiled. COPIED names the files of the checkout that are copied.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD/.sid/root

inside() { # COMMAND...: run it in sid; what is mounted is mounted for it alone
    unshare --mount bash -c 'for each in proc sys dev; do mount --rbind "/$each" "$0/$each"; done
        exec chroot "$0" "$@"' "$root" env LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"
}

if ! [ -e .sid/unpacked ]; then
    rm -rf "$root"
    mkdir -p .sid
    debootstrap --variant=minbase --include=ca-certificates,make sid "$root"
    # This machine may be in a network that has a certificate of its own.
    cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
    # A mirror may be weeks old.
    inside apt-get -o Acquire::Check-Valid-Until=false update
    touch .sid/unpacked
fi
mkdir -p "$root/imgconv"
tar -c --exclude _loops --exclude __pycache__ $COPIED CONTRIBUTING.md .ci .github scripts | tar -x -C "$root/imgconv"
inside env --chdir=/imgconv COPIED="$COPIED" scripts/in_sid.sh "$@"
