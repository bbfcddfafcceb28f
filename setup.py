"""Build the loops: each pyx file once for each instruction set and computing type.

A loop module is cythonized once. The C file is then compiled for every level that the machine's
compiler knows and for every type that the loop computes in, into imgconv/_loops/<level>/<type>/.
What is not there (OpenMP, the levels, vector types) is left out and said; the sources stay the
same.
"""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).parent
BUILD = Path("build") / "cython"
# What REAL stands for in each computing type, and the types that each loop is compiled for.
REALS = {
    "float32": "float",
    "float64": "double",
    "int16": "int16_t",
    "uint16": "uint16_t",
    "uint8": "uint8_t",
    "int64": "int64_t",
    "uint64": "uint64_t",
}
FLOATS = ("float32", "float64")
# Level v2 does without these where there is float32, which holds them: imgconv/core/cpu.py.
SHORTS = {"int16", "uint16", "uint8"}
# A loop that only compares pixels runs on keys, too, integers of so many bits: pyx/keys.pxd.
KEYS = {"uint8": 8, "uint16": 16, "int64": 64}
LOOPS = {
    # Pixels to numbers of a type and back, which all loops in that type share.
    "pixels": tuple(REALS),
    "separable": (*FLOATS, "int16"),
    "correlate": (*FLOATS, "int16"),
    "box": (*FLOATS, "uint16"),
    "resample": FLOATS,
    "bilateral": FLOATS,
    "lookup": FLOATS,
    "guided": ("float64",),
    "conv2d": FLOATS,
    "deform": FLOATS,
    "interpolate": FLOATS,
    "pool2d": (*FLOATS, "int64", "uint64"),
    "peak": FLOATS,
    "canny": FLOATS,
    "flood": ("uint8",),
    "pool": (*FLOATS, "uint8", "int64", "uint64"),
    "rank": (*KEYS, *FLOATS),
    "inorder": ("float64",),
    "running": ("float64",),
}
X86_LEVELS = os.environ.get("IMGCONV_LEVELS", "v2 v3 v4").split()

# For `make sanitize`: what C leaves undefined, and what reaches outside memory, ends the process.
SANITIZERS = ["-fsanitize=address,undefined"] if os.environ.get("IMGCONV_SANITIZE") else []
SANITIZE_FLAGS = [
    *SANITIZERS,
    "-fno-sanitize-recover=undefined",
    "-fno-omit-frame-pointer",
    "-g1",
    "-O1",
]

GNU_FLAGS = [
    "-O3",
    "-g0",
    # No errno and no traps let the compiler vectorise sqrt and select; NaN, infinities and the
    # order of sums keep their meaning (that is what -ffast-math would take).
    "-fno-math-errno",
    "-fno-trapping-math",
    # Weights that move from one row of a tile to the next would be carried along through the stack.
    "-fno-predictive-commoning",
    # Short integers may overflow on the way to a sum that fits.
    "-fwrapv",
    # Vectors are passed in registers between inlined functions only.
    "-Wno-psabi",
    "-Wno-unknown-warning-option",
    # The tiles take their sizes as literal arguments; only inlined do these become constants.
    "-DCYTHON_INLINE=inline __attribute__((always_inline))",
]

# GCC's scheduler before register allocation keeps a vector that several accumulators want in one
# of the 32 registers of AVX-512, where it would load it again for each: a quarter less time for
# kernels from 5x5 to 15x15. With 16 registers it spills instead.
LEVEL_FLAGS = {"v4": ["-fschedule-insns", "-fno-schedule-insns2"]}

# Ties between edge pixels are decided as SciPy's sums decide them, which know no fused instruction;
# and the sums of `imgconv.ndimage` are SciPy's to the bit. A tile of a convolution layer has no
# vector that several accumulators would want again.
LOOP_FLAGS = {
    **{loop: ["-ffp-contract=off"] for loop in ("canny", "inorder", "lookup", "running")},
    "conv2d": ["-fno-schedule-insns"],
}


def levels() -> list[str]:
    """The instruction sets to build for; `plain` where the levels of x86-64 mean nothing."""
    x86 = platform.machine().lower() in {"x86_64", "amd64"}
    return X86_LEVELS if x86 and os.name == "posix" else ["plain"]


def types_of(loop: str, level: str) -> list[str]:
    """The types that a loop is compiled for at a level."""
    types = LOOPS[loop]
    fewer = level == "v2" and "float32" in types
    return [name for name in types if not (fewer and name in SHORTS)]


def extensions() -> list[Extension]:
    """One extension for each loop, level and type, and the baseline module that asks the CPU."""
    include = [np.get_include(), "pyx"]
    found = [Extension("imgconv._loops.machine", [str(BUILD / "machine.c")], include_dirs=include)]
    for level in levels():
        for loop in LOOPS:
            for name in types_of(loop, level):
                found.append(
                    Extension(
                        f"imgconv._loops.{level}.{name}.{loop}",
                        # A copy for each variant keeps the object files apart.
                        [str(BUILD / level / name / f"{loop}.c")],
                        include_dirs=include,
                        define_macros=[
                            ("REAL", REALS[name]),
                            *(
                                [("KEYS", str(KEYS[name]))]
                                if loop == "rank" and name in KEYS
                                else []
                            ),
                            ("NPY_NO_DEPRECATED_API", "NPY_1_25_API_VERSION"),
                        ],
                        extra_compile_args=[
                            *([] if level == "plain" else [f"-march=x86-64-{level}"]),
                            *LEVEL_FLAGS.get(level, []),
                            *LOOP_FLAGS.get(loop, []),
                        ],
                    )
                )
    return found


def write_medians(file: Path) -> None:
    """Write the medians that are code made of sorting networks, unless they are there already."""
    done = subprocess.run(
        [sys.executable, "pyx/medians.py"], capture_output=True, text=True, check=True
    )
    if not file.exists() or file.read_text() != done.stdout:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(done.stdout)


def cythonize_loops() -> None:
    """Translate each pyx once into BUILD, then lay the copies where `extensions` expects them."""
    sources = [Extension(name, [f"pyx/{name}.pyx"]) for name in [*LOOPS, "machine"]]
    write_medians(BUILD / "medians.pxi")
    cythonize(
        sources,
        include_path=["pyx", str(BUILD)],
        build_dir=str(BUILD),
        language_level=3,
        force=False,
        quiet=True,
    )
    for source in (BUILD / "pyx").glob("*.c"):
        targets = [BUILD]
        if source.stem != "machine":
            targets = [
                BUILD / level / name for level in levels() for name in types_of(source.stem, level)
            ]
        for folder in targets:
            folder.mkdir(parents=True, exist_ok=True)
            target = folder / source.name
            if not target.exists() or target.read_bytes() != source.read_bytes():
                shutil.copyfile(source, target)


class BuildLoops(build_ext):
    """build_ext that cythonizes first, builds in parallel and asks the compiler what it knows."""

    def finalize_options(self) -> None:
        super().finalize_options()
        self.parallel = self.parallel or os.cpu_count()

    def build_extensions(self) -> None:
        cythonize_loops()
        gnu = self.compiler.compiler_type == "unix"
        openmp = "-fopenmp" if gnu else "/openmp"
        flags = GNU_FLAGS if gnu else ["/O2"]
        if self.compiles(
            "#include <omp.h>\nint main(void) { return omp_get_max_threads(); }", openmp
        ):
            flags = [*flags, openmp]
            links = [openmp] if gnu else []
        else:
            print("imgconv: this compiler has no OpenMP; the filters will run on one thread")
            links = []
        if SANITIZERS:
            flags, links = [*flags, *SANITIZE_FLAGS], [*links, *SANITIZERS]
        elif gnu and os.uname().sysname == "Linux":
            links = [*links, "-s"]
        for extension in self.extensions:
            extension.extra_compile_args += flags
            extension.extra_link_args += links
        super().build_extensions()

    def copy_extensions_to_source(self) -> None:
        """Build in place: the folders of the levels are not in the source tree."""
        for extension in self.extensions:
            Path(*extension.name.split(".")[:-1]).mkdir(parents=True, exist_ok=True)
        super().copy_extensions_to_source()

    def compiles(self, program: str, flag: str) -> bool:
        """Whether a small program compiles and links with a flag."""
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "probe.c"
            source.write_text(program)
            try:
                objects = self.compiler.compile([str(source)], folder, extra_postargs=[flag])
                self.compiler.link_executable(
                    objects, str(Path(folder) / "probe"), extra_postargs=[flag]
                )
            except Exception:
                return False
            return True


os.chdir(ROOT)
setup(ext_modules=extensions(), cmdclass={"build_ext": BuildLoops})
