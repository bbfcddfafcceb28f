"""Compile every loop for systems that are not here, without linking; nothing is run.

python scripts/cross.py [target ...]

ziglang is a Clang with the headers of the C libraries of many systems, but none of OpenMP. The
headers of Python and NumPy are those of this machine, changed to what other systems have. Each
object is compiled anew, for the level of the target's processor in LEVELS, or for those in
IMGCONV_LEVELS, and not optimised, unless IMGCONV_CFLAGS says so: what a compiler does not take, it
does not take in either case.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
# The names that ziglang and that Python give to a system.
TARGETS = {
    "aarch64-linux-musl": "linux-aarch64",
    "x86_64-linux-musl": "linux-x86_64",
    "aarch64-macos": "macosx-14.0-arm64",
    "x86_64-macos": "macosx-14.0-x86_64",
    "x86_64-windows-gnu": "mingw-x86_64",
}
# The one that uses most of what a processor has.
LEVELS = {"x86_64": "v4", "aarch64": "neon"}
# What the headers say of other systems than Linux: no endian.h; on Windows no select.h, a `long`
# of 4 bytes, wchar_t of 2.
NUMPY = {"NPY_HAVE_ENDIAN_H": None}
MACROS = {
    "macos": {"_numpyconfig.h": NUMPY},
    "windows": {
        "_numpyconfig.h": NUMPY | {"NPY_SIZEOF_LONG": 4},
        "pyconfig.h": {
            "SIZEOF_LONG": 4,
            "SIZEOF_WCHAR_T": 2,
            "MS_WINDOWS": 1,
            "MS_WIN64": 1,
            "HAVE_SYS_SELECT_H": None,
        },
    },
}
# zig has names of its own for levels.
COMPILER = """#!/bin/bash
exec '{python}' -m ziglang cc -target {target} {include} "${{@/#-march=x86-64-/-mcpu=x86_64_}}"
"""


def headers(target: str, folder: Path) -> list[Path]:
    """Return folders with the headers of Python and NumPy as they are on a system."""
    sources = [Path(sysconfig.get_path("include")), Path(np.get_include())]
    changes = MACROS.get(target.split("-")[1], {})
    if not changes:
        return sources
    copies = [folder / "python", folder / "numpy"]
    for source, copy in zip(sources, copies, strict=True):
        shutil.copytree(source, copy, dirs_exist_ok=True)
        for name, macros in changes.items():
            for header in copy.rglob(name):
                lines = [
                    f"#undef {macro}\n" + (f"#define {macro} {value}\n" if value else "")
                    for macro, value in macros.items()
                ]
                header.write_text(header.read_text() + "".join(lines))
    return copies


def compile_for(target: str) -> int:
    """Compile all loops for a system; return the exit status."""
    folder = ROOT / ".cross" / target
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    include = " ".join(f"-I{each}" for each in headers(target, folder))
    compiler = folder / "cc"
    compiler.write_text(COMPILER.format(python=sys.executable, target=target, include=include))
    compiler.chmod(0o755)
    # Headers of Cython and NumPy have functions that a module does not use.
    environment = {
        "IMGCONV_LEVELS": LEVELS[target.partition("-")[0]],
        "IMGCONV_CFLAGS": "-O0 -Wno-unused-function",
    }
    environment |= os.environ | {
        "CC": str(compiler),
        "LDSHARED": shutil.which("true"),
        "CCACHE_DISABLE": "1",
        "_PYTHON_HOST_PLATFORM": TARGETS[target],
    }
    build = ["build_ext", f"--build-lib={folder}/lib", f"--build-temp={folder}/temp"]
    done = subprocess.run(
        [sys.executable, "setup.py", "--quiet", *build], cwd=ROOT, env=environment
    )
    objects = len(list(folder.rglob("*.o")))
    print(f"{target}: {objects} modules compiled" if not done.returncode else f"{target}: failed")
    return done.returncode


if __name__ == "__main__":
    sys.exit(max(map(compile_for, sys.argv[1:] or TARGETS)))
